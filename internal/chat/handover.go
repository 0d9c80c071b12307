package chat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"time"
)

// Turn counts hand-overs of a pair of places: who has the turn takes writes.
// The even turns belong to the place that wrote when the pair was made.
type Turn int64

// Pair joins this place to another for a move. A place is in one at a time.
type Pair struct {
	Move string // name of the move, the same at both places
	Log  Key    // of the other place
	Peer string // address of the other place, as this server reaches it; "" if it cannot
	Even bool   // the even turns are this place's
	Turn Turn   // the newest this place knows of
	// Own is up to where what was made here is this place's own and no part of
	// the move: it is neither compared nor taken for extra.
	Own  Position
	Came *Certificate // the newest certificate that was given or taken here
	Note string       // what an operator's word has overruled; "" if nothing has
	Over bool         // ended: completed or given up

	Key     string // the move's key, sealed for this place; "" until it came
	Private string // what opens the key when it comes, sealed for this place
}

// Mine reports whether the turn is this place's.
func (p *Pair) Mine() bool { return (p.Turn%2 == 0) == p.Even }

// Certificate says that a place has retired for good at a position of its log,
// and that the other one may open when it has all up to there. Who has the
// move's key can make one: the two places, and no mover.
type Certificate struct {
	Move string `json:"move"`
	Turn Turn   `json:"turn"` // that begins with it
	From Key    `json:"from"` // log that ends
	To   Key    `json:"to"`   // log that goes on
	End  Cursor `json:"end"`  // of the log that ends
	At   Time   `json:"at"`
	Mark []byte `json:"mark"` // HMAC-SHA-256 of the rest under the move's key
}

// Standing is where a place stands in a move, as of one moment.
type Standing struct {
	Head
	Pair    Pair
	Reached string // cursor of the move into this place; "" if nothing came
	Now     Time   // the database's clock
}

// Governor is the store's side of hand-overs.
type Governor interface {
	// Govern locks the head, and runs fn on how things stand. What fn changes
	// of State, Lease and Pair is committed if it returns nil, and none of it
	// otherwise. A lease that ran out is gone before fn looks: a frozen place
	// is open again. Pair is zero if there never was one. Rings the Doorbell.
	Govern(ctx context.Context, fn func(*Standing) error) error

	// Standing looks, without a lock.
	Standing(ctx context.Context) (Standing, error)
}

// Handover holds the rules by which exactly one place of a pair takes writes.
// They are those of the model in docs/model/handover.pml: whoever changes one
// changes both. Every method may be called again and by several at once, and
// an answer that was lost can be had again by the same call.
type Handover struct {
	Store  Governor
	Sealer Sealer
}

// maxLease is the longest that a place may be frozen by one word.
const maxLease = 10 * time.Minute

func (h *Handover) govern(ctx context.Context, move string, fn func(*Standing) error) (st Standing, err error) {
	err = h.Store.Govern(ctx, func(now *Standing) error {
		if now.Pair.Move != move {
			return Errorf(NotFound, "this place is in no move %s", move).WithHint("pair the places first: godwit sync FROM TO")
		}
		if err := fn(now); err != nil {
			return err
		}
		st = *now
		return nil
	})
	return st, err
}

// Freeze stops writes for as long as the lease, or longer if they were stopped
// already; a lease of zero or less lets them go on. It fails with Conflict if
// the turn is not this place's: then nothing is changed.
func (h *Handover) Freeze(ctx context.Context, move string, lease time.Duration) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		switch {
		case s.Pair.Over:
			return Errorf(Conflict, "the move %s is over", move)
		case !s.Pair.Mine() || s.State != Open && s.State != Frozen:
			return Errorf(Conflict, "this place is %s: it cannot be frozen", s.State).
				WithHint("the other place takes the writes now")
		case lease <= 0:
			s.State, s.Lease = Open, 0
		default:
			s.State, s.Lease = Frozen, s.Now+Time(min(lease, maxLease)/time.Microsecond)
		}
		return nil
	})
}

// Retire gives the turn away, if the place is still frozen and nothing was
// written after the position: the point of no return. It fails with Conflict
// otherwise. Again, it gives the same certificate.
func (h *Handover) Retire(ctx context.Context, move string, at Position) (c Certificate, err error) {
	_, err = h.govern(ctx, move, func(s *Standing) error {
		if got := s.Pair.Came; got != nil && got.From == s.LogID && !s.Pair.Mine() && got.End.Pos == at {
			c = *got
			return nil
		}
		if s.Pair.Over || !s.Pair.Mine() || s.State != Frozen {
			return Errorf(Conflict, "this place is %s, and not frozen for the move %s any more", s.State, move).
				WithHint("people go on here as before; cut over again")
		}
		if s.Pos != at {
			return Errorf(Conflict, "this place is at position %d, and %d was verified", s.Pos, at).
				WithHint("people go on here as before; cut over again")
		}
		c = Certificate{
			Move: move, Turn: s.Pair.Turn + 1, From: s.LogID, To: s.Pair.Log,
			End: Cursor{LogID: s.LogID, Epoch: s.Epoch, Pos: s.Pos}, At: s.Now,
		}
		if c.Mark, err = h.mark(&s.Pair, "certificate", c); err != nil {
			return err
		}
		s.State, s.Lease, s.Pair.Turn, s.Pair.Came = Standby, 0, c.Turn, &c
		return nil
	})
	return c, err
}

