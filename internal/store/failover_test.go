package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// insist does a thing until it succeeds, as clients do: it may fail with
// Unavailable, with a hint, and not take for ever.
func insist(t *testing.T, fn func() error) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); ; {
		var err error
		took := timed(func() { err = fn() })
		if took > 30*time.Second {
			t.Errorf("one try took %s", took)
		}
		switch {
		case err == nil:
			return
		case !chat.IsKind(err, chat.Unavailable) || hintOf(err) == "":
			t.Errorf("%s error without what to do: %v", chat.KindOf(err), err)
			return
		case time.Now().After(end):
			t.Errorf("still: %v", err)
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

func hintOf(err error) string {
	if e, ok := err.(*chat.Error); ok {
		return e.Hint
	}
	return ""
}

func cursorOf(t *testing.T, db chat.Store) chat.Cursor {
	h := head(t, db)
	return chat.Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: h.Pos}
}

func follows(t *testing.T, db chat.Store, c chat.Cursor) (ok bool) {
	t.Helper()
	insist(t, func() error {
		return db.View(ctx(t), func(r chat.Reader) (err error) { ok, err = r.Follows(c); return err })
	})
	return ok
}

func TestANodeThatJoinsMakesNobodyStartAfresh(t *testing.T) {
	path := testkit.Postgres(t)
	one := open(t, path)
	put(t, one, userN(1))
	before := cursorOf(t, one)
	put(t, one, userN(2))
	now := cursorOf(t, one)
	two := open(t, path)
	put(t, two, userN(3))
	put(t, one, userN(4))
	for _, db := range []*store.DB{one, two} {
		if !follows(t, db, before) || !follows(t, db, now) {
			t.Error("a client has to start afresh because a node joined")
		}
	}
}

func TestAPromotedReplicaThatLacksCommitsIsNoticedByEveryNode(t *testing.T) {
	one := testkit.StartPostgres(t)
	two := one.Replica(false)
	front := testkit.NewFront(t, one.Address)
	path := testkit.PostgresURL(front.Address)
	busy, idle := open(t, path), open(t, path)
	put(t, busy, userN(1))
	put(t, idle, userN(1001)) // it remembers the people under the old epoch
	kept := cursorOf(t, busy)
	two.CatchUp()
	two.StopNow()
	put(t, busy, userN(2), userN(3))
	lost := cursorOf(t, busy)
	one.StopNow()
	two.Start()
	two.Promote()
	bell := idle.Doorbell()
	front.Switch(two.Address)
	// The node that was idle writes first, and writes past what was lost.
	for i := range 5 {
		insist(t, func() error { return idle.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(10 + i)) }) })
	}
	select {
	case <-bell:
	case <-time.After(30 * time.Second):
		t.Error("nobody was told")
	}
	for name, db := range map[string]*store.DB{"busy": busy, "idle": idle} {
		if follows(t, db, lost) {
			t.Errorf("%s: the log goes on from what was lost", name)
		}
		if !follows(t, db, kept) {
			t.Errorf("%s: who saw nothing of what was lost has to start afresh", name)
		}
	}
	insist(t, func() error { return busy.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(2)) }) })
	for _, db := range []*store.DB{busy, idle} {
		insist(t, func() error {
			return db.View(ctx(t), func(r chat.Reader) error {
				if _, err := chat.Get(r, userN(3).ID); !chat.IsKind(err, chat.NotFound) {
					return fmt.Errorf("what was lost is there: %w", err)
				}
				_, err := chat.Get(r, userN(2).ID) // written again
				return err
			})
		})
	}
}

