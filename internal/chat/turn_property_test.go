package chat_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-chat/godwit/internal/chat"
)

// turnMachine is two places and all that can happen to them: movers that come
// late or twice, messages that are lost, repeated and out of order, restarts,
// clocks that jump, and one place that is set back to old copies of itself.
type turnMachine struct {
	*pairing
	dir    string
	places []*pairPlace
	victim *pairPlace // the one that may be set back

	answers   []chat.PairAnswer
	certs     []chat.Certificate
	greetings []chat.Greeting
	batches   []lateBatch
	frozen    map[*pairPlace][]chat.Position // where it was frozen
	copies    []string

	n     int
	turn  chat.Turn // the newest in which somebody was open
	who   *pairPlace
	acked map[chat.MessageID]chat.Turn // what was acknowledged, and is not lost with a copy
}

// TestMain keeps properties short: each check makes two databases. Ask for more
// with -rapid.checks, as make soak does.
func TestMain(m *testing.M) {
	flag.Set("rapid.checks", "25") //nolint:errcheck // it exists
	flag.Parse()
	os.Exit(m.Run())
}

type lateBatch struct {
	to *pairPlace
	b  chat.Batch
}

func (m *turnMachine) ctx() context.Context { return context.Background() }

// tried fails the test unless an error is one that a caller has to expect.
func (m *turnMachine) tried(t *rapid.T, what string, err error) {
	if err != nil && !chat.IsKind(err, chat.Conflict) && !chat.IsKind(err, chat.Unavailable) && !chat.IsKind(err, chat.NotFound) {
		t.Fatalf("%s: %v", what, err)
	}
}

func (m *turnMachine) one(t *rapid.T) *pairPlace {
	return m.places[rapid.IntRange(0, 1).Draw(t, "place")]
}

func (m *turnMachine) other(p *pairPlace) *pairPlace {
	if p == m.a {
		return m.b
	}
	return m.a
}

func (m *turnMachine) write(t *rapid.T) { m.writeAt(t, m.one(t)) }

func (m *turnMachine) writeAt(t *rapid.T, p *pairPlace) {
	m.n++
	id := chat.MessageID(chat.DeriveKey(chat.Time(m.n), "test", "message", fmt.Sprint(m.n)))
	err := p.db.Update(m.ctx(), func(tx chat.Tx) error {
		return tx.Put(&chat.Message{ID: id, Sent: chat.Time(m.n), Text: fmt.Sprint(m.n)})
	})
	st := p.at()
	if err == nil && st.State == chat.Receiving {
		t.Fatal("a message was written where nothing may be")
	}
	if err == nil {
		m.acked[id] = st.Pair.Turn
	} else if _, ok := errors.AsType[*chat.Closed](err); !ok {
		t.Fatalf("write: %v", err)
	}
}

// batch reads what the follower lacks, as a mover does.
func (m *turnMachine) batch(from, to *pairPlace) (chat.Batch, error) {
	st, err := to.db.Begin(m.ctx(), chat.MoveSpec{Name: move, Source: "live"})
	if err != nil {
		return chat.Batch{}, err
	}
	after := chat.Position(0)
	if c, _ := chat.ParseCursor(st.Cursor); st.Cursor != "" {
		err := from.db.View(m.ctx(), func(r chat.Reader) error {
			ok, err := r.Follows(c)
			if ok {
				after = c.Pos
			}
			return err
		})
		if err != nil {
			return chat.Batch{}, err
		}
	}
	b := chat.Batch{Move: move, Fence: st.Fence, From: st.Cursor, Mirror: true}
	for done := false; !done; {
		var list []chat.Incoming
		head := from.at().Head
		if list, after, done, err = from.db.Export(m.ctx(), after, 1000); err != nil {
			return b, err
		}
		b.Items = append(b.Items, list...)
		b.To = chat.Cursor{LogID: head.LogID, Epoch: head.Epoch, Pos: after}.String()
	}
	return b, nil
}

func (m *turnMachine) carry(t *rapid.T) {
	from := m.one(t)
	b, err := m.batch(from, m.other(from))
	if err == nil {
		_, err = m.other(from).db.Apply(m.ctx(), b)
	}
	m.tried(t, "carry", err)
}

