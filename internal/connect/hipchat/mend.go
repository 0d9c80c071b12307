package hipchat

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads one JSON value strictly: no name twice, no invalid UTF-8, no
// lone surrogate. Names are compared exactly, and unknown ones left alone.
func decode(raw []byte, into any) error { return json.Unmarshal(raw, into) }

// explain says for a person what decode found.
func explain(err error) string {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		switch {
		case e.Err != nil:
			return strings.TrimPrefix(explain(e.Err), "jsontext: ")
		case e.JSONKind != 0:
			return fmt.Sprintf("%q is of the wrong type: %s", string(e.JSONPointer), e.JSONKind)
		}
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "json: "), "jsontext: ")
}

// mustMend reports whether a record that decodes may hold what a target
// cannot store.
func mustMend(raw []byte) bool { return bytes.Contains(raw, []byte(`\u0000`)) }

// mend repairs what can be repaired without guessing, and says what it did:
// what is no character becomes U+FFFD, a NUL is dropped, and a control
// character in a string is escaped.
func mend(raw []byte) (mended []byte, did string) {
	m := mender{out: make([]byte, 0, len(raw)+16)}
	quoted := false
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case !quoted:
			quoted = c == '"'
			m.out = append(m.out, c)
			i++
		case c == '"':
			quoted = false
			m.out = append(m.out, c)
			i++
		case c == '\\':
			i += m.escape(raw[i:])
		case c < 0x20:
			m.control(c)
			i++
		case c < utf8.RuneSelf:
			m.out = append(m.out, c)
			i++
		default:
			r, n := utf8.DecodeRune(raw[i:])
			if r == utf8.RuneError && n == 1 {
				m.invalid++
			}
			m.out = utf8.AppendRune(m.out, r)
			i += n
		}
	}
	return m.out, m.did()
}

type mender struct {
	out                             []byte
	nuls, lone, invalid, characters int
}

func (m *mender) control(c byte) {
	if c == 0 {
		m.nuls++
		return
	}
	m.characters++
	m.out = append(m.out, fmt.Sprintf(`\u%04x`, c)...)
}

// escape copies the escape at the beginning of b and returns its length.
func (m *mender) escape(b []byte) int {
	u, ok := unit(b)
	switch {
	case !ok:
		n := min(2, len(b))
		m.out = append(m.out, b[:n]...)
		return n
	case u == 0:
		m.nuls++
		return 6
	case !utf16.IsSurrogate(u):
		m.out = append(m.out, b[:6]...)
		return 6
	}
	if low, ok := unit(b[6:]); ok && utf16.DecodeRune(u, low) != utf8.RuneError {
		m.out = append(m.out, b[:12]...)
		return 12
	}
	m.lone++
	m.out = utf8.AppendRune(m.out, utf8.RuneError)
	return 6
}

// unit reads a \uXXXX escape.
func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

func (m *mender) did() string {
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, one)
		case n > 1:
			parts = append(parts, fmt.Sprintf(many, n))
		}
	}
	add(m.nuls, "a NUL was dropped", "%d NULs were dropped")
	add(m.lone, "half a character (a lone surrogate) became U+FFFD", "%d halves of characters (lone surrogates) became U+FFFD")
	add(m.invalid, "a byte that is not UTF-8 became U+FFFD", "%d bytes that are not UTF-8 became U+FFFD")
	add(m.characters, "a control character was escaped", "%d control characters were escaped")
	return strings.Join(parts, ", ")
}

// record is what every element of an array is: an object with one key, its
// kind, and what is behind it.
type record[T any] struct {
	kind  string
	value T
}

// unknownKind is the error for a record of a kind that this reader does not
// know.
type unknownKind string

func (k unknownKind) Error() string {
	return fmt.Sprintf("%q is not a kind of record that is known here", string(k))
}

// kinder is a type that says which kinds of record it can be read from.
type kinder interface{ reads(kind string) bool }

// UnmarshalJSONFrom reads the record.
func (r *record[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return errors.New("a record must be an object with one key")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if dec.PeekKind() == '}' {
		return errors.New("the record has no key")
	}
	name, err := dec.ReadToken()
	if err != nil {
		return err
	}
	r.kind = name.String()
	if k, ok := any(&r.value).(kinder); ok && !k.reads(r.kind) {
		return unknownKind(r.kind)
	}
	if err := json.UnmarshalDecode(dec, &r.value); err != nil {
		return err
	}
	if dec.PeekKind() != '}' {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		return errors.New("the record has more than one key")
	}
	_, err = dec.ReadToken()
	return err
}

// read decodes a record, mending it if it must be: then did says how.
func read[T any](raw []byte) (rec record[T], did string, err error) {
	if !mustMend(raw) {
		if err = decode(raw, &rec); err == nil {
			return rec, "", nil
		}
	}
	mended, did := mend(raw)
	if did != "" {
		rec = record[T]{}
		if err = decode(mended, &rec); err == nil {
			return rec, did, nil
		}
	} else if err == nil {
		err = decode(raw, &rec)
	}
	return rec, "", err
}
