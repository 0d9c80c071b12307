package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/godwit-chat/godwit/internal/chat"
)

// readers is how many may read a SQLite file at once.
const readers = 4

func sqliteDialect() *dialect {
	return &dialect{
		goose: goose.DialectSQLite3,
		hot: []string{messagesTable.upsert.one, messagesTable.upsert.many, messagesTable.insert.one, messagesTable.insert.many,
			objectsTable.upsert.one, objectsTable.upsert.many, objectsTable.insert.one, objectsTable.insert.many, secretsTable.upsert.one, saveHead, saveMove},
		snapshot:   &sql.TxOptions{ReadOnly: true},
		server:     `0`,
		size:       `SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)`,
		bodySize:   `(body ->> 'size')`,
		bind:       func(q string) string { return strings.ReplaceAll(q, "$", "?") },
		keys:       sqliteKeys,
		keysAtOnce: 500,
		write:      sqliteWrite,
		tend:       sqliteTend,
		parts:      sqliteParts,
		hurry:      func(*session) error { return nil },                                  // its one file would have to be opened again
		alone:      func(context.Context, *DB) (func(), error) { return func() {}, nil }, // the file's lock is enough
		explain:    `EXPLAIN QUERY PLAN `,
		classify:   classifySQLite,
		stale:      func(error) bool { return false },
	}
}

// openSQLite opens one connection that writes, so that writers wait in Go
// instead of failing with "database is locked", and some that read.
func openSQLite(_ context.Context, db *DB, path string) error {
	db.d = sqliteDialect()
	db.d.words = &sqliteWords{path: strings.TrimSuffix(path, ".db") + "-search.db"}
	var err error
	if !db.beside {
		if db.unlock, err = lockFile(path); err != nil {
			return err
		}
	}
	db.d.late = func(conn *sql.Conn) (func(), func() error, error) { return sqliteLate(conn, path+"-wal") }
	if db.write, db.read, err = sqlitePools(path, "full", 24<<10); err != nil {
		return err
	}
	db.tender, err = sql.Open("sqlite", sqliteName(path, "full", 1<<10))
	db.tender.SetMaxOpenConns(1)
	return err
}

// sqlitePools opens one connection that writes, with a cache of some KB, and
// some that read. What was committed survives a power cut if synchronous is
// "full"; if it is "normal", the file stays whole, but may be a little older.
func sqlitePools(path, synchronous string, cacheKB int) (write, read *sql.DB, err error) {
	if write, err = sql.Open("sqlite", sqliteName(path, synchronous, cacheKB)+"&_txlock=immediate"); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", sqliteName(path, synchronous, 4<<10)+"&_pragma=query_only(1)"); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

// sqliteName names a file and how it is used, for the driver.
func sqliteName(path, synchronous string, cacheKB int) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + fmt.Sprintf("?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(%s)"+
		"&_pragma=cache_size(-%d)&_pragma=temp_store(memory)&_pragma=journal_size_limit(67108864)&_pragma=wal_autocheckpoint(%d)&_pragma=foreign_keys(0)",
		synchronous, cacheKB, checkpoint)
}

// checkpoint is after how many pages of its log a commit copies them into the
// file itself. It is seldom on purpose: where a place is filled most pages are
// written again by the next batch, and where people are at work sqliteTend
// does it beside the commits, so that nobody who posts has to.
const checkpoint = 16000

const (
	tendAfter = 100                    // changes that are worth a checkpoint
	tendEvery = 250 * time.Millisecond // and at most so often, or a quarter of the time
)

// sqliteTend copies what was committed into the file, until the store is
// closed. It stops neither who reads nor who writes.
func sqliteTend(db *DB) {
	var done chat.Position
	for {
		bell := db.Doorbell()
		pos := db.bell.heard()
		rest := tendEvery
		if !db.filling.Load() && pos-done >= tendAfter {
			began := time.Now()
			var busy, log, copied int
			// A failure is the next commit's, too, and is said there.
			_ = db.tender.QueryRowContext(db.ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &log, &copied)
			done, rest = pos, max(tendEvery, 3*time.Since(began))
		}
		if !pause(db.ctx, rest) {
			return
		}
		select {
		case <-db.ctx.Done():
			return
		case <-bell:
		}
	}
}

