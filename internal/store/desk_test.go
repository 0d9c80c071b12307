package store_test

import (
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestDesk(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		if _, err := db.Told(ctx(t), "move"); !chat.IsKind(err, chat.NotFound) {
			t.Error(err)
		}
		tell := func(status string, after int64) []chat.Order {
			t.Helper()
			orders, err := db.Tell(ctx(t), "move", []byte(status), after)
			if err != nil {
				t.Fatal(err)
			}
			return orders
		}
		tell(`{"n":1}`, 0)
		tell(`{"n":2}`, 0)
		if st, err := db.Told(ctx(t), "move"); err != nil || string(st.Status) != `{"n":2}` || st.At == 0 {
			t.Error(st, err)
		}
		govern(t, db, func(s *chat.Standing) { s.State = chat.Standby }) // whatever the place is
		for _, word := range []string{"cutover", "pause"} {
			if _, err := db.Order(ctx(t), "move", "Ann", word, "--at 12:00"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Order(ctx(t), "other", "Ann", "abort", ""); err != nil {
			t.Fatal(err)
		}
		all := tell(`{}`, 0)
		if len(all) != 2 || all[0].Word != "cutover" || all[0].Who != "Ann" || all[0].Args != "--at 12:00" || all[0].At == 0 || all[1].N <= all[0].N {
			t.Fatal(all)
		}
		if left := tell(`{}`, all[0].N); len(left) != 1 || left[0] != all[1] {
			t.Error(left)
		}
		if list, err := db.Orders(ctx(t), "move", 1); err != nil || len(list) != 1 || list[0] != all[1] {
			t.Error(list, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, path)
		if st, err := again.Told(ctx(t), "move"); err != nil || string(st.Status) != `{"n":1}` {
			t.Errorf("after a restart, what was stored: %s, %v", st.Status, err)
		}
		if list, err := again.Orders(ctx(t), "move", 9); err != nil || len(list) != 2 {
			t.Error(list, err)
		}
	})
}
