package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/godwit-chat/godwit/internal/chat"
)

// sqliteWords is an FTS5 table that keeps no texts. Its row numbers are the
// times of the messages, so that the newest are found without sorting. It is
// in a file of its own beside the database: SQLite has one writer a file, and
// nobody should wait with a message while others become searchable. The file
// is made anew if it is damaged, or does not belong to the database.
type sqliteWords struct {
	path string

	mu          sync.RWMutex // held to use the pools, and locked to make them anew
	write, read *sql.DB

	crowd atomic.Bool // see gather
}

// wordsVersion is of the file's tables: one of another version is made anew.
const wordsVersion = "1"

// The tokenizer takes every character beyond ASCII for a part of a word:
// chat.Terms has split and folded already.
const sqliteWordsTable = `CREATE VIRTUAL TABLE words USING fts5 (terms, ref UNINDEXED, content = '', contentless_delete = 1,
	contentless_unindexed = 1, detail = none, tokenize = "ascii tokenchars '_:'")`

var sqliteWordsTables = []string{
	sqliteWordsTable,
	`CREATE TABLE searchable (one SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1), pos BIGINT NOT NULL, log BYTEA NOT NULL, epoch BYTEA NOT NULL)`,
	`INSERT INTO searchable VALUES (1, 0, x'', x'')`,
	`PRAGMA user_version = ` + wordsVersion,
}

// create makes nothing in the database.
func (*sqliteWords) create(context.Context, *sql.Tx) error { return nil }

func (w *sqliteWords) open(ctx context.Context, db *DB) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ok, err := w.use(ctx, db); ok && err == nil {
		return nil
	}
	return w.anew(ctx) // whatever is wrong with it
}

// use opens the file, and reports whether it is what this database needs.
func (w *sqliteWords) use(ctx context.Context, db *DB) (ok bool, err error) {
	if w.write, w.read, err = sqlitePools(w.path, "normal", 8<<10); err != nil {
		return false, err
	}
	var version string
	if err := w.write.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil || version != wordsVersion {
		return false, err
	}
	var pos int64
	var log, epoch chat.Key
	err = w.write.QueryRowContext(ctx, `SELECT pos, log, epoch FROM searchable`).Scan(&pos, (*keyColumn)(&log), (*keyColumn)(&epoch))
	if err != nil || pos == 0 {
		return err == nil, err
	}
	err = db.view(ctx, func(s *session) error {
		h, err := s.Head()
		if err != nil {
			return err
		}
		// After a database was set back to a copy, positions are given out again:
		// what is known of those behind the copy's end is of other messages.
		end := int64(h.Pos)
		if epoch != h.Epoch {
			err = s.row(`SELECT COALESCE(min(pos), -1) FROM epochs WHERE started > (SELECT started FROM epochs WHERE id = $1)`, epoch[:]).Scan(&end)
		}
		ok = log == h.LogID && pos <= end
		return s.db.fail("look how old the index is", err)
	})
	return ok, err
}

