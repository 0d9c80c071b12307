package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// both runs a test over both databases. again opens the same one once more.
func both(t *testing.T, test func(t *testing.T, path string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "godwit.db")) })
	t.Run("Postgres", func(t *testing.T) { test(t, testkit.Postgres(t)) })
}

func open(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func ctx(t testing.TB) context.Context { return t.Context() }

// id makes the ID of test object n.
func key(kind string, n int) chat.Key { return chat.DeriveKey(0, "test", kind, fmt.Sprint(n)) }

const second = chat.Time(1_000_000)

const start = chat.Time(1_400_000_000_000_000)

func userN(n int) *chat.User {
	return &chat.User{ID: chat.UserID(key("user", n)), Name: fmt.Sprintf("Üser %d", n), Mention: fmt.Sprintf("u%d", n),
		Email: fmt.Sprintf("User.%d@Example.org", n), Role: chat.RoleMember}
}

func roomN(n int) *chat.Room {
	return &chat.Room{ID: chat.RoomID(key("room", n)), Type: chat.RoomOpen, Name: fmt.Sprintf("Room %d", n)}
}

func messageN(n, room int) *chat.Message {
	sent := start + chat.Time(n)*second
	return &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "test", "message", fmt.Sprint(n))), Room: roomN(room).ID, Author: userN(n % 3).ID,
		Sent: sent, Text: fmt.Sprintf("message %d of room%d", n, room)}
}

func incoming(objects ...chat.Object) []chat.Incoming {
	list := make([]chat.Incoming, len(objects))
	for i, o := range objects {
		list[i].Object = o
	}
	return list
}

// mover applies batches one after the other.
type mover struct {
	t     testing.TB
	db    chat.Store
	state chat.MoveState
	n     int
}

func begin(t testing.TB, db chat.Store, artefact string) *mover {
	t.Helper()
	state, err := db.Begin(ctx(t), chat.MoveSpec{Name: "move", Source: "hq", Artefact: artefact, Fingerprint: []string{"user 1 2014"}})
	if err != nil {
		t.Fatal(err)
	}
	return &mover{t: t, db: db, state: state}
}

func (m *mover) batch(items []chat.Incoming) chat.Batch {
	m.n++
	return chat.Batch{Move: "move", Fence: m.state.Fence, From: m.state.Cursor, To: fmt.Sprintf("%s:%d", m.state.Artefact, m.n), Items: items}
}

func (m *mover) send(b chat.Batch) chat.Applied {
	m.t.Helper()
	a, err := m.db.Apply(ctx(m.t), b)
	if err != nil {
		m.t.Fatal(err)
	}
	m.state.Cursor = b.To
	return a
}

func (m *mover) apply(objects ...chat.Object) chat.Applied {
	m.t.Helper()
	return m.send(m.batch(incoming(objects...)))
}

func (m *mover) done() {
	m.t.Helper()
	b := m.batch(nil)
	b.Done = true
	m.send(b)
}

func put(t testing.TB, db chat.Store, objects ...chat.Object) {
	t.Helper()
	if err := db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(objects...) }); err != nil {
		t.Fatal(err)
	}
}

func head(t testing.TB, db chat.Store) chat.Head {
	t.Helper()
	var h chat.Head
	if err := db.View(ctx(t), func(r chat.Reader) (err error) { h, err = r.Head(); return err }); err != nil {
		t.Fatal(err)
	}
	return h
}

func get[T any, P interface {
	*T
	chat.Object
}](t testing.TB, db chat.Store, id chat.ID[T]) P {
	t.Helper()
	var o P
	if err := db.View(ctx(t), func(r chat.Reader) (err error) { o, err = chat.Get[T, P](r, id); return err }); err != nil {
		t.Fatal(err)
	}
	return o
}

func changes(t testing.TB, db chat.Store, after chat.Position, limit int) ([]chat.Change, chat.Position) {
	t.Helper()
	var list []chat.Change
	var next chat.Position
	err := db.View(ctx(t), func(r chat.Reader) (err error) { list, next, err = r.Changes(after, limit); return err })
	if err != nil {
		t.Fatal(err)
	}
	return list, next
}

func searchFor(t testing.TB, db chat.Store, q chat.SearchQuery) []string {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 50
	}
	found, err := db.Search(ctx(t), q)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, m := range found {
		texts = append(texts, m.Text)
	}
	return texts
}

func indexAll(t testing.TB, db chat.Store) {
	t.Helper()
	for {
		n, err := db.Index(ctx(t), 100_000)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}
