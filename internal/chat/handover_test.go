package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/store"
)

// pairPlace is one place of a pair, in SQLite.
type pairPlace struct {
	*chat.Handover
	t    testing.TB
	path string
	db   *store.DB
	now  func() time.Time
}

func newPairPlace(t testing.TB, path string, now func() time.Time) *pairPlace {
	t.Helper()
	sealer, err := server.NewSealer(bytes.Repeat([]byte{byte(len(path))}, server.KeyLength))
	if err != nil {
		t.Fatal(err)
	}
	p := &pairPlace{Handover: &chat.Handover{Sealer: sealer}, t: t, path: path, now: now}
	p.open()
	t.Cleanup(func() { p.db.Close() }) //nolint:errcheck // again, mostly
	return p
}

func (p *pairPlace) open() {
	p.t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: p.path, Clock: p.now})
	if err != nil {
		p.t.Fatal(err)
	}
	p.db, p.Store = db, db
}

func (p *pairPlace) at() chat.Standing {
	p.t.Helper()
	st, err := p.db.Standing(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return st
}

// restart ends the place and starts it again, as a server does.
func (p *pairPlace) restart() {
	p.t.Helper()
	if err := p.db.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open()
	p.did(p.Wake(context.Background()))
}

func (p *pairPlace) did(_ any, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pairPlace) write(n int) error {
	return p.db.Update(context.Background(), func(tx chat.Tx) error {
		return tx.Put(&chat.Message{ID: chat.MessageID(chat.DeriveKey(chat.Time(n), "test", "message", "x")), Sent: chat.Time(n), Text: "x"})
	})
}

// reached says that all of the other place up to its head has come.
func (p *pairPlace) carried(from *pairPlace) {
	p.t.Helper()
	ctx := context.Background()
	st, err := p.db.Begin(ctx, chat.MoveSpec{Name: move, Source: "live"})
	if err != nil {
		p.t.Fatal(err)
	}
	h := from.at().Head
	b := chat.Batch{Move: move, Fence: st.Fence, From: st.Cursor, To: chat.Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: h.Pos}.String(), Mirror: true}
	if _, err := p.db.Apply(ctx, b); err != nil {
		p.t.Fatal(err)
	}
}

const move = "nest"

type pairing struct {
	t     testing.TB
	a, b  *pairPlace
	clock time.Time
}

func newPairing(t testing.TB) *pairing {
	p := &pairing{t: t, clock: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)}
	now := func() time.Time { return p.clock }
	p.a, p.b = newPairPlace(t, filepath.Join(t.TempDir(), "a.db"), now), newPairPlace(t, filepath.Join(t.TempDir(), "b.db"), now)
	return p
}

func (p *pairing) pair() {
	p.t.Helper()
	ctx := context.Background()
	for range 2 { // every answer may be lost, and asked for again
		o, err := p.b.Offer(ctx, move, "https://a.example")
		p.b.did(o, err)
		again, err := p.b.Offer(ctx, move, "")
		if p.b.did(o, err); !bytes.Equal(o.Public, again.Public) {
			p.t.Fatal("the same offer, twice, is another one")
		}
		a, err := p.a.Answer(ctx, move, "https://b.example", o)
		p.a.did(a, err)
		p.b.did(nil, p.b.Accept(ctx, move, a))
	}
}

// meet lets both hear each other.
func (p *pairing) meet() {
	p.t.Helper()
	g, err := p.a.Greet(context.Background(), move, nil)
	for _, place := range []*pairPlace{p.b, p.a, p.b} {
		p.a.did(g, err)
		g, err = place.Greet(context.Background(), move, &g)
	}
	p.a.did(g, err)
}

// retire freezes a place, brings all to the other one, and retires it.
func (p *pairing) retire(from, to *pairPlace) chat.Certificate {
	p.t.Helper()
	p.meet()
	return p.retireUnmet(from, to)
}

