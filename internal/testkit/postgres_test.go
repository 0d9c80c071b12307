package testkit_test

import (
	"database/sql"
	"testing"

	"github.com/godwit-chat/godwit/internal/testkit"
)

func TestPostgres(t *testing.T) {
	one, two := testkit.Postgres(t), testkit.Postgres(t)
	if one == two {
		t.Fatal("two tests share a database")
	}
	db, err := sql.Open("pgx", one)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var fsync string
	if err := db.QueryRow(`SHOW fsync`).Scan(&fsync); err != nil || fsync != "on" {
		t.Errorf("fsync is %q, %v: what is measured must be durable", fsync, err)
	}
}
