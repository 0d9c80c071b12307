package chat

import (
	"context"
	"regexp"
	"strings"
)

// EmoticonsAdmins is the value of SettingEmoticons that leaves them to
// administrators.
const EmoticonsAdmins = "admins"

// What a custom emoticon may be.
const (
	MostEmoticonBytes  = 256 << 10
	MostEmoticonPixels = 512 // either side
	mostEmoticons      = 10_000
)

// emoticonShortcut is what markup finds in a text.
var emoticonShortcut = regexp.MustCompile(`^[\p{L}\p{N}_+-]{1,50}$`)

// mayAddEmoticons fails with Denied if the actor may not.
func mayAddEmoticons(a *Actor) error {
	switch {
	case a.Admin():
		return nil
	case a.User == nil || a.User.Role == RoleGuest:
		return Errorf(Denied, "guests cannot add emoticons")
	case a.Roster.Setting(SettingEmoticons) == EmoticonsAdmins:
		return Errorf(Denied, "only administrators add emoticons here").WithHint("ask an administrator of this place")
	}
	return nil
}

// MayAddEmoticons reports whether the actor may.
func MayAddEmoticons(a *Actor) bool { return mayAddEmoticons(a) == nil }

// CheckEmoticon says whether the actor may add an emoticon of a shortcut,
// before its bytes are stored, and returns the shortcut as it is kept: without
// parentheses or colons. It fails with Conflict if it is taken.
func (s *Service) CheckEmoticon(a *Actor, shortcut string) (string, error) {
	if err := mayAddEmoticons(a); err != nil {
		return "", err
	}
	shortcut = strings.Trim(strings.TrimSpace(shortcut), "():")
	if !emoticonShortcut.MatchString(shortcut) {
		return "", Errorf(Invalid, "%q cannot be the shortcut of an emoticon", shorten(shortcut, 100)).
			WithHint("it has 1 to 50 letters, digits, and + - _")
	}
	if a.Roster.Emoticons[Fold(shortcut)] != nil {
		return "", errTaken(shortcut)
	}
	if len(a.Roster.Emoticons) >= mostEmoticons {
		return "", Errorf(TooMany, "there are %d emoticons; no more are possible", mostEmoticons).WithHint("delete some first")
	}
	return shortcut, nil
}

func errTaken(shortcut string) error {
	return Errorf(Conflict, "there is an emoticon (%s) already", shortcut).WithHint("choose another shortcut, or delete that one first")
}

// AddEmoticon adds one of the place's own. Its bytes must have been stored,
// and be a picture of at most MostEmoticonPixels.
func (s *Service) AddEmoticon(ctx context.Context, a *Actor, shortcut string, c Content) (*Emoticon, error) {
	shortcut, err := s.CheckEmoticon(a, shortcut)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Size <= 0 || c.Size > MostEmoticonBytes:
		return nil, Errorf(Invalid, "the picture has %d kB; at most %d are possible", (c.Size+1023)>>10, MostEmoticonBytes>>10)
	case c.Width < 1 || c.Height < 1 || c.Width > MostEmoticonPixels || c.Height > MostEmoticonPixels:
		return nil, Errorf(Invalid, "the picture is %d × %d pixels; at most %d × %d are possible", c.Width, c.Height, MostEmoticonPixels, MostEmoticonPixels)
	}
	var e *Emoticon
	err = s.Store.Update(ctx, func(tx Tx) error {
		same, err := List[Emoticon](tx, Query{Index: Index{Name: Fold(shortcut)}})
		if err != nil {
			return err
		}
		if len(same) > 0 {
			return errTaken(shortcut)
		}
		c.ID = ContentID(tx.NewKey())
		e = &Emoticon{ID: EmoticonID(tx.NewKey()), Shortcut: shortcut, Content: c.ID, By: a.id(), Created: tx.Now()}
		return tx.Put(&c, e)
	})
	return e, err
}

// DeleteEmoticon removes one of the place's own: its shortcut becomes a word
// again. It is for who added it, and for administrators. Again does nothing.
func (s *Service) DeleteEmoticon(ctx context.Context, a *Actor, id EmoticonID) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		e, err := Get[Emoticon](tx, id)
		if IsKind(err, NotFound) {
			return Errorf(NotFound, "there is no such emoticon")
		}
		if err != nil || e.Gone {
			return err
		}
		mine := !e.By.IsZero() && a.Is(e.By) && MayAddEmoticons(a)
		if !mine && !a.Admin() {
			return Errorf(Denied, "only who added an emoticon can delete it, or an administrator")
		}
		gone := *e
		gone.Gone = true
		if mine {
			return tx.Put(&gone)
		}
		return tx.Put(&gone, audit(tx, a, "delete emoticon", e.ID.String(), e.Shortcut))
	})
}
