package chat

import (
	"context"
	"errors"
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

// StillMissed leaves of messages those that a person has not read, may still read,
// and was not mailed of before. It returns up to when they were.
func (s *Service) StillMissed(ctx context.Context, of UserID, messages []MessageID) (list []*Message, p *Roster, chosen Chosen, mailed Time, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		list = nil
		if p, err = s.roster(r); err != nil {
			return err
		}
		user := p.Users[of]
		if !CanSignIn(user) {
			return nil
		}
		a := &Actor{User: user, Also: p.Identities(of), Roster: p}
		stored, err1 := storedPrefs(r, a.IDs()...)
		told, err2 := r.Get(KindTold, Key(of))
		if IsKind(err2, NotFound) {
			err2 = nil
		} else if err2 == nil {
			mailed = told.(*Told).Mailed
		}
		chosen = chosenOf(stored...)
		keys := make([]Key, len(messages))
		for i, id := range messages {
			keys[i] = Key(id)
		}
		found, err3 := r.GetAll(KindMessage, keys)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		for _, k := range keys {
			m, ok := found[k].(*Message)
			if !ok || m.Gone || m.Sent <= mailed {
				continue
			}
			if _, _, err := readable(r, a, m.Room); IsKind(err, NotFound) {
				continue
			} else if err != nil {
				return err
			}
			read, err := readUntil(r, a, m)
			if err != nil {
				return err
			}
			if m.Sent > read {
				list = append(list, m)
			}
		}
		return nil
	})
	return list, p, chosen, mailed, err
}

// readUntil returns up to when the actor has read the room of a message, or
// its thread.
func readUntil(r Reader, a *Actor, m *Message) (read Time, err error) {
	for _, id := range a.IDs() {
		kind, key := KindReadMark, PairKey(Key(m.Room), Key(id))
		if m.Aside() {
			kind, key = KindFollow, PairKey(Key(m.Thread), Key(id))
		}
		o, err := r.Get(kind, key)
		if IsKind(err, NotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		switch o := o.(type) {
		case *ReadMark:
			read = max(read, o.Read)
		case *Follow:
			read = max(read, o.Read)
		}
	}
	return read, nil
}

// ClaimMail notes that a person is told by mail of all up to a moment, if
// nobody noted so meanwhile: mail goes out once, whatever happens. GiveBack
// undoes it for a mail that the server refused.
func (s *Service) ClaimMail(ctx context.Context, of UserID, before, until Time) (won bool, err error) {
	err = s.Store.Update(ctx, func(tx Tx) error {
		won = false
		held := Time(0)
		if o, err := tx.Get(KindTold, Key(of)); err == nil {
			held = o.(*Told).Mailed
		} else if !IsKind(err, NotFound) {
			return err
		}
		if held != before {
			return nil
		}
		won = true
		return tx.Put(&Told{User: of, Mailed: until})
	})
	return won, err
}

// Bookmark returns how far something has read this log; the zero cursor if it
// has not begun, or read another one.
func (s *Service) Bookmark(ctx context.Context, name string) (at Position, h Head, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if h, err = r.Head(); err != nil {
			return err
		}
		o, err := r.Get(KindBookmark, (&Bookmark{Name: name}).Key())
		if IsKind(err, NotFound) {
			return nil
		}
		if err == nil {
			if b := o.(*Bookmark); b.At.LogID == h.LogID && b.At.Pos <= h.Pos {
				at = b.At.Pos
			}
		}
		return err
	})
	return at, h, err
}

// SetBookmark keeps how far something has read.
func (s *Service) SetBookmark(ctx context.Context, name string, at Position) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		h, err := tx.Head()
		if err != nil {
			return err
		}
		return tx.Put(&Bookmark{Name: name, At: Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: at}})
	})
}

// AddPush keeps where a browser of the actor can be reached, for as long as
// the session lasts. Keys is sealed.
func (s *Service) AddPush(ctx context.Context, a *Actor, endpoint, keys string) error {
	if a.User == nil || a.Session == nil {
		return Errorf(Denied, "only a person can be reached")
	}
	sealed, err := s.seal([]byte(keys), "push "+endpoint)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		own, err := List[PushKey](tx, Query{Index: Index{A: Key(a.User.ID)}})
		if err != nil {
			return err
		}
		id := pushID(endpoint)
		if n := len(own); n >= mostPushes && !slices.ContainsFunc(own, func(p *PushKey) bool { return p.ID == id }) {
			return Errorf(Full, "%d of your browsers are reached already", n).WithHint("end the sessions that you no longer use")
		}
		return tx.Put(&PushKey{ID: id, User: a.User.ID, Session: a.Session.ID, Endpoint: endpoint, Keys: sealed})
	})
}

const mostPushes = 20

// pushID: an endpoint is one browser, whoever is signed in there.
func pushID(endpoint string) ID[PushKey] { return ID[PushKey](secretKey(KindPushKey, endpoint)) }

// RemovePush forgets a browser. One that is not known is no error.
func (s *Service) RemovePush(ctx context.Context, endpoint string, of UserID) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		held, err := Get[PushKey](tx, pushID(endpoint))
		if IsKind(err, NotFound) || err == nil && (held.Gone || held.User != of) {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.Put(&PushKey{ID: held.ID, User: held.User, Gone: true})
	})
}

// Push is where a browser can be reached.
type Push struct{ Endpoint, Keys string }

// Pushes returns where the browsers of a person can be reached.
func (s *Service) Pushes(ctx context.Context, of UserID) (list []Push, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		all, err := List[PushKey](r, Query{Index: Index{A: Key(of)}})
		for _, p := range all {
			keys, err := s.unseal(p.Keys, "push "+p.Endpoint)
			if err == nil { // one that was sealed with another key reaches nobody
				list = append(list, Push{p.Endpoint, string(keys)})
			}
		}
		return err
	})
	return list, err
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
