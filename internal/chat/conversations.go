package chat

import (
	"cmp"
	"context"
	"slices"
)

// MostInGroup is how many people a group has at most, oneself among them.
const MostInGroup = 9

// Converse finds the conversation that the actor has with exactly these
// people, or begins it: a 1-1 with one, a group with more, notes to oneself
// with none. Twice at once is one conversation. Who is two identities is one
// person in it.
func (s *Service) Converse(ctx context.Context, a *Actor, with []UserID) (*RoomView, error) {
	if a.User == nil {
		return nil, Errorf(Denied, "only a person can begin a conversation")
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	people := []UserID{p.Root(a.User.ID)}
	for _, id := range with {
		if id = p.Root(id); !slices.Contains(people, id) {
			people = append(people, id)
		}
		if len(people) > MostInGroup {
			return nil, Errorf(Invalid, "a group has at most %d people", MostInGroup).WithHint("make a private room, and invite them")
		}
	}
	slices.SortFunc(people, func(x, y UserID) int { return slices.Compare(x[:], y[:]) })
	found, hidden, err := s.findConversation(ctx, a, people)
	if err != nil {
		return nil, err
	}
	if found.IsZero() {
		found, err = s.beginConversation(ctx, a, people)
	} else if hidden {
		err = s.SetMine(ctx, a, found, Mine{Hidden: new(bool)})
	}
	if err != nil {
		return nil, err
	}
	return s.Room(ctx, a, found)
}

// findConversation finds the conversation of exactly these people that was
// used last.
func (s *Service) findConversation(ctx context.Context, a *Actor, people []UserID) (found RoomID, hidden bool, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		in, err := memberships(r, a)
		if err != nil {
			return err
		}
		typ := RoomGroup
		if len(people) <= 2 {
			typ = RoomDirect
		}
		var keys []Key
		for id := range in {
			if room := p.Rooms[id]; room != nil && room.Type == typ && room.State == RoomActive {
				keys = append(keys, Key(id))
			}
		}
		if len(keys) == 0 {
			return nil
		}
		members, err := List[Member](r, Query{In: keys})
		if err != nil {
			return err
		}
		are := map[RoomID][]UserID{}
		for _, m := range members {
			if id := p.Root(m.User); !slices.Contains(are[m.Room], id) {
				are[m.Room] = append(are[m.Room], id)
			}
		}
		var fit []RoomID
		for id, list := range are {
			if len(list) == len(people) && !slices.ContainsFunc(people, func(u UserID) bool { return !slices.Contains(list, u) }) {
				fit = append(fit, id)
			}
		}
		if len(fit) == 0 {
			return nil
		}
		spans, err := r.Spans(fit, false)
		slices.SortFunc(fit, func(x, y RoomID) int {
			return cmp.Or(cmp.Compare(spans[y].Last, spans[x].Last), slices.Compare(x[:], y[:]))
		})
		found, hidden = fit[0], in[fit[0]].Hidden != 0
		return err
	})
	return found, hidden, err
}

// beginConversation makes a conversation. Its ID is that of its people, so
// that two who begin it at once begin one.
func (s *Service) beginConversation(ctx context.Context, a *Actor, people []UserID) (RoomID, error) {
	parts := make([]string, len(people))
	for i, id := range people {
		parts[i] = id.String()
	}
	id := RoomID(DeriveKey(0, "", "conversation", parts...))
	return id, s.Store.Update(ctx, func(tx Tx) error {
		now, err := a.present(tx)
		if err != nil {
			return err
		}
		if now.User.Role == RoleGuest {
			return Errorf(Denied, "guests cannot begin conversations").WithHint("write to the room that you are a guest of")
		}
		old, err := Get[Room](tx, id)
		if err == nil && !old.Gone && old.State == RoomActive {
			return nil
		}
		if err != nil && !IsKind(err, NotFound) {
			return err
		}
		room := &Room{ID: id, Type: RoomGroup, Created: tx.Now()}
		if len(people) <= 2 {
			room.Type = RoomDirect
		}
		objects := []Object{room}
		for _, person := range people {
			u, err := Get[User](tx, person)
			if err := invitable(u, err, id); err != nil {
				return err
			}
			objects = append(objects, &Member{Room: id, User: person, Joined: tx.Now()})
		}
		return tx.Put(objects...)
	})
}

// Mine is what is to be changed of how a member has a room; nil stays.
type Mine struct {
	Star   *bool
	Notify *NotifyLevel
	Hidden *bool // out of the sidebar until something is new; for conversations
}

// SetMine changes how the actor has a room that they are in.
func (s *Service) SetMine(ctx context.Context, a *Actor, id RoomID, mine Mine) error {
	if n := mine.Notify; n != nil && !slices.Contains([]NotifyLevel{NotifyDefault, NotifyAll, NotifyMentions, NotifyNone}, *n) {
		return Errorf(Invalid, "%q is no level; known are all, mentions, none and an empty one for the usual", *n)
	}
	return s.withRoom(ctx, a, id, "", func(t *roomTx) error {
		m := t.member
		switch {
		case m == nil:
			return Errorf(Denied, "you are not in %q", t.room.Name).WithHint("join the room first")
		case mine.Hidden != nil && *mine.Hidden && t.room.Type != RoomDirect && t.room.Type != RoomGroup:
			return Errorf(Invalid, "only conversations can be hidden").WithHint("leave the room, or take it out of the favourites")
		}
		if mine.Star != nil {
			m.Star = *mine.Star
		}
		if mine.Notify != nil {
			m.Notify = *mine.Notify
		}
		if mine.Hidden != nil {
			if *mine.Hidden && m.Hidden == 0 {
				m.Hidden = t.Now()
			}
			if !*mine.Hidden {
				m.Hidden = 0
			}
			if *mine.Hidden {
				// Something may have come since it was hidden last.
				spans, err := t.Spans([]RoomID{id}, false)
				if err != nil {
					return err
				}
				if spans[id].Last > m.Hidden {
					m.Hidden = max(t.Now(), spans[id].Last)
				}
				m.Star = false
			}
		}
		return t.Put(m)
	})
}

const mostOrdered = 5000

// SetOrder puts rooms of the actor's sidebar into an order. Those that are not
// named keep their places; those that the actor is not in are left out.
func (s *Service) SetOrder(ctx context.Context, a *Actor, rooms []RoomID) error {
	if len(rooms) > mostOrdered {
		return Errorf(Invalid, "%d rooms are too many to put in order; at most %d are possible", len(rooms), mostOrdered)
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		now, err := a.present(tx)
		if err != nil {
			return err
		}
		in, err := memberships(tx, now)
		if err != nil {
			return err
		}
		at := 0
		seen := map[RoomID]bool{}
		for _, id := range rooms {
			m := in[id]
			if m == nil || seen[id] {
				continue
			}
			seen[id] = true
			if at++; m.Order != at {
				m.Order = at
				if err := tx.Put(m); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
