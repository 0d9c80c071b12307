package server_test

import (
	"context"

	"errors"

	"net/http"

	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/testkit"
)

const flight = "flight"

// couple is two whole servers, the first of which moves to the second.
type couple struct {
	t        *testing.T
	from, to *world
	ruleFrom *chat.Handover
	ruleTo   *chat.Handover
}

// pairUp starts two servers and pairs them: the second takes the history.
func pairUp(t *testing.T, configure ...func(*server.Config)) *couple {
	t.Helper()
	c := &couple{t: t, from: sqlite(t), to: empty(t)}
	for _, w := range []*world{c.from, c.to} {
		w.end()
		rules := &chat.Handover{Store: w.db, Sealer: w.service.Sealer}
		conf := server.Config{Floods: true, Handover: rules}
		for _, f := range configure {
			f(&conf)
		}
		w.serve(conf)
		if w == c.from {
			c.ruleFrom = rules
		} else {
			c.ruleTo = rules
		}
	}
	ctx := context.Background()
	offer, err := c.ruleTo.Offer(ctx, flight, c.from.url)
	c.must(err)
	answer, err := c.ruleFrom.Answer(ctx, flight, c.to.url, offer)
	c.must(err)
	c.must(c.ruleTo.Accept(ctx, flight, answer))
	return c
}

func (c *couple) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// carry brings all that is new at one place to the other.
func (c *couple) carry(from, to *world) {
	c.t.Helper()
	ctx := context.Background()
	log := c.standing(from).LogID.String()
	st, err := to.db.Begin(ctx, chat.MoveSpec{Name: flight, Source: "place " + log, Artefact: log})
	c.must(err)
	b := chat.Batch{Move: flight, Fence: st.Fence, From: st.Cursor, To: st.Cursor, Mirror: true}
	for item, err := range c.direct(from).Changes(ctx, st.Cursor) {
		c.must(err)
		if content, ok := item.Object.(*chat.Content); ok && content.Hash != "" {
			f, err := from.files.Open(content.Hash)
			c.must(err)
			_, err = to.files.Put(ctx, f, content.Size)
			c.must(errors.Join(err, f.Close()))
		}
		if item.Object != nil || item.Sealed != nil || item.Nonce != nil || item.Absent != nil {
			b.Items = append(b.Items, item.Incoming)
		}
		if item.Cursor != "" {
			b.To = item.Cursor
		}
	}
	_, err = c.direct(to).Apply(ctx, b)
	c.must(err)
}

func (c *couple) direct(w *world) *live.Direct {
	return live.NewDirect("test", w.db, w.files, "test").Seals(w.service.Sealer)
}

func (c *couple) standing(w *world) chat.Standing {
	c.t.Helper()
	st, err := w.db.Standing(context.Background())
	c.must(err)
	return st
}

func (c *couple) freeze(lease time.Duration) {
	c.t.Helper()
	_, err := c.ruleFrom.Freeze(context.Background(), flight, lease)
	c.must(err)
}

// retire freezes the first place, carries what is left, and lets it retire.
// Nobody tells the other one.
func (c *couple) retire() chat.Certificate {
	c.t.Helper()
	c.freeze(time.Minute)
	c.carry(c.from, c.to)
	cert, err := c.ruleFrom.Retire(context.Background(), flight, c.standing(c.from).Pos)
	c.must(err)
	return cert
}

// comesTrue waits for something.
func comesTrue(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come true", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// writers are many clients that write at the first place.
func (c *couple) writers(n int) *testkit.Writers {
	c.t.Helper()
	w := &testkit.Writers{Rooms: []string{c.from.roomID("open"), c.from.roomID("group"), c.from.roomID("private")}, Every: 250 * time.Millisecond}
	member := c.from.as("member")
	for range n {
		one := &api.Client{URL: c.from.url, HTTP: &http.Client{Jar: member.HTTP.Jar, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
		c.t.Cleanup(one.HTTP.CloseIdleConnections)
		w.Clients = append(w.Clients, one)
	}
	return w
}

// write lets many clients write at the first place until stop is called, which
// also makes sure that nothing of it got lost, doubled, or out of order, and
// that no client saw an error.
func (c *couple) write(n int) (w *testkit.Writers, stop func(at *world)) {
	c.t.Helper()
	w = c.writers(n)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	c.t.Cleanup(func() { cancel(); <-done })
	comesTrue(c.t, "writing", func() bool { return w.Acked() > n })
	return w, func(at *world) {
		c.t.Helper()
		before := w.Acked()
		comesTrue(c.t, "going on", func() bool { return w.Acked() > before+n })
		cancel()
		<-done
		if failed := w.Failed(); len(failed) > 0 {
			c.t.Errorf("clients saw errors: %v; %s; %s", failed, c.from.log.b, c.to.log.b)
		}
		wrong, err := w.Check(context.Background(), at.as("member"))
		c.must(err)
		for _, one := range wrong[:min(len(wrong), 10)] {
			c.t.Error(one)
		}
	}
}

func TestWhatIsPostedWhileThePlaceIsFrozenWaitsAndIsPostedWhenItThaws(t *testing.T) {
	c := pairUp(t)
	_, stop := c.write(200)
	for range 2 {
		c.freeze(time.Minute)
		comesTrue(t, "that requests are held", func() bool { return c.from.server.Load().Held >= 100 })
		if now := c.standing(c.from); now.State != chat.Frozen {
			t.Fatal(now)
		}
		c.freeze(0)
		comesTrue(t, "that none is held", func() bool { return c.from.server.Load().Held == 0 })
	}
	stop(c.from)
}

func TestWhatIsPostedWhileThePlaceIsFrozenIsPostedAtTheOneThatFollows(t *testing.T) {
	c := pairUp(t)
	c.carry(c.from, c.to)
	_, stop := c.write(200)
	c.freeze(time.Minute)
	comesTrue(t, "that requests are held", func() bool { return c.from.server.Load().Held >= 50 })
	c.retire()
	stop(c.to)
	if l := c.from.server.Load(); l.Relayed != 1 || l.Held != 0 {
		t.Errorf("%+v", l)
	}
	if l := c.to.server.Load(); l.Relayed != 1 || l.P50 <= 0 || l.P95 < l.P50 {
		t.Errorf("%+v", l)
	}
	if st := c.standing(c.to); st.State != chat.Open || st.Pair.Turn != 1 {
		t.Errorf("%+v", st)
	}
}
