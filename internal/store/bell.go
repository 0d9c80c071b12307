package store

import (
	"sync"
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

func (b *bell) heard() (waited bool, pos chat.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waits != nil, b.pos
}

// watch rings for other processes' writes, while somebody listens.
func (db *DB) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-db.ctx.Done():
			return
		case <-tick.C:
		}
		waited, known := db.bell.heard()
		if !waited {
			continue
		}
		var pos chat.Position
		// A database out of reach is found out by those who read it.
		if err := db.read.QueryRowContext(db.ctx, `SELECT pos FROM head`).Scan(&pos); err == nil && pos > known {
			db.bell.ring(pos)
		}
	}
}
