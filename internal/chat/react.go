package chat

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What hangs on messages is bounded.
const (
	mostEmoji    = 50   // different ones on one message
	longestEmoji = 64   // bytes: families of many people, and shortcuts
	mostPins     = 100  // in one room
	mostSaved    = 2000 // by one person
)

// React puts the actor's emoji on a message, or takes it off. An emoji is
// itself, or, for one of the place's own, its shortcut between colons. Again
// does nothing.
func (s *Service) React(ctx context.Context, a *Actor, id MessageID, emoji string, on bool) (*Page, error) {
	emoji, err := checkEmoji(a.Roster, emoji, on)
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, a, id, func(tx Tx) error {
		m, _, _, err := living(tx, a, id)
		if err != nil {
			return err
		}
		if m.quiet() {
			return Errorf(Invalid, "nobody can react to this: it only says what happened to the room")
		}
		list, err := List[Reaction](tx, Query{Index: Index{A: Key(m.ID)}})
		if err != nil {
			return err
		}
		different := map[string]bool{}
		var mine []Object
		for _, r := range list {
			different[r.Emoji] = true
			if r.Emoji == emoji && a.Is(r.User) {
				mine = append(mine, &Reaction{Message: m.ID, User: r.User, Emoji: emoji, Gone: true})
			}
		}
		switch {
		case !on:
			return tx.Put(mine...) // of all identities
		case len(mine) > 0:
			return nil
		case !different[emoji] && len(different) >= mostEmoji:
			return Errorf(TooMany, "there are %d different reactions to this message; no more are possible", len(different))
		}
		return tx.Put(&Reaction{Message: m.ID, User: a.User.ID, Emoji: emoji, At: tx.Now()})
	})
}

// checkEmoji returns an emoji in the form that is kept. What is there can be
// taken off, whatever it is.
func checkEmoji(p *Roster, emoji string, on bool) (string, error) {
	none := Errorf(Invalid, "%q is no emoji", shorten(emoji, longestEmoji)).WithHint("choose one from the list")
	if emoji == "" || len(emoji) > longestEmoji+2 || !utf8.ValidString(emoji) {
		return "", none
	}
	if !on {
		return emoji, nil
	}
	if word, ok := strings.CutPrefix(emoji, ":"); ok {
		e := p.Emoticons[Fold(strings.TrimSuffix(word, ":"))]
		if e == nil || !strings.HasSuffix(word, ":") {
			return "", Errorf(NotFound, "there is no emoticon %q", shorten(emoji, longestEmoji))
		}
		return ":" + e.Shortcut + ":", nil
	}
	symbols := 0
	for _, r := range emoji {
		switch {
		case unicode.In(r, unicode.So, unicode.Sk, unicode.Sm) || r == '‼' || r == '⁉' || r == '〰' || r == '〽':
			symbols++
		case r == '\u200d' || r == '\ufe0f' || r == '\u20e3' || unicode.Is(unicode.Variation_Selector, r) || r >= 0xe0020 && r <= 0xe007f:
		case r >= '0' && r <= '9' || r == '#' || r == '*':
			if !strings.HasSuffix(emoji, "\u20e3") {
				return "", none
			}
			symbols++
		default:
			return "", none
		}
	}
	if symbols == 0 {
		return "", none
	}
	return emoji, nil
}

// SetPin holds a message up in its room, or no more. It is for everybody who
// may write there. Again does nothing.
func (s *Service) SetPin(ctx context.Context, a *Actor, id MessageID, on bool) (*Page, error) {
	return s.changed(ctx, a, id, func(tx Tx) error {
		m, room, _, err := living(tx, a, id)
		if err != nil {
			return err
		}
		if m.quiet() {
			return Errorf(Invalid, "this cannot be pinned: it only says what happened to the room")
		}
		pins, err := List[Pin](tx, Query{Index: Index{A: Key(room.ID)}})
		if err != nil {
			return err
		}
		there := slices.ContainsFunc(pins, func(p *Pin) bool { return p.Message == m.ID })
		switch {
		case there == on:
			return nil
		case on && len(pins) >= mostPins:
			return Errorf(TooMany, "%d messages are pinned in this room; no more are possible", len(pins)).WithHint("unpin one first")
		}
		return tx.Put(&Pin{Room: room.ID, Message: m.ID, User: a.User.ID, At: tx.Now(), Gone: !on})
	})
}

