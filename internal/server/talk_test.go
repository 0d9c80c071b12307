package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// words returns the texts of messages.
func words(list []api.Message) (out []string) {
	for _, m := range list {
		text := ""
		for _, n := range m.Tree {
			text += n.Text
			for _, c := range n.Children {
				text += c.Text
			}
		}
		out = append(out, text)
	}
	return out
}

func TestHistoryIsWalkedFromEndToEndAndBack(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		const n = 1234
		w.room("big", chat.RoomPrivate, chat.RoomActive, "member")
		var batch []chat.Object
		var want []string
		for i := range n {
			// Several in one moment, so that the IDs decide.
			sent := start + 1000*second + chat.Time(i/5)*second
			m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "test", "big", fmt.Sprint(i))), Room: w.rooms["big"].ID, Author: w.users["member"].ID, Sent: sent, Text: fmt.Sprint(i)}
			batch = append(batch, m)
		}
		w.put(batch...)
		c := w.as("member")
		var pages [][]api.Message
		w.must(c.Walk(t.Context(), w.roomID("big"), func(h api.History) error {
			pages = append([][]api.Message{h.Messages}, pages...)
			return nil
		}))
		var down []api.Message
		for _, p := range pages {
			down = append(down, p...)
		}
		if len(down) != n+1 {
			t.Fatalf("%d messages on the way back, want %d", len(down), n+1)
		}
		for i := 1; i < len(down); i++ {
			if a, b := down[i-1], down[i]; a.Sent > b.Sent || a.Sent == b.Sent && a.ID >= b.ID {
				t.Fatalf("%s is not before %s", a.ID, b.ID)
			}
		}
		want = words(down)
		first, err := c.History(t.Context(), w.roomID("big"), "at=2000-01-01", 7)
		w.must(err)
		if first.Older != "" {
			t.Error("something is older than the first page")
		}
		up := first.Messages
		for h := first; h.Newer != ""; {
			h, err = c.History(t.Context(), w.roomID("big"), "after="+h.Newer, 91)
			w.must(err)
			if h.Older == "" {
				t.Fatal("a later page says that nothing is older")
			}
			up = append(up, h.Messages...)
		}
		if got := strings.Join(words(up), " "); got != strings.Join(want, " ") {
			t.Errorf("forwards it is another history: %d messages, want %d", len(up), len(down))
		}
	})
}

func TestPagesOfHistoryFitTogether(t *testing.T) {
	w := sqlite(t)
	w.room("small", chat.RoomPrivate, chat.RoomActive, "member") // has one already
	for i := range 9 {
		w.say("small", "member", fmt.Sprint(i))
	}
	c := w.as("member")
	all, err := c.History(t.Context(), w.roomID("small"), "", 50)
	w.must(err)
	if len(all.Messages) != 10 || all.Older != "" || all.Newer != "" {
		t.Fatalf("%d messages, older %q, newer %q", len(all.Messages), all.Older, all.Newer)
	}
	for i, m := range all.Messages {
		for limit := 1; limit <= 12; limit++ {
			h, err := c.History(t.Context(), w.roomID("small"), "around="+m.ID, limit)
			w.must(err)
			at := -1
			for j, got := range h.Messages {
				if got.ID == m.ID {
					at = j
				}
			}
			from := i - at
			if at < 0 || len(h.Messages) > limit || (h.Older != "") != (from > 0) || (h.Newer != "") != (from+len(h.Messages) < 10) {
				t.Fatalf("around %d, %d messages: %v, older %q, newer %q", i, limit, words(h.Messages), h.Older, h.Newer)
			}
			if h.Older != "" {
				o, err := c.History(t.Context(), w.roomID("small"), "before="+h.Older, 50)
				w.must(err)
				if len(o.Messages) != from || o.Newer == "" {
					t.Fatalf("before the page around %d: %v", i, words(o.Messages))
				}
			}
			if h.Newer != "" {
				o, err := c.History(t.Context(), w.roomID("small"), "after="+h.Newer, 50)
				w.must(err)
				if len(o.Messages) != 10-from-len(h.Messages) || o.Older == "" {
					t.Fatalf("after the page around %d: %v", i, words(o.Messages))
				}
			}
		}
	}
	for _, bad := range []string{"before=xyz", "after=1", "at=yesterday", "around=1", "before=" + all.Messages[0].ID + "&after=x", "limit=-1"} {
		if _, err := c.History(t.Context(), w.roomID("small"), bad, 5); !chat.IsKind(err, chat.Invalid) && !strings.HasPrefix(bad, "limit") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := c.History(t.Context(), w.roomID("open"), "around="+all.Messages[0].ID, 5); !chat.IsKind(err, chat.NotFound) {
		t.Errorf("a message of another room: %v", err)
	}
	late, err := c.History(t.Context(), w.roomID("small"), "at=2030-01-01", 5)
	w.must(err)
	if len(late.Messages) != 0 || late.Older == "" || late.Newer != "" {
		t.Errorf("after the end: %+v", late)
	}
}

func TestPost(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		m, err := c.Post(t.Context(), w.roomID("private"), "**hello** @Owner, not @nobody  \n", "nonce-0001")
		w.must(err)
		if m.Author != w.users["member"].ID.String() || m.Type != "plain" || len(m.Tree) == 0 {
			t.Errorf("%+v", m)
		}
		h, err := c.History(t.Context(), w.roomID("private"), "", 1)
		w.must(err)
		if fmt.Sprint(h.Messages[0]) != fmt.Sprint(m) {
			t.Errorf("posted %+v\nread   %+v", m, h.Messages[0])
		}
		if !strings.Contains(fmt.Sprint(m.Tree), w.users["owner"].ID.String()) {
			t.Errorf("the owner is not mentioned: %+v", m.Tree)
		}
		again, err := c.Post(t.Context(), w.roomID("private"), "something else", "nonce-0001")
		w.must(err)
		if again.ID != m.ID || fmt.Sprint(again.Tree) != fmt.Sprint(m.Tree) {
			t.Errorf("again: %+v", again)
		}
		if _, err := c.Post(t.Context(), w.roomID("open"), "elsewhere", "nonce-0001"); !chat.IsKind(err, chat.Conflict) {
			t.Errorf("the same nonce in another room: %v", err)
		}
		if _, err := w.as("owner").Post(t.Context(), w.roomID("open"), "mine", "nonce-0001"); err != nil {
			t.Errorf("the same nonce of another person: %v", err)
		}
		for name, d := range map[string][2]string{
			"an empty text": {"", "nonce-0002"}, "blanks": {" \n\t ", "nonce-0002"}, "a long text": {strings.Repeat("é", 10_001), "nonce-0002"},
			"a short nonce": {"x", "1234567"}, "a long nonce": {"x", strings.Repeat("x", 65)}, "only NUL": {"\x00", "nonce-0002"},
		} {
			if _, err := c.Post(t.Context(), w.roomID("open"), d[0], d[1]); !chat.IsKind(err, chat.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := c.Post(t.Context(), w.roomID("open"), strings.Repeat("é", 10_000), "nonce-0003"); err != nil {
			t.Errorf("the longest text: %v", err)
		}
		if _, err := api.NewClient(w.url).Post(t.Context(), w.roomID("open"), "x", "nonce-0004"); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("somebody who is not signed in: %v", err)
		}
	})
}

