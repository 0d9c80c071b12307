package store_test

import (
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestMembersCountsPeopleAndNotIdentities(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		objects := []chat.Object{roomN(1), roomN(2), roomN(3)}
		for i := range 7 {
			objects = append(objects, userN(i), &chat.Member{Room: roomN(1).ID, User: userN(i).ID, Gone: i == 6})
		}
		objects = append(objects,
			&chat.Match{Imported: userN(1).ID, Local: userN(0).ID}, &chat.Match{Imported: userN(2).ID, Local: userN(3).ID, Gone: true},
			&chat.Member{Room: roomN(2).ID, User: userN(1).ID})
		put(t, db, objects...)
		count := func(r chat.Reader) {
			t.Helper()
			got, err := r.Members([]chat.RoomID{roomN(1).ID, roomN(2).ID, roomN(3).ID, roomN(4).ID})
			if err != nil || len(got) != 2 || got[roomN(1).ID] != 5 || got[roomN(2).ID] != 1 {
				t.Errorf("%v, %v", got, err)
			}
		}
		if err := db.View(ctx(t), func(r chat.Reader) error { count(r); return nil }); err != nil {
			t.Error(err)
		}
		if err := db.Update(ctx(t), func(tx chat.Tx) error { count(tx); return nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestRoomsOfAMoveThatHasNotEndedAreArriving(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		put(t, db, roomN(9)) // made here
		arriving := func() int {
			t.Helper()
			list, err := db.Arriving(ctx(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range list {
				if id != roomN(1).ID && id != roomN(2).ID {
					t.Errorf("%s is arriving", id)
				}
			}
			return len(list)
		}
		if n := arriving(); n != 0 {
			t.Errorf("%d without a move", n)
		}
		st, err := db.Begin(ctx(t), chat.MoveSpec{Name: "hq", Source: "hq", Artefact: "a"})
		if err != nil {
			t.Fatal(err)
		}
		apply := func(from, to string, done bool, objects ...chat.Object) {
			t.Helper()
			if _, err := db.Apply(ctx(t), chat.Batch{Move: "hq", Fence: st.Fence, From: from, To: to, Items: incoming(objects...), Done: done}); err != nil {
				t.Fatal(err)
			}
		}
		apply("", "1", false, roomN(1), roomN(2), userN(1))
		if n := arriving(); n != 2 {
			t.Errorf("%d while it runs", n)
		}
		apply("1", "2", true)
		if n := arriving(); n != 0 {
			t.Errorf("%d when it has ended", n)
		}
		// A later export of the same source goes on with the same rooms.
		if _, err := db.Begin(ctx(t), chat.MoveSpec{Name: "hq", Source: "hq", Artefact: "b"}); err != nil {
			t.Fatal(err)
		}
		if n := arriving(); n != 2 {
			t.Errorf("%d in the second run", n)
		}
		for ago, want := range map[time.Duration]int{9 * time.Minute: 2, 11 * time.Minute: 0} {
			if err := db.Unheard(ctx(t), "hq", ago); err != nil {
				t.Fatal(err)
			}
			if n := arriving(); n != want {
				t.Errorf("%d when its mover was heard of %s ago", n, ago)
			}
		}
		if _, err := db.Begin(ctx(t), chat.MoveSpec{Name: "hq", Source: "hq", Artefact: "b"}); err != nil {
			t.Fatal(err)
		}
		if n := arriving(); n != 2 {
			t.Errorf("%d when it goes on", n)
		}
	})
}

func TestRoomsAreFoundByWhatTheirNamesLookLike(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		secret := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
		room := roomN(1)
		room.Name, room.Guest = "Suppоrt", secret // with a letter of another script
		put(t, db, room, roomN(2))
		err := db.View(ctx(t), func(r chat.Reader) error {
			for _, x := range []chat.Index{{B: chat.LookKey("SUPPORT")}, {A: chat.GuestKey(secret)}} {
				list, err := chat.List[chat.Room](r, chat.Query{Index: x})
				if err != nil || len(list) != 1 || list[0].ID != room.ID {
					t.Errorf("%+v: %v, %v", x, list, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
