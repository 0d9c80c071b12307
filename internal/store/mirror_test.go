package store_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// receive makes a place one that becomes like another.
func receive(t testing.TB, db *store.DB) {
	t.Helper()
	db.SetPair(chat.Pair{Move: "move", Own: head(t, db).Pos})
	govern(t, db, func(s *chat.Standing) { s.State = chat.Receiving })
}

// exported reads a place from a position to its head.
func exported(t testing.TB, db chat.Exporter, after chat.Position, limit int) (list []chat.Incoming, end chat.Position) {
	t.Helper()
	for done := false; !done; {
		page, next, last, err := db.Export(ctx(t), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page {
			if it.Pos <= after || it.Pos > next {
				t.Fatalf("an item at %d in a page from %d to %d", it.Pos, after, next)
			}
		}
		list, after, done = append(list, page...), next, last
	}
	return list, after
}

// carry mirrors what changed at one place after a position to the other.
func carry(t testing.TB, from chat.Exporter, to *mover, after chat.Position, limit int) (a chat.Applied, end chat.Position) {
	t.Helper()
	a.Counts = chat.Counts{}
	for done := false; !done; {
		page, next, last, err := from.Export(ctx(t), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		b := to.batch(page)
		b.Mirror = true
		one := to.send(b)
		a.Counts.Add(one.Counts)
		a.Pos, after, done = one.Pos, next, last
	}
	return a, after
}

// whole is all that a place is, but positions and what is its own.
func whole(t testing.TB, db chat.Store) map[string]string {
	t.Helper()
	list, _ := exported(t, db.(chat.Exporter), 0, 10_000)
	all := map[string]string{}
	for _, it := range list {
		if it.Nonce != nil {
			all[fmt.Sprint("nonce ", it.Nonce.Author, it.Nonce.Nonce)] = it.Nonce.Message.String()
			continue
		}
		text, err := json.Marshal(it.Object)
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(it.Object.Kind(), " ", it.Object.Key())] = fmt.Sprintf("%s %q %x", text, it.Source, it.Src)
	}
	return all
}

func sameWhole(t testing.TB, one, two chat.Store) {
	t.Helper()
	a, b := whole(t, one), whole(t, two)
	for k, v := range a {
		if b[k] != v {
			t.Errorf("%s: %s, and at the other place %s", k, v, b[k])
		}
		delete(b, k)
	}
	for k, v := range b {
		t.Errorf("%s is only at the other place: %s", k, v)
	}
	q := chat.TallyQuery{Mirror: true, Days: []chat.RoomID{roomN(1).ID}, Kinds: []chat.Kind{chat.KindReadMark},
		Lists: []chat.RoomDay{{Room: roomN(1).ID, Day: start.Day()}}, Keyed: func(o chat.Object) uint64 { return chat.Digest(o) + 1 }}
	var sums []string
	for _, db := range []chat.Store{one, two} {
		for q.Level = chat.L1; q.Level <= chat.L2; q.Level++ {
			inv, err := db.Tally(ctx(t), q)
			if err != nil || inv.At.Pos != head(t, db).Pos {
				t.Fatal(inv.At, err)
			}
			inv.At = chat.Cursor{}
			sums = append(sums, fmt.Sprint(inv))
		}
	}
	for _, s := range sums[1:] {
		if s != sums[0] {
			t.Errorf("tallies differ:\n%s\n%s", sums[0], s)
		}
	}
}

// A place with something of every way it may have come: from a source, changed
// since, deleted, made here, with nonces, and read marks.
func mixed(t testing.TB, db *store.DB) {
	t.Helper()
	m := begin(t, db, "one")
	m.apply(userN(1), userN(2), roomN(1), messageN(1, 1), messageN(2, 1), messageN(3, 1),
		&chat.Credential{User: userN(1).ID, Type: "password", Secret: "$argon2id$1"})
	m.done()
	edited, deleted := messageN(1, 1), messageN(2, 1)
	edited.Text = "edited here"
	deleted.Text, deleted.Gone = "", true
	put(t, db, edited, deleted, userN(3), messageN(4, 1), &chat.ReadMark{Room: roomN(1).ID, User: userN(1).ID, Read: 7},
		&chat.Token{ID: chat.ID[chat.Token](key("token", 1)), Hash: "abc", Scopes: []chat.Scope{chat.ScopeAdmin}},
		&chat.Bookmark{Name: "mine"}, &chat.Upload{ID: chat.UploadID(key("upload", 1)), Name: "on its way"})
	for n := range 3 {
		post(t, db, n)
	}
}

// post writes a message with a nonce; again with the same number writes none.
func post(t testing.TB, db chat.Store, n int) (id chat.MessageID) {
	t.Helper()
	err := db.Update(ctx(t), func(tx chat.Tx) (err error) {
		made := chat.MessageID(tx.NewKey())
		if id, err = tx.Once(userN(1).ID, fmt.Sprint("nonce ", n), made); err != nil || id != made {
			return err
		}
		return tx.Put(&chat.Message{ID: id, Room: roomN(1).ID, Author: userN(1).ID, Sent: tx.Now(), Text: fmt.Sprint("posted ", n)})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// other is an empty place in the other database.
func other(t testing.TB, path string) string {
	t.Helper()
	if strings.HasPrefix(path, "postgres://") {
		return filepath.Join(t.TempDir(), "other.db")
	}
	return testkit.Postgres(t)
}

func TestMirror(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		bPath := other(t, path)
		a, b := open(t, path), open(t, bPath)
		mixed(t, a)
		put(t, b, userN(90), &chat.Token{ID: chat.ID[chat.Token](key("token", 9)), Hash: "own", Scopes: []chat.Scope{chat.ScopeMove}})
		receive(t, b)
		m := begin(t, b, "live")
		_, end := carry(t, a, m, 0, 3)
		t.Run("the export of a place, applied, is the place", func(t *testing.T) { sameWhole(t, a, b) })
		t.Run("applied twice is once, and takes no positions", func(t *testing.T) {
			before := head(t, b).Pos
			again, _ := carry(t, a, m, 0, 1000)
			for kind, n := range again.Counts {
				if n.Written != 0 || n.Conflict != 0 {
					t.Error(kind, n)
				}
			}
			if got := head(t, b).Pos; got != before {
				t.Errorf("the head went from %d to %d", before, got)
			}
		})
		t.Run("what signs in to look while the place receives is its own", func(t *testing.T) {
			put(t, b, &chat.Session{ID: chat.ID[chat.Session](key("session", 9)), User: userN(90).ID, Hash: "tester"})
			sameWhole(t, a, b)
		})
		t.Run("only what changed since comes, deletions too", func(t *testing.T) {
			gone := messageN(3, 1)
			gone.Text, gone.Gone = "", true
			put(t, a, gone, &chat.ReadMark{Room: roomN(1).ID, User: userN(1).ID, Read: 9})
			post(t, a, 7)
			list, _ := exported(t, a, end, 1000)
			if len(list) != 4 { // two, the post and its nonce
				t.Errorf("%d items: %v", len(list), list)
			}
			carry(t, a, m, end, 1000)
			sameWhole(t, a, b)
		})
		t.Run("whatever is there gives way", func(t *testing.T) {
			damaged := messageN(4, 1)
			mustExec(t, bPath, `UPDATE messages SET text = 'other', digest = 5 WHERE text = '`+damaged.Text+`'`)
			carry(t, a, m, 0, 1000)
			sameWhole(t, a, b)
		})
		t.Run("what the other place has not got goes, and who follows the log learns of it", func(t *testing.T) {
			before := head(t, b)
			batch := m.batch([]chat.Incoming{
				{Absent: &chat.Ref{Kind: chat.KindUser, Key: userN(3).Key()}}, {Absent: &chat.Ref{Kind: chat.KindMessage, Key: messageN(4, 1).Key()}},
				{Absent: &chat.Ref{Kind: chat.KindMessage, Key: messageN(999, 1).Key()}},
			})
			batch.Mirror = true
			if got := m.send(batch); got.Counts[chat.KindUser].Written != 1 || got.Counts[chat.KindMessage].Written != 1 {
				t.Error(got.Counts)
			}
			all := whole(t, b)
			if all["user "+userN(3).Key().String()] != "" || all["message "+messageN(4, 1).Key().String()] != "" {
				t.Error("still there")
			}
			err := b.View(ctx(t), func(r chat.Reader) error {
				follows, err := r.Follows(chat.Cursor{LogID: before.LogID, Epoch: before.Epoch, Pos: before.Pos})
				if follows {
					t.Error("the log is said to go on as if nothing were missing")
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			carry(t, a, m, 0, 1000)
			sameWhole(t, a, b)
		})
		t.Run("a post that is sent again after the cutover is known", func(t *testing.T) {
			want := post(t, a, 7)
			b.SetPair(chat.Pair{})
			govern(t, b, func(s *chat.Standing) { s.State = chat.Open })
			if got := post(t, b, 7); got != want {
				t.Errorf("the message is %s at one place and %s at the other", want, got)
			}
		})
	})
}

func TestMirrorIsRefused(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "live")
		try := func(name string, mirror, ok bool) {
			t.Helper()
			b := m.batch(incoming(userN(1)))
			b.Mirror = mirror
			if _, err := db.Apply(ctx(t), b); ok != (err == nil) || err != nil && !chat.IsKind(err, chat.Conflict) {
				t.Errorf("%s: %v", name, err)
			} else if ok {
				m.state.Cursor = b.To
			}
		}
		try("in no pair", true, false)
		try("an import in no pair", false, true)
		db.SetPair(chat.Pair{Move: "else"})
		govern(t, db, func(s *chat.Standing) { s.State = chat.Receiving })
		try("in the pair of another move", true, false)
		db.SetPair(chat.Pair{Move: "move"})
		try("as it should be", true, true)
		try("an import into a place that becomes like another", false, false)
		db.SetPair(chat.Pair{Move: "move", Turn: 1})
		try("its own turn", true, false)
		db.SetPair(chat.Pair{Move: "move", Over: true})
		try("after the move", true, false)
		db.SetPair(chat.Pair{Move: "move", Even: true, Turn: 1, Theirs: 1})
		govern(t, db, func(s *chat.Standing) { s.State = chat.Standby })
		try("back, to the place that stands by", true, true)
		for _, kind := range []chat.Object{&chat.Bookmark{Name: "x"}} {
			b := m.batch(incoming(kind))
			b.Mirror = true
			if _, err := db.Apply(ctx(t), b); !chat.IsKind(err, chat.Invalid) {
				t.Error(kind.Kind(), err)
			}
		}
	})
}

func TestStand(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		put(t, db, userN(1), messageN(1, 1), messageN(2, 1))
		mustExec(t, path, `UPDATE messages SET text = 'damaged' WHERE pos = 3`)
		got, err := db.Stand(ctx(t), chat.KindMessage, []chat.Key{messageN(1, 1).Key(), messageN(2, 1).Key(), messageN(3, 1).Key()})
		if err != nil || len(got) != 2 || got[messageN(1, 1).Key()] != (chat.Stand{Digest: chat.Digest(messageN(1, 1)), Pos: 2}) || got[messageN(2, 1).Key()].Digest == chat.Digest(messageN(2, 1)) {
			t.Error(got, err)
		}
		got, err = db.Stand(ctx(t), chat.KindUser, []chat.Key{userN(1).Key(), userN(2).Key()})
		if err != nil || len(got) != 1 || got[userN(1).Key()].Pos != 1 {
			t.Error(got, err)
		}
	})
}

