package server

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	probeEvery  = time.Second     // an answer is that old at most
	probeWithin = 3 * time.Second // after which a database that does not answer is taken for gone
	behindFor   = 2 * time.Second // how late a feed may be

	checkerLives = 30 * time.Second // how long whoever looked at /readyz counts as a load balancer
	checksEnough = 3                // answers after which a load balancer sends nobody here any more
	drainTick    = 50 * time.Millisecond
)

// readiness is what is known of whether people can be served here.
type readiness struct {
	one     singleflight.Group
	leaving atomic.Bool // the server is about to end

	mu       sync.Mutex
	at       time.Time // when it was looked last
	head     chat.Head
	err      error
	before   chat.Position // the head as it was behindFor ago, or longer
	beforeAt time.Time
	checkers map[string]checker // by the address that asks
	asked    chan struct{}      // one has asked
}

// checker is a load balancer, most likely.
type checker struct {
	at   time.Time
	told int // times that it was told that the server is about to end
}

func newReadiness() *readiness {
	return &readiness{checkers: map[string]checker{}, asked: make(chan struct{}, 1)}
}

// prober is a store that can say whether it can be written to.
type prober interface{ Probe(context.Context) error }

// ready says whether people can be served: whether a message can be posted,
// and whether it would be told to those who are here.
func (s *Server) ready(r *request) (any, error) {
	leaving := s.readiness.leaving.Load()
	s.readiness.note(r.RemoteAddr, leaving, time.Now())
	if leaving {
		return nil, chat.Errorf(chat.Unavailable, "the server is about to end").WithHint("another node goes on")
	}
	h, err := s.look(r.Context())
	return struct {
		State    chat.State    `json:"state"`
		Position chat.Position `json:"position"`
	}{h.State, h.Pos}, err
}

// note remembers who asks.
func (r *readiness) note(from string, leaving bool, now time.Time) {
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, c := range r.checkers {
		if now.Sub(c.at) > checkerLives {
			delete(r.checkers, name)
		}
	}
	c := r.checkers[host]
	if c.at = now; leaving {
		c.told++
	}
	r.checkers[host] = c
	select {
	case r.asked <- struct{}{}:
	default:
	}
}

// look finds out about the database, at most once a second.
func (s *Server) look(ctx context.Context) (chat.Head, error) {
	r := s.readiness
	r.mu.Lock()
	h, err, fresh := r.head, r.err, time.Since(r.at) < probeEvery
	r.mu.Unlock()
	if fresh {
		return h, err
	}
	// Its own context: who asked first may be gone, and others wait as well.
	done := r.one.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeWithin)
		defer cancel()
		h, err := s.probe(ctx)
		if err == nil {
			err = s.abreast(h, time.Now())
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.at, r.head, r.err = time.Now(), h, err
		return h, err
	})
	select {
	case <-ctx.Done():
		return chat.Head{}, ctx.Err()
	case out := <-done:
		h, _ := out.Val.(chat.Head)
		return h, out.Err
	}
}

// probe writes something that nobody sees, and reads the head.
func (s *Server) probe(ctx context.Context) (h chat.Head, err error) {
	if p, ok := s.Service.Store.(prober); ok && !s.Archive {
		if err := p.Probe(ctx); err != nil {
			return h, chat.Errorf(chat.Unavailable, "nothing can be written: %w", err).WithHint("is the database there, and is its disk full? The server's log says more")
		}
	}
	err = s.Service.Store.View(ctx, func(rd chat.Reader) (err error) {
		h, err = rd.Head()
		return err
	})
	if err != nil {
		err = chat.Errorf(chat.Unavailable, "nothing can be read: %w", err).WithHint("is the database there? The server's log says more")
	}
	return h, err
}

// abreast reports whether the feed keeps up with the log.
func (s *Server) abreast(now chat.Head, at time.Time) error {
	s.hub.mu.Lock()
	ready, reached := s.hub.ready, s.hub.cursor
	s.hub.mu.Unlock()
	r := s.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	late := ready && !r.beforeAt.IsZero() && at.Sub(r.beforeAt) >= behindFor && reached.Epoch == now.Epoch && reached.Pos < r.before
	if !late && (r.beforeAt.IsZero() || reached.Pos >= r.before || reached.Epoch != now.Epoch) {
		r.before, r.beforeAt = now.Pos, at
	}
	if late {
		return chat.Errorf(chat.Unavailable, "what is written is told late here: the feed has come to position %d of %d", reached.Pos, now.Pos)
	}
	return nil
}

// Drain prepares the end: from now on the server says that it is not ready. If
// it is behind a load balancer, which is to say that somebody asks whether it
// is, it waits until that has noticed, but no longer than patience, and then
// sends its sockets to other nodes, some after the other. Requests are
// answered as ever. Without a load balancer it returns at once.
func (s *Server) Drain(ctx context.Context, patience time.Duration) {
	s.readiness.leaving.Store(true)
	t := time.NewTimer(patience)
	defer t.Stop()
	behind := false
	for {
		waits, some := s.readiness.waits(time.Now())
		behind = behind || some
		if !waits {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.hub.letGo(ctx)
			return
		case <-s.readiness.asked:
		}
	}
	if behind {
		s.hub.letGo(ctx)
	}
}

// waits reports whether a load balancer has not noticed yet that the server is
// about to end, and whether there is one at all.
func (r *readiness) waits(now time.Time) (waits, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.checkers {
		if now.Sub(c.at) <= checkerLives {
			some = true
			waits = waits || c.told < checksEnough
		}
	}
	return waits, some
}

// letGo ends the sockets that are here, so many a second as other nodes
// take well.
func (h *hub) letGo(ctx context.Context) {
	h.mu.Lock()
	list := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		list = append(list, s)
	}
	h.mu.Unlock()
	seconds := 1 + len(list)/restartSpread
	ticks := int(time.Duration(seconds) * time.Second / drainTick)
	for i := range ticks {
		for _, s := range list[len(list)*i/ticks : len(list)*(i+1)/ticks] {
			s.end(api.FeedRestart, "0")
		}
		if !pause(ctx, drainTick) {
			return
		}
	}
}
