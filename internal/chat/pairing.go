package chat

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
)

// Two places are paired by three calls, each of which may be repeated: Offer
// at the one that takes the history, Answer at the one that has it, Accept at
// the first again. The mover carries what they say to each other, and cannot
// read the key that they share afterwards.

// PairOffer is what the place that takes the history says first.
type PairOffer struct {
	Log    Key    `json:"log"`
	Public []byte `json:"public"` // HPKE key (RFC 9180: DHKEM(X25519), HKDF-SHA256, AES-256-GCM)
}

// PairAnswer is what the place that has the history says then.
type PairAnswer struct {
	Log Key    `json:"log"`
	Key []byte `json:"key"` // the move's key, sealed to the offer
}

const moveKeyBytes = 32

// Offer begins a pair at the place that takes the history, which receives from
// now on. It must be empty, which is for the caller to know, or have retired in
// a pair that is over: then it stands by, and takes an answer only of the place
// that it retired for, with which all that it has is compared. It fails with
// Conflict if the place is in another move that is not over. Peer is the other
// place's address, as this server reaches it; it may be empty.
func (h *Handover) Offer(ctx context.Context, move, peer string) (o PairOffer, err error) {
	err = h.Store.Govern(ctx, func(s *Standing) error {
		if s.Pair.Move != move || s.Pair.Over {
			if s.Pair.Move != "" && !s.Pair.Over {
				return Errorf(Conflict, "this place is in the move %s already", s.Pair.Move).WithHint("end that first: godwit abort %s", s.Pair.Move)
			}
			if s.State != Open && s.State != Receiving && (s.State != Retired || !s.Pair.Over) {
				return Errorf(Conflict, "this place is %s: nothing can be moved into it", s.State)
			}
			private, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
			if err != nil {
				return err
			}
			raw, err := private.Bytes()
			if err != nil {
				return err
			}
			sealed, err := h.seal(raw, pairPurpose(move)+", private")
			if err != nil {
				return err
			}
			s.offer(Pair{Move: move, Private: sealed})
		}
		if peer != "" {
			s.Pair.Peer = peer
		}
		private, err := h.private(&s.Pair)
		if err != nil {
			return err
		}
		o = PairOffer{Log: s.LogID, Public: private.PublicKey().Bytes()}
		return nil
	})
	return o, err
}

// offer begins a pair, and says what of the place is its own in it.
func (s *Standing) offer(p Pair) {
	was := s.Pair
	switch {
	case s.State == Retired:
		// All that it has came from the other place, or went there.
		if p.Was, p.Peer = &was, was.Peer; !was.Even {
			p.Own = was.Own
		}
		was.Was = nil
		s.Pair, s.State = p, Standby
		return
	case s.State == Receiving && was.Move != "" && !was.Even:
		p.Own = was.Own // what came since came in a move that was given up
	default:
		p.Own = s.Pos
	}
	s.Pair, s.State = p, Receiving
}

// Answer takes an offer at the place that has the history.
func (h *Handover) Answer(ctx context.Context, move, peer string, o PairOffer) (a PairAnswer, err error) {
	err = h.Store.Govern(ctx, func(s *Standing) error {
		if s.LogID == o.Log {
			return Errorf(Invalid, "both ends of the move are the same place").WithHint("name two places")
		}
		same := s.Pair.Move == move && s.Pair.Log == o.Log && s.Pair.Even
		switch {
		case same && bytes.Equal(s.Pair.Offered, o.Public):
			if s.Pair.Over {
				return Errorf(Conflict, "the move %s is over here, and the other place does not know", move).WithHint("tell it first: godwit abort %s", move)
			}
		case same && !s.Pair.Over:
			return Errorf(Conflict, "this place has answered another offer of the move %s", move).WithHint("end it first: godwit abort %s", move)
		case s.Pair.Move != "" && !s.Pair.Over:
			return Errorf(Conflict, "this place is in the move %s already", s.Pair.Move).WithHint("end that first: godwit abort %s", s.Pair.Move)
		case s.State != Open:
			return Errorf(Conflict, "this place is %s: nothing can be moved away from it", s.State)
		default:
			key := make([]byte, moveKeyBytes)
			rand.Read(key) //nolint:errcheck // never fails
			sealed, err := h.seal(key, pairPurpose(move))
			if err != nil {
				return err
			}
			s.Pair = Pair{Move: move, Log: o.Log, Even: true, Offered: o.Public, Key: sealed}
		}
		if peer != "" {
			s.Pair.Peer = peer
		}
		public, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(o.Public)
		if err != nil {
			return Errorf(Invalid, "the other place's offer cannot be read: %w", err)
		}
		key, err := h.unseal(s.Pair.Key, pairPurpose(move))
		if err != nil {
			return err
		}
		a.Log = s.LogID
		a.Key, err = hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(pairPurpose(move)), key)
		return err
	})
	return a, err
}

// Accept completes the pair at the place that made the offer.
func (h *Handover) Accept(ctx context.Context, move string, a PairAnswer) error {
	_, err := h.govern(ctx, move, func(s *Standing) error {
		private, err := h.private(&s.Pair)
		if err != nil {
			return err
		}
		key, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(pairPurpose(move)), a.Key)
		if err != nil || len(key) != moveKeyBytes {
			return Errorf(Denied, "the other place's answer was not made for this one")
		}
		if s.Pair.Key != "" {
			known, err := h.unseal(s.Pair.Key, pairPurpose(move))
			if err == nil && (s.Pair.Log != a.Log || !bytes.Equal(known, key)) {
				err = Errorf(Conflict, "the move %s is paired with another place, or with an older copy of this one", move).WithHint("end it first: godwit abort %s", move)
			}
			return err
		}
		if was := s.Pair.Was; was != nil && was.Log != a.Log {
			return Errorf(Conflict, "this place has retired for another one than that which moves here: what it holds would be lost").
				WithHint("give it up with godwit abort %s, and move into a new, empty place", move)
		}
		if s.Pair.Key, err = h.seal(key, pairPurpose(move)); err == nil {
			s.Pair.Log, s.Pair.Was = a.Log, nil
		}
		return err
	})
	return err
}

func (h *Handover) private(p *Pair) (hpke.PrivateKey, error) {
	raw, err := h.unseal(p.Private, pairPurpose(p.Move)+", private")
	if err != nil {
		return nil, err
	}
	return hpke.DHKEM(ecdh.X25519()).NewPrivateKey(raw)
}
