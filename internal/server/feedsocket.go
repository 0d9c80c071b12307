package server

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	mostOpen    = 8       // rooms that one socket shows
	mostSaid    = 4 << 10 // bytes of what a client says at once
	mostQueued  = 256     // frames that wait for one client
	queueBytes  = 1 << 20
	writeWithin = 10 * time.Second
	pingEvery   = 25 * time.Second
	pongWithin  = 15 * time.Second
)

// How much a client may say: more is not listened to, and much more ends its
// feed.
const (
	saidEvery = 100 * time.Millisecond
	saidBurst = 50
	tooMuch   = 500
)

// socket is one client that follows the feed.
type socket struct {
	hub     *hub
	conn    *websocket.Conn
	session chat.ID[chat.Session]
	moved   string // the address that the place has now, if they came by another name of it

	// Guarded by the hub's lock.
	person *person
	after  chat.Position // changes up to here are told
	open   []chat.RoomID
	active time.Time // when somebody was there last; zero: nobody is

	mu     sync.Mutex
	queue  [][]byte
	bytes  int
	code   websocket.StatusCode // 0 while it goes on
	reason string
	ready  chan struct{} // there is something in the queue, or the end
}

func newSocket(h *hub, conn *websocket.Conn, session chat.ID[chat.Session], open []chat.RoomID) *socket {
	conn.SetReadLimit(mostSaid)
	return &socket{hub: h, conn: conn, session: session, open: open, ready: make(chan struct{}, 1)}
}

// send puts a frame into the queue. It never waits: a client that does not
// read is cut off, and comes back when it can.
func (s *socket) send(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code != 0 {
		return
	}
	if len(s.queue) >= mostQueued || s.bytes+len(frame) > queueBytes && len(s.queue) > 0 {
		s.code, s.reason, s.queue = api.FeedSlow, "too slow", nil
	} else {
		s.queue, s.bytes = append(s.queue, frame), s.bytes+len(frame)
	}
	s.ring()
}

// end closes the socket when what is in its queue was sent.
func (s *socket) end(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code != 0 {
		return
	}
	s.code, s.reason = code, reason
	s.ring()
}

func (s *socket) ring() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

func (s *socket) take() (frames [][]byte, code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames, s.queue, s.bytes = s.queue, nil, 0
	return frames, s.code, s.reason
}

// run serves the socket until either side ends it.
func (s *socket) run(ctx context.Context, a *chat.Actor, from chat.Cursor) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.write(ctx) })
	g.Go(func() error { return s.read(ctx) })
	g.Go(func() error { return s.ping(ctx) })
	if err := s.hub.enter(ctx, s, a, from); err != nil {
		if ctx.Err() == nil {
			s.hub.server.Log.Error("begin a feed", "err", err)
		}
		s.end(api.FeedSlow, "come back")
	}
	_ = g.Wait() // how a connection ended concerns nobody
	s.hub.leave(s)
	_ = s.conn.CloseNow() // it is closed
}

// errGone ends the goroutines of a socket.
var errGone = chat.Errorf(chat.Unavailable, "the feed has ended")

func (s *socket) write(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ready:
		}
		frames, code, reason := s.take()
		for _, f := range frames {
			if !s.hub.fresh() {
				code, reason = s.hold(ctx)
				break
			}
			if err := s.put(ctx, f); err != nil {
				return err
			}
		}
		if code != 0 {
			_ = s.conn.Close(code, reason) // waits a moment for the other side
			return errGone
		}
	}
}

// holdLooks is how often a socket looks whether it may go on.
const holdLooks = 50 * time.Millisecond

// hold waits until this node knows again who may hear what. Whoever was to
// hear something meanwhile comes back, and hears what they may hear now.
func (s *socket) hold(ctx context.Context) (websocket.StatusCode, string) {
	for !s.hub.fresh() && pause(ctx, holdLooks) {
		s.mu.Lock()
		code, reason := s.code, s.reason
		s.mu.Unlock()
		if code != 0 {
			return code, reason
		}
	}
	return api.FeedSlow, "come back"
}

func (s *socket) put(ctx context.Context, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, frame)
}

// ping finds out about connections that are gone, and gives clients the means
// to: they hear something every now and then, and their cursor stays young.
func (s *socket) ping(ctx context.Context) error {
	for pause(ctx, pingEvery) {
		pong, cancel := context.WithTimeout(ctx, pongWithin)
		err := s.conn.Ping(pong)
		cancel()
		if err != nil {
			return err
		}
		s.hub.mu.Lock()
		if s.hub.fresh() && s.hub.sockets[s] && s.hub.cursor.Pos >= s.after {
			s.send(encodeFrame(encodeCursor(s.hub.cursor), nil))
		}
		s.hub.mu.Unlock()
	}
	return ctx.Err()
}

func (s *socket) read(ctx context.Context) error {
	limit := rate.NewLimiter(rate.Every(saidEvery), saidBurst)
	ignored := 0
	for {
		typ, data, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		var said api.Said
		if typ != websocket.MessageText || json.Unmarshal(data, &said) != nil {
			s.end(api.FeedPolicy, "what was said cannot be understood")
			continue
		}
		if !limit.Allow() {
			if ignored++; ignored > tooMuch {
				s.end(api.FeedPolicy, "too much was said")
			}
			continue
		}
		s.hub.hear(s, said)
	}
}

// hear takes in what a client says.
func (h *hub) hear(s *socket, said api.Said) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.sockets[s] {
		return
	}
	room, err := chat.ParseID[chat.Room](said.Room)
	switch {
	case said.Type == "open":
		h.show(s, said.Rooms)
	case said.Type == "active":
		h.there.active(s, said.On)
	case err != nil:
	case said.Type == "typing":
		h.typing(s, room)
	case said.Type == "read":
		h.marks.add(chat.Mark{Of: s.person.actor, Room: room, Read: chat.Time(said.Time), From: (*chat.Time)(said.From)})
	}
}

// show makes rooms those that a socket shows. Whether somebody may read them
// is found out when there is something to be told.
func (h *hub) show(s *socket, rooms []string) {
	var open []chat.RoomID
	for _, text := range rooms {
		if id, err := chat.ParseID[chat.Room](text); err == nil && len(open) < mostOpen && !slices.Contains(open, id) {
			open = append(open, id)
		}
	}
	var events [][]byte
	for _, id := range s.open {
		if !slices.Contains(open, id) {
			remove(h.looking, id, s)
		}
	}
	for _, id := range open {
		if !slices.Contains(s.open, id) {
			put(h.looking, id, s)
		}
		events = append(events, encoded(api.Event{Type: "opened", ID: id.String()}))
	}
	s.open = open
	if len(events) > 0 {
		s.tell(events...)
	}
}

// tell sends events that are not of the log. The hub is locked.
func (s *socket) tell(events ...[]byte) {
	c := s.hub.cursor
	c.Pos = max(c.Pos, s.after)
	s.send(encodeFrame(encodeCursor(c), events))
}
