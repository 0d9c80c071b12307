package hipchat

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/godwit-chat/godwit/internal/chat"
)

// readWhole reads a file that is small in every export.
func readWhole(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err == nil && len(b) > maxRecord {
		return nil, chat.Errorf(chat.Damaged, "a list is larger than 16 MiB")
	}
	return b, err
}

// readEmoticons reads emoticons.json and returns the array in it. The
// migration tool wraps it into an object, and its elements are not wrapped:
// then listed is set.
func readEmoticons(r io.Reader) (array []byte, listed bool, err error) {
	b, err := readWhole(r)
	if err != nil {
		return nil, false, err
	}
	if trimmed := bytes.TrimLeft(b, " \r\n\t"); len(trimmed) == 0 || trimmed[0] != '{' {
		return b, false, nil
	}
	var o struct {
		Emoticons jsontext.Value `json:"Emoticons"`
	}
	if decode(b, &o) != nil || o.Emoticons.Kind() != '[' {
		return b, false, nil // the splitter says what is wrong with it
	}
	return o.Emoticons, true, nil
}
