package server

import (
	"context"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// ends says when sessions end. It is the one place to ask: watch a session,
// and close what hangs on it when the channel is closed. Sessions that were
// ended by other processes are noticed as well.
type ends struct {
	mu      sync.Mutex
	watched map[chat.ID[chat.Session]]*ending
}

type ending struct {
	n     int // who watch
	ended chan struct{}
}

const (
	endsEvery = 400 * time.Millisecond // after a change
	endsIdle  = 30 * time.Second       // sessions also expire
	endsChunk = 500
)

// watch returns a channel that is closed within a second after a session has
// ended, however that came. stop must be called.
func (e *ends) watch(session chat.ID[chat.Session]) (ended <-chan struct{}, stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.watched == nil {
		e.watched = map[chat.ID[chat.Session]]*ending{}
	}
	one := e.watched[session]
	if one == nil {
		one = &ending{ended: make(chan struct{})}
		e.watched[session] = one
	}
	one.n++
	return one.ended, sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if one.n--; one.n == 0 && e.watched[session] == one {
			delete(e.watched, session)
		}
	})
}

func (e *ends) sessions() []chat.ID[chat.Session] {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]chat.ID[chat.Session], 0, len(e.watched))
	for id := range e.watched {
		list = append(list, id)
	}
	return list
}

func (e *ends) end(session chat.ID[chat.Session]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if one := e.watched[session]; one != nil {
		close(one.ended)
		delete(e.watched, session)
	}
}

// check looks which of the watched sessions have ended.
func (e *ends) check(ctx context.Context, s *chat.Service) error {
	list := e.sessions()
	for len(list) > 0 {
		part := list[:min(len(list), endsChunk)]
		list = list[len(part):]
		live, err := s.Live(ctx, part)
		if err != nil {
			return err
		}
		for _, id := range part {
			if !live[id] {
				e.end(id)
			}
		}
	}
	return nil
}

// followPlace notices what of the place has changed that the server itself
// goes by: its public address, and sessions that have ended.
func (s *Server) followPlace(ctx context.Context) error {
	for {
		bell := s.Service.Store.Doorbell()
		if err := s.lookAtPlace(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("look at the settings and the sessions", "err", err)
		}
		idle := time.NewTimer(endsIdle)
		select {
		case <-ctx.Done():
		case <-idle.C:
		case <-bell:
		}
		idle.Stop()
		if !pause(ctx, endsEvery) {
			return nil
		}
	}
}

func (s *Server) lookAtPlace(ctx context.Context) error {
	p, err := s.Service.Roster(ctx)
	if err != nil {
		return err
	}
	s.takeAddress(p)
	return s.ends.check(ctx, s.Service)
}

// takeAddress goes by the public address that is set in the place, or else by
// that of the configuration.
func (s *Server) takeAddress(p *chat.Roster) {
	address := p.Setting(chat.SettingAddress)
	if address == "" {
		address = s.Address
	}
	if u, ok := parseAddress(address); ok && address != "" {
		s.at.Store(u)
	} else {
		s.at.Store(nil)
	}
}
