package bus

import (
	"encoding/binary"

	"github.com/godwit-chat/godwit/internal/chat"
)

// What is on the bus: who says it, in 16 bytes, and what. Of a ring that is
// the position, in 8.
const (
	kindRing = "ring"
	envelope = len(chat.Key{})
)

func enclose(from chat.Key, note []byte) []byte {
	return append(append(make([]byte, 0, envelope+len(note)), from[:]...), note...)
}

// disclose takes apart what enclose made.
func disclose(b []byte) (from chat.Key, note []byte, ok bool) {
	if len(b) < envelope {
		return from, nil, false
	}
	copy(from[:], b)
	return from, b[envelope:], true
}

func encodeRing(pos chat.Position) []byte { return binary.BigEndian.AppendUint64(nil, uint64(pos)) }

// decodeRing reads a ring. A later version may say more with it.
func decodeRing(b []byte) (chat.Position, bool) {
	if len(b) < 8 {
		return 0, false
	}
	pos := chat.Position(binary.BigEndian.Uint64(b))
	return pos, pos >= 0
}
