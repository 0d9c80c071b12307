package chat

import (
	"context"
	"slices"
	"time"
)

// Why somebody is told of a message; "" is not at all.
type Why string

// The reasons.
const (
	WhyDirect   Why = "direct"   // in a 1-1 or a group
	WhyMention  Why = "mention"  // of the person
	WhyEveryone Why = "everyone" // @all or @here
	WhyThread   Why = "thread"   // that the person follows
	WhyRoom     Why = "room"     // the person wants every message of the room
)

// Hearer is somebody who may be told of a message.
type Hearer struct {
	User    *User
	Also    []UserID // other identities of the person
	Member  *Member  // of the room; nil if they are not in it
	Chosen  Chosen
	Follows bool // the thread of the message
	Present bool // at one of their devices
}

func (h *Hearer) is(id UserID) bool { return h.User.ID == id || slices.Contains(h.Also, id) }

// level is what the person wants to be told of in the room.
func (h *Hearer) level(room *Room) NotifyLevel {
	if h.Member != nil && h.Member.Notify != NotifyDefault {
		return h.Member.Notify
	}
	if room.Type == RoomDirect || room.Type == RoomGroup {
		return NotifyAll
	}
	return NotifyLevel(h.Chosen[PrefNotify])
}

// Tell is the rule of telling, whole: whether somebody is told of a message,
// and why. Quiet hours and what somebody looks at are looked at when it is
// told.
func Tell(m *Message, room *Room, h *Hearer) Why {
	switch {
	case m.Gone || m.Edited != 0 || m.Type != MessagePlain && m.Type != MessageNotification:
		return ""
	case !WrittenHere(m.ID) || room.Gone || room.State != RoomActive || !CanSignIn(h.User) || h.is(m.Author):
		return ""
	case h.Member == nil && (room.Type != RoomOpen || h.User.Role == RoleGuest):
		return "" // may not read it
	}
	level := h.level(room)
	if level == NotifyNone {
		return ""
	}
	if slices.ContainsFunc(m.Mentions, func(x Mention) bool { return h.is(x.User) }) {
		return WhyMention
	}
	if h.Member == nil {
		return ""
	}
	if m.Everyone == EveryoneAll || m.Everyone == EveryoneHere && slices.ContainsFunc(m.Here, h.is) {
		return WhyEveryone
	}
	if h.Follows && !m.Thread.IsZero() {
		return WhyThread
	}
	if level != NotifyAll || m.Aside() {
		return ""
	}
	if room.Type == RoomDirect || room.Type == RoomGroup {
		return WhyDirect
	}
	return WhyRoom
}

// WrittenHere reports whether a message was written here and not brought from
// elsewhere: imports tell nobody. Derived IDs are of another version.
func WrittenHere(id MessageID) bool { return id[6]>>4 == 7 }

// Audience finds who may be told of messages, and remembers the members of
// rooms and what people have set. One goroutine uses it, and hands it all
// changes of the log with Follow.
type Audience struct {
	Service *Service
	Present func(UserID) bool // may be nil

	members map[RoomID][]*Member
	chosen  map[UserID]Chosen
}

// mostRemembered is of how many rooms or people things are remembered; when
// there are more, all is forgotten.
const mostRemembered = 20_000

// Follow takes a change in.
func (d *Audience) Follow(c Change) {
	switch o := c.Object.(type) {
	case *Member:
		delete(d.members, o.Room)
	case *Preferences:
		delete(d.chosen, o.User)
	case *Match:
		d.chosen = nil
	}
}

// Forget drops all that is remembered: changes were missed.
func (d *Audience) Forget() { d.members, d.chosen = nil, nil }

// Heard is somebody who is to be told of a message.
type Heard struct {
	Hearer
	Why Why
}

// Of returns who is to be told of a message, with the roster that it was found
// by.
func (d *Audience) Of(ctx context.Context, m *Message) (list []Heard, p *Roster, err error) {
	err = d.Service.Store.View(ctx, func(r Reader) error {
		list, p, err = d.of(r, m)
		return err
	})
	return list, p, err
}

func (d *Audience) of(r Reader, m *Message) (list []Heard, p *Roster, err error) {
	if p, err = d.Service.roster(r); err != nil {
		return nil, nil, err
	}
	room := p.Rooms[m.Room]
	if room == nil {
		return nil, p, nil
	}
	hearers, err := d.hearers(r, p, m)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range hearers {
		if why := Tell(m, room, h); why != "" {
			list = append(list, Heard{*h, why})
		}
	}
	slices.SortFunc(list, func(a, b Heard) int { return slices.Compare(a.User.ID[:], b.User.ID[:]) })
	return list, p, nil
}

