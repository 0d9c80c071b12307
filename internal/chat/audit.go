package chat

import (
	"context"
	"slices"
	"strings"
)

const (
	auditPage = 100
	auditRead = 2 * auditPage // entries that are read at once
)

// AuditLog lists what was done that administrators answer for, newest first,
// before an entry (zero at first). Words must occur in the action, the note,
// or the name of who did it or to whom. It returns whether there are more.
func (s *Service) AuditLog(ctx context.Context, a *Actor, words string, before ID[Audit]) (list []*Audit, more bool, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, false, err
	}
	folded := strings.Fields(Fold(shorten(words, longestLogin)))
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		// Keys are in the order of time: each begins with it.
		for at := Key(before); ; {
			part, err := List[Audit](r, Query{Before: at, Newest: true, Limit: auditRead})
			if err != nil {
				return err
			}
			for _, e := range part {
				at = e.Key()
				if !p.says(e, folded) {
					continue
				}
				if more = len(list) == auditPage; more {
					return nil
				}
				list = append(list, e)
			}
			if len(part) < auditRead {
				return nil
			}
		}
	})
	return list, more, err
}

func (p *Roster) says(e *Audit, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := e.Action + "\n" + e.Note + "\n" + e.Target
	for _, id := range []UserID{e.Actor, targetOf(e)} {
		if u := p.Users[id]; u != nil {
			text += "\n" + u.Name + "\n" + u.Mention
		}
	}
	text = Fold(text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

func targetOf(e *Audit) UserID {
	id, err := ParseID[User](e.Target)
	if err != nil {
		return UserID{}
	}
	return id
}

// SettingValues returns what the settings of the place are set to, or their
// defaults. Of a secret it says "set", or nothing.
func (s *Service) SettingValues(ctx context.Context, a *Actor) (values map[string]string, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, err
	}
	values = map[string]string{}
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		for _, d := range settings {
			if d.Type != SettingSecret {
				values[d.Name] = p.Setting(d.Name)
				continue
			}
			o, err := r.Get(KindSealed, SealedKey(d.Name))
			if err == nil && !o.Deleted() {
				values[d.Name] = "set"
			} else if err != nil && !IsKind(err, NotFound) {
				return err
			}
		}
		return nil
	})
	return values, err
}

// HasPassword reports whether a person has one.
func (s *Service) HasPassword(ctx context.Context, of UserID) (has bool, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		c, err := r.Get(KindCredential, CredentialKey(of, passwordType))
		has = err == nil && !c.Deleted()
		if IsKind(err, NotFound) {
			return nil
		}
		return err
	})
	return has, err
}

// FactorRequired reports whether the place asks the actor for a second factor.
func (s *Service) FactorRequired(a *Actor) bool {
	return a.User != nil && a.Roster.lacksFactor(a.User, &Session{})
}

// MakeFirst makes the owner of an empty place, with a password, names the
// place, and signs the owner in. It fails with Conflict if somebody is here.
func (s *Service) MakeFirst(ctx context.Context, u User, password, place, agent string) (*Actor, string, error) {
	if err := checkPassword(password); err != nil {
		return nil, "", err
	}
	u.Role = RoleOwner
	if err := checkUser(Operator(), &u); err != nil {
		return nil, "", err
	}
	if err := settingInfo(SettingName).Check(place); err != nil {
		return nil, "", err
	}
	stored, err := s.Hash(ctx, password)
	if err != nil {
		return nil, "", err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		some, err := List[User](tx, Query{Limit: 1, Gone: true})
		if err != nil {
			return err
		}
		if len(some) > 0 {
			return Errorf(Conflict, "somebody is here already").WithHint("sign in; on the server's machine, godwit admin reset-link USER lets you in")
		}
		u.ID, u.Created = UserID(tx.NewKey()), tx.Now()
		if err := tx.Put(&u, audit(tx, Operator(), "create first owner", u.ID.String(), u.Name)); err != nil {
			return err
		}
		if place != "" {
			if err := s.putSetting(tx, Operator(), settingInfo(SettingName), place); err != nil {
				return err
			}
		}
		return putPassword(tx, u.ID, stored)
	})
	if err != nil {
		return nil, "", err
	}
	return s.begin(ctx, u.ID, agent, func(Tx, *Session) error { return nil }, nil)
}
