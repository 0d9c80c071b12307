package chat

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// AdminUser is somebody as administrators see them.
type AdminUser struct {
	*User
	Password bool // has one
}

// peoplePage is how many people a page of the administrators' list has.
const peoplePage = 50

func byName(a, b *User) int {
	return cmp.Or(strings.Compare(Fold(a.Name), Fold(b.Name)), slices.Compare(a.ID[:], b.ID[:]))
}

// People finds people by any part of name, mention name, e-mail address or
// domain, in any case, ordered by name, after a person (zero at first). It
// returns how many there are and whether there are more.
func (s *Service) People(ctx context.Context, a *Actor, words string, after UserID) (list []AdminUser, total int64, more bool, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, 0, false, err
	}
	folded := strings.Fields(Fold(words))
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		var found []*User
		for _, u := range p.Users {
			find := u.Index().Find
			if !u.Gone && !slices.ContainsFunc(folded, func(w string) bool { return !strings.Contains(find, w) }) {
				found = append(found, u)
			}
		}
		slices.SortFunc(found, byName)
		total = int64(len(found))
		if last := p.Users[after]; last != nil {
			found = found[len(found)-len(afterUser(found, last)):]
		}
		if more = len(found) > peoplePage; more {
			found = found[:peoplePage]
		}
		list, err = withPasswords(r, found)
		return err
	})
	return list, total, more, err
}

func afterUser(list []*User, last *User) []*User {
	for i, u := range list {
		if byName(u, last) > 0 {
			return list[i:]
		}
	}
	return nil
}

func withPasswords(r Reader, people []*User) ([]AdminUser, error) {
	keys := make([]Key, len(people))
	for i, u := range people {
		keys[i] = CredentialKey(u.ID, passwordType)
	}
	found, err := r.GetAll(KindCredential, keys)
	list := make([]AdminUser, len(people))
	for i, u := range people {
		c := found[keys[i]]
		list[i] = AdminUser{u, c != nil && !c.Deleted()}
	}
	return list, err
}

// CountAll counts what is in the place, for administrators.
func (s *Service) CountAll(ctx context.Context, a *Actor) (t Totals, h Head, err error) {
	if err := a.mustAdmin(); err != nil {
		return t, h, err
	}
	err = s.Store.View(ctx, func(r Reader) error {
		if h, err = r.Head(); err != nil {
			return err
		}
		t, err = r.Count()
		return err
	})
	return t, h, err
}

// CreateUser adds somebody. Their e-mail address and mention name must be
// free, in any case. It fails with Conflict if they are not.
func (s *Service) CreateUser(ctx context.Context, a *Actor, u User) (*User, error) {
	if err := a.mustAdmin(); err != nil {
		return nil, err
	}
	if err := checkUser(a, &u); err != nil {
		return nil, err
	}
	err := s.Store.Update(ctx, func(tx Tx) error {
		if u.Email != "" {
			same, err := List[User](tx, Query{Index: Index{Name: Fold(u.Email)}})
			if err != nil {
				return err
			}
			if len(same) > 0 {
				return taken("e-mail address", u.Email)
			}
		}
		if u.Mention != "" {
			same, err := List[User](tx, Query{Index: Index{Find: Fold(u.Mention)}})
			if err != nil {
				return err
			}
			if slices.ContainsFunc(same, func(o *User) bool { return Fold(o.Mention) == Fold(u.Mention) }) {
				return taken("mention name", u.Mention)
			}
		}
		u.ID, u.Created = UserID(tx.NewKey()), tx.Now()
		return tx.Put(&u, audit(tx, a, "create user", u.ID.String(), u.Name))
	})
	if err != nil {
		return nil, err
	}
	return &u, nil
}

func taken(what, value string) error {
	return Errorf(Conflict, "the %s %s is somebody's already", what, value)
}

const longestUserName = 200

func checkUser(a *Actor, u *User) error {
	u.Name, u.Email = strings.TrimSpace(u.Name), strings.TrimSpace(u.Email)
	u.Mention = strings.TrimPrefix(strings.TrimSpace(u.Mention), "@")
	if u.Role == "" {
		u.Role = RoleMember
	}
	switch u.Role {
	case RoleMember, RoleGuest, RoleAdmin:
	case RoleOwner:
		if !a.Operator && a.User.Role != RoleOwner {
			return Errorf(Denied, "only an owner may make another owner")
		}
	default:
		return Errorf(Invalid, "%q is not a role; known are owner, admin, member and guest", u.Role)
	}
	switch {
	case u.Name == "":
		return Errorf(Invalid, "the person needs a name")
	case len(u.Name) > longestUserName || len(u.Email) > longestLogin || len(u.Mention) > longestUserName:
		return Errorf(Invalid, "the name or the e-mail address is too long")
	case u.Email == "" && u.Mention == "":
		return Errorf(Invalid, "%s needs an e-mail address or a mention name to sign in", u.Name)
	case u.Email != "" && !strings.Contains(u.Email, "@"):
		return Errorf(Invalid, "%q is not an e-mail address", u.Email)
	case strings.ContainsFunc(u.Mention, notInMention):
		return Errorf(Invalid, "the mention name %q has characters that cannot be mentioned", u.Mention).WithHint("use letters, digits, dots and dashes")
	}
	return nil
}

// EnsureOwner makes sure that somebody can run the place: it returns the
// first active owner, or makes one. Again returns the same.
func (s *Service) EnsureOwner(ctx context.Context, u User) (owner *User, made bool, err error) {
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, o := range p.Users {
		if o.Role == RoleOwner && CanSignIn(o) && p.Root(o.ID) == o.ID && (owner == nil || byName(o, owner) < 0) {
			owner = o
		}
	}
	if owner != nil {
		return owner, false, nil
	}
	u.Role = RoleOwner
	owner, err = s.CreateUser(ctx, Operator(), u)
	return owner, err == nil, err
}
