package chat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Service applies the rules: who may do what, and what then happens. All of
// it may be called at once from many goroutines.
type Service struct {
	Store Store
	// HashPassword and CheckPassword are argon2id, handed in because this
	// package uses the standard library only.
	HashPassword  func(password string) (string, error)
	CheckPassword func(hash, password string) bool
}

// Actor is whoever asks: a person who is signed in.
type Actor struct {
	User     *User
	Also     []UserID // other identities of the same person, from imports (see Match)
	Password bool     // has one
	session  ID[Session]
}

// Is reports whether an ID is one of the actor's.
func (a *Actor) Is(id UserID) bool { return a.User.ID == id || slices.Contains(a.Also, id) }

// Admin reports whether the actor may see the administrators' pages.
func (a *Actor) Admin() bool { return a.User.Role == RoleOwner || a.User.Role == RoleAdmin }

func (a *Actor) guest() bool { return a.User.Role == RoleGuest }

func (a *Actor) ids() []UserID { return append([]UserID{a.User.ID}, a.Also...) }

const (
	sessionLife  = 30 * 24 * time.Hour
	linkLife     = 7 * 24 * time.Hour
	minPassword  = 10 // characters
	maxPassword  = 1000
	maxText      = 10_000 // characters of a message
	micro        = Time(time.Microsecond / time.Microsecond)
	microsSecond = Time(time.Second / time.Microsecond)
)

func later(now Time, d time.Duration) Time { return now + Time(d/time.Microsecond)*micro }

// newSecret makes a secret of 256 bits and the hash under which it is kept.
func newSecret() (secret, hash string) {
	var b [32]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashSecret(secret)
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// one returns the only object of a type with an exact name.
func one[T any, P interface {
	*T
	Object
}](r Reader, name string) (P, error) {
	list, err := List[T, P](r, Query{Index: Index{Name: name}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, Errorf(NotFound, "there is no such %s", P(new(T)).Kind())
	}
	return list[0], nil
}

// SignIn checks a password and starts a session. Login is an e-mail address or
// a mention name, in any case. Whether the person or the password was wrong is
// not said, and takes the same time.
func (s *Service) SignIn(ctx context.Context, login, password, agent string) (secret string, actor *Actor, err error) {
	var user *User
	var cred *Credential
	err = s.Store.View(ctx, func(r Reader) error {
		user, err = findLogin(r, login)
		if err != nil {
			return err
		}
		o, err := r.Get(KindCredential, CredentialKey(user.ID, "password"))
		if err == nil {
			cred = o.(*Credential)
		}
		return err
	})
	if err != nil && !IsKind(err, NotFound) {
		return "", nil, err
	}
	hash := noPassword
	if cred != nil && !cred.Gone {
		hash = cred.Secret
	}
	if ok := s.CheckPassword(hash, password); !ok || cred == nil || cred.Gone || !maySignIn(user) {
		return "", nil, Errorf(Unknown, "the name or the password is wrong").WithHint("an administrator can make a link that sets a new password")
	}
	return s.startSession(ctx, user.ID, agent, nil)
}

// noPassword is the hash of a secret that was thrown away: checking against it
// takes as long as against a real one, and never succeeds.
const noPassword = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func maySignIn(u *User) bool {
	return u != nil && !u.Off && !u.Gone && u.Role != RolePlaceholder && u.Role != RoleBot
}

// findLogin finds a person by e-mail or mention name. Of several with the same
// address, one who may sign in is taken; of several of those, none is.
func findLogin(r Reader, login string) (*User, error) {
	want := strings.TrimPrefix(Fold(strings.TrimSpace(login)), "@")
	if want == "" {
		return nil, Errorf(NotFound, "no name was given")
	}
	byMail, err := List[User](r, Query{Index: Index{Name: want}})
	if err != nil {
		return nil, err
	}
	list := byMail
	if len(list) == 0 {
		found, err := List[User](r, Query{Index: Index{Find: want}})
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(found, func(u *User) bool { return Fold(u.Mention) != want })
	}
	if able := slices.DeleteFunc(slices.Clone(list), func(u *User) bool { return !maySignIn(u) }); len(able) > 0 {
		list = able
	}
	if list = notMatched(r, list); len(list) != 1 {
		return nil, Errorf(NotFound, "%q names %d people", login, len(list))
	}
	return list[0], nil
}

// notMatched leaves out imported people of whom the local one is there too.
func notMatched(r Reader, list []*User) []*User {
	if len(list) < 2 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(u *User) bool {
		m, err := Get[Match](r, ID[Match](u.ID))
		return err == nil && !m.Gone
	})
}

// startSession starts a session for a person; before adds to the transaction.
func (s *Service) startSession(ctx context.Context, id UserID, agent string, before func(Tx) error) (secret string, actor *Actor, err error) {
	secret, hash := newSecret()
	err = s.Store.Update(ctx, func(tx Tx) error {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		user, err := Get(tx, id)
		if err != nil {
			return err
		}
		if !maySignIn(user) {
			return Errorf(Denied, "%s may not sign in", user.Name).WithHint("an administrator can put the account in order")
		}
		session := &Session{ID: ID[Session](tx.NewKey()), User: id, Hash: hash, Created: tx.Now(), Expires: later(tx.Now(), sessionLife), Agent: clip(agent, 200)}
		if actor, err = s.actor(tx, user); err != nil {
			return err
		}
		actor.session = session.ID
		return tx.Put(session)
	})
	return secret, actor, err
}

// Authenticate finds out who keeps a session's secret. It fails with Unknown.
func (s *Service) Authenticate(ctx context.Context, secret string, now time.Time) (actor *Actor, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		session, err := one[Session](r, hashSecret(secret))
		if err != nil {
			return err
		}
		if session.Gone || session.Expires < TimeOf(now) {
			return Errorf(NotFound, "the session has ended")
		}
		user, err := Get(r, session.User)
		if err != nil {
			return err
		}
		if !maySignIn(user) {
			return Errorf(NotFound, "the account is closed")
		}
		if actor, err = s.actor(r, user); err == nil {
			actor.session = session.ID
		}
		return err
	})
	if IsKind(err, NotFound) {
		return nil, Errorf(Unknown, "nobody is signed in here").WithHint("sign in")
	}
	return actor, err
}

