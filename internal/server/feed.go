package server

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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
	looked atomic.Int64   // when the head was read last, in nanoseconds since the server started
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
	peers    peers
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
		joined: map[chat.RoomID]map[*person]bool{}, looking: map[chat.RoomID]map[*socket]bool{}, there: newPresences(), peers: newPeers(), marks: newMarks(),
	}
}

// follow reads the log until ctx ends. Then all sockets are closed.
func (h *hub) follow(ctx context.Context) error {
	defer h.close()
	anyway := time.NewTicker(chat.BusEvery)
	defer anyway.Stop()
	if h.server.Nodes == nil {
		anyway.Stop() // nobody else writes here
	}
	var out time.Time // since when the log cannot be read: said once
	for {
		bell := h.server.Service.Store.Doorbell()
		more, err := h.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if out.IsZero() {
				out = time.Now()
				h.server.Log.Error("read the log", "err", err)
			}
			if !pause(ctx, time.Second) {
				return nil
			}
			continue
		}
		if !out.IsZero() {
			h.server.Log.Info("the log can be read again", "dur", time.Since(out))
			out = time.Time{}
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-bell:
		case <-anyway.C:
		case <-h.moveWatch():
		}
	}
}

// mostBehind is how old may be what a node knows of who may hear what.
const mostBehind = time.Second

// fresh reports whether the head was read lately: otherwise somebody may have
// been sent out of a room, or signed out, and nothing is to be sent.
func (h *hub) fresh() bool {
	return h.server.Nodes == nil || time.Since(h.server.started)-time.Duration(h.looked.Load()) < mostBehind
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
	began := time.Since(h.server.started)
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
	h.looked.Store(int64(began))
	if !ready || n.Cursor != from {
		select {
		case h.stir <- struct{}{}:
		default:
		}
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
	for _, c := range n.Changes {
		h.takeAway(c, n)
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
