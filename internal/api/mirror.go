package api

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/godwit-chat/godwit/internal/chat"
)

// What mirrors a place goes over the wire in records: a letter, and fields.
// Numbers are varints, texts and bytes have their length before them. It is
// several times as quick as JSON, and a place has millions of messages.
//
//	M  a message        flags, origin, its fields; extra as JSON
//	O  another object   kind, origin, JSON
//	S  a sealed one     origin, bytes
//	N  a nonce          author, text, message, position
//	A  an absent one    kind, key
//	L  a note           JSON; it goes with the record before it, or stands alone
//	C  a cursor         text: everything before it belongs to what it names
//	E  the end          whether the head of the log was reached
//
// The origin of a record is its position, the name of its source (the number
// of a name that was given before, or the next number and the name), and, if
// it has a source, the digest of that source's last state.
const (
	recordMessage = 'M'
	recordObject  = 'O'
	recordSealed  = 'S'
	recordNonce   = 'N'
	recordAbsent  = 'A'
	recordNote    = 'L'
	recordCursor  = 'C'
	recordEnd     = 'E'
)

const (
	maxRecord  = 64 << 20 // bytes of one text
	maxSources = 1 << 16
)

// Flags of a message: which of its fields follow.
const (
	flagAuthor = 1 << iota
	flagThread
	flagEdited
	flagGone
	flagExtra
)

// MirrorWriter writes records.
type MirrorWriter struct {
	w       *bufio.Writer
	buf     []byte
	sources map[string]uint64
	err     error
}

// NewMirrorWriter writes to w.
func NewMirrorWriter(w io.Writer) *MirrorWriter {
	return &MirrorWriter{w: bufio.NewWriterSize(w, 64<<10), sources: map[string]uint64{"": 0}}
}

// Flush sends what was written. It returns the first error of all writes.
func (m *MirrorWriter) Flush() error {
	if m.err == nil {
		m.err = m.w.Flush()
	}
	return m.err
}

func (m *MirrorWriter) send(b []byte) {
	m.buf = b[:0]
	if m.err == nil {
		_, m.err = m.w.Write(b)
	}
}

// Write writes one item.
func (m *MirrorWriter) Write(it *chat.Incoming) error {
	b := m.buf[:0]
	switch o := it.Object.(type) {
	case *chat.Message:
		b = m.message(b, it, o)
	case nil:
		switch {
		case it.Nonce != nil:
			b = append(b, recordNonce)
			b = append(b, it.Nonce.Author[:]...)
			b = appendText(b, it.Nonce.Nonce)
			b = append(b, it.Nonce.Message[:]...)
			b = binary.AppendUvarint(b, uint64(it.Pos))
		case it.Absent != nil:
			b = append(b, recordAbsent, byte(it.Absent.Kind))
			b = append(b, it.Absent.Key[:]...)
		case it.Sealed != nil:
			b = m.origin(append(b, recordSealed), it)
			b = appendText(b, string(it.Sealed))
		default:
			return errors.New("an item of a mirror that is nothing")
		}
	default:
		if o.Kind().Secret() {
			return fmt.Errorf("a %s that is not sealed", o.Kind())
		}
		b = m.origin(append(b, recordObject, byte(o.Kind())), it)
		b = appendText(b, string(chat.EncodeBody(o)))
	}
	m.send(b)
	return m.err
}

// Note writes a note about the item before it, or about none.
func (m *MirrorWriter) Note(n *chat.Note) error {
	text, err := json.Marshal(n)
	if err == nil {
		m.send(appendText(append(m.buf[:0], recordNote), string(text)))
		err = m.err
	}
	return err
}

// Cursor says where the items so far end.
func (m *MirrorWriter) Cursor(c string) error {
	m.send(appendText(append(m.buf[:0], recordCursor), c))
	return m.err
}

// End says that there is no more, and whether the head was reached.
func (m *MirrorWriter) End(reached bool) error {
	b := append(m.buf[:0], recordEnd, 0)
	if reached {
		b[1] = 1
	}
	m.send(b)
	return m.err
}

func (m *MirrorWriter) origin(b []byte, it *chat.Incoming) []byte {
	b = binary.AppendUvarint(b, uint64(it.Pos))
	n, known := m.sources[it.Source]
	if !known {
		n = uint64(len(m.sources))
		m.sources[it.Source] = n
	}
	b = binary.AppendUvarint(b, n)
	if !known {
		b = appendText(b, it.Source)
	}
	if n != 0 {
		b = binary.LittleEndian.AppendUint64(b, it.Src)
	}
	return b
}

func (m *MirrorWriter) message(b []byte, it *chat.Incoming, o *chat.Message) []byte {
	extra := o.EncodeExtra()
	flags := byte(0)
	for i, set := range [...]bool{!o.Author.IsZero(), !o.Thread.IsZero(), o.Edited != 0, o.Gone, extra != nil} {
		if set {
			flags |= 1 << i
		}
	}
	b = m.origin(append(b, recordMessage, flags), it)
	b = append(b, o.ID[:]...)
	b = append(b, o.Room[:]...)
	b = binary.AppendVarint(b, int64(o.Sent))
	b = append(b, byte(o.Type), byte(o.Format))
	if flags&flagAuthor != 0 {
		b = append(b, o.Author[:]...)
	}
	if flags&flagThread != 0 {
		b = append(b, o.Thread[:]...)
	}
	if flags&flagEdited != 0 {
		b = binary.AppendVarint(b, int64(o.Edited))
	}
	b = appendText(b, o.Text)
	if flags&flagExtra != 0 {
		b = appendText(b, string(extra))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

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

// NewMirrorCompressor compresses what goes over the wire.
func NewMirrorCompressor(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
}

// NewMirrorDecompressor takes back what NewMirrorCompressor did.
func NewMirrorDecompressor(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
}
