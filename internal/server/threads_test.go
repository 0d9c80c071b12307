package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestThreads(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("owner")
		root := w.post(c, "open", "what is for lunch?")
		var replies []api.Message
		for i := range 6 {
			m, err := other.Reply(t.Context(), w.roomID("open"), root.ID, fmt.Sprint("idea ", i), nonce(), i == 3)
			w.must(err)
			if m.Thread != root.ID || m.Shown != (i == 3) {
				t.Errorf("%+v", m)
			}
			replies = append(replies, m)
		}
		after := w.post(c, "open", "back to work")

		t.Run("replies are beside the history of the room, but those that were also sent to it", func(t *testing.T) {
			h, err := c.History(t.Context(), w.roomID("open"), "", 3)
			w.must(err)
			if h.Messages[0].ID != root.ID || h.Messages[1].ID != replies[3].ID || h.Messages[2].ID != after.ID {
				t.Fatalf("%q", words(h.Messages))
			}
			r := h.Messages[0].Replies
			if r == nil || r.Count != 6 || r.Last != replies[5].Sent || len(r.Faces) != 1 || r.Faces[0] != w.users["owner"].ID.String() {
				t.Errorf("%+v", r)
			}
		})
		t.Run("a thread is read in pages, from the message or from a reply", func(t *testing.T) {
			for _, id := range []string{root.ID, replies[4].ID} {
				p, err := c.Thread(t.Context(), id, "", 4)
				w.must(err)
				if p.Root.ID != root.ID || len(p.Messages) != 4 || p.Messages[0].ID != replies[2].ID || p.Older == "" || p.Newer != "" {
					t.Fatalf("%+v", p)
				}
				older, err := c.Thread(t.Context(), id, "before="+p.Older, 4)
				w.must(err)
				if len(older.Messages) != 2 || older.Older != "" || older.Newer == "" {
					t.Errorf("%q", words(older.Messages))
				}
			}
			p, err := c.Thread(t.Context(), root.ID, "around="+replies[0].ID, 4)
			w.must(err)
			if p.Messages[0].ID != replies[0].ID || p.Newer == "" {
				t.Errorf("%+v", p)
			}
			p, err = c.Thread(t.Context(), root.ID, "around="+root.ID, 4)
			if err != nil || p.Messages[0].ID != replies[0].ID {
				t.Errorf("%+v, %v", p, err)
			}
		})
		t.Run("an address of a reply leads to what it answers", func(t *testing.T) {
			h, err := c.History(t.Context(), w.roomID("open"), "around="+replies[5].ID, 3)
			w.must(err)
			if h.Thread != root.ID || !strings.Contains(fmt.Sprint(words(h.Messages)), "what is for lunch?") {
				t.Errorf("%+v", h)
			}
			h, err = c.History(t.Context(), w.roomID("open"), "around="+replies[3].ID, 3)
			if err != nil || h.Thread != "" || h.Messages[1].ID != replies[3].ID {
				t.Errorf("of one that is in the room: %+v, %v", h, err)
			}
		})
		t.Run("an answer to a reply is in the same thread", func(t *testing.T) {
			m, err := c.Reply(t.Context(), w.roomID("open"), replies[0].ID, "yes", nonce(), false)
			if err != nil || m.Thread != root.ID {
				t.Errorf("%+v, %v", m, err)
			}
		})
		t.Run("what cannot be answered", func(t *testing.T) {
			elsewhere := w.say("private", "member", "elsewhere")
			topic := w.say("open", "member", "topic")
			topic.Type = chat.MessageTopic
			w.put(topic)
			wants(t, "a message of another room", w.reply(c, elsewhere.ID.String(), "open", "x"), chat.NotFound)
			wants(t, "none", w.reply(c, w.roomID("open"), "open", "x"), chat.NotFound)
			wants(t, "no ID", w.reply(c, "x", "open", "x"), chat.Invalid)
			wants(t, "a topic", w.reply(c, topic.ID.String(), "open", "x"), chat.Invalid)
			_, err := c.Reply(t.Context(), w.roomID("open"), "", "x", nonce(), true)
			wants(t, "nothing, and sent to the room", err, chat.Invalid)
		})
		t.Run("a reply is found, and leads into its thread", func(t *testing.T) {
			w.indexed()
			f, err := c.Search(t.Context(), "idea 5", "")
			w.must(err)
			if len(f.Hits) != 1 || f.Hits[0].Message.Thread != root.ID {
				t.Errorf("%+v", f.Hits)
			}
		})
	})
}

