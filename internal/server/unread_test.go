package server_test

import (
	"net/http"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestARoomIsMarkedUnreadFromAMessageOn(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("owner")
		var list []api.Message
		for range 4 {
			list = append(list, w.post(other, "open", "news"))
		}
		room := func() api.Room {
			t.Helper()
			s, err := c.Start(t.Context())
			w.must(err)
			for _, r := range s.Rooms {
				if r.ID == w.roomID("open") {
					return r
				}
			}
			t.Fatal("the room is not in the sidebar")
			return api.Room{}
		}
		mark := func(of chat.Time) {
			t.Helper()
			who, err := w.service.Roster(t.Context())
			w.must(err)
			w.must(w.service.MarkRead(t.Context(), []chat.Mark{{Of: &chat.Actor{User: who.Users[w.users["member"].ID], Roster: who}, Room: w.rooms["open"].ID, Read: of}}))
		}
		mark(chat.Time(list[3].Sent))
		if r := room(); r.Unread != 0 {
			t.Fatalf("%d unread after reading", r.Unread)
		}
		w.must(c.Do(t.Context(), http.MethodPost, "messages/"+list[1].ID+"/unread", nil, nil))
		if r := room(); r.Unread != 3 || r.Read >= list[1].Sent {
			t.Errorf("%d unread, read up to %d", r.Unread, r.Read)
		}
		w.must(c.Do(t.Context(), http.MethodPost, "messages/"+list[2].ID+"/unread", nil, nil))
		if r := room(); r.Unread != 2 || r.Read >= list[2].Sent || r.Read < list[1].Sent {
			t.Errorf("from a later one on: %d unread", r.Unread)
		}
		mark(chat.Time(list[3].Sent))
		if r := room(); r.Unread != 0 {
			t.Errorf("%d unread after reading again", r.Unread)
		}
		wants(t, "in a room that one is not in", w.as("outsider").Do(t.Context(), http.MethodPost, "messages/"+list[1].ID+"/unread", nil, nil), chat.Invalid)
		wants(t, "in one that one may not read", w.as("guest").Do(t.Context(), http.MethodPost, "messages/"+list[1].ID+"/unread", nil, nil), chat.NotFound)
		w.must(c.Do(t.Context(), http.MethodPost, "messages/"+list[2].ID+"/unread", nil, nil))
		w.must(other.Do(t.Context(), http.MethodDelete, "messages/"+list[3].ID, nil, nil))
		for who, want := range map[*api.Client]int{c: 1, w.as("outsider"): 0} {
			var got api.Event
			w.must(who.Do(t.Context(), http.MethodGet, "rooms/"+w.roomID("open")+"/read", nil, &got))
			if got.Type != "read" || !got.Back || got.Unread != want {
				t.Errorf("after a message was deleted: %+v, want %d unread", got, want)
			}
		}
		reply, err := other.Reply(t.Context(), w.roomID("open"), list[0].ID, "aside", nonce(), false)
		w.must(err)
		wants(t, "a reply", c.Do(t.Context(), http.MethodPost, "messages/"+reply.ID+"/unread", nil, nil), chat.Invalid)
	})
}

func TestAReadMarkFromBeforeARoomWasMarkedUnreadIsTooLate(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("owner")
		var list []api.Message
		for range 3 {
			list = append(list, w.post(other, "open", "news"))
		}
		count := func() (e api.Event) {
			t.Helper()
			w.must(c.Do(t.Context(), http.MethodGet, "rooms/"+w.roomID("open")+"/read", nil, &e))
			return e
		}
		back := func(i int) {
			t.Helper()
			w.must(c.Do(t.Context(), http.MethodPost, "messages/"+list[i].ID+"/unread", nil, nil))
		}
		mark := func(from ...int64) {
			t.Helper()
			who, err := w.service.Roster(t.Context())
			w.must(err)
			one := chat.Mark{Of: &chat.Actor{User: who.Users[w.users["member"].ID], Roster: who}, Room: w.rooms["open"].ID, Read: chat.Time(list[2].Sent)}
			if len(from) > 0 {
				one.From = (*chat.Time)(&from[0])
			}
			w.must(w.service.MarkRead(t.Context(), []chat.Mark{one}))
		}
		before := count().Read
		back(1)
		if e := count(); e.Unread != 2 {
			t.Fatalf("%d unread: those before count as read, though no mark of that came", e.Unread)
		}
		if mark(before); count().Unread != 2 {
			t.Error("a mark that was late made the room read")
		}
		first := count().Read
		back(1)
		if mark(first); count().Unread != 2 {
			t.Error("a mark from before the second time made the room read")
		}
		if mark(count().Read); count().Unread != 0 {
			t.Error("one that knows of it did not")
		}
		back(0)
		if mark(); count().Unread != 0 {
			t.Error("one that does not say what it knows did not")
		}
		back(0)
		first = count().Read
		mark(first)
		if mark(before); count().Unread != 0 {
			t.Error("a late one made it unread")
		}
	})
}
