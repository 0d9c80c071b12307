package chat

import (
	"context"
	"errors"
)

// StillMissed leaves of messages those that a person has not read, may still read,
// and was not mailed of before. It returns up to when they were.
func (s *Service) StillMissed(ctx context.Context, of UserID, messages []MessageID) (list []*Message, p *Roster, chosen Chosen, mailed Time, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		list = nil
		if p, err = s.roster(r); err != nil {
			return err
		}
		user := p.Users[of]
		if !CanSignIn(user) {
			return nil
		}
		a := &Actor{User: user, Also: p.Identities(of), Roster: p}
		stored, err1 := storedPrefs(r, a.IDs()...)
		told, err2 := r.Get(KindTold, Key(of))
		if IsKind(err2, NotFound) {
			err2 = nil
		} else if err2 == nil {
			mailed = told.(*Told).Mailed
		}
		chosen = chosenOf(stored...)
		keys := make([]Key, len(messages))
		for i, id := range messages {
			keys[i] = Key(id)
		}
		found, err3 := r.GetAll(KindMessage, keys)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		for _, k := range keys {
			m, ok := found[k].(*Message)
			if !ok || m.Gone || m.Sent <= mailed {
				continue
			}
			if _, _, err := readable(r, a, m.Room); IsKind(err, NotFound) {
				continue
			} else if err != nil {
				return err
			}
			read, err := readUntil(r, a, m)
			if err != nil {
				return err
			}
			if m.Sent > read {
				list = append(list, m)
			}
		}
		return nil
	})
	return list, p, chosen, mailed, err
}

// readUntil returns up to when the actor has read the room of a message, or
// its thread.
func readUntil(r Reader, a *Actor, m *Message) (read Time, err error) {
	for _, id := range a.IDs() {
		kind, key := KindReadMark, PairKey(Key(m.Room), Key(id))
		if m.Aside() {
			kind, key = KindFollow, PairKey(Key(m.Thread), Key(id))
		}
		o, err := r.Get(kind, key)
		if IsKind(err, NotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		switch o := o.(type) {
		case *ReadMark:
			read = max(read, o.Read)
		case *Follow:
			read = max(read, o.Read)
		}
	}
	return read, nil
}

// ClaimMail notes that a person is told by mail of all up to a moment, if
// nobody noted so meanwhile: mail goes out once, whatever happens. GiveBack
// undoes it for a mail that the server refused.
func (s *Service) ClaimMail(ctx context.Context, of UserID, before, until Time) (won bool, err error) {
	err = s.Store.Update(ctx, func(tx Tx) error {
		won = false
		held := Time(0)
		if o, err := tx.Get(KindTold, Key(of)); err == nil {
			held = o.(*Told).Mailed
		} else if !IsKind(err, NotFound) {
			return err
		}
		if held != before {
			return nil
		}
		won = true
		return tx.Put(&Told{User: of, Mailed: until})
	})
	return won, err
}

// Bookmark returns how far something has read this log; the zero cursor if it
// has not begun, or read another one.
func (s *Service) Bookmark(ctx context.Context, name string) (at Position, h Head, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if h, err = r.Head(); err != nil {
			return err
		}
		o, err := r.Get(KindBookmark, (&Bookmark{Name: name}).Key())
		if IsKind(err, NotFound) {
			return nil
		}
		if err == nil {
			if b := o.(*Bookmark); b.At.LogID == h.LogID && b.At.Pos <= h.Pos {
				at = b.At.Pos
			}
		}
		return err
	})
	return at, h, err
}

// SetBookmark keeps how far something has read.
func (s *Service) SetBookmark(ctx context.Context, name string, at Position) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		h, err := tx.Head()
		if err != nil {
			return err
		}
		return tx.Put(&Bookmark{Name: name, At: Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: at}})
	})
}
