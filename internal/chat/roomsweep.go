package chat

import (
	"context"
	"slices"
	"time"
)

// purgeAtOnce is how many messages are removed in one transaction: others who
// write wait that long.
const purgeAtOnce = 50

// SweepRooms removes for good what was said in rooms that were deleted longer
// than RoomGrace ago, and ends guests whose sessions are over. It returns how
// many messages and guests. It does nothing while nobody may write. Stopped
// in the middle, it goes on where it was.
func (s *Service) SweepRooms(ctx context.Context) (n int, err error) {
	p, err := s.Roster(ctx)
	if err != nil {
		return 0, err
	}
	now := TimeOf(time.Now())
	for id, room := range p.Rooms {
		if room.State == RoomDeleted && room.Ends != 0 && room.Ends <= now && err == nil {
			var some int
			some, err = s.purge(ctx, id)
			n += some
		}
	}
	if err == nil {
		var some int
		some, err = s.sweepGuests(ctx, p)
		n += some
	}
	if IsKind(err, Unavailable) {
		return n, nil
	}
	return n, err
}

// purge removes a room piece by piece: tombstones stay of its messages, so
// that an import of the same source does not bring them back, and a verify
// still finds that they came.
func (s *Service) purge(ctx context.Context, id RoomID) (n int, err error) {
	at := &Anchor{}
	for at != nil && err == nil {
		var list []*Message
		err = s.Store.View(ctx, func(r Reader) error {
			list, err = r.History(HistoryQuery{Room: id, After: at, Limit: purgeAtOnce})
			return err
		})
		if at = nil; err != nil || len(list) == 0 {
			break
		}
		at = anchorOf(list[len(list)-1])
		if !slices.ContainsFunc(list, func(m *Message) bool { return !m.Gone }) {
			continue
		}
		err = s.purging(ctx, id, func(t *roomTx) error {
			some, err := t.purgeMessages(list)
			n += some
			return err
		})
	}
	if err != nil {
		return n, err
	}
	return n, s.purging(ctx, id, (*roomTx).purgeRoom)
}

// purging runs fn on a room that is to be purged, unless it was restored.
func (s *Service) purging(ctx context.Context, id RoomID, fn func(*roomTx) error) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		room, err := Get[Room](tx, id)
		if err != nil {
			return err
		}
		if room.Gone || room.State != RoomDeleted || room.Ends == 0 || room.Ends > tx.Now() {
			return nil
		}
		return fn(&roomTx{Tx: tx, a: Operator(), room: room})
	})
}

// purgeMessages removes some messages with all that hangs on them.
func (t *roomTx) purgeMessages(list []*Message) (n int, err error) {
	keys := make([]Key, len(list))
	for i, m := range list {
		keys[i] = m.Key()
	}
	now, err := t.GetAll(KindMessage, keys)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		m, ok := now[k].(*Message)
		if !ok || m.Gone {
			continue
		}
		n++
		if err := remove(t, m); err != nil {
			return n, err
		}
	}
	follows, err := List[Follow](t, Query{In: keys})
	if err != nil {
		return n, err
	}
	for _, f := range follows {
		if err := t.Put(&Follow{Thread: f.Thread, User: f.User, Gone: true}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// purgeRoom removes what is left of a room whose messages are gone.
func (t *roomTx) purgeRoom() error {
	of := Query{Index: Index{A: Key(t.room.ID)}}
	members, err := List[Member](t, of)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := t.Put(&Member{Room: m.Room, User: m.User, Gone: true}); err != nil {
			return err
		}
	}
	pins, err := List[Pin](t, of)
	if err != nil {
		return err
	}
	for _, p := range pins {
		if err := t.Put(&Pin{Room: p.Room, Message: p.Message, Gone: true}); err != nil {
			return err
		}
	}
	marks, err := List[ReadMark](t, of)
	if err != nil {
		return err
	}
	for _, m := range marks {
		if err := t.Put(&ReadMark{Room: m.Room, User: m.User, Gone: true}); err != nil {
			return err
		}
	}
	if err := t.endGuests(); err != nil {
		return err
	}
	name := t.room.Name
	return t.Put(&Room{ID: t.room.ID, Type: t.room.Type, State: RoomDeleted, Created: t.room.Created, Gone: true},
		&Purge{ID: ID[Purge](DeriveKey(0, "", "purge", t.room.ID.String())), Room: t.room.ID, Before: t.Now()},
		audit(t, t.a, "purge room", t.room.ID.String(), name))
}

// sweepGuests ends guests who have no session any more.
func (s *Service) sweepGuests(ctx context.Context, p *Roster) (n int, err error) {
	for id, u := range p.Users {
		if u.Visits.IsZero() || u.Off || u.Gone {
			continue
		}
		err := s.Store.Update(ctx, func(tx Tx) error {
			sessions, err := List[Session](tx, Query{Index: Index{A: Key(id)}})
			if err != nil || slices.ContainsFunc(sessions, func(one *Session) bool { return one.Expires > tx.Now() }) {
				return err
			}
			n++
			return (&roomTx{Tx: tx, a: Operator(), room: &Room{ID: u.Visits}}).endGuest(id)
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
