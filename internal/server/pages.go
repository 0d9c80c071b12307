package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// mediaTypes of the web client's files: the machine's own list is not asked.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".json": "application/json", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
}

// page is one file of the web client, held in memory.
type page struct {
	name, typ, etag string
	data            []byte
	small           [len(smallForms)][]byte // nil where there is none
}

// smallForms are how the build compresses files, the smallest first.
var smallForms = [...]struct{ encoding, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// pages serves the web client: its files, and index.html for every other
// address, because the client finds its way itself.
type pages struct {
	files map[string]*page
	index *page
}

func newPages(dist fs.FS) (*pages, error) {
	p := &pages{files: map[string]*page{}}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		typ := mediaTypes[path.Ext(name)]
		if typ == "" {
			typ = bytesOf
		}
		p.files["/"+name] = &page{name: name, typ: typ, etag: hex.EncodeToString(sum[:16]), data: data}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, form := range smallForms {
		for name, f := range p.files {
			if plain, ok := strings.CutSuffix(name, form.ending); ok && p.files[plain] != nil {
				p.files[plain].small[i] = f.data
				delete(p.files, name)
			}
		}
	}
	if p.index = p.files["/index.html"]; p.index == nil {
		return nil, chat.Errorf(chat.Invalid, "the web client has no index.html").WithHint("build it with: make build")
	}
	delete(p.files, "/index.html")
	return p, nil
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "pages can only be read", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Security-Policy", pagePolicy)
	f := p.files[r.URL.Path]
	if f == nil {
		if strings.HasPrefix(r.URL.Path, "/assets/") {
			h.Set("Cache-Control", noStore)
			http.NotFound(w, r) // of another version: the page that names it must be loaded anew
			return
		}
		f = p.index
	}
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(r.URL.Path, "/assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	data, etag := f.data, f.etag
	h.Add("Vary", "Accept-Encoding")
	for i, form := range smallForms {
		if f.small[i] != nil && accepts(r, form.encoding) {
			h.Set("Content-Encoding", form.encoding)
			data, etag = f.small[i], etag+"-"+form.encoding
			break
		}
	}
	h.Set("Content-Type", f.typ)
	h.Set("Etag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func accepts(r *http.Request, encoding string) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			return strings.ReplaceAll(quality, " ", "") != "q=0"
		}
	}
	return false
}
