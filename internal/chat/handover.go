package chat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
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
	// Began is where this place's log was when it took the turn: what the other
	// log was at the end of the certificate.
	Began Cursor
	Note  string // what an operator's word has overruled; "" if nothing has
	Over  bool   // ended: completed or given up

	Run     Key    // of this place: a newer one since each start in the move, zero before
	Heard   Key    // the newest run of the other place that this one has heard of
	Theirs  Turn   // the newest turn that the other place, in that run, has said to know of
	Unmet   bool   // started in the move, and the other place has not heard of this run
	Doubled bool   // the other place has heard of a newer run: a copy of this place was started
	Offered []byte // the offer that was answered here

	Key     string // the move's key, sealed for this place; "" until it came
	Private string // what opens the key when it comes, sealed for this place

	// Was is the pair in which this place had retired when it made its offer. It
	// holds until the answer has come: people are passed on by it.
	Was *Pair `json:",omitempty"`
}

// Holds is the pair that holds: the one before, while this one is only offered.
func (p *Pair) Holds() *Pair {
	if p.Key == "" && p.Was != nil {
		return p.Was
	}
	return p
}

// Mine reports whether the turn is this place's.
func (p *Pair) Mine() bool { return (p.Turn%2 == 0) == p.Even }

// Certificate says that a place has retired for good at a position of its log,
// and that the other one may open when it has all up to there. Who has the
// move's key can make one: the two places, and no mover.
type Certificate struct {
	Move string `json:"move"`
	Turn Turn   `json:"turn"`           // that begins with it
	From Key    `json:"from"`           // log that ends
	Run  Key    `json:"run"`            // of the place that gives it
	To   Key    `json:"to"`             // log that goes on
	End  Cursor `json:"end"`            // of the log that ends
	Also []Key  `json:"also,omitempty"` // epochs in which the position of End is the same
	At   Time   `json:"at"`
	Mark []byte `json:"mark"` // HMAC-SHA-256 of the rest under the move's key
}

// ends reports whether who has reached a cursor has all up to the end.
func (c *Certificate) ends(reached Cursor) bool {
	switch {
	case reached.LogID != c.From:
		return false
	case reached.Epoch == c.End.Epoch:
		return reached.Pos >= c.End.Pos
	}
	return reached.Pos == c.End.Pos && slices.Contains(c.Also, reached.Epoch)
}

// Standing is where a place stands in a move, as of one moment.
type Standing struct {
	Head
	Pair    Pair
	Reached string // cursor of the move into this place; "" if nothing came
	Now     Time   // the database's clock
	Alike   []Key  // epochs in which the head's position is the same, its own too
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
// the turn is not this place's, or may not be: then nothing is changed.
func (h *Handover) Freeze(ctx context.Context, move string, lease time.Duration) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		switch {
		case s.Pair.Over:
			return Errorf(Conflict, "the move %s is over", move)
		case !s.Pair.Mine() || s.State != Open && s.State != Frozen:
			return Errorf(Conflict, "this place is %s: it cannot be frozen", s.State).
				WithHint("the other place takes the writes now")
		case s.Pair.Unmet || s.Lease == Unasked:
			return unmet()
		case lease <= 0:
			s.State, s.Lease = Open, 0
		default:
			s.State, s.Lease = Frozen, s.Now+Time(min(lease, maxLease)/time.Microsecond)
		}
		return nil
	})
}

func unmet() error {
	return Errorf(Conflict, "this place was started within the move, and the other one has not answered since whether the turn is still its own").
		WithHint("start the other place, or a mover that reaches both; `godwit admin pair` shows how it stands")
}

// Retire gives the turn away, if the place is still frozen and nothing was
// written after the position: the point of no return. It fails with Conflict
// otherwise. A place that has retired gives its certificate again.
func (h *Handover) Retire(ctx context.Context, move string, at Position) (c Certificate, err error) {
	_, err = h.govern(ctx, move, func(s *Standing) error {
		if again, err := h.renew(s); again != nil || err != nil {
			if err == nil {
				c = *again
			}
			return err
		}
		switch {
		case s.Pair.Unmet || s.Lease == Unasked:
			return unmet()
		case s.Pair.Over || !s.Pair.Mine() || s.State != Frozen:
			return Errorf(Conflict, "this place is %s, and not frozen for the move %s any more", s.State, move).
				WithHint("people go on here as before; cut over again")
		case s.Pos != at:
			return Errorf(Conflict, "this place is at position %d, and %d was verified", s.Pos, at).
				WithHint("people go on here as before; cut over again")
		}
		c = Certificate{Move: move, Turn: s.Pair.Turn + 1, From: s.LogID, To: s.Pair.Log, At: s.Now}
		if err := h.certify(s, &c); err != nil {
			return err
		}
		s.State, s.Lease, s.Pair.Turn = Standby, 0, c.Turn
		return nil
	})
	return c, err
}

