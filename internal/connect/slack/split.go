package slack

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	maxRecord = 16 << 20 // the largest record that is read: Slack's have at most some hundred KB
	maxRaw    = 64 << 10 // of what is kept of a bad one
)

// splitter cuts a JSON array into its elements without decoding them, so that
// one that is broken does not hide the others. Arrays one after the other, as
// merged exports have them, count as one.
type splitter struct {
	r     *bufio.Reader
	begun bool // an array was
	open  bool // one is
	done  bool
	buf   []byte
}

func newSplitter(r io.Reader) *splitter {
	s := &splitter{r: bufio.NewReaderSize(r, 64<<10)}
	if b, _ := s.r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		_, _ = s.r.Discard(3)
	}
	return s
}

// element is one element as it stands in the file, or what is there instead.
// Its bytes are good until the next call.
type element struct {
	raw  []byte
	bad  string // why it cannot be an element
	note string // what is odd about the array, with no element
	over bool   // it stands where there is no array
}

// next returns the next element; io.EOF after the last.
func (s *splitter) next() (element, error) {
	for !s.done {
		c, err := s.r.ReadByte()
		if errors.Is(err, io.EOF) {
			return s.finish()
		}
		if err != nil {
			return element{}, err
		}
		switch {
		case isSpace(c) || s.open && c == ',':
		case !s.open && c == '[':
			s.open, s.begun = true, true
		case s.open && c == ']':
			s.open = false
		case s.open:
			return s.element(c)
		case s.begun:
			return s.rest(c, "there is something behind the end of the array")
		default:
			return s.rest(c, "the file is not a JSON array")
		}
	}
	return element{}, io.EOF
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func (s *splitter) finish() (element, error) {
	s.done = true
	switch {
	case s.open:
		return element{note: "the array has no end: the file may be cut short"}, nil
	case !s.begun:
		return element{bad: "the file is empty"}, nil
	}
	return element{}, io.EOF
}

// rest takes all that is left as one bad element.
func (s *splitter) rest(first byte, why string) (element, error) {
	s.done = true
	s.buf = append(s.buf[:0], first)
	for {
		c, err := s.r.ReadByte()
		if errors.Is(err, io.EOF) {
			return element{raw: s.buf, bad: why, over: true}, nil
		}
		if err != nil {
			return element{}, err
		}
		if len(s.buf) < maxRaw {
			s.buf = append(s.buf, c)
		}
	}
}

// element reads what begins with c to its end: that of its brackets, or for
// what has none the next comma, bracket or space.
func (s *splitter) element(c byte) (element, error) {
	s.buf = append(s.buf[:0], c)
	depth, quoted, scalar := 0, c == '"', false
	switch c {
	case '{', '[':
		depth = 1
	case '"':
	default:
		scalar = true
	}
	long := false
	for depth > 0 || quoted || scalar {
		c, err := s.r.ReadByte()
		if errors.Is(err, io.EOF) {
			s.open, s.done = false, true
			return element{raw: s.buf, bad: "the record has no end: the file may be cut short"}, nil
		}
		if err != nil {
			return element{}, err
		}
		if scalar && (c == ',' || c == ']' || isSpace(c)) {
			_ = s.r.UnreadByte()
			break
		}
		if len(s.buf) < maxRecord {
			s.buf = append(s.buf, c)
		} else {
			long = true
		}
		switch {
		case scalar:
		case quoted && c == '\\':
			c, err := s.r.ReadByte()
			if err == nil && len(s.buf) < maxRecord {
				s.buf = append(s.buf, c)
			}
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	if long {
		return element{raw: s.buf, bad: "the record is larger than 16 MiB"}, nil
	}
	return element{raw: s.buf}, nil
}

// rawCounter counts the records of one JSON array while the array is written
// to it. It shares nothing with the splitter and the decoder but the rules,
// and so finds out what they lose. Of a file that is not called after a day
// only what has a "ts" is a message.
type rawCounter struct {
	byDay    bool
	stack    int  // open brackets
	str      bool // within a string
	esc      bool
	word     bool   // within a record that is no object, array or string
	arrays   int    // begun
	over     bool   // the rest is no array
	key      []byte // the string under way, if it stands right within a record
	stamped  bool   // this record has a "ts"
	messages int64
	others   int64
	skip     int // bytes of a byte order mark that were seen
}

// Write counts on. It never fails.
func (c *rawCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		c.see(b)
	}
	return len(p), nil
}

func (c *rawCounter) see(b byte) {
	if c.skip >= 0 && c.arrays == 0 && c.skip < 3 && b == "\xef\xbb\xbf"[c.skip] {
		c.skip++
		return
	}
	if c.skip == 1 || c.skip == 2 { // half a mark is no mark: the file is no array
		c.over = true
		c.add(c.byDay)
	}
	c.skip = -1
	switch {
	case c.over:
	case c.esc:
		c.esc = false
		c.key = append(c.key, 'x')
	case c.str && b == '\\':
		c.esc = true
	case c.str && b == '"':
		c.str = false
		if c.stack == 1 {
			c.record()
		}
	case c.str:
		if len(c.key) < 4 {
			c.key = append(c.key, b)
		}
	case b == '"' && c.stack > 0 && !c.word:
		c.str, c.key = true, c.key[:0]
	case isSpace(b), b == ',' && c.stack == 1:
		c.endWord()
	case c.stack == 0 && b == '[':
		c.stack, c.arrays = 1, c.arrays+1
	case c.stack == 0: // no array, or something behind it
		c.over = true
		c.add(c.byDay)
	case c.stack == 1 && b == ']':
		c.endWord()
		c.stack = 0
	default:
		c.inside(b)
	}
}

func (c *rawCounter) inside(b byte) {
	switch {
	case c.word:
	case c.stack == 1 && b != '{' && b != '[':
		c.word = true
	case b == '{' || b == '[':
		if c.stack == 1 {
			c.stamped, c.key = false, c.key[:0]
		}
		c.stack++
	case b == '}' || b == ']':
		if c.stack--; c.stack == 1 {
			c.record()
		}
	case b == ':' && c.stack == 2 && string(c.key) == "ts":
		c.stamped = true
	}
}

func (c *rawCounter) endWord() {
	if c.word {
		c.word = false
		c.record()
	}
}

func (c *rawCounter) record() {
	c.add(c.byDay || c.stamped)
	c.stamped = false
}

func (c *rawCounter) add(message bool) {
	if message {
		c.messages++
	} else {
		c.others++
	}
}

// end counts what has no end, and a file without an array.
func (c *rawCounter) end() {
	switch {
	case c.over:
	case c.stack > 1 || c.str || c.word:
		c.record()
	case c.arrays == 0:
		c.add(c.byDay)
	}
}

// stamped reports whether the counter would take a record for a message in a
// file that is not called after a day.
func stamped(raw []byte) bool {
	c := rawCounter{stack: 1, arrays: 1, skip: -1}
	_, _ = c.Write(raw)
	c.end()
	return c.messages > 0
}