func TestTheSameNonceAtOnceIsOneMessage(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		before, err := c.Room(t.Context(), w.roomID("private"))
		w.must(err)
		for round := range 5 {
			ids := make([]string, 16)
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					m, err := c.Post(t.Context(), w.roomID("private"), fmt.Sprintf("try %d", i), fmt.Sprintf("the same nonce %d", round))
					if err != nil {
						t.Error(err)
					}
					ids[i] = m.ID
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id != ids[0] {
					t.Fatalf("%s and %s", id, ids[0])
				}
			}
		}
		after, err := c.Room(t.Context(), w.roomID("private"))
		w.must(err)
		if after.Messages != before.Messages+5 {
			t.Errorf("%d messages, %d before", after.Messages, before.Messages)
		}
	})
}

func TestRequestsAreReadStrictly(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for name, body := range map[string]string{
		"an unknown name": `{"text":"x","nonce":"nonce-0001","room":"y"}`, "a name twice": `{"text":"x","text":"y","nonce":"nonce-0001"}`,
		"a wrong type": `{"text":1,"nonce":"nonce-0001"}`, "bytes that are no text": "{\"text\":\"\xff\",\"nonce\":\"nonce-0001\"}", "no JSON": `hello`,
		"nothing": ``, "two": `{"text":"x","nonce":"nonce-0001"}{}`, "too much": `{"text":"` + strings.Repeat("x", 300<<10) + `"}`, "an array": `[]`,
	} {
		req, _ := http.NewRequest(http.MethodPost, w.url+"/api/v1/rooms/"+w.roomID("open")+"/messages", strings.NewReader(body))
		resp, err := c.HTTP.Do(req)
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	for _, path := range []string{"rooms/x", "rooms/x/messages", "files/x", "rooms/00000000-0000-0000-0000-000000000000", "contents/1", "previews/.."} {
		if err := c.Do(t.Context(), http.MethodGet, path, nil, nil); !chat.IsKind(err, chat.NotFound) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestNobodyWritesUnlessThePlaceIsOpen(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		from := chat.Open
		for _, state := range []chat.State{chat.Receiving, chat.Frozen, chat.Retired, chat.Standby} {
			_, err := w.db.SetState(t.Context(), from, state)
			w.must(err)
			from = state
			req, _ := http.NewRequest(http.MethodPost, w.url+"/api/v1/rooms/"+w.roomID("open")+"/messages", strings.NewReader(`{"text":"x","nonce":"nonce `+string(state)+`"}`))
			resp, err := c.HTTP.Do(req)
			w.must(err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %d, Retry-After %q", state, resp.StatusCode, resp.Header.Get("Retry-After"))
			}
			s, err := c.Start(t.Context())
			if err != nil || s.State != string(state) {
				t.Errorf("%s: reading says %q, %v", state, s.State, err)
			}
			if _, err := c.History(t.Context(), w.roomID("open"), "", 5); err != nil {
				t.Errorf("%s: %v", state, err)
			}
			// While a place is being filled, one may sign in and look.
			if _, err := api.NewClient(w.url).SignIn(t.Context(), "owner", password); chat.IsKind(err, chat.Unavailable) == (state == chat.Receiving) {
				t.Errorf("%s: signing in: %v", state, err)
			}
			if _, err := w.service.Sweep(t.Context()); err != nil {
				t.Errorf("%s: sweeping: %v", state, err)
			}
		}
		_, err := w.db.SetState(t.Context(), from, chat.Open)
		w.must(err)
		if _, err := c.Post(t.Context(), w.roomID("open"), "x", "nonce receiving"); err != nil {
			t.Error(err)
		}
	})
}