// hearers gathers the members of a room and who is mentioned, each person once.
func (d *Audience) hearers(r Reader, p *Roster, m *Message) (map[UserID]*Hearer, error) {
	members, err := d.membersOf(r, m.Room)
	if err != nil {
		return nil, err
	}
	all := map[UserID]*Hearer{}
	add := func(id UserID) *Hearer {
		root := p.Root(id)
		h := all[root]
		if u := p.Users[root]; h == nil && u != nil {
			h = &Hearer{User: u, Also: p.Identities(root)}
			all[root] = h
		}
		return h
	}
	for _, member := range members {
		if h := add(member.User); h != nil && (h.Member == nil || member.User == h.User.ID) {
			h.Member = member
		}
	}
	for _, x := range m.Mentions {
		add(x.User)
	}
	if !m.Thread.IsZero() {
		follows, err := List[Follow](r, Query{Index: Index{A: Key(m.Thread)}})
		if err != nil {
			return nil, err
		}
		for _, f := range follows {
			if h := add(f.User); h != nil {
				h.Follows = true
			}
		}
	}
	return all, d.choose(r, all)
}

func (d *Audience) membersOf(r Reader, room RoomID) ([]*Member, error) {
	if list, ok := d.members[room]; ok {
		return list, nil
	}
	list, err := List[Member](r, Query{Index: Index{A: Key(room)}})
	if err != nil {
		return nil, err
	}
	if d.members == nil || len(d.members) > mostRemembered {
		d.members = map[RoomID][]*Member{}
	}
	d.members[room] = list
	return list, nil
}

// choose looks up what people have set.
func (d *Audience) choose(r Reader, all map[UserID]*Hearer) error {
	var keys []Key
	for _, h := range all {
		h.Present = d.Present != nil && d.Present(h.User.ID)
		if _, ok := d.chosen[h.User.ID]; !ok {
			keys = append(keys, Key(h.User.ID))
			for _, id := range h.Also {
				keys = append(keys, Key(id))
			}
		}
	}
	found := map[Key]Object{}
	if len(keys) > 0 {
		var err error
		if found, err = r.GetAll(KindPreferences, keys); err != nil {
			return err
		}
	}
	if d.chosen == nil || len(d.chosen) > mostRemembered {
		d.chosen = map[UserID]Chosen{}
	}
	for _, h := range all {
		c, ok := d.chosen[h.User.ID]
		if !ok {
			var stored []map[string]string
			for _, id := range append([]UserID{h.User.ID}, h.Also...) {
				if p, ok := found[Key(id)].(*Preferences); ok && !p.Gone {
					stored = append(stored, p.Values)
				}
			}
			c = chosenOf(stored...)
			d.chosen[h.User.ID] = c
		}
		h.Chosen = c
	}
	return nil
}

// Unsubscribe stops mails to a person; the token is in each of them.
func (s *Service) Unsubscribe(ctx context.Context, token string) error {
	plain, err := s.unseal(token, unsubscribePurpose)
	if IsKind(err, Damaged) || err == nil && len(plain) != len(UserID{}) {
		return Errorf(NotFound, "this address is cut short, or not of this place").WithHint("sign in; the mails are in your preferences")
	}
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		user, err := Get[User](tx, UserID(plain))
		if err != nil {
			return err
		}
		next := &Preferences{User: user.ID, Values: map[string]string{}}
		if o, err := tx.Get(KindPreferences, Key(user.ID)); err == nil && !o.Deleted() {
			for k, v := range o.(*Preferences).Values {
				next.Values[k] = v
			}
		} else if err != nil && !IsKind(err, NotFound) {
			return err
		}
		next.Values[PrefMail] = prefOff
		return tx.Put(next)
	})
}

const unsubscribePurpose = "unsubscribe"

// UnsubscribeToken makes the token by which a person stops mails.
func (s *Service) UnsubscribeToken(of UserID) (string, error) {
	return s.seal(of[:], unsubscribePurpose)
}

// QuietFor reports whether a person is not to be told of anything now.
func (h *Hearer) QuietFor(now time.Time) bool { return h.Chosen.Quiet(now, ZoneOf(h.User)) }