func (p *pairing) retireUnmet(from, to *pairPlace) chat.Certificate {
	p.t.Helper()
	ctx := context.Background()
	st, err := from.Freeze(ctx, move, time.Minute)
	from.did(st, err)
	to.carried(from)
	c, err := from.Retire(ctx, move, st.Pos)
	from.did(c, err)
	return c
}

func (p *pairing) want(place *pairPlace, state chat.State, turn chat.Turn) {
	p.t.Helper()
	st := place.at()
	if st.State != state || st.Pair.Turn != turn {
		p.t.Errorf("%s is %s at turn %d, and should be %s at %d", filepath.Base(place.path), st.State, st.Pair.Turn, state, turn)
	}
	if err := place.write(int(st.Now)); (err == nil) != (state == chat.Open) && state != chat.Receiving {
		p.t.Errorf("%s: writing says %v", state, err)
	}
}

func isKind(t testing.TB, err error, kind chat.ErrorKind) {
	t.Helper()
	if !chat.IsKind(err, kind) {
		t.Errorf("%v is not of kind %s", err, kind)
	}
}

func TestPairing(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.want(p.a, chat.Open, 0)
	p.want(p.b, chat.Receiving, 0)
	p.meet()
	p.meet()
	t.Run("both have the same key, and the mover has none of it", func(t *testing.T) {
		o, _ := p.b.Offer(ctx, move, "")
		a, err := p.a.Answer(ctx, move, "", o)
		p.a.did(a, err)
		if st := p.a.at(); bytes.Contains(a.Key, []byte(st.Pair.Key)) || st.Pair.Peer != "https://b.example" {
			t.Error(st.Pair)
		}
	})
	t.Run("an answer to somebody else's offer is refused", func(t *testing.T) {
		q := newPairing(t)
		q.pair()
		o, _ := q.b.Offer(ctx, move, "")
		_, err := p.a.Answer(ctx, move, "", o)
		isKind(t, err, chat.Conflict)
		a, err := q.a.Answer(ctx, move, "", o)
		p.a.did(a, err)
		isKind(t, p.b.Accept(ctx, move, a), chat.Denied)
	})
	t.Run("another offer of the same place is not answered with the same key", func(t *testing.T) {
		o, _ := p.b.Offer(ctx, move, "")
		q := newPairing(t)
		q.pair()
		thief, _ := q.b.Offer(ctx, move, "")
		thief.Log = o.Log
		_, err := p.a.Answer(ctx, move, "", thief)
		isKind(t, err, chat.Conflict)
	})
	t.Run("a place is in one move at a time", func(t *testing.T) {
		_, err := p.b.Offer(ctx, "other", "")
		isKind(t, err, chat.Conflict)
		o, _ := p.b.Offer(ctx, move, "")
		_, err = p.a.Answer(ctx, "other", "", o)
		isKind(t, err, chat.Conflict)
		o.Log = p.a.at().LogID
		_, err = p.a.Answer(ctx, move, "", o)
		isKind(t, err, chat.Invalid)
		_, err = p.a.Freeze(ctx, "other", time.Second)
		isKind(t, err, chat.NotFound)
	})
	t.Run("after both were told that it is over, they can be paired again", func(t *testing.T) {
		p.a.did(p.a.End(ctx, move))
		o, _ := p.b.Offer(ctx, move, "")
		_, err := p.a.Answer(ctx, move, "", o)
		isKind(t, err, chat.Conflict) // the other place does not know yet, and keeps its old key
		p.b.did(p.b.End(ctx, move))
		own := p.b.at().Pair.Own
		p.pair()
		p.meet()
		if p.b.at().Pair.Own != own {
			t.Error("what came in a move that was given up is taken for the place's own")
		}
		p.want(p.a, chat.Open, 0)
	})
}

