package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

func (w *world) upload(c *api.Client, name string, data []byte) api.Upload {
	w.t.Helper()
	u, err := c.Upload(w.t.Context(), name, bytes.NewReader(data), int64(len(data)))
	w.must(err)
	return u
}

func (w *world) began(c *api.Client, name string, size int64) (u api.Upload) {
	w.t.Helper()
	w.must(c.Do(w.t.Context(), http.MethodPost, "uploads", api.NewUpload{Name: name, Size: size}, &u))
	return u
}

func finish(c *api.Client, u api.Upload) (out api.Upload, err error) {
	return out, c.Do(context.Background(), http.MethodPost, "uploads/"+u.ID+"/finish", nil, &out)
}

func kind(t *testing.T, what string, err error, want chat.ErrorKind) {
	t.Helper()
	if !chat.IsKind(err, want) {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func TestFilesArePostedWithTheirMessage(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c := w.as("member")
		data := picture(40, 30)
		a, b := w.upload(c, "tide.png", data), w.upload(c, "empty.txt", nil)
		if !a.Done || a.Type != "image/png" || a.Width != 40 || a.Height != 30 || !b.Done || b.Type != "application/octet-stream" {
			t.Fatalf("%+v %+v", a, b)
		}
		m, err := c.PostFiles(ctx, w.roomID("private"), "", "a-nonce-of-mine", a.ID, b.ID)
		w.must(err)
		if len(m.Files) != 2 || m.Files[0].Name != "tide.png" || m.Files[0].Preview == "" || m.Files[1].Size != 0 || m.Files[1].Missing {
			t.Fatalf("%+v", m.Files)
		}
		resp, body := w.get(c, m.Files[0].URL)
		if resp.StatusCode != 200 || !bytes.Equal(body, data) {
			t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
		}
		t.Run("the same nonce again posts once", func(t *testing.T) {
			again, err := c.PostFiles(ctx, w.roomID("private"), "", "a-nonce-of-mine", a.ID, b.ID)
			if err != nil || again.ID != m.ID || len(again.Files) != 2 || again.Files[0].ID != m.Files[0].ID {
				t.Errorf("%+v %v", again, err)
			}
		})
		t.Run("a file is taken once", func(t *testing.T) {
			_, err := c.PostFiles(ctx, w.roomID("private"), "again", "another-nonce", a.ID)
			kind(t, "again", err, chat.NotFound)
			_, err = finish(c, a)
			kind(t, "finished again", err, chat.NotFound)
		})
		t.Run("who may not read the room gets none", func(t *testing.T) {
			resp, _ := w.get(w.as("outsider"), m.Files[0].URL)
			if resp.StatusCode != 404 {
				t.Error(resp.StatusCode)
			}
		})
		t.Run("nothing of it is left aside", func(t *testing.T) {
			var list api.Uploads
			w.must(c.Do(ctx, http.MethodGet, "uploads", nil, &list))
			if len(list.Uploads) != 0 || list.Most != 1_000_000_000 {
				t.Errorf("%+v", list)
			}
			if _, err := w.files.Arrived(must(chat.ParseKey(a.ID))); !chat.IsKind(err, chat.NotFound) {
				t.Error(err)
			}
		})
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestOnlyItsOwnerHasAnUpload(t *testing.T) {
	w := sqlite(t)
	c, other := w.as("member"), w.as("admin")
	u := w.upload(c, "mine.txt", []byte("mine"))
	half := w.began(c, "half.txt", 8)
	for what, err := range map[string]error{
		"look":   other.Do(t.Context(), http.MethodGet, "uploads/"+u.ID, nil, nil),
		"cancel": other.Do(t.Context(), http.MethodDelete, "uploads/"+u.ID, nil, nil),
		"finish": second2(finish(other, half)),
		"write":  second2(other.UploadPart(t.Context(), half, strings.NewReader("theirs"))),
		"post":   second2(other.PostFiles(t.Context(), w.roomID("open"), "", "nonce-of-other", u.ID)),
		"none":   other.Do(t.Context(), http.MethodGet, "uploads/x", nil, nil),
	} {
		kind(t, what, err, chat.NotFound)
	}
	if err := api.NewClient(w.url).Do(t.Context(), http.MethodPost, "uploads", api.NewUpload{Name: "x", Size: 1}, nil); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("nobody: %v", err)
	}
	t.Run("a message is posted with all of its files or not at all", func(t *testing.T) {
		_, err := c.PostFiles(t.Context(), w.roomID("open"), "both", "nonce-of-both", u.ID, half.ID)
		kind(t, "half a file", err, chat.Conflict)
		h, err := c.History(t.Context(), w.roomID("open"), "", 5)
		w.must(err)
		if len(h.Messages) != 1 {
			t.Errorf("%+v", h.Messages)
		}
		if _, err := c.PostFiles(t.Context(), w.roomID("open"), "both", "nonce-of-both", u.ID); err != nil {
			t.Errorf("without the half: %v", err)
		}
	})
	t.Run("nor does it come into a room that one may not write in", func(t *testing.T) {
		u := w.upload(c, "x", []byte("quite another text"))
		_, err := c.PostFiles(t.Context(), w.roomID("openarchived"), "", "nonce-archived", u.ID)
		kind(t, "an archived room", err, chat.Denied)
		_, err = w.as("outsider").PostFiles(t.Context(), w.roomID("private"), "", "nonce-private", u.ID)
		kind(t, "a private room", err, chat.NotFound)
	})
	t.Run("twice in one message is refused", func(t *testing.T) {
		_, err := c.PostFiles(t.Context(), w.roomID("open"), "", "nonce-of-twice", half.ID, half.ID)
		kind(t, "twice", err, chat.Invalid)
	})
}

func second2[T any](_ T, err error) error { return err }

func TestPartsOfUploads(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	ctx := t.Context()
	u := w.began(c, "x.bin", 10)
	part := func(offset int64, text string) (api.Upload, error) {
		at := u
		at.Offset = offset
		return c.UploadPart(ctx, at, strings.NewReader(text))
	}
	_, err := part(3, "abc")
	kind(t, "a hole", err, chat.Conflict)
	_, err = part(11, "a")
	kind(t, "behind the end", err, chat.Invalid)
	got, err := part(0, "0123")
	if err != nil || got.Offset != 4 {
		t.Fatalf("%+v %v", got, err)
	}
	_, err = part(0, "0123")
	kind(t, "the same part again", err, chat.Conflict)
	_, err = finish(c, u)
	kind(t, "finished too early", err, chat.Conflict)
	_, err = part(4, "456789 and more than was said")
	kind(t, "more than was said", err, chat.Invalid)
	w.must(c.Do(ctx, http.MethodGet, "uploads/"+u.ID, nil, &got))
	if got.Offset != 4 {
		t.Errorf("of a part that was too long %d bytes were kept", got.Offset-4)
	}
	if _, err = part(4, "456789"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err = finish(c, u); err != nil || !got.Done {
			t.Fatal(err)
		}
	}
	_, err = part(10, "x")
	kind(t, "after the end", err, chat.Conflict)
	m, err := c.PostFiles(ctx, w.roomID("open"), "", "nonce-of-parts", u.ID)
	w.must(err)
	if _, body := w.get(c, m.Files[0].URL); string(body) != "0123456789" {
		t.Errorf("%q", body)
	}
}

// slowly is a body that gives its bytes, and then nothing until it is let go.
type slowly struct {
	io.Reader
	reached chan struct{}
	once    sync.Once
	held    chan struct{}
}

func (s *slowly) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		s.once.Do(func() { close(s.reached) })
		<-s.held
		return n, errors.New("the line was cut")
	}
	return n, err
}

