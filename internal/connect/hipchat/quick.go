package hipchat

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// quickMessage reads a message of the form that nearly all have, several
// times as fast as read does. What it reads is what read would have read; of
// everything else (what is odd, broken or to be mended) it says no.
func quickMessage(raw []byte, w *wireMessage) (kind string, ok bool) {
	// One copy: the parts of it live until the message is made of them.
	q := quick{s: string(raw)}
	if !utf8.ValidString(q.s) {
		return "", false
	}
	q.controls = hasControls(q.s)
	if !q.byte('{') {
		return "", false
	}
	name, ok := q.name()
	if !ok {
		return "", false
	}
	for _, known := range [...]string{kindUserMessage, kindPrivateMessage, kindNotification, kindTopic, kindArchive, kindGuestAccess} {
		if name == known {
			kind = known
		}
	}
	if kind == "" || !q.message(w) || !q.byte('}') {
		return "", false
	}
	q.space()
	return kind, q.n == len(q.s)
}

// quick is a place in a JSON text. Its methods read what stands there, or
// report false if that is not of the simple form that they know.
type quick struct {
	s        string
	n        int
	controls bool // there may be control characters within strings
}

// hasControls reports whether a text has characters below the blank.
func hasControls(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		// A byte below 0x20 borrows from its high bit, where that was not set.
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if (x-ones*0x20)&^x&highs != 0 {
			return true
		}
		s = s[8:]
	}
	for i := range len(s) {
		if s[i] < 0x20 {
			return true
		}
	}
	return false
}

func (q *quick) space() {
	for q.n < len(q.s) && (q.s[q.n] == ' ' || q.s[q.n] == '\n' || q.s[q.n] == '\r' || q.s[q.n] == '\t') {
		q.n++
	}
}

// peek returns the next byte that is no space; 0 at the end.
func (q *quick) peek() byte {
	q.space()
	if q.n == len(q.s) {
		return 0
	}
	return q.s[q.n]
}

func (q *quick) byte(c byte) bool {
	if q.peek() != c {
		return false
	}
	q.n++
	return true
}

func (q *quick) word(w string) bool {
	if !strings.HasPrefix(q.s[q.n:], w) {
		return false
	}
	q.n += len(w)
	return true
}

// name reads the name of a member, and the colon.
func (q *quick) name() (string, bool) {
	if !q.byte('"') {
		return "", false
	}
	end := strings.IndexByte(q.s[q.n:], '"')
	if end < 0 || end > maxKind {
		return "", false
	}
	name := q.s[q.n:][:end]
	for i := range len(name) {
		if name[i] < 0x20 || name[i] >= utf8.RuneSelf || name[i] == '\\' {
			return "", false
		}
	}
	q.n += end + 1
	return name, q.byte(':')
}

// text reads a string; null is the empty one.
func (q *quick) text() (string, bool) {
	switch q.peek() {
	case 'n':
		return "", q.word("null")
	case '"':
		return q.quoted()
	}
	return "", false
}

func (q *quick) quoted() (string, bool) {
	q.n++
	rest := q.s[q.n:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		return "", false
	}
	if escape := strings.IndexByte(rest[:end], '\\'); escape >= 0 {
		return q.escaped(escape)
	}
	q.n += end + 1
	return rest[:end], !q.controls || !hasControls(rest[:end])
}

