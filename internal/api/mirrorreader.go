package api

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Record is what MirrorReader reads: an item, with a note or alone, or a
// cursor, or the end.
type Record struct {
	Item    chat.Incoming
	Note    *chat.Note
	Cursor  string
	End     bool
	Reached bool // with End
}

// MirrorReader reads records.
type MirrorReader struct {
	from    *origin
	r       *bufio.Reader
	sources []string
	buf     []byte
}

// NewMirrorReader reads from r.
func NewMirrorReader(r io.Reader) *MirrorReader {
	from := &origin{r: r}
	return &MirrorReader{from: from, r: bufio.NewReaderSize(from, 64<<10), sources: []string{""}}
}

// Read reads one record. At the end of what it reads from, where a record
// would begin, it returns io.EOF; it fails with Invalid or Damaged for what
// cannot be understood, and otherwise with the error of what it reads from.
func (m *MirrorReader) Read() (rec Record, err error) {
	letter, err := m.r.ReadByte()
	if err != nil {
		return rec, err
	}
	switch letter {
	case recordMessage:
		err = m.message(&rec.Item)
	case recordObject:
		err = m.object(&rec.Item)
	case recordSealed:
		if err = m.origin(&rec.Item); err == nil {
			rec.Item.Sealed, err = m.bytes()
		}
		if err == nil {
			_, err = chat.SealedRef(rec.Item.Sealed)
		}
	case recordNonce:
		err = m.nonce(&rec.Item)
	case recordAbsent:
		rec.Item.Absent = &chat.Ref{}
		if rec.Item.Absent.Kind, err = m.kind(); err == nil {
			err = m.key((*[16]byte)(&rec.Item.Absent.Key))
		}
	case recordNote:
		var text []byte
		if text, err = m.text(); err == nil {
			err = json.Unmarshal(text, &rec.Note)
		}
		if err == nil && rec.Note == nil {
			err = errors.New("an empty note")
		}
	case recordCursor:
		var text []byte
		text, err = m.text()
		rec.Cursor = string(text)
	case recordEnd:
		var reached byte
		reached, err = m.r.ReadByte()
		rec.End, rec.Reached = true, reached == 1
	default:
		err = fmt.Errorf("a record %q", letter)
	}
	if err == nil {
		return rec, nil
	}
	if m.from.err != nil { // it ended, or the connection did
		return Record{}, fmt.Errorf("what comes from the other place ends early: %w", m.from.err)
	}
	if e, known := errors.AsType[*chat.Error](err); known {
		return Record{}, e
	}
	return Record{}, chat.Errorf(chat.Invalid, "what came from the other place cannot be read: %w", err).WithHint("are both places of versions that know each other?")
}

// origin remembers why reading ended.
type origin struct {
	r   io.Reader
	err error
}

func (o *origin) Read(b []byte) (int, error) {
	n, err := o.r.Read(b)
	if err != nil {
		o.err = err
	}
	return n, err
}

func (m *MirrorReader) kind() (chat.Kind, error) {
	b, err := m.r.ReadByte()
	if err == nil && chat.Kind(b).New() == nil {
		err = fmt.Errorf("a kind %d", b)
	}
	return chat.Kind(b), err
}

func (m *MirrorReader) key(k *[16]byte) error {
	_, err := io.ReadFull(m.r, k[:])
	return err
}

// text reads bytes that are there until the next call.
func (m *MirrorReader) text() ([]byte, error) {
	n, err := binary.ReadUvarint(m.r)
	if err != nil {
		return nil, err
	}
	if n > maxRecord {
		return nil, fmt.Errorf("a text of %d bytes", n)
	}
	m.buf = m.buf[:0]
	for left := int(n); left > 0; { // no more memory than has come
		some := min(left, 1<<20)
		from := len(m.buf)
		m.buf = append(m.buf, make([]byte, some)...)
		if _, err := io.ReadFull(m.r, m.buf[from:]); err != nil {
			return nil, err
		}
		left -= some
	}
	return m.buf, nil
}

func (m *MirrorReader) bytes() ([]byte, error) {
	b, err := m.text()
	return append([]byte(nil), b...), err
}

func (m *MirrorReader) origin(it *chat.Incoming) error {
	pos, err := binary.ReadUvarint(m.r)
	if err != nil {
		return err
	}
	n, err := binary.ReadUvarint(m.r)
	if err != nil {
		return err
	}
	switch {
	case n == uint64(len(m.sources)) && n < maxSources:
		name, err := m.text()
		if err != nil {
			return err
		}
		m.sources = append(m.sources, string(name))
	case n > uint64(len(m.sources)):
		return fmt.Errorf("a source %d", n)
	}
	it.Pos, it.Source = chat.Position(pos), m.sources[n]
	if n == 0 {
		return nil
	}
	var b [8]byte
	_, err = io.ReadFull(m.r, b[:])
	it.Src = binary.LittleEndian.Uint64(b[:])
	return err
}

func (m *MirrorReader) object(it *chat.Incoming) error {
	kind, err := m.kind()
	if err != nil {
		return err
	}
	if kind.Secret() || kind == chat.KindMessage {
		return fmt.Errorf("a %s that came as another object", kind)
	}
	if err := m.origin(it); err != nil {
		return err
	}
	body, err := m.text()
	if err == nil {
		it.Object, err = chat.DecodeBody(kind, body)
	}
	return err
}

func (m *MirrorReader) nonce(it *chat.Incoming) error {
	n := &chat.Nonce{}
	it.Nonce = n
	if err := m.key((*[16]byte)(&n.Author)); err != nil {
		return err
	}
	text, err := m.text()
	if err != nil {
		return err
	}
	n.Nonce = string(text)
	if err := m.key((*[16]byte)(&n.Message)); err != nil {
		return err
	}
	pos, err := binary.ReadUvarint(m.r)
	it.Pos = chat.Position(pos)
	return err
}

func (m *MirrorReader) message(it *chat.Incoming) error {
	flags, err := m.r.ReadByte()
	if err != nil {
		return err
	}
	if err := m.origin(it); err != nil {
		return err
	}
	o := &chat.Message{Gone: flags&flagGone != 0}
	it.Object = o
	if err := errors.Join(m.key((*[16]byte)(&o.ID)), m.key((*[16]byte)(&o.Room))); err != nil {
		return err
	}
	sent, err := binary.ReadVarint(m.r)
	if err != nil {
		return err
	}
	o.Sent = chat.Time(sent)
	var words [2]byte
	if _, err := io.ReadFull(m.r, words[:]); err != nil {
		return err
	}
	o.Type, o.Format = chat.MessageType(words[0]), chat.Format(words[1])
	if !o.Type.Valid() || !o.Format.Valid() {
		return fmt.Errorf("a message of type %d and format %d", words[0], words[1])
	}
	return m.rest(o, flags)
}

func (m *MirrorReader) rest(o *chat.Message, flags byte) error {
	if flags&flagAuthor != 0 {
		if err := m.key((*[16]byte)(&o.Author)); err != nil {
			return err
		}
	}
	if flags&flagThread != 0 {
		if err := m.key((*[16]byte)(&o.Thread)); err != nil {
			return err
		}
	}
	if flags&flagEdited != 0 {
		edited, err := binary.ReadVarint(m.r)
		if err != nil {
			return err
		}
		o.Edited = chat.Time(edited)
	}
	text, err := m.text()
	if err != nil {
		return err
	}
	o.Text = string(text)
	if flags&flagExtra == 0 {
		return nil
	}
	if text, err = m.text(); err != nil {
		return err
	}
	return o.DecodeExtra(text)
}
