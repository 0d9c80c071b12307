package store

import (
	"encoding/binary"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
)

// agreed remembers second copies that were found equal to what is here. The
// first copy, which decides and comes later in many exports, is then equal to
// it too if it is equal to the second one, and need not be looked for again.
// A new entry takes the place of an old one: what is forgotten is looked up.
type agreed struct {
	mu    sync.Mutex
	slots []agreedSlot
}

type agreedSlot struct {
	key    uint64
	digest int64
}

const agreedSlots = 1 << 18 // 4 MiB, while an import runs

func (g *agreed) slot(id chat.Key) (*agreedSlot, uint64) {
	h := binary.BigEndian.Uint64(id[8:]) ^ binary.BigEndian.Uint64(id[:8])
	return &g.slots[h%agreedSlots], h
}

// pick marks the rows that need not be looked for.
func (g *agreed) pick(items []chat.Incoming, rows []*row) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.slots == nil {
		return
	}
	for i, r := range rows {
		if items[i].Copied && !items[i].Copy && r.kind == chat.KindMessage {
			s, h := g.slot(r.key)
			r.agreed = s.key == h && s.digest == r.digest
		}
	}
}

// learn remembers equal copies, and forgets what was written over.
func (g *agreed) learn(equal, written []*row) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.slots == nil {
		if len(equal) == 0 {
			return
		}
		g.slots = make([]agreedSlot, agreedSlots)
	}
	for _, r := range written {
		if s, h := g.slot(r.key); s.key == h {
			*s = agreedSlot{}
		}
	}
	for _, r := range equal {
		s, h := g.slot(r.key)
		*s = agreedSlot{h, r.digest}
	}
}

func (g *agreed) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slots = nil
}
