package store

import (
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// A place may be in use while much is brought into it. Then what comes in, and
// the index of words, take the lock of the head in small bites, and leave it
// to others as long as they had it.
const (
	// lately is how long after a write people are still about.
	lately = time.Minute
	// bite is how many messages are made searchable at once among people.
	bite = 150
)

// company notices whether others write here.
type company struct {
	last atomic.Int64 // when they did, in Unix nanoseconds
	own  atomic.Int64 // the end of the log after the last batch of a mover; 0 before
}

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
