package server_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func (w *world) get(c *api.Client, path string, headers ...string) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	w.must(err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.HTTP.Do(req)
	w.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp, body
}

func TestFilesAreNeverPagesOfOurs(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for _, f := range []struct{ name, data, typ, disposition string }{
		{"page.html", "<!doctype html><script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"picture.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "application/octet-stream", "attachment"},
		{"picture.png", "<html><script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"data.xml", `<?xml version="1.0"?><x/>`, "application/octet-stream", "attachment"},
		{"notes.txt", "only words", "application/octet-stream", "attachment"},
		{"code.js", "alert(1)", "application/octet-stream", "attachment"},
		{"paper.pdf", "%PDF-1.4 and so on", "application/pdf", "attachment"},
		{"page.html", "GIF89a<script>alert(1)</script>", "image/gif", "inline"},
		{"real.html", string(picture(3, 3)), "image/png", "inline"},
		{"call.ogg", "OggS\x00" + strings.Repeat("x", 40), "application/ogg", "inline"},
		{"empty", "", "application/octet-stream", "attachment"},
	} {
		id := w.attach("open", f.name, []byte(f.data)).ID.String()
		resp, body := w.get(c, "/api/v1/files/"+id)
		h := resp.Header
		disposition, _, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if resp.StatusCode != 200 || err != nil || h.Get("Content-Type") != f.typ || disposition != f.disposition || string(body) != f.data {
			t.Errorf("%s: %d %q %q", f.name, resp.StatusCode, h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %v", f.name, h)
		}
	}
}

func TestHostileFileNames(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for name, want := range map[string]string{
		"report 2018.pdf": "report 2018.pdf", "Протокол №1.doc": "Протокол №1.doc", "日本語.txt": "日本語.txt", `a"b.txt`: `a"b.txt`,
		"../../etc/passwd": "_.._etc_passwd", `..\..\boot.ini`: `_.._boot.ini`, "a\r\nSet-Cookie: x=1.txt": "aSet-Cookie_ x=1.txt",
		"photo\u202egpj.exe": "photogpj.exe", "": "file", "...": "file", "a\x00b": "ab", "50%;.txt": "50%;.txt", "C:evil.exe": "C_evil.exe", "con.txt": "file con.txt", "NUL": "file NUL", "contract.txt": "contract.txt", "\xff\xfe": "file",
		strings.Repeat("長", 300) + ".pdf": "",
	} {
		id := w.attach("open", name, []byte("x")).ID.String()
		resp, _ := w.get(c, "/api/v1/files/"+id)
		_, p, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
		if err != nil || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%q: %v %q", name, err, resp.Header.Get("Content-Disposition"))
			continue
		}
		if got := p["filename"]; want != "" && got != want || len(got) > 200 || want == "" && !strings.HasSuffix(got, ".pdf") {
			t.Errorf("%q is called %q, want %q", name, got, want)
		}
	}
}

func TestFileRangesAndConditions(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	id := w.attach("private", "x.txt", []byte("0123456789")).ID.String()
	resp, body := w.get(c, "/api/v1/files/"+id, "Range", "bytes=2-4")
	if resp.StatusCode != http.StatusPartialContent || string(body) != "234" {
		t.Errorf("a range: %d %q", resp.StatusCode, body)
	}
	resp, _ = w.get(c, "/api/v1/files/"+id, "If-None-Match", resp.Header.Get("Etag"))
	if resp.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %d", resp.StatusCode)
	}
	if cc := resp.Header.Get("Cache-Control"); !strings.Contains(cc, "private") {
		t.Errorf("kept by %q", cc)
	}
	t.Run("one whose message was deleted is gone", func(t *testing.T) {
		f := w.attach("private", "y.txt", []byte("y"))
		w.must(w.db.Update(t.Context(), func(tx chat.Tx) error {
			m, err := chat.Get[chat.Message](tx, f.Message)
			if err != nil {
				return err
			}
			m.Gone, m.Text, m.Extra = true, "", chat.Extra{}
			return tx.Put(m)
		}))
		resp, _ := w.get(c, "/api/v1/files/"+f.ID.String())
		if resp.StatusCode != 404 {
			t.Error(resp.StatusCode)
		}
	})
	t.Run("one whose bytes did not arrive says so", func(t *testing.T) {
		f := w.attach("private", "lost.txt", []byte("z"))
		f.Contents = []chat.ContentID{chat.ContentID(key("content", "none"))}
		w.put(f)
		resp, body := w.get(c, "/api/v1/files/"+f.ID.String())
		if resp.StatusCode != 404 || !strings.Contains(string(body), "did not arrive") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		h, err := c.History(t.Context(), w.roomID("private"), "", 1)
		w.must(err)
		if got := h.Messages[0].Files[0]; !got.Missing || got.URL != "" || got.Name != "lost.txt" {
			t.Errorf("%+v", got)
		}
	})
}

