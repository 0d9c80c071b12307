package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
)

func TestLog(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		t.Run("what was put is there, at increasing positions", func(t *testing.T) {
			put(t, db, userN(1), roomN(1))
			put(t, db, messageN(1, 1))
			list, next := changes(t, db, 0, 10)
			if len(list) != 3 || next != 3 || list[0].Object.Key() != userN(1).Key() || list[2].Pos != 3 {
				t.Fatal(list, next)
			}
			if m := get(t, db, messageN(1, 1).ID); m.Text != "message 1 of room1" || m.Author != userN(1).ID || m.Sent != messageN(1, 1).Sent {
				t.Errorf("%+v", m)
			}
		})
		t.Run("put again unchanged gets no position", func(t *testing.T) {
			put(t, db, userN(1), roomN(1), messageN(1, 1))
			if h := head(t, db); h.Pos != 3 {
				t.Error(h)
			}
		})
		t.Run("a change moves the object to the end of the log", func(t *testing.T) {
			m := messageN(1, 1)
			m.Text, m.Edited = "edited", m.Sent+second
			put(t, db, m)
			list, next := changes(t, db, 0, 2)
			if len(list) != 2 || next != 2 {
				t.Fatal(list, next)
			}
			if list, next = changes(t, db, next, 2); len(list) != 1 || next != 4 || list[0].Object.(*chat.Message).Text != "edited" {
				t.Fatal(list, next)
			}
		})
		t.Run("secrets are never among the changes", func(t *testing.T) {
			secret := &chat.Session{ID: chat.ID[chat.Session](key("session", 1)), User: userN(1).ID, Hash: "canary"}
			put(t, db, secret)
			if list, next := changes(t, db, 4, 10); len(list) != 0 || next != 5 {
				t.Error(list, next)
			}
			list := listed[chat.Session](t, db, chat.Query{Index: chat.Index{Name: "canary"}})
			if len(list) != 1 || list[0].User != secret.User {
				t.Error(list)
			}
		})
		t.Run("a new process starts an epoch and keeps the log", func(t *testing.T) {
			before := head(t, db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			after := head(t, open(t, path))
			if after.LogID != before.LogID || after.Epoch == before.Epoch || after.Pos != before.Pos {
				t.Error(before, after)
			}
		})
	})
}