func TestTwoPartsAtOnce(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	u := w.began(c, "x.bin", 100_000)
	hanging := &slowly{Reader: bytes.NewReader(bytes.Repeat([]byte("a"), 60_000)), reached: make(chan struct{}), held: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		_, err := c.UploadPart(t.Context(), u, hanging)
		done <- err
	}()
	<-hanging.reached
	// The same person, who believes that the line is cut, asks where to go on.
	for {
		at := u
		w.must(c.Do(t.Context(), http.MethodGet, "uploads/"+u.ID, nil, &at))
		rest := bytes.Repeat([]byte("b"), int(u.Size-at.Offset))
		got, err := c.UploadPart(t.Context(), at, bytes.NewReader(rest))
		if err == nil {
			if got.Offset != u.Size {
				t.Errorf("%+v", got)
			}
			break
		}
		if !chat.IsKind(err, chat.Conflict) {
			t.Fatal(err, w.logged())
		} // what was on its way was written first
	}
	close(hanging.held)
	if err := <-done; err == nil {
		t.Error("the part that hung went well")
	}
	if _, err := finish(c, u); err != nil {
		t.Error(err)
	}
}

func TestAnUploadGoesOnAfterTheServerEnded(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	data := bytes.Repeat([]byte("godwits fly far. "), 1000)
	u := w.began(c, "far.txt", int64(len(data)))
	cut := &slowly{Reader: bytes.NewReader(data[:9000]), reached: make(chan struct{}), held: make(chan struct{})}
	close(cut.held)
	if _, err := c.UploadPart(t.Context(), u, cut); err == nil {
		t.Fatal("a part whose line was cut went well")
	}
	// Another server of the same place: it remembers no hash.
	files, err := blob.OpenDir(w.files.Path())
	w.must(err)
	w.files, w.service.Bytes = files, files
	t.Cleanup(func() { w.must(files.Close()) })
	w.serve(server.Config{})
	c = w.as("member")
	for deadline := 0; u.Offset == 0 && deadline < 1000; deadline++ {
		w.must(c.Do(t.Context(), http.MethodGet, "uploads/"+u.ID, nil, &u))
	}
	if u.Offset != 9000 {
		t.Fatalf("%d bytes are here", u.Offset)
	}
	u, err = c.UploadPart(t.Context(), u, bytes.NewReader(data[9000:]))
	w.must(err)
	u, err = finish(c, u)
	w.must(err)
	m, err := c.PostFiles(t.Context(), w.roomID("open"), "", "nonce-of-far", u.ID)
	w.must(err)
	if _, body := w.get(c, m.Files[0].URL); !bytes.Equal(body, data) {
		t.Errorf("%d bytes came back", len(body))
	}
}

