package server_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/markup"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	start    = chat.Time(1_500_000_000_000_000)
	second   = chat.Time(1_000_000)
	password = "tidal flats at dawn"
)

// world is a whole server with people and rooms.
type world struct {
	t       testing.TB
	path    string // of the database
	store   *counting
	db      *store.DB
	service *chat.Service
	files   *blob.Dir
	server  *server.Server
	end     func() // of the server
	url     string
	log     *lockedWriter
	hash    string // of the password, which is everybody's
	users   map[string]*chat.User
	rooms   map[string]*chat.Room
	n       int
}

func both(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, newWorld(t, filepath.Join(t.TempDir(), "godwit.db"))) })
	t.Run("Postgres", func(t *testing.T) { test(t, newWorld(t, testkit.Postgres(t))) })
}

func sqlite(t testing.TB) *world {
	return newWorld(t, filepath.Join(t.TempDir(), "godwit.db"))
}

var dist = fstest.MapFS{
	"index.html":          {Data: []byte("<!doctype html><title>Godwit</title>")},
	"index.html.gz":       {Data: []byte("zipped")},
	"assets/app-1.css":    {Data: []byte("body{}")},
	"assets/app-1.css.gz": {Data: []byte("zipped")},
	"assets/app-1.css.br": {Data: []byte("small")},
	"favicon.svg":         {Data: []byte("<svg/>")},
	"assets/app-12.js":    {Data: []byte("console.log(1)")},
	"assets/style-1.css":  {Data: []byte("a{}")},
}

func newWorld(t testing.TB, path string) *world {
	t.Helper()
	w := unpeopled(t, path)
	w.people()
	return w
}

// empty is a whole server that nobody is at yet.
func empty(t testing.TB) *world {
	t.Helper()
	return unpeopled(t, filepath.Join(t.TempDir(), "godwit.db"))
}

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

func unpeopled(t testing.TB, path string) *world {
	t.Helper()
	w := &world{t: t, path: path, log: &lockedWriter{b: &bytes.Buffer{}}, users: map[string]*chat.User{}, rooms: map[string]*chat.Room{}}
	var err error
	w.db, err = store.Open(context.Background(), store.Options{Path: path, Text: func(m *chat.Message) string { return markup.Text(m.Format, m.Text) }})
	w.must(err)
	t.Cleanup(func() { w.must(w.db.Close()) })
	w.files, err = blob.OpenDir(filepath.Join(t.TempDir(), "files"))
	w.must(err)
	files := w.files
	t.Cleanup(func() { w.must(files.Close()) })
	w.store = &counting{Store: w.db}
	w.service = server.NewService(w.store)
	w.service.Sealer, err = server.NewSealer(bytes.Repeat([]byte{7}, server.KeyLength))
	w.must(err)
	w.hash, err = w.service.Hash(context.Background(), password)
	w.must(err)
	w.serve(server.Config{Floods: true})
	return w
}

