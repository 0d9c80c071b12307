package chat

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
)

// RoomView is a room as one person sees it.
type RoomView struct {
	*Room
	Member  *Member  // of the one who looks; nil if they are not in it
	With    []UserID // the others of a 1-1 or a group, each person once
	People  []UserID // all members, if asked for
	Span    Span
	MayPost bool
}

// errNoRoom is the answer about rooms that are not there, and about those
// that one may not know of: nobody can tell the two apart.
func errNoRoom() error { return Errorf(NotFound, "there is no such room") }

// mayRead reports whether the actor may read a room, given whether they are
// in it.
func (a *Actor) mayRead(room *Room, member bool) bool {
	if room.Gone || room.State == RoomDeleted && !a.Admin() {
		return false
	}
	if member {
		return true
	}
	return room.Type == RoomOpen && a.User != nil && a.User.Role != RoleGuest
}

// mayPost reports whether the actor may write to a room that they may read.
func (a *Actor) mayPost(room *Room) bool { return room.State == RoomActive && a.User != nil }

// memberOf reads which member of a room the actor is; nil if none.
func memberOf(r Reader, a *Actor, room RoomID) (*Member, error) {
	ids := a.IDs()
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = PairKey(Key(room), Key(id))
	}
	found, err := r.GetAll(KindMember, keys)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if m, ok := found[k].(*Member); ok && !m.Gone {
			return m, nil
		}
	}
	return nil, nil //nolint:nilnil // as the comment says
}

// readable finds a room that the actor may read, and what they are in it.
func readable(r Reader, a *Actor, id RoomID) (*Room, *Member, error) {
	room, err := Get[Room](r, id)
	if IsKind(err, NotFound) {
		return nil, nil, errNoRoom()
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := memberOf(r, a, id)
	if err != nil {
		return nil, nil, err
	}
	if !a.mayRead(room, m != nil) {
		return nil, nil, errNoRoom()
	}
	return room, m, nil
}

// memberships lists the rooms that the actor is in. Of several identities in
// one room the first counts.
func memberships(r Reader, a *Actor) (map[RoomID]*Member, error) {
	in := map[RoomID]*Member{}
	for _, id := range a.IDs() {
		list, err := List[Member](r, Query{Index: Index{B: Key(id)}})
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if in[m.Room] == nil {
				in[m.Room] = m
			}
		}
	}
	return in, nil
}

// Sidebar lists the rooms that the actor is in and that are in use, and the
// head: its position is the one from which to wait for news of them and of
// the actor's roster.
func (s *Service) Sidebar(ctx context.Context, a *Actor) (list []*RoomView, h Head, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if h, err = r.Head(); err != nil {
			return err
		}
		h.Pos = min(h.Pos, a.Roster.at.Pos)
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		in, err := memberships(r, a)
		if err != nil {
			return err
		}
		for id, m := range in {
			if room := p.Rooms[id]; room != nil && room.State == RoomActive {
				list = append(list, &RoomView{Room: room, Member: m, MayPost: a.mayPost(room)})
			}
		}
		return complete(r, a, p, list)
	})
	slices.SortFunc(list, compareRooms)
	return list, h, err
}

// complete reads who is in 1-1s and groups, and when rooms were last used.
func complete(r Reader, a *Actor, p *Roster, list []*RoomView) error {
	ids := make([]RoomID, len(list))
	var small []Key
	for i, v := range list {
		ids[i] = v.ID
		if v.Type == RoomDirect || v.Type == RoomGroup {
			small = append(small, Key(v.ID))
		}
	}
	with := map[RoomID][]UserID{}
	if len(small) > 0 {
		members, err := List[Member](r, Query{In: small})
		if err != nil {
			return err
		}
		for _, m := range members {
			if id := p.Root(m.User); !a.Is(id) && !a.Is(m.User) && !slices.Contains(with[m.Room], id) {
				with[m.Room] = append(with[m.Room], id)
			}
		}
	}
	spans, err := r.Spans(ids, false)
	for _, v := range list {
		v.With, v.Span = with[v.ID], spans[v.ID]
		if v.Type == RoomDirect && len(v.With) == 0 && a.User != nil {
			v.With = []UserID{a.User.ID} // who writes to themselves
		}
	}
	return err
}

