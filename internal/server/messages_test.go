package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

var nonces int

func nonce() string {
	nonces++
	return fmt.Sprintf("test-nonce-%d", nonces)
}

func (w *world) reply(c *api.Client, to, room, text string) error {
	_, err := c.Reply(context.Background(), w.roomID(room), to, text, nonce(), false)
	return err
}

func (w *world) post(c *api.Client, room, text string) api.Message {
	w.t.Helper()
	m, err := c.Post(context.Background(), w.roomID(room), text, nonce())
	w.must(err)
	return m
}

func do[T any](t *testing.T, c *api.Client, method, path string, in any) (out T) {
	t.Helper()
	if err := c.Do(t.Context(), method, path, in, &out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

func wants(t *testing.T, what string, err error, kind chat.ErrorKind) {
	t.Helper()
	if !chat.IsKind(err, kind) {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}

func text(m api.Message) string { return strings.Join(words([]api.Message{m}), "") }

func TestAMessageIsEditedAndItsEarlierTextsStay(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("owner")
		m := w.post(c, "open", "frist @owner")
		for _, s := range []string{"first @admin", "first, really"} {
			e, err := c.Edit(t.Context(), m.ID, s)
			w.must(err)
			if text(e) != s && !strings.HasPrefix(text(e), "first") || e.Edited == 0 || e.Sent != m.Sent {
				t.Errorf("%+v", e)
			}
		}
		same, err := c.Edit(t.Context(), m.ID, "first, really")
		w.must(err)
		r := do[api.Revisions](t, other, http.MethodGet, "messages/"+m.ID+"/revisions", nil)
		if len(r.Revisions) != 2 || !strings.HasPrefix(text(r.Revisions[0]), "frist") || !strings.HasPrefix(text(r.Revisions[1]), "first ") {
			t.Fatalf("%+v", r)
		}
		if r.Revisions[0].Sent != m.Sent || r.Revisions[0].Edited != r.Revisions[1].Sent || r.Revisions[1].Edited != same.Edited {
			t.Errorf("times do not follow: %+v, edited %d", r, same.Edited)
		}
		if !strings.Contains(fmt.Sprint(r.Revisions[0].Tree), w.users["owner"].ID.String()) || !strings.Contains(fmt.Sprint(r.Revisions[1].Tree), w.users["admin"].ID.String()) {
			t.Error("an earlier text lost whom it mentioned")
		}
		if got := do[api.Edit](t, other, http.MethodGet, "messages/"+m.ID+"/source", nil); got.Text != "first, really" {
			t.Error(got)
		}
		_, err = other.Edit(t.Context(), m.ID, "not mine")
		wants(t, "an owner edits another's", err, chat.Denied)
		for name, s := range map[string]string{"nothing": " \n", "too much": strings.Repeat("x", 10_001)} {
			_, err := c.Edit(t.Context(), m.ID, s)
			wants(t, name, err, chat.Invalid)
		}
		_, err = c.Edit(t.Context(), w.say("openarchived", "member", "x").ID.String(), "y")
		wants(t, "in an archived room", err, chat.Denied)
		topic := w.say("open", "member", "topic")
		topic.Type = chat.MessageTopic
		w.put(topic)
		_, err = c.Edit(t.Context(), topic.ID.String(), "y")
		wants(t, "a topic", err, chat.Denied)
	})
}

func TestTheLastMessageIsCorrected(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	w.post(c, "open", "an apple and an apple")
	last := w.post(c, "open", "a pear / a pear")
	w.post(w.as("owner"), "open", "a pear too")
	path := "rooms/" + w.roomID("open") + "/corrections"
	if m := do[api.Message](t, c, http.MethodPost, path, api.Correction{Old: "pear", New: "fig"}); m.ID != last.ID || text(m) != "a fig / a pear" {
		t.Errorf("%+v", m)
	}
	if m := do[api.Message](t, c, http.MethodPost, path, api.Correction{Old: "a ", New: "the ", All: true}); text(m) != "the fig / the pear" {
		t.Errorf("%+v", m)
	}
	wants(t, "a text that is not there", c.Do(t.Context(), http.MethodPost, path, api.Correction{Old: "apple", New: "x"}, nil), chat.NotFound)
	wants(t, "nothing", c.Do(t.Context(), http.MethodPost, path, api.Correction{New: "x"}, nil), chat.Invalid)
	wants(t, "to nothing", c.Do(t.Context(), http.MethodPost, path, api.Correction{Old: "the fig / the pear"}, nil), chat.Invalid)
	wants(t, "of one who said nothing", w.as("local").Do(t.Context(), http.MethodPost, path, api.Correction{Old: "pear", New: "x"}, nil), chat.NotFound)
	wants(t, "of a guest", w.as("guest").Do(t.Context(), http.MethodPost, path, api.Correction{Old: "pear", New: "x"}, nil), chat.NotFound)
	reply, err := c.Reply(t.Context(), w.roomID("open"), last.ID, "a plum", nonce(), false)
	w.must(err)
	if m := do[api.Message](t, c, http.MethodPost, path, api.Correction{Old: "plum", New: "grape", Thread: last.ID}); m.ID != reply.ID || text(m) != "a grape" {
		t.Errorf("%+v", m)
	}
}

func TestADeletedMessageTakesWithItWhatHangsOnIt(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("outsider")
		f := w.attach("open", "plan.txt", []byte("the plan"))
		id := f.Message.String()
		_, err := c.Edit(t.Context(), id, "a secret that was put otherwise")
		w.must(err)
		for _, r := range []string{"👍", "🎉"} {
			_, err := other.React(t.Context(), id, r, true)
			w.must(err)
		}
		do[api.Message](t, other, http.MethodPut, "messages/"+id+"/pin", nil)
		do[api.Message](t, other, http.MethodPut, "messages/"+id+"/saved", nil)
		w.must(w.reply(other, id, "open", "an answer"))
		_, err = other.Delete(t.Context(), id)
		wants(t, "by somebody else", err, chat.Denied)

		m, err := c.Delete(t.Context(), id)
		w.must(err)
		if !m.Gone || len(m.Tree)+len(m.Files)+len(m.Reactions) > 0 || m.Pinned || m.Edited != 0 || m.Replies == nil || m.Replies.Count != 1 {
			t.Errorf("%+v", m)
		}
		wants(t, "its file", c.Do(t.Context(), http.MethodGet, "files/"+f.ID.String(), nil, nil), chat.NotFound)
		if r := do[api.Revisions](t, c, http.MethodGet, "messages/"+id+"/revisions", nil); len(r.Revisions) > 0 {
			t.Errorf("%+v", r)
		}
		if s := do[api.Edit](t, c, http.MethodGet, "messages/"+id+"/source", nil); s.Text != "" {
			t.Error(s)
		}
		if p := do[api.Pins](t, other, http.MethodGet, "rooms/"+w.roomID("open")+"/pins", nil); len(p.Pins) > 0 {
			t.Errorf("%+v", p)
		}
		if s := do[api.SavedMessages](t, other, http.MethodGet, "saved", nil); len(s.Saved) > 0 {
			t.Errorf("%+v", s)
		}
		again, err := c.Delete(t.Context(), id)
		if err != nil || shown(again) != shown(m) {
			t.Errorf("again: %+v, %v", again, err)
		}
		for what, err := range map[string]error{
			"edit": c.Do(t.Context(), http.MethodPatch, "messages/"+id, api.Edit{Text: "x"}, nil), "react": c.Do(t.Context(), http.MethodPost, "messages/"+id+"/reactions", api.React{Emoji: "👍", On: true}, nil),
			"pin": c.Do(t.Context(), http.MethodPut, "messages/"+id+"/pin", nil, nil), "save": c.Do(t.Context(), http.MethodPut, "messages/"+id+"/saved", nil, nil),
		} {
			wants(t, what+" what is deleted", err, chat.NotFound)
		}
		// Nothing of it is left in what is stored.
		w.must(w.db.View(t.Context(), func(r chat.Reader) error {
			list, _, err := r.Changes(0, 100_000)
			for _, c := range list {
				if body := string(chat.EncodeBody(c.Object)); strings.Contains(body, "put otherwise") || strings.Contains(body, "see the file") || strings.Contains(body, "plan.txt") {
					t.Errorf("still stored: %s", body)
				}
			}
			return err
		}))
	})
}