func TestPreviews(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	get := func(data []byte) (*http.Response, image.Image) {
		id := w.attach("open", "p.png", data).ID.String()
		resp, body := w.get(c, "/api/v1/previews/"+id)
		p, _, err := image.Decode(bytes.NewReader(body))
		if resp.StatusCode == 200 && err != nil {
			t.Fatal(err)
		}
		return resp, p
	}
	resp, p := get(picture(2000, 500))
	if resp.StatusCode != 200 || p.Bounds().Dx() != 720 || p.Bounds().Dy() != 180 || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("a large one: %d %v %s", resp.StatusCode, p.Bounds(), resp.Header.Get("Content-Type"))
	}
	if resp, p = get(picture(100, 50)); resp.StatusCode != 200 || p.Bounds().Dx() != 100 {
		t.Errorf("a small one: %d %v", resp.StatusCode, p.Bounds())
	}
	bomb := picture(8, 8)
	binary.BigEndian.PutUint32(bomb[16:], 60_000) // its header's width and height
	binary.BigEndian.PutUint32(bomb[20:], 60_000)
	for name, data := range map[string][]byte{"a bomb": bomb, "words": []byte("no picture"), "an SVG": []byte("<svg/>"), "a cut one": picture(900, 900)[:2000], "nothing": nil} {
		if resp, _ := get(data); resp.StatusCode != 404 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	t.Run("a picture is turned as its camera was held", func(t *testing.T) {
		resp, p := get(held(6, 1600, 800))
		if resp.StatusCode != 200 || p.Bounds().Dx() != 360 || p.Bounds().Dy() != 720 {
			t.Fatalf("%d %v", resp.StatusCode, p.Bounds())
		}
		// The left half was red, and is on top now.
		if r, _, b, _ := p.At(180, 100).RGBA(); r < b {
			t.Error("the upper half is not what was left")
		}
	})
}

// held makes a JPEG file, red left and blue right, that says how it was held.
func held(how byte, w, h int) []byte {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{200, 0, 0, 255}
			if x >= w/2 {
				c = color.RGBA{0, 0, 200, 255}
			}
			p.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		panic(err)
	}
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), how, 0, 0, 0, 0, 0, 0)
	part := append([]byte{0xff, 0xe1, byte((len(exif) + 2) >> 8), byte(len(exif) + 2)}, exif...)
	return append(append(append([]byte{}, b.Bytes()[:2]...), part...), b.Bytes()[2:]...)
}

