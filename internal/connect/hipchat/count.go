package hipchat

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/godwit-chat/godwit/internal/chat"
)

// otherRecord is the type under which records are counted that have none.
const otherRecord = "(other)"

// rawCounter counts the records of one JSON array by their types while the
// array is written to it. It shares nothing with the splitter and the decoder
// but the rules, and so finds out what they lose: a record ends where its
// braces do, or where the next one begins as in `{"UserMessage":`; what is
// behind the end of the array, or instead of one, is one.
type rawCounter struct {
	counts map[string]int64
	mark   string // as the splitter's
	depth  int
	quoted bool
	escape bool
	begun  bool   // something other than space was seen
	named  bool   // the type of this record is known
	naming bool   // within the string that names it
	scalar bool   // within a record that is no object and no array
	name   []byte // of the record
	broken bool   // what is there is no array, or there is something behind it
	prev   byte
	own    bool // prev is the brace that begins the record
	watch  watching
	kind   []byte // what is watched
}

// watching is how much was seen of what may be the beginning of a record.
type watching int

const (
	nothing watching = iota
	inKind           // the brace, the quote and letters
	atColon          // and another quote
)

func newRawCounter(mark string) *rawCounter {
	return &rawCounter{counts: map[string]int64{}, mark: mark}
}

// Write counts on. It never fails.
func (c *rawCounter) Write(b []byte) (int, error) {
	quote := -1 // where the next one is
	for i := 0; i < len(b) && !c.broken; {
		switch {
		case c.watch == atColon:
			c.watch = nothing
			if b[i] == ':' {
				c.another()
				i++
			}
			continue
		case c.escape:
			c.escape = false
			c.see(b[i : i+1])
			i++
			continue
		case !c.quoted:
			c.plain(b[i])
			i++
			continue
		}
		if quote < i {
			if quote = bytes.IndexByte(b[i:], '"') + i; quote < i {
				quote = len(b)
			}
		}
		stop := quote
		if k := bytes.IndexByte(b[i:quote], '\\'); k >= 0 {
			stop = i + k
		}
		c.see(b[i:stop])
		if i = stop; i == len(b) {
			break
		}
		if b[i] == '"' {
			c.quote()
			c.unquote()
		} else {
			c.escape = true
			c.see(b[i : i+1])
		}
		i++
	}
	return len(b), nil
}

// see looks at what is within a string.
func (c *rawCounter) see(b []byte) {
	if len(b) == 0 {
		return
	}
	c.prev, c.own = b[len(b)-1], false
	if c.naming && len(c.name) <= maxKind {
		c.name = append(c.name, b[:min(len(b), maxKind+1)]...)
	}
	if c.watch == inKind {
		c.letters(b)
	}
}

func (c *rawCounter) letters(b []byte) {
	c.kind = append(c.kind, b[:min(len(b), maxKind+1)]...)
	for _, l := range c.kind[len(c.kind)-min(len(b), maxKind+1):] {
		if !isLetter(l) {
			c.watch = nothing
			return
		}
	}
	if len(c.kind) > maxKind || c.kind[0] >= 'a' {
		c.watch = nothing
	}
}

// quote looks at a quote, whether it begins a string or ends one.
func (c *rawCounter) quote() {
	switch {
	case c.watch == inKind && bytes.HasSuffix(append(c.kind, `":`...), []byte(c.mark)):
		c.watch = atColon
	case c.prev == '{' && !c.own && c.depth > 1:
		c.watch, c.kind = inKind, c.kind[:0]
	default:
		c.watch = nothing
	}
	c.prev, c.own = '"', false
}

// another begins a record within one that has no end.
func (c *rawCounter) another() {
	c.counts[string(c.kind)]++
	c.depth, c.quoted, c.escape, c.scalar = 2, false, false, false
	c.named, c.naming = true, false
	c.prev, c.own = ':', false
}

func (c *rawCounter) unquote() {
	c.quoted = false
	if c.naming {
		c.naming, c.named = false, true
		name := string(c.name)
		if len(name) > maxKind || !utf8.ValidString(name) {
			name = otherRecord
		}
		c.counts[name]++
		c.counts[otherRecord]--
	}
}

func (c *rawCounter) plain(b byte) {
	if b == '"' {
		c.quote()
	} else {
		if c.watch == inKind {
			c.letters([]byte{b})
		}
		c.prev, c.own = b, false
	}
	switch {
	case b == ' ', b == '\n', b == '\r', b == '\t', b == ',' && c.depth > 0:
		c.scalar = false
	case c.depth == 0 && b == '[':
		c.begun, c.depth = true, 1
	case c.depth == 0: // no array, or something behind it
		c.begun, c.broken = true, true
		c.counts[otherRecord]++
	case c.depth == 1 && b == ']':
		c.depth, c.scalar = 0, false
	case c.depth == 1:
		c.begin(b)
	default:
		c.inside(b)
	}
}

// begin starts a record.
func (c *rawCounter) begin(b byte) {
	scalar := c.scalar
	c.named, c.name, c.scalar = true, c.name[:0], false
	switch b {
	case '{':
		c.depth++
		c.named, c.own = false, true
	case '[':
		c.depth++
	case '"':
		c.quoted = true
	case '}': // one by itself
	default:
		if c.scalar = true; scalar {
			return
		}
	}
	c.counts[otherRecord]++
}

func (c *rawCounter) inside(b byte) {
	switch b {
	case '"':
		c.quoted = true
		c.naming = c.depth == 2 && !c.named
	case '{', '[':
		c.depth++
	case '}', ']':
		c.depth--
	}
}

// end adds what was counted to the total.
func (c *rawCounter) end(total map[string]int64) {
	if !c.begun {
		c.counts[otherRecord]++
	}
	for k, n := range c.counts {
		if n != 0 {
			total[c.known(k)] += n
		}
	}
}

// known is the name under which a type is counted. What stands in a history
// counts as a message whatever it calls itself, and nothing else does.
func (c *rawCounter) known(name string) string {
	isMessage := strings.HasSuffix(name, "Message")
	switch {
	case c.mark == messageMark && !isMessage:
		return chat.KindMessage.String()
	case c.mark != messageMark && isMessage:
		return otherRecord
	}
	return name
}
