package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// sqliteWords is an FTS5 table that keeps no texts. Its row numbers are the
// times of the messages, so that the newest are found without sorting.
type sqliteWords struct{}

// The tokenizer takes every character beyond ASCII for a part of a word:
// chat.Terms has split and folded already.
const sqliteWordsTable = `CREATE VIRTUAL TABLE words USING fts5 (terms, ref UNINDEXED, content = '', contentless_delete = 1,
	contentless_unindexed = 1, detail = none, tokenize = "ascii tokenchars '_:'")`

func (sqliteWords) create(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, sqliteWordsTable)
	return err
}

func (sqliteWords) clear(s *session) error {
	// FTS5 forgets to drop what unindexed columns of a contentless table are in.
	for _, q := range []string{`DROP TABLE words`, `DROP TABLE IF EXISTS words_content`, sqliteWordsTable} {
		if err := s.exec(q); err != nil {
			return err
		}
	}
	return nil
}

func (sqliteWords) settle(context.Context, *DB) error { return nil }

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

func (w sqliteWords) put(s *session, entries []entry) error {
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
func (sqliteWords) occupied(s *session, entries []entry, read func(*sql.Rows) error) error {
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

func (sqliteWords) find(s *session, q *wordQuery) ([]hit, error) {
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

// postgresWords is a table with a GIN index.
type postgresWords struct{}

const postgresWordsIndex = `CREATE INDEX words_terms ON words USING gin (terms)`

func (postgresWords) create(ctx context.Context, tx *sql.Tx) error {
	for _, q := range []string{
		`CREATE TABLE words (id BYTEA NOT NULL PRIMARY KEY, room BYTEA NOT NULL, sent BIGINT NOT NULL, terms TSVECTOR NOT NULL)`,
		`CREATE INDEX words_sent ON words (sent, id)`,
		postgresWordsIndex,
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (postgresWords) clear(s *session) error { return s.exec(`TRUNCATE words`) }

func (postgresWords) settle(ctx context.Context, db *DB) error {
	for _, q := range []string{`SELECT gin_clean_pending_list('words_terms')`, `ANALYZE words`} {
		if _, err := db.write.ExecContext(ctx, q); err != nil {
			return db.fail("index", err)
		}
	}
	return nil
}

// manyEntries is how many make it worth to gather more of them in the list
// that GIN sorts in later, which makes searching slower until it is settled.
const manyEntries = 1000

func (postgresWords) put(s *session, entries []entry) error {
	if len(entries) >= manyEntries {
		if err := s.exec(`SET LOCAL gin_pending_list_limit = '64MB'`); err != nil {
			return err
		}
		if err := s.exec(`SET LOCAL work_mem = '64MB'`); err != nil {
			return err
		}
	}
	ids, rooms := make([][]byte, len(entries)), make([][]byte, len(entries))
	sent, terms := make([]int64, len(entries)), make([]string, len(entries))
	for i := range entries {
		e := &entries[i]
		ids[i], rooms[i], sent[i], terms[i] = e.id[:], e.room[:], int64(e.sent), strings.Join(e.terms, " ")
	}
	return s.exec(`INSERT INTO words (id, room, sent, terms)
		SELECT id, room, sent, array_to_tsvector(string_to_array(t, ' ')) FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[]) AS u (id, room, sent, t)
		ON CONFLICT (id) DO UPDATE SET room = excluded.room, sent = excluded.sent, terms = excluded.terms`, ids, rooms, sent, terms)
}

func (postgresWords) find(s *session, q *wordQuery) ([]hit, error) {
	query, args := `SELECT id, room, sent FROM words WHERE sent >= $1 AND sent < $2`, []any{int64(q.from), int64(q.until)}
	older := q.older
	if q.after != nil {
		older = &chat.Anchor{Sent: q.after.sent, ID: q.after.id}
	}
	if older != nil {
		query, args = query+` AND (sent, id) < ($3, $4)`, append(args, int64(older.Sent), older.ID[:])
	}
	if t := tsquery(q); t != "" {
		args = append(args, t)
		query += ` AND terms @@ $` + itoa(len(args)) + `::text::tsquery`
	}
	args = append(args, q.limit)
	var hits []hit
	err := s.each(func(rows *sql.Rows) error {
		var h hit
		err := rows.Scan((*keyColumn)(&h.id), (*keyColumn)(&h.room), (*int64)(&h.sent))
		hits = append(hits, h)
		return err
	}, query+` ORDER BY sent DESC, id DESC LIMIT $`+itoa(len(args)), args...)
	return hits, err
}

// tsquery writes a query in Postgres's language.
func tsquery(q *wordQuery) string {
	var parts []string
	for _, t := range q.terms {
		parts = append(parts, lexeme(t))
	}
	if q.prefix != "" {
		parts = append(parts, lexeme(q.prefix)+`:*`)
	}
	if len(q.any) > 0 {
		any := slices.Clone(q.any)
		for i := range any {
			any[i] = lexeme(any[i])
		}
		parts = append(parts, `(`+strings.Join(any, ` | `)+`)`)
	}
	return strings.Join(parts, ` & `)
}

func lexeme(t string) string { return `'` + strings.NewReplacer(`'`, ``, `\`, ``).Replace(t) + `'` }
