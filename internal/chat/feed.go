package chat

import (
	"context"
	"slices"
	"time"
)

// News is what is new in the log after a cursor, with all that is needed to
// tell people of it.
type News struct {
	Changes []Change
	Cursor  Cursor // from which to go on
	State   State  // of the place
	More    bool   // there are more changes
	Lost    bool   // the log does not go on from the cursor: Cursor is its end
	Roster  *Roster
	Brought bool // a mover has brought history meanwhile; only CatchUp says so

	// Arriving are the rooms whose moves have not ended. It is not to be changed.
	Arriving map[RoomID]bool

	messages map[MessageID]*Message
	details  Details
	spans    map[RoomID]Span
	people   map[RoomID][]UserID
}

// News reads what is new after a cursor, at most so many changes.
func (s *Service) News(ctx context.Context, after Cursor, limit int) (n *News, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		n, err = s.news(r, after, limit)
		return err
	})
	if err == nil {
		n.Arriving, err = s.Arriving(ctx)
	}
	return n, err
}

// Brought names rooms into whose history a mover has brought messages between
// two positions, at most so many; or says that there are more.
func (s *Service) Brought(ctx context.Context, after, to Position, most int) (rooms []RoomID, all bool, err error) {
	err = s.Store.View(ctx, func(r Reader) (err error) {
		rooms, all, err = r.Brought(after, to, most)
		return err
	})
	return rooms, all, err
}

// CatchUp reads what is new after a cursor, and in which rooms the actor is.
func (s *Service) CatchUp(ctx context.Context, a *Actor, after Cursor, limit int) (n *News, in map[RoomID]*Member, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if n, err = s.news(r, after, limit); err != nil {
			return err
		}
		if !n.Lost {
			rooms, all, err := r.Brought(after.Pos, n.Cursor.Pos, 1)
			if err != nil {
				return err
			}
			n.Brought = all || len(rooms) > 0
		}
		in, err = memberships(r, a)
		return err
	})
	if err == nil {
		n.Arriving, err = s.Arriving(ctx)
	}
	return n, in, err
}

func (s *Service) news(r Reader, after Cursor, limit int) (*News, error) {
	h, err := r.Head()
	if err != nil {
		return nil, err
	}
	n := &News{Cursor: Cursor{h.LogID, h.Epoch, h.Pos}, State: h.State}
	if after.LogID != h.LogID || after.Epoch != h.Epoch || after.Pos > h.Pos {
		goesOn, err := r.Follows(after)
		if err != nil {
			return nil, err
		}
		n.Lost = !goesOn
	}
	if n.Lost || after.Pos == h.Pos {
		n.Roster, err = s.roster(r)
		return n, err
	}
	if n.Changes, n.Cursor.Pos, err = r.Fresh(after.Pos, limit); err != nil {
		return nil, err
	}
	n.More = n.Cursor.Pos < h.Pos
	return n, n.gather(s, r)
}

// gather reads what the changes alone do not say.
func (n *News) gather(s *Service, r Reader) (err error) {
	if n.Roster, err = s.roster(r); err != nil {
		return err
	}
	n.messages = map[MessageID]*Message{}
	var ask []Key
	rooms := map[RoomID]bool{}
	for _, c := range n.Changes {
		switch o := c.Object.(type) {
		case *Message:
			n.messages[o.ID] = o
		case *Room:
			rooms[o.ID] = true
		case *Member:
			rooms[o.Room] = true
		}
		if id := Touched(c.Object); !id.IsZero() {
			ask = append(ask, Key(id))
		}
	}
	if len(ask) > 0 {
		found, err := r.GetAll(KindMessage, ask)
		if err != nil {
			return err
		}
		for _, o := range found {
			n.messages[MessageID(o.Key())] = o.(*Message)
		}
	}
	list := make([]*Message, 0, len(n.messages))
	for _, m := range n.messages {
		list = append(list, m)
	}
	if n.details, err = details(r, &Actor{}, list); err != nil || len(rooms) == 0 {
		return err
	}
	return n.lookAtRooms(r, rooms)
}

