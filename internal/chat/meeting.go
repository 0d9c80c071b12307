package chat

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
)

// Greeting is what one place of a pair says to the other, in an answer or by
// itself. All of it stays true: it may come late, twice, or out of order, and
// whoever carries it can neither read more from it nor change it.
//
// A place that starts is a new run of itself: its database may be an old copy.
// It does nothing with the turn before the other place has heard of the run,
// for from then on the other one takes no certificate of an older run any more.
type Greeting struct {
	Move  string       `json:"move"`
	From  Key          `json:"from"`           // log of who speaks
	To    Key          `json:"to"`             // log of who is spoken to
	Turn  Turn         `json:"turn"`           // the newest that From knows of
	Run   Key          `json:"run"`            // of From
	Heard Key          `json:"heard"`          // the newest run of To that From has heard of
	Over  bool         `json:"over,omitempty"` // the pair has ended for From
	Came  *Certificate `json:"came,omitempty"` // that From has given with this turn
	Mark  []byte       `json:"mark"`           // HMAC-SHA-256 of the rest under the move's key
}

// Greet says how this place stands to the other one. If that one has said
// something before, it is heard first, so that this is the answer.
func (h *Handover) Greet(ctx context.Context, move string, heard *Greeting) (g Greeting, err error) {
	if heard != nil {
		if _, err := h.Meet(ctx, *heard); err != nil {
			return g, err
		}
	}
	_, err = h.govern(ctx, move, func(s *Standing) error {
		if s.Pair.Key == "" {
			return Errorf(Conflict, "the two places of the move %s are not paired yet", move).WithHint("run `godwit sync` again: it goes on where it stopped")
		}
		g = Greeting{Move: move, From: s.LogID, To: s.Pair.Log, Turn: s.Pair.Turn, Run: s.Pair.Run, Heard: s.Pair.Heard, Over: s.Pair.Over}
		if g.Came, err = h.renew(s); err != nil {
			return err
		}
		g.Mark, err = h.mark(&s.Pair, "greeting", &g)
		return err
	})
	return g, err
}

// Meet hears what the other place says. A place that was set back, or whose
// turn has ended, gives way; one that was started again goes on if its turn has
// not ended; and one that is given the turn opens if all has arrived. It fails
// with Denied if it was not the other place that said it.
func (h *Handover) Meet(ctx context.Context, g Greeting) (Standing, error) {
	st, err := h.govern(ctx, g.Move, func(s *Standing) error {
		given := g.Mark
		g.Mark = nil
		mark, err := h.mark(&s.Pair, "greeting", &g)
		if err != nil {
			return err
		}
		if !hmac.Equal(mark, given) || g.To != s.LogID || g.From != s.Pair.Log {
			return Errorf(Denied, "this was not said by the other place of the move %s to this one", g.Move)
		}
		s.learn(g.Turn)
		s.hear(g)
		return nil
	})
	if err != nil || g.Came == nil || g.Came.Turn <= st.Pair.Turn {
		return st, err
	}
	opened, err := h.Open(ctx, *g.Came)
	if IsKind(err, Conflict) {
		return st, nil // something is missing yet: a mover brings it
	}
	return opened, err
}

// hear takes note of the runs that a greeting speaks of.
func (s *Standing) hear(g Greeting) {
	p := &s.Pair
	switch {
	case bytes.Compare(g.Run[:], p.Heard[:]) > 0:
		p.Heard, p.Theirs = g.Run, g.Turn
	case g.Run == p.Heard:
		p.Theirs = max(p.Theirs, g.Turn)
	}
	switch {
	case g.Heard == p.Run && !p.Doubled:
		p.Unmet = false
		if p.Mine() && s.State == Frozen && s.Lease == Unasked {
			s.State, s.Lease = Open, 0
		}
	case bytes.Compare(g.Heard[:], p.Run[:]) <= 0 || p.Doubled:
		// It has not heard of this run yet; the next answer is one to it.
	case p.Unmet:
		p.Run = newRun(s.Now, g.Heard) // the clock was set back
	default:
		p.Unmet, p.Doubled = true, true
		s.doubt()
	}
	if g.Over && !p.Over {
		p.Over = true
		if !p.Mine() && s.State == Standby {
			s.State = Retired
		}
	}
}

// doubt keeps a place from writing until the other one has heard of its run.
func (s *Standing) doubt() {
	if s.Pair.Mine() && (s.State == Open || s.State == Frozen) {
		s.State, s.Lease = Frozen, Unasked
	}
}

// newRun makes a run that is newer than another.
func newRun(now Time, than Key) Key {
	var random [10]byte
	rand.Read(random[:]) //nolint:errcheck // never fails
	k := NewKey(now, random)
	if bytes.Compare(k[:], than[:]) <= 0 {
		var ms int64
		for _, b := range than[:6] {
			ms = ms<<8 | int64(b)
		}
		k = NewKey(Time((ms+1)*1000), random)
	}
	return k
}

// Unasked is the lease of a place that started within a move and has not
// heard yet whether the turn is still its own: it does not run out.
const Unasked Time = 1<<63 - 1

// Wake is for when a server starts in a move that is not over: a place whose
// turn it is stays frozen, and one whose turn it is not takes none, until Meet,
// for its database may be an old copy.
func (h *Handover) Wake(ctx context.Context) (Standing, error) {
	var st Standing
	err := h.Store.Govern(ctx, func(s *Standing) error {
		p := &s.Pair
		if p.Move != "" && !p.Over {
			p.Run, p.Unmet, p.Doubled = newRun(s.Now, p.Run), true, false
			s.doubt()
		}
		st = *s
		return nil
	})
	return st, err
}
