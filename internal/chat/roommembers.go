package chat

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Join makes the actor a member of an open room. Again changes nothing.
func (s *Service) Join(ctx context.Context, a *Actor, id RoomID) (*RoomView, error) {
	if a.User == nil {
		return nil, Errorf(Denied, "only a person can join a room")
	}
	err := s.withRoom(ctx, a, id, ActJoin, func(t *roomTx) error {
		if t.member != nil {
			return nil
		}
		return t.Put(&Member{Room: id, User: t.a.User.ID, Joined: t.Now()})
	})
	if err != nil {
		return nil, err
	}
	return s.Room(ctx, a, id)
}

// Leave takes the actor out of a room. One who is not in it is no error, if
// they may know of the room.
func (s *Service) Leave(ctx context.Context, a *Actor, id RoomID) error {
	return s.withRoom(ctx, a, id, "", func(t *roomTx) error {
		if t.member == nil {
			return nil
		}
		if err := t.may(ActLeave); err != nil {
			return err
		}
		return t.out(t.a.IDs(), true)
	})
}

// out takes one person out of the room, by all their identities.
func (t *roomTx) out(ids []UserID, self bool) error {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = PairKey(Key(t.room.ID), Key(id))
	}
	found, err := t.GetAll(KindMember, keys)
	if err != nil {
		return err
	}
	gone := 0
	for _, k := range keys {
		if m, ok := found[k].(*Member); ok && !m.Gone {
			gone++
			if err := t.Put(&Member{Room: m.Room, User: m.User, Joined: m.Joined, Gone: true}); err != nil {
				return err
			}
		}
	}
	if gone == 0 {
		return nil
	}
	names, err := t.names(ids[:1])
	if err != nil {
		return err
	}
	switch {
	case !self:
		if err := t.say(MessageSystem, "took "+names+" out of the room"); err != nil {
			return err
		}
		if err := t.audit("remove from room", t.room.Name+": "+names); err != nil {
			return err
		}
	case t.room.Type == RoomPrivate && t.room.State == RoomActive:
		if err := t.say(MessageSystem, "left the room"); err != nil {
			return err
		}
	}
	if err := t.endGuest(ids[0]); err != nil {
		return err
	}
	if slices.Contains(ids, t.room.Owner) {
		return t.inherit()
	}
	return nil
}

// inherit gives the room of an owner who has gone to somebody else.
func (t *roomTx) inherit() error {
	members, err := List[Member](t, Query{Index: Index{A: Key(t.room.ID)}})
	if err != nil {
		return err
	}
	people, err := t.people(members)
	if err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(m *Member) bool { return !canOwn(people[m.User]) })
	rank := func(m *Member) int {
		if m.Admin {
			return 0
		}
		return 1
	}
	slices.SortFunc(members, func(a, b *Member) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Joined, b.Joined), slices.Compare(a.User[:], b.User[:]))
	})
	t.room.Owner = UserID{}
	if len(members) == 0 {
		return t.Put(t.room)
	}
	return t.own(members[0])
}

func canOwn(u *User) bool { return CanSignIn(u) && u.Role != RoleGuest }

func (t *roomTx) people(members []*Member) (map[UserID]*User, error) {
	keys := make([]Key, len(members))
	for i, m := range members {
		keys[i] = Key(m.User)
	}
	found, err := t.GetAll(KindUser, keys)
	people := make(map[UserID]*User, len(found))
	for _, o := range found {
		u := o.(*User)
		people[u.ID] = u
	}
	return people, err
}

// own makes a member the owner.
func (t *roomTx) own(m *Member) error {
	t.room.Owner, m.Admin = m.User, true
	names, err := t.names([]UserID{m.User})
	if err != nil {
		return err
	}
	if err := t.Put(t.room, m); err != nil {
		return err
	}
	return t.say(MessageSystem, "made "+names+" the owner of the room")
}

// names says who some people are, for the history.
func (t *roomTx) names(ids []UserID) (string, error) {
	const most = 5
	var names []string
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = Key(id)
	}
	found, err := t.GetAll(KindUser, keys)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if u, ok := found[k].(*User); ok {
			names = append(names, u.Name)
		}
	}
	switch n := len(names); {
	case n > most:
		return fmt.Sprintf("%s and %d others", strings.Join(names[:most-1], ", "), n-most+1), nil
	case n > 1:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1], nil
	case n == 1:
		return names[0], nil
	}
	return "somebody", nil
}

// Invite makes people members of a room. Who is in it already is left as they
// are. In a 1-1 or a group it returns the conversation with these people too:
// nobody new reads what the others said among themselves.
func (s *Service) Invite(ctx context.Context, a *Actor, id RoomID, people []UserID) (*RoomView, error) {
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.Room(ctx, a, id)
	if err != nil {
		return nil, err
	}
	if v.Type == RoomDirect || v.Type == RoomGroup {
		return s.Converse(ctx, a, append(slices.Clone(v.With), people...))
	}
	err = s.withRoom(ctx, a, id, ActInvite, func(t *roomTx) error { return t.invite(p, people) })
	if err != nil {
		return nil, err
	}
	return s.Room(ctx, a, id)
}