func TestHandOverThereAndBack(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.a.did(nil, p.a.write(1))
	from, to := p.a, p.b
	for turn := chat.Turn(1); turn < 4; turn++ {
		c := p.retire(from, to)
		if again, err := from.Retire(ctx, move, c.End.Pos); err != nil || !bytes.Equal(again.Mark, c.Mark) {
			t.Error("asked again, the certificate is another one:", err)
		}
		p.want(from, chat.Standby, turn)
		p.want(to, to.at().State, turn-1)
		for range 2 {
			to.did(to.Open(ctx, c))
		}
		p.want(to, chat.Open, turn)
		_, err := from.Freeze(ctx, move, time.Second)
		isKind(t, err, chat.Conflict)
		_, err = from.Open(ctx, c)
		isKind(t, err, chat.Denied)
		p.meet()
		p.want(from, chat.Standby, turn)
		from, to = to, from
	}
	t.Run("and the end", func(t *testing.T) {
		for range 2 {
			from.did(from.End(ctx, move))
			to.did(to.End(ctx, move))
		}
		p.want(from, chat.Open, 3)
		p.want(to, chat.Retired, 3)
		_, err := from.Freeze(ctx, move, time.Second)
		isKind(t, err, chat.Conflict)
	})
}

func TestAPlaceThatHasRetiredIsPairedAgain(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
	old := p.retire(p.b, p.a)
	p.a.did(p.a.Open(ctx, old))
	_, err := p.b.Offer(ctx, "other", "")
	isKind(t, err, chat.Conflict) // it stands by, and the move is not over
	p.a.did(p.a.End(ctx, move))
	p.b.did(p.b.End(ctx, move))
	p.want(p.b, chat.Retired, 2)
	own, key := p.b.at().Pair.Own, p.b.at().Pair.Key

	t.Run("an offer that is not answered changes nothing for those who are passed on", func(t *testing.T) {
		o, err := p.b.Offer(ctx, "again", "")
		p.b.did(o, err)
		p.want(p.b, chat.Standby, 0)
		if st := p.b.at(); st.Pair.Holds().Key != key || st.Pair.Peer != "https://a.example" {
			t.Errorf("it passes people on by %+v", st.Pair.Holds())
		}
		p.b.did(p.b.End(ctx, "again"))
		p.want(p.b, chat.Retired, 2)
	})
	t.Run("nothing of the pair before is worth anything in the new one", func(t *testing.T) {
		p.pair()
		if at := p.b.at().Pair; at.Key == key || at.Own != own || at.Was != nil {
			t.Errorf("the pair: %+v", at)
		}
		p.want(p.a, chat.Open, 0)
		p.want(p.b, chat.Standby, 0)
		_, err := p.a.Open(ctx, old)
		isKind(t, err, chat.Denied)
		c := p.retire(p.a, p.b)
		p.b.did(p.b.Open(ctx, c))
		p.want(p.a, chat.Standby, 1)
		p.want(p.b, chat.Open, 1)
	})
	t.Run("the one that had the history first can follow, too", func(t *testing.T) {
		p.b.did(p.b.End(ctx, move))
		p.a.did(p.a.End(ctx, move))
		p.want(p.a, chat.Retired, 1)
		p.a, p.b = p.b, p.a
		p.pair()
		if own := p.b.at().Pair.Own; own != 0 {
			t.Errorf("up to %d all is its own, and would not be compared", own)
		}
		p.a.did(nil, p.a.write(7))
		p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
		p.want(p.b, chat.Open, 1)
	})
}

func TestFreezeAndRetire(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	_, err := p.a.Retire(ctx, move, p.a.at().Pos)
	isKind(t, err, chat.Conflict) // not frozen
	p.a.did(p.a.Freeze(ctx, move, time.Minute))
	p.want(p.a, chat.Frozen, 0)
	_, err = p.a.Retire(ctx, move, p.a.at().Pos-1)
	isKind(t, err, chat.Conflict)
	_, err = p.a.End(ctx, move)
	isKind(t, err, chat.Conflict)
	p.a.did(p.a.Freeze(ctx, move, 0))
	p.want(p.a, chat.Open, 0)
	p.a.did(p.a.Freeze(ctx, move, time.Minute))
	p.clock = p.clock.Add(time.Hour)
	_, err = p.a.Retire(ctx, move, p.a.at().Pos)
	isKind(t, err, chat.Conflict) // the lease is over
	p.want(p.a, chat.Open, 0)
	st, err := p.a.Freeze(ctx, move, 100*time.Hour)
	if p.a.did(st, err); st.Lease > st.Now+chat.Time((10*time.Minute).Microseconds()) {
		t.Error("one word can stop people for", time.Duration(st.Lease-st.Now)*time.Microsecond)
	}
	_, err = p.b.Freeze(ctx, move, time.Second)
	isKind(t, err, chat.Conflict)
	_, err = p.b.Retire(ctx, move, p.b.at().Pos)
	isKind(t, err, chat.Conflict)
}

