package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// site is a place in memory: a log of the last states of objects.
type site struct {
	log, epoch chat.Key
	pos        chat.Position
	items      []chat.Incoming // by position
	at         map[string]int
	files      map[string][]byte
	page       int // items to a cursor
	hook       func(n int)
}

func newSite() *site {
	return &site{log: key("log", 0), epoch: key("epoch", 0), at: map[string]int{}, files: map[string][]byte{}, page: 7}
}

func key(kind string, n int) chat.Key { return chat.DeriveKey(0, "test", kind, fmt.Sprint(n)) }

func (s *site) put(objects ...chat.Object) {
	for _, o := range objects {
		s.bring(chat.Incoming{Object: o})
	}
}

func (s *site) bring(in chat.Incoming) {
	s.pos++
	in.Pos = s.pos
	name := fmt.Sprint("nonce ", in.Pos)
	if in.Object != nil {
		name = fmt.Sprint(in.Object.Kind(), in.Object.Key())
	}
	if i, ok := s.at[name]; ok {
		s.items[i] = chat.Incoming{}
	}
	s.at[name] = len(s.items)
	s.items = append(s.items, in)
}

// file stores bytes, and a content of them.
func (s *site) file(n int, data []byte) *chat.Content {
	c := &chat.Content{ID: chat.ContentID(key("content", n))}
	if err := connect.ReadContent(c, bytes.NewReader(data), io.Discard); err != nil {
		panic(err)
	}
	s.files[c.Hash] = data
	s.put(c)
	return c
}

func (s *site) cursor(pos chat.Position) string {
	return chat.Cursor{LogID: s.log, Epoch: s.epoch, Pos: pos}.String()
}

func (s *site) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		from, err := chat.ParseCursor(after)
		if err != nil {
			yield(connect.Item{}, err)
			return
		}
		if from.Epoch != s.epoch {
			from.Pos = 0
		}
		for n := 0; n < len(s.items); n++ {
			in := s.items[n]
			if in.Pos <= from.Pos {
				continue
			}
			item := connect.Item{Incoming: in}
			if n%s.page == 0 || n == len(s.items)-1 {
				item.Cursor = s.cursor(in.Pos)
			}
			if !yield(item, ctx.Err()) {
				return
			}
			if s.hook != nil {
				s.hook(n)
			}
		}
		yield(connect.Item{Incoming: chat.Incoming{Pos: s.pos}, Cursor: s.cursor(s.pos)}, nil)
	}
}

func (s *site) Read(_ context.Context, hash string, offset int64) (io.ReadCloser, error) {
	data, ok := s.files[hash]
	if !ok {
		return nil, chat.Errorf(chat.NotFound, "no such file")
	}
	return io.NopCloser(bytes.NewReader(data[offset:])), nil
}