// serve starts the server, as it is configured beyond what all need.
func (w *world) serve(c server.Config) {
	w.t.Helper()
	c.Service, c.Files, c.Previews, c.Web, c.Database, c.Version = w.service, w.files, filepath.Join(w.t.TempDir(), "previews"), dist, "SQLite", "test"
	c.Log = slog.New(slog.NewTextHandler(w.log, nil))
	c.Move = live.Handler(live.NewDirect("test", w.store, w.files, "test").Seals(w.service.Sealer))
	c.Report = func(_ context.Context, name string) (server.Report, error) {
		if name != "flight" {
			return nil, chat.Errorf(chat.NotFound, "there is no move %s", name)
		}
		return reportOf(name), nil
	}
	s, err := server.New(c)
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	h := httptest.NewServer(s)
	w.server, w.url = s, h.URL
	w.end = sync.OnceFunc(func() {
		cancel()
		w.must(<-done)
		h.Close()
		w.must(s.Close())
	})
	w.t.Cleanup(w.end)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(objects ...chat.Object) {
	w.t.Helper()
	w.must(w.db.Update(context.Background(), func(tx chat.Tx) error { return tx.Put(objects...) }))
}

func key(kind, name string) chat.Key { return chat.DeriveKey(0, "test", kind, name) }

func (w *world) user(name string, role chat.Role) *chat.User {
	u := &chat.User{ID: chat.UserID(key("user", name)), Name: "The " + name, Mention: name, Email: name + "@Example.org", Role: role}
	w.users[name] = u
	w.put(u, &chat.Credential{User: u.ID, Type: "password", Secret: w.hash})
	return u
}

func (w *world) room(name string, typ chat.RoomType, state chat.RoomState, members ...string) *chat.Room {
	r := &chat.Room{ID: chat.RoomID(key("room", name)), Type: typ, State: state, Name: name}
	if typ == chat.RoomDirect || typ == chat.RoomGroup {
		r.Name = ""
	}
	w.rooms[name] = r
	w.put(r)
	for _, m := range members {
		w.put(&chat.Member{Room: r.ID, User: w.users[m].ID})
	}
	w.say(name, "member", "a secret of "+name)
	return r
}

// say puts a message into a room as if it had been imported.
func (w *world) say(room, author, text string) *chat.Message {
	w.n++
	sent := start + chat.Time(w.n)*second
	m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "test", "message", fmt.Sprint(w.n))), Room: w.rooms[room].ID, Author: w.users[author].ID, Sent: sent, Text: text}
	w.put(m)
	return m
}

// attach puts a message with a file into a room.
func (w *world) attach(room, name string, data []byte) *chat.File {
	w.t.Helper()
	hash, err := w.files.Put(context.Background(), bytes.NewReader(data), int64(len(data)))
	w.must(err)
	w.must(w.files.Flush(context.Background()))
	w.n++
	c := &chat.Content{ID: chat.ContentID(key("content", fmt.Sprint(w.n))), Hash: hash, Size: int64(len(data))}
	if p, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		c.Type, c.Width, c.Height = "image/png", p.Width, p.Height
	}
	sent := start + chat.Time(w.n)*second
	m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "test", "message", fmt.Sprint(w.n))), Room: w.rooms[room].ID, Author: w.users["member"].ID, Sent: sent, Text: "see the file"}
	f := &chat.File{ID: chat.FileID(key("file", fmt.Sprint(w.n))), Room: m.Room, Message: m.ID, Name: name, Contents: []chat.ContentID{c.ID}}
	m.Files = []chat.FileID{f.ID}
	w.put(c, f, m)
	return f
}

func (w *world) people() {
	for name, role := range map[string]chat.Role{
		"owner": chat.RoleOwner, "admin": chat.RoleAdmin, "member": chat.RoleMember, "outsider": chat.RoleMember, "guest": chat.RoleGuest,
		"left": chat.RoleMember, "ghost": chat.RolePlaceholder, "local": chat.RoleMember, "imported": chat.RoleMember,
	} {
		w.user(name, role)
	}
	left := *w.users["left"]
	left.Off = true
	w.put(&left, &chat.Match{Imported: w.users["imported"].ID, Local: w.users["local"].ID})
	for _, state := range []chat.RoomState{chat.RoomActive, chat.RoomArchived, chat.RoomDeleted} {
		for _, typ := range []chat.RoomType{chat.RoomOpen, chat.RoomPrivate, chat.RoomDirect, chat.RoomGroup} {
			w.room(string(typ)+string(state), typ, state, "member", "imported")
		}
	}
	w.room("guests", chat.RoomPrivate, chat.RoomActive, "guest", "member")
}

// as signs somebody in.
func (w *world) as(name string) *api.Client {
	w.t.Helper()
	c := api.NewClient(w.url)
	if _, err := c.SignIn(context.Background(), name, password); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return c
}

func (w *world) roomID(name string) string { return w.rooms[name].ID.String() }

// picture makes a PNG file.
func picture(w, h int) []byte {
	p := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p.Set(x, y, color.NRGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		panic(err)
	}
	return b.Bytes()
}
