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
	busyBatch  = 500  // objects, where people may be
	leastBatch = 50
	longHold   = 5 * time.Millisecond // nobody should wait longer for a batch
	longRest   = 250 * time.Millisecond
)

// begin chooses the first size; fixed is one that a person chose, or 0.
func (p *pace) begin(fixed int, inUse bool) {
	p.fixed = fixed > 0
	switch {
	case p.fixed:
		p.size.Store(int64(fixed))
	case inUse:
		p.size.Store(busyBatch)
	default:
		p.size.Store(idleBatch)
	}
}

// batch returns how many objects the next batch should have.
func (p *pace) batch() int { return int(p.size.Load()) }

// next learns from a batch, and returns how long to rest: as long as people
// could not write, so that half of the time is theirs.
func (p *pace) next(objects int, a chat.Applied) time.Duration {
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
	return min(a.Held, longRest)
}
