package server

import (
	"context"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	longestWait = 25 * time.Second
	// afreshAfter gathers what makes clients start again: a hundred people who
	// are added one after the other are one reason.
	afreshAfter = time.Second
	newsKept    = 20_000 // events that those who wait can catch up with
	newsAtOnce  = 1000   // changes; what is more than that at once is not read, and all start again
	newsRooms   = 500    // rooms with news that are told one by one
)

// event is what a change means to those who wait.
type event struct {
	pos  chat.Position
	room chat.RoomID // news in a room
	user chat.UserID // news for one person
	what byte
}

const (
	inRoom    = iota // there are messages or files
	ofRoom           // the room itself is another: whoever may read it starts again
	ofMember         // a person came into a room or left it
	ofAll            // people, pictures or settings are others
	ofNothing = 255
)

// news reads the log once for all who wait.
type news struct {
	mu      sync.Mutex
	ready   bool
	closed  bool
	floor   chat.Position // what was before is not known
	head    chat.Position
	events  []event
	changed chan struct{} // closed when there is more
}

func newNews() *news { return &news{changed: make(chan struct{})} }

// follow reads the log until ctx ends.
func (s *Server) follow(ctx context.Context) error {
	defer s.news.close()
	for {
		bell := s.Service.Store.Doorbell()
		more, err := s.readNews(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.Log.Error("read the log", "err", err)
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
		}
	}
}

// readNews takes in what is new in the log, and reports whether there is more.
func (s *Server) readNews(ctx context.Context) (more bool, err error) {
	n := s.news
	err = s.Service.Store.View(ctx, func(r chat.Reader) error {
		h, err := r.Head()
		if err != nil {
			return err
		}
		// Positions are gone that were there: the database was set back.
		if !n.ready || h.Pos < n.head || h.Pos-n.head > 5*newsAtOnce {
			n.jump(h.Pos)
			return nil
		}
		if h.Pos == n.head {
			return nil
		}
		list, end, err := r.Changes(n.head, newsAtOnce)
		if err != nil {
			return err
		}
		more = end < h.Pos
		n.add(list, end)
		return nil
	})
	return more, err
}

// jump goes on at a position; whoever waits from before it starts again.
func (n *news) jump(to chat.Position) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ready && to < n.head {
		n.floor = to + 1 // also those who are at a position that is there again
	} else {
		n.floor = to
	}
	n.ready, n.head, n.events = true, to, nil
	n.ring()
}

func (n *news) add(list []chat.Change, end chat.Position) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range list {
		if e := eventOf(c); e.what != ofNothing {
			n.events = append(n.events, e)
		}
	}
	if extra := len(n.events) - newsKept; extra > 0 {
		n.floor = n.events[extra-1].pos
		n.events = append([]event(nil), n.events[extra:]...)
	}
	n.head = end
	n.ring()
}

func (n *news) ring() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// close answers all who wait, now and later.
func (n *news) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.ring()
}

func eventOf(c chat.Change) event {
	switch o := c.Object.(type) {
	case *chat.Message:
		return event{c.Pos, o.Room, chat.UserID{}, inRoom}
	case *chat.File:
		return event{c.Pos, o.Room, chat.UserID{}, inRoom}
	case *chat.Room:
		return event{c.Pos, o.ID, chat.UserID{}, ofRoom}
	case *chat.Member:
		return event{c.Pos, o.Room, o.User, ofMember}
	case *chat.User, *chat.Emoticon, *chat.Match, *chat.Setting:
		return event{c.Pos, chat.RoomID{}, chat.UserID{}, ofAll}
	}
	return event{what: ofNothing}
}

// told is what there is for one who waits.
type told struct {
	head    chat.Position
	rooms   []chat.RoomID // with messages
	changed []chat.RoomID // themselves
	afresh  bool          // for everybody, or for this one
	lost    bool          // too much happened, or nobody knows what
	closed  bool
	more    <-chan struct{}
}

func (n *news) since(pos chat.Position, a *chat.Actor) told {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := told{head: n.head, more: n.changed, closed: n.closed, lost: n.ready && (pos < n.floor || pos > n.head)}
	if t.lost || !n.ready {
		return t
	}
	seen, other := map[chat.RoomID]bool{}, map[chat.RoomID]bool{}
	for i := len(n.events) - 1; i >= 0 && n.events[i].pos > pos; i-- {
		switch e := n.events[i]; e.what {
		case inRoom:
			if !seen[e.room] {
				seen[e.room] = true
				t.rooms = append(t.rooms, e.room)
			}
		case ofRoom:
			if !other[e.room] {
				other[e.room] = true
				t.changed = append(t.changed, e.room)
			}
		case ofMember:
			t.afresh = t.afresh || a.Is(e.user)
		case ofAll:
			t.afresh = true
		}
	}
	t.lost = len(t.rooms)+len(t.changed) > newsRooms
	return t
}

// wait answers when there is news for the one who asks, or after a while. A
// position just ahead of what was read here is another process's news.
func (s *Server) wait(r *request) (any, error) {
	n, err := r.number("position")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), longestWait)
	defer cancel()
	pos := chat.Position(n)
	if err := s.caughtUp(ctx, pos); err != nil {
		return nil, err
	}
	for {
		t := s.news.since(pos, r.actor)
		out, done, err := s.tell(r, t)
		if err != nil || done {
			return out, err
		}
		if pos = max(pos, t.head); t.closed {
			return api.Wait{Position: int64(pos)}, nil
		}
		select {
		case <-ctx.Done():
			return api.Wait{Position: int64(pos)}, nil
		case <-t.more:
		}
		// Access that was taken away ends now, not when the wait does.
		if r.actor, err = s.whoAsks(r.Request); err != nil {
			return nil, err
		}
	}
}

// caughtUp waits until the log is read up to a position that the client has
// from the database itself.
func (s *Server) caughtUp(ctx context.Context, pos chat.Position) error {
	for range 2 {
		s.news.mu.Lock()
		behind, more := s.news.ready && s.news.head < pos && !s.news.closed, s.news.changed
		s.news.mu.Unlock()
		if !behind {
			return nil
		}
		t := time.NewTimer(afreshAfter)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-more:
		}
		t.Stop()
	}
	return nil
}

// tell says what the one who asks may hear of what is told.
func (s *Server) tell(r *request, t told) (out api.Wait, done bool, err error) {
	out.Position = int64(t.head)
	if t.lost {
		out.Afresh = true
		return out, true, nil
	}
	rooms, err := s.Service.Readable(r.Context(), r.actor, append(t.rooms, t.changed...))
	if err != nil {
		return out, false, err
	}
	may := map[chat.RoomID]bool{}
	for _, id := range rooms {
		may[id] = true
	}
	for _, id := range t.rooms {
		if may[id] {
			out.Rooms = append(out.Rooms, id.String())
		}
	}
	out.Afresh = t.afresh
	for _, id := range t.changed {
		// A room that one may no longer read has to go, too.
		out.Afresh = out.Afresh || may[id] || s.knew(r, id)
	}
	if out.Afresh && len(out.Rooms) == 0 {
		pause(r.Context(), afreshAfter)
	}
	return out, out.Afresh || len(out.Rooms) > 0, nil
}

// knew reports whether the one who asks may have been told of a room that
// they can no longer read.
func (s *Server) knew(r *request, id chat.RoomID) bool {
	room := r.actor.Roster.Rooms[id]
	return room == nil || room.State == chat.RoomDeleted
}