// anew makes the file anew. Index fills it.
func (w *sqliteWords) anew(ctx context.Context) error {
	errs := []error{w.closePools()}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(w.path + end); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove the old index: %w", err)
	}
	var err error
	if w.write, w.read, err = sqlitePools(w.path, "normal", 8<<10); err != nil {
		return err
	}
	w.crowd.Store(false)
	tx, err := w.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // done after the commit
	for _, q := range sqliteWordsTables {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (w *sqliteWords) closePools() error {
	var errs []error
	for _, pool := range []*sql.DB{w.read, w.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

func (w *sqliteWords) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closePools()
}

func (w *sqliteWords) size() int64 {
	info, err := os.Stat(w.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// mend makes a damaged file anew.
func (w *sqliteWords) mend(ctx context.Context, _ *DB, err error) error {
	if !chat.IsKind(err, chat.Damaged) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.anew(ctx)
}

// reading uses a snapshot of its own: what was found is looked at again in s.
func (w *sqliteWords) reading(s *session, fn func(*session) error) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	tx, err := s.db.begin(s.ctx, w.read, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.db.fail("read the index", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return fn(&session{ctx: s.ctx, db: s.db, tx: tx})
}

func (w *sqliteWords) writing(ctx context.Context, db *DB, fn func(*session) (bool, error)) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if err := w.gather(ctx, db.company.here()); err != nil {
		return db.fail("index", err)
	}
	tx, err := db.begin(ctx, w.write, nil)
	if err != nil {
		return db.fail("index", err)
	}
	defer tx.Rollback() //nolint:errcheck // done after the commit
	if ok, err := fn(&session{ctx: ctx, db: db, tx: tx}); err != nil || !ok {
		return err
	}
	return db.fail("index", tx.Commit())
}

// amongPeople is checkpoint where people are at work: all that is copied at
// once is synced, and whoever posts meanwhile waits for the same disk.
const amongPeople = 1500

// gather sets how much is gathered before it is copied into the file.
func (w *sqliteWords) gather(ctx context.Context, crowd bool) error {
	if crowd == w.crowd.Load() {
		return nil
	}
	pages := checkpoint
	if crowd {
		pages = amongPeople
	}
	_, err := w.write.ExecContext(ctx, fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, pages))
	if err == nil {
		w.crowd.Store(crowd)
	}
	return err
}

func (*sqliteWords) reached(s *session) (pos int64, err error) {
	err = s.row(`SELECT pos FROM searchable`).Scan(&pos)
	return pos, s.db.fail("look how far the index is", err)
}

func (*sqliteWords) advance(s *session, from, to int64, h chat.Head) (bool, error) {
	n, err := s.execCount(`UPDATE searchable SET pos = $1, log = $2, epoch = $3 WHERE pos = $4`, to, h.LogID[:], h.Epoch[:], from)
	return n > 0, err
}

func (*sqliteWords) clear(s *session) error {
	// FTS5 forgets to drop what unindexed columns of a contentless table are in.
	for _, q := range []string{`UPDATE searchable SET pos = 0`, `DROP TABLE words`, `DROP TABLE IF EXISTS words_content`, sqliteWordsTable} {
		if err := s.exec(q); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteWords) settle(context.Context, *DB) error { return nil }

// tieBits are for messages of the same microsecond, in the order of their
// IDs: the first bits of what differs in IDs of the same time.
const tieBits = 10

func rowOf(sent chat.Time, id chat.MessageID) int64 {
	tie := (int64(id[6]&0x0f)<<8 | int64(id[7])) >> (12 - tieBits)
	return clampRow(sent)<<tieBits | tie
}

func clampRow(sent chat.Time) int64 {
	const most = math.MaxInt64 >> tieBits
	return min(max(int64(sent), -most), most-1)
}

func (w *sqliteWords) put(s *session, entries []entry) error {
	used := make(map[int64]chat.MessageID, len(entries))
	read := func(rows *sql.Rows) error {
		var row int64
		var b sql.RawBytes
		err := rows.Scan(&row, &b)
		if err == nil {
			used[row], _ = splitRef(b)
		}
		return err
	}
	if err := w.occupied(s, entries, read); err != nil {
		return err
	}
	// OR REPLACE looks for every row that it might replace in the whole index.
	insert, err1 := s.tx.PrepareContext(s.ctx, `INSERT INTO words (rowid, terms, ref) VALUES (?, ?, ?)`)
	replace, err2 := s.tx.PrepareContext(s.ctx, `INSERT OR REPLACE INTO words (rowid, terms, ref) VALUES (?, ?, ?)`)
	if err := errors.Join(err1, err2); err != nil {
		return s.db.fail("index", err)
	}
	defer insert.Close()  //nolint:errcheck // the transaction ends it too
	defer replace.Close() //nolint:errcheck // the transaction ends it too
	// FTS5 writes out what it has gathered whenever a row is not after the last
	// one, and an import gives rooms from the newest message back.
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(rowOf(a.sent, a.id), rowOf(b.sent, b.id)) })
	for _, e := range entries {
		row := rowOf(e.sent, e.id)
		for id, taken := used[row]; taken && id != e.id; id, taken = used[row] {
			row++
			if _, known := used[row]; !known {
				if err := s.each(read, `SELECT rowid, ref FROM words WHERE rowid = $1`, row); err != nil {
					return err
				}
			}
		}
		write := insert
		if _, there := used[row]; there {
			write = replace
		}
		used[row] = e.id
		// Without terms it keeps its row: whoever had to go on to the next one
		// must find it there again.
		ref := append(e.id[:len(e.id):len(e.id)], e.room[:]...)
		if _, err := write.ExecContext(s.ctx, row, strings.Join(e.terms, " "), ref); err != nil {
			return s.db.fail("index", err)
		}
	}
	return nil
}

// occupied reads which of the rows that entries want are taken.
func (*sqliteWords) occupied(s *session, entries []entry, read func(*sql.Rows) error) error {
	const atOnce = 500
	for len(entries) > 0 {
		n := min(len(entries), atOnce)
		args := make([]any, n)
		for i, e := range entries[:n] {
			args[i] = rowOf(e.sent, e.id)
		}
		// The table behind the virtual one: one search, not one each.
		err := s.each(read, `SELECT id, c1 FROM words_content WHERE id IN (`+strings.TrimSuffix(strings.Repeat("?,", n), ",")+`)`, args...)
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func splitRef(b []byte) (id chat.MessageID, room chat.RoomID) {
	if len(b) == len(id)+len(room) {
		copy(id[:], b)
		copy(room[:], b[len(id):])
	}
	return id, room
}

func (*sqliteWords) find(s *session, q *wordQuery) ([]hit, error) {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if q.from != math.MinInt64 {
		low = clampRow(q.from) << tieBits
	}
	if q.until != math.MaxInt64 {
		high = clampRow(q.until)<<tieBits + 1<<tieBits // rows that had to give way may be beyond
	}
	if q.older != nil {
		high = min(high, (clampRow(q.older.Sent)+2)<<tieBits)
	}
	if q.after != nil {
		high = q.after.row
	}
	query, args := `SELECT rowid, ref FROM words WHERE rowid >= $1 AND rowid < $2`, []any{low, high}
	if match := matchExpression(q); match != "" {
		query, args = query+` AND words MATCH $3`, append(args, match)
	}
	var hits []hit
	err := s.each(func(rows *sql.Rows) error {
		var h hit
		var ref sql.RawBytes
		err := rows.Scan(&h.row, &ref)
		h.id, h.room = splitRef(ref)
		h.sent = chat.Time(h.row >> tieBits)
		if len(hits) >= q.limit && h.sent != hits[len(hits)-1].sent {
			return errEnough
		}
		hits = append(hits, h)
		return err
	}, query+` ORDER BY rowid DESC`, args...)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return hits, err
}

var errEnough = errors.New("enough")

// matchExpression writes a query in FTS5's language. Terms have no quotes.
func matchExpression(q *wordQuery) string {
	var parts []string
	for _, t := range q.terms {
		parts = append(parts, quoteTerm(t))
	}
	if q.prefix != "" {
		parts = append(parts, quoteTerm(q.prefix)+` *`)
	}
	if len(q.any) > 0 {
		var any []string
		for _, t := range q.any {
			any = append(any, quoteTerm(t))
		}
		parts = append(parts, `(`+strings.Join(any, ` OR `)+`)`)
	}
	return strings.Join(parts, ` AND `)
}

func quoteTerm(t string) string { return `"` + strings.ReplaceAll(t, `"`, ``) + `"` }
