package hipchat

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

const (
	// messageMark ends the beginning of every message, whatever its kind.
	messageMark = `Message":`
	// maxRecord is the largest record that is read: HipChat's messages have at
	// most 10,000 characters, an avatar some megabytes.
	maxRecord = 16 << 20
	maxRaw    = 64 << 10 // of what is kept of a bad one
)

// splitter cuts a JSON array into its elements without decoding them, so that
// one that is broken does not hide the others. Arrays one after the other, as
// merged exports have them, count as one.
type splitter struct {
	r     io.Reader
	buf   []byte
	start int // of what is not yet given, within buf
	end   int
	eof   bool
	state splitState
	mark  string // what the beginning of a record ends with, as in `{"User":`
}

type splitState int

const (
	beforeArray splitState = iota
	insideArray
	afterArray
	splitDone
)

func newSplitter(r io.Reader, mark string) *splitter {
	return &splitter{r: r, buf: make([]byte, 256<<10), mark: mark}
}

// element is one element as it stands in the file, or what is there instead.
// Its bytes are good until the next call.
type element struct {
	raw  []byte
	bad  string // why it cannot be an element
	note string // what is odd about the array, with no element
}

// next returns the next element; io.EOF after the last.
func (s *splitter) next() (element, error) {
	for {
		if s.start == s.end {
			if err := s.fill(); errors.Is(err, io.EOF) {
				return s.finish()
			} else if err != nil {
				return element{}, err
			}
		}
		c := s.buf[s.start]
		switch {
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			s.start++
		case s.state == insideArray && c == ',':
			s.start++
		case s.state == insideArray && c == ']':
			s.start++
			s.state = afterArray
		case s.state == insideArray:
			return s.element()
		case c == '[' && s.state != splitDone:
			s.start++
			s.state = insideArray
		case s.state == beforeArray:
			return s.rest("the file is not a JSON array")
		default:
			return s.rest("there is something behind the end of the array")
		}
	}
}

// finish is called at the end of the file.
func (s *splitter) finish() (element, error) {
	state := s.state
	s.state = splitDone
	switch state {
	case beforeArray:
		return element{bad: "the file is empty"}, nil
	case insideArray:
		return element{note: "the array has no end: the file may be cut short"}, nil
	}
	return element{}, io.EOF
}

// rest gives all that is left as one bad element.
func (s *splitter) rest(why string) (element, error) {
	e := element{bad: why}
	for len(e.raw) < maxRaw {
		e.raw = append(e.raw, s.buf[s.start:min(s.end, s.start+maxRaw-len(e.raw))]...)
		if err := s.drop(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return e, err
		}
	}
	for {
		if err := s.drop(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return e, err
		}
	}
	s.start, s.end, s.state = 0, 0, splitDone
	return e, nil
}

// drop forgets what is in the buffer and reads on.
func (s *splitter) drop() error {
	s.start = s.end
	return s.fill()
}

