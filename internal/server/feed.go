package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	newsAtOnce   = 1000                   // changes that are read at once
	mostMissed   = 2000                   // changes that a client can have missed without starting afresh
	broughtEvery = 2 * time.Second        // between two looks at what a mover has brought
	mostBrought  = 100                    // rooms that are named; when there are more, any may be meant
	mostPeople   = 100                    // people that are told one by one; when there are more at once, all start afresh
	lookAgain    = 400 * time.Millisecond // between two looks at who is still signed in
	lookAnyway   = 30 * time.Second
	mostSockets  = 50 // of one person
)

// hub reads the log once, and tells everybody's sockets what is new in it.
type hub struct {
	server *Server
	wg     sync.WaitGroup // of the sockets
	stir   chan struct{}  // somebody may have been signed out

	mu       sync.Mutex
	ready    bool
	closed   bool
	cursor   chat.Cursor // up to where the log was read
	brought  chat.Cursor // up to where it was told what a mover brought
	state    chat.State
	roster   *chat.Roster
	sockets  map[*socket]bool
	people   map[chat.UserID]*person
	joined   map[chat.RoomID]map[*person]bool
	looking  map[chat.RoomID]map[*socket]bool
	there    presences
	arriving map[chat.RoomID]bool // rooms whose moves have not ended

	marks *marks
}

// person is somebody who has sockets here. Guarded by the hub's lock.
type person struct {
	actor   *chat.Actor
	in      map[chat.RoomID]*chat.Member
	sockets map[*socket]bool
}

func newHub(s *Server) *hub {
	return &hub{
		server: s, stir: make(chan struct{}, 1), sockets: map[*socket]bool{}, people: map[chat.UserID]*person{},
		joined: map[chat.RoomID]map[*person]bool{}, looking: map[chat.RoomID]map[*socket]bool{}, there: newPresences(), marks: newMarks(),
	}
}

// follow reads the log until ctx ends. Then all sockets are closed.
func (h *hub) follow(ctx context.Context) error {
	defer h.close()
	for {
		bell := h.server.Service.Store.Doorbell()
		more, err := h.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			h.server.Log.Error("read the log", "err", err)
			if !pause(ctx, time.Second) {
				return nil
			}
			continue
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-bell:
		case <-h.moveWatch():
		}
	}
}

// moveEvery is how long after its end a move's rooms are still shown as
// arriving: moves are not in the log.
const moveEvery = 5 * time.Second

// moveWatch says when to look whether a move has ended; never if none is
// under way.
func (h *hub) moveWatch() <-chan time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.arriving) == 0 {
		return nil
	}
	return time.After(moveEvery)
}

// step tells what is new in the log, and reports whether there is more.
func (h *hub) step(ctx context.Context) (more bool, err error) {
	h.mu.Lock()
	from, ready := h.cursor, h.ready
	h.mu.Unlock()
	n, err := h.server.Service.News(ctx, from, newsAtOnce)
	if err != nil {
		return false, err
	}
	counts, err := h.counts(ctx, n)
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.stir <- struct{}{}:
	default:
	}
	h.cursor, h.roster, h.ready = n.Cursor, n.Roster, true
	h.server.gate.saw(n.State)
	if elsewhere(n.State) && !n.More {
		defer h.sendOff()
	}
	if n.Lost {
		h.brought = n.Cursor
		if ready {
			h.afresh()
		}
		h.state, h.arriving = n.State, n.Arriving
		return false, nil
	}
	h.tell(n, counts)
	return n.More, nil
}

// elsewhere reports whether people are at the other place of a move.
func elsewhere(state chat.State) bool { return state == chat.Standby || state == chat.Retired }

// sendOff sends everybody to the other place of a move, by the same address.
// They take with them that they have seen all there is. The hub is locked.
func (h *hub) sendOff() {
	spread := strconv.Itoa(1 + len(h.sockets)/restartSpread)
	frame := encodeFrame(encodeCursor(h.cursor), nil)
	for s := range h.sockets {
		h.drop(s)
		s.send(frame)
		s.end(api.FeedRestart, spread)
	}
}

// tell sends what is new to all whom it concerns.
func (h *hub) tell(n *chat.News, counts map[chat.Key]*chat.RoomView) {
	if many(n.Changes) {
		h.afresh()
	}
	out := &outbox{hub: h, cursor: encodeCursor(n.Cursor), events: map[*socket][][]byte{}}
	e := &eventMaker{server: h.server, news: n, counts: counts, drawn: map[chat.MessageID]bool{}}
	for _, c := range n.Changes {
		h.takeIn(c, n)
		for _, t := range e.eventsOf(c) {
			h.each(t, func(s *socket) {
				if c.Pos > s.after {
					out.add(s, t.event(s.person))
				}
			})
		}
	}
	for _, both := range [2][2]map[chat.RoomID]bool{{h.arriving, n.Arriving}, {n.Arriving, h.arriving}} {
		for id := range both[0] {
			if !both[1][id] {
				h.each(told{room: id}, func(s *socket) { out.add(s, e.room(s.person, id)) })
			}
		}
	}
	h.arriving = n.Arriving
	if n.State != h.state {
		h.state = n.State
		place := encoded(h.server.placeEvent(n))
		for s := range h.sockets {
			out.add(s, place)
		}
	}
	out.send()
}