func TestWhoFollowsAThread(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		member, owner, outsider, admin := w.as("member"), w.as("owner"), w.as("outsider"), w.as("admin")
		// One that came with an import: nobody follows it until somebody writes.
		root := w.say("open", "member", "from long ago")
		old := w.say("open", "admin", "an old answer")
		old.Thread = root.ID
		w.put(old)
		unread := func(c *api.Client) (n int) {
			t.Helper()
			s, err := c.Threads(t.Context(), 0)
			w.must(err)
			for _, f := range s.Threads {
				if f.Unread {
					n++
				}
			}
			if n != s.Unread {
				t.Errorf("%d unread, and %d are", s.Unread, n)
			}
			return 10*len(s.Threads) + n
		}
		state := func(what string, want ...int) {
			t.Helper()
			for i, c := range []*api.Client{member, owner, outsider, admin} {
				if got := unread(c); got != want[i] {
					t.Errorf("%s: %s has threads, unread: %02d, want %02d", what, []string{"member", "owner", "outsider", "admin"}[i], got, want[i])
				}
			}
		}
		state("at first", 0, 0, 0, 0)
		w.must(w.reply(owner, root.ID.String(), "open", "now"))
		state("after a first answer", 11, 10, 0, 11)
		w.must(w.reply(owner, root.ID.String(), "open", "and you, @outsider?"))
		state("after a mention", 11, 10, 11, 11)
		p, err := member.Thread(t.Context(), root.ID.String(), "", 50)
		w.must(err)
		if !p.Following || p.Read == 0 {
			t.Errorf("%+v", p)
		}
		last := p.Messages[len(p.Messages)-1]
		f := do[api.Follow](t, member, http.MethodPost, "messages/"+last.ID+"/read", api.ReadThread{Read: last.Sent})
		if f.Read != last.Sent || !f.Following || f.Thread != root.ID.String() {
			t.Errorf("%+v", f)
		}
		if f = do[api.Follow](t, member, http.MethodPost, "messages/"+last.ID+"/read", api.ReadThread{Read: 1}); f.Read != last.Sent {
			t.Errorf("read back: %+v", f)
		}
		if f = do[api.Follow](t, member, http.MethodPost, "messages/"+last.ID+"/read", api.ReadThread{Read: 1 << 60}); f.Read > last.Sent+3600*int64(second) {
			t.Errorf("read ahead: %+v", f)
		}
		state("after one has read", 10, 10, 11, 11)
		if f = do[api.Follow](t, outsider, http.MethodDelete, "messages/"+root.ID.String()+"/follow", nil); f.Following {
			t.Errorf("%+v", f)
		}
		w.must(w.reply(member, root.ID.String(), "open", "more"))
		state("after one no longer follows", 10, 11, 0, 11)
		w.must(w.reply(member, root.ID.String(), "open", "@outsider, still"))
		state("after being mentioned again", 10, 11, 11, 11)
		do[api.Follow](t, w.as("local"), http.MethodPut, "messages/"+root.ID.String()+"/follow", nil)
		if n := unread(w.as("local")); n != 10 {
			t.Errorf("who begins to follow has all read: %02d", n)
		}
		only := do[api.Threads](t, member, http.MethodGet, "threads?unread=1", nil)
		if len(only.Threads) != 0 {
			t.Errorf("%+v", only)
		}
		t.Run("a room that one was taken out of takes its threads along", func(t *testing.T) {
			inside := w.post(member, "guests", "hush")
			guest := w.as("guest")
			w.must(w.reply(guest, inside.ID, "guests", "yes"))
			w.must(w.reply(member, inside.ID, "guests", "hush hush"))
			if n := unread(guest); n != 11 {
				t.Errorf("%02d", n)
			}
			w.put(&chat.Member{Room: w.rooms["guests"].ID, User: w.users["guest"].ID, Gone: true})
			if n := unread(guest); n != 0 {
				t.Errorf("%02d", n)
			}
		})
	})
}

