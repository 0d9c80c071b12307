package server

import (
	"context"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	marksEvery = 2 * time.Second
	mostMarks  = 10_000 // rooms of people that wait; more are forgotten
	mostFrom   = 4      // marks that wait of one of them
)

// marks gathers up to where people have read rooms, and stores it now and
// then: reading must not cost a write a message.
type marks struct {
	mu   sync.Mutex
	wait map[typist]map[chat.Time]chat.Mark // by the mark from which they go on
	some chan struct{}
}

func newMarks() *marks {
	return &marks{wait: map[typist]map[chat.Time]chat.Mark{}, some: make(chan struct{}, 1)}
}

// add takes in that somebody has read a room. One that is too late does not
// stand in the way of one that is not.
func (m *marks) add(one chat.Mark) {
	if one.Of.User == nil || one.Read <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k, from := typist{one.Room, one.Of.User.ID}, chat.Time(-1)
	if one.From != nil {
		from = max(*one.From, 0)
	}
	of := m.wait[k]
	if old, ok := of[from]; ok && old.Read >= one.Read || !ok && (len(m.wait) >= mostMarks || len(of) >= mostFrom) {
		return
	}
	if of == nil {
		of = map[chat.Time]chat.Mark{}
		m.wait[k] = of
	}
	of[from] = one
	select {
	case m.some <- struct{}{}:
	default:
	}
}

// drop forgets up to where somebody has read a room: they want to read it
// again.
func (m *marks) drop(a *chat.Actor, room chat.RoomID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.wait, typist{room, a.User.ID})
}

func (m *marks) take() []chat.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []chat.Mark
	for _, of := range m.wait {
		for _, one := range of {
			list = append(list, one)
		}
	}
	clear(m.wait)
	return list
}

// keepMarks stores marks until ctx ends, and then what is left.
func (s *Server) keepMarks(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), marksEvery)
			defer cancel()
			s.storeMarks(last)
			return nil
		case <-s.hub.marks.some:
		}
		s.storeMarks(ctx)
		pause(ctx, marksEvery)
	}
}

func (s *Server) storeMarks(ctx context.Context) {
	list := s.hub.marks.take()
	if len(list) == 0 {
		return
	}
	err := s.Service.MarkRead(ctx, list)
	if err == nil {
		return
	}
	if chat.IsKind(err, chat.Unavailable) || ctx.Err() != nil {
		for _, one := range list { // for when the place is open again
			s.hub.marks.add(one)
		}
		return
	}
	s.Log.Error("store what was read", "err", err)
}

// read takes in that a room was read.
func (s *Server) read(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	var in api.Read
	if err := r.read(&in); err != nil {
		return nil, err
	}
	s.hub.marks.add(chat.Mark{Of: r.actor, Room: room, Read: chat.Time(in.Time), From: (*chat.Time)(in.From)})
	return empty{}, nil
}
