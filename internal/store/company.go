package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// A place may be in use while much is brought into it. Then all that is done
// behind people's backs – to take in what comes, to make it searchable, to add
// it up – is done in small bites, one at a time, with a rest after each: people
// find a processor free, and the lock of the head too.
const (
	// lately is how long after a write people are still about.
	lately = time.Minute
	// bite is how many messages are made searchable at once among people.
	bite = 80
	// joinBite is how many members are written at once among people.
	joinBite = 50
	// breathRows is after how many rows that are read the clock is looked at,
	// and breathLong how long they may take.
	breathRows = 200
	breathLong = 3 * time.Millisecond
	// longestRest is for a moment in which all is slow.
	longestRest = 250 * time.Millisecond
)

// company notices whether others write here.
type company struct {
	last atomic.Int64 // when they did, in Unix nanoseconds
	own  atomic.Int64 // the end of the log after the last batch of a mover; 0 before
	turn chan struct{}
}

func newCompany() *company { return &company{turn: make(chan struct{}, 1)} }

// wrote says that people did.
func (c *company) wrote() { c.last.Store(time.Now().UnixNano()) }

// look sees whether another process wrote since the last batch, too.
func (c *company) look(pos chat.Position) {
	if own := c.own.Load(); own != 0 && int64(pos) != own {
		c.wrote()
	}
}

func (c *company) applied(pos chat.Position) { c.own.Store(int64(pos)) }

// here reports whether people are at work in this place.
func (c *company) here() bool { return time.Now().UnixNano()-c.last.Load() < int64(lately) }

// bites is something that is done behind people's backs, bite by bite. Where
// nobody is at work it neither waits nor rests.
type bites struct {
	company *company
	mine    bool      // whether it is its turn
	began   time.Time // the bite
	rows    int
}

func (c *company) bites() *bites { return &bites{company: c} }

// begin waits until nothing else is done behind people's backs.
func (b *bites) begin(ctx context.Context) error {
	if b.company.here() {
		select {
		case b.company.turn <- struct{}{}:
			b.mine = true
		case <-ctx.Done():
			return fmt.Errorf("wait for a turn: %w", ctx.Err())
		}
	}
	b.began = time.Now()
	return nil
}

// end ends a bite.
func (b *bites) end() {
	if b.mine {
		<-b.company.turn
		b.mine = false
	}
}

// rest ends a bite and leaves people twice as long as it took.
func (b *bites) rest(ctx context.Context) error {
	took, among := time.Since(b.began), b.mine
	b.end()
	if among && !pause(ctx, min(2*took, longestRest)) {
		return ctx.Err()
	}
	return nil
}

// row is to be called for each of many rows that are read in one bite: it makes
// more of them.
func (b *bites) row(ctx context.Context) error {
	if b.rows++; b.rows%breathRows != 0 || time.Since(b.began) < breathLong {
		return nil
	}
	if err := b.rest(ctx); err != nil {
		return err
	}
	return b.begin(ctx)
}
