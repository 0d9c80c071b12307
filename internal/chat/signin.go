package chat

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"
)

// How long a session lasts from when it was last renewed.
const (
	SessionLength  = 30 * 24 * time.Hour
	usedEvery      = time.Hour
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

// Proof is what somebody shows to sign in.
type Proof struct {
	Login    string // an e-mail address or a mention name, in any case
	Password string
	Code     string      // of an authenticator app, or a recovery code
	Passkey  *PasskeyUse // that was checked already; alone it needs no password
	Agent    string      // what the browser calls itself
}

// Entry is what came of a proof: an actor with the secret of a session or, if
// the proof is not enough, what else may be shown.
type Entry struct {
	Actor  *Actor
	Secret string
	Second *Second
}

// Second says how somebody who gave the right password can go on.
type Second struct {
	User     UserID
	Codes    bool
	Passkeys []*Passkey
}

// SignIn starts a session of the one whom login names, by password alone. It
// fails with Unknown, also for those who have a second factor.
func (s *Service) SignIn(ctx context.Context, login, password, agent string) (*Actor, string, error) {
	e, err := s.Enter(ctx, Proof{Login: login, Password: password, Agent: agent})
	if err == nil && e.Second != nil {
		err = Errorf(Unknown, "a second factor is needed")
	}
	if err != nil {
		return nil, "", err
	}
	return e.Actor, e.Secret, nil
}

// Enter starts a session. It takes the same time for people who do not exist.
// It fails with Unknown, and with TooMany after many wrong codes.
func (s *Service) Enter(ctx context.Context, proof Proof) (*Entry, error) {
	if proof.Passkey != nil && proof.Login == "" {
		return s.enterByPasskey(ctx, proof)
	}
	if len(proof.Login) > longestLogin || len(proof.Password) > maxPassword || len(proof.Code) > longestCode {
		return nil, errWrong()
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	user, stored, err := s.whoFits(ctx, p.Login(proof.Login), proof.Password)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, errWrong()
	}
	var second *Second
	var refused error
	a, secret, err := s.begin(ctx, user.ID, proof.Agent, func(tx Tx, session *Session) error {
		// The password may have been changed while it was checked.
		now, err := tx.Get(KindCredential, CredentialKey(user.ID, passwordType))
		if err != nil || now.Deleted() || now.(*Credential).Secret != stored {
			return errWrong()
		}
		second, refused, err = s.secondFactor(tx, user.ID, proof)
		if err != nil || second != nil || refused != nil {
			return err
		}
		session.Factor = proof.Code != "" || proof.Passkey != nil
		return nil
	}, func() bool { return second == nil && refused == nil })
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused
	case second != nil:
		return &Entry{Second: second}, nil
	}
	return &Entry{Actor: a, Secret: secret}, nil
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

// begin starts a session if before, which may change it, agrees. What before
// writes is kept even if go says that there is to be no session.
func (s *Service) begin(ctx context.Context, id UserID, agent string, before func(Tx, *Session) error, goes func() bool) (*Actor, string, error) {
	secret, hash := newSecret() // never one that the browser had before
	session := &Session{ID: ID[Session](secretKey(KindSession, hash)), User: id, Hash: hash, Agent: shorten(agent, longestAgent)}
	var user *User
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := before(tx, session); err != nil {
			return err
		}
		if goes != nil && !goes() {
			return nil
		}
		var err error
		if user, err = Get[User](tx, id); err != nil {
			return err
		}
		if !CanSignIn(user) {
			return errWrong()
		}
		session.Created, session.Used, session.Expires = tx.Now(), tx.Now(), tx.Now()+sessionMicros
		return tx.Put(session)
	})
	if err != nil || user == nil {
		return nil, "", err
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, "", err
	}
	a := &Actor{User: user, Also: p.Identities(id), Roster: p, Session: session, Limited: p.lacksFactor(user, session)}
	return a, secret, nil
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

// ChangePassword gives the actor a new password, and ends their other
// sessions. Whoever has one must show the old one: it fails with Unknown.
func (s *Service) ChangePassword(ctx context.Context, a *Actor, old, password string) error {
	if a.User == nil || a.Session == nil {
		return Errorf(Denied, "a program has no password")
	}
	if err := s.Confirm(ctx, a, old); err != nil {
		return err
	}
	if err := checkPassword(password); err != nil {
		return err
	}
	stored, err := s.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		if _, err := endSessions(tx, a.User.ID, a.here); err != nil {
			return err
		}
		return tx.Put(&Credential{User: a.User.ID, Type: passwordType, Secret: stored, Set: tx.Now()}, audit(tx, a, "change own password", a.User.ID.String(), ""))
	})
}

// Confirm makes sure that whoever acts is not just somebody at a browser that
// was left open: by the password, if the actor has one. It fails with Unknown.
func (s *Service) Confirm(ctx context.Context, a *Actor, password string) error {
	if a.User == nil || a.Session == nil {
		return Errorf(Denied, "only a person can do this, for themselves")
	}
	stored := ""
	err := s.Store.View(ctx, func(r Reader) error {
		c, err := r.Get(KindCredential, CredentialKey(a.User.ID, passwordType))
		if IsKind(err, NotFound) || err == nil && c.Deleted() {
			return nil
		}
		if err == nil {
			stored = c.(*Credential).Secret
		}
		return err
	})
	if err != nil || stored == "" {
		return err
	}
	fits := false
	if len(password) <= maxPassword {
		if fits, err = s.Check(ctx, stored, password); err != nil {
			return err
		}
	}
	if !fits {
		return Errorf(Invalid, "this is not your password").WithHint("an administrator can send you a link to set a new one")
	}
	return nil
}

func putPassword(tx Tx, of UserID, stored string) error {
	if _, err := endSessions(tx, of, nil); err != nil {
		return err
	}
	return tx.Put(&Credential{User: of, Type: passwordType, Secret: stored, Set: tx.Now()})
}

// Sweep removes sessions, links, uploads and used challenges that have expired, and
// returns how many. It does nothing while nobody may write.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	var old []Object
	err = s.Store.View(ctx, func(r Reader) error {
		h, err := r.Head()
		if err != nil || h.State != Open {
			return err // what comes from another place is that one's to sweep
		}
		now := TimeOf(time.Now())
		sessions, err1 := List[Session](r, Query{})
		links, err2 := List[Link](r, Query{})
		spent, err3 := List[Spent](r, Query{})
		uploads, err4 := List[Upload](r, Query{})
		for _, o := range sessions {
			if o.Expires <= now {
				old = append(old, ended(o))
			}
		}
		for _, o := range links {
			if o.Expires <= now {
				old = append(old, used(o))
			}
		}
		for _, o := range spent {
			if o.Expires <= now {
				old = append(old, &Spent{ID: o.ID, Expires: o.Expires, Gone: true})
			}
		}
		for _, o := range uploads {
			if o.Expires <= now {
				old = append(old, o.end())
			}
		}
		return errors.Join(err1, err2, err3, err4)
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
