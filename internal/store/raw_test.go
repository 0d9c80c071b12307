package store_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// raw opens the database beside the store, to look at it and to damage it.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(path, "postgres://") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t testing.TB, path, query string) {
	t.Helper()
	if _, err := raw(t, path).ExecContext(ctx(t), query); err != nil {
		t.Fatal(err)
	}
}

func newer(t testing.TB, path string) {
	t.Helper()
	applied := "1"
	if strings.HasPrefix(path, "postgres://") {
		applied = "TRUE"
	}
	mustExec(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, `+applied+`)`)
}
