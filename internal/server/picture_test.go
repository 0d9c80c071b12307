package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func (w *world) put2(c *api.Client, path string, body []byte) *http.Response {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPut, w.url+"/api/v1/"+path, bytes.NewReader(body))
	w.must(err)
	resp, err := c.HTTP.Do(req)
	w.must(err)
	w.must(resp.Body.Close())
	return resp
}

func (w *world) me(c *api.Client) api.Me {
	w.t.Helper()
	s, err := c.Start(w.t.Context())
	w.must(err)
	return s.Me
}

// animated makes a GIF of several pictures.
func animated(frames, side int) []byte {
	g := &gif.GIF{}
	for i := range frames {
		p := image.NewPaletted(image.Rect(0, 0, side, side), palette.Plan9)
		p.SetColorIndex(i%side, 0, uint8(i))
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestAvatarsAreSetAndTakenAway(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		path := "people/" + w.users["member"].ID.String() + "/avatar"
		if resp := w.put2(c, path, picture(900, 300)); resp.StatusCode != 200 {
			t.Fatal(resp.StatusCode)
		}
		url := w.me(c).Avatar
		resp, body := w.get(w.as("outsider"), url)
		p, err := jpeg.Decode(bytes.NewReader(body))
		if err != nil || resp.StatusCode != 200 || p.Bounds().Dx() != 256 || p.Bounds().Dy() != 256 {
			t.Fatalf("%q: %d %v", url, resp.StatusCode, err)
		}
		t.Run("another one takes its place, and nobody can see the old one", func(t *testing.T) {
			if resp := w.put2(c, path, picture(20, 20)); resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode)
			}
			if now := w.me(c).Avatar; now == url || now == "" {
				t.Errorf("still %q", now)
			}
			if resp, _ := w.get(c, url); resp.StatusCode != 404 {
				t.Errorf("the old one: %d", resp.StatusCode)
			}
		})
		t.Run("somebody else's only an administrator sets, and that is noted", func(t *testing.T) {
			if resp := w.put2(w.as("outsider"), path, picture(20, 20)); resp.StatusCode != 403 {
				t.Error(resp.StatusCode)
			}
			if resp := w.put2(w.as("admin"), path, picture(30, 30)); resp.StatusCode != 200 {
				t.Error(resp.StatusCode)
			}
			var list []*chat.Audit
			w.must(w.db.View(t.Context(), func(r chat.Reader) (err error) {
				list, err = chat.List[chat.Audit](r, chat.Query{})
				return err
			}))
			if len(list) != 1 || list[0].Action != "set avatar" {
				t.Errorf("%+v", list)
			}
			if resp := w.put2(api.NewClient(w.url), path, picture(30, 30)); resp.StatusCode != 401 {
				t.Error(resp.StatusCode)
			}
		})
		t.Run("it is taken away", func(t *testing.T) {
			url := w.me(c).Avatar
			w.must(c.Do(t.Context(), http.MethodDelete, path, nil, nil))
			if w.me(c).Avatar != "" {
				t.Error("it is still there")
			}
			if resp, _ := w.get(c, url); resp.StatusCode != 404 {
				t.Error(resp.StatusCode)
			}
		})
		t.Run("an imported one is left to others that have it", func(t *testing.T) {
			f := w.attach("open", "face.png", picture(9, 9))
			u, other := *w.users["member"], *w.users["local"]
			u.Avatar, other.Avatar = f.Contents[0], f.Contents[0]
			w.put(&u, &other)
			w.must(c.Do(t.Context(), http.MethodDelete, path, nil, nil))
			if resp, _ := w.get(c, "/api/v1/contents/"+f.Contents[0].String()); resp.StatusCode != 200 {
				t.Error(resp.StatusCode)
			}
		})
	})
}

// flood makes a JPEG file of a few bytes that claims many pixels, in one pass
// or several.
func flood(marker byte, w, h uint16) []byte {
	b := []byte{0xff, 0xd8, 0xff, marker, 0, 17, 8}
	b = binary.BigEndian.AppendUint16(b, h)
	b = binary.BigEndian.AppendUint16(b, w)
	return append(b, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0)
}

