package chat

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// RoomGrace is how long a deleted room can be restored.
const RoomGrace = 30 * 24 * time.Hour

const (
	mostInvited = 500 // people at once
	ownerNote   = "owner"
)

// NewRoom is a room that somebody wants.
type NewRoom struct {
	Name   string
	Topic  string
	Type   RoomType
	People []UserID // to begin with, beside the one who makes it
	Nonce  string   // chosen by who makes it, once for each room
}

// CreateRoom makes a room that belongs to the actor. The same nonce again
// returns the room that was made first. It fails with Conflict if the name is
// another room's, or looks the same.
func (s *Service) CreateRoom(ctx context.Context, a *Actor, n NewRoom) (*RoomView, error) {
	if a.User == nil || a.User.Role == RoleGuest {
		return nil, Errorf(Denied, "guests cannot make rooms").WithHint("ask a member of this place")
	}
	if !a.May(SettingRoomsBy) {
		return nil, Errorf(Denied, "only administrators make rooms here").WithHint("ask an administrator of this place")
	}
	name, err1 := cleanRoomName(n.Name)
	topic, err2 := cleanTopic(n.Topic)
	err3 := checkNonce(n.Nonce)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, err
		}
	}
	if n.Type != RoomOpen && n.Type != RoomPrivate {
		return nil, Errorf(Invalid, "a room is open or private, not %q", n.Type)
	}
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	room := &Room{ID: RoomID(DeriveKey(0, "", "room", a.User.ID.String(), n.Nonce)), Type: n.Type, Name: name, Topic: topic, Owner: a.User.ID}
	err = s.Store.Update(ctx, func(tx Tx) error {
		now, err := a.present(tx)
		if err != nil {
			return err
		}
		old, err := Get[Room](tx, room.ID)
		if err == nil {
			if old.State == RoomDeleted || old.Gone {
				return Errorf(Conflict, "the room %q was made so, and deleted since", old.Name).WithHint("make another one")
			}
			return nil
		}
		if !IsKind(err, NotFound) {
			return err
		}
		if err := freeName(tx, name, room.ID); err != nil {
			return err
		}
		room.Created = tx.Now()
		t := &roomTx{Tx: tx, a: now, room: room}
		if err := tx.Put(room, &Member{Room: room.ID, User: now.User.ID, Admin: true, Joined: tx.Now()}); err != nil {
			return err
		}
		if err := t.say(MessageSystem, "made this room"); err != nil {
			return err
		}
		if topic != "" {
			if err := t.say(MessageTopic, topic); err != nil {
				return err
			}
		}
		if err := t.audit("create room", fmt.Sprintf("%s, %s", name, n.Type)); err != nil {
			return err
		}
		return t.invite(p, n.People)
	})
	if err != nil {
		return nil, err
	}
	return s.Room(ctx, a, room.ID)
}

func checkNonce(nonce string) error {
	if n := len(nonce); n < shortestNonce || n > longestNonce {
		return Errorf(Invalid, "a nonce has %d to %d characters", shortestNonce, longestNonce)
	}
	return nil
}

// RoomEdit is what is to be changed of a room; nil stays.
type RoomEdit struct {
	Name  *string
	Topic *string
	Type  *RoomType
	// Confirm says that the actor knows who will read what has been said.
	Confirm bool
}

