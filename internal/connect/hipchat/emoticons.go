package hipchat

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// tooLarge is why a file that is read as a whole is not.
const tooLarge = "the file is larger than 16 MiB"

// readWhole reads a file that is small in every export. It says why it is bad
// if it is too large, and gives its beginning.
func readWhole(r io.Reader) (b []byte, bad string, err error) {
	b, err = io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err == nil && len(b) > maxRecord {
		return b[:maxRaw], tooLarge, nil
	}
	return b, "", err
}

// readEmoticons reads emoticons.json and returns the array in it. The
// migration tool wraps it into an object, and its elements are not wrapped:
// then listed is set.
func readEmoticons(r io.Reader) (array []byte, listed bool, bad string, err error) {
	b, bad, err := readWhole(r)
	if err != nil || bad != "" {
		return b, false, bad, err
	}
	if trimmed := bytes.TrimLeft(b, " \r\n\t"); len(trimmed) == 0 || trimmed[0] != '{' {
		return b, false, "", nil
	}
	var o struct {
		Emoticons jsontext.Value `json:"Emoticons"`
	}
	if decode(b, &o) != nil || o.Emoticons.Kind() != '[' {
		return b, false, "", nil // the splitter says what is wrong with it
	}
	return o.Emoticons, true, "", nil
}