// TestWritesRideOutWhateverPostgresDoes writes under nonces while the server
// crashes, is cut off and is followed by a synchronous replica: what was
// acknowledged is there, once.
func TestWritesRideOutWhateverPostgresDoes(t *testing.T) {
	one := testkit.StartPostgres(t)
	two := one.Replica(true)
	front := testkit.NewFront(t, one.Address)
	nodes := []*store.DB{open(t, testkit.PostgresURL(front.Address)), open(t, testkit.PostgresURL(one.Address, two.Address))}
	put(t, nodes[0], userN(0), roomN(0))
	stop, cancel := context.WithCancel(ctx(t))
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]chat.MessageID{}
	for w := range 8 {
		wg.Go(func() {
			for i := 0; stop.Err() == nil; i++ {
				nonce := fmt.Sprintf("%d/%d", w, i)
				var id chat.MessageID
				insist(t, func() error {
					return nodes[w%2].Update(ctx(t), func(tx chat.Tx) (err error) {
						fresh := chat.MessageID(tx.NewKey())
						if id, err = tx.Once(userN(0).ID, nonce, fresh); err != nil || id != fresh {
							return err
						}
						return tx.Put(&chat.Message{ID: id, Room: roomN(0).ID, Author: userN(0).ID, Sent: tx.Now(), Text: nonce})
					})
				})
				mu.Lock()
				acked[nonce] = id
				mu.Unlock()
			}
		})
	}
	progress := func() {
		t.Helper()
		mu.Lock()
		from := len(acked)
		mu.Unlock()
		for end := time.Now().Add(60 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
			mu.Lock()
			n := len(acked)
			mu.Unlock()
			if n > from+50 {
				return
			}
		}
		t.Error("writes do not go on")
	}
	progress()
	front.Cut()
	front.Mend()
	progress()
	one.StopNow()
	one.Start()
	progress()
	one.StopNow()
	two.Promote()
	front.Switch(two.Address)
	progress()
	cancel()
	wg.Wait()
	there := map[string]chat.MessageID{}
	insist(t, func() error {
		return nodes[1].View(ctx(t), func(r chat.Reader) error {
			page, err := r.History(chat.HistoryQuery{Room: roomN(0).ID})
			for _, m := range page {
				if _, twice := there[m.Text]; twice {
					t.Errorf("%s is there twice", m.Text)
				}
				there[m.Text] = m.ID
			}
			return err
		})
	})
	for nonce, id := range acked {
		if there[nonce] != id {
			t.Errorf("%s was acknowledged as %s and is %s", nonce, id, there[nonce])
		}
	}
	t.Log(len(acked), "acknowledged")
}

func TestAServerThatStallsHoldsNobodyForEver(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits until the server is given up, twice 10 s")
	}
	p := testkit.StartPostgres(t)
	front := testkit.NewFront(t, p.Address)
	db := open(t, testkit.PostgresURL(front.Address))
	put(t, db, userN(1))
	for name, stall := range map[string][2]func(){"server": {p.Stall, p.Resume}, "network": {front.Hold, front.Mend}} {
		stall[0]()
		var wg sync.WaitGroup
		for what, fn := range map[string]func() error{
			"write": func() error { return db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(2)) }) },
			"read":  func() error { return db.View(ctx(t), func(r chat.Reader) error { _, err := r.Head(); return err }) },
			"apply": func() error { _, err := db.SetState(ctx(t), chat.Open, chat.Open); return err },
		} {
			wg.Go(func() {
				var err error
				took := timed(func() { err = fn() })
				if !chat.IsKind(err, chat.Unavailable) || took > 25*time.Second {
					t.Errorf("%s: %s ended after %s with %v", name, what, took, err)
				}
			})
		}
		wg.Wait()
		stall[1]()
		insist(t, func() error { return db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(3)) }) })
	}
}

func TestAStandbyIsNotServedFrom(t *testing.T) {
	one := testkit.StartPostgres(t)
	two := one.Replica(false)
	open(t, one.URL()).Close()
	two.CatchUp()
	standby := strings.Replace(two.URL(), "&target_session_attrs=read-write", "", 1)
	if db, err := store.Open(ctx(t), store.Options{Path: standby}); !chat.IsKind(err, chat.Unavailable) {
		t.Errorf("a store on a standby: %v", err)
		if err == nil {
			db.Close()
		}
	}
	db, err := store.Open(ctx(t), store.Options{Path: standby, Look: true})
	if err != nil {
		t.Fatalf("what is on a standby cannot be looked at: %v", err)
	}
	db.Close()
}
