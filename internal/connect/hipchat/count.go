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
// array is written to it. It shares nothing with the splitter and the decoder,
// and so finds out what they lose.
type rawCounter struct {
	counts map[string]int64 // of the array; merged by end
	mark   string           // as the splitter's
	depth  int
	quoted bool
	escape bool
	begun  bool             // something other than space was seen
	named  bool             // the type of this record is known
	naming bool             // within the string that names it
	scalar bool             // within a record that is no object and no array
	name   []byte           // of the record
	after  bool             // the array has ended
	broken bool             // what is there is no array, or there is something behind it
	marked map[string]int64 // records by what their beginnings look like
	carry  []byte
}

func newRawCounter(mark string) *rawCounter {
	return &rawCounter{counts: map[string]int64{}, marked: map[string]int64{}, mark: mark}
}

// Write counts on. It never fails.
func (c *rawCounter) Write(b []byte) (int, error) {
	c.countMarks(b)
	for i := 0; i < len(b) && !c.broken; {
		if !c.quoted {
			c.plain(b[i])
			i++
			continue
		}
		if c.escape {
			c.escape = false
			i++
			continue
		}
		j := bytes.IndexByte(b[i:], '"')
		k := bytes.IndexByte(b[i:][:max(j, 0)], '\\')
		if j < 0 {
			k = bytes.IndexByte(b[i:], '\\')
		}
		stop := j
		if k >= 0 {
			stop = k
		}
		if stop < 0 {
			c.keep(b[i:])
			break
		}
		c.keep(b[i : i+stop])
		i += stop + 1
		if k >= 0 {
			c.escape = true
			continue
		}
		c.unquote()
	}
	return len(b), nil
}

func (c *rawCounter) keep(b []byte) {
	if c.naming && len(c.name) < 64 {
		c.name = append(c.name, b...)
	}
}

func (c *rawCounter) unquote() {
	c.quoted = false
	if c.naming {
		c.naming, c.named = false, true
		name := string(c.name)
		if len(name) > 64 || !utf8.ValidString(name) {
			name = otherRecord
		}
		c.counts[name]++
		c.counts[otherRecord]--
	}
}

func (c *rawCounter) plain(b byte) {
	switch b {
	case ' ', '\n', '\r', '\t', ',':
		c.scalar = false
		return
	case 0xef, 0xbb, 0xbf: // a byte order mark
		if !c.begun {
			return
		}
	}
	switch {
	case c.depth == 0 && b == '[':
		c.begun, c.after = true, false
		c.depth = 1
	case c.depth == 0: // no array, or something behind it
		c.begun, c.broken = true, true
		c.counts[otherRecord]++
	case c.depth == 1 && b == ']':
		c.depth, c.scalar, c.after = 0, false, true
	case c.depth == 1:
		c.begin(b)
	default:
		c.inside(b)
	}
}

// begin starts a record.
func (c *rawCounter) begin(b byte) {
	if !c.scalar || b == '{' || b == '[' || b == '"' {
		c.counts[otherRecord]++
	}
	c.named, c.name = true, c.name[:0]
	switch b {
	case '{':
		c.depth++
		c.named, c.scalar = false, false
	case '[':
		c.depth++
		c.scalar = false
	case '"':
		c.quoted, c.scalar = true, false
	default:
		c.scalar = true
	}
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

// countMarks counts what looks like the beginning of a record, whatever is
// around it: it is what is true if the array is broken.
func (c *rawCounter) countMarks(b []byte) {
	const overlap = 96
	if len(c.carry) > 0 {
		head := append(c.carry, b[:min(len(b), overlap)]...)
		c.marksIn(head, len(c.carry))
	}
	c.marksIn(b, 0)
	c.carry = append(c.carry[:0], b[max(0, len(b)-overlap):]...)
}

// marksIn counts the marks in b that end behind the border: those before were
// counted with what came before.
func (c *rawCounter) marksIn(b []byte, border int) {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(c.mark))
		if i < 0 {
			return
		}
		end := at + i + len(c.mark)
		j := at + i
		for j > 0 && isLetter(b[j-1]) {
			j--
		}
		inBoth := border > 0 && j-2 >= border // wholly in what is counted next
		if j > 1 && b[j-1] == '"' && b[j-2] == '{' && end > border && !inBoth {
			c.marked[string(b[j:end-2])]++
		}
		at = end
	}
}

// end adds what was counted to the total.
func (c *rawCounter) end(total map[string]int64) {
	counts := c.counts
	switch {
	case !c.begun:
		counts = map[string]int64{otherRecord: 1}
	case c.depth > 1 || c.quoted:
		counts = c.marked
		if len(counts) == 0 {
			counts = map[string]int64{otherRecord: 1}
		}
	}
	for k, n := range counts {
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
