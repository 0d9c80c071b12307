package store

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	// probeBound is how long the database may leave the smallest question
	// unanswered before all connections to it are given up: a server that was
	// stopped, or a network that swallows what is sent, breaks none by itself.
	probeBound = 10 * time.Second
	// groupBound is how long one commit of updates may take.
	groupBound = 10 * time.Second
	// holderBound is how long the head may be held by one who waits for its
	// client, which is a process that was stopped.
	holderBound = 2 * time.Second
)

// lines are the connections to a database server, which can be given up all at once.
type lines struct {
	mu  sync.Mutex
	all map[*line]bool
}

type line struct {
	net.Conn
	of *lines
}

func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.all, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

func (ls *lines) add(c net.Conn) net.Conn {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.all == nil {
		ls.all = map[*line]bool{}
	}
	l := &line{c, ls}
	ls.all[l] = true
	return l
}

// giveUp breaks all: whoever waits for an answer is told so.
func (ls *lines) giveUp() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for l := range ls.all {
		l.Conn.Close() //nolint:errcheck // whoever uses it notices
	}
}

// servers is what this process knows of the servers that it wrote to. One that
// takes over may lack commits that people saw, and gives their positions out
// again: that is so at most after a connection broke, or if the server is
// another one than before.
type servers struct {
	breaks atomic.Int64 // how often a connection broke

	mu      sync.Mutex
	known   bool // an epoch was started
	settled int64
	server  int64
}

// doubtful reports whether commits may have been lost since the last epoch
// that this process started. It is asked under the lock of the head.
func (v *servers) doubtful(breaks, server int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.known && (v.settled != breaks || v.server != server)
}

// settle says that an epoch began on a server, after so many breaks.
func (v *servers) settle(breaks, server int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known, v.settled, v.server = true, max(v.settled, breaks), server
}

// watch rings for what other processes write, and do to the state of the place.
func (db *DB) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	seen, answered := db.first, time.Now()
	for {
		select {
		case <-db.ctx.Done():
			return
		case <-tick.C:
		}
		db.freeHead()
		now, err := db.probe()
		if err != nil { // a database out of reach is found out by those who read it
			if time.Since(answered) >= probeBound && db.ctx.Err() == nil {
				db.servers.breaks.Add(1)
				db.lines.giveUp()
				answered = time.Now()
			}
			continue
		}
		answered = time.Now()
		if now.Epoch != seen.Epoch && now.Pos < db.bell.heard() {
			db.bell.again(now.Pos)
		}
		if now.Pos > db.bell.heard() || now.State != seen.State || now.Lease != seen.Lease {
			db.bell.ring(now.Pos)
		}
		seen = now
	}
}

// probe reads the head, to see whether the database answers.
func (db *DB) probe() (now chat.Head, err error) {
	ctx, cancel := context.WithTimeout(db.ctx, probeBound)
	defer cancel()
	err = db.view(ctx, func(s *session) (err error) { now, err = s.Head(); return err })
	return now, err
}

// freeHead ends the connection of one who holds the head and is stopped, if
// somebody here waits for it.
func (db *DB) freeHead() {
	since := db.waiting.Load()
	if since == 0 || time.Since(time.Unix(0, since)) < holderBound {
		return
	}
	ctx, cancel := context.WithTimeout(db.ctx, holderBound)
	defer cancel()
	// Only who waits for a client is ended, never one at work.
	db.read.ExecContext(ctx, db.d.freeHead, holderBound.Seconds()) //nolint:errcheck // who waits is told by the lock's own bound
}
