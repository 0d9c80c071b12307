package chat

import (
	"context"
	"time"
)

// PasskeyUse is the answer of a passkey to a challenge, whose signature was
// checked. It counts once.
type PasskeyUse struct {
	ID        ID[Passkey]
	User      UserID
	Data      []byte // what is to be kept of the key from now on
	Challenge string
	Expires   time.Time // of the challenge
}

const (
	mostPasskeys    = 20
	mostPasskeyName = 60
	// ChallengeLength is how long a challenge can be answered.
	ChallengeLength = 5 * time.Minute
)

func errPasskey() error {
	return Errorf(Unknown, "this passkey is not known here").WithHint("use your password, or another passkey")
}

func passkeyPurpose(credential string) string { return "passkey " + credential }

// enterByPasskey signs in without a password.
func (s *Service) enterByPasskey(ctx context.Context, proof Proof) (*Entry, error) {
	a, secret, err := s.begin(ctx, proof.Passkey.User, proof.Agent, func(tx Tx, session *Session) error {
		session.Factor = true
		return s.usePasskey(tx, proof.Passkey)
	}, nil)
	if err != nil {
		return nil, err
	}
	return &Entry{Actor: a, Secret: secret}, nil
}

// spend uses a challenge up. It fails with Unknown if somebody did before.
func spend(tx Tx, challenge string, expires time.Time) error {
	id := ID[Spent](secretKey(KindSpent, hashSecret(challenge)))
	if _, err := tx.Get(KindSpent, Key(id)); !IsKind(err, NotFound) {
		if err != nil {
			return err
		}
		return Errorf(Unknown, "this answer was used already").WithHint("begin again")
	}
	if !tx.Now().Std().Before(expires) {
		return Errorf(Unknown, "this took too long").WithHint("begin again")
	}
	return tx.Put(&Spent{ID: id, Expires: TimeOf(expires)})
}

func (s *Service) usePasskey(tx Tx, use *PasskeyUse) error {
	if err := spend(tx, use.Challenge, use.Expires); err != nil {
		return err
	}
	held, err := Get[Passkey](tx, use.ID)
	if IsKind(err, NotFound) || err == nil && (held.Gone || held.User != use.User) {
		return errPasskey()
	}
	if err != nil {
		return err
	}
	next := *held
	next.Used = tx.Now()
	if next.Data, err = s.seal(use.Data, passkeyPurpose(held.Credential)); err != nil {
		return err
	}
	return tx.Put(&next)
}

// FindPasskey looks a passkey up by the name that its device has for it, and
// returns what is kept of it. It fails with Unknown.
func (s *Service) FindPasskey(ctx context.Context, credential string) (p *Passkey, data []byte, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		list, err := List[Passkey](r, Query{Index: Index{Name: credential}})
		if err != nil {
			return err
		}
		if len(list) == 0 || credential == "" {
			return errPasskey()
		}
		p = list[0]
		data, err = s.unseal(p.Data, passkeyPurpose(credential))
		return err
	})
	return p, data, err
}

// Passkeys lists the actor's passkeys, with what is kept of each.
func (s *Service) Passkeys(ctx context.Context, a *Actor) (list []*Passkey, data [][]byte, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if list, err = List[Passkey](r, Query{Index: Index{A: Key(a.id())}}); err != nil {
			return err
		}
		for _, p := range list {
			plain, err := s.unseal(p.Data, passkeyPurpose(p.Credential))
			if err != nil {
				return err
			}
			data = append(data, plain)
		}
		return nil
	})
	return list, data, err
}

// AddPasskey keeps a passkey of the actor, whose making was checked. Their
// sessions in which no second factor was shown end, but for the present one.
func (s *Service) AddPasskey(ctx context.Context, a *Actor, name, host, credential string, use PasskeyUse) (p *Passkey, err error) {
	if a.User == nil || a.Session == nil {
		return nil, Errorf(Denied, "only a person can do this, for themselves")
	}
	if name, err = line("name", name, mostPasskeyName); err != nil {
		return nil, err
	}
	if name == "" {
		name = "Passkey"
	}
	sealed, err := s.seal(use.Data, passkeyPurpose(credential))
	if err != nil {
		return nil, err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if err := spend(tx, use.Challenge, use.Expires); err != nil {
			return err
		}
		same, err := List[Passkey](tx, Query{Index: Index{Name: credential}})
		if err != nil {
			return err
		}
		if len(same) > 0 {
			return Errorf(Conflict, "this passkey is known here already")
		}
		own, err := List[Passkey](tx, Query{Index: Index{A: Key(a.User.ID)}})
		if err != nil {
			return err
		}
		if len(own) >= mostPasskeys {
			return Errorf(Full, "you have %d passkeys; more are not possible", len(own)).WithHint("remove one that you no longer use")
		}
		if err := factorShown(tx, a); err != nil {
			return err
		}
		p = &Passkey{ID: ID[Passkey](tx.NewKey()), User: a.User.ID, Name: name, Host: host, Credential: credential, Data: sealed, Created: tx.Now()}
		return tx.Put(p, audit(tx, a, "add passkey", a.User.ID.String(), name))
	})
	return p, err
}

// NamePasskey gives one of the actor's passkeys another name.
func (s *Service) NamePasskey(ctx context.Context, a *Actor, id ID[Passkey], name string) error {
	name, err := line("name", name, mostPasskeyName)
	if err != nil {
		return err
	}
	if name == "" {
		return Errorf(Invalid, "the passkey needs a name")
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		held, err := ownPasskey(tx, a, id)
		if err != nil {
			return err
		}
		next := *held
		next.Name = name
		return tx.Put(&next)
	})
}

// RemovePasskey removes one of the actor's passkeys.
func (s *Service) RemovePasskey(ctx context.Context, a *Actor, id ID[Passkey]) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		held, err := ownPasskey(tx, a, id)
		if err != nil {
			return err
		}
		if err := tx.Put(&Passkey{ID: id, User: held.User, Gone: true}, audit(tx, a, "remove passkey", held.User.String(), held.Name)); err != nil {
			return err
		}
		return factorRemoved(tx, held.User)
	})
}

func ownPasskey(tx Tx, a *Actor, id ID[Passkey]) (*Passkey, error) {
	held, err := Get[Passkey](tx, id)
	if IsKind(err, NotFound) || err == nil && (held.Gone || !a.Is(held.User)) {
		return nil, Errorf(NotFound, "there is no such passkey")
	}
	return held, err
}

// Ticket seals what a browser hands back with its answer to a challenge.
func (s *Service) Ticket(text, purpose string) (string, error) {
	return s.ticket(text, "ticket "+purpose, ChallengeLength)
}

// OpenTicket reads what Ticket sealed. It fails with Conflict if it is too old.
func (s *Service) OpenTicket(ticket, purpose string) (string, error) {
	return s.openTicket(ticket, "ticket "+purpose)
}
