package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	wordNonce  = "nonce"  // a nonce, where a kind would be
	wordForget = "forget" // among counts: objects that the place does not know any more
)

// line is one line of a segment: the state of an object.
type line struct {
	Kind   Word            `json:"k"`
	ID     chat.Key        `json:"id"`
	Pos    chat.Position   `json:"pos,omitempty"`
	Digest sum             `json:"d,omitempty"`
	Source string          `json:"src,omitempty"`
	Was    *sum            `json:"was,omitempty"`    // digest of the last state of that source, if it is another
	Forget bool            `json:"forget,omitempty"` // the place does not know it any more, without a tombstone
	Object json.RawMessage `json:"o,omitempty"`
}

// fileLine is one line of a list: a file whose bytes are in the archive.
type fileLine struct {
	Hash string `json:"hash"` // SHA-256 of the bytes
	Size int64  `json:"size"`
	Name string `json:"name"` // of the piece, which follows from Hash
	Sum  string `json:"sum"`  // SHA-256 of the piece as it is stored
}

// sum is 64 bits in hex.
type sum uint64

func (s sum) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(s)), nil }

func (s *sum) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 {
		return fmt.Errorf("%q is no digest", clip(string(b)))
	}
	*s = sum(n)
	return nil
}

// nonceKey stands for a nonce where objects have keys.
func nonceKey(n *chat.Nonce) chat.Key {
	return chat.PairKey(n.Author.Key(), chat.Key{}, wordNonce, n.Nonce)
}

// encodeLine appends the line of an object. It returns the word for the kind,
// and the digest.
func encodeLine(buf *bytes.Buffer, in *chat.Incoming) (Word, uint64, error) {
	if in.Nonce != nil {
		o, err := json.Marshal(in.Nonce)
		if err != nil {
			return "", 0, err
		}
		writeHead(buf, wordNonce, nonceKey(in.Nonce), in.Pos)
		buf.WriteString(`,"o":`)
		buf.Write(o)
		buf.WriteString("}\n")
		return wordNonce, 0, nil
	}
	if in.Object == nil {
		return "", 0, chat.Errorf(chat.Invalid, "an item at position %d has no object", in.Pos)
	}
	digest := in.Digest
	if digest == 0 {
		digest = chat.Digest(in.Object)
	}
	word := in.Object.Kind().String()
	writeHead(buf, word, in.Object.Key(), in.Pos)
	fmt.Fprintf(buf, `,"d":"%016x"`, digest)
	if in.Source != "" {
		name, err := json.Marshal(in.Source)
		if err != nil {
			return "", 0, err
		}
		buf.WriteString(`,"src":`)
		buf.Write(name)
	}
	if was := in.Src; in.Source != "" && was != digest || in.Source == "" && was != 0 {
		fmt.Fprintf(buf, `,"was":"%016x"`, was)
	}
	buf.WriteString(`,"o":`)
	buf.Write(chat.EncodeBody(in.Object))
	buf.WriteString("}\n")
	return word, digest, nil
}

// writeHead writes what stands first in each line, always in this form: readers
// that look for IDs alone need not read the rest.
func writeHead(buf *bytes.Buffer, word Word, id chat.Key, pos chat.Position) {
	buf.WriteString(`{"k":"`)
	buf.WriteString(word)
	buf.WriteString(`","id":"`)
	buf.WriteString(id.String())
	buf.WriteString(`","pos":`)
	buf.Write(strconv.AppendInt(buf.AvailableBuffer(), int64(pos), 10))
}

// encodeForget appends a line that says that the place does not know an object.
func encodeForget(buf *bytes.Buffer, id ref) {
	writeHead(buf, id.kind.String(), id.key, 0)
	buf.WriteString(`,"forget":true}` + "\n")
}

// ref names an object. Nonces have kind 0.
type ref struct {
	kind chat.Kind
	key  chat.Key
}

var kindsByWord = func() map[Word]chat.Kind {
	m := map[Word]chat.Kind{wordNonce: 0}
	for _, k := range chat.Kinds() {
		m[k.String()] = k
	}
	return m
}()

// lineRef reads only which object a line is about. Of a kind that this version
// does not know, known is false.
func lineRef(text []byte) (r ref, known bool, err error) {
	rest, ok := bytes.CutPrefix(text, []byte(`{"k":"`))
	if ok {
		if i := bytes.IndexByte(rest, '"'); i > 0 && i < 40 {
			kind, known := kindsByWord[string(rest[:i])]
			if id, ok := bytes.CutPrefix(rest[i:], []byte(`","id":"`)); ok && len(id) > 36 && id[36] == '"' {
				err := r.key.UnmarshalText(id[:36])
				r.kind = kind
				return r, known, err
			}
		}
	}
	// Somebody else wrote it: the order of fields is not promised.
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return r, false, err
	}
	r.kind, known = kindsByWord[l.Kind]
	r.key = l.ID
	return r, known, nil
}

var errNewer = errors.New("a kind of object that this version does not know")

// decodeLine reads a line. The digest is made again from the object; it fails
// with errNewer if the kind is not known.
func decodeLine(text []byte) (in chat.Incoming, forget bool, err error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return in, false, err
	}
	in.Pos, in.Source = l.Pos, l.Source
	kind, known := kindsByWord[l.Kind]
	switch {
	case !known:
		return in, false, errNewer
	case l.Forget:
		return in, true, nil
	case l.Kind == wordNonce:
		in.Nonce = &chat.Nonce{}
		if err := json.Unmarshal(l.Object, in.Nonce); err != nil {
			return in, false, err
		}
		if nonceKey(in.Nonce) != l.ID {
			return in, false, errors.New("its ID is not that of the nonce")
		}
		return in, false, nil
	}
	if in.Object, err = chat.DecodeBody(kind, l.Object); err != nil {
		return in, false, err
	}
	return in, false, l.check(&in)
}

// check compares what a line says of an object with the object.
func (l *line) check(in *chat.Incoming) error {
	if in.Object.Key() != l.ID {
		return errors.New("its ID is not that of the object")
	}
	in.Digest = chat.Digest(in.Object)
	if in.Digest != uint64(l.Digest) {
		return errDigest
	}
	switch {
	case l.Was != nil:
		in.Src = uint64(*l.Was)
	case l.Source != "":
		in.Src = in.Digest
	}
	return nil
}

var errDigest = errors.New("its digest is not that of the object")

// checkHash reports whether a text is a SHA-256 in hex.
func checkHash(s string) bool {
	if len(s) != sha256.Size*2 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// eachLine calls fn with each line of a piece.
func eachLine(raw []byte, fn func(n int64, text []byte) error) error {
	for n := int64(1); len(raw) > 0; n++ {
		text, rest, ended := bytes.Cut(raw, []byte("\n"))
		if !ended {
			return fmt.Errorf("its last line, %d, has no end", n)
		}
		if err := fn(n, text); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		raw = rest
	}
	return nil
}
