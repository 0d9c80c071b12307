package chat

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
)

// StoredAnswer answers an offer for a place that does not run: one that is
// restored from an archive. Who has the key is its courier.
func StoredAnswer(move string, log Key, key [moveKeyBytes]byte, o PairOffer) (PairAnswer, error) {
	public, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(o.Public)
	if err != nil {
		return PairAnswer{}, Errorf(Invalid, "the place's offer cannot be read: %w", err)
	}
	sealed, err := hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(pairPurpose(move)), key[:])
	return PairAnswer{Log: log, Key: sealed}, err
}

// StoredCourier carries the secrets of a place that does not run to the one
// that got the answer of StoredAnswer. What it is given must be in the form of
// Reveal.
func StoredCourier(move string, key [moveKeyBytes]byte) (*Courier, error) {
	bare := storedSealer{}
	return NewCourier(&Pair{Move: move, Key: bare.Seal(key[:], "")}, bare)
}

// storedSealer is that of a place that does not run: it has nothing sealed.
type storedSealer struct{}

const storedMark = "stored:"

func (storedSealer) Seal(plain []byte, _ string) string { return storedMark + string(plain) }

func (storedSealer) Open(sealed, _ string) ([]byte, error) {
	if len(sealed) < len(storedMark) || sealed[:len(storedMark)] != storedMark {
		return nil, Errorf(Damaged, "it is not sealed")
	}
	return []byte(sealed[len(storedMark):]), nil
}

// Look signs a person in who can be, without their password: for who has the
// machine, and on it a copy of an archive that ends when they have looked.
func (s *Service) Look(ctx context.Context, id UserID, agent string) (secret string, err error) {
	_, secret, err = s.begin(ctx, id, agent, func(_ Tx, session *Session) error {
		session.Factor = true // it was asked for when the archive was opened
		return nil
	}, nil)
	return secret, err
}