// Touched returns the message that is drawn anew when an object changes that
// hangs on it.
func Touched(o Object) MessageID {
	switch o := o.(type) {
	case *Message:
		return o.Thread // how many replies it has
	case *File:
		return o.Message
	case *Reaction:
		return o.Message
	case *Pin:
		return o.Message
	case *LinkCard:
		return o.Message
	}
	return MessageID{}
}

func (n *News) lookAtRooms(r Reader, rooms map[RoomID]bool) (err error) {
	ids := make([]RoomID, 0, len(rooms))
	var small []Key
	for id := range rooms {
		ids = append(ids, id)
		if room := n.Roster.Rooms[id]; room != nil && (room.Type == RoomDirect || room.Type == RoomGroup) {
			small = append(small, Key(id))
		}
	}
	n.people = map[RoomID][]UserID{}
	if len(small) > 0 {
		members, err := List[Member](r, Query{In: small})
		if err != nil {
			return err
		}
		for _, m := range members {
			if root := n.Roster.Root(m.User); !slices.Contains(n.people[m.Room], root) {
				n.people[m.Room] = append(n.people[m.Room], root)
			}
		}
	}
	n.spans, err = r.Spans(ids, false)
	return err
}

// Message returns a message that is among the changes, or that one of them
// touches, with what is drawn with it; nil if there is none.
func (n *News) Message(id MessageID) (*Message, *Details) { return n.messages[id], &n.details }

// Room returns a room that is among the changes, or whose members are, as
// somebody sees it who is in it as m, or not at all; nil if they may not.
func (n *News) Room(a *Actor, id RoomID, m *Member) *RoomView {
	room := n.Roster.Rooms[id]
	if !a.MayRead(room, m) {
		return nil
	}
	v := &RoomView{Room: room, Member: m, MayPost: a.mayPost(room), Span: n.spans[id], May: a.mayActs(room, m), Arriving: n.Arriving[id]}
	if room.Type == RoomDirect || room.Type == RoomGroup {
		v.With = slices.DeleteFunc(slices.Clone(n.people[id]), a.Is)
		if room.Type == RoomDirect && len(v.With) == 0 && a.User != nil {
			v.With = []UserID{a.User.ID} // who writes to themselves
		}
	}
	return v
}

// MayRead reports whether the actor may read a room that they are in as m, or
// not at all.
func (a *Actor) MayRead(room *Room, m *Member) bool { return room != nil && a.mayRead(room, m != nil) }

// MayPost reports whether the actor may write to a room that they are in as
// m, or not at all.
func (a *Actor) MayPost(room *Room, m *Member) bool { return a.MayRead(room, m) && a.mayPost(room) }

// Ended says which of some sessions are no longer good.
func (s *Service) Ended(ctx context.Context, sessions []ID[Session]) (list []ID[Session], err error) {
	keys := make([]Key, len(sessions))
	for i, id := range sessions {
		keys[i] = Key(id)
	}
	var found map[Key]Object
	var p *Roster
	err = s.Store.View(ctx, func(r Reader) (err error) {
		if p, err = s.roster(r); err != nil {
			return err
		}
		found, err = r.GetAll(KindSession, keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := TimeOf(time.Now())
	for _, id := range sessions {
		if one, ok := found[Key(id)].(*Session); !ok || one.Gone || one.Expires <= now || p.Users[one.User] != nil && p.lacksFactor(p.Users[one.User], one) {
			list = append(list, id)
		}
	}
	return list, nil
}

// As returns the actor as of another roster; nil if they can no longer be
// signed in.
func (a *Actor) As(p *Roster) *Actor {
	u := p.Users[a.id()]
	if !CanSignIn(u) || p.Root(u.ID) != u.ID {
		return nil
	}
	next := *a
	next.User, next.Also, next.Roster = u, p.Identities(u.ID), p
	switch {
	case u.Role != RoleGuest:
		next.company = nil
	case next.company == nil: // became one: whom they may know is found out when they start again
		next.company = map[UserID]bool{u.ID: true}
	}
	return &next
}
