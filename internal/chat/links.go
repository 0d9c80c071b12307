package chat

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Invitation is a link for one person.
type Invitation struct {
	User    *User
	Secret  string // of the link; not kept
	Expires Time
}

// ResetLink makes a link that lets a person set a password, once. Who is an
// ID, an e-mail address or a mention name. By is whoever asked for it; zero is
// the operator at the machine.
func (s *Service) ResetLink(ctx context.Context, by UserID, who string) (inv Invitation, err error) {
	err = s.Store.Update(ctx, func(tx Tx) error {
		user, err := findPerson(tx, who)
		if err != nil {
			return err
		}
		inv, err = invite(tx, by, user)
		return err
	})
	return inv, err
}

func findPerson(r Reader, who string) (*User, error) {
	if id, err := ParseID[User](who); err == nil {
		return Get(r, id)
	}
	user, err := findLogin(r, who)
	if IsKind(err, NotFound) {
		return nil, Errorf(NotFound, "nobody here, or more than one person, is called %q", who).WithHint("give the e-mail address, the mention name, or the ID from the overview")
	}
	return user, err
}

func invite(tx Tx, by UserID, user *User) (Invitation, error) {
	if !maySignIn(user) {
		return Invitation{}, Errorf(Denied, "%s is deactivated, or no person who can sign in", user.Name)
	}
	secret, hash := newSecret()
	link := &Link{ID: ID[Link](tx.NewKey()), User: user.ID, Hash: hash, Created: tx.Now(), Expires: later(tx.Now(), linkLife)}
	err := tx.Put(link, audit(tx, by, "sign-in link made", user.ID.String(), user.Name))
	return Invitation{user, secret, link.Expires}, err
}

// inviteBatch is how many links are made under one lock.
const inviteBatch = 200

// InviteAll makes a link for everybody who may sign in and has no password.
func (s *Service) InviteAll(ctx context.Context) ([]Invitation, error) {
	var users []*User
	err := s.Store.View(ctx, func(r Reader) error {
		all, err := List[User](r, Query{})
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(all, inviteBatch) {
			free, err := withoutPassword(r, batch)
			if err != nil {
				return err
			}
			users = append(users, free...)
		}
		return nil
	})
	var list []Invitation
	for batch := range slices.Chunk(users, inviteBatch) {
		if err != nil {
			break
		}
		err = s.Store.Update(ctx, func(tx Tx) error {
			made := list[:len(list):len(list)] // again from here if the store tries again
			for _, u := range batch {
				inv, err := invite(tx, UserID{}, u)
				if err != nil {
					return err
				}
				made = append(made, inv)
			}
			list = made
			return nil
		})
	}
	return list, err
}

func withoutPassword(r Reader, users []*User) (free []*User, err error) {
	has, err := passwords(r, users)
	for _, u := range users {
		if maySignIn(u) && !has[u.ID] && u.Email != "" {
			free = append(free, u)
		}
	}
	return free, err
}

func passwords(r Reader, users []*User) (map[UserID]bool, error) {
	keys := make([]Key, len(users))
	for i, u := range users {
		keys[i] = CredentialKey(u.ID, "password")
	}
	found, err := r.GetAll(KindCredential, keys)
	has := map[UserID]bool{}
	for _, o := range found {
		if c := o.(*Credential); !c.Gone {
			has[c.User] = true
		}
	}
	return has, err
}

// LinkUser says whom a link is for. It fails with NotFound if it was used, has
// expired or never was.
func (s *Service) LinkUser(ctx context.Context, secret string, now time.Time) (user *User, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		_, user, err = linkOf(r, secret, TimeOf(now))
		return err
	})
	return user, err
}

func linkOf(r Reader, secret string, now Time) (*Link, *User, error) {
	gone := Errorf(NotFound, "this link was used already, has expired, or never was").WithHint("ask an administrator for a new one")
	link, err := one[Link](r, hashSecret(secret))
	if IsKind(err, NotFound) || err == nil && (link.Gone || link.Expires < now) {
		return nil, nil, gone
	}
	if err != nil {
		return nil, nil, err
	}
	user, err := Get(r, link.User)
	if err == nil && !maySignIn(user) {
		err = gone
	}
	return link, user, err
}

