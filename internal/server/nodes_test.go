package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/bus"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// stalling is a store whose reads can be made to wait, as if its machine had
// been stopped or cut off.
type stalling struct {
	chat.Store
	sync.RWMutex
}

func (s *stalling) View(ctx context.Context, fn func(chat.Reader) error) error {
	s.RLock()
	defer s.RUnlock()
	return s.Store.View(ctx, fn)
}

// node is one of several servers of a place.
type node struct {
	*world
	stall *stalling
	bus   *bus.Bus
	chat.Node
}

// nodes starts servers on one Postgres database, with a bus or without.
func nodes(t testing.TB, n int, bused bool) (list []*node) {
	t.Helper()
	first := newWorld(t, testkit.Postgres(t))
	first.end()
	secret := bytes.Repeat([]byte{7}, server.KeyLength)
	for i := range n {
		w := *first
		db, err := store.Open(t.Context(), store.Options{Path: first.path})
		first.must(err)
		t.Cleanup(func() { first.must(db.Close()) })
		one := &node{world: &w, stall: &stalling{Store: db}}
		w.db, w.store = db, &counting{Store: one.stall}
		w.service = server.NewService(w.store)
		w.service.Sealer, err = server.NewSealer(secret)
		first.must(err)
		one.Node = chat.Node{ID: key("node", fmt.Sprint(i)), Name: fmt.Sprint(i), Started: chat.TimeOf(time.Now())}
		c := server.Config{Floods: true, Nodes: db, Bell: db}
		if bused {
			one.bus, err = bus.Start(bus.Options{Key: secret, Place: key("place", "1"), Node: one.ID, Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(w.log, nil))})
			first.must(err)
			t.Cleanup(func() { first.must(one.bus.Close()) })
			c.Bus, one.Bus = one.bus, one.bus.Addr()
		}
		c.Node = one.Node
		w.serve(c)
		list = append(list, one)
	}
	if bused {
		for _, one := range list {
			eventually(t, "the nodes do not hear each other", func() bool { return len(one.bus.Heard()) >= n-1 })
		}
	}
	return list
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatal(what)
		}
	}
}

func eachKindOfCluster(t *testing.T, test func(*testing.T, []*node)) {
	t.Run("with a bus", func(t *testing.T) { test(t, nodes(t, 2, true)) })
	t.Run("without a bus", func(t *testing.T) { test(t, nodes(t, 2, false)) })
}

func TestWhatIsPostedAtOneNodeIsHeardAtTheOther(t *testing.T) {
	eachKindOfCluster(t, func(t *testing.T, list []*node) {
		a, b := list[0], list[1]
		hears := b.ears("member")
		for i := range 5 {
			text := fmt.Sprintf("from afar %d", i)
			a.post(a.as("owner"), "open", text)
			hears.text(text)
		}
		a.put(&chat.Setting{Name: chat.SettingName, Value: "Mudflats"})
		if got := hears.next("place").Place; got.Name != "Mudflats" {
			t.Errorf("a setting is not heard: %+v", got)
		}
		if s, err := b.as("member").Start(t.Context()); err != nil || s.Place != "Mudflats" {
			t.Error(s.Place, err)
		}
	})
}

func TestWhoIsTakenOutAtOneNodeHearsNothingMoreAtTheOther(t *testing.T) {
	eachKindOfCluster(t, func(t *testing.T, list []*node) {
		a, b := list[0], list[1]
		hears := b.ears("member", "private")
		a.put(&chat.Member{Room: a.rooms["private"].ID, User: a.users["member"].ID, Gone: true})
		if got := hears.next("drop"); got.ID != a.roomID("private") {
			t.Errorf("%+v", got)
		}
		off := *a.users["member"]
		off.Off = true
		a.put(&off)
		if all, code := hears.ended(); code != int(api.FeedEnded) {
			t.Error(all, code)
		}
	})
}