func TestHostilePictures(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	path := "people/" + w.users["member"].ID.String() + "/avatar"
	bomb := picture(8, 8)
	binary.BigEndian.PutUint32(bomb[16:], 60_000)
	binary.BigEndian.PutUint32(bomb[20:], 60_000)
	deep := bytes.Clone(bomb)
	binary.BigEndian.PutUint32(deep[16:], 7000)
	binary.BigEndian.PutUint32(deep[20:], 7000)
	deep[24] = 16 // bits of each colour: twice the memory
	for name, data := range map[string][]byte{
		"a flood of pixels": bomb, "one of few pixels with much in each": deep, "a JPEG that comes in passes": flood(0xc2, 6000, 6000), "words": []byte("hello"), "nothing": nil,
		"an SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "HTML": []byte("<html>"), "a PDF": []byte("%PDF-1.4"),
		"a cut one": picture(400, 400)[:500], "too many bytes": append(picture(9, 9), make([]byte, 8<<20)...), "a line": flood(0xc0, 65535, 65535),
	} {
		if resp := w.put2(c, path, data); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	t.Run("what hides behind a picture, or says where it was taken, is gone", func(t *testing.T) {
		jar := append(held(6, 64, 32), []byte("PK\x03\x04<script>alert(1)</script>")...)
		if resp := w.put2(c, path, jar); resp.StatusCode != 200 {
			t.Fatal(resp.StatusCode)
		}
		_, body := w.get(c, w.me(c).Avatar)
		if bytes.Contains(body, []byte("PK\x03\x04")) || bytes.Contains(body, []byte("Exif")) || bytes.Contains(body, []byte("script")) {
			t.Errorf("%q", body)
		}
		preview := w.attach("open", "small.jpg", jar)
		resp, body := w.get(c, "/api/v1/previews/"+preview.ID.String())
		if resp.StatusCode != 200 || bytes.Contains(body, []byte("Exif")) || bytes.Contains(body, []byte("script")) {
			t.Errorf("a preview: %d %q", resp.StatusCode, body)
		}
		if p, err := jpeg.Decode(bytes.NewReader(body)); err != nil || p.Bounds().Dx() != 32 || p.Bounds().Dy() != 64 {
			t.Errorf("a small preview is not turned: %v %v", p.Bounds(), err)
		}
	})
	t.Run("a file of them is a card", func(t *testing.T) {
		u := w.upload(c, "flood.png", bomb)
		m, err := c.PostFiles(t.Context(), w.roomID("open"), "", "nonce-of-flood", u.ID)
		w.must(err)
		if resp, _ := w.get(c, "/api/v1/previews/"+m.Files[0].ID); resp.StatusCode != 404 || m.Files[0].URL == "" {
			t.Errorf("%d %+v", resp.StatusCode, m.Files)
		}
	})
}

func TestPicturesOfManyKinds(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	var bitmap bytes.Buffer
	p := image.NewRGBA(image.Rect(0, 0, 30, 20))
	p.Set(1, 1, color.White)
	w.must(bmp.Encode(&bitmap, p))
	for name, data := range map[string][]byte{"a.bmp": bitmap.Bytes(), "a.gif": animated(3, 30), "a.jpg": held(1, 30, 20), "turned.jpg": held(8, 20, 30)} {
		u := w.upload(c, name, data)
		if u.Width != 30 {
			t.Errorf("%s has %d × %d", name, u.Width, u.Height)
		}
		m, err := c.PostFiles(t.Context(), w.roomID("open"), "", "nonce-of-"+name, u.ID)
		w.must(err)
		resp, body := w.get(c, m.Files[0].Preview)
		got, _, err := image.Decode(bytes.NewReader(body))
		if resp.StatusCode != 200 || err != nil || got.Bounds().Dx() != 30 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/") {
			t.Errorf("%s: %d %v", name, resp.StatusCode, err)
		}
	}
	t.Run("other kinds say what they are", func(t *testing.T) {
		for typ, data := range map[string]string{
			"image/heic": "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "video/quicktime": "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "audio/mp4": "\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00",
			"image/tiff": "II*\x00\x08\x00\x00\x00", "application/pdf": "%PDF-1.7", "text/plain": "hello", "text/html": "<html>",
		} {
			if u := w.upload(c, "x", []byte(data)); u.Type != typ {
				t.Errorf("%q is %s, not %s", data, u.Type, typ)
			}
		}
	})
}

func TestPolyglotsAreNoPages(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for i, data := range [][]byte{
		append(picture(4, 4), []byte("<html><script>alert(1)</script>")...), append(animated(1, 4), []byte("PK\x03\x04META-INF")...),
		[]byte("GIF89a/*<svg onload=alert(1)>*/=1;"), []byte("\x89PNG\r\n\x1a\n<script>alert(1)</script>"), []byte("\xef\xbb\xbf<html>"), []byte("\n\n  <!DOCTYPE HTML>"),
	} {
		u := w.upload(c, "x.html", data)
		m, err := c.PostFiles(t.Context(), w.roomID("open"), "", fmt.Sprint("nonce-of-glot-", i), u.ID)
		w.must(err)
		resp, body := w.get(c, m.Files[0].URL)
		h := resp.Header
		typ := h.Get("Content-Type")
		if !bytes.Equal(body, data) || typ != "image/png" && typ != "image/gif" && typ != "application/octet-stream" {
			t.Errorf("%q is %s", data[:8], typ)
		}
		if typ == "application/octet-stream" && !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") ||
			h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%q: %v", data[:8], h)
		}
	}
}

func TestEmoticonsMayMove(t *testing.T) {
	w := sqlite(t)
	for what, c := range map[string]struct {
		data []byte
		typ  string
		side int
	}{
		"a small animation": {animated(4, 32), "image/gif", 32}, "one of too many pictures": {animated(300, 8), "image/jpeg", 8}, "a large one": {animated(3, 200), "image/jpeg", 128},
		"a still one": {animated(1, 20), "image/jpeg", 20}, "a PNG": {picture(300, 100), "image/jpeg", 128},
	} {
		p, err := w.server.KeepEmoticon(context.Background(), c.data)
		if err != nil || p.Type != c.typ || p.Width != c.side {
			t.Errorf("%s: %+v %v", what, p, err)
		}
	}
}
