package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
)

func reopen(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(ctx(t), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func finds(t *testing.T, db *store.DB, word string) int {
	t.Helper()
	if _, err := db.Index(ctx(t), 1000); err != nil {
		t.Fatal(err)
	}
	list, err := db.Search(ctx(t), chat.SearchQuery{Viewer: userN(1).ID, Terms: chat.Terms(word, true), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestSQLiteKeepsWordsInAFileThatMayGetLost(t *testing.T) {
	dir := t.TempDir()
	path, index := filepath.Join(dir, "godwit.db"), filepath.Join(dir, "godwit-search.db")
	say := func(db *store.DB, n int, text string) {
		m := messageN(n, 1)
		m.Text = text
		put(t, db, m)
	}
	db := reopen(t, path)
	put(t, db, userN(1), roomN(1))
	say(db, 1, "curlew")
	if n := finds(t, db, "curlew"); n != 1 {
		t.Fatalf("%d found", n)
	}
	closeIt := func() {
		t.Helper()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	closeIt()

	for name, harm := range map[string]func() error{
		"deleted": func() error { return os.Remove(index) },
		"no database": func() error {
			return os.WriteFile(index, []byte("not a database at all, but long enough to look at"), 0o600)
		},
		"empty":                      func() error { return os.Truncate(index, 0) },
		"of another version":         func() error { mustExec(t, index, `PRAGMA user_version = 99`); return nil },
		"of another place":           func() error { mustExec(t, index, `UPDATE searchable SET log = x'00'`); return nil },
		"of an epoch not known here": func() error { mustExec(t, index, `UPDATE searchable SET epoch = x'00'`); return nil },
		"damaged inside": func() error {
			f, err := os.OpenFile(index, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt(make([]byte, 8192), 8192)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := harm(); err != nil {
				t.Fatal(err)
			}
			db = reopen(t, path)
			defer closeIt()
			say(db, 2, "dunlin "+name)
			for range 3 { // damage may be noticed when it is written to
				_, _ = db.Index(context.Background(), 1000)
			}
			if n := finds(t, db, "curlew"); n != 1 {
				t.Errorf("curlew: %d found", n)
			}
			if n := finds(t, db, "dunlin"); n != 1 {
				t.Errorf("dunlin: %d found", n)
			}
			if n, err := db.Unindexed(ctx(t)); n != 0 || err != nil {
				t.Error(n, err)
			}
		})
	}
}

func TestAnIndexNewerThanARestoredDatabaseIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "godwit.db")
	db := reopen(t, path)
	put(t, db, userN(1), roomN(1))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db = reopen(t, path)
	for i := range 20 {
		m := messageN(i, 1)
		m.Text = "lost"
		put(t, db, m)
	}
	if n := finds(t, db, "lost"); n == 0 {
		t.Fatal("nothing found")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, string(backup))
	for _, end := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + end)
	}
	db = reopen(t, path)
	defer db.Close()
	m := messageN(30, 1)
	m.Text = "found" // at a position that was another message's
	put(t, db, m)
	if n := finds(t, db, "found"); n != 1 {
		t.Errorf("%d found", n)
	}
	if n := finds(t, db, "lost"); n != 0 {
		t.Errorf("%d of what is no longer there found", n)
	}
}
