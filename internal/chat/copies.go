package chat

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A place that another one is moving into is shown before the switch to those
// who have been asked to look at it, and to nobody else.

// names splits a list of people as it is typed: by commas, semicolons or blanks.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
}

// Tester reports whether somebody may look at a place that is still being
// filled from another one: who looks after it, and who is named for it.
func (p *Roster) Tester(u *User) bool {
	if u == nil || u.Role == RoleOwner || u.Role == RoleAdmin {
		return u != nil
	}
	return slices.ContainsFunc(names(p.Setting(SettingTesters)), func(name string) bool {
		name = Fold(strings.TrimPrefix(name, "@"))
		return u.Email != "" && Fold(u.Email) == name || u.Mention != "" && Fold(u.Mention) == name
	})
}

// ErrArriving says that a place is still being filled from another one.
func ErrArriving() error {
	return Errorf(Unavailable, "this place is still arriving from another server").
		WithHint("go on at the old address until you are told that it has moved")
}

// ErrCopy says that nothing can be done in a place that is still being filled.
func ErrCopy() error {
	return Errorf(Unavailable, "this is a copy that is still being filled: nothing can be done in it").
		WithHint("do it at the old address; it comes over by itself")
}

// Announcement is what administrators have to say to everybody.
type Announcement struct {
	ID   string // another one for another text or time
	Text string
	At   Time // that it is about; 0 is none
}

// Announcement returns what is announced; nil if nothing is.
func (p *Roster) Announcement() *Announcement {
	text, at := p.Setting(SettingAnnouncement), p.Setting(SettingAnnouncementAt)
	if text == "" {
		return nil
	}
	a := &Announcement{ID: hashSecret(text + "\x00" + at)[:16], Text: text}
	if t, err := time.Parse(time.RFC3339, at); err == nil {
		a.At = TimeOf(t)
	}
	return a
}

func checkTime(v string) error {
	if _, err := time.Parse(time.RFC3339, v); err != nil {
		return Errorf(Invalid, "%q is not a time", shorten(v, 40)).WithHint("it looks like 2026-11-28T20:00:00Z")
	}
	return nil
}

// Spend notes that a secret that is good once, and until some time, was used.
// It fails with Unknown if it was used before.
func (s *Service) Spend(ctx context.Context, secret string, expires time.Time) error {
	return s.Store.Update(ctx, func(tx Tx) error { return spend(tx, secret, expires) })
}
