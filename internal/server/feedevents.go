package server

import (
	"context"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// told is something that people are told, and whom.
type told struct {
	room  chat.RoomID // those who are in it or look at it
	shown bool        // of these only who looks at it
	who   chat.UserID // or one person
	all   bool        // or everybody

	// event draws it for one of them, encoded. It is nil if they may not know:
	// whether they may is found out here, when it is sent.
	event func(*person) []byte
}

// eventMaker turns changes into events.
type eventMaker struct {
	server *Server
	news   *chat.News
	counts map[chat.Key]*chat.RoomView // what is unread behind the read marks among the changes
	drawn  map[chat.MessageID]bool
}

// eventsOf says what a change means to whom. A kind of object that people are
// to hear of has its case here. Kinds that are secret have none: the log does
// not give them out, and there is no event that could hold them.
func (e *eventMaker) eventsOf(c chat.Change) []told {
	switch o := c.Object.(type) {
	case *chat.Message:
		return append(e.message(o.ID), e.message(o.Thread)...)
	case *chat.Room:
		return []told{{room: o.ID, event: func(p *person) []byte { return e.room(p, o.ID) }}}
	case *chat.Member:
		return e.member(o)
	case *chat.ReadMark:
		return e.read(o)
	case *chat.Follow:
		event := api.Event{Type: "follow", ID: o.Thread.String(), Read: int64(o.Read), Gone: o.Gone}
		return []told{{who: o.User, event: same(func() api.Event { return event })}}
	case *chat.Saved:
		event := api.Event{Type: "saved", ID: o.Message.String(), Gone: o.Gone}
		return []told{{who: o.User, event: same(func() api.Event { return event })}}
	case *chat.User:
		if u := e.news.Roster.Users[o.ID]; u != nil {
			return e.person(u)
		}
	case *chat.Match:
		if u := e.news.Roster.Users[o.Imported]; u != nil {
			return e.person(u)
		}
	case *chat.Emoticon:
		return e.emoticon(o)
	case *chat.Preferences:
		// What they mean together with those of other identities is asked for.
		return []told{{who: o.User, event: same(func() api.Event { return api.Event{Type: "preferences"} })}}
	case *chat.Setting:
		return toAll(e.server.placeEvent(e.news))
	}
	if id := chat.Touched(c.Object); !id.IsZero() {
		return e.message(id)
	}
	return nil
}

func toAll(event api.Event) []told {
	return []told{{all: true, event: same(func() api.Event { return event })}}
}

// same draws an event once that is the same for all.
func same(draw func() api.Event) func(*person) []byte {
	var done []byte
	return func(*person) []byte {
		if done == nil {
			done = encoded(draw())
		}
		return done
	}
}

func (e *eventMaker) person(u *chat.User) []told {
	drawn := same(func() api.Event {
		person := personOf(e.news.Roster, u)
		return api.Event{Type: "person", Person: &person}
	})
	return []told{{all: true, event: func(p *person) []byte {
		if !p.actor.Sees(u.ID) {
			return nil
		}
		return drawn(p)
	}}}
}

// message tells of a message as it is now, once, however many changes it has.
func (e *eventMaker) message(id chat.MessageID) []told {
	m, details := e.news.Message(id)
	if m == nil || e.drawn[id] {
		return nil
	}
	e.drawn[id] = true
	drawn := same(func() api.Event {
		out := messageOf(e.news.Roster, details, m)
		return api.Event{Type: "message", Message: &out}
	})
	return []told{{room: m.Room, event: func(p *person) []byte {
		if !p.actor.MayRead(e.news.Roster.Rooms[m.Room], p.in[m.Room]) {
			return nil
		}
		return drawn(p)
	}}}
}

// room tells one person what a room is to them now.
func (e *eventMaker) room(p *person, id chat.RoomID) []byte {
	v := e.news.Room(p.actor, id, p.in[id])
	if v == nil {
		return encoded(api.Event{Type: "drop", ID: id.String()})
	}
	room := roomOf(v)
	return encoded(api.Event{Type: "room", Room: &room})
}

// member tells the one who came or left, those who look, and those who know a
// room without a name by who is in it.
func (e *eventMaker) member(o *chat.Member) []told {
	subject := told{who: o.User, event: func(p *person) []byte { return e.room(p, o.Room) }}
	who := e.news.Roster.Root(o.User)
	drawn := same(func() api.Event {
		return api.Event{Type: "member", ID: o.Room.String(), Who: who.String(), Gone: o.Gone}
	})
	others := told{room: o.Room, shown: true, event: func(p *person) []byte {
		if !p.actor.MayRead(e.news.Roster.Rooms[o.Room], p.in[o.Room]) {
			return nil
		}
		return drawn(p)
	}}
	list := []told{subject, others}
	if room := e.news.Roster.Rooms[o.Room]; room != nil && (room.Type == chat.RoomDirect || room.Type == chat.RoomGroup) {
		list = append(list, told{room: o.Room, event: func(p *person) []byte {
			if p.actor.Is(o.User) {
				return nil
			}
			return e.room(p, o.Room)
		}})
	}
	return list
}

// read tells all devices of one person.
func (e *eventMaker) read(o *chat.ReadMark) []told {
	v := e.counts[o.Key()]
	if v == nil {
		return nil
	}
	event := api.Event{Type: "read", ID: o.Room.String(), Read: int64(v.Read), Unread: v.Unread.Messages, Mentions: v.Unread.Mentions, Last: int64(v.Span.Last), Back: o.Back}
	return []told{{who: o.User, event: same(func() api.Event { return event })}}
}

func (e *eventMaker) emoticon(o *chat.Emoticon) []told {
	out := api.Emoticon{ID: o.ID.String(), Shortcut: chat.Fold(o.Shortcut)}
	if now := e.news.Roster.Emoticons[out.Shortcut]; now != nil {
		out.URL = pictureURL(e.news.Roster, now.Content)
	}
	return toAll(api.Event{Type: "emoticon", Emoticon: &out})
}

func (s *Server) placeEvent(n *chat.News) api.Event {
	return api.Event{Type: "place", Place: &api.Place{
		Name: s.place(n.Roster), Address: s.publicText(), State: s.stateText(n.State), Client: s.clientVersion(), Announcement: announcementOf(n.Roster),
	}}
}

// counts counts what is unread behind the read marks among some changes, for
// those who are here.
func (h *hub) counts(ctx context.Context, n *chat.News) (map[chat.Key]*chat.RoomView, error) {
	return h.countsFor(ctx, n.Changes, func(u chat.UserID) *chat.Actor {
		h.mu.Lock()
		defer h.mu.Unlock()
		if p := h.people[n.Roster.Root(u)]; p != nil && p.actor.Is(u) {
			return p.actor
		}
		return nil
	})
}

func (h *hub) countsFor(ctx context.Context, changes []chat.Change, find func(chat.UserID) *chat.Actor) (map[chat.Key]*chat.RoomView, error) {
	counts := map[chat.Key]*chat.RoomView{}
	for _, c := range changes {
		mark, ok := c.Object.(*chat.ReadMark)
		if !ok {
			continue
		}
		a := find(mark.User)
		if a == nil {
			continue
		}
		v, err := h.server.Service.Unread(ctx, a, mark.Room)
		if err != nil {
			return nil, err
		}
		counts[mark.Key()] = v
	}
	return counts, nil
}
