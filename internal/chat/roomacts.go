package chat

import (
	"context"
	"slices"
)

// Act is something that one can do with a room.
type Act string

// What one can do with a room.
const (
	ActJoin    Act = "join"
	ActLeave   Act = "leave"
	ActTopic   Act = "topic"
	ActInvite  Act = "invite"
	ActRename  Act = "rename"
	ActRemove  Act = "remove"
	ActRoles   Act = "roles"
	ActType    Act = "type"
	ActGuests  Act = "guests"
	ActArchive Act = "archive"
	ActOpen    Act = "open" // an archived room again
	ActDelete  Act = "delete"
	ActOwner   Act = "owner"
)

// standing is what somebody is to a room that they may read, from the least
// to the most.
type standing uint8

const (
	outside standing = iota // of a room that is open to them, not in it
	visitor                 // a guest in it
	inside                  // a member
	keeper                  // an administrator of the room
	owner                   // its owner
)

// Who may do what with a room, beside reading it (mayRead) and writing to it
// (mayPost). docs/rooms.md has the same table for people. Whoever may not even
// read a room is told that there is none. 1-1s and groups have none of this:
// they have no name, their people stay the same, and one hides them.
//
//	              | not in it | guest | member | room's administrator | owner | place's administrator
//	join          | yes       |       |        |                      |       | as anybody
//	leave         |           | yes   | yes    | yes                  | yes¹  | as anybody
//	topic, invite |           |       | yes    | yes                  | yes   | yes²
//	rename, type, remove³, roles³, guests, archive, open, delete
//	              |           |       |        | yes                  | yes   | yes²
//	owner         |           |       |        |                      | yes   | yes²
//	restore       |           |       |        | who was one          | yes   | yes, private ones too
//
// ¹ The room goes to who has been its administrator longest, else to who has
// been in it longest.
// ² In rooms that they may read: an open one, or one they are in. Of private
// rooms that they are not in, they see name, owner and how many are in it, and
// may archive, open, delete and restore them and make one of their members
// the owner, which is written down; they cannot let themselves in.
// ³ Not the owner, unless by the place's administrator.
//
// In an archived room one may only leave, change roles and the owner, open it
// again and delete it.
var acts = map[Act]struct {
	least    standing
	admins   bool // of the place, too
	archived bool // in archived rooms, too
	say      string
}{
	ActTopic:   {inside, true, false, "change the topic"},
	ActInvite:  {inside, true, false, "invite people"},
	ActRename:  {keeper, true, false, "rename the room"},
	ActRemove:  {keeper, true, false, "take people out of the room"},
	ActRoles:   {keeper, true, true, "make administrators of the room"},
	ActType:    {keeper, true, false, "say who may read the room"},
	ActGuests:  {keeper, true, false, "let guests in"},
	ActArchive: {keeper, true, false, "archive the room"},
	ActOpen:    {keeper, true, true, "open the room again"},
	ActDelete:  {keeper, true, true, "delete the room"},
	ActOwner:   {owner, true, true, "hand the room over"},
	ActLeave:   {visitor, false, true, "leave the room"},
	ActJoin:    {outside, false, false, "join the room"},
}

func (a *Actor) standing(room *Room, m *Member) standing {
	switch {
	case m == nil:
		return outside
	case a.User != nil && a.User.Role == RoleGuest:
		return visitor
	case a.Is(room.Owner):
		return owner
	case m.Admin:
		return keeper
	}
	return inside
}

