package store

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// watchEvery is how late another process's writes are noticed at most.
const watchEvery = 250 * time.Millisecond

// bell wakes those who wait for changes.
type bell struct {
	mu    sync.Mutex
	waits chan struct{} // nil while nobody waits
	pos   chat.Position

	wrote atomic.Pointer[func(chat.Position)] // hears of this process's commits
}

// OnWrite makes fn hear of each commit of this process.
func (db *DB) OnWrite(fn func(chat.Position)) { db.bell.wrote.Store(&fn) }

// Rung wakes those who wait, if another process is further than what is known
// here. It is not taken for true: the head is.
func (db *DB) Rung(pos chat.Position) {
	b := &db.bell
	b.mu.Lock()
	defer b.mu.Unlock()
	if pos > b.pos {
		b.wake()
	}
}

// written is ring for what this process has committed.
func (b *bell) written(pos chat.Position) {
	b.ring(pos)
	if fn := b.wrote.Load(); fn != nil && *fn != nil {
		(*fn)(pos)
	}
}

// Doorbell returns a channel that is closed after the next change. Take it
// before looking at the log, so that no change falls between the two.
func (db *DB) Doorbell() <-chan struct{} {
	b := &db.bell
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waits == nil {
		b.waits = make(chan struct{})
	}
	return b.waits
}

func (b *bell) ring(pos chat.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pos = max(b.pos, pos)
	b.wake()
}

// again is ring where positions may have gone back: another database has
// taken over.
func (b *bell) again(pos chat.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pos = pos
	b.wake()
}

func (b *bell) wake() {
	if b.waits != nil {
		close(b.waits)
		b.waits = nil
	}
}

// seen says that nobody needs to be told of changes up to pos.
func (b *bell) seen(pos chat.Position) {
	b.mu.Lock()
	b.pos = max(b.pos, pos)
	b.mu.Unlock()
}

// heard returns up to where was rung for.
func (b *bell) heard() chat.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pos
}
