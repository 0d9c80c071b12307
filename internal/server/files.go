package server

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/godwit-chat/godwit/internal/chat"
)

// shown are the media types that a browser may show, because they cannot act:
// no SVG, no HTML, no PDF. Everything else is a download of bytes.
var shown = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true,
	"audio/mpeg": true, "audio/wave": true, "application/ogg": true, "audio/aiff": true, "audio/mp4": true,
	"video/mp4": true, "video/webm": true, "video/quicktime": true,
}

// isPicture reports whether a media type is of pictures that are drawn.
func isPicture(typ string) bool { return strings.HasPrefix(typ, "image/") && shown[typ] }

// hasPreview reports whether a media type is of pictures that previews are
// made of.
func hasPreview(typ string) bool {
	return isPicture(typ) || typ == "image/bmp" || typ == "image/tiff"
}

const (
	forEver = "private, max-age=31536000, immutable"
	aWhile  = "private, max-age=3600"
	bytesOf = "application/octet-stream"
	// sniffed is how much of a file its type is found from.
	sniffed = 512
)

// serveBytes sends the bytes of a hash. What they are is found in them, not
// believed. Ranges and conditions are the standard library's.
func (r *request) serveBytes(f *os.File, hash, name, cache string) error {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	typ := mediaType(head[:n])
	h := r.w.Header()
	disposition := "attachment"
	if shown[typ] {
		disposition = "inline"
	} else if typ != "application/pdf" {
		typ = bytesOf
	}
	if name != "" {
		disposition += "; " + fileName(name)
	}
	h.Set("Content-Type", typ)
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Security-Policy", dataPolicy)
	h.Set("Cache-Control", cache)
	h.Set("Etag", `"`+hash+`"`)
	_ = http.NewResponseController(r.w).SetWriteDeadline(time.Time{}) // a large file to a slow phone takes as long as it takes
	http.ServeContent(r.w, r.Request, "", time.Time{}, f)
	return nil
}

const longestFileName = 200 // bytes

// reserved are names that Windows takes for devices, whatever comes after
// their dot.
var reserved = map[string]bool{
	"CON": true, "PRN": true, "AUX": true, "NUL": true, "COM1": true, "COM2": true, "COM3": true, "COM4": true, "COM5": true, "COM6": true, "COM7": true,
	"COM8": true, "COM9": true, "LPT1": true, "LPT2": true, "LPT3": true, "LPT4": true, "LPT5": true, "LPT6": true, "LPT7": true, "LPT8": true, "LPT9": true,
}

// fileName writes a file's name for a header (RFC 6266): once in plain
// letters, and once as it is. Names come from anybody: what could break the
// header, leave the folder or turn the name round is left out.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		case r == '/' || r == '\\' || r == ':':
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(strings.TrimSpace(name), ".")
	for len(name) > longestFileName {
		// The end says what it is: the middle goes.
		cut := []rune(name)
		half := len(cut) / 2
		name = string(cut[:half-1]) + string(cut[half+1:])
	}
	if stem, _, _ := strings.Cut(name, "."); name == "" || reserved[strings.ToUpper(strings.TrimSpace(stem))] {
		name = "file " + name
	}
	name = strings.TrimSpace(name)
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '%' || r == ';' {
			return '_'
		}
		return r
	}, name)
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return `filename="` + plain + `"; filename*=UTF-8''` + b.String()
}

// file sends the bytes of a file in a message.
func (s *Server) file(r *request) (any, error) {
	fid, err := id[chat.File](r)
	if err != nil {
		return nil, err
	}
	v, err := s.Service.File(r.Context(), r.actor, fid)
	if err != nil {
		return nil, err
	}
	f, err := s.Files.Open(v.Content.Hash)
	if err != nil {
		return nil, gone(err, v.Name)
	}
	defer f.Close() //nolint:errcheck // only read
	return nil, r.serveBytes(f, v.Content.Hash, cmp.Or(v.Name, "file"), aWhile)
}

// gone says it in the words of people if bytes are not where they should be.
func gone(err error, name string) error {
	if chat.IsKind(err, chat.NotFound) {
		return chat.Errorf(chat.NotFound, "the bytes of %q are not here", name).WithHint("an administrator can import them again, with --files-only")
	}
	return err
}

// content sends an avatar or an emoticon.
func (s *Server) content(r *request) (any, error) {
	cid, err := id[chat.Content](r)
	if err != nil {
		return nil, err
	}
	c, err := s.Service.Picture(r.Context(), cid)
	if err == nil && !r.actor.SeesPicture(cid) {
		err = chat.Errorf(chat.NotFound, "there is no such picture")
	}
	if err != nil {
		return nil, err
	}
	f, err := s.Files.Open(c.Hash)
	if err != nil {
		return nil, gone(err, "this picture")
	}
	defer f.Close() //nolint:errcheck // only read
	cache := aWhile
	if v := r.URL.Query().Get("v"); len(v) >= 16 && strings.HasPrefix(c.Hash, v) {
		cache = forEver
	}
	return nil, r.serveBytes(f, c.Hash, "", cache)
}

// preview sends a small picture of a file.
func (s *Server) preview(r *request) (any, error) {
	fid, err := id[chat.File](r)
	if err != nil {
		return nil, err
	}
	v, err := s.Service.File(r.Context(), r.actor, fid)
	if err != nil {
		return nil, err
	}
	if s.previews == nil {
		return nil, chat.Errorf(chat.NotFound, "this server makes no previews")
	}
	f, name, err := s.previews.open(r.Context(), v.Content.Hash)
	if err != nil {
		return nil, gone(err, v.Name)
	}
	defer f.Close() //nolint:errcheck // only read
	return nil, r.serveBytes(f, name, "", aWhile)
}