func TestWhoIsSignedOutAtOneNodeIsAtTheOther(t *testing.T) {
	eachKindOfCluster(t, func(t *testing.T, list []*node) {
		a, b := list[0], list[1]
		c := b.as("member")
		s, err := c.Start(t.Context())
		b.must(err)
		hears := b.listen(c, s.Cursor)
		there := *c
		there.URL = a.url
		a.must(there.SignOut(t.Context()))
		if _, code := hears.ended(); code != int(api.FeedEnded) {
			t.Error(code)
		}
	})
}

func TestANodeThatWasStoppedTellsNobodyWhatIsNoLongerForThem(t *testing.T) {
	list := nodes(t, 2, true)
	a, b := list[0], list[1]
	hears, other := b.ears("member", "private"), b.ears("imported", "private")
	b.stall.Lock()
	a.say("private", "owner", "written while it was stopped")
	a.put(&chat.Member{Room: a.rooms["private"].ID, User: a.users["member"].ID, Gone: true})
	eventually(t, "the node takes itself for fresh", func() bool { return !b.server.Fresh() })
	b.server.Show(a.users["member"].ID, api.Told{Title: "a secret while it was stopped"})
	b.stall.Unlock()
	for _, e := range []*ear{hears, other} {
		end := make(chan struct{})
		go func() {
			defer close(end)
			for { // until it is sent away or has caught up
				f, err := e.frame()
				if err != nil {
					return
				}
				for _, v := range f.Events {
					if v.Type == "drop" || v.Type == "message" {
						return
					}
				}
			}
		}()
		select {
		case <-end:
		case <-time.After(time.Minute):
			t.Fatal("it goes on saying nothing")
		}
	}
	if strings.Contains(hears.raw.String(), "while it was stopped") {
		t.Error("who was taken out heard", hears.raw.String())
	}
	if again := b.ears("imported"); again == nil {
		t.Error("nobody can come back")
	}
}

func TestPresenceAndTypingGoToTheOtherNode(t *testing.T) {
	list := nodes(t, 2, true)
	a, b := list[0], list[1]
	hears := b.ears("owner", "open")
	speaks := a.ears("member", "open")
	say := func(said api.Said) {
		t.Helper()
		data, err := json.Marshal(said)
		a.must(err)
		a.must(speaks.conn.Write(t.Context(), websocket.MessageText, data))
	}
	who := a.users["member"].ID.String()
	is := func(what string) {
		t.Helper()
		hears.until(func(v api.Event) bool { return v.Type == "presence" && v.People[who] == what })
	}
	is("away")
	say(api.Said{Type: "active", On: true})
	is("online")
	if !b.service.Present(a.users["member"].ID) {
		t.Error("not present at the other node")
	}
	say(api.Said{Type: "typing", Room: a.roomID("open")})
	if got := hears.next("typing"); got.Who != who || got.ID != a.roomID("open") {
		t.Errorf("%+v", got)
	}
	a.end() // its people go with it, after their lease
	a.must(a.bus.Close())
	is("offline")
}

func TestNodesAreListedAndTroubleIsNamed(t *testing.T) {
	list := nodes(t, 3, true)
	eventually(t, "not all nodes are listed", func() bool {
		all, _, err := list[0].db.Nodes(t.Context())
		return err == nil && len(all) == 3
	})
	list[2].end()
	all, _, err := list[0].db.Nodes(t.Context())
	if err != nil || len(all) != 2 {
		t.Error("one that ended is listed:", all, err)
	}
}

// BenchmarkPostToDeliveryAcrossNodes measures from the answer to a post at one
// node until a client of the other hears of it, beside the time of the post.
func BenchmarkPostToDeliveryAcrossNodes(b *testing.B) {
	for _, bused := range []bool{true, false} {
		b.Run(fmt.Sprintf("bus=%v", bused), func(b *testing.B) {
			list := nodes(b, 2, bused)
			hears, owner := list[1].ears("member"), list[0].as("owner")
			room := list[0].roomID("open")
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				began, text := time.Now(), fmt.Sprintf("number %d.", i)
				if _, err := owner.Post(context.Background(), room, text, nonce()); err != nil {
					b.Fatal(err)
				}
				hears.text(text)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
