package move

import (
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// pace decides how much is applied at once, and how long to leave the target
// to those who are at work there before the next batch.
type pace struct {
	size  atomic.Int64
	fixed bool
}

// Sizes of a batch, and what people at the target may notice of one.
const (
	idleBatch  = 5000 // objects, where nobody is at work
	busyBatch  = 500  // objects at most, where people may be
	leastBatch = 50
	longHold   = 2 * time.Millisecond // people should not wait longer for a batch
	longRest   = 250 * time.Millisecond
)

// begin chooses the first size; fixed is one that a person chose, or 0.
func (p *pace) begin(fixed int, inUse bool) {
	p.fixed = fixed > 0
	switch {
	case p.fixed:
		p.size.Store(int64(fixed))
	case inUse:
		p.size.Store(leastBatch)
	default:
		p.size.Store(idleBatch)
	}
}

// batch returns how many objects the next batch should have.
func (p *pace) batch() int { return int(p.size.Load()) }

// next learns from a batch that took a while altogether, and returns how long
// to rest: for two thirds of the time people can write, and for as long as a
// batch holds them up nothing is done for the next one.
func (p *pace) next(objects int, a chat.Applied, took time.Duration) time.Duration {
	if p.fixed {
		return 0
	}
	now := p.size.Load()
	if !a.Shared {
		p.size.Store(min(now*2, idleBatch))
		return 0
	}
	if objects > 0 && a.Held > 0 {
		fits := int64(objects) * int64(longHold) / int64(a.Held)
		p.size.Store(max(leastBatch, min((now+fits)/2, busyBatch)))
	}
	return min(max(a.Held, 3*a.Held-took), longRest)
}
