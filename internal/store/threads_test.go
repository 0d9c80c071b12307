package store_test

import (
	"fmt"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestThreadsAreBesideTheHistoryOfTheirRoom(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		root, other := messageN(0, 1), messageN(50, 1)
		objects := []chat.Object{root, other}
		for i := 1; i <= 9; i++ {
			m := messageN(i, 1)
			m.Thread, m.Shown = root.ID, i == 4
			m.Text = fmt.Sprint("reply ", i)
			m.Gone = i == 9
			objects = append(objects, m)
		}
		// As an import does it, and as people do.
		begin(t, db, "one").apply(objects[:6]...)
		put(t, db, objects[6:]...)
		read := func(q chat.HistoryQuery) (texts []string) {
			t.Helper()
			if err := db.View(ctx(t), func(r chat.Reader) error {
				list, err := r.History(q)
				for _, m := range list {
					texts = append(texts, m.Text)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return texts
		}
		same := func(what string, got []string, want ...string) {
			t.Helper()
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		room := chat.HistoryQuery{Room: roomN(1).ID, Limit: 50}
		same("the room", read(room), root.Text, "reply 4", other.Text)
		room.Limit = 2
		same("the newest of the room", read(room), "reply 4", other.Text)
		room.After = &chat.Anchor{Sent: root.Sent, ID: root.ID}
		same("after the root", read(room), "reply 4", other.Text)
		thread := chat.HistoryQuery{Room: roomN(1).ID, Thread: root.ID, Limit: 3}
		same("the newest replies", read(thread), "reply 7", "reply 8", "reply 9")
		m := objects[5].(*chat.Message)
		thread.Before = &chat.Anchor{Sent: m.Sent, ID: m.ID}
		same("replies before one", read(thread), "reply 1", "reply 2", "reply 3")
		thread.Before, thread.After = nil, thread.Before
		same("replies after one", read(thread), "reply 5", "reply 6", "reply 7")
		thread.Thread = other.ID
		same("a thread without replies", read(thread))

		var threads map[chat.MessageID]chat.Thread
		if err := db.View(ctx(t), func(r chat.Reader) (err error) {
			threads, err = r.Threads([]chat.MessageID{root.ID, other.ID})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got := threads[root.ID]
		if len(threads) != 1 || got.Count != 8 || got.Last != messageN(8, 1).Sent || len(got.By) != 3 || got.By[userN(1).ID].Count != 3 || got.By[userN(1).ID].Last != messageN(7, 1).Sent {
			t.Errorf("%+v", threads)
		}
	})
}

func TestAReplyMovesBetweenTheThreadAndTheRoom(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		reply := messageN(1, 1)
		reply.Thread = messageN(0, 1).ID
		in := func() int {
			var n int
			if err := db.View(ctx(t), func(r chat.Reader) error {
				list, err := r.History(chat.HistoryQuery{Room: roomN(1).ID, Limit: 5})
				n = len(list)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, shown := range []bool{false, true, false, true} {
			reply.Shown = shown
			put(t, db, reply)
			if n := in(); n == 1 != shown {
				t.Errorf("shown %v: %d in the room", shown, n)
			}
		}
	})
}
