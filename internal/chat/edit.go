package chat

import (
	"context"
	"slices"
	"strings"
)

// Message returns one message as the actor may see it: a page of one. It
// fails with NotFound if there is none, or none that they may read.
func (s *Service) Message(ctx context.Context, a *Actor, id MessageID) (p *Page, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		p, err = s.message(r, a, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// changed runs an update, and returns the message that it was about as it is
// afterwards.
func (s *Service) changed(ctx context.Context, a *Actor, id MessageID, fn func(Tx) error) (*Page, error) {
	if err := s.Store.Update(ctx, fn); err != nil {
		return nil, err
	}
	return s.Message(ctx, a, id)
}

// wrote fails with Denied if a message is not the actor's to change.
func wrote(a *Actor, m *Message) error {
	if !a.Is(m.Author) || m.Type != MessagePlain {
		return Errorf(Denied, "only who wrote a message can edit it")
	}
	return nil
}

// Edit gives a message of the actor's another text, at any time, and keeps
// the one before. The same text again changes nothing.
func (s *Service) Edit(ctx context.Context, a *Actor, id MessageID, text string) (*Page, error) {
	text, err := checkText(text, true)
	if err != nil {
		return nil, err
	}
	called := a.called(text)
	return s.changed(ctx, a, id, func(tx Tx) error {
		m, _, _, err := living(tx, a, id)
		if err != nil {
			return err
		}
		if err := wrote(a, m); err != nil {
			return err
		}
		if _, err := checkText(text, len(m.Files) > 0); err != nil {
			return err
		}
		return edit(tx, m, text, called)
	})
}

func edit(tx Tx, m *Message, text string, called Extra) error {
	if m.Text == text {
		return nil
	}
	before := &Revision{ID: ID[Revision](tx.NewKey()), Message: m.ID, Since: max(m.Edited, m.Sent), Until: tx.Now(), Format: m.Format, Text: m.Text}
	if m.EncodeExtra() != nil {
		x := m.Extra
		before.Extra = &x
	}
	next := *m
	next.Text, next.Edited = text, tx.Now()
	// Whom the text meant before, it still means: an imported one knows names
	// that this place does not.
	for _, old := range m.Mentions {
		if !slices.ContainsFunc(called.Mentions, func(x Mention) bool { return Fold(x.Name) == Fold(old.Name) }) && strings.Contains(Fold(text), "@"+Fold(old.Name)) {
			called.Mentions = append(called.Mentions, old)
		}
	}
	next.Mentions, next.Everyone = called.Mentions, called.Everyone
	return tx.Put(before, &next)
}

// Correction is "s/old/new/".
type Correction struct {
	Room     RoomID
	Thread   MessageID // zero: in the room's history
	Old, New string
	All      bool // every place where Old stands, not only the first
}

// correctable is how far back one's last message is looked for.
const correctable = 200

// Correct replaces a text in the last message that the actor wrote in a room
// or a thread. It fails with NotFound if they wrote none lately, or if the
// text does not stand in it.
func (s *Service) Correct(ctx context.Context, a *Actor, c Correction) (*Page, error) {
	if c.Old == "" {
		return nil, Errorf(Invalid, "what is to be replaced is missing").WithHint("write it like s/old/new/")
	}
	var id MessageID
	err := s.Store.Update(ctx, func(tx Tx) error {
		room, _, err := readable(tx, a, c.Room)
		if err != nil {
			return err
		}
		if !a.mayPost(room) {
			return errClosedRoom(room)
		}
		list, err := tx.History(HistoryQuery{Room: c.Room, Thread: c.Thread, Limit: correctable})
		if err != nil {
			return err
		}
		var m *Message
		for _, o := range slices.Backward(list) {
			if !o.Gone && o.Room == room.ID && wrote(a, o) == nil {
				m = o
				break
			}
		}
		if m == nil {
			return Errorf(NotFound, "none of the last messages here is yours")
		}
		if !strings.Contains(m.Text, c.Old) {
			return Errorf(NotFound, "your last message has no %q in it", shorten(c.Old, 100)).WithHint("to send this as it is, begin it with //")
		}
		n := 1
		if c.All {
			n = -1
		}
		text, err := checkText(strings.Replace(m.Text, c.Old, c.New, n), len(m.Files) > 0)
		if err != nil {
			return err
		}
		id = m.ID
		return edit(tx, m, text, a.called(text))
	})
	if err != nil {
		return nil, err
	}
	return s.Message(ctx, a, id)
}

// Revisions returns what a message said before, oldest first, and the message
// itself. Whoever may read the message may read them.
func (s *Service) Revisions(ctx context.Context, a *Actor, id MessageID) (list []*Revision, p *Page, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if p, err = s.message(r, a, id); err != nil || p.Messages[0].Gone {
			return err
		}
		list, err = List[Revision](r, Query{Index: Index{A: Key(id)}})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(list, func(x, y *Revision) int { return int(x.Until - y.Until) })
	return list, p, nil
}

// Delete takes away what a message says, and all that hangs on it: its files,
// earlier texts, reactions, pins and saved marks. What is left says that there
// was one. It is for its author, and for administrators of the place and of
// the room. Again does nothing.
func (s *Service) Delete(ctx context.Context, a *Actor, id MessageID) (*Page, error) {
	return s.changed(ctx, a, id, func(tx Tx) error {
		m, _, member, err := message(tx, a, id)
		if err != nil || m.Gone {
			return err
		}
		mine := a.Is(m.Author)
		if m.quiet() || !mine && !a.Admin() && (member == nil || !member.Admin) {
			return Errorf(Denied, "only who wrote a message can delete it, or an administrator")
		}
		if !mine {
			if err := tx.Put(audit(tx, a, "delete message", m.ID.String(), "")); err != nil {
				return err
			}
		}
		return remove(tx, m)
	})
}

// remove leaves tombstones of a message and of what hangs on it.
func remove(tx Tx, m *Message) error {
	gone := []Object{&Message{ID: m.ID, Room: m.Room, Author: m.Author, Sent: m.Sent, Type: m.Type, Thread: m.Thread, Gone: true, Extra: Extra{Shown: m.Shown}}}
	files, err := List[File](tx, Query{Index: Index{B: Key(m.ID)}})
	if err != nil {
		return err
	}
	for _, f := range files {
		gone = append(gone, &File{ID: f.ID, Room: f.Room, Message: f.Message, Author: f.Author, Sent: f.Sent, Gone: true})
	}
	revisions, err := List[Revision](tx, Query{Index: Index{A: Key(m.ID)}})
	if err != nil {
		return err
	}
	for _, r := range revisions {
		gone = append(gone, &Revision{ID: r.ID, Message: r.Message, Since: r.Since, Until: r.Until, Gone: true})
	}
	reactions, err := List[Reaction](tx, Query{Index: Index{A: Key(m.ID)}})
	if err != nil {
		return err
	}
	for _, r := range reactions {
		gone = append(gone, &Reaction{Message: r.Message, User: r.User, Emoji: r.Emoji, Gone: true})
	}
	pins, err := List[Pin](tx, Query{Index: Index{B: Key(m.ID)}})
	if err != nil {
		return err
	}
	for _, p := range pins {
		gone = append(gone, &Pin{Room: p.Room, Message: p.Message, Gone: true})
	}
	links, err := List[LinkCard](tx, Query{Index: Index{A: Key(m.ID)}})
	if err != nil {
		return err
	}
	for _, c := range links {
		gone = append(gone, c.end())
	}
	saved, err := List[Saved](tx, Query{Index: Index{B: Key(m.ID)}})
	if err != nil {
		return err
	}
	for _, o := range saved {
		gone = append(gone, &Saved{User: o.User, Message: o.Message, Gone: true})
	}
	return tx.Put(gone...)
}
