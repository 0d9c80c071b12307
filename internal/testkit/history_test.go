package testkit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/testkit"
)

func TestTheCheckerFindsWhatIsWrong(t *testing.T) {
	at := time.Now()
	said := func(ids string) (list []testkit.Said) {
		for _, id := range strings.Fields(ids) {
			list = append(list, testkit.Said{ID: id, Text: "text of " + id, At: at})
		}
		return list
	}
	room := func(ids string) map[string][]testkit.Said { return map[string][]testkit.Said{"room": said(ids)} }
	for name, c := range map[string]struct {
		live, other string // what came, and what another reader loaded
		change      func(*testkit.History)
		want        string // in what is said; empty: nothing is wrong
	}{
		"nothing, though a message came again": {live: "a b a c", other: "a b c"},
		"a message that is lost": {live: "a b c", other: "a b c", want: "is lost", change: func(h *testkit.History) {
			h.Acked, h.Rooms = append(h.Acked, testkit.Ack{ID: "d", Text: "d"}), append(h.Rooms, "room")
		}},
		"a message that was never told": {live: "a c", other: "a b c", want: "never told"},
		"a message under two IDs": {live: "a b c", other: "a b c", want: "twice", change: func(h *testkit.History) {
			for _, r := range h.Readers {
				r.Loaded["room"] = append(r.Loaded["room"], testkit.Said{ID: "e", Text: "text of a"})
			}
		}},
		"a message that came under two IDs": {live: "a b c", other: "a b c", want: "came twice", change: func(h *testkit.History) {
			h.Readers[0].Live["room"][1].Text = "text of a"
		}},
		"an order that came otherwise":         {live: "a c b", other: "a b c", want: "after a later one"},
		"an order that is loaded otherwise":    {live: "a b c", other: "a c b", want: "another order"},
		"a message that came and is not there": {live: "a b c x", other: "a b c", want: "is not there"},
		"a reader that was away for too long":  {live: "a b c", other: "a b c", want: "away for", change: func(h *testkit.History) { h.Readers[0].Away = []time.Duration{time.Hour} }},
		"a reader that fetched all two times":  {live: "a b c", other: "a b c", want: "was fetched", change: func(h *testkit.History) { h.Readers[0].Losses, h.Readers[0].Fetches = 1, 2 }},
		"a message to somebody who was put out": {live: "a b c", other: "a b c", want: "put out", change: func(h *testkit.History) {
			h.Readers[0].Revoked = map[string]time.Time{"room": at.Add(-2 * time.Second)}
		}},
		"nothing within the second": {live: "a b c", other: "a b c", change: func(h *testkit.History) {
			h.Readers[0].Revoked = map[string]time.Time{"room": at.Add(-time.Second / 2)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &testkit.History{Readers: []testkit.Saw{
				{Reader: "one", Live: room(c.live), Loaded: room("a b c")},
				{Reader: "two", Loaded: room(c.other)},
			}}
			for _, m := range said("a b c") {
				h.Acked, h.Rooms = append(h.Acked, testkit.Ack{ID: m.ID, Text: m.Text}), append(h.Rooms, "room")
			}
			if c.change != nil {
				c.change(h)
			}
			wrong := strings.Join(h.Check(testkit.Bounds{Back: time.Minute, Revoked: time.Second}), "\n")
			if c.want == "" && wrong != "" || !strings.Contains(wrong, c.want) {
				t.Errorf("it says %q, not %q", wrong, c.want)
			}
		})
	}
}
