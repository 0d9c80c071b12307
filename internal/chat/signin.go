package chat

import (
	"context"
	"time"
	"unicode/utf8"
)

// How long a session lasts from when it was last renewed.
const (
	SessionLength  = 30 * 24 * time.Hour
	renewSession   = SessionLength / 2
	sessionMicros  = Time(SessionLength / time.Microsecond)
	longestAgent   = 200 // bytes that are kept of what a browser calls itself
	passwordType   = "password"
	MinPassword    = 10 // characters
	maxPassword    = 1000
	longestLogin   = 320
	mostCandidates = 4 // people that one login may mean
)

func errWrong() error {
	return Errorf(Unknown, "this name and this password do not belong together").
		WithHint("use your e-mail address or your mention name; an administrator can send you a link to set a new password")
}

// SignIn starts a session of the one whom login names: an e-mail address or a
// mention name, in any case. It returns the secret of the session. It takes
// the same time for people who do not exist. It fails with Unknown.
func (s *Service) SignIn(ctx context.Context, login, password, agent string) (*Actor, string, error) {
	if len(login) > longestLogin || len(password) > maxPassword {
		return nil, "", errWrong()
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, "", err
	}
	user, stored, err := s.whoFits(ctx, p.Login(login), password)
	if err != nil {
		return nil, "", err
	}
	if user == nil {
		return nil, "", errWrong()
	}
	return s.begin(ctx, user.ID, agent, func(tx Tx) error {
		// The password may have been changed while it was checked.
		now, err := tx.Get(KindCredential, CredentialKey(user.ID, passwordType))
		if err != nil || now.Deleted() || now.(*Credential).Secret != stored {
			return errWrong()
		}
		return nil
	})
}

// whoFits finds the one of some people whose password this is.
func (s *Service) whoFits(ctx context.Context, people []*User, password string) (*User, string, error) {
	people = people[:min(len(people), mostCandidates)]
	keys := make([]Key, len(people))
	for i, u := range people {
		keys[i] = CredentialKey(u.ID, passwordType)
	}
	var found map[Key]Object
	err := s.Store.View(ctx, func(r Reader) (err error) {
		found, err = r.GetAll(KindCredential, keys)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	checked := false
	for i, u := range people {
		c, ok := found[keys[i]].(*Credential)
		if !ok || c.Gone {
			continue
		}
		checked = true
		fits, err := s.Check(ctx, c.Secret, password)
		if err != nil || fits {
			return u, c.Secret, err
		}
	}
	if !checked {
		if _, err := s.Check(ctx, "", password); err != nil {
			return nil, "", err
		}
	}
	return nil, "", nil
}

// begin starts a session, if before agrees.
func (s *Service) begin(ctx context.Context, id UserID, agent string, before func(Tx) error) (*Actor, string, error) {
	secret, hash := newSecret()
	session := &Session{ID: ID[Session](secretKey(KindSession, hash)), User: id, Hash: hash, Agent: shorten(agent, longestAgent)}
	var user *User
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := before(tx); err != nil {
			return err
		}
		var err error
		if user, err = Get[User](tx, id); err != nil {
			return err
		}
		if !CanSignIn(user) {
			return errWrong()
		}
		session.Created, session.Expires = tx.Now(), tx.Now()+sessionMicros
		return tx.Put(session)
	})
	if err != nil {
		return nil, "", err
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, "", err
	}
	return &Actor{User: user, Also: p.Identities(id), Roster: p, Session: session}, secret, nil
}

// shorten returns at most n bytes of a text that came from outside.
func shorten(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	for len(text) > 0 && !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}

// Renew makes a session last longer that is half over, and reports whether it
// did. It does nothing while nobody may write.
func (s *Service) Renew(ctx context.Context, a *Actor) (bool, error) {
	if a.Session == nil || time.Until(a.Session.Expires.Std()) > renewSession {
		return false, nil
	}
	err := s.Store.Update(ctx, func(tx Tx) error {
		now, err := Get[Session](tx, a.Session.ID)
		if err != nil || now.Gone {
			return err
		}
		now.Expires = tx.Now() + sessionMicros
		return tx.Put(now)
	})
	if IsKind(err, Unavailable) {
		return false, nil
	}
	return err == nil, err
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
		return tx.Put(ended(session))
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
		if n, err = endSessions(tx, of); err != nil {
			return err
		}
		if a.Is(of) {
			return nil
		}
		return tx.Put(audit(tx, a, "end sessions", of.String(), ""))
	})
	return n, err
}

func endSessions(tx Tx, of UserID) (int, error) {
	all, err := List[Session](tx, Query{Index: Index{A: Key(of)}})
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		if err := tx.Put(ended(one)); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// checkPassword says what is wrong with a password that somebody chose.
func checkPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < MinPassword {
		return Errorf(Invalid, "the password has %d characters; at least %d are needed", n, MinPassword).
			WithHint("a few words that nobody else puts together are easy to remember")
	}
	if len(password) > maxPassword {
		return Errorf(Invalid, "the password is longer than %d bytes", maxPassword)
	}
	return nil
}

// SetPassword gives a person a password, and ends their sessions. Others'
// only administrators may set.
func (s *Service) SetPassword(ctx context.Context, a *Actor, of UserID, password string) error {
	if !a.Is(of) && !a.Admin() {
		return a.mustAdmin()
	}
	if err := checkPassword(password); err != nil {
		return err
	}
	stored, err := s.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		user, err := Get[User](tx, of)
		if err != nil {
			return err
		}
		if err := mayHandOver(a, user); err != nil && !(a.Is(of) && CanSignIn(user)) {
			return err
		}
		if err := putPassword(tx, of, stored); err != nil {
			return err
		}
		return tx.Put(audit(tx, a, "set password", of.String(), ""))
	})
}

func putPassword(tx Tx, of UserID, stored string) error {
	if _, err := endSessions(tx, of); err != nil {
		return err
	}
	return tx.Put(&Credential{User: of, Type: passwordType, Secret: stored, Set: tx.Now()})
}

// Sweep removes sessions, links and uploads that have expired, and returns how
// many. It does nothing while nobody may write.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	var old []Object
	err = s.Store.View(ctx, func(r Reader) error {
		now := TimeOf(time.Now())
		sessions, err := List[Session](r, Query{})
		for _, o := range sessions {
			if o.Expires <= now {
				old = append(old, ended(o))
			}
		}
		if err != nil {
			return err
		}
		links, err := List[Link](r, Query{})
		for _, o := range links {
			if o.Expires <= now {
				old = append(old, used(o))
			}
		}
		if err != nil {
			return err
		}
		uploads, err := List[Upload](r, Query{})
		for _, o := range uploads {
			if o.Expires <= now {
				old = append(old, o.end())
			}
		}
		return err
	})
	const atOnce = 200
	for err == nil && len(old) > 0 {
		part := old[:min(len(old), atOnce)]
		err = s.Store.Update(ctx, func(tx Tx) error { return tx.Put(part...) })
		old, n = old[len(part):], n+len(part)
	}
	if IsKind(err, Unavailable) {
		return 0, nil
	}
	return n, err
}