// sqliteLate commits into the log of the file without a sync, which is done
// when others can write. Whoever commits after it syncs the log as far as that,
// so that nothing becomes durable without what was before it.
func sqliteLate(conn *sql.Conn, log string) (end func(), durable func() error, err error) {
	set := func(how string) error {
		_, err := conn.ExecContext(context.Background(), `PRAGMA synchronous = `+how)
		return err
	}
	end = func() {
		if set("full") != nil { // the next one gets a connection that is as it should be
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
	durable = func() error {
		f, err := os.OpenFile(log, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	}
	return end, durable, set("normal")
}

// sqliteParts goes by the numbers of rows, which they keep when they change.
func sqliteParts(s *session, n int) ([]part, error) {
	var last int64
	if err := s.row(`SELECT COALESCE(max(rowid), 0) FROM messages`).Scan(&last); err != nil {
		return nil, s.db.fail("read", err)
	}
	if last < partsFrom {
		return []part{{}}, nil
	}
	list := make([]part, n)
	for i := range int64(n) {
		list[i].condition = fmt.Sprintf(` AND rowid > %d`, last*i/int64(n))
		if i < int64(n)-1 {
			list[i].condition += fmt.Sprintf(` AND rowid <= %d`, last*(i+1)/int64(n))
		}
	}
	return list, nil
}

// lockFile keeps a second process from writing to the file.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, chat.Errorf(chat.NotFound, "cannot lock %s: %w", path, err).
			WithHint("does the directory %s exist, and may you write there?", filepath.Dir(path))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who := "another process"
		pid := make([]byte, 20)
		if n, _ := f.ReadAt(pid, 0); n > 0 { // it has the lock a moment before it has said who it is
			who = "process " + strings.TrimSpace(string(pid[:n]))
		}
		f.Close() //nolint:errcheck // the lock is what is reported
		return nil, chat.Errorf(chat.Conflict, "%s is in use by %s", path, who).
			WithHint("stop the server or the import that uses it, or import into the running server by its address http://…")
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil //nolint:errcheck // closing frees the lock
}

func writePID(f *os.File) error {
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func sqliteKeys(column string, used int, keys []chat.Key) (string, []any) {
	args := make([]any, len(keys))
	for i := range keys {
		args[i] = keys[i][:]
	}
	var b strings.Builder
	b.WriteString(column + " IN (")
	for i := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", used+i+1)
	}
	b.WriteByte(')')
	return b.String(), args
}

// rowsAtOnce is how many rows one SQLite statement writes: more is not faster.
const rowsAtOnce = 50

func sqliteWrite(s *session, t *table, how *statements, rows []*row) error {
	args := make([]any, 0, rowsAtOnce*len(t.columns))
	for len(rows) > 0 {
		n, query := rowsAtOnce, how.many
		if len(rows) < n {
			n, query = 1, how.one
		}
		args = args[:0]
		for _, r := range rows[:n] {
			args = t.args(args, r)
		}
		if err := s.exec(query, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (t *table) sqliteInsert(n int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(t.columns)), ",") + ")"
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ",") + ") VALUES " + strings.TrimSuffix(strings.Repeat(one+",", n), ",")
}

func classifySQLite(err error) *chat.Error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return nil
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return chat.Errorf(chat.Full, "the disk of the database is full: %w", err).
			WithHint("make room on it and try again: nothing was harmed, and nothing half-written is kept")
	case sqlite3.SQLITE_CONSTRAINT:
		return chat.Errorf(chat.Conflict, "it exists already: %w", err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return chat.Errorf(chat.Unavailable, "the database is busy: %w", err).WithHint("is another program using the file?")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return chat.Errorf(chat.Damaged, "the database file is damaged or is no database: %w", err).
			WithHint("restore a backup")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return chat.Errorf(chat.Denied, "the database file cannot be written: %w", err).WithHint("look at its owner and rights, and those of its directory")
	case sqlite3.SQLITE_IOERR:
		return chat.Errorf(chat.Unavailable, "the disk of the database does not work: %w", err).WithHint("look at the disk and the system's log")
	}
	return nil
}