// UseLink sets a password, uses up the link, ends the person's other sessions
// and starts one. Of two at once, one succeeds.
func (s *Service) UseLink(ctx context.Context, secret, password, agent string, now time.Time) (session string, actor *Actor, err error) {
	user, err := s.LinkUser(ctx, secret, now)
	if err != nil {
		return "", nil, err
	}
	if err := checkNewPassword(password, user); err != nil {
		return "", nil, err
	}
	hash, err := s.HashPassword(password) // slow, so not under the lock
	if err != nil {
		return "", nil, err
	}
	return s.startSession(ctx, user.ID, agent, func(tx Tx) error {
		link, _, err := linkOf(tx, secret, tx.Now())
		if err != nil {
			return err
		}
		link.Gone = true
		if err := tx.Put(link); err != nil {
			return err
		}
		return setPassword(tx, user.ID, hash)
	})
}

func setPassword(tx Tx, user UserID, hash string) error {
	sessions, err := List[Session](tx, Query{Index: Index{A: Key(user)}})
	if err != nil {
		return err
	}
	for _, old := range sessions {
		old.Gone = true
		if err := tx.Put(old); err != nil {
			return err
		}
	}
	return tx.Put(&Credential{User: user, Type: "password", Secret: hash, Set: tx.Now()}, audit(tx, user, "password set", user.String(), ""))
}

// checkNewPassword asks for length, and for what is not in plain sight
// (NIST SP 800-63B section 3.1.1.2).
func checkNewPassword(password string, u *User) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword:
		return Errorf(Invalid, "the password has %d characters; at least %d", n, minPassword).WithHint("a few words are easy to remember")
	case n > maxPassword:
		return Errorf(Invalid, "the password has %d characters; at most %d", n, maxPassword)
	}
	folded := Fold(password)
	for _, plain := range []string{u.Email, u.Name, u.Mention, "password", "1234567890", "qwertyuiop", "godwit"} {
		if p := Fold(plain); p != "" && strings.Trim(strings.ReplaceAll(folded, p, ""), "0123456789!.?@# ") == "" {
			return Errorf(Invalid, "the password is too easy to guess").WithHint("a few words that have nothing to do with you are easy to remember")
		}
	}
	return nil
}

// NewPerson is someone to be added by hand.
type NewPerson struct {
	Name, Email, Mention string
	Role                 Role
	Password             string // empty: none yet
}

// AddPerson adds a person. It fails with Conflict if the e-mail address is
// taken by someone who can sign in.
func (s *Service) AddPerson(ctx context.Context, by UserID, p NewPerson) (user *User, err error) {
	p.Email = strings.TrimSpace(p.Email)
	if at := strings.IndexByte(p.Email, '@'); at <= 0 || at == len(p.Email)-1 {
		return nil, Errorf(Invalid, "%q is not an e-mail address", p.Email)
	}
	if p.Name == "" {
		p.Name, _, _ = strings.Cut(p.Email, "@")
	}
	if p.Mention == "" {
		p.Mention = strings.ReplaceAll(p.Name, " ", "")
	}
	hash := ""
	if p.Password != "" {
		if err := checkNewPassword(p.Password, &User{Name: p.Name, Email: p.Email, Mention: p.Mention}); err != nil {
			return nil, err
		}
		if hash, err = s.HashPassword(p.Password); err != nil {
			return nil, err
		}
	}
	return user, s.Store.Update(ctx, func(tx Tx) error {
		taken, err := List[User](tx, Query{Index: Index{Name: Fold(p.Email)}})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(taken, maySignIn) {
			return Errorf(Conflict, "someone with the address %s is here already", p.Email)
		}
		user = &User{ID: UserID(tx.NewKey()), Name: p.Name, Email: p.Email, Mention: p.Mention, Role: p.Role, Created: tx.Now()}
		if err := tx.Put(user, audit(tx, by, "person added", user.ID.String(), string(p.Role))); err != nil || hash == "" {
			return err
		}
		return setPassword(tx, user.ID, hash)
	})
}

// SetPassword sets a person's password from the machine's own command line.
func (s *Service) SetPassword(ctx context.Context, who, password string) (user *User, err error) {
	err = s.Store.View(ctx, func(r Reader) error { user, err = findPerson(r, who); return err })
	if err != nil {
		return nil, err
	}
	if err := checkNewPassword(password, user); err != nil {
		return nil, err
	}
	hash, err := s.HashPassword(password)
	if err != nil {
		return nil, err
	}
	return user, s.Store.Update(ctx, func(tx Tx) error { return setPassword(tx, user.ID, hash) })
}