func TestAvatarsAndEmoticons(t *testing.T) {
	w := sqlite(t)
	f := w.attach("private", "secret.png", picture(20, 20))
	face := w.attach("private", "face.png", picture(30, 30))
	u := *w.users["member"]
	u.Avatar = face.Contents[0]
	w.put(&u, &chat.Emoticon{ID: chat.EmoticonID(key("emoticon", "1")), Shortcut: "Godwit", Content: face.Contents[0]})
	c := w.as("outsider")
	s, err := c.Start(t.Context())
	w.must(err)
	url := s.Emoticons["godwit"]
	resp, body := w.get(c, url)
	if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || len(body) == 0 {
		t.Errorf("%q: %d %v", url, resp.StatusCode, resp.Header)
	}
	for _, p := range s.People {
		if p.ID == u.ID.String() && p.Avatar != url {
			t.Errorf("the avatar is at %q", p.Avatar)
		}
	}
	t.Run("other contents are not to be had this way", func(t *testing.T) {
		resp, _ := w.get(c, "/api/v1/contents/"+f.Contents[0].String())
		if resp.StatusCode != 404 {
			t.Error(resp.StatusCode)
		}
	})
	t.Run("in a message it is a picture", func(t *testing.T) {
		w.say("open", "member", "look (godwit)")
		h, err := c.History(t.Context(), w.roomID("open"), "", 1)
		w.must(err)
		tree := h.Messages[0].Tree
		if len(tree) != 2 || tree[1].Type != "emoticon" || tree[1].URL != url {
			t.Errorf("%+v", tree)
		}
	})
	t.Run("an SVG is none", func(t *testing.T) {
		svg := w.attach("private", "a.svg", []byte("<svg/>"))
		w.must(w.db.Update(t.Context(), func(tx chat.Tx) error {
			o, err := chat.Get[chat.Content](tx, svg.Contents[0])
			if err != nil {
				return err
			}
			o.Type = "image/svg+xml"
			return tx.Put(o, &chat.Emoticon{ID: chat.EmoticonID(key("emoticon", "2")), Shortcut: "svg", Content: o.ID})
		}))
		s, err := c.Start(t.Context())
		w.must(err)
		if s.Emoticons["svg"] != "" {
			t.Error(s.Emoticons["svg"])
		}
		resp, _ := w.get(c, "/api/v1/contents/"+svg.Contents[0].String())
		if resp.Header.Get("Content-Type") == "image/svg+xml" || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
			t.Error(resp.Header)
		}
	})
}

func TestPages(t *testing.T) {
	w := sqlite(t)
	c := api.NewClient(w.url)
	for _, p := range []struct {
		path, body, cache string
		status            int
	}{
		{"/", "<!doctype html><title>Godwit</title>", "no-cache", 200}, {"/room/1/2", "<!doctype html><title>Godwit</title>", "no-cache", 200},
		{"/link/abc", "<!doctype html><title>Godwit</title>", "no-cache", 200}, {"/assets/app-12.js", "console.log(1)", "public, max-age=31536000, immutable", 200},
		{"/favicon.svg", "<svg/>", "no-cache", 200}, {"/assets/old.js", "404 page not found\n", "no-store", 404},
	} {
		resp, body := w.get(c, p.path, "Accept-Encoding", "identity")
		if resp.StatusCode != p.status || string(body) != p.body || resp.Header.Get("Cache-Control") != p.cache {
			t.Errorf("%s: %d %q %v", p.path, resp.StatusCode, body, resp.Header)
		}
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'; script-src 'self'; style-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %q", p.path, csp)
		}
	}
	for accepted, want := range map[string]string{"gzip, deflate, br": "br", "gzip, br;q=0": "gzip", "gzip": "gzip", "deflate": "", "": ""} {
		resp, body := w.get(c, "/assets/app-1.css", "Accept-Encoding", accepted)
		if resp.Header.Get("Content-Encoding") != want || string(body) != map[string]string{"br": "small", "gzip": "zipped", "": "body{}"}[want] {
			t.Errorf("to who accepts %q: %q as %q", accepted, body, resp.Header.Get("Content-Encoding"))
		}
	}
	resp, body := w.get(c, "/", "Accept-Encoding", "br, gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || string(body) != "zipped" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("compressed: %q %v", body, resp.Header)
	}
	resp, body = w.get(c, "/api/v1/nothing")
	if resp.StatusCode != 404 || !strings.Contains(string(body), `"kind":"not-found"`) {
		t.Errorf("an address of no call: %d %s", resp.StatusCode, body)
	}
	resp, body = w.get(c, "/readyz")
	if resp.StatusCode != 200 || !strings.Contains(string(body), `"state":"open"`) {
		t.Errorf("ready: %d %s", resp.StatusCode, body)
	}
	t.Run("answers of some length are compressed", func(t *testing.T) {
		resp, _ := w.get(w.as("member"), "/api/v1/start", "Accept-Encoding", "gzip")
		if resp.Header.Get("Content-Encoding") != "gzip" {
			t.Error(resp.Header)
		}
	})
}