func compareRooms(a, b *RoomView) int {
	return cmp.Or(strings.Compare(Fold(a.Name), Fold(b.Name)), slices.Compare(a.ID[:], b.ID[:]))
}

// directoryPage is how many rooms a page of the directory has.
const directoryPage = 100

// Directory lists rooms that the actor can find, by words of their name and
// topic, ordered by name, after a room (zero at first); archived ones too if
// asked for, and deleted ones for administrators. It returns whether there
// are more.
func (s *Service) Directory(ctx context.Context, a *Actor, words string, archived bool, after RoomID) (list []*RoomView, more bool, err error) {
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
			if room.Type == RoomDirect || room.Type == RoomGroup || !a.mayRead(room, in[id] != nil) || room.State != RoomActive && !archived {
				continue
			}
			if find := room.Index().Find; !slices.ContainsFunc(folded, func(w string) bool { return !strings.Contains(find, w) }) {
				list = append(list, &RoomView{Room: room, Member: in[id], MayPost: a.mayPost(room)})
			}
		}
		slices.SortFunc(list, compareRooms)
		if last := p.Rooms[after]; last != nil {
			at, _ := slices.BinarySearchFunc(list, &RoomView{Room: last}, compareRooms)
			for at < len(list) && compareRooms(list[at], &RoomView{Room: last}) <= 0 {
				at++
			}
			list = list[at:]
		}
		if more = len(list) > directoryPage; more {
			list = list[:directoryPage]
		}
		return complete(r, a, p, list)
	})
	return list, more, err
}

// Room returns one room with its members and counts.
func (s *Service) Room(ctx context.Context, a *Actor, id RoomID) (v *RoomView, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		room, m, err := readable(r, a, id)
		if err != nil {
			return err
		}
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		v = &RoomView{Room: room, Member: m, MayPost: a.mayPost(room)}
		members, err1 := List[Member](r, Query{Index: Index{A: Key(id)}})
		spans, err2 := r.Spans([]RoomID{id}, true)
		v.Span = spans[id]
		for _, other := range members {
			if root := p.Root(other.User); !slices.Contains(v.People, root) {
				v.People = append(v.People, root)
			}
		}
		if room.Type == RoomDirect || room.Type == RoomGroup {
			v.With = slices.DeleteFunc(slices.Clone(v.People), a.Is)
			if room.Type == RoomDirect && len(v.With) == 0 && a.User != nil {
				v.With = []UserID{a.User.ID}
			}
		}
		return errors.Join(err1, err2)
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Readable says which of some rooms the actor may read: those of the news
// that they hear of.
func (s *Service) Readable(ctx context.Context, a *Actor, rooms []RoomID) (list []RoomID, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		keys := make([]Key, len(rooms))
		for i, id := range rooms {
			keys[i] = Key(id)
		}
		found, err := r.GetAll(KindRoom, keys)
		if err != nil {
			return err
		}
		var members []Key
		for _, id := range rooms {
			for _, u := range a.IDs() {
				members = append(members, PairKey(Key(id), Key(u)))
			}
		}
		in, err := r.GetAll(KindMember, members)
		if err != nil {
			return err
		}
		for _, id := range rooms {
			room, ok := found[Key(id)].(*Room)
			if !ok {
				continue
			}
			member := slices.ContainsFunc(a.IDs(), func(u UserID) bool {
				m, ok := in[PairKey(Key(id), Key(u))].(*Member)
				return ok && !m.Gone
			})
			if a.mayRead(room, member) {
				list = append(list, id)
			}
		}
		return nil
	})
	return list, err
}
