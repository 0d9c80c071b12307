package chat

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// GuestLength is how long a guest's session lasts; then they come in again
	// by the address, if that is still good.
	GuestLength = 24 * time.Hour
	mostGuests  = 100 // in one room at once
	guestSuffix = " (guest)"
	secretText  = 43 // characters of a secret
)

// GuestKey is the key by which a room is found from its guest address; zero
// for addresses that were not made here: a source's open no room.
func GuestKey(secret string) Key {
	if len(secret) != secretText || strings.ContainsFunc(secret, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) {
		return Key{}
	}
	return DeriveKey(0, "", "guest address", hashSecret(secret))
}

// hasGuests reports whether a room has a guest address that works.
func (r *Room) hasGuests() bool { return !GuestKey(r.Guest).IsZero() }

// GuestAddress returns the secret of a room's guest address, "" while there
// is none. Only those who may let guests in may know it.
func (s *Service) GuestAddress(ctx context.Context, a *Actor, id RoomID) (secret string, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		room, m, err := readable(r, a, id)
		if err != nil {
			return err
		}
		if err := a.mayDo(ActGuests, room, m); err != nil {
			return err
		}
		if room.hasGuests() {
			secret = room.Guest
		}
		return nil
	})
	return secret, err
}

// SetGuests switches a room's guest address on or off. Off sends the guests
// away that came by it. On again changes nothing, unless renew is set: then
// the address is another one, and guests who are in stay.
func (s *Service) SetGuests(ctx context.Context, a *Actor, id RoomID, on, renew bool) (secret string, err error) {
	fresh, _ := newSecret()
	err = s.withRoom(ctx, a, id, ActGuests, func(t *roomTx) error {
		had := t.room.hasGuests()
		var said, action string
		switch {
		case !on && had:
			if err := t.endGuests(); err != nil {
				return err
			}
			t.room.Guest, said, action = "", "switched guest access off", "switch guests off"
		case on && !had:
			t.room.Guest, said, action = fresh, "switched guest access on", "switch guests on"
		case on && renew:
			t.room.Guest, said, action = fresh, "made another guest address", "renew guest address"
		default:
			secret = t.room.Guest
			if !had {
				secret = ""
			}
			return nil
		}
		secret = t.room.Guest
		if err := t.Put(t.room); err != nil {
			return err
		}
		if err := t.say(MessageGuest, said); err != nil {
			return err
		}
		return t.audit(action, t.room.Name)
	})
	return secret, err
}

func errNoGuests() error {
	return Errorf(NotFound, "this guest address is not good any more").WithHint("ask the one who gave it to you for the new one")
}

// roomOfGuests finds the room of a guest address.
func roomOfGuests(r Reader, secret string) (*Room, error) {
	k := GuestKey(secret)
	if k.IsZero() {
		return nil, errNoGuests()
	}
	list, err := List[Room](r, Query{Index: Index{A: k}})
	if err != nil {
		return nil, err
	}
	for _, room := range list {
		if room.State == RoomActive && subtle.ConstantTimeCompare([]byte(room.Guest), []byte(secret)) == 1 {
			return room, nil
		}
	}
	return nil, errNoGuests()
}

// GuestRoom says which room a guest address is of. It fails with NotFound.
func (s *Service) GuestRoom(ctx context.Context, secret string) (room *Room, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		room, err = roomOfGuests(r, secret)
		return err
	})
	return room, err
}

// EnterAsGuest makes somebody a guest of one room alone, under a name that
// they give, and starts their session. It returns the secret of the session.
func (s *Service) EnterAsGuest(ctx context.Context, address, name, agent string) (*Actor, string, error) {
	name = CleanLine(name)
	for strings.HasSuffix(Fold(name), guestSuffix) {
		name = strings.TrimSpace(name[:strings.LastIndexByte(name, '(')])
	}
	switch n := utf8.RuneCountInString(name); {
	case !spoken(name):
		return nil, "", Errorf(Invalid, "a guest needs a name").WithHint("say who you are, so that the others know")
	case n > LongestGuestName:
		return nil, "", Errorf(Invalid, "the name has %d characters; at most %d are possible", n, LongestGuestName)
	}
	secret, hash := newSecret()
	session := &Session{ID: ID[Session](secretKey(KindSession, hash)), Hash: hash, Agent: shorten(agent, longestAgent)}
	var user *User
	err := s.Store.Update(ctx, func(tx Tx) error {
		room, err := roomOfGuests(tx, address)
		if err != nil {
			return err
		}
		guests, err := List[User](tx, Query{Index: Index{A: Key(room.ID)}})
		if err != nil {
			return err
		}
		if guests = slices.DeleteFunc(guests, func(u *User) bool { return u.Off }); len(guests) >= mostGuests {
			return Errorf(TooMany, "the room has %d guests already", mostGuests).WithHint("ask somebody in the room")
		}
		user = &User{ID: UserID(tx.NewKey()), Name: name + guestSuffix, Role: RoleGuest, Created: tx.Now(), Visits: room.ID}
		session.User, session.Created, session.Expires = user.ID, tx.Now(), tx.Now()+Time(GuestLength/time.Microsecond)
		t := &roomTx{Tx: tx, a: &Actor{User: user}, room: room}
		if err := tx.Put(user, &Member{Room: room.ID, User: user.ID, Joined: tx.Now()}, session); err != nil {
			return err
		}
		return t.say(MessageGuest, "came in by the guest address")
	})
	if err != nil {
		return nil, "", err
	}
	var a *Actor
	err = s.Store.View(ctx, func(r Reader) error {
		if a, err = s.actor(r, user); err == nil {
			a.Session = session
		}
		return err
	})
	return a, secret, err
}