func (m *turnMachine) carryLate(t *rapid.T) {
	from := m.one(t)
	b, err := m.batch(from, m.other(from))
	m.tried(t, "read", err)
	if err == nil {
		m.batches = append(m.batches, lateBatch{m.other(from), b})
	}
}

func (m *turnMachine) applyLate(t *rapid.T) {
	if len(m.batches) > 0 {
		l := m.batches[rapid.IntRange(0, len(m.batches)-1).Draw(t, "batch")]
		_, err := l.to.db.Apply(m.ctx(), l.b)
		m.tried(t, "apply late", err)
	}
}

func (m *turnMachine) freeze(t *rapid.T) {
	p := m.one(t)
	lease := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour}).Draw(t, "lease")
	st, err := p.Freeze(m.ctx(), move, lease)
	if m.tried(t, "freeze", err); err == nil && lease > 0 {
		m.frozen[p] = append(m.frozen[p], st.Pos)
	}
}

// retire asks a place for its turn. The answer may be lost.
func (m *turnMachine) retire(t *rapid.T) {
	p := m.one(t)
	if len(m.frozen[p]) == 0 {
		return
	}
	c, err := p.Retire(m.ctx(), move, rapid.SampledFrom(m.frozen[p]).Draw(t, "at"))
	if m.tried(t, "retire", err); err == nil {
		m.certs = append(m.certs, c)
	}
}

// cutOver is what a mover does if nothing goes wrong, up to the certificate.
func (m *turnMachine) cutOver(t *rapid.T) {
	p := m.one(t)
	st, err := p.Freeze(m.ctx(), move, time.Minute)
	if err == nil {
		var b chat.Batch
		if b, err = m.batch(p, m.other(p)); err == nil {
			_, err = m.other(p).db.Apply(m.ctx(), b)
		}
	}
	if err == nil {
		var c chat.Certificate
		if c, err = p.Retire(m.ctx(), move, st.Pos); err == nil {
			m.certs = append(m.certs, c)
		}
	}
	m.tried(t, "cut over", err)
}

func (m *turnMachine) openOne(t *rapid.T) {
	if len(m.certs) == 0 {
		return
	}
	c := m.certs[rapid.IntRange(0, len(m.certs)-1).Draw(t, "certificate")]
	to := m.a
	if c.To == m.b.at().LogID {
		to = m.b
	}
	_, err := to.Open(m.ctx(), c)
	m.tried(t, "open", err)
}

// greet lets a place say something, after it has heard something old, or new,
// or nothing. It may never arrive.
func (m *turnMachine) greet(t *rapid.T) {
	p := m.one(t)
	var heard *chat.Greeting
	if mine := slices.DeleteFunc(slices.Clone(m.greetings), func(g chat.Greeting) bool { return g.To != p.at().LogID }); len(mine) > 0 {
		i := rapid.IntRange(-1, len(mine)-1).Draw(t, "greeting")
		if rapid.Bool().Draw(t, "newest") {
			i = len(mine) - 1
		}
		if i >= 0 {
			heard = &mine[i]
		}
	}
	g, err := p.Greet(m.ctx(), move, heard)
	if m.tried(t, "greet", err); err == nil {
		m.greetings = append(m.greetings, g)
	}
}

func (m *turnMachine) pairAgain(t *rapid.T) {
	o, err := m.b.Offer(m.ctx(), move, "")
	m.tried(t, "offer", err)
	a, err := m.a.Answer(m.ctx(), move, "", o)
	if m.tried(t, "answer", err); err == nil {
		m.answers = append(m.answers, a)
	}
	m.tried(t, "accept", m.b.Accept(m.ctx(), move, m.answers[rapid.IntRange(0, len(m.answers)-1).Draw(t, "answer")]))
}

func (m *turnMachine) restartOne(t *rapid.T) { m.one(t).restart() }

func (m *turnMachine) jump(t *rapid.T) {
	m.clock = m.clock.Add(time.Duration(rapid.IntRange(-100, 200).Draw(t, "minutes")) * time.Minute)
}

