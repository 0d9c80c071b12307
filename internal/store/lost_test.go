package store_test

import (
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

func TestPostgresGoesAway(t *testing.T) {
	path := testkit.Postgres(t)
	db := open(t, path)
	put(t, db, userN(1))
	before := head(t, db)
	mustExec(t, path, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	update := func() error { return db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(2)) }) }
	for tries := 0; ; tries++ {
		err := update()
		if err == nil {
			break
		}
		if !chat.IsKind(err, chat.Unavailable) || tries > 20 {
			t.Fatal(err)
		}
	}
	if after := head(t, db); after.Pos != before.Pos+1 {
		t.Error(before, after)
	}
}

func TestStoppedNodeHoldsNobodyUp(t *testing.T) {
	for name, settings := range map[string]string{
		"the server has the bound of those that write": "&idle_in_transaction_session_timeout=2000",
		"the server has no bound":                      "&idle_in_transaction_session_timeout=0",
	} {
		t.Run(name, func(t *testing.T) {
			path := testkit.Postgres(t)
			db := open(t, path)
			// What a node does that is stopped in the middle of a write.
			stopped := raw(t, path+settings)
			tx, err := stopped.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(`SELECT pos FROM head FOR UPDATE`); err != nil {
				t.Fatal(err)
			}
			took := timed(func() { put(t, db, userN(1)) })
			t.Log("a write waited for", took)
			if took.Seconds() > 5 {
				t.Errorf("a write waited for %s", took)
			}
			if err := tx.Commit(); err == nil {
				t.Error("the stopped node could commit afterwards")
			}
		})
	}
}
