package chat

import (
	"context"
	"slices"
	"strings"
)

// AdminRooms finds rooms by words of their name, in one state, for
// administrators: private ones that they are not in, too, of which they see
// what the table of acts says. After is a room, zero at first. It returns
// whether there are more.
func (s *Service) AdminRooms(ctx context.Context, a *Actor, words string, state RoomState, after RoomID) (list []*RoomView, more bool, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, false, err
	}
	if !slices.Contains([]RoomState{RoomActive, RoomArchived, RoomDeleted}, state) {
		return nil, false, Errorf(Invalid, "rooms are in use, archived or deleted, not %q", state)
	}
	folded := strings.Fields(Fold(words))
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		in, err := memberships(r, a)
		if err != nil {
			return err
		}
		for id, room := range p.Rooms {
			if (room.Type != RoomOpen && room.Type != RoomPrivate) || room.State != state {
				continue
			}
			if v := overseen(a, room, in[id]); v.found(folded) {
				list = append(list, v)
			}
		}
		list, more = pageOfRooms(list, p.Rooms[after])
		return count(r, list)
	})
	return list, more, err
}

// overseen is what an administrator of the place sees of a room in lists for
// administrators: without the topic, if they may not read it.
func overseen(a *Actor, room *Room, m *Member) *RoomView {
	if a.mayRead(room, m != nil) {
		return &RoomView{Room: room, Member: m}
	}
	shown := *room
	shown.Topic, shown.Guest = "", ""
	return &RoomView{Room: &shown}
}

// RoomPeople lists who is in a room, for administrators who choose its new
// owner: each person once, by name, with its administrators.
func (s *Service) RoomPeople(ctx context.Context, a *Actor, id RoomID) (people, admins []UserID, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, nil, err
	}
	err = s.Store.View(ctx, func(r Reader) error {
		room, err := Get[Room](r, id)
		if IsKind(err, NotFound) || err == nil && (room.Gone || room.Type != RoomOpen && room.Type != RoomPrivate) {
			return errNoRoom()
		}
		if err != nil {
			return err
		}
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		members, err := List[Member](r, Query{Index: Index{A: Key(id)}})
		v := &RoomView{Room: room}
		v.gather(a, p, members)
		people, admins = v.People, v.Admins
		return err
	})
	return people, admins, err
}