// mayDo says why the actor may not do something with a room that they may
// read, or nil.
func (a *Actor) mayDo(act Act, room *Room, m *Member) error {
	rule, is := acts[act], a.standing(room, m)
	if room.Type != RoomOpen && room.Type != RoomPrivate {
		return Errorf(Denied, "nobody can %s: this is a conversation", rule.say).WithHint("hide it, or begin another one with more people")
	}
	switch {
	case act == ActJoin && m != nil, act == ActOpen && room.State == RoomActive:
		return nil // it is so already
	case room.State == RoomDeleted:
		return Errorf(Conflict, "%q is deleted", room.Name).WithHint("restore it first")
	case room.State == RoomArchived && !rule.archived:
		return Errorf(Denied, "nobody can %s: %q is archived", rule.say, room.Name).WithHint("open it again first")
	case is >= rule.least, rule.admins && a.Admin():
		return nil
	case is == outside:
		return Errorf(Denied, "only members can %s", rule.say).WithHint("join the room first")
	case is == visitor:
		return Errorf(Denied, "guests cannot %s", rule.say).WithHint("ask a member of the room")
	case rule.least == owner:
		return Errorf(Denied, "only the owner can %s", rule.say).WithHint("ask the owner, or an administrator of this place")
	}
	return Errorf(Denied, "only administrators of the room can %s", rule.say).WithHint("ask one of them: the room's details say who they are")
}

// mayActs lists what the actor may do with a room now.
func (a *Actor) mayActs(room *Room, m *Member) []Act {
	var list []Act
	for act := range acts {
		idle := act == ActJoin && (m != nil || a.User == nil) || act == ActLeave && m == nil || act == ActOpen && room.State == RoomActive || act == ActArchive && room.State != RoomActive
		if !idle && a.mayDo(act, room, m) == nil {
			list = append(list, act)
		}
	}
	slices.Sort(list)
	return list
}

// present returns the actor as they are now, under the lock: somebody may
// have ended their session or changed their role since they asked.
func (a *Actor) present(tx Tx) (*Actor, error) {
	if a.User == nil {
		return a, nil
	}
	if a.Session != nil {
		session, err := Get[Session](tx, a.Session.ID)
		if err != nil || session.Gone {
			return nil, errNobody()
		}
	}
	user, err := Get[User](tx, a.User.ID)
	if IsKind(err, NotFound) || err == nil && !CanSignIn(user) {
		return nil, errNobody()
	}
	if err != nil {
		return nil, err
	}
	now := &Actor{User: user, Roster: a.Roster, Session: a.Session}
	return now, now.matched(tx, a.Also)
}

// matched takes those for identities of the actor who still are.
func (a *Actor) matched(tx Tx, also []UserID) error {
	if len(also) == 0 {
		return nil
	}
	keys := make([]Key, len(also))
	for i, id := range also {
		keys[i] = Key(id)
	}
	found, err := tx.GetAll(KindMatch, keys)
	for _, id := range also {
		if m, ok := found[Key(id)].(*Match); ok && !m.Gone {
			a.Also = append(a.Also, id)
		}
	}
	return err
}

// roomTx is a room that somebody does something with, under the lock.
type roomTx struct {
	Tx
	a      *Actor
	room   *Room
	member *Member // the actor's; nil if they are not in it
	said   Time
}

// withRoom runs fn on a room that the actor may read, if they may do what they
// want to.
func (s *Service) withRoom(ctx context.Context, a *Actor, id RoomID, act Act, fn func(*roomTx) error) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		now, err := a.present(tx)
		if err != nil {
			return err
		}
		room, m, err := readable(tx, now, id)
		if err != nil {
			return err
		}
		if act != "" {
			if err := now.mayDo(act, room, m); err != nil {
				return err
			}
		}
		return fn(&roomTx{Tx: tx, a: now, room: room, member: m})
	})
}

// say writes down in the history what happened to the room. Several things
// of one moment keep their order.
func (t *roomTx) say(typ MessageType, text string) error {
	m := &Message{ID: MessageID(t.NewKey()), Room: t.room.ID, Author: t.a.id(), Sent: t.Now() + t.said, Type: typ, Text: text}
	t.said++
	return t.Put(m)
}

// audit writes down for administrators what was done. It names the room, and
// of what was said in it nothing.
func (t *roomTx) audit(action, note string) error {
	return t.Put(audit(t, t.a, action, t.room.ID.String(), note))
}