// endGuests sends away all who came by the room's guest address.
func (t *roomTx) endGuests() error {
	guests, err := List[User](t, Query{Index: Index{A: Key(t.room.ID)}})
	if err != nil {
		return err
	}
	for _, u := range guests {
		if err := t.endGuest(u.ID); err != nil {
			return err
		}
	}
	return nil
}

// endGuest ends somebody's being here at all, if they are a guest of this room
// alone: they have nowhere else to be.
func (t *roomTx) endGuest(id UserID) error {
	u, err := Get[User](t, id)
	if IsKind(err, NotFound) || err == nil && (u.Off || u.Visits != t.room.ID) {
		return nil
	}
	if err != nil {
		return err
	}
	u.Off = true
	if _, err := endSessions(t, id, nil); err != nil {
		return err
	}
	m, err := Get[Member](t, MemberID(PairKey(Key(t.room.ID), Key(id))))
	if err == nil && !m.Gone {
		err = t.Put(&Member{Room: m.Room, User: m.User, Joined: m.Joined, Gone: true})
	}
	if err != nil && !IsKind(err, NotFound) {
		return err
	}
	return t.Put(u)
}

// Sees reports whether the actor may know of a person: guests know only those
// who are in a room with them.
func (a *Actor) Sees(id UserID) bool {
	return a.company == nil || a.company[id]
}

// guestCompany returns who is in the rooms of a guest, by all identities.
func guestCompany(r Reader, a *Actor, p *Roster) (map[UserID]bool, error) {
	seen := map[UserID]bool{}
	for _, id := range a.IDs() {
		seen[id] = true
	}
	in, err := memberships(r, a)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for id := range in {
		if room := p.Rooms[id]; room != nil && a.mayRead(room, true) {
			keys = append(keys, Key(id))
		}
	}
	if len(keys) == 0 {
		return seen, nil
	}
	members, err := List[Member](r, Query{In: keys})
	for _, m := range members {
		root := p.Root(m.User)
		seen[m.User], seen[root] = true, true
	}
	return seen, err
}

// mayMention leaves out of a guest's mentions those who are not in the room:
// whether somebody of a name is elsewhere in the place must not show.
func (a *Actor) mayMention(tx Tx, room RoomID, mentions []Mention) ([]Mention, error) {
	if len(mentions) == 0 || a.User.Role != RoleGuest {
		return mentions, nil
	}
	keys := make([]Key, len(mentions))
	for i, m := range mentions {
		keys[i] = PairKey(Key(room), Key(m.User))
	}
	found, err := tx.GetAll(KindMember, keys)
	var list []Mention
	for i, m := range mentions {
		if in := found[keys[i]]; in != nil && !in.Deleted() {
			list = append(list, m)
		}
	}
	return list, err
}

// SeesPicture reports whether the actor may see a picture that others here
// may: guests see emoticons, and the faces of those whom they know.
func (a *Actor) SeesPicture(id ContentID) bool {
	if a.company == nil {
		return true
	}
	for _, e := range a.Roster.Emoticons {
		if e.Content == id {
			return true
		}
	}
	for who := range a.company {
		if u := a.Roster.Users[who]; u != nil && u.Avatar == id {
			return true
		}
	}
	return false
}

// called says whom a text of the actor calls. Of those whom they may not know
// of, none.
func (a *Actor) called(text string) Extra {
	x := a.Roster.called(text)
	if a.company != nil {
		x.Mentions = slices.DeleteFunc(x.Mentions, func(m Mention) bool { return !a.Sees(m.User) })
	}
	return x
}
