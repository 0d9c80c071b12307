package chat

import (
	"context"
	"slices"
	"strings"
	"time"
)

// How long a link to set a password is good for.
const (
	ResetLength  = 24 * time.Hour
	InviteLength = 14 * 24 * time.Hour
)

// Invite is a link for somebody to set a password. Secret is known to nobody
// else: the store keeps its hash.
type Invite struct {
	User    *User
	Secret  string
	Expires Time
}

func errLink() error {
	return Errorf(NotFound, "this link is not good any more").WithHint("it works once and for a limited time; ask an administrator for a new one")
}

func used(l *Link) *Link {
	return &Link{ID: l.ID, User: l.User, Created: l.Created, Expires: l.Expires, Gone: true}
}

// ResetLink makes a link for a person to set a new password. Links that they
// got before stop working.
func (s *Service) ResetLink(ctx context.Context, a *Actor, of UserID) (*Invite, error) {
	if err := a.mustAdmin(); err != nil {
		return nil, err
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	var invite *Invite
	err = s.Store.Update(ctx, func(tx Tx) error {
		user, err := Get[User](tx, p.Root(of))
		if err != nil {
			return err
		}
		if err := mayHandOver(a, user); err != nil {
			return err
		}
		old, err := List[Link](tx, Query{Index: Index{A: Key(user.ID)}})
		if err != nil {
			return err
		}
		if invite, err = putLink(tx, user, old, ResetLength); err != nil {
			return err
		}
		return tx.Put(audit(tx, a, "make a reset link", user.ID.String(), user.Name))
	})
	return invite, err
}

// mayHandOver says whether the actor may let somebody in as user. An
// administrator who could hand out an owner's account would be one.
func mayHandOver(a *Actor, user *User) error {
	if !CanSignIn(user) {
		return Errorf(Denied, "%s cannot sign in: this is not an active person", user.Name)
	}
	if user.Role == RoleOwner && !a.Operator && a.User.Role != RoleOwner {
		return Errorf(Denied, "only an owner may make a link for an owner").WithHint("on the server's machine: godwit admin reset-link USER")
	}
	return nil
}

func putLink(tx Tx, user *User, old []*Link, length time.Duration) (*Invite, error) {
	for _, l := range old {
		if err := tx.Put(used(l)); err != nil {
			return nil, err
		}
	}
	secret, hash := newSecret()
	l := &Link{ID: ID[Link](secretKey(KindLink, hash)), User: user.ID, Hash: hash, Created: tx.Now(), Expires: tx.Now() + Time(length/time.Microsecond)}
	return &Invite{User: user, Secret: secret, Expires: l.Expires}, tx.Put(l)
}

// InviteAll makes a link for everybody who can sign in and has no password
// yet. Links that they got before stop working.
func (s *Service) InviteAll(ctx context.Context, a *Actor) ([]*Invite, error) {
	if err := a.mustAdmin(); err != nil {
		return nil, err
	}
	people, links, err := s.withoutPassword(ctx, a)
	if err != nil {
		return nil, err
	}
	var all []*Invite
	for part := range slices.Chunk(people, 200) {
		var some []*Invite
		err := s.Store.Update(ctx, func(tx Tx) error {
			some = some[:0]
			for _, u := range part {
				invite, err := putLink(tx, u, links[u.ID], InviteLength)
				if err != nil {
					return err
				}
				some = append(some, invite)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, s.Store.Update(ctx, func(tx Tx) error {
		return tx.Put(audit(tx, a, "invite all", "", ""))
	})
}

// withoutPassword finds who is to be invited, ordered by name, and which
// links they have.
func (s *Service) withoutPassword(ctx context.Context, a *Actor) (people []*User, links map[UserID][]*Link, err error) {
	links = map[UserID][]*Link{}
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		has, err := passwords(r)
		if err != nil {
			return err
		}
		for id, u := range p.Users {
			if CanSignIn(u) && !has[id] && p.Root(id) == id && (u.Email != "" || u.Mention != "") && mayHandOver(a, u) == nil {
				people = append(people, u)
			}
		}
		all, err := List[Link](r, Query{})
		for _, l := range all {
			links[l.User] = append(links[l.User], l)
		}
		return err
	})
	slices.SortFunc(people, byName)
	return people, links, err
}

// passwords tells who has one.
func passwords(r Reader) (map[UserID]bool, error) {
	all, err := List[Credential](r, Query{})
	has := make(map[UserID]bool, len(all))
	for _, c := range all {
		if c.Type == passwordType {
			has[c.User] = true
		}
	}
	return has, err
}

// Link returns whom a link is for. It fails with NotFound if it was used, has
// expired or never was.
func (s *Service) Link(ctx context.Context, secret string) (user *User, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		_, user, err = goodLink(r, secret)
		if err != nil {
			return err
		}
		p, err := s.roster(r)
		if err == nil && p.Root(user.ID) != user.ID {
			return errLink()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

func goodLink(r Reader, secret string) (*Link, *User, error) {
	l, err := Get[Link](r, ID[Link](secretKey(KindLink, hashSecret(secret))))
	if IsKind(err, NotFound) || err == nil && (l.Gone || l.Expires <= TimeOf(time.Now())) {
		return nil, nil, errLink()
	}
	if err != nil {
		return nil, nil, err
	}
	user, err := Get[User](r, l.User)
	if IsKind(err, NotFound) || err == nil && !CanSignIn(user) {
		return nil, nil, errLink()
	}
	return l, user, err
}

// UseLink sets the password of the one whom a link is for, uses the link up,
// ends their other sessions and starts one. It fails with NotFound as Link
// does, also if somebody else was quicker.
//
// Whoever has a second factor set it up after the link was trusted to reach
// them: the link sets the password, but does not sign in without the factor;
// the returned secret is then "", and the actor nil.
func (s *Service) UseLink(ctx context.Context, secret, password, agent string) (*Actor, string, error) {
	if err := checkPassword(password); err != nil {
		return nil, "", err
	}
	user, err := s.Link(ctx, secret)
	if err != nil {
		return nil, "", err
	}
	stored, err := s.Hash(ctx, password)
	if err != nil {
		return nil, "", err
	}
	enough := true
	return s.begin(ctx, user.ID, agent, func(tx Tx, _ *Session) error {
		l, _, err := goodLink(tx, secret)
		if err != nil {
			return err
		}
		if err := tx.Put(used(l)); err != nil {
			return err
		}
		second, err := factorsOf(tx, user.ID)
		if err != nil {
			return err
		}
		enough = second == nil
		return putPassword(tx, user.ID, stored)
	}, func() bool { return enough })
}

// LongestMoveToken is how long a token of scope move is good for at most.
const LongestMoveToken = 90 * 24 * time.Hour

// NewToken makes a token for a program, and returns its secret. A length of
// zero is for ever. One of scope move reads and writes all there is: only an
// owner makes it, and it expires.
func (s *Service) NewToken(ctx context.Context, a *Actor, name string, scopes []Scope, length time.Duration) (string, *Token, error) {
	if err := a.mustAdmin(); err != nil {
		return "", nil, err
	}
	if slices.Contains(scopes, ScopeMove) {
		if err := a.mustOwn(); err != nil {
			return "", nil, err
		}
		if length == 0 || length > LongestMoveToken {
			return "", nil, Errorf(Invalid, "a token for a move expires: it is good for %d days at most", int(LongestMoveToken.Hours()/24)).
				WithHint("30 days are enough for most; another one can be made at any time")
		}
	}
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(x Scope) bool { return x != ScopeMove && x != ScopeAdmin }) {
		return "", nil, Errorf(Invalid, "a token is for %s, %s or both, not for %q", ScopeMove, ScopeAdmin, scopes)
	}
	if length < 0 {
		return "", nil, Errorf(Invalid, "a token cannot have expired already")
	}
	secret, hash := newSecret()
	t := &Token{ID: ID[Token](secretKey(KindToken, hash)), User: a.id(), Name: shorten(name, longestAgent), Hash: hash, Scopes: scopes}
	err := s.Store.Update(ctx, func(tx Tx) error {
		if t.Created = tx.Now(); length > 0 {
			t.Expires = tx.Now() + Time(length/time.Microsecond)
		}
		return tx.Put(t, audit(tx, a, "make a token", t.ID.String(), tokenNote(t)))
	})
	return secret, t, err
}

// tokenNote says in the audit log what a token is for.
func tokenNote(t *Token) string {
	words := make([]string, len(t.Scopes))
	for i, x := range t.Scopes {
		words[i] = string(x)
	}
	note := t.Name + " · " + strings.Join(words, ", ")
	if t.Expires != 0 {
		note += " · until " + t.Expires.Std().UTC().Format(time.DateOnly)
	}
	return note
}

// Tokens lists the tokens of the place.
func (s *Service) Tokens(ctx context.Context, a *Actor) (list []*Token, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, func(r Reader) error {
		list, err = List[Token](r, Query{})
		return err
	})
	return list, err
}

// EndToken makes a token worthless. One that is already is no error.
func (s *Service) EndToken(ctx context.Context, a *Actor, id ID[Token]) error {
	if err := a.mustAdmin(); err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		t, err := Get[Token](tx, id)
		if err != nil {
			return err
		}
		return tx.Put(&Token{ID: t.ID, User: t.User, Name: t.Name, Created: t.Created, Gone: true}, audit(tx, a, "end a token", id.String(), t.Name))
	})
}
