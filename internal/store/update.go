package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/godwit-chat/godwit/internal/chat"
)

// groupSize is how many updates share a commit at most.
const groupSize = 512

// request is one call of Update.
type request struct {
	fn    func(chat.Tx) error
	taken atomic.Bool // by the group, or by its caller who gave up
	done  chan struct{}
	err   error
	panic any // what fn panicked with: it belongs to the caller
}

// group is what the one goroutine that commits updates keeps between commits.
type group struct {
	cache cache
	epoch chat.Key // of which the cache is
}

// Update runs fn under the lock of the head, together with others that wait.
func (db *DB) Update(ctx context.Context, fn func(chat.Tx) error) error {
	r := &request{fn: fn, done: make(chan struct{})}
	select {
	case db.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.ctx.Done():
		return errClosed()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-r.done // fn may be running, and uses what is the caller's
	case <-db.ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return errClosed()
		}
		<-r.done
	}
	if r.panic != nil {
		panic(r.panic)
	}
	return r.err
}

func errClosed() error { return chat.Errorf(chat.Unavailable, "the store is closed") }

// drain refuses those who came too late.
func (db *DB) drain() {
	for {
		select {
		case r := <-db.queue:
			if r.taken.CompareAndSwap(false, true) {
				r.err = errClosed()
				close(r.done)
			}
		default:
			return
		}
	}
}

// runGroup commits updates: what gathers while one commit runs goes together
// into the next. Waiting for more was slower in every measured case.
func (db *DB) runGroup() {
	for {
		var batch []*request
		select {
		case <-db.ctx.Done():
			return
		case r := <-db.queue:
			batch = take(batch, r)
		}
	more:
		for len(batch) < groupSize {
			select {
			case r := <-db.queue:
				batch = take(batch, r)
			default:
				break more
			}
		}
		if len(batch) > 0 {
			db.commitGroup(batch)
		}
	}
}

func take(batch []*request, r *request) []*request {
	if r.taken.CompareAndSwap(false, true) {
		batch = append(batch, r)
	}
	return batch
}

// errSeen says that a nonce that was taken for new is known.
var errSeen = errors.New("nonce seen before")

// commitGroup ends every request of the batch. If the database refuses what
// they wrote together, each is tried alone, so that only the culprit fails.
func (db *DB) commitGroup(batch []*request) {
	err := db.boundGroup(batch, false)
	if errors.Is(err, errSeen) {
		err = db.boundGroup(batch, true)
	}
	if err != nil {
		db.group.cache.clear()
		alone := len(batch) > 1 && !chat.IsKind(err, chat.Unavailable)
		for _, r := range batch {
			r.err = err
			if alone {
				if r.err = db.boundGroup([]*request{r}, true); r.err == nil {
					continue // done already
				}
			}
			close(r.done)
		}
		return
	}
}

// boundGroup is tryGroup, for so long at most. What is under way when the store
// is closed is finished: Close waits.
func (db *DB) boundGroup(batch []*request, careful bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(db.ctx), groupBound)
	defer cancel()
	err := db.tryGroup(ctx, batch, careful)
	if err != nil && ctx.Err() != nil && !chat.IsKind(err, chat.Unavailable) {
		db.servers.breaks.Add(1)
		return chat.Errorf(chat.Unavailable, "the database did not answer within %s", groupBound).
			WithHint("try again: what was sent is not written twice; look at the load and the log of the database if it stays so")
	}
	return err
}

// tryGroup runs the batch in one transaction. If it returns nil, every request
// has ended, each with its own result; otherwise none has.
func (db *DB) tryGroup(ctx context.Context, batch []*request, careful bool) error {
	own := make([]error, len(batch))
	panics := make([]any, len(batch))
	var written []*row
	var pos chat.Position
	err := db.locked(ctx, func(s *session, h *head) error {
		if h.State != chat.Open && h.State != chat.Receiving {
			for i := range own {
				own[i] = notOpen(h.Head)
			}
			pos = -1
			return nil
		}
		if err := s.refresh(&db.group, h); err != nil {
			return err
		}
		g := &overlay{s: s, h: h, before: h.clock, careful: careful, cache: &db.group.cache, state: map[ref]chat.Object{}, nonces: map[nonceKey]chat.MessageID{}, fresh: map[chat.Key]bool{}}
		for i, r := range batch {
			own[i], panics[i] = g.run(r.fn)
			if g.broken != nil {
				return g.broken
			}
		}
		var err error
		written, err = g.flush()
		pos = h.Pos
		return err
	})
	if err != nil {
		return err
	}
	if pos >= 0 {
		db.group.cache.learn(written, pos)
	}
	if len(written) > 0 {
		db.company.wrote()
	}
	for i, r := range batch {
		r.err, r.panic = own[i], panics[i]
		close(r.done)
	}
	return nil
}

func notOpen(h chat.Head) error {
	e := chat.Errorf(chat.Unavailable, "nothing can be written here now: %w", &chat.Closed{State: h.State, Lease: h.Lease})
	switch h.State {
	case chat.Receiving:
		e.Hint = "an import is under way; wait for its end"
	case chat.Retired, chat.Standby:
		e.Hint = "it has moved; use its new address"
	default:
		e.Hint = "try again in a moment"
	}
	return e
}

// refresh makes what is remembered true again: others may have written since.
func (s *session) refresh(g *group, h *head) error {
	if g.epoch != h.Epoch {
		g.cache.clear()
		g.epoch = h.Epoch
	}
	if g.cache.pos == h.Pos {
		return nil
	}
	return g.cache.forget(s, h.Pos)
}

// run lets one fn write into the overlay; what a failed one wrote is dropped.
func (g *overlay) run(fn func(chat.Tx) error) (err error, panicked any) { //nolint:revive,staticcheck // the error is one of two results
	t := &tx{overlay: g, now: g.h.tick(), put: map[ref]chat.Object{}, once: map[nonceKey]chat.MessageID{}, made: map[chat.Key]bool{}}
	func() {
		defer func() { panicked = recover() }()
		err = fn(t)
	}()
	if panicked != nil {
		return fmt.Errorf("panic: %v", panicked), panicked
	}
	if err == nil {
		t.keep()
	} else if len(t.once) > 0 && !g.careful && g.broken == nil {
		// It took a nonce for a new one and failed then: if the nonce is an old
		// one, the answer is what was written with it.
		g.broken = errSeen
	}
	return err, nil
}
