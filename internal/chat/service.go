package chat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"
)

// Service holds the rules of a place: who may see and do what. All of its
// methods may be called at once. Store, Hash and Check must be set.
type Service struct {
	Store Store
	// Hash makes the stored form of a password. It is slow on purpose.
	Hash func(ctx context.Context, password string) (string, error)
	// Check reports whether a password fits its stored form. It takes as long
	// for an empty stored form, which none fits.
	Check func(ctx context.Context, stored, password string) (bool, error)
	// Bytes is where the bytes of uploads are; nil takes none into messages.
	Bytes Bytes
	// Sealer seals secrets that must be known again in plain. Without it what
	// needs one fails with Unavailable.
	Sealer Sealer
	// Codes makes and checks the codes of authenticator apps. It must be set
	// where people sign in.
	Codes CodeMaker

	// Present reports whether somebody is there just now; nil knows of nobody.
	Present func(UserID) bool

	keeper   rosterKeeper
	arriving arrivals
}

// Actor is who wants something.
type Actor struct {
	User     *User    // nil for the operator
	Also     []UserID // other identities of the same person (see Match)
	Roster   *Roster  // as of when the actor was looked up
	Session  *Session // nil for a program with a token, and for the operator
	Limited  bool     // must set up a second factor before anything else
	Operator bool     // who may run commands on the machine: may do everything an owner may

	company map[UserID]bool // whom a guest may know of; nil: everybody
}

// Operator returns the actor for those who have the machine in their hands.
func Operator() *Actor { return &Actor{Operator: true} }

// Admin reports whether the actor may see and do what administrators may.
func (a *Actor) Admin() bool {
	return a.Operator || a.User != nil && (a.User.Role == RoleOwner || a.User.Role == RoleAdmin)
}

// IDs returns the actor's identities, the one they signed in as first.
func (a *Actor) IDs() []UserID {
	if a.User == nil {
		return nil
	}
	return append([]UserID{a.User.ID}, a.Also...)
}

// Is reports whether a user is the actor.
func (a *Actor) Is(id UserID) bool {
	return a.User != nil && (a.User.ID == id || slices.Contains(a.Also, id))
}

func (a *Actor) id() UserID {
	if a.User == nil {
		return UserID{}
	}
	return a.User.ID
}

func (a *Actor) mustAdmin() error {
	if !a.Admin() {
		return Errorf(Denied, "only administrators may do that").WithHint("ask an administrator of this place")
	}
	return nil
}

// mustOwn is for what an owner alone may do, or who has the machine.
func (a *Actor) mustOwn() error {
	if a.Operator || a.User != nil && a.User.Role == RoleOwner {
		return nil
	}
	return Errorf(Denied, "only an owner may do that").WithHint("ask an owner of this place, or who has its machine")
}

// secretBytes is how long secrets are: what nobody can guess or try out.
const secretBytes = 32

// newSecret returns a secret, and the hash that is kept in its place.
func newSecret() (secret, hash string) {
	var b [secretBytes]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashSecret(secret)
}

// hashSecret needs no salt and no slowness: secrets are random.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// secretKey is the key of an object that is found by the hash of its secret:
// one look by key, which the store remembers.
func secretKey(kind Kind, hash string) Key { return DeriveKey(0, "", kind.String(), hash) }

func errNobody() error {
	return Errorf(Unknown, "nobody is signed in").WithHint("sign in first")
}

// Authenticate returns whose session a secret belongs to. It fails with
// Unknown if it is no session's, or of one that has ended.
func (s *Service) Authenticate(ctx context.Context, secret string) (a *Actor, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		session, user, err := signedIn(r, secret)
		if err != nil {
			return err
		}
		a, err = s.actor(r, user)
		if err == nil {
			a.Session, a.Limited = session, a.Roster.lacksFactor(user, session)
		}
		return err
	})
	return a, err
}

// signedIn looks a session and its user up, in a transaction or a snapshot.
func signedIn(r Reader, secret string) (*Session, *User, error) {
	if secret == "" {
		return nil, nil, errNobody()
	}
	session, err := Get[Session](r, ID[Session](secretKey(KindSession, hashSecret(secret))))
	if IsKind(err, NotFound) {
		return nil, nil, errNobody()
	}
	if err != nil {
		return nil, nil, err
	}
	if session.Gone || session.Expires <= TimeOf(time.Now()) {
		return nil, nil, errNobody()
	}
	user, err := Get[User](r, session.User)
	if IsKind(err, NotFound) || err == nil && !CanSignIn(user) {
		return nil, nil, errNobody()
	}
	return session, user, err
}

// actor returns a user as the one who asks, with all their identities.
func (s *Service) actor(r Reader, u *User) (*Actor, error) {
	p, err := s.roster(r)
	if err != nil {
		return nil, err
	}
	if p.Root(u.ID) != u.ID {
		// Signed in before it became known that this is somebody else, too.
		return nil, errNobody()
	}
	a := &Actor{User: u, Also: p.Identities(u.ID), Roster: p}
	if u.Role == RoleGuest {
		a.company, err = guestCompany(r, a, p)
	}
	return a, err
}

// Token returns who a program is that shows a token for some purpose. It
// fails with Unknown if there is no such token, and with Denied if it is for
// something else. Its user is nil for a token that belongs to the place.
func (s *Service) Token(ctx context.Context, secret string, scope Scope) (a *Actor, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		t, err := Get[Token](r, ID[Token](secretKey(KindToken, hashSecret(secret))))
		if IsKind(err, NotFound) || err == nil && (t.Gone || t.Expires != 0 && t.Expires <= TimeOf(time.Now())) {
			return Errorf(Unknown, "this token is not known here, or is no longer good").WithHint("make another one with: godwit admin token")
		}
		if err != nil {
			return err
		}
		if !slices.Contains(t.Scopes, scope) {
			return Errorf(Denied, "this token is not for scope %s", scope).WithHint("make one with: godwit admin token --for %s", scope)
		}
		if t.User.IsZero() {
			a = Operator()
			a.Roster, err = s.roster(r)
			return err
		}
		user, err := Get[User](r, t.User)
		if IsKind(err, NotFound) || err == nil && (user.Gone || user.Off) {
			return Errorf(Unknown, "the person this token was made by is no longer here")
		}
		if err != nil {
			return err
		}
		if a, err = s.actor(r, user); err != nil {
			return err
		}
		return a.mustAdmin()
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// audit is the entry that says that the actor did something.
func audit(tx Tx, a *Actor, action, target, note string) *Audit {
	return &Audit{ID: ID[Audit](tx.NewKey()), Actor: a.id(), At: tx.Now(), Action: action, Target: target, Note: note}
}

// NewID makes a name that nothing else has.
func (s *Service) NewID() string {
	secret, _ := newSecret()
	return secret
}
