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

// NewMirrorCompressor compresses what goes over the wire.
func NewMirrorCompressor(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
}

// NewMirrorDecompressor takes back what NewMirrorCompressor did.
func NewMirrorDecompressor(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
}