// escaped reads a string of which the first escape is at a place.
func (q *quick) escaped(at int) (string, bool) {
	b := make([]byte, 0, 2*at+128)
	for {
		if at > 0 && q.controls && hasControls(q.s[q.n:][:at]) {
			return "", false
		}
		b = append(b, q.s[q.n:][:at]...)
		q.n += at
		if q.s[q.n] == '"' {
			q.n++
			return string(b), true
		}
		var ok bool
		if b, ok = q.escape(b); !ok {
			return "", false
		}
		if at = strings.IndexAny(q.s[q.n:], `"\`); at < 0 {
			return "", false
		}
	}
}

// escape appends what an escape stands for.
func (q *quick) escape(b []byte) ([]byte, bool) {
	rest := q.s[q.n:]
	if len(rest) < 2 {
		return b, false
	}
	if i := strings.IndexByte(`"\/bfnrt`, rest[1]); i >= 0 {
		q.n += 2
		return append(b, "\"\\/\b\f\n\r\t"[i]), true
	}
	r, ok := quickUnit(rest)
	if !ok || r == 0 {
		return b, false
	}
	q.n += 6
	if utf16.IsSurrogate(r) {
		low, ok := quickUnit(q.s[q.n:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return b, false
		}
		q.n += 6
	}
	return utf8.AppendRune(b, r), true
}

func quickUnit(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// digits reads a whole number that is not negative.
func (q *quick) digits() (string, bool) {
	q.space()
	from := q.n
	for q.n < len(q.s) && '0' <= q.s[q.n] && q.s[q.n] <= '9' {
		q.n++
	}
	d := q.s[from:q.n]
	if d == "" || d[0] == '0' && len(d) > 1 || len(d) > 18 {
		return "", false
	}
	c := q.peek()
	return d, c == ',' || c == '}' || c == ']'
}

func (q *quick) id() (nativeID, bool) {
	var s string
	var ok bool
	if c := q.peek(); '0' <= c && c <= '9' {
		s, ok = q.digits()
	} else {
		s, ok = q.text()
	}
	return nativeID(s), ok
}

// object reads an object. The member is given by its place in names, or -1
// if it is none of them. No name may be there twice.
func (q *quick) object(names []string, member func(i int) bool) bool {
	if !q.byte('{') {
		return false
	}
	if q.byte('}') {
		return true
	}
	var seen uint64
	var others [8]string
	n := 0
	for {
		name, ok := q.name()
		if !ok {
			return false
		}
		at := -1
		for i, known := range names {
			if name == known {
				at = i
				break
			}
		}
		if at >= 0 {
			if seen&(1<<at) != 0 {
				return false
			}
			seen |= 1 << at
		} else {
			for _, o := range others[:n] {
				if o == name {
					return false
				}
			}
			if n == len(others) {
				return false
			}
			others[n] = name
			n++
		}
		if !member(at) {
			return false
		}
		if q.byte('}') {
			return true
		}
		if !q.byte(',') {
			return false
		}
	}
}

// skip reads over a value that is of no interest.
func (q *quick) skip(depth int) bool {
	switch c := q.peek(); {
	case c == '"':
		_, ok := q.quoted()
		return ok
	case c == 'n':
		return q.word("null")
	case c == 't':
		return q.word("true")
	case c == 'f':
		return q.word("false")
	case '0' <= c && c <= '9':
		_, ok := q.digits()
		return ok
	case c == '{' && depth > 0:
		return q.object(nil, func(int) bool { return q.skip(depth - 1) })
	}
	return false
}

// quickDepth is how deep objects are read over.
const quickDepth = 3

var messageNames = []string{"message", "sender", "timestamp", "id", "mentions", "attachment", "attachment_path", "receiver",
	"color", "message_format", "deleted", "card"}

func (q *quick) message(w *wireMessage) bool {
	return q.object(messageNames, func(i int) (ok bool) {
		switch i {
		case 0:
			w.Message, ok = q.text()
		case 1:
			ok = q.person(&w.Sender)
		case 2:
			w.Timestamp, ok = q.text()
		case 3:
			w.ID, ok = q.id()
		case 4:
			ok = q.mentions(w)
		case 5:
			ok = q.attachment(&w.Attachment)
		case 6:
			w.AttachmentPath, ok = q.text()
		case 7:
			ok = q.person(&w.Receiver)
		case 8:
			w.Color, ok = q.text()
		case 9:
			w.Format, ok = q.text()
		case 10:
			w.Deleted, ok = q.truth()
		case 11:
			w.Card, ok = jsontext.Value("null"), q.peek() == 'n' && q.word("null")
		default:
			ok = q.skip(quickDepth)
		}
		return ok
	})
}

func (q *quick) truth() (is, ok bool) {
	switch q.peek() {
	case 't':
		return true, q.word("true")
	case 'f':
		return false, q.word("false")
	case 'n':
		return false, q.word("null")
	}
	return false, false
}

var personNames = []string{"id", "mention_name", "name"}

func (q *quick) person(p *wirePerson) (ok bool) {
	if q.peek() != '{' {
		p.Name, ok = q.text()
		return ok
	}
	ok = q.object(personNames, func(i int) (ok bool) {
		switch i {
		case 0:
			p.ID, ok = q.id()
		case 1:
			p.Mention, ok = q.text()
		case 2:
			p.Name, ok = q.text()
		default:
			ok = q.skip(quickDepth)
		}
		return ok
	})
	if p.ID == "0" {
		p.ID = "" // a program: nobody has this ID
	}
	return ok
}

var attachmentNames = []string{"name", "path", "size", "url"}

func (q *quick) attachment(a *wireAttachment) bool {
	if q.peek() == 'n' {
		return q.word("null")
	}
	return q.object(attachmentNames, func(i int) (ok bool) {
		switch i {
		case 0:
			a.Name, ok = q.text()
		case 1:
			a.Path, ok = q.text()
		case 2:
			a.Size, ok = q.size()
		case 3:
			a.URL, ok = q.text()
		default:
			ok = q.skip(quickDepth)
		}
		return ok
	})
}

func (q *quick) size() (n int64, ok bool) {
	if q.peek() == 'n' {
		return 0, q.word("null")
	}
	d, ok := q.digits()
	for i := range len(d) {
		n = n*10 + int64(d[i]-'0')
	}
	return n, ok
}

func (q *quick) mentions(w *wireMessage) bool {
	if q.peek() == 'n' {
		return q.word("null")
	}
	if !q.byte('[') {
		return false
	}
	w.Mentions = []reference{}
	if q.byte(']') {
		return true
	}
	for {
		var r reference
		var ok bool
		if q.peek() == '{' {
			ok = q.object(personNames[:1], func(i int) (ok bool) {
				if i < 0 {
					return q.skip(quickDepth)
				}
				r.id, ok = q.id()
				return ok
			})
		} else {
			r.id, ok = q.id()
		}
		if !ok {
			return false
		}
		w.Mentions = append(w.Mentions, r)
		if q.byte(']') {
			return true
		}
		if !q.byte(',') {
			return false
		}
	}
}