func (m *turnMachine) copyOne(t *rapid.T) {
	if len(m.copies) >= 4 {
		return
	}
	raw, err := sql.Open("sqlite", m.victim.path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() //nolint:errcheck // only read
	to := filepath.Join(m.dir, fmt.Sprintf("copy%d.db", len(m.copies)))
	if _, err := raw.Exec(`VACUUM INTO ?`, to); err != nil {
		t.Fatal(err)
	}
	m.copies = append(m.copies, to)
}

func (m *turnMachine) setBack(t *rapid.T) {
	if len(m.copies) == 0 {
		return
	}
	data, err := os.ReadFile(rapid.SampledFrom(m.copies).Draw(t, "copy"))
	if err != nil {
		t.Fatal(err)
	}
	m.victim.restore(data)
	if m.victim != m.who {
		return
	}
	// What it alone took since is gone with it, unless it is in the copy.
	there := m.contents(m.victim)
	maps.DeleteFunc(m.acked, func(id chat.MessageID, turn chat.Turn) bool { return turn >= m.turn && !there[id] })
}

func (m *turnMachine) contents(p *pairPlace) map[chat.MessageID]bool {
	there := map[chat.MessageID]bool{}
	err := p.db.View(m.ctx(), func(r chat.Reader) error {
		list, _, err := r.Changes(0, 100_000, chat.KindMessage)
		for _, c := range list {
			there[chat.MessageID(c.Object.Key())] = true
		}
		return err
	})
	p.did(nil, err)
	return there
}

// check holds what must always be so.
func (m *turnMachine) check(t *rapid.T) {
	var open []*pairPlace
	for _, p := range m.places {
		st := p.at()
		if st.State != chat.Open {
			continue
		}
		open = append(open, p)
		if st.Pair.Turn < m.turn {
			t.Fatalf("turn %d writes after turn %d", st.Pair.Turn, m.turn)
		}
		m.turn, m.who = st.Pair.Turn, p
		there := m.contents(p)
		for id, turn := range m.acked {
			if !there[id] {
				t.Fatalf("%s is open at turn %d, and lacks %s, which was acknowledged in turn %d", filepath.Base(p.path), st.Pair.Turn, id, turn)
			}
		}
	}
	if len(open) > 1 {
		t.Fatalf("both places are open: %+v\n%+v", m.a.at(), m.b.at())
	}
}

// recover is what a mover does, and the places among themselves, when nothing
// goes wrong any more: somebody opens.
func (m *turnMachine) recover(t *rapid.T) {
	m.clock = m.clock.Add(24 * time.Hour)
	for range 8 {
		m.pairing.meet()
		m.check(t)
		a, b := m.a.at(), m.b.at()
		if a.State == chat.Open || b.State == chat.Open {
			return
		}
		from, to := m.a, m.b
		if b.Pair.Turn > a.Pair.Turn {
			from, to = to, from
		}
		batch, err := m.batch(from, to)
		if err == nil {
			_, err = to.db.Apply(m.ctx(), batch)
		}
		m.tried(t, "bring the rest", err)
	}
	t.Fatalf("nobody opens: %+v\n%+v", m.a.at(), m.b.at())
}

func TestNeverTwoWritersWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &turnMachine{pairing: &pairing{t: rt, clock: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)}, dir: t.TempDir(), frozen: map[*pairPlace][]chat.Position{}, acked: map[chat.MessageID]chat.Turn{}}
		now := func() time.Time { return m.clock }
		m.a, m.b = newPairPlace(rt, filepath.Join(m.dir, "a.db"), now), newPairPlace(rt, filepath.Join(m.dir, "bb.db"), now)
		m.places = []*pairPlace{m.a, m.b}
		m.victim = m.one(rt)
		m.who = m.a
		m.writeAt(rt, m.a)
		m.pair()
		m.pairAgain(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.write, "write again": m.write, "carry": m.carry, "read for later": m.carryLate, "apply late": m.applyLate,
			"freeze": m.freeze, "retire": m.retire, "cut over": m.cutOver, "cut over again": m.cutOver, "open": m.openOne, "open another": m.openOne,
			"greet": m.greet, "greet again": m.greet, "meet": func(*rapid.T) { m.meet() }, "pair again": m.pairAgain,
			"restart": m.restartOne, "jump": m.jump, "copy": m.copyOne, "set back": m.setBack,
			"": m.check,
		})
		m.recover(rt)
	})
}
