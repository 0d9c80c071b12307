package bus

import (
	"bytes"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

// FuzzNote takes any bytes for what comes over the bus.
func FuzzNote(f *testing.F) {
	f.Add(enclose(chat.Key{1}, encodeRing(7)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		from, note, ok := disclose(b)
		if !ok {
			return
		}
		if !bytes.Equal(enclose(from, note), b) {
			t.Fatalf("%x", b)
		}
		if pos, ok := decodeRing(note); ok && (pos < 0 || !bytes.Equal(encodeRing(pos), note[:8])) {
			t.Fatalf("%d of %x", pos, note)
		}
	})
}

// FuzzAddr takes any text for where a bus is.
func FuzzAddr(f *testing.F) {
	f.Add("127.0.0.1:7422")
	f.Add("[::1]:0")
	f.Fuzz(func(t *testing.T, text string) {
		if _, port, err := splitAddr(text); err == nil && (port < -1 || port > 65535 || port == 0) {
			t.Fatalf("%q is port %d", text, port)
		}
	})
}