// tellBrought tells, every now and then, in which rooms a mover has filled in
// history: whoever looks at one fetches it again. The messages themselves are
// no news.
func (h *hub) tellBrought(ctx context.Context) error {
	for pause(ctx, broughtEvery) {
		h.mu.Lock()
		told, now, looked := h.brought, h.cursor, len(h.looking) > 0
		if !looked {
			h.brought = now
		}
		h.mu.Unlock()
		if now.Pos == told.Pos || !looked {
			continue
		}
		rooms, all, err := h.server.Service.Brought(ctx, told.Pos, now.Pos, mostBrought)
		if err != nil {
			if ctx.Err() == nil {
				h.server.Log.Error("look what was brought", "err", err)
			}
			continue
		}
		if all {
			rooms = append(rooms[:0], chat.RoomID{})
		}
		h.mu.Lock()
		if h.brought == told {
			h.brought = now
		}
		for _, id := range rooms {
			h.tellHistory(id)
		}
		h.mu.Unlock()
	}
	return nil
}

func (h *hub) tellHistory(id chat.RoomID) {
	event := api.Event{Type: "history", ID: id.String()}
	looking := h.looking[id]
	if id.IsZero() {
		event.ID = ""
		looking = h.sockets
	}
	b := encoded(event)
	for s := range looking {
		if len(s.open) > 0 {
			s.tell(b)
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

// restartSpread is how many clients a second come back after a restart.
const restartSpread = 500

// close ends all sockets, and waits for them.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	spread := 1 + len(h.sockets)/restartSpread
	for s := range h.sockets {
		s.end(api.FeedRestart, strconv.Itoa(spread))
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// watch ends, within a second, the sockets of those who are signed out.
func (h *hub) watch(ctx context.Context) error {
	for {
		t := time.NewTimer(lookAnyway)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-h.stir:
			t.Stop()
		case <-t.C:
		}
		if err := h.endSessions(ctx); err != nil && ctx.Err() == nil {
			h.server.Log.Error("look who is signed in", "err", err)
		}
		if !pause(ctx, lookAgain) {
			return nil
		}
	}
}

func (h *hub) endSessions(ctx context.Context) error {
	h.mu.Lock()
	by := map[chat.ID[chat.Session]][]*socket{}
	for s := range h.sockets {
		by[s.session] = append(by[s.session], s)
	}
	h.mu.Unlock()
	if len(by) == 0 {
		return nil
	}
	ids := make([]chat.ID[chat.Session], 0, len(by))
	for id := range by {
		ids = append(ids, id)
	}
	ended, err := h.server.Service.Ended(ctx, ids)
	for _, id := range ended {
		for _, s := range by[id] {
			h.leave(s)
			s.end(api.FeedEnded, "signed out")
		}
	}
	return err
}

// outbox gathers what goes to each socket in one frame.
type outbox struct {
	hub    *hub
	cursor string
	events map[*socket][][]byte
}

func (o *outbox) add(s *socket, event []byte) {
	if event != nil {
		o.events[s] = append(o.events[s], event)
	}
}

// send sends the frames. What is one event for many is one frame for them.
func (o *outbox) send() {
	shared := map[*byte][]byte{}
	for s, events := range o.events {
		if len(events) > 1 {
			s.send(encodeFrame(o.cursor, events))
			continue
		}
		first := &events[0][0]
		if shared[first] == nil {
			shared[first] = encodeFrame(o.cursor, events)
		}
		s.send(shared[first])
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

func encoded(e api.Event) []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // an event has nothing that cannot be encoded
	}
	return b
}

// encodeFrame makes an api.Frame of events that are encoded already.
func encodeFrame(cursor string, events [][]byte) []byte {
	n := len(cursor) + 32
	for _, e := range events {
		n += len(e) + 1
	}
	b := append(make([]byte, 0, n), `{"cursor":"`...)
	b = append(append(b, cursor...), '"')
	for i, e := range events {
		if i == 0 {
			b = append(b, `,"events":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	if len(events) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// encodeCursor writes a place in the log so that clients can hand it back.
func encodeCursor(c chat.Cursor) string {
	b := append(append(make([]byte, 0, 40), c.LogID[:]...), c.Epoch[:]...)
	for i := range 8 {
		b = append(b, byte(uint64(c.Pos)>>(56-8*i)))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads what encodeCursor wrote. What is none is a place in no log.
func decodeCursor(text string) (c chat.Cursor) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 40 {
		return c
	}
	copy(c.LogID[:], b)
	copy(c.Epoch[:], b[16:])
	for _, x := range b[32:] {
		c.Pos = c.Pos<<8 | chat.Position(x)
	}
	return c
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