func TestLimitsOfUploads(t *testing.T) {
	w := sqlite(t)
	ctx := t.Context()
	c := w.as("member")
	w.must(w.service.SetSetting(ctx, chat.Operator(), chat.SettingFileLimit, "1"))
	if _, err := w.service.Roster(ctx); err != nil {
		t.Fatal(err)
	}
	begin := func(c *api.Client, size int64) error {
		return c.Do(ctx, http.MethodPost, "uploads", api.NewUpload{Name: "x", Size: size}, nil)
	}
	kind(t, "a file over the limit", begin(c, 1_000_001), chat.Invalid)
	kind(t, "a file of less than nothing", begin(c, -1), chat.Invalid)
	kind(t, "a file of all numbers", begin(c, 1<<62), chat.Full)
	for range 4 {
		if err := begin(c, 1_000_000); err != nil {
			t.Fatal(err)
		}
	}
	kind(t, "more than may wait", begin(c, 1_000_000), chat.TooMany)
	if err := begin(w.as("outsider"), 1_000_000); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	t.Run("what is cancelled counts no more", func(t *testing.T) {
		var list api.Uploads
		w.must(c.Do(ctx, http.MethodGet, "uploads", nil, &list))
		w.must(c.Do(ctx, http.MethodDelete, "uploads/"+list.Uploads[0].ID, nil, nil))
		if err := begin(c, 1_000_000); err != nil {
			t.Error(err)
		}
	})
	t.Run("the number of files counts, too", func(t *testing.T) {
		var err error
		admin := w.as("admin")
		for i := 0; i < 200 && err == nil; i++ {
			err = begin(admin, 0)
		}
		kind(t, "200 files", err, chat.TooMany)
	})
	t.Run("so many files are no message", func(t *testing.T) {
		ids := make([]string, 21)
		for i := range ids {
			ids[i] = key("upload", fmt.Sprint(i)).String()
		}
		_, err := c.PostFiles(ctx, w.roomID("open"), "", "nonce-of-many", ids...)
		kind(t, "21 files", err, chat.Invalid)
	})
}

