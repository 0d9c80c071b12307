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
	Admins  []UserID // those of People who look after the room, its owner among them
	Members int64    // how many people are in it, if asked for
	Span    Span
	MayPost bool
	May     []Act // what else they may do, if asked for
	// Arriving says that a move brings the room, or goes on with it, and has
	// not ended: more of its history may come.
	Arriving bool
	Read     Time   // up to when the one who looks has read it, where that was asked for
	Unread   Unread // what is newer, where that was asked for
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

// Sidebar lists the rooms that the actor is in and that are in use, with what
// is unread in them, and the cursor from which a feed goes on: after it is
// all that may be news to the actor and their roster.
func (s *Service) Sidebar(ctx context.Context, a *Actor) (list []*RoomView, c Cursor, state State, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		h, err := r.Head()
		if err != nil {
			return err
		}
		c, state = Cursor{h.LogID, h.Epoch, min(h.Pos, a.Roster.at.Pos)}, h.State
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
		if err := complete(r, a, p, list); err != nil {
			return err
		}
		return unread(r, a, list)
	})
	if err == nil {
		err = s.markArriving(ctx, list...)
	}
	slices.SortFunc(list, compareRooms)
	return list, c, state, err
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

// Only says which rooms of the directory are meant.
type Only string

// The parts of the directory.
const (
	OnlyAll      Only = ""         // that are in use
	OnlyMine     Only = "mine"     // that one is in
	OnlyOpen     Only = "open"     // that everybody can join
	OnlyArchived Only = "archived" // that are archived
)

// DirectoryQuery asks for a page of the directory.
type DirectoryQuery struct {
	Words    string // each must occur in name or topic
	Only     Only
	Archived bool   // archived ones too, and deleted ones for administrators
	After    RoomID // zero at first
}

func (q DirectoryQuery) fits(room *Room, member bool) bool {
	switch q.Only {
	case OnlyArchived:
		return room.State == RoomArchived
	case OnlyMine:
		if !member {
			return false
		}
	case OnlyOpen:
		if room.Type != RoomOpen {
			return false
		}
	}
	return room.State == RoomActive || q.Archived
}

// Directory lists rooms that the actor can find, ordered by name, with how
// many are in each. It returns whether there are more.
func (s *Service) Directory(ctx context.Context, a *Actor, q DirectoryQuery) (list []*RoomView, more bool, err error) {
	if !slices.Contains([]Only{OnlyAll, OnlyMine, OnlyOpen, OnlyArchived}, q.Only) {
		return nil, false, Errorf(Invalid, "the directory has no rooms that are %q", q.Only)
	}
	folded := strings.Fields(Fold(q.Words))
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
			if room.Type == RoomDirect || room.Type == RoomGroup || !a.mayRead(room, in[id] != nil) || !q.fits(room, in[id] != nil) {
				continue
			}
			if room.found(folded) {
				list = append(list, &RoomView{Room: room, Member: in[id], MayPost: a.mayPost(room)})
			}
		}
		list, more = pageOfRooms(list, p.Rooms[q.After])
		if err := count(r, list); err != nil {
			return err
		}
		return complete(r, a, p, list)
	})
	if err == nil {
		err = s.markArriving(ctx, list...)
	}
	return list, more, err
}

// found reports whether name and topic have each of some folded words.
func (r *Room) found(folded []string) bool {
	find := Fold(r.Name + "\n" + r.Topic)
	return !slices.ContainsFunc(folded, func(w string) bool { return !strings.Contains(find, w) })
}

// pageOfRooms orders rooms by name and returns those after one (nil at first),
// and whether there are more.
func pageOfRooms(list []*RoomView, last *Room) ([]*RoomView, bool) {
	slices.SortFunc(list, compareRooms)
	if last != nil {
		at, _ := slices.BinarySearchFunc(list, &RoomView{Room: last}, compareRooms)
		for at < len(list) && compareRooms(list[at], &RoomView{Room: last}) <= 0 {
			at++
		}
		list = list[at:]
	}
	if len(list) > directoryPage {
		return list[:directoryPage], true
	}
	return list, false
}

// count reads how many people are in some rooms.
func count(r Reader, list []*RoomView) error {
	ids := make([]RoomID, len(list))
	for i, v := range list {
		ids[i] = v.ID
	}
	n, err := r.Members(ids)
	for _, v := range list {
		v.Members = n[v.ID]
	}
	return err
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
		v = &RoomView{Room: room, Member: m, MayPost: a.mayPost(room), May: a.mayActs(room, m)}
		members, err1 := List[Member](r, Query{Index: Index{A: Key(id)}})
		spans, err2 := r.Spans([]RoomID{id}, true)
		v.Span = spans[id]
		v.gather(a, p, members)
		return errors.Join(err1, err2)
	})
	if err != nil {
		return nil, err
	}
	return v, s.markArriving(ctx, v)
}

// gather says who is in the room, each person once.
func (v *RoomView) gather(a *Actor, p *Roster, members []*Member) {
	seen := make(map[UserID]bool, len(members))
	for _, m := range members {
		root := p.Root(m.User)
		if !seen[root] {
			seen[root] = true
			v.People = append(v.People, root)
		}
		if (m.Admin || m.User == v.Owner) && !slices.Contains(v.Admins, root) {
			v.Admins = append(v.Admins, root)
		}
	}
	v.Members = int64(len(v.People))
	if v.Type == RoomDirect || v.Type == RoomGroup {
		v.With = slices.DeleteFunc(slices.Clone(v.People), a.Is)
		if v.Type == RoomDirect && len(v.With) == 0 && a.User != nil {
			v.With = []UserID{a.User.ID}
		}
	}
}
