package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	// knownSize is how many bits known has, 8 MiB of them: of 5,000,000
	// messages 1 in 120 is looked for in vain.
	knownSize = 1 << 26
	// knownBehind is how many messages are read at most to catch up.
	knownBehind = 20_000
)

// known says of the IDs of messages that they cannot be in the database, so
// that what fills an empty place need not be looked for: each ID that is there
// has set three bits. It only saves work: an insert of what is there after all
// fails, and is tried again without it.
type known struct {
	mu   sync.Mutex
	pos  chat.Position // messages up to here have set their bits
	bits []uint64      // nil: nothing is said
	off  bool          // too many messages were there to begin with
}

// errKnown says that a row was there that could not be.
var errKnown = errors.New("a row that was taken for new is there")

// spots are the bits of an ID, made of bits of it that are a hash's or random.
func spots(id chat.Key) (list [3]uint64) {
	h := binary.BigEndian.Uint64(id[8:])
	step := h>>26 | 1
	for i := range list {
		list[i] = (h + uint64(i)*step) % knownSize
	}
	return list
}

func (k *known) has(id chat.Key) bool {
	for _, s := range spots(id) {
		if k.bits[s/64]&(1<<(s%64)) == 0 {
			return false
		}
	}
	return true
}

func (k *known) add(id chat.Key) {
	for _, s := range spots(id) {
		k.bits[s/64] |= 1 << (s % 64)
	}
}

// forget starts over: on says whether to begin again.
func (k *known) forget(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bits, k.pos, k.off = nil, 0, !on
}

// new reports up to which position it is certain that none of the rows is
// there; false if it is not.
func (k *known) new(rows []*row) (chat.Position, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bits == nil {
		return 0, false
	}
	for _, r := range rows {
		if r.kind != chat.KindMessage || k.has(r.key) {
			return 0, false
		}
	}
	return k.pos, true
}

// possible leaves those of the IDs of messages that may be there, as of a
// position up to which the session sees everything.
func (k *known) possible(s *session, pos chat.Position, keys []chat.Key) ([]chat.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.catchUp(s, pos); err != nil || k.bits == nil {
		return keys, err
	}
	var list []chat.Key
	for _, id := range keys {
		if k.has(id) {
			list = append(list, id)
		}
	}
	return list, nil
}

func (k *known) catchUp(s *session, pos chat.Position) error {
	if k.off || k.bits != nil && k.pos == pos {
		return nil
	}
	if pos < k.pos { // another log is here
		k.bits, k.pos = nil, 0
	}
	var list []chat.Key
	err := s.each(func(rows *sql.Rows) error {
		var id chat.Key
		err := rows.Scan((*keyColumn)(&id))
		list = append(list, id)
		return err
	}, `SELECT id FROM messages WHERE pos > $1 ORDER BY pos LIMIT $2`, int64(k.pos), knownBehind)
	if err != nil {
		return err
	}
	if len(list) == knownBehind {
		k.bits, k.off = nil, true
		return nil
	}
	if k.bits == nil {
		k.bits = make([]uint64, knownSize/64)
	}
	for _, id := range list {
		k.add(id)
	}
	k.pos = pos
	return nil
}

// wrote adds rows that were committed, the last of them at pos.
func (k *known) wrote(rows []*row, pos chat.Position) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bits == nil || k.pos != pos-chat.Position(len(rows)) {
		return // the next to look catches up
	}
	for _, r := range rows {
		if r.kind == chat.KindMessage {
			k.add(r.key)
		}
	}
	k.pos = pos
}
