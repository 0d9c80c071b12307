package server

import (
	"context"
	"slices"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// Presence is of this process, and never stored: each socket holds a lease,
// which its client renews while somebody is there.
const (
	online  = "online"
	away    = "away"
	offline = "offline"

	activeLease   = 6 * time.Minute
	goneAfter     = 10 * time.Second // who loads the page anew was not away
	presenceEvery = time.Second      // changes are told together
	typingEvery   = 2 * time.Second
)

// presences is who is here. Guarded by the hub's lock.
type presences struct {
	told    map[chat.UserID]string    // what everybody was told
	changed map[chat.UserID]time.Time // whom to look at, and when at the earliest
	typed   map[typist]time.Time      // when who was last said to write
}

type typist struct {
	room chat.RoomID
	user chat.UserID
}

func newPresences() presences {
	return presences{told: map[chat.UserID]string{}, changed: map[chat.UserID]time.Time{}, typed: map[typist]time.Time{}}
}

// stirred says that somebody's presence may be another.
func (p *presences) stirred(who *person) {
	p.changed[who.actor.User.ID] = time.Now()
}

// active renews the lease of a socket, or ends it.
func (p *presences) active(s *socket, on bool) {
	s.active = time.Time{}
	if on {
		s.active = time.Now()
	}
	p.stirred(s.person)
}

// presenceOf is what somebody is now: online if any of their devices is in
// use. It returns when that has to be looked at again.
func (h *hub) presenceOf(id chat.UserID, now time.Time) (is string, again time.Time) {
	is = h.peers.presenceOf(id)
	p := h.people[id]
	if p == nil {
		return is, again
	}
	if is == offline {
		is = away
	}
	for s := range p.sockets {
		if ends := s.active.Add(activeLease); !s.active.IsZero() && ends.After(now) {
			is = online
			if ends.After(again) {
				again = ends
			}
		}
	}
	return is, again
}

// tellPresence tells everybody, every now and then, who came and went.
func (h *hub) tellPresence(ctx context.Context) error {
	for pause(ctx, presenceEvery) {
		h.mu.Lock()
		now := time.Now()
		h.missPeers(now)
		if h.fresh() {
			h.lookAround(now)
		}
		h.sayWhoIsHere(now)
		h.mu.Unlock()
	}
	return nil
}

func (h *hub) lookAround(now time.Time) {
	changes := map[string]string{}
	for id, at := range h.there.changed {
		if at.After(now) {
			continue
		}
		is, again := h.presenceOf(id, now)
		was := h.there.told[id]
		if is == offline && was != "" && now.Sub(at) < goneAfter {
			continue
		}
		delete(h.there.changed, id)
		if !again.IsZero() {
			h.there.changed[id] = again
		}
		if is == was || is == offline && was == "" {
			continue
		}
		if h.there.told[id] = is; is == offline {
			delete(h.there.told, id)
		}
		changes[id.String()] = is
	}
	for t, at := range h.there.typed {
		if now.Sub(at) > typingEvery {
			delete(h.there.typed, t)
		}
	}
	if len(changes) == 0 {
		return
	}
	frame := encoded(api.Event{Type: "presence", People: changes})
	for _, p := range h.people {
		event := frame
		if p.actor.User.Role == chat.RoleGuest {
			some := known(p, changes)
			if len(some) == 0 {
				continue
			}
			event = encoded(api.Event{Type: "presence", People: some})
		}
		for s := range p.sockets {
			s.tell(event)
		}
	}
}

// known leaves of people those whom somebody may know of.
func known(p *person, people map[string]string) map[string]string {
	out := map[string]string{}
	for text, is := range people {
		if id, err := chat.ParseID[chat.User](text); err == nil && p.actor.Sees(id) {
			out[text] = is
		}
	}
	return out
}

// whoIsThere draws for one person who is here.
func (h *hub) whoIsThere(p *person) []byte {
	people := make(map[string]string, len(h.there.told))
	for id, is := range h.there.told {
		people[id.String()] = is
	}
	if p.actor.User.Role == chat.RoleGuest {
		people = known(p, people)
	}
	return encoded(api.Event{Type: "presence", People: people, Whole: true})
}

// present reports whether somebody is here and their device in use. It is
// asked for @here.
func (h *hub) present(id chat.UserID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	is, _ := h.presenceOf(id, time.Now())
	return is == online
}

// reading reports whether a room is shown on a device that somebody is at.
func (h *hub) reading(id chat.UserID, room chat.RoomID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.peers.reading(id, room) {
		return true
	}
	p := h.people[id]
	if p == nil {
		return false
	}
	for s := range p.sockets {
		if !s.active.IsZero() && time.Since(s.active) < activeLease && slices.Contains(s.open, room) {
			return true
		}
	}
	return false
}

// tellPerson shows something on all devices of somebody.
func (h *hub) tellPerson(id chat.UserID, told api.Told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passOn(id, told)
	h.showTold(id, told)
}

func (h *hub) showTold(id chat.UserID, told api.Told) {
	p := h.people[id]
	if p == nil || h.server.Bus != nil && h.peers.toldBefore(id, told) {
		return
	}
	event := encoded(api.Event{Type: "told", Told: &told})
	for s := range p.sockets {
		s.tell(event)
	}
}

// typing tells those who look at a room that somebody writes in it.
func (h *hub) typing(s *socket, room chat.RoomID) {
	p := s.person
	if h.roster == nil || !p.actor.MayPost(h.roster.Rooms[room], p.in[room]) {
		return
	}
	t, now := typist{room, p.actor.User.ID}, time.Now()
	if now.Sub(h.there.typed[t]) < typingEvery {
		return
	}
	h.there.typed[t] = now
	h.showTyping(t)
	h.sayTyping(t)
}

// showTyping tells those who look at a room that somebody writes in it. They
// may be at another node.
func (h *hub) showTyping(t typist) {
	room := t.room
	event := encoded(api.Event{Type: "typing", ID: room.String(), Who: t.user.String()})
	for other := range h.looking[room] {
		q := other.person
		if !q.actor.Is(t.user) && q.actor.MayRead(h.roster.Rooms[room], q.in[room]) {
			other.tell(event)
		}
	}
}
