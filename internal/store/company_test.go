package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
)

// among opens a store in which somebody wrote a moment ago.
func among(t *testing.T, path string) *store.DB {
	t.Helper()
	db := open(t, path)
	put(t, db, userN(100))
	return db
}

func TestAmongPeopleOneThingIsDoneAtATime(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		m.apply(userN(1), roomN(1), messageN(1, 1))
		does := map[string]func(context.Context) error{
			"apply": func(c context.Context) error {
				_, err := db.Apply(c, chat.Batch{Move: "move", Fence: m.state.Fence, From: m.state.Cursor, To: m.state.Cursor})
				return err
			},
			"tally": func(c context.Context) error {
				_, err := db.Tally(c, chat.TallyQuery{Source: "hq", Level: chat.L2})
				return err
			},
			"join":  func(c context.Context) error { _, err := db.Join(c, "hq"); return err },
			"index": func(c context.Context) error { _, err := db.Index(c, 10); return err },
		}
		end := db.TakeTurn()
		for name, do := range does {
			if err := do(ctx(t)); err != nil {
				t.Errorf("where nobody is, %s waited: %v", name, err)
			}
		}
		put(t, db, userN(2)) // now there is somebody
		over, cancel := context.WithCancel(ctx(t))
		cancel()
		for name, do := range does {
			if err := do(over); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "turn") {
				t.Errorf("among people, %s did not wait for its turn: %v", name, err)
			}
		}
		end()
		for name, do := range does {
			if err := do(ctx(t)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// What is done bite by bite has the same result.
func TestWhatIsDoneAmongPeopleIsTheSame(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := among(t, path)
		m := begin(t, db, "one")
		const messages = 1500
		objects := []chat.Object{userN(0), userN(1), userN(2)}
		for i := range 100 {
			objects = append(objects, roomN(i))
		}
		for i := range messages {
			objects = append(objects, messageN(i, i%100))
		}
		m.apply(objects...)
		joined, err := db.Join(ctx(t), "hq")
		if err != nil || joined != 300 {
			t.Errorf("%d members: %v", joined, err)
		}
		inv, err := db.Tally(ctx(t), chat.TallyQuery{Source: "hq", Level: chat.L2})
		if err != nil {
			t.Fatal(err)
		}
		var n int64
		for _, room := range inv.Rooms {
			n += room.Count
		}
		if n != messages {
			t.Errorf("%d messages were added up", n)
		}
		done, err := db.Index(ctx(t), messages)
		if err != nil || done != messages {
			t.Errorf("%d were made searchable: %v", done, err)
		}
		if left, err := db.Unindexed(ctx(t)); err != nil || left != 0 {
			t.Errorf("%d are left: %v", left, err)
		}
	})
}

// The sync that comes after a mover's batch is the mover's alone.
func TestPeoplesPostsAreDurableAfterAMoversBatch(t *testing.T) {
	db := among(t, filepath.Join(t.TempDir(), "godwit.db"))
	const full = 2
	m := begin(t, db, "one")
	for range 3 {
		m.apply(userN(1))
		if got := db.Synchronous(t); got != full {
			t.Fatalf("posts are written with synchronous = %d", got)
		}
	}
	_, err := db.Apply(ctx(t), chat.Batch{Move: "move", Fence: m.state.Fence + 1})
	if !chat.IsKind(err, chat.Conflict) {
		t.Fatalf("an old mover: %v", err)
	}
	if got := db.Synchronous(t); got != full {
		t.Errorf("after a refused batch posts are written with synchronous = %d", got)
	}
}