func TestNamesOfUploads(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for name, want := range map[string]string{
		"photo\u202egpj.exe": "photogpj.exe", "../../etc/passwd": ".._.._etc_passwd", `C:\boot.ini`: "C:_boot.ini", "a\x00b\n": "ab", "": "file", "...": "file", " \t": "file",
		"日本語 🏳️‍🌈.txt": "日本語 🏳️‍🌈.txt", "\u2066x\u2069\u200f": "x", "CON": "CON", "a\u2028b": "ab",
	} {
		if u := w.began(c, name, 1); u.Name != want {
			t.Errorf("%q is %q, want %q", name, u.Name, want)
		}
	}
	err := c.Do(t.Context(), http.MethodPost, "uploads", api.NewUpload{Name: strings.Repeat("長", 10_000), Size: 1}, nil)
	kind(t, "10,000 letters", err, chat.Invalid)
	for what, body := range map[string]string{
		"a lone surrogate": `{"name":"\ud800","size":1}`, "invalid UTF-8": "{\"name\":\"\xff\",\"size\":1}", "a size of words": `{"name":"x","size":"1"}`,
		"half a byte": `{"name":"x","size":1.5}`, "an unknown field": `{"name":"x","size":1,"owner":"y"}`, "a name twice": `{"name":"x","name":"y","size":1}`,
	} {
		req, err := http.NewRequest(http.MethodPost, w.url+"/api/v1/uploads", strings.NewReader(body))
		w.must(err)
		resp, err := c.HTTP.Do(req)
		w.must(err)
		if resp.Body.Close(); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
	}
}

func TestExpiredUploadsAreSwept(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	u := w.upload(c, "late.txt", []byte("late"))
	id := must(chat.ParseID[chat.Upload](u.ID))
	w.must(w.db.Update(t.Context(), func(tx chat.Tx) error {
		o, err := chat.Get[chat.Upload](tx, id)
		if err == nil {
			o.Expires = 1
			err = tx.Put(o)
		}
		return err
	}))
	_, err := c.PostFiles(t.Context(), w.roomID("open"), "", "nonce-of-late", u.ID)
	kind(t, "an expired one", err, chat.NotFound)
	if n, err := w.service.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if list, err := w.service.Unused(t.Context(), []chat.Key{chat.Key(id)}); len(list) != 1 || err != nil {
		t.Errorf("%v %v", list, err)
	}
	kept := w.upload(c, "kept.txt", []byte("kept"))
	if list, err := w.service.Unused(t.Context(), []chat.Key{must(chat.ParseKey(kept.ID))}); len(list) != 0 || err != nil {
		t.Errorf("one that is waited for: %v %v", list, err)
	}
}

func TestTheSameBytesTwiceTellNothing(t *testing.T) {
	w := sqlite(t)
	data := []byte("the merger is on the ninth")
	a := w.as("member")
	_, err := a.PostFiles(t.Context(), w.roomID("private"), "", "nonce-of-first", w.upload(a, "secret.txt", data).ID)
	w.must(err)
	// Whoever sends the same bytes has to send all of them, and is told the
	// same as about any others.
	b := w.as("outsider")
	same, other := w.began(b, "guess.txt", int64(len(data))), w.began(b, "guess.txt", int64(len(data)))
	for _, u := range []*api.Upload{&same, &other} {
		if u.Offset != 0 || u.Done {
			t.Errorf("%+v", u)
		}
		if _, err := finish(b, *u); !chat.IsKind(err, chat.Conflict) {
			t.Error(err)
		}
	}
	same, err = b.UploadPart(t.Context(), same, bytes.NewReader(data))
	w.must(err)
	other, err = b.UploadPart(t.Context(), other, strings.NewReader(strings.Repeat("x", len(data))))
	w.must(err)
	same, _ = finish(b, same)
	other, _ = finish(b, other)
	same.ID, other.ID, same.Expires, other.Expires, same.Type, other.Type = "", "", 0, 0, "", ""
	if same != other {
		t.Errorf("%+v and %+v", same, other)
	}
}