// Whatever was done to a place, its export applied is the place, on the other
// database too; and back again nothing happens.
func TestMirrorOfAnything(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		p := &pair{t: rt, tb: t}
		p.dbs = [2]*store.DB{open(t, filepath.Join(dir, fmt.Sprint(n, ".db"))), open(t, testkit.Postgres(t))}
		from := rapid.IntRange(0, 1).Draw(rt, "from")
		a, b := p.dbs[from], p.dbs[1-from]
		defer func() { a.Close(); b.Close() }()
		receive(t, b)
		there, end := begin(t, b, "live"), chat.Position(0)
		p.movers = [2]*mover{begin(t, a, "one"), begin(t, a, "one")}
		limit := rapid.IntRange(1, 9).Draw(rt, "limit")
		for range rapid.IntRange(1, 4).Draw(rt, "passes") {
			for range rapid.IntRange(0, 3).Draw(rt, "writes") {
				objects := rapid.SliceOfN(rapid.Custom(draw), 1, 5).Draw(rt, "objects")
				if rapid.Bool().Draw(rt, "import") {
					p.movers[1].apply(objects...)
				} else {
					put(t, a, objects...)
				}
				post(t, a, rapid.IntRange(0, 3).Draw(rt, "nonce"))
			}
			_, end = carry(t, a, there, end, limit)
			sameWhole(t, a, b)
		}
		// Back: the first place stands by.
		before := head(t, a).Pos
		if _, err := a.SetState(ctx(t), chat.Open, chat.Standby); err != nil {
			rt.Fatal(err)
		}
		a.SetPair(chat.Pair{Move: "back", Even: true, Turn: 1, Theirs: 1})
		back, err := a.Begin(ctx(t), chat.MoveSpec{Name: "back", Source: "back", Artefact: "live"})
		if err != nil {
			rt.Fatal(err)
		}
		for after, done := chat.Position(0), false; !done; {
			list, next, last, err := b.Export(ctx(t), after, limit)
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := a.Apply(ctx(t), chat.Batch{Move: "back", Fence: back.Fence, Items: list, Mirror: true}); err != nil {
				rt.Fatal(err)
			}
			after, done = next, last
		}
		if got := head(t, a).Pos; got != before {
			rt.Fatalf("the head went from %d to %d on the way back", before, got)
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func TestAMirrorThatWasPreparedIsTheSame(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		a, b := open(t, path), open(t, other(t, path))
		mixed(t, a)
		receive(t, b)
		m := begin(t, b, "live")
		list, _ := exported(t, a, 0, 100)
		batch := m.batch(list)
		b.Prepare(&batch) // before anybody said that it mirrors
		batch.Mirror = true
		m.send(batch)
		sameWhole(t, a, b)
	})
}
