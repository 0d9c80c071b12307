package chat

import (
	"context"
	"time"
)

// Renew makes a session last longer that is half over, notes to the hour that
// it is used, and reports whether it made it longer. It does nothing while
// nobody may write.
func (s *Service) Renew(ctx context.Context, a *Actor) (longer bool, err error) {
	if a.Session == nil {
		return false, nil
	}
	longer = time.Until(a.Session.Expires.Std()) <= renewSession && a.User.Visits.IsZero()
	if !longer && time.Since(a.Session.Used.Std()) < usedEvery {
		return false, nil
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		now, err := Get[Session](tx, a.Session.ID)
		if err != nil || now.Gone {
			return err
		}
		next := *now
		next.Used = tx.Now()
		if longer {
			next.Expires = tx.Now() + sessionMicros
		}
		return tx.Put(&next)
	})
	if IsKind(err, Unavailable) {
		return false, nil
	}
	return err == nil && longer, err
}

// SignOut ends the session of a secret. One that has ended already is no
// error.
func (s *Service) SignOut(ctx context.Context, secret string) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		session, err := Get[Session](tx, ID[Session](secretKey(KindSession, hashSecret(secret))))
		if IsKind(err, NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = endSessions(tx, session.User, func(o *Session) bool { return o.ID != session.ID })
		return err
	})
}

func ended(session *Session) *Session {
	return &Session{ID: session.ID, User: session.User, Created: session.Created, Expires: session.Expires, Gone: true}
}

// Sessions lists the sessions of a person that have not ended. Others' only
// administrators may see.
func (s *Service) Sessions(ctx context.Context, a *Actor, of UserID) (list []*Session, err error) {
	if !a.Is(of) && !a.Admin() {
		return nil, a.mustAdmin()
	}
	err = s.Store.View(ctx, func(r Reader) error {
		all, err := List[Session](r, Query{Index: Index{A: Key(of)}})
		now := TimeOf(time.Now())
		for _, one := range all {
			if one.Expires > now {
				list = append(list, one)
			}
		}
		return err
	})
	return list, err
}

// EndSessions ends all sessions of a person, and returns how many there were.
func (s *Service) EndSessions(ctx context.Context, a *Actor, of UserID) (n int, err error) {
	if !a.Is(of) && !a.Admin() {
		return 0, a.mustAdmin()
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if n, err = endSessions(tx, of, nil); err != nil {
			return err
		}
		if a.Is(of) {
			return nil
		}
		return tx.Put(audit(tx, a, "end sessions", of.String(), ""))
	})
	return n, err
}

// EndSession ends one session. Others' only administrators may end. One that
// has ended is no error.
func (s *Service) EndSession(ctx context.Context, a *Actor, id ID[Session]) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		session, err := Get[Session](tx, id)
		if IsKind(err, NotFound) || err == nil && !a.Is(session.User) && !a.Admin() {
			return Errorf(NotFound, "there is no such session")
		}
		if err != nil || session.Gone {
			return err
		}
		if _, err := endSessions(tx, session.User, func(o *Session) bool { return o.ID != id }); err != nil {
			return err
		}
		if a.Is(session.User) {
			return nil
		}
		return tx.Put(audit(tx, a, "end session", session.User.String(), ""))
	})
}

// EndOtherSessions ends all sessions of the actor but the present one, and
// returns how many there were.
func (s *Service) EndOtherSessions(ctx context.Context, a *Actor) (n int, err error) {
	if a.Session == nil {
		return 0, Errorf(Denied, "a program has no sessions")
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		n, err = endSessions(tx, a.User.ID, a.here)
		return err
	})
	return n, err
}

// here reports whether a session is the actor's present one.
func (a *Actor) here(o *Session) bool { return a.Session != nil && o.ID == a.Session.ID }

// endSessions ends the sessions of a person that keep does not hold back, and
// what belongs to them.
func endSessions(tx Tx, of UserID, keep func(*Session) bool) (n int, err error) {
	all, err := List[Session](tx, Query{Index: Index{A: Key(of)}})
	if err != nil {
		return 0, err
	}
	pushes, err := List[PushKey](tx, Query{Index: Index{A: Key(of)}})
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		if keep != nil && keep(one) {
			continue
		}
		n++
		if err := tx.Put(ended(one)); err != nil {
			return 0, err
		}
		for _, p := range pushes {
			if p.Session == one.ID {
				if err := tx.Put(&PushKey{ID: p.ID, User: p.User, Gone: true}); err != nil {
					return 0, err
				}
			}
		}
	}
	return n, nil
}