func TestWhoMayDeleteAMessage(t *testing.T) {
	w := sqlite(t)
	w.put(&chat.Member{Room: w.rooms["guests"].ID, User: w.users["guest"].ID, Admin: true})
	for _, c := range []struct {
		who, room, author string
		want              chat.ErrorKind
	}{
		{"member", "private", "member", 0}, {"admin", "open", "member", 0}, {"owner", "open", "member", 0}, {"guest", "guests", "member", 0}, {"local", "private", "imported", 0},
		{"outsider", "open", "member", chat.Denied}, {"member", "guests", "guest", chat.Denied}, {"local", "private", "member", chat.Denied},
		{"outsider", "private", "member", chat.NotFound}, {"admin", "private", "member", chat.NotFound}, {"guest", "open", "member", chat.NotFound},
	} {
		m := w.say(c.room, c.author, "to be deleted")
		_, err := w.as(c.who).Delete(t.Context(), m.ID.String())
		if c.want == 0 && err != nil || c.want != 0 && !chat.IsKind(err, c.want) {
			t.Errorf("%s deletes what %s wrote in %s: %v", c.who, c.author, c.room, err)
		}
	}
	audits := 0
	w.must(w.db.View(t.Context(), func(r chat.Reader) error {
		list, err := chat.List[chat.Audit](r, chat.Query{})
		for _, a := range list {
			if a.Action == "delete message" {
				audits++
			}
		}
		return err
	}))
	if audits != 3 { // by admin, owner and guest: the others deleted their own
		t.Errorf("%d entries in the audit log", audits)
	}
}

