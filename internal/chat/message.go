package chat

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
)

// MessageType says what a message is. The numbers are stored.
type MessageType uint8

const (
	MessagePlain        MessageType = 0 // a person wrote it
	MessageNotification MessageType = 1 // a program wrote it; has a colour
	MessageTopic        MessageType = 2 // Text is the room's new topic
	MessageSystem       MessageType = 3 // something happened to the room; Text says what
	MessageGuest        MessageType = 4 // guest access was switched
)

var messageTypes = [...]string{"plain", "notification", "topic", "system", "guest"}

// MarshalText returns the word for the type.
func (t MessageType) MarshalText() ([]byte, error) { return []byte(messageTypes[t]), nil }

// UnmarshalText reads the word for a type. It fails with Invalid.
func (t *MessageType) UnmarshalText(b []byte) error { return word(messageTypes[:], b, t) }

// Valid reports whether there is such a type.
func (t MessageType) Valid() bool { return int(t) < len(messageTypes) }

// Format says how a message's Text is to be read. The numbers are stored.
type Format uint8

const (
	FormatPlain    Format = 0 // HipChat's text: links, mentions, emoticons, /me, /code, /quote
	FormatMarkdown Format = 1 // what people write in Godwit
	FormatHTML     Format = 2 // a notification's HTML, shown through an allow-list
	FormatSlack    Format = 3 // Slack's text: &, < and > escaped; <@U1> and <#C1> are IDs of the source
)

var formats = [...]string{"plain", "markdown", "html", "slack"}

// MarshalText returns the word for the format.
func (f Format) MarshalText() ([]byte, error) { return []byte(formats[f]), nil }

// UnmarshalText reads the word for a format. It fails with Invalid.
func (f *Format) UnmarshalText(b []byte) error { return word(formats[:], b, f) }

// Valid reports whether there is such a format.
func (f Format) Valid() bool { return int(f) < len(formats) }

func word[T ~uint8](words []string, b []byte, to *T) error {
	for i, w := range words {
		if w == string(b) {
			*to = T(i)
			return nil
		}
	}
	return Errorf(Invalid, "%q is none of %q", b, words)
}

// Mention says whom a "@Name" in the text means.
type Mention struct {
	Name string `json:"name"` // as written after the @
	User UserID `json:"user"`
}

// Whom @all and @here in a text call.
const (
	EveryoneAll  = "all"  // every member of the room
	EveryoneHere = "here" // those of them who are present
)

// Extra is what few messages have.
type Extra struct {
	Mentions []Mention       `json:"mentions,omitempty"`
	Files    []FileID        `json:"files,omitempty"`
	Label    string          `json:"label,omitempty"`    // who wrote it, where that is no user: a notification's sender
	Color    string          `json:"color,omitempty"`    // yellow, green, red, purple, gray
	Card     json.RawMessage `json:"card,omitempty"`     // compact JSON
	Shown    bool            `json:"shown,omitempty"`    // a reply that was also sent to the room
	Everyone string          `json:"everyone,omitempty"` // EveryoneAll or EveryoneHere: whom the text calls
	Here     []UserID        `json:"here,omitempty"`     // whom EveryoneHere meant: those who were there then
}

// Message is one message of a room. History order is (room, Sent, ID).
type Message struct {
	ID     MessageID   `json:"id"`
	Room   RoomID      `json:"room"`
	Author UserID      `json:"author,omitzero"`
	Sent   Time        `json:"sent"`
	Type   MessageType `json:"type,omitempty"`
	Format Format      `json:"format,omitempty"`
	Thread MessageID   `json:"thread,omitzero"` // the message that it answers
	Edited Time        `json:"edited,omitempty"`
	Gone   bool        `json:"gone,omitempty"` // deleted: text and extra are empty, but Shown
	Text   string      `json:"text,omitempty"`
	Extra
}

func (m *Message) Kind() Kind    { return KindMessage }
func (m *Message) Key() Key      { return Key(m.ID) }
func (m *Message) Deleted() bool { return m.Gone }
func (m *Message) Index() Index  { return Index{A: Key(m.Room), B: Key(m.Author)} }

// Aside reports whether the message is left out of its room's history: a
// reply that was not also sent to the room.
func (m *Message) Aside() bool { return !m.Thread.IsZero() && !m.Shown }

// EncodeExtra returns the form in which the extra part is stored and
// digested: nil if it is empty, otherwise JSON, equal for equal parts.
func (m *Message) EncodeExtra() []byte {
	x := &m.Extra
	if x.Label == "" && x.Color == "" && !x.Shown && x.Everyone == "" && len(x.Here) == 0 && len(x.Mentions) == 0 && len(x.Files) == 0 && len(x.Card) == 0 {
		return nil
	}
	b, err := json.Marshal(x)
	if err != nil {
		panic("chat: a message's card is not JSON: " + err.Error()) // whoever sets Card checks it
	}
	return b
}

// DecodeExtra reads what EncodeExtra wrote. It fails with Damaged.
func (m *Message) DecodeExtra(b []byte) error {
	if len(b) == 0 {
		m.Extra = Extra{}
		return nil
	}
	if err := json.Unmarshal(b, &m.Extra); err != nil {
		return Errorf(Damaged, "the stored extra part of message %s cannot be read: %w", m.ID, err)
	}
	return nil
}

// Digest returns 64 bits of a SHA-256 over everything that two places must
// agree on. Equal objects have equal digests, here and in later versions.
// It is never zero, so that zero can mean "none".
func Digest(o Object) uint64 {
	if m, ok := o.(*Message); ok {
		return m.DigestWith(m.EncodeExtra())
	}
	buf := make([]byte, 0, 512)
	buf = append(buf, byte(o.Kind()))
	return fold64(append(buf, EncodeBody(o)...))
}

// DigestWith is Digest for a message whose extra part is at hand encoded.
func (m *Message) DigestWith(extra []byte) uint64 {
	var space [512]byte
	buf := append(space[:0], byte(KindMessage))
	buf = append(buf, m.ID[:]...)
	buf = append(buf, m.Room[:]...)
	buf = append(buf, m.Author[:]...)
	buf = append(buf, m.Thread[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(m.Sent))
	buf = binary.BigEndian.AppendUint64(buf, uint64(m.Edited))
	gone := byte(0)
	if m.Gone {
		gone = 1
	}
	buf = append(buf, byte(m.Type), byte(m.Format), gone)
	buf = appendString(buf, m.Text)
	buf = append(buf, extra...)
	return fold64(buf)
}

func fold64(buf []byte) uint64 {
	sum := sha256.Sum256(buf)
	return max(binary.BigEndian.Uint64(sum[:]), 1)
}
