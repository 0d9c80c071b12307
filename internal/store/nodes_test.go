package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
)

func TestNodesKnowOfEachOther(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		var ahead atomic.Int64
		clock := func() time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(ahead.Load())) }
		db, err := store.Open(ctx(t), store.Options{Path: path, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close() //nolint:errcheck // it was only read
		one := chat.Node{ID: key("node", 1), Name: "a", Bus: "10.0.0.1:7000", HTTP: "10.0.0.1:80", Address: "https://x.example", Version: "1",
			Started: 5, Pos: 12, Sockets: 3, Load: 1.5, Problems: []string{"its clock is off"}}
		two := chat.Node{ID: key("node", 2), Name: "b\x00", Started: 4}
		attend := func(n chat.Node) []chat.Node {
			t.Helper()
			all, now, err := db.Attend(ctx(t), n)
			if err != nil || now != chat.TimeOf(clock()) {
				t.Fatal(now, err)
			}
			return all
		}
		if all := attend(one); len(all) != 1 || all[0].Seen != chat.TimeOf(clock()) || all[0].Problems[0] != one.Problems[0] || all[0].Pos != 12 || all[0].Bus != one.Bus {
			t.Fatal(all)
		}
		if all := attend(two); len(all) != 2 || all[0].ID != two.ID || all[1].ID != one.ID {
			t.Fatal("not in the order of their start:", all)
		}
		ahead.Add(int64(chat.NodeLives) - 1000)
		two.Sockets = 9
		if all := attend(two); len(all) != 2 || all[0].Sockets != 9 {
			t.Fatal(all)
		}
		ahead.Add(int64(time.Second))
		if all, _, err := db.Nodes(ctx(t)); err != nil || len(all) != 1 || all[0].ID != two.ID {
			t.Fatal("one that is not heard of counts:", all, err)
		}
		if all := attend(one); len(all) != 2 {
			t.Fatal("one that was only slow is gone:", all)
		}
		for range 2 {
			if err := db.Depart(ctx(t), two.ID); err != nil {
				t.Fatal(err)
			}
		}
		if all := attend(one); len(all) != 1 || all[0].ID != one.ID {
			t.Fatal(all)
		}
	})
}

func TestTheKeyOfAPlaceIsRemembered(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		for _, c := range []struct {
			print string
			anew  bool
			want  string
		}{{"one", false, "one"}, {"one", false, "one"}, {"two", false, "one"}, {"two", true, "two"}, {"one", false, "two"}} {
			if first, err := db.Sealed(ctx(t), c.print, c.anew); err != nil || first != c.want {
				t.Errorf("%+v: %q, %v", c, first, err)
			}
		}
	})
}

func TestTheDoorbellRingsForOtherProcesses(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		var mu sync.Mutex
		var wrote []chat.Position
		db.OnWrite(func(pos chat.Position) {
			mu.Lock()
			defer mu.Unlock()
			wrote = append(wrote, pos)
		})
		put(t, db, userN(1))
		at := head(t, db).Pos
		mu.Lock()
		if len(wrote) != 1 || wrote[0] != at {
			t.Errorf("told of %v, not of %d", wrote, at)
		}
		mu.Unlock()
		bell := db.Doorbell()
		db.Rung(at)
		select {
		case <-bell:
			t.Error("it rang for what is known")
		default:
		}
		db.Rung(at + 1000)
		select {
		case <-bell:
		default:
			t.Error("it did not ring for what is new")
		}
		// What another says is not taken for true: what comes is noticed.
		bell = db.Doorbell()
		put(t, db, userN(2))
		select {
		case <-bell:
		default:
			t.Error("a wrong ring keeps it from ringing")
		}
	})
}
