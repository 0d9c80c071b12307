package hipchat

import (
	"bytes"
	"errors"
	"io"
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
		case s.state == beforeArray && c == 0xef: // a byte order mark
			s.start++
			if s.have(2) && s.buf[s.start] == 0xbb {
				s.start += 2
			}
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

func (s *splitter) have(n int) bool {
	for s.end-s.start < n {
		if s.fill() != nil {
			return false
		}
	}
	return true
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

// element cuts out the element that begins here.
func (s *splitter) element() (element, error) {
	n := 0 // bytes looked at
	var sc scanner
	for {
		if k, ok := sc.scan(s.buf[s.start:s.end], n); ok {
			raw := s.buf[s.start : s.start+k]
			s.start += k
			return element{raw: raw}, nil
		}
		n = s.end - s.start
		if n > maxRecord {
			return s.resync("the record is larger than 16 MiB")
		}
		if err := s.fill(); errors.Is(err, io.EOF) {
			return s.resync("the record has no end")
		} else if err != nil {
			return element{}, err
		}
	}
}

// resync goes on where the next record seems to begin: inside of a string the
// quotes of `{"UserMessage":` would be escaped, so what looks like one is one.
func (s *splitter) resync(why string) (element, error) {
	b := s.buf[s.start:s.end]
	if i := nextMark(b, s.mark); i > 0 {
		e := element{raw: bytes.TrimRight(b[:i], ", \r\n\t"), bad: why}
		s.start += i
		return e, nil
	}
	e := element{raw: bytes.Clone(b[:min(len(b), maxRaw)]), bad: why}
	for {
		// What may be the beginning of a mark is kept for the next look.
		s.start = max(s.start, s.end-len(`{"GuestAccessMessage":`)-16)
		if err := s.fill(); errors.Is(err, io.EOF) {
			s.start = s.end
			return e, nil
		} else if err != nil {
			return e, err
		}
		if i := nextMark(s.buf[s.start:s.end], s.mark); i >= 0 {
			s.start += i
			return e, nil
		}
	}
}

// nextMark finds where the next record begins: a brace, a quote and a word
// that ends with mark. It looks behind the first byte.
func nextMark(b []byte, mark string) int {
	for at := 1; at < len(b); {
		i := bytes.Index(b[at:], []byte(mark))
		if i < 0 {
			return -1
		}
		j := at + i
		for j > 1 && isLetter(b[j-1]) {
			j--
		}
		if j > 2 && b[j-1] == '"' && b[j-2] == '{' {
			return j - 2
		}
		at += i + len(mark)
	}
	return -1
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// scanner finds the end of one JSON value, by braces and quotes alone.
type scanner struct {
	depth  int
	quoted bool
	scalar bool
}

// scan looks at b, the value from its beginning, from n on, and returns its
// length if its end is there.
func (s *scanner) scan(b []byte, n int) (int, bool) {
	for n < len(b) {
		if s.quoted {
			i := bytes.IndexByte(b[n:], '"')
			if i < 0 {
				return 0, false
			}
			n += i + 1
			if escaped(b[:n-1]) {
				continue
			}
			s.quoted = false
			if s.depth == 0 {
				return n, true
			}
			continue
		}
		switch b[n] {
		case '"':
			if s.scalar {
				return n, true
			}
			s.quoted = true
		case '{', '[':
			if s.scalar {
				return n, true
			}
			s.depth++
		case '}', ']':
			if s.depth == 0 && n > 0 {
				return n, true
			}
			s.depth--
			if s.depth <= 0 {
				return n + 1, true
			}
		case ',', ' ', '\n', '\r', '\t':
			if s.depth == 0 && n > 0 {
				return n, true
			}
		default:
			s.scalar = s.scalar || s.depth == 0
		}
		n++
	}
	return 0, false
}

// escaped reports whether what follows b is escaped by a backslash.
func escaped(b []byte) bool {
	n := len(b)
	for n > 0 && b[n-1] == '\\' {
		n--
	}
	return (len(b)-n)%2 == 1
}