func TestReactionsAreToggledAndBounded(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("owner")
		m := w.post(c, "open", "react")
		for range 2 {
			for _, x := range []*api.Client{c, other} {
				_, err := x.React(t.Context(), m.ID, "👍", true)
				w.must(err)
			}
		}
		got, err := c.React(t.Context(), m.ID, "🎉", true)
		w.must(err)
		want := []api.Reaction{{Emoji: "👍", People: []string{w.users["member"].ID.String(), w.users["owner"].ID.String()}}, {Emoji: "🎉", People: []string{w.users["member"].ID.String()}}}
		if fmt.Sprint(got.Reactions) != fmt.Sprint(want) {
			t.Errorf("%+v", got.Reactions)
		}
		h, err := other.History(t.Context(), w.roomID("open"), "", 1)
		w.must(err)
		if fmt.Sprint(h.Messages[0].Reactions) != fmt.Sprint(want) {
			t.Errorf("%+v", h.Messages[0].Reactions)
		}
		for range 2 {
			got, err = c.React(t.Context(), m.ID, "👍", false)
			w.must(err)
		}
		if len(got.Reactions) != 2 || len(got.Reactions[0].People)+len(got.Reactions[1].People) != 2 {
			t.Errorf("%+v", got.Reactions)
		}
		for _, bad := range []string{"", "x", "<b>", ":nothing:", strings.Repeat("👍", 30)} {
			if _, err := c.React(t.Context(), m.ID, bad, true); err == nil {
				t.Errorf("%q was taken", bad)
			}
		}
		n := 2
		for r := rune(0x1f400); r < 0x1f43e; r++ {
			_, err := c.React(t.Context(), m.ID, string(r), true)
			if n++; n <= 50 && err != nil || n > 50 && !chat.IsKind(err, chat.TooMany) {
				t.Fatalf("the %d. emoji: %v", n, err)
			}
		}
		if _, err := other.React(t.Context(), m.ID, "🐀", true); err != nil {
			t.Errorf("one that is there: %v", err)
		}
		// An imported identity's reaction is one's own.
		w.put(&chat.Reaction{Message: chat.MessageID(must(chat.ParseKey(m.ID))), User: w.users["imported"].ID, Emoji: "🐁"})
		got, err = w.as("local").React(t.Context(), m.ID, "🐁", false)
		w.must(err)
		for _, r := range got.Reactions {
			if r.Emoji == "🐁" && slices.Contains(r.People, w.users["local"].ID.String()) {
				t.Error("it is still there")
			}
		}
	})
}

// shown is all that is sent of something.
func shown(v any) string { return string(must(json.Marshal(v))) }

func TestPinsAndSavedMessages(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("outsider")
		var ids []string
		for i := range 103 {
			ids = append(ids, w.say("open", "member", fmt.Sprint("pin ", i)).ID.String())
		}
		for i, id := range ids {
			err := c.Do(t.Context(), http.MethodPut, "messages/"+id+"/pin", nil, nil)
			if i < 100 && err != nil || i >= 100 && !chat.IsKind(err, chat.TooMany) {
				t.Fatal(i, err)
			}
			w.must(c.Do(t.Context(), http.MethodPut, "messages/"+id+"/saved", nil, nil))
		}
		w.must(other.Do(t.Context(), http.MethodDelete, "messages/"+ids[99]+"/pin", nil, nil))
		p := do[api.Pins](t, other, http.MethodGet, "rooms/"+w.roomID("open")+"/pins", nil)
		if len(p.Pins) != 99 || p.Pins[0].Message.ID != ids[98] || !p.Pins[0].Message.Pinned || p.Pins[0].By != w.users["member"].ID.String() || len(p.Saved) != 0 {
			t.Errorf("%d pins, %+v", len(p.Pins), p.Pins[0])
		}
		var got []string
		for {
			s := do[api.SavedMessages](t, c, http.MethodGet, fmt.Sprint("saved?skip=", len(got)), nil)
			for _, m := range s.Saved {
				got = append(got, m.Message.ID)
			}
			if !s.More {
				break
			}
		}
		slices.Reverse(got)
		if !slices.Equal(got, ids) {
			t.Errorf("%d saved of %d, or in another order", len(got), len(ids))
		}
		h, err := c.History(t.Context(), w.roomID("open"), "", 3)
		w.must(err)
		if len(h.Saved) != 3 {
			t.Errorf("%+v", h.Saved)
		}
		w.must(c.Do(t.Context(), http.MethodDelete, "messages/"+ids[102]+"/saved", nil, nil))
		if s := do[api.SavedMessages](t, c, http.MethodGet, "saved", nil); s.Saved[0].Message.ID != ids[101] {
			t.Error("it is still there")
		}
	})
}
