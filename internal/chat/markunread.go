package chat

import "context"

// MarkUnread sets the actor's mark back, so that a message and what follows
// it in its room are unread, and no others: what was before it counts as read,
// whether or not word of that has come yet. It fails with Invalid in rooms that
// they are not in: nothing is counted there.
func (s *Service) MarkUnread(ctx context.Context, a *Actor, id MessageID) (room RoomID, err error) {
	if a.User == nil {
		return room, errNobody()
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		m, r, member, err := message(tx, a, id)
		if err != nil {
			return err
		}
		if member == nil {
			return Errorf(Invalid, "nothing is unread in rooms that you are not in").WithHint("join %q first", r.Name)
		}
		if m.Aside() {
			return Errorf(Invalid, "this reply is not in the room itself").WithHint("mark what it answers")
		}
		room = r.ID
		for _, u := range a.IDs() {
			mark := &ReadMark{Room: r.ID, User: u, Read: m.Sent - 1, Back: true}
			found, err := tx.GetAll(KindReadMark, []Key{mark.Key()})
			if err != nil {
				return err
			}
			old, ok := found[mark.Key()].(*ReadMark)
			known := ok && !old.Gone
			if u != a.User.ID && (!known || old.Read <= mark.Read) {
				continue
			}
			if known && old.Back && old.Read == mark.Read {
				mark.Read-- // another mark than the first: what goes on from that one is too late
			}
			if err := tx.Put(mark); err != nil {
				return err
			}
		}
		return nil
	})
	return room, err
}