// EditRoom changes a room. What is so already is no change. Making a private
// room open fails with Conflict unless it is confirmed; the error says who
// will read what.
func (s *Service) EditRoom(ctx context.Context, a *Actor, id RoomID, e RoomEdit) (*RoomView, error) {
	var name, topic string
	var err error
	if e.Name != nil {
		if name, err = cleanRoomName(*e.Name); err != nil {
			return nil, err
		}
	}
	if e.Topic != nil {
		if topic, err = cleanTopic(*e.Topic); err != nil {
			return nil, err
		}
	}
	if e.Type != nil && *e.Type != RoomOpen && *e.Type != RoomPrivate {
		return nil, Errorf(Invalid, "a room is open or private, not %q", *e.Type)
	}
	if e.Type != nil && *e.Type == RoomOpen && !e.Confirm {
		if err := s.confirmOpen(ctx, a, id); err != nil {
			return nil, err
		}
	}
	var after *Room
	err = s.withRoom(ctx, a, id, "", func(t *roomTx) error {
		after = t.room
		if e.Name != nil {
			if err := t.rename(name); err != nil {
				return err
			}
		}
		if e.Topic != nil {
			if err := t.topic(topic); err != nil {
				return err
			}
		}
		if e.Type != nil {
			return t.setType(*e.Type, e.Confirm)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v, err := s.Room(ctx, a, id)
	if IsKind(err, NotFound) {
		// An administrator of the place has made it private, and is not in it.
		return &RoomView{Room: after}, nil
	}
	return v, err
}

// may is mayDo, as what is done changes the room.
func (t *roomTx) may(act Act) error { return t.a.mayDo(act, t.room, t.member) }

func (t *roomTx) rename(name string) error {
	if err := t.may(ActRename); err != nil || name == t.room.Name {
		return err
	}
	if err := freeName(t, name, t.room.ID); err != nil {
		return err
	}
	old := t.room.Name
	t.room.Name = name
	if err := t.Put(t.room); err != nil {
		return err
	}
	if err := t.say(MessageSystem, fmt.Sprintf("renamed the room from “%s” to “%s”", old, name)); err != nil {
		return err
	}
	return t.audit("rename room", old+" → "+name)
}

func (t *roomTx) topic(topic string) error {
	if err := t.may(ActTopic); err != nil || topic == t.room.Topic {
		return err
	}
	t.room.Topic = topic
	if err := t.Put(t.room); err != nil {
		return err
	}
	return t.say(MessageTopic, topic)
}

func (t *roomTx) setType(typ RoomType, confirmed bool) error {
	if err := t.may(ActType); err != nil || typ == t.room.Type {
		return err
	}
	if typ == RoomOpen && !confirmed {
		return errNotConfirmed(t.room, "everybody here")
	}
	t.room.Type = typ
	said := "made the room open: everybody here can find and read it"
	if typ == RoomPrivate {
		said = "made the room private: only its members can find and read it"
	}
	if err := t.Put(t.room); err != nil {
		return err
	}
	if err := t.say(MessageSystem, said); err != nil {
		return err
	}
	return t.audit("make room "+string(typ), t.room.Name)
}

func errNotConfirmed(room *Room, audience string) error {
	return Errorf(Conflict, "if %q becomes open, %s can read all that was ever said in it", room.Name, audience).WithHint("confirm that")
}

// confirmOpen says what is to be confirmed before a private room becomes open.
func (s *Service) confirmOpen(ctx context.Context, a *Actor, id RoomID) error {
	return s.Store.View(ctx, func(r Reader) error {
		room, m, err := readable(r, a, id)
		if err != nil {
			return err
		}
		if err := a.mayDo(ActType, room, m); err != nil || room.Type == RoomOpen {
			return err
		}
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		spans, err := r.Spans([]RoomID{id}, true)
		if err != nil {
			return err
		}
		return errNotConfirmed(room, fmt.Sprintf("%s (%d people, %d messages)", "everybody here but guests", p.audience(), spans[id].Count))
	})
}

// audience counts who may read open rooms.
func (p *Roster) audience() (n int) {
	for id, u := range p.Users {
		if CanSignIn(u) && u.Role != RoleGuest && p.Root(id) == id {
			n++
		}
	}
	return n
}

// SetRoomState archives a room, opens it again, deletes it, or restores it.
// What is so already is no change. A deleted room is purged after RoomGrace.
func (s *Service) SetRoomState(ctx context.Context, a *Actor, id RoomID, state RoomState) error {
	if !slices.Contains([]RoomState{RoomActive, RoomArchived, RoomDeleted}, state) {
		return Errorf(Invalid, "a room is open for use, archived or deleted, not %q", state)
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		now, err := a.present(tx)
		if err != nil {
			return err
		}
		t, err := stateful(tx, now, id)
		if err != nil || t.room.State == state {
			return err
		}
		return t.setState(state)
	})
}

// stateful finds a room whose state the actor may change, or at least know:
// one that they may read, one that was deleted where they were an
// administrator, and any named one for administrators of the place.
func stateful(tx Tx, a *Actor, id RoomID) (*roomTx, error) {
	room, err := Get[Room](tx, id)
	if IsKind(err, NotFound) || err == nil && room.Gone {
		return nil, errNoRoom()
	}
	if err != nil {
		return nil, err
	}
	m, err := memberOf(tx, a, id)
	if err != nil {
		return nil, err
	}
	named := room.Type == RoomOpen || room.Type == RoomPrivate
	keeps := m != nil && a.standing(room, m) >= keeper
	if !a.mayRead(room, m != nil) && !(named && (a.Admin() || room.State == RoomDeleted && keeps)) {
		return nil, errNoRoom()
	}
	return &roomTx{Tx: tx, a: a, room: room, member: m}, nil
}

func (t *roomTx) setState(to RoomState) error {
	from := t.room.State
	act, said := ActDelete, "deleted the room"
	switch {
	case from == RoomDeleted:
		act, said = "", "restored the room"
		if err := t.mayRestore(); err != nil {
			return err
		}
	case to == RoomArchived:
		act, said = ActArchive, "archived the room"
	case to == RoomActive:
		act, said = ActOpen, "opened the room again"
	}
	if act != "" {
		if err := t.may(act); err != nil {
			return err
		}
	}
	t.room.State, t.room.Ends = to, 0
	if to == RoomDeleted {
		t.room.Ends = t.Now() + Time(RoomGrace/time.Microsecond)
	}
	if to != RoomActive {
		if err := t.endGuests(); err != nil {
			return err
		}
	}
	if err := t.Put(t.room); err != nil {
		return err
	}
	if err := t.say(MessageSystem, said); err != nil {
		return err
	}
	action := map[string]string{"deleted the room": "delete room", "restored the room": "restore room", "archived the room": "archive room"}[said]
	if action == "" {
		action = "open room again"
	}
	return t.audit(action, t.room.Name)
}

func (t *roomTx) mayRestore() error {
	switch {
	case t.room.Type != RoomOpen && t.room.Type != RoomPrivate:
		return Errorf(Denied, "a conversation cannot be restored")
	case t.room.Ends != 0 && t.room.Ends <= t.Now():
		return Errorf(Conflict, "%q is being removed for good: its time to be restored is over", t.room.Name)
	case t.a.Admin(), t.member != nil && t.a.standing(t.room, t.member) >= keeper:
	default:
		return Errorf(Denied, "only administrators can restore %q", t.room.Name)
	}
	return freeName(t, t.room.Name, t.room.ID)
}