func listed[T any, P interface {
	*T
	chat.Object
}](t testing.TB, db chat.Store, q chat.Query) []P {
	t.Helper()
	var list []P
	if err := db.View(ctx(t), func(r chat.Reader) (err error) { list, err = chat.List[T, P](r, q); return err }); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestUpdate(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		put(t, db, userN(1), userN(2), roomN(1))
		t.Run("what one update has put, it sees, and nothing stays if it fails", func(t *testing.T) {
			oops := errors.New("oops")
			err := db.Update(ctx(t), func(tx chat.Tx) error {
				u := userN(1)
				u.Title = "changed"
				if err := tx.Put(u, userN(3)); err != nil {
					return err
				}
				u.Title = "changed after Put: must not count"
				if got, err := chat.Get(tx, u.ID); err != nil || got.Title != "changed" {
					t.Error(got, err)
				}
				list, err := chat.List[chat.User](tx, chat.Query{Index: chat.Index{Find: "user"}})
				if err != nil || len(list) != 3 {
					t.Error(list, err)
				}
				return oops
			})
			if !errors.Is(err, oops) {
				t.Error(err)
			}
			if get(t, db, userN(1).ID).Title != "" || len(listed[chat.User](t, db, chat.Query{})) != 2 {
				t.Error("something of a failed update stayed")
			}
		})
		t.Run("times and IDs never go back", func(t *testing.T) {
			var last chat.Time
			var lastKey string
			for i := range 50 {
				err := db.Update(ctx(t), func(tx chat.Tx) error {
					k := tx.NewKey()
					if tx.Now() <= last || k.String()[:13] < lastKey {
						t.Errorf("%d after %d, %s after %s", tx.Now(), last, k, lastKey)
					}
					last, lastKey = tx.Now(), k.String()[:13]
					return tx.Put(&chat.Message{ID: chat.MessageID(k), Room: roomN(1).ID, Sent: tx.Now(), Text: fmt.Sprint(i)})
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
		t.Run("a nonce gives the same message, later and at once", func(t *testing.T) {
			ids := make([]chat.MessageID, 40)
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					err := db.Update(ctx(t), func(tx chat.Tx) (err error) {
						mine := chat.MessageID(tx.NewKey())
						ids[i], err = tx.Once(userN(1).ID, "nonce", mine)
						if err == nil && ids[i] == mine {
							err = tx.Put(&chat.Message{ID: mine, Room: roomN(1).ID, Sent: tx.Now(), Text: "once"})
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if len(slices.Compact(ids)) != 1 {
				t.Error("a retried post was posted twice")
			}
			err := db.Update(ctx(t), func(tx chat.Tx) error {
				id, err := tx.Once(userN(2).ID, "nonce", chat.MessageID(tx.NewKey()))
				if id == ids[0] {
					t.Error("another author's nonce was taken for this one's")
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		t.Run("one that fails or panics does not harm those beside it", func(t *testing.T) { isolation(t, db) })
		t.Run("one who gives up while waiting leaves nothing", func(t *testing.T) {
			gone, cancel := context.WithCancel(ctx(t))
			cancel()
			err := db.Update(gone, func(tx chat.Tx) error { return tx.Put(userN(99)) })
			there := len(listed[chat.User](t, db, chat.Query{Index: chat.Index{Name: "user.99@example.org"}})) == 1
			if there == (err != nil) {
				t.Errorf("err %v, but there: %v", err, there)
			}
		})
	})
}

func isolation(t *testing.T, db *store.DB) {
	var wg sync.WaitGroup
	before := head(t, db).Pos
	for i := range 60 {
		wg.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (i%3 == 2) {
					t.Errorf("%d: panic %v", i, p)
				}
			}()
			err := db.Update(ctx(t), func(tx chat.Tx) error {
				m := messageN(1000+i, 1)
				if i%5 == 4 {
					m.Text = "not \xff UTF-8"
				}
				if err := tx.Put(m); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return chat.Errorf(chat.Denied, "no")
				case 2:
					panic("oops")
				}
				return nil
			})
			switch {
			case i%5 == 4 && !chat.IsKind(err, chat.Invalid), i%5 != 4 && i%3 == 1 && !chat.IsKind(err, chat.Denied), i%5 != 4 && i%3 == 0 && err != nil:
				t.Errorf("%d: %v", i, err)
			}
			if i%5 == 4 && i%3 == 2 {
				panic("as the others of its kind")
			}
		})
	}
	wg.Wait()
	if got := head(t, db).Pos - before; got != 16 {
		t.Errorf("%d of 16 messages were written", got)
	}
}

func TestStates(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		put(t, db, userN(1))
		if _, err := db.SetState(ctx(t), chat.Frozen, chat.Retired); !chat.IsKind(err, chat.Conflict) {
			t.Error("an open place was retired as if it were frozen:", err)
		}
		for _, to := range []chat.State{chat.Frozen, chat.Receiving, chat.Retired, chat.Standby} {
			h := head(t, db)
			if _, err := db.SetState(ctx(t), h.State, to); err != nil {
				t.Fatal(err)
			}
			if err := db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(2)) }); !chat.IsKind(err, chat.Unavailable) {
				t.Errorf("%s: %v", to, err)
			}
			m := begin(t, db, string(to))
			_, err := db.Apply(ctx(t), m.batch(incoming(userN(3))))
			if refused := to == chat.Frozen || to == chat.Retired; chat.IsKind(err, chat.Unavailable) != refused || !refused && err != nil {
				t.Errorf("%s: %v", to, err)
			}
		}
	})
}

func TestFreezeRace(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		var wg sync.WaitGroup
		var mu sync.Mutex
		acked := map[chat.Key]bool{}
		started := make(chan struct{}, 1000)
		for w := range 16 {
			wg.Go(func() {
				for i := 0; ; i++ {
					m := messageN(w*100000+i, 1)
					if err := db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(m) }); err != nil {
						if !chat.IsKind(err, chat.Unavailable) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					acked[m.Key()] = true
					mu.Unlock()
					select {
					case started <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 100 {
			<-started
		}
		pos, err := db.SetState(ctx(t), chat.Open, chat.Frozen)
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if h := head(t, db); h.Pos != pos {
			t.Errorf("frozen at %d, and written up to %d", pos, h.Pos)
		}
		list, _ := changes(t, db, 0, 1_000_000)
		if len(list) != len(acked) || int(pos) != len(acked) {
			t.Errorf("%d acknowledged, %d there, frozen at %d", len(acked), len(list), pos)
		}
	})
}

func TestTail(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		dbs := []*store.DB{db}
		if path[0] == 'p' {
			dbs = append(dbs, open(t, path), open(t, path))
		}
		const writers, each = 12, 60
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := dbs[w%len(dbs)].Update(ctx(t), func(tx chat.Tx) error { return tx.Put(messageN(w*each+i, w)) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		seen := map[chat.Key]chat.Position{}
		var after chat.Position
		for len(seen) < writers*each {
			bell := db.Doorbell()
			list, next := changes(t, db, after, 50)
			for _, c := range list {
				if c.Pos <= after {
					t.Fatalf("%d after %d", c.Pos, after)
				}
				after = c.Pos
				seen[c.Object.Key()] = c.Pos
			}
			if after = max(after, next); len(list) > 0 {
				continue
			}
			if after >= writers*each {
				break
			}
			select {
			case <-bell:
			case <-ctx(t).Done():
				t.Fatal("the bell never rang")
			}
		}
		wg.Wait()
		if len(seen) != writers*each {
			t.Errorf("a reader missed %d of %d", writers*each-len(seen), writers*each)
		}
	})
}

func TestOpen(t *testing.T) {
	t.Run("a SQLite file is not opened twice", func(t *testing.T) {
		path := t.TempDir() + "/godwit.db"
		open(t, path)
		_, err := store.Open(ctx(t), store.Options{Path: path})
		if !chat.IsKind(err, chat.Conflict) {
			t.Error(err)
		}
	})
	t.Run("a file that is no database is said to be damaged", func(t *testing.T) {
		path := t.TempDir() + "/godwit.db"
		write(t, path, "this is not a database, whatever its name says. It only is long enough to look like one. "+fmt.Sprint(make([]int, 4000)))
		if _, err := store.Open(ctx(t), store.Options{Path: path}); !chat.IsKind(err, chat.Damaged) {
			t.Error(err)
		}
	})
	t.Run("a directory that is missing is named", func(t *testing.T) {
		if _, err := store.Open(ctx(t), store.Options{Path: t.TempDir() + "/none/godwit.db"}); !chat.IsKind(err, chat.NotFound) {
			t.Error(err)
		}
	})
	t.Run("a Postgres that is not there is out of reach", func(t *testing.T) {
		_, err := store.Open(ctx(t), store.Options{Path: "postgres://u:secret@/db?host=" + t.TempDir()})
		if !chat.IsKind(err, chat.Unavailable) || contains(err.Error(), "secret") {
			t.Error(err)
		}
	})
	both(t, func(t *testing.T, path string) {
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		newer(t, path)
		if _, err := store.Open(ctx(t), store.Options{Path: path}); !chat.IsKind(err, chat.Conflict) {
			t.Error("a database of a newer version was opened:", err)
		}
	})
}

func TestANonceThatWasUsedAnswersWhateverTheRuleSaysNow(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		author, first := chat.UserID{1}, chat.MessageID{2}
		post := func(id chat.MessageID, closed bool) (got chat.MessageID, err error) {
			err = db.Update(t.Context(), func(tx chat.Tx) (err error) {
				if got, err = tx.Once(author, "a nonce", id); err != nil || got != id {
					return err
				}
				if closed {
					return chat.Errorf(chat.Denied, "the room is closed by now")
				}
				return tx.Put(&chat.Message{ID: id, Room: chat.RoomID{3}, Author: author, Text: "x"})
			})
			return got, err
		}
		if _, err := post(first, false); err != nil {
			t.Fatal(err)
		}
		if got, err := post(chat.MessageID{9}, true); err != nil || got != first {
			t.Errorf("%s, %v", got, err)
		}
	})
}