// Nothing leaks by what hangs on messages, to those who never could read the
// room, and to those who no longer can.
func TestNothingLeaksByWhatHangsOnMessages(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.room("shut", chat.RoomPrivate, chat.RoomActive, "member", "outsider")
		member, outsider := w.as("member"), w.as("outsider")
		root := w.post(member, "shut", "canary one")
		reply, err := outsider.Reply(t.Context(), w.roomID("shut"), root.ID, "canary two", nonce(), false)
		w.must(err)
		_, err = member.Edit(t.Context(), root.ID, "canary three")
		w.must(err)
		do[api.Message](t, outsider, http.MethodPut, "messages/"+root.ID+"/saved", nil)
		do[api.Message](t, outsider, http.MethodPut, "messages/"+reply.ID+"/pin", nil)
		_, err = outsider.React(t.Context(), root.ID, "👍", true)
		w.must(err)
		w.put(&chat.Member{Room: w.rooms["shut"].ID, User: w.users["outsider"].ID, Gone: true})

		for _, who := range []string{"outsider", "owner", "guest", "local"} {
			c := w.as(who)
			for _, id := range []string{root.ID, reply.ID} {
				for _, x := range []struct {
					method, path string
					in           any
				}{
					{"GET", "", nil}, {"GET", "/source", nil}, {"GET", "/revisions", nil}, {"GET", "/thread", nil}, {"PATCH", "", api.Edit{Text: "x"}}, {"DELETE", "", nil},
					{"POST", "/reactions", api.React{Emoji: "👍"}}, {"POST", "/reactions", api.React{Emoji: "👎", On: true}}, {"PUT", "/pin", nil}, {"DELETE", "/pin", nil},
					{"PUT", "/saved", nil}, {"DELETE", "/saved", nil}, {"PUT", "/follow", nil}, {"DELETE", "/follow", nil}, {"POST", "/read", api.ReadThread{Read: 1}},
				} {
					err := c.Do(t.Context(), x.method, "messages/"+id+x.path, x.in, nil)
					wants(t, who+": "+x.method+" "+x.path, err, chat.NotFound)
					none := c.Do(t.Context(), x.method, "messages/"+w.roomID("shut")+x.path, x.in, nil)
					if fmt.Sprint(err) != fmt.Sprint(none) {
						t.Errorf("%s: %s %s: that there is one shows: %v, and of none %v", who, x.method, x.path, err, none)
					}
				}
			}
			wants(t, who+" replies", w.reply(c, root.ID, "shut", "x"), chat.NotFound)
			if who != "guest" {
				wants(t, who+" replies from elsewhere", w.reply(c, root.ID, "open", "x"), chat.NotFound)
			}
			wants(t, who+": pins", c.Do(t.Context(), http.MethodGet, "rooms/"+w.roomID("shut")+"/pins", nil, nil), chat.NotFound)
			wants(t, who+": corrections", c.Do(t.Context(), http.MethodPost, "rooms/"+w.roomID("shut")+"/corrections", api.Correction{Old: "canary", New: "x"}, nil), chat.NotFound)
			for _, path := range []string{"saved", "threads", "threads?unread=1"} {
				out := do[map[string]any](t, c, http.MethodGet, path, nil)
				if s := fmt.Sprint(out); strings.Contains(s, "canary") || strings.Contains(s, root.ID) {
					t.Errorf("%s: %s: %s", who, path, s)
				}
			}
		}
		if p, err := member.Thread(t.Context(), root.ID, "", 10); err != nil || len(p.Messages) != 1 || text(p.Root) != "canary three" || len(p.Root.Reactions) != 1 {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestTheFeedTellsOneOfOnesOwnThreadsAndSavedMessages(t *testing.T) {
	w := sqlite(t)
	member, owner := w.as("member"), w.as("owner")
	root := w.post(member, "open", "root")
	mine, others := w.ears("member", "open"), w.ears("outsider", "open")
	w.must(w.reply(owner, root.ID, "open", "canary reply"))
	if e := mine.next("follow"); e.ID != root.ID || e.Gone || e.Read == 0 {
		t.Errorf("%+v", e)
	}
	if e := mine.next("message"); e.Message.Thread != root.ID {
		t.Errorf("%+v", e.Message)
	}
	if e := mine.next("message"); e.Message.ID != root.ID || e.Message.Replies == nil || e.Message.Replies.Count != 1 {
		t.Errorf("what is answered: %+v", e.Message)
	}
	w.must(member.Do(t.Context(), http.MethodPut, "messages/"+root.ID+"/saved", nil, nil))
	if e := mine.next("saved"); e.ID != root.ID || e.Gone {
		t.Errorf("%+v", e)
	}
	w.must(member.Do(t.Context(), http.MethodDelete, "messages/"+root.ID+"/saved", nil, nil))
	if e := mine.next("saved"); !e.Gone {
		t.Errorf("%+v", e)
	}
	w.must(member.Do(t.Context(), http.MethodDelete, "messages/"+root.ID+"/follow", nil, nil))
	if e := mine.next("follow"); e.ID != root.ID || !e.Gone {
		t.Errorf("%+v", e)
	}
	w.must(member.Do(t.Context(), http.MethodPost, "messages/"+root.ID+"/unread", nil, nil))
	if e := mine.next("read"); !e.Back || e.Unread < 0 {
		t.Errorf("%+v", e)
	}
	_, err := owner.React(t.Context(), root.ID, "👍", true)
	w.must(err)
	w.post(owner, "open", "the end")
	for _, e := range others.text("the end") {
		if e.Type == "follow" || e.Type == "saved" || e.Type == "read" {
			t.Errorf("somebody else hears %+v", e)
		}
	}
}
