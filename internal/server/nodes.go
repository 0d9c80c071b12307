package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	// clockSlack is how far the clocks of a node and of the database may differ.
	clockSlack = 5 * time.Second
	// silent is after how long a node that is there is missed on the bus.
	silent = 3 * time.Second
	// departWithin is how long a node that ends tries to say so.
	departWithin = 2 * time.Second
)

// attend says every second that this node is there, and finds out about the
// others, until ctx ends.
func (s *Server) attend(ctx context.Context) error {
	if s.Nodes == nil {
		return nil
	}
	if s.Bus != nil {
		s.Bell.OnWrite(s.Bus.Ring)
		defer s.Bell.OnWrite(func(chat.Position) {})
		s.Bus.Listen(s.hub)
		defer s.Bus.Listen(nil)
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), departWithin)
		defer cancel()
		if err := s.Nodes.Depart(last, s.Node.ID); err != nil {
			s.Log.Error("tell the other nodes of the end", "err", err)
		}
	}()
	me, failed := s.Node, false
	for {
		began := time.Now()
		s.describe(&me)
		all, now, err := s.Nodes.Attend(ctx, me)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failed {
			s.Log.Error("look for other nodes", "err", err)
		}
		if failed = err != nil; !failed {
			problems := s.nodeTroubles(all, now, began)
			for _, text := range problems {
				if !slices.Contains(me.Problems, text) {
					s.Log.Warn(text)
				}
			}
			me.Problems = problems
			s.hub.listed(all)
			if s.Bus != nil {
				s.Bus.Follow(all)
			}
		}
		if !pause(ctx, chat.NodeEvery) {
			return nil
		}
	}
}

func (s *Server) describe(n *chat.Node) {
	load := s.Load()
	n.Sockets, n.Load = load.People, load.Posts
	s.hub.mu.Lock()
	n.Pos = s.hub.cursor.Pos
	s.hub.mu.Unlock()
}

// nodeTroubles says what is wrong with this node among the others.
func (s *Server) nodeTroubles(all []chat.Node, now chat.Time, asked time.Time) (list []string) {
	// The database answered between the two: only what is beyond both counts.
	off := max(time.Duration(chat.TimeOf(asked)-now), time.Duration(now-chat.TimeOf(time.Now()))) * time.Microsecond
	if off > clockSlack {
		list = append(list, fmt.Sprintf("the clock of node %s is off by %s from the database's: set both by NTP", s.Node.Name, off.Round(5*time.Second)))
	}
	if s.Bus == nil {
		return list
	}
	heard := s.Bus.Heard()
	for _, n := range all {
		since := max(time.Duration(now-n.Started)*time.Microsecond, 0)
		if n.ID == s.Node.ID || since < silent || time.Since(s.started) < silent {
			continue
		}
		switch at, ok := heard[n.ID]; {
		case n.Bus == "":
			list = append(list, fmt.Sprintf("node %s at %s has no bus: start it with --cluster, as the others", n.Name, n.HTTP))
		case !ok || time.Since(at) > silent:
			list = append(list, fmt.Sprintf("node %s is not heard on the bus at %s: may the machines reach each other there? Until then messages come up to a quarter of a second late", n.Name, n.Bus))
		}
	}
	return list
}