func (s *Service) actor(r Reader, user *User) (*Actor, error) {
	matches, err := List[Match](r, Query{Index: Index{B: Key(user.ID)}})
	if err != nil {
		return nil, err
	}
	a := &Actor{User: user}
	for _, m := range matches {
		a.Also = append(a.Also, m.Imported)
	}
	return a, nil
}

// SignOut ends the actor's session. Twice is once.
func (s *Service) SignOut(ctx context.Context, a *Actor) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		session, err := Get(tx, a.session)
		if err != nil {
			return err
		}
		session.Gone = true
		return tx.Put(session)
	})
}

// AuthenticateToken finds the token of a secret, if it is good for a scope.
// It fails with Unknown or Denied.
func (s *Service) AuthenticateToken(ctx context.Context, secret string, scope Scope, now time.Time) (token *Token, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		token, err = one[Token](r, hashSecret(secret))
		return err
	})
	if IsKind(err, NotFound) || err == nil && (token.Gone || token.Expires != 0 && token.Expires < TimeOf(now)) {
		return nil, Errorf(Unknown, "the token is not known here, or has expired").WithHint("make one beside the server: godwit admin token --for %s", scope)
	}
	if err == nil && !slices.Contains(token.Scopes, scope) {
		return nil, Errorf(Denied, "the token %q is not good for this", token.Name).WithHint("make one beside the server: godwit admin token --for %s", scope)
	}
	return token, err
}

// NewToken makes a token and returns its secret, which is not kept. A life of
// zero is for ever.
func (s *Service) NewToken(ctx context.Context, name string, scope Scope, life time.Duration) (secret string, err error) {
	secret, hash := newSecret()
	return secret, s.Store.Update(ctx, func(tx Tx) error {
		t := &Token{ID: ID[Token](tx.NewKey()), Name: name, Hash: hash, Scopes: []Scope{scope}, Created: tx.Now()}
		if life > 0 {
			t.Expires = later(tx.Now(), life)
		}
		return tx.Put(t, audit(tx, UserID{}, "token made", name, string(scope)))
	})
}

func audit(tx Tx, actor UserID, action, target, note string) *Audit {
	return &Audit{ID: ID[Audit](tx.NewKey()), Actor: actor, At: tx.Now(), Action: action, Target: target, Note: note}
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