// filled is a site with some of everything.
func filled(messages int) *site {
	s := newSite()
	ann := &chat.User{ID: chat.UserID(key("user", 1)), Name: "Ann Tern", Email: "ann@example.org", Role: chat.RoleOwner}
	bob := &chat.User{ID: chat.UserID(key("user", 2)), Name: "Bob \"Knot\" <b>", Email: "bob@example.org", Role: chat.RoleMember}
	room := &chat.Room{ID: chat.RoomID(key("room", 1)), Type: chat.RoomOpen, Name: "Estuary", Topic: "tides\u2028and mud"}
	s.put(ann, bob, room, &chat.Member{Room: room.ID, User: ann.ID, Admin: true}, &chat.Member{Room: room.ID, User: bob.ID})
	for n := range messages {
		m := &chat.Message{ID: chat.MessageID(key("message", n)), Room: room.ID, Author: bob.ID, Sent: chat.Time(1_700_000_000_000_000 + int64(n)*1e9), Format: chat.FormatMarkdown,
			Text: fmt.Sprintf("the tide is at %d & rising <fast> 🐦 %x", n, sha256.Sum256([]byte{byte(n), byte(n >> 8)}))}
		if n%3 == 0 {
			m.Author, m.Type, m.Label, m.Color = ann.ID, chat.MessageNotification, "gauge", "green"
		}
		in := chat.Incoming{Object: m}
		if n%2 == 0 {
			in.Source, in.Src = "hipchat", chat.Digest(m)
			if n%4 == 0 {
				in.Src++
			}
		}
		s.bring(in)
		if n%10 == 0 {
			s.bring(chat.Incoming{Nonce: &chat.Nonce{Author: m.Author, Nonce: fmt.Sprint("n", n), Message: m.ID}})
		}
	}
	for n := range 4 {
		c := s.file(n, bytes.Repeat([]byte{byte('a' + n)}, 1+n*40_000))
		s.put(&chat.File{ID: chat.FileID(key("file", n)), Room: room.ID, Message: chat.MessageID(key("message", n)), Author: ann.ID, Name: "../../etc/passwd", Contents: []chat.ContentID{c.ID}})
	}
	s.put(&chat.Reaction{Message: chat.MessageID(key("message", 1)), User: ann.ID, Emoji: "🐦"},
		&chat.Pin{Room: room.ID, Message: chat.MessageID(key("message", 2)), User: ann.ID},
		&chat.Setting{Name: "name", Value: "Estuary"},
		&chat.Credential{User: ann.ID, Type: "password", Secret: "$argon2id$canary-of-secrets"})
	return s
}

var password = []byte("curlew")

func opener(p []byte) archive.Opener {
	return archive.Opener{Password: func(context.Context) ([]byte, error) { return p, nil }}
}

// plainly makes an archive that is not encrypted: no test need wait for scrypt.
func plainly(t *testing.T, where string) *archive.Archive {
	t.Helper()
	a, err := archive.Create(t.Context(), where, archive.Creation{Plain: true, Writer: "godwit test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func reopen(t *testing.T, where string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if err := a.Unlock(t.Context(), archive.Opener{}); err != nil {
		t.Fatal(err)
	}
	return a
}

func add(t *testing.T, a *archive.Archive, s *site) *archive.Added {
	t.Helper()
	added, err := a.Add(t.Context(), archive.Export{From: s, Title: "a test", Writer: "godwit test"})
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// restored reads a snapshot into a site.
func restored(t *testing.T, a *archive.Archive, snapshot int) *site {
	t.Helper()
	src, err := a.Source(t.Context(), snapshot, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := newSite()
	for item, err := range src.Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if item.Note != nil && item.Note.Kind != chat.NoteLoss {
			t.Fatalf("%+v", item.Note)
		}
		if item.Bytes != nil {
			data, err := io.ReadAll(item.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			out.files[item.Object.(*chat.Content).Hash] = data
		}
		if item.Object != nil || item.Nonce != nil {
			out.bring(item.Incoming)
		}
	}
	return out
}

// same compares two sites, positions aside.
func same(t *testing.T, want, got *site, secrets bool) {
	t.Helper()
	a, b := states(want, secrets), states(got, secrets)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("item %d was\n%s\nand is\n%s", i, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Fatalf("%d items were archived and %d came back", len(a), len(b))
	}
	for hash, data := range want.files {
		if !bytes.Equal(got.files[hash], data) {
			t.Errorf("the file %s came back as %d bytes, not %d", hash, len(got.files[hash]), len(data))
		}
	}
}

func states(s *site, secrets bool) []string {
	var list []string
	for _, in := range s.items {
		switch {
		case in.Nonce != nil:
			list = append(list, fmt.Sprintf("nonce %+v", *in.Nonce))
		case in.Object != nil && (secrets || !in.Object.Kind().Secret()):
			list = append(list, fmt.Sprintf("%s %s %q %x", in.Object.Kind(), chat.EncodeBody(in.Object), in.Source, in.Src))
		}
	}
	slices.Sort(list)
	return list
}
