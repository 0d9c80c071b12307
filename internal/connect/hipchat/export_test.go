package hipchat

import (
	"bytes"
	"context"
	"crypto/aes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// DecryptWith opens an encrypted file with one derivation.
func DecryptWith(digest, password string, file []byte) ([]byte, error) {
	for _, d := range derivations() {
		if d.name == digest {
			key, iv := derive(d.hash, []byte(password), file[8:16])
			block, err := aes.NewCipher(key)
			if err != nil {
				return nil, err
			}
			s := &secret{block: block, iv: iv}
			return io.ReadAll(s.reader(bytes.NewReader(file[16:])))
		}
	}
	return nil, errors.New("no such derivation")
}

// Unpack reads an archive without looking at what is in it.
func Unpack(path string, password []byte) (n int64, err error) {
	c, err := probe(context.Background(), path, connect.Options{Password: func(context.Context) ([]byte, error) { return password, nil }})
	if err != nil {
		return 0, err
	}
	w, err := c.open()
	if err != nil {
		return 0, err
	}
	defer w.Close()
	for {
		e, err := w.next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		k, err := io.Copy(io.Discard, e.body)
		if n += k; err != nil {
			return n, err
		}
	}
}

// ParseTime is the parser of timestamps.
func ParseTime(s string) (chat.Time, error) { return parseTime(s) }

// Records is how many records two ways of reading a history find.
type Records struct{ Cut, Counted int64 }

// Cut reads a history in both ways.
func Cut(r io.Reader) (n Records) {
	count := newRawCounter(messageMark)
	sp := newSplitter(io.TeeReader(r, count), messageMark)
	for {
		e, err := sp.next()
		if err != nil {
			break
		}
		if e.note == "" {
			n.Cut++
		}
	}
	total := map[string]int64{}
	count.end(total)
	for _, k := range total {
		n.Counted += k
	}
	return n
}

// ReadTwice reads a message in both ways. It says how the quick one differs
// from the strict one, if it does, and whether the quick one read it at all.
func ReadTwice(raw []byte) (differs string, quick bool) {
	var w wireMessage
	kind, ok := quickMessage(raw, &w)
	if !ok {
		return "", false
	}
	rec, did, err := read[wireMessage](raw)
	if err != nil || did != "" || kind != rec.kind || !reflect.DeepEqual(w, rec.value) {
		return fmt.Sprintf("quick %s %+v, strict %s %+v, %q, %v", kind, w, rec.kind, rec.value, did, err), true
	}
	return "", true
}

// TrapRecords are the messages of the traps as they stand in the export.
func TrapRecords() (list []string) {
	for _, m := range trapMessages() {
		list = append(list, m.raw)
	}
	return list
}