// Open takes the turn, on the other place's certificate, if all up to its end
// has arrived. It fails with Denied if the certificate is not the pair's, and
// with Conflict if something is missing yet.
func (h *Handover) Open(ctx context.Context, c Certificate) (Standing, error) {
	return h.govern(ctx, c.Move, func(s *Standing) error {
		mark, given := []byte(nil), c.Mark
		c.Mark = nil
		mark, err := h.mark(&s.Pair, "certificate", c)
		if err != nil {
			return err
		}
		c.Mark = given
		switch {
		case !hmac.Equal(mark, given) || c.To != s.LogID || c.From != s.Pair.Log:
			return Errorf(Denied, "this certificate is not one of the move %s to this place", c.Move)
		case c.Turn <= s.Pair.Turn:
			return nil // known already
		case c.Turn != s.Pair.Turn+1 || s.Pair.Mine():
			return Errorf(Conflict, "turn %d cannot follow on turn %d", c.Turn, s.Pair.Turn)
		}
		reached, err := ParseCursor(s.Reached)
		if err != nil || reached.LogID != c.From || reached.Pos < c.End.Pos {
			return Errorf(Conflict, "what was written at the other place up to position %d has not all arrived: this place is at %q", c.End.Pos, s.Reached).
				WithHint("run `godwit sync` again: it goes on where it stopped")
		}
		s.State, s.Lease, s.Pair.Turn, s.Pair.Came = Open, 0, c.Turn, &c
		return nil
	})
}

// Meet learns which turn the other place knows of. A place that was set back,
// or that restarted after its turn had ended, gives way; one that froze itself
// when it started goes on if the turn is still its own.
func (h *Handover) Meet(ctx context.Context, move string, turn Turn) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		if turn > s.Pair.Turn && s.Pair.Mine() {
			s.Pair.Turn = turn
			if !s.Pair.Mine() {
				s.State, s.Lease = Standby, 0
			}
			return nil
		}
		if s.Pair.Mine() && s.State == Frozen && s.Lease == Unasked {
			s.State, s.Lease = Open, 0
		}
		return nil
	})
}

// Unasked is the lease of a place that started within a move and has not
// heard yet whether the turn is still its own: it does not run out.
const Unasked Time = 1<<63 - 1

// Wake is for when a server starts: a place whose turn it is in a move that is
// not over stays frozen until Meet, for its database may be an old copy.
func (h *Handover) Wake(ctx context.Context) (Standing, error) {
	var st Standing
	err := h.Store.Govern(ctx, func(s *Standing) error {
		if s.Pair.Move != "" && !s.Pair.Over && s.Pair.Mine() && (s.State == Open || s.State == Frozen) {
			s.State, s.Lease = Frozen, Unasked
		}
		st = *s
		return nil
	})
	return st, err
}

// Overrule is an operator's word that the other place is gone for good: this
// one takes the turn without it. What the other wrote and this one has not got
// is lost, and the other place gives way if it ever comes back.
func (h *Handover) Overrule(ctx context.Context, move, why string) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		if !s.Pair.Mine() {
			s.Pair.Turn++
		} else if s.Lease == Unasked || s.State != Open {
			s.Pair.Turn += 2
		}
		s.State, s.Lease, s.Pair.Note = Open, 0, why
		return nil
	})
}

// End ends the pair: the place whose turn it is goes on alone, and the other
// is retired for good, and does nothing but pass people on.
func (h *Handover) End(ctx context.Context, move string) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		if s.Pair.Mine() && s.State == Frozen {
			return Errorf(Conflict, "this place is frozen: the move %s is being cut over", move)
		}
		s.Pair.Over = true
		if !s.Pair.Mine() && s.State == Standby {
			s.State = Retired
		}
		return nil
	})
}

// mark vouches for something under the move's key, for one purpose.
func (h *Handover) mark(p *Pair, purpose string, what any) ([]byte, error) {
	key, err := h.Sealer.Open(p.Key, pairPurpose(p.Move))
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\x00"))
	mac.Write(text)
	return mac.Sum(nil), nil
}

func pairPurpose(move string) string { return "key of the move " + move }