// invite makes those people members who are not yet.
func (t *roomTx) invite(p *Roster, people []UserID) error {
	if len(people) > mostInvited {
		return Errorf(Invalid, "%d people at once are too many; at most %d are possible", len(people), mostInvited)
	}
	var came []UserID
	seen := map[UserID]bool{}
	for _, id := range people {
		id = p.Root(id)
		if seen[id] {
			continue
		}
		seen[id] = true
		ids := append([]UserID{id}, p.Identities(id)...)
		if in, err := t.in(ids); err != nil || in {
			if err != nil {
				return err
			}
			continue
		}
		u, err := Get[User](t, id)
		if err := invitable(u, err, t.room.ID); err != nil {
			return err
		}
		if err := t.Put(&Member{Room: t.room.ID, User: id, Joined: t.Now()}); err != nil {
			return err
		}
		came = append(came, id)
	}
	if len(came) == 0 {
		return nil
	}
	names, err := t.names(came)
	if err != nil {
		return err
	}
	return t.say(MessageSystem, "invited "+names)
}

// in reports whether a person is in the room, by any of their identities.
func (t *roomTx) in(ids []UserID) (bool, error) {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = PairKey(Key(t.room.ID), Key(id))
	}
	found, err := t.GetAll(KindMember, keys)
	for _, o := range found {
		if !o.Deleted() {
			return true, err
		}
	}
	return false, err
}

func errNoPerson() error { return Errorf(NotFound, "there is no such person") }

func invitable(u *User, err error, room RoomID) error {
	switch {
	case IsKind(err, NotFound), err == nil && u.Gone:
		return errNoPerson()
	case err != nil:
		return err
	case u.Off || u.Role == RolePlaceholder:
		return Errorf(Invalid, "%s has left and cannot be invited", u.Name)
	case !u.Visits.IsZero() && u.Visits != room:
		return Errorf(Denied, "%s is a guest of another room alone", u.Name).WithHint("give them the guest address of this room")
	}
	return nil
}

// RemoveMember takes somebody out of a room. One who is not in it is no
// error.
func (s *Service) RemoveMember(ctx context.Context, a *Actor, id RoomID, who UserID) error {
	if a.Is(who) {
		return s.Leave(ctx, a, id)
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return err
	}
	root := p.Root(who)
	ids := append([]UserID{root}, p.Identities(root)...)
	return s.withRoom(ctx, a, id, ActRemove, func(t *roomTx) error {
		if slices.Contains(ids, t.room.Owner) && !t.a.Admin() {
			return Errorf(Denied, "the owner cannot be taken out of the room").WithHint("an administrator of this place can make somebody else the owner")
		}
		return t.out(ids, false)
	})
}

// SetMemberAdmin makes a member an administrator of the room, or a member
// like others again.
func (s *Service) SetMemberAdmin(ctx context.Context, a *Actor, id RoomID, who UserID, admin bool) error {
	p, err := s.Roster(ctx)
	if err != nil {
		return err
	}
	return s.withRoom(ctx, a, id, ActRoles, func(t *roomTx) error {
		m, u, err := t.memberFor(p, who)
		if err != nil || m.Admin == admin {
			return err
		}
		if admin && !canOwn(u) {
			return Errorf(Denied, "%s is a guest and cannot look after the room", u.Name)
		}
		if !admin && t.isOwner(p) == p.Root(who) {
			return Errorf(Denied, "%s is the owner of the room", u.Name).WithHint("make somebody else the owner first")
		}
		m.Admin = admin
		said, action := "made "+u.Name+" an administrator of the room", "make room administrator"
		if !admin {
			said, action = u.Name+" is no longer an administrator of the room", "unmake room administrator"
		}
		if err := t.Put(m); err != nil {
			return err
		}
		if err := t.say(MessageSystem, said); err != nil {
			return err
		}
		return t.audit(action, t.room.Name+": "+u.Name)
	})
}

// isOwner returns the person whose the room is.
func (t *roomTx) isOwner(p *Roster) UserID { return p.Root(t.room.Owner) }

// memberFor finds a member of the room by any of their identities.
func (t *roomTx) memberFor(p *Roster, who UserID) (*Member, *User, error) {
	root := p.Root(who)
	for _, id := range append([]UserID{root}, p.Identities(root)...) {
		m, err := Get[Member](t, MemberID(PairKey(Key(t.room.ID), Key(id))))
		if IsKind(err, NotFound) || err == nil && m.Gone {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		u, err := Get[User](t, root)
		return m, u, err
	}
	return nil, nil, Errorf(NotFound, "there is no such member of this room")
}

// SetRoomOwner hands a room over to one of its members. Administrators of the
// place may do it with private rooms that they are not in, too.
func (s *Service) SetRoomOwner(ctx context.Context, a *Actor, id RoomID, who UserID) error {
	p, err := s.Roster(ctx)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		now, err := a.present(tx)
		if err != nil {
			return err
		}
		t, err := stateful(tx, now, id)
		if err != nil {
			return err
		}
		if err := t.may(ActOwner); err != nil {
			return err
		}
		m, u, err := t.memberFor(p, who)
		if err != nil || m.User == t.room.Owner {
			return err
		}
		if !canOwn(u) {
			return Errorf(Denied, "%s cannot own a room: they are a guest, or have left", u.Name)
		}
		if err := t.own(m); err != nil {
			return err
		}
		return t.audit("hand room over", t.room.Name+": "+u.Name)
	})
}
