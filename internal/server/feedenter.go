package server

import (
	"context"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// enter makes a socket one of those that are told, from what it has missed
// on: it waits in its queue.
func (h *hub) enter(ctx context.Context, s *socket, a *chat.Actor, from chat.Cursor) error {
	missed := h.server.gate.carried(from)
	var batches []batch
	for try := 0; ; try++ {
		n, in, err := h.server.Service.CatchUp(ctx, a, missed, mostMissed)
		if err != nil {
			return err
		}
		counts, err := h.countsFor(ctx, n.Changes, func(u chat.UserID) *chat.Actor {
			if a.Is(u) {
				return a
			}
			return nil
		})
		if err != nil {
			return err
		}
		batches = append(batches, batch{n, counts})
		lost := n.Lost || n.More
		missed = n.Cursor
		h.mu.Lock()
		switch {
		case h.closed, elsewhere(n.State), h.ready && elsewhere(h.state):
			h.mu.Unlock()
			s.end(api.FeedRestart, "0")
			return nil
		case lost:
			h.mu.Unlock()
			s.send(encodeFrame(encodeCursor(n.Cursor), [][]byte{encoded(api.Event{Type: "afresh"})}))
			s.end(api.FeedSlow, "start afresh")
			return nil
		case h.ready && h.cursor.Pos > n.Cursor.Pos && try < 100:
			h.mu.Unlock() // what came meanwhile was told to others only
			continue
		}
		h.admit(s, a, in, batches)
		h.mu.Unlock()
		return nil
	}
}

// batch is a part of what somebody has missed.
type batch struct {
	*chat.News
	counts map[chat.Key]*chat.RoomView
}

// admit enters a socket and tells it what it has missed. The hub is locked.
func (h *hub) admit(s *socket, a *chat.Actor, in map[chat.RoomID]*chat.Member, missed []batch) {
	p := h.people[a.User.ID]
	if p == nil {
		p = &person{sockets: map[*socket]bool{}}
		h.people[a.User.ID] = p
	}
	for id := range p.in {
		remove(h.joined, id, p)
	}
	p.actor, p.in = a, in
	for id := range in {
		put(h.joined, id, p)
	}
	p.sockets[s], h.sockets[s] = true, true
	s.person = p
	last := missed[len(missed)-1]
	s.after = last.Cursor.Pos
	for _, id := range s.open {
		put(h.looking, id, s)
	}
	if h.roster == nil {
		h.roster = last.Roster
	}
	var events [][]byte
	for _, n := range missed {
		if n.Brought {
			events = append(events, encoded(api.Event{Type: "history"}))
		}
		e := &eventMaker{server: h.server, news: n.News, counts: n.counts, drawn: map[chat.MessageID]bool{}}
		for _, c := range n.Changes {
			for _, t := range e.eventsOf(c) {
				if h.reaches(t, s) {
					if b := t.event(p); b != nil {
						events = append(events, b)
					}
				}
			}
		}
	}
	// Whoever comes from the other place of a move, or after a restart, may know
	// another state of this one.
	place := h.server.placeEvent(last.News)
	place.Place.Moved = s.moved
	events = append(events, encoded(place), h.whoIsThere(p))
	s.send(encodeFrame(encodeCursor(last.Cursor), events))
	h.there.stirred(p)
}

// leave forgets a socket. Again does nothing.
func (h *hub) leave(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(s)
}

func (h *hub) drop(s *socket) {
	if !h.sockets[s] {
		return
	}
	delete(h.sockets, s)
	for _, id := range s.open {
		remove(h.looking, id, s)
	}
	p := s.person
	delete(p.sockets, s)
	h.there.stirred(p)
	if len(p.sockets) == 0 {
		for id := range p.in {
			remove(h.joined, id, p)
		}
		delete(h.people, p.actor.User.ID)
	}
}

// feedCalls are the calls of this file and of marks.go.
func (s *Server) feedCalls() map[string]call {
	return map[string]call{"GET feed": s.feed, "POST rooms/{id}/read": s.read}
}

// feed is a WebSocket that tells what is new.
func (s *Server) feed(r *request) (any, error) {
	a := r.actor
	if a.Session == nil {
		return nil, chat.Errorf(chat.Denied, "a feed is for people who are signed in").WithHint("a program can ask for what it needs")
	}
	q := r.URL.Query()
	var open []chat.RoomID
	for _, text := range q["open"] {
		if id, err := chat.ParseID[chat.Room](text); err == nil && len(open) < mostOpen {
			open = append(open, id)
		}
	}
	if err := s.hub.room(a); err != nil {
		return nil, err
	}
	defer s.hub.wg.Done()
	o := &websocket.AcceptOptions{}
	if u := s.public(); u != nil {
		o.OriginPatterns = []string{u.Host}
	}
	conn, err := websocket.Accept(r.w, r.Request, o)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // it was answered
	}
	// The request's own end is the server's: sockets are closed in order then.
	ctx := context.WithoutCancel(r.Context())
	socket := newSocket(s.hub, conn, a.Session.ID, open)
	socket.moved = s.movedTo(r.Request)
	socket.run(ctx, a, decodeCursor(q.Get("cursor")))
	return nil, nil //nolint:nilnil // it is answered
}

// room makes room for one more socket, of which the hub's wg is told.
func (h *hub) room(a *chat.Actor) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return chat.Errorf(chat.Unavailable, "the server is ending").WithHint("try again in a moment")
	}
	if p := h.people[a.User.ID]; p != nil && len(p.sockets) >= mostSockets {
		return chat.Errorf(chat.TooMany, "you have this place open %d times", mostSockets).WithHint("close some windows")
	}
	h.wg.Add(1)
	return nil
}