// Pins are the pinned messages of a room, the newest pin first.
type Pins struct {
	Page
	List []*Pin // in the order of Messages
}

// Pins reads the pinned messages of a room.
func (s *Service) Pins(ctx context.Context, a *Actor, id RoomID) (out *Pins, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if _, _, err := readable(r, a, id); err != nil {
			return err
		}
		out = &Pins{}
		if out.Roster, err = s.roster(r); err != nil {
			return err
		}
		pins, err := List[Pin](r, Query{Index: Index{A: Key(id)}})
		if err != nil {
			return err
		}
		slices.SortFunc(pins, func(x, y *Pin) int {
			return cmp.Or(cmp.Compare(y.At, x.At), slices.Compare(x.Message[:], y.Message[:]))
		})
		keys := make([]Key, len(pins))
		for i, p := range pins {
			keys[i] = Key(p.Message)
		}
		found, err := r.GetAll(KindMessage, keys)
		if err != nil {
			return err
		}
		for _, p := range pins {
			// A pin may name what is not here, or what was deleted.
			if m, ok := found[Key(p.Message)].(*Message); ok && !m.Gone && m.Room == id {
				out.List, out.Messages = append(out.List, p), append(out.Messages, m)
			}
		}
		out.Details, err = details(r, a, out.Messages)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Save keeps a message on the actor's list, or no more. Again does nothing.
func (s *Service) Save(ctx context.Context, a *Actor, id MessageID, on bool) (*Page, error) {
	if a.User == nil {
		return nil, errNobody()
	}
	return s.changed(ctx, a, id, func(tx Tx) error {
		m, _, _, err := message(tx, a, id)
		if err != nil {
			return err
		}
		if m.Gone && on {
			return Errorf(NotFound, "this message was deleted")
		}
		var mine []*Saved
		for _, u := range a.IDs() {
			list, err := List[Saved](tx, Query{Index: Index{A: Key(u)}})
			if err != nil {
				return err
			}
			mine = append(mine, list...)
		}
		there := false
		for _, o := range mine {
			if o.Message != m.ID {
				continue
			}
			if there = true; !on {
				if err := tx.Put(&Saved{User: o.User, Message: m.ID, Gone: true}); err != nil {
					return err
				}
			}
		}
		switch {
		case there || !on:
			return nil
		case len(mine) >= mostSaved:
			return Errorf(TooMany, "you have saved %d messages; no more are possible", len(mine)).WithHint("take one off the list first")
		}
		return tx.Put(&Saved{User: a.User.ID, Message: m.ID, At: tx.Now()})
	})
}

// SavedPage is a piece of the list of what somebody has saved, what was saved
// last first.
type SavedPage struct {
	Page
	Rooms map[RoomID]*RoomView
	List  []*Saved // in the order of Messages
	More  bool
}

const savedPage = 50

// SavedMessages lists what the actor has saved and may still read, from skip
// on.
func (s *Service) SavedMessages(ctx context.Context, a *Actor, skip int) (out *SavedPage, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		out = &SavedPage{}
		if out.Roster, err = s.roster(r); err != nil {
			return err
		}
		var list []*Saved
		for _, u := range a.IDs() {
			some, err := List[Saved](r, Query{Index: Index{A: Key(u)}})
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		slices.SortFunc(list, func(x, y *Saved) int {
			return cmp.Or(cmp.Compare(y.At, x.At), slices.Compare(x.Message[:], y.Message[:]))
		})
		if err := out.read(r, a, list, skip); err != nil {
			return err
		}
		if out.Details, err = details(r, a, out.Messages); err != nil {
			return err
		}
		out.Rooms, err = roomsOf(r, a, out.Roster, out.Messages)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (p *SavedPage) read(r Reader, a *Actor, list []*Saved, skip int) error {
	in, err := memberships(r, a)
	if err != nil {
		return err
	}
	keys := make([]Key, len(list))
	for i, o := range list {
		keys[i] = Key(o.Message)
	}
	found, err := r.GetAll(KindMessage, keys)
	if err != nil {
		return err
	}
	for _, o := range list {
		m, ok := found[Key(o.Message)].(*Message)
		if !ok || m.Gone {
			continue
		}
		if room := p.Roster.Rooms[m.Room]; room == nil || !a.mayRead(room, in[m.Room] != nil) {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if p.More = len(p.List) == savedPage; p.More {
			return nil
		}
		p.List, p.Messages = append(p.List, o), append(p.Messages, m)
	}
	return nil
}
