package slack

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// The splitter and the counter share no code: they must agree on how many
// records there are, whatever they are given.
func FuzzSplitter(f *testing.F) {
	for _, s := range []string{`[{"ts":"1"},{"a":[1,{"ts":2}]}]`, `[1,"a",null,[],{}] x`, `[{"a":"\"}"`, "\xef\xbb\xbf[{}][{}]", `{"x":1}`, ``, ` `, `[}"a"b,c]`, `["a\\",]`, `[{"ts":1}`, `[1 2]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, byDay := range []bool{true, false} {
			messages, others := 0, 0
			sp := newSplitter(bytes.NewReader(data))
			for {
				el, err := sp.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case el.note != "":
				case byDay || !el.over && stamped(el.raw):
					messages++
				default:
					others++
				}
			}
			c := &rawCounter{byDay: byDay}
			if _, err := io.Copy(c, bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			c.end()
			if int(c.messages) != messages || int(c.others) != others {
				t.Fatalf("%q (by day: %v): %d and %d records, counted %d and %d", data, byDay, messages, others, c.messages, c.others)
			}
		}
	})
}

func TestARecordThatIsTooLargeHidesNoOther(t *testing.T) {
	day := `[{"ts":"1710000000.000000","text":"` + strings.Repeat("x", maxRecord) + `"},{"ts":"1710000001.000000"}]`
	sp := newSplitter(strings.NewReader(day))
	first, err := sp.next()
	if err != nil || first.bad == "" {
		t.Fatalf("a record of 16 MiB is read: %v", err)
	}
	if next, err := sp.next(); err != nil || string(next.raw) != `{"ts":"1710000001.000000"}` {
		t.Errorf("then comes %q, %v", next.raw, err)
	}
}