// fill reads more behind what is there, and makes room for it.
func (s *splitter) fill() error {
	if s.eof {
		return io.EOF
	}
	if s.start > 0 {
		copy(s.buf, s.buf[s.start:s.end])
		s.end -= s.start
		s.start = 0
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		s.eof = true
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// The reasons for which an element that was begun is none.
const (
	noEnd       = "the record has no end"
	recordLarge = "the record is larger than 16 MiB"
)

// element cuts out the element that begins here. One that is too large is read
// over; of it and of one without an end the beginning is given.
func (s *splitter) element() (element, error) {
	sc := scanner{word: strings.TrimSuffix(s.mark, `":`)}
	var head []byte // of one that is too large
	at := 0
	for {
		last := s.eof
		n, found := sc.scan(s.buf[s.start:s.end], at, last)
		if found != 0 || last {
			return s.cut(n, found, head), nil
		}
		at = n
		if s.end-s.start > maxRecord {
			if head == nil {
				head = bytes.Clone(s.buf[s.start:][:maxRaw])
			}
			s.start += at - 1 // the scanner looks back by one
			at, sc.dropped = 1, true
		}
		if err := s.fill(); err != nil && !errors.Is(err, io.EOF) {
			return element{}, err
		}
	}
}

// cut gives the next n bytes as an element, or all that is left if no end was
// found.
func (s *splitter) cut(n int, found boundary, head []byte) element {
	if found == 0 {
		n = s.end - s.start
	}
	e := element{raw: s.buf[s.start : s.start+n]}
	s.start += n
	if found != wholeRecord {
		e.raw, e.bad = bytes.TrimRight(e.raw, ", \r\n\t"), noEnd
	}
	if head == nil && n > maxRecord {
		head = e.raw[:maxRaw]
	}
	if head != nil {
		e.raw, e.bad = head, recordLarge
	}
	return e
}

// boundary is what ends an element.
type boundary int

const (
	wholeRecord boundary = iota + 1 // its own end
	nextRecord                      // the beginning of another: its end is missing
)

// scanner finds the end of one JSON value, by braces and quotes alone. Where a
// record begins within it, as in `{"UserMessage":`, its own end is missing:
// within a string the quotes would be escaped.
type scanner struct {
	word    string // what the kinds of records end with
	depth   int
	quoted  bool
	scalar  bool
	begun   bool
	dropped bool // the beginning is no longer in what is scanned
}

// scan looks at b, the value from its beginning, from n on, and returns where
// it ends. If that cannot be said yet, it is to be called again with more
// behind b, and the n that it returned; eof says that there is no more.
func (s *scanner) scan(b []byte, n int, eof bool) (int, boundary) {
	quote := -1 // where the next one is
	for n < len(b) {
		if s.quoted {
			if quote < n {
				if quote = bytes.IndexByte(b[n:], '"') + n; quote < n {
					quote = len(b)
				}
			}
			if k := bytes.IndexByte(b[n:quote], '\\'); k >= 0 {
				if n+k+1 >= len(b) {
					return n + k, 0
				}
				n += k + 2
				continue
			}
			if n = quote; n == len(b) {
				break
			}
		}
		if b[n] == '"' && s.depth > 0 && n > 0 && b[n-1] == '{' && (n > 1 || s.dropped) {
			is, sure := isMark(b[n+1:], s.word)
			if !sure && !eof {
				return n, 0
			}
			if is {
				return n - 1, nextRecord
			}
		}
		if ended, behind := s.step(b[n]); ended {
			if behind {
				n++
			}
			return n, wholeRecord
		}
		n++
	}
	return n, 0
}

// step looks at one byte that is not within a string, or ends one, and reports
// whether the value ends before it, or behind it.
func (s *scanner) step(c byte) (ended, behind bool) {
	first := !s.begun
	s.begun = true
	switch c {
	case '"':
		if s.quoted {
			s.quoted = false
			return s.depth == 0, true
		}
		s.quoted = !s.scalar
		return s.scalar, false
	case '{', '[':
		if s.scalar {
			return true, false
		}
		s.depth++
	case '}', ']':
		if s.depth == 0 {
			return true, first
		}
		s.depth--
		return s.depth == 0, true
	case ',', ' ', '\n', '\r', '\t':
		return s.depth == 0, false
	default:
		s.scalar = s.scalar || s.depth == 0
	}
	return false, false
}

// maxKind is how long the name of a kind of record may be.
const maxKind = 64

// isMark reports whether b, what stands behind a brace and a quote, is a kind
// of record and what ends a key. It is not sure if b is too short to say so.
func isMark(b []byte, word string) (is, sure bool) {
	n := 0
	for n < len(b) && n <= maxKind && isLetter(b[n]) {
		n++
	}
	switch {
	case n > maxKind, n > 0 && b[0] >= 'a':
		return false, true
	case n == len(b):
		return false, false
	case b[n] != '"' || !bytes.HasSuffix(b[:n], []byte(word)):
		return false, true
	case n+1 == len(b):
		return false, false
	}
	return b[n+1] == ':', true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// withoutBOM leaves out the byte order mark at the beginning of a file.
func withoutBOM(r io.Reader) io.Reader {
	var head [3]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return io.MultiReader(bytes.NewReader(head[:n]), failing{err})
	}
	if string(head[:n]) == "\xef\xbb\xbf" {
		return r
	}
	return io.MultiReader(bytes.NewReader(head[:n]), r)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