// renew returns the certificate that the place has given with the present
// turn, as true as it is now; nil if it has given none. A place that was
// started again since gives it as the run that it is, and one that has taken
// what the other place wrote since wants that other place, should it have been
// set back, to have it all again.
func (h *Handover) renew(s *Standing) (*Certificate, error) {
	p := &s.Pair
	if p.Came == nil || p.Came.From != s.LogID || p.Came.Turn != p.Turn || p.Mine() {
		return nil, nil //nolint:nilnil // there is none
	}
	if p.Came.Run == p.Run && p.Came.End.Pos == s.Pos {
		return p.Came, nil
	}
	c := *p.Came
	if err := h.certify(s, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// certify completes a certificate of this place, as it is now.
func (h *Handover) certify(s *Standing, c *Certificate) (err error) {
	c.Run, c.End, c.Also, c.Mark = s.Pair.Run, Cursor{LogID: s.LogID, Epoch: s.Epoch, Pos: s.Pos}, s.Alike, nil
	if c.Mark, err = h.mark(&s.Pair, "certificate", c); err == nil {
		s.Pair.Came = c
	}
	return err
}

// Open takes the turn, on the other place's certificate, if all up to its end
// has arrived. It fails with Denied if the certificate is not the pair's, and
// with Conflict if something is missing yet, or the two have to meet before.
func (h *Handover) Open(ctx context.Context, c Certificate) (Standing, error) {
	st, err := h.govern(ctx, c.Move, func(s *Standing) error { return h.open(s, c) })
	if IsKind(err, Conflict) && c.Turn > 0 {
		// It proves that the turn went on, though this place cannot have it yet.
		_, e := h.govern(ctx, c.Move, func(s *Standing) error { s.learn(c.Turn - 1); return nil })
		err = errors.Join(err, e)
	}
	return st, err
}

func (h *Handover) open(s *Standing, c Certificate) error {
	given := c.Mark
	c.Mark = nil
	mark, err := h.mark(&s.Pair, "certificate", &c)
	if err != nil {
		return err
	}
	if !hmac.Equal(mark, given) || c.To != s.LogID || c.From != s.Pair.Log {
		return Errorf(Denied, "this certificate is not one of the move %s to this place", c.Move)
	}
	c.Mark = given
	if c.Turn <= s.Pair.Turn {
		return nil // known already
	}
	s.learn(c.Turn - 1)
	switch {
	case s.Pair.Unmet:
		return unmet()
	case c.Run != s.Pair.Heard:
		return Errorf(Conflict, "the other place was started again since it gave the certificate of turn %d", c.Turn).
			WithHint("ask it again for its certificate; if it does not stand by, its turn is not over")
	}
	reached, err := ParseCursor(s.Reached)
	if err != nil || !c.ends(reached) {
		return Errorf(Conflict, "what was written at the other place up to position %d has not all arrived: this place is at %q", c.End.Pos, s.Reached).
			WithHint("run `godwit sync` again: it goes on where it stopped")
	}
	s.State, s.Lease, s.Pair.Turn, s.Pair.Came = Open, 0, c.Turn, &c
	s.Pair.Began = Cursor{LogID: s.LogID, Epoch: s.Epoch, Pos: s.Pos}
	return nil
}

// learn takes note that the turn has come to t. Without a certificate a place
// never gets a turn by that: it stands by and waits for one.
func (s *Standing) learn(t Turn) {
	p := &s.Pair
	if (t%2 == 0) == p.Even {
		t--
	}
	if t <= p.Turn {
		return
	}
	if p.Mine() {
		s.State, s.Lease = Standby, 0
	}
	p.Turn = t
}

// Overrule is an operator's word that the other place is gone for good: this
// one takes the turn without it. What the other wrote and this one has not got
// is lost, and the other place gives way if it ever comes back.
func (h *Handover) Overrule(ctx context.Context, move, why string) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		if !s.Pair.Mine() {
			s.Pair.Turn++
		} else if s.State != Open {
			s.Pair.Turn += 2
		}
		s.State, s.Lease, s.Pair.Note = Open, 0, why
		s.Pair.Unmet, s.Pair.Doubled = false, false
		return nil
	})
}

// End ends the pair: the place whose turn it is goes on alone, and the other
// is retired for good, and does nothing but pass people on. It is for the place
// whose turn it is first. A place that has retired can be offered again, to the
// one that it retired for: see Offer.
func (h *Handover) End(ctx context.Context, move string) (Standing, error) {
	return h.govern(ctx, move, func(s *Standing) error {
		if s.Pair.Mine() && s.State == Frozen {
			return Errorf(Conflict, "this place is frozen: the move %s is being cut over", move)
		}
		s.Pair.Over = true
		if !s.Pair.Mine() && s.State == Standby {
			s.State = Retired
			s.Pair = *s.Pair.Holds() // nothing came of the offer
		}
		return nil
	})
}

// mark vouches for something under the move's key, for one purpose.
func (h *Handover) mark(p *Pair, purpose string, what any) ([]byte, error) {
	key, err := h.unseal(p.Key, pairPurpose(p.Move))
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

func (h *Handover) seal(plain []byte, purpose string) (string, error) {
	return (&Service{Sealer: h.Sealer}).seal(plain, purpose)
}

func (h *Handover) unseal(sealed, purpose string) ([]byte, error) {
	return (&Service{Sealer: h.Sealer}).unseal(sealed, purpose)
}

func pairPurpose(move string) string { return "key of the move " + move }
