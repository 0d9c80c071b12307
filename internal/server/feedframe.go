package server

import (
	"encoding/base64"
	"encoding/json"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// outbox gathers what goes to each socket in one frame.
type outbox struct {
	hub    *hub
	cursor string
	events map[*socket][][]byte
}

func (o *outbox) add(s *socket, event []byte) {
	if event != nil {
		o.events[s] = append(o.events[s], event)
	}
}

// send sends the frames. What is one event for many is one frame for them.
func (o *outbox) send() {
	shared := map[*byte][]byte{}
	for s, events := range o.events {
		if len(events) > 1 {
			s.send(encodeFrame(o.cursor, events))
			continue
		}
		first := &events[0][0]
		if shared[first] == nil {
			shared[first] = encodeFrame(o.cursor, events)
		}
		s.send(shared[first])
	}
}

func encoded(e api.Event) []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // an event has nothing that cannot be encoded
	}
	return b
}

// encodeFrame makes an api.Frame of events that are encoded already.
func encodeFrame(cursor string, events [][]byte) []byte {
	n := len(cursor) + 32
	for _, e := range events {
		n += len(e) + 1
	}
	b := append(make([]byte, 0, n), `{"cursor":"`...)
	b = append(append(b, cursor...), '"')
	for i, e := range events {
		if i == 0 {
			b = append(b, `,"events":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	if len(events) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// encodeCursor writes a place in the log so that clients can hand it back.
func encodeCursor(c chat.Cursor) string {
	b := append(append(make([]byte, 0, 40), c.LogID[:]...), c.Epoch[:]...)
	for i := range 8 {
		b = append(b, byte(uint64(c.Pos)>>(56-8*i)))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads what encodeCursor wrote. What is none is a place in no log.
func decodeCursor(text string) (c chat.Cursor) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 40 {
		return c
	}
	copy(c.LogID[:], b)
	copy(c.Epoch[:], b[16:])
	for _, x := range b[32:] {
		c.Pos = c.Pos<<8 | chat.Position(x)
	}
	return c
}
