package server

import (
	"slices"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// takeAway is takeIn for what takes something from somebody. It comes before
// anything is told: a node that was stopped for a while reads together what
// happened before and after.
func (h *hub) takeAway(c chat.Change, n *chat.News) {
	switch o := c.Object.(type) {
	case *chat.Member:
		if o.Gone {
			h.takeIn(c, n)
		}
	case *chat.User:
		if o.Gone || o.Off {
			h.takeIn(c, n)
		}
	}
}

// takeIn changes what the hub knows of who is where.
func (h *hub) takeIn(c chat.Change, n *chat.News) {
	switch o := c.Object.(type) {
	case *chat.Message:
		// Who has sent it and goes on writing is said to write again.
		delete(h.there.typed, typist{o.Room, n.Roster.Root(o.Author)})
	case *chat.Member:
		for q := range h.joined[o.Room] { // whom a guest knows is another now
			if q.actor.User.Role == chat.RoleGuest {
				h.sendAway(q)
			}
		}
		p := h.people[n.Roster.Root(o.User)]
		if p == nil || !p.actor.Is(o.User) {
			return
		}
		if !o.Gone {
			if p.actor.User.Role == chat.RoleGuest {
				h.sendAway(p)
				return
			}
			p.in[o.Room] = o
			put(h.joined, o.Room, p)
		} else if m := p.in[o.Room]; m != nil && m.User == o.User {
			// As another identity they may be in it still: that is looked up
			// when they come back.
			if len(p.actor.Also) > 0 {
				h.sendAway(p)
			}
			delete(p.in, o.Room)
			remove(h.joined, o.Room, p)
		}
	case *chat.User:
		for _, p := range h.people {
			if p.actor.Is(o.ID) {
				h.renew(p, n.Roster)
			}
		}
	case *chat.Match:
		for _, p := range h.people {
			if p.actor.Is(o.Imported) || p.actor.Is(o.Local) {
				h.sendAway(p)
				h.renew(p, n.Roster)
			}
		}
	}
}

// renew takes in who somebody is now; who is nobody any more hears no more.
func (h *hub) renew(p *person, roster *chat.Roster) {
	a := p.actor.As(roster)
	if a == nil {
		for s := range p.sockets {
			h.drop(s)
			s.end(api.FeedEnded, "signed out")
		}
		return
	}
	p.actor = a
}

// each calls fn with the sockets that something reaches.
func (h *hub) each(t told, fn func(*socket)) {
	switch {
	case t.all:
		for s := range h.sockets {
			fn(s)
		}
	case !t.who.IsZero():
		if p := h.people[h.roster.Root(t.who)]; p != nil && p.actor.Is(t.who) {
			for s := range p.sockets {
				fn(s)
			}
		}
	default:
		if !t.shown {
			for p := range h.joined[t.room] {
				for s := range p.sockets {
					fn(s)
				}
			}
		}
		for s := range h.looking[t.room] {
			if t.shown || s.person.in[t.room] == nil {
				fn(s)
			}
		}
	}
}

// reaches reports whether something reaches a socket.
func (h *hub) reaches(t told, s *socket) bool {
	switch {
	case t.all:
		return true
	case !t.who.IsZero():
		return s.person.actor.Is(t.who)
	}
	return slices.Contains(s.open, t.room) || !t.shown && s.person.in[t.room] != nil
}

// afresh makes all people start again, and come back.
func (h *hub) afresh() {
	for _, p := range h.people {
		h.sendAway(p)
	}
}

// sendAway makes one person start again, and come back.
func (h *hub) sendAway(p *person) {
	frame := encodeFrame(encodeCursor(h.cursor), [][]byte{encoded(api.Event{Type: "afresh"})})
	for s := range p.sockets {
		h.drop(s)
		s.send(frame)
		s.end(api.FeedSlow, "start afresh")
	}
}

func put[K, V comparable](m map[K]map[V]bool, k K, v V) {
	if m[k] == nil {
		m[k] = map[V]bool{}
	}
	m[k][v] = true
}

func remove[K, V comparable](m map[K]map[V]bool, k K, v V) {
	if delete(m[k], v); len(m[k]) == 0 {
		delete(m, k)
	}
}

// many reports whether so many people are others at once that telling all of
// them one by one would cost more than if everybody starts afresh.
func many(changes []chat.Change) bool {
	n := 0
	for _, c := range changes {
		switch c.Object.(type) {
		case *chat.User, *chat.Match:
			n++
		}
	}
	return n > mostPeople
}
