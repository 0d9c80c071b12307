package server_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestRoomsAreShownAsArrivingUntilTheirMoveHasEnded(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		room := &chat.Room{ID: chat.RoomID(key("room", "from afar")), Type: chat.RoomPrivate, Name: "From afar"}
		other := w.as("outsider")
		e := w.ears("member")
		st, err := w.db.Begin(t.Context(), chat.MoveSpec{Name: "hq", Source: "hq", Artefact: "a"})
		w.must(err)
		apply := func(from, to string, done bool, objects ...chat.Object) {
			t.Helper()
			var items []chat.Incoming
			for _, o := range objects {
				items = append(items, chat.Incoming{Object: o})
			}
			_, err := w.db.Apply(t.Context(), chat.Batch{Move: "hq", Fence: st.Fence, From: from, To: to, Items: items, Done: done})
			w.must(err)
		}
		// What is under way is looked up at most every two seconds: until then
		// each message that is said in between may come first.
		n := 0
		until := func(arriving bool) {
			t.Helper()
			for begun := time.Now(); time.Since(begun) < 2*time.Minute; {
				n++
				text := fmt.Sprintf("tick %d", n)
				_, err := other.Post(t.Context(), w.roomID("open"), text, fmt.Sprintf("nonce of tick %d", n))
				w.must(err)
				if slices.ContainsFunc(e.text(text), func(v api.Event) bool {
					return v.Type == "room" && v.Room.ID == room.ID.String() && v.Room.Arriving == arriving
				}) {
					return
				}
			}
			t.Fatalf("never told that arriving is %v", arriving)
		}
		apply("", "1", false, room, &chat.Member{Room: room.ID, User: w.users["member"].ID})
		until(true)
		s, err := w.as("member").Start(t.Context())
		w.must(err)
		for _, r := range s.Rooms {
			if r.Arriving != (r.ID == room.ID.String()) {
				t.Errorf("%s: arriving %v", r.Name, r.Arriving)
			}
		}
		apply("1", "2", true)
		until(false)
	})
}

func TestTheFeedTellsAGuestOfNobodyElsewhere(t *testing.T) {
	w := sqlite(t)
	w.keeps("private")
	c, _, _ := w.guestOf("private", "Vic")
	s, err := c.Start(context.Background())
	w.must(err)
	e := w.listen(c, s.Cursor, "private", "open")
	owner := *w.users["owner"]
	owner.Title = "a title of the owner"
	w.put(&owner)
	w.say("open", "owner", "said elsewhere")
	w.must(w.as("member").Do(t.Context(), "PUT", "rooms/"+w.roomID("open")+"/members/me", nil, nil))
	w.say("private", "member", "a marker")
	for _, v := range e.text("a marker") {
		if text := string(encoded(v)); strings.Contains(text, w.users["owner"].ID.String()) || strings.Contains(text, w.roomID("open")) && v.Type != "drop" || strings.Contains(text, "elsewhere") {
			t.Errorf("a guest hears %s", text)
		}
	}
}
