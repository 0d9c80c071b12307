package chat

import (
	"context"
	"slices"
)

// MostUnread is up to how many unread messages of a room are counted.
const MostUnread = 100

// unread completes rooms by up to when the actor has read them, and by what
// is newer. What was there before somebody came in counts as read, and so
// does what a mover brought.
func unread(r Reader, a *Actor, list []*RoomView) error {
	if a.User == nil || len(list) == 0 {
		return nil
	}
	read, err := marks(r, a)
	if err != nil {
		return err
	}
	after := map[RoomID]Time{}
	for _, v := range list {
		v.Read = read[v.ID]
		if v.Member != nil {
			v.Read = max(v.Read, v.Member.Joined)
		}
		if v.Span.Last > v.Read {
			after[v.ID] = v.Read
		}
	}
	if len(after) == 0 {
		return nil
	}
	counts, err := r.Unread(UnreadQuery{Of: a.IDs(), After: after, Most: MostUnread})
	for _, v := range list {
		v.Unread = counts[v.ID]
	}
	return err
}

// marks reads up to when the actor has read each room, as any identity.
func marks(r Reader, a *Actor) (map[RoomID]Time, error) {
	read := map[RoomID]Time{}
	for _, id := range a.IDs() {
		list, err := List[ReadMark](r, Query{Index: Index{B: Key(id)}})
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			read[m.Room] = max(read[m.Room], m.Read)
		}
	}
	return read, nil
}

// Mark says up to when a person has read a room.
type Mark struct {
	Of   *Actor
	Room RoomID
	Read Time
	From *Time // the mark that they knew of, as a RoomView has it; nil: whatever it was
}

// MarkRead takes in up to when people have read rooms. A mark never goes back,
// nor ahead of the log's clock, and moves none that was set back by hand and
// that it does not know of: it was said before. Rooms that one is not in have
// none.
func (s *Service) MarkRead(ctx context.Context, marks []Mark) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		for _, one := range marks {
			if err := markRead(tx, one); err != nil {
				return err
			}
		}
		return nil
	})
}

func markRead(tx Tx, one Mark) error {
	if one.Of.User == nil {
		return nil
	}
	m, err := memberOf(tx, one.Of, one.Room)
	if err != nil || m == nil {
		return err
	}
	mark := &ReadMark{Room: one.Room, User: one.Of.User.ID, Read: min(one.Read, tx.Now())}
	found, err := tx.GetAll(KindReadMark, []Key{mark.Key()})
	if err != nil {
		return err
	}
	if old, ok := found[mark.Key()].(*ReadMark); ok && !old.Gone {
		late := old.Back && one.From != nil && *one.From != max(old.Read, m.Joined)
		if late || old.Read >= mark.Read {
			return nil
		}
	}
	return tx.Put(mark)
}

// Unread counts what the actor has not read of a room. A room that they are
// not in has nothing.
func (s *Service) Unread(ctx context.Context, a *Actor, id RoomID) (v *RoomView, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		m, err := memberOf(r, a, id)
		if err != nil {
			return err
		}
		v = &RoomView{Room: &Room{ID: id}, Member: m}
		if m == nil {
			return nil
		}
		spans, err := r.Spans([]RoomID{id}, false)
		if err != nil {
			return err
		}
		v.Span = spans[id]
		return unread(r, a, []*RoomView{v})
	})
	return v, err
}

// mostHere is how many people an @here can mean.
const mostHere = 500

// here finds out whom an @here means: those members of the room who are there
// now.
func (s *Service) here(ctx context.Context, p *Roster, room RoomID, x *Extra) error {
	if x.Everyone != EveryoneHere || s.Present == nil {
		return nil
	}
	return s.Store.View(ctx, func(r Reader) error {
		members, err := List[Member](r, Query{Index: Index{A: Key(room)}})
		for _, m := range members {
			if root := p.Root(m.User); len(x.Here) < mostHere && s.Present(root) && !slices.Contains(x.Here, root) {
				x.Here = append(x.Here, root)
			}
		}
		return err
	})
}