func TestCertificatesOfAnotherKindAreRefused(t *testing.T) {
	ctx := t.Context()
	p, q := newPairing(t), newPairing(t)
	p.pair()
	q.pair()
	c := p.retire(p.a, p.b)
	t.Run("forged or changed ones", func(t *testing.T) {
		for name, change := range map[string]func(*chat.Certificate){
			"no mark":         func(c *chat.Certificate) { c.Mark = nil },
			"another turn":    func(c *chat.Certificate) { c.Turn += 2 },
			"an earlier end":  func(c *chat.Certificate) { c.End.Pos-- },
			"another epoch":   func(c *chat.Certificate) { c.Also = append(c.Also, chat.Key{1}) },
			"another place":   func(c *chat.Certificate) { c.To = q.b.at().LogID },
			"another run":     func(c *chat.Certificate) { c.Run = chat.Key{1} },
			"another writer":  func(c *chat.Certificate) { c.From = q.a.at().LogID },
			"a greeting's":    func(c *chat.Certificate) { g, _ := p.a.Greet(ctx, move, nil); c.Mark = g.Mark },
			"another moment":  func(c *chat.Certificate) { c.At++ },
			"of another pair": func(c *chat.Certificate) { *c = q.retire(q.a, q.b); c.To, c.From = p.b.at().LogID, p.a.at().LogID },
		} {
			forged := c
			change(&forged)
			if _, err := p.b.Open(ctx, forged); !chat.IsKind(err, chat.Denied) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("as it went over the wire, it opens", func(t *testing.T) {
		var came chat.Certificate
		text, _ := json.Marshal(c)
		p.b.did(nil, json.Unmarshal(text, &came))
		p.b.did(p.b.Open(ctx, came))
		p.want(p.b, chat.Open, 1)
	})
	t.Run("an old one changes nothing", func(t *testing.T) {
		back := p.retire(p.b, p.a)
		p.b.did(p.b.Open(ctx, c))
		p.want(p.b, chat.Standby, 2)
		p.a.did(p.a.Open(ctx, back))
		p.b.did(p.b.Open(ctx, c))
		p.want(p.a, chat.Open, 2)
	})
	t.Run("greetings too", func(t *testing.T) {
		g, err := p.b.Greet(ctx, move, nil)
		p.b.did(g, err)
		g.Turn += 5
		_, err = p.a.Meet(ctx, g)
		isKind(t, err, chat.Denied)
		g, _ = q.b.Greet(ctx, move, nil)
		_, err = p.a.Meet(ctx, g)
		isKind(t, err, chat.Denied)
		g, _ = p.a.Greet(ctx, move, nil)
		_, err = p.a.Meet(ctx, g) // its own
		isKind(t, err, chat.Denied)
	})
}

func TestNothingMissing(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.a.did(nil, p.a.write(1))
	p.b.carried(p.a)
	p.a.did(nil, p.a.write(2))
	st, err := p.a.Freeze(ctx, move, time.Minute)
	p.a.did(st, err)
	c, err := p.a.Retire(ctx, move, st.Pos)
	p.a.did(c, err)
	_, err = p.b.Open(ctx, c)
	isKind(t, err, chat.Conflict)
	p.want(p.b, chat.Receiving, 0)
	p.meet() // brings the certificate too, and opens nothing yet
	p.want(p.b, chat.Receiving, 0)
	p.b.carried(p.a)
	p.meet()
	p.want(p.b, chat.Open, 1)
}
