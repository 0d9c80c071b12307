package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

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

func (postgresWords) open(context.Context, *DB) error { return nil }
func (postgresWords) close() error                    { return nil }
func (postgresWords) size() int64                     { return 0 }

func (postgresWords) mend(_ context.Context, _ *DB, err error) error { return err }

// reading uses the same snapshot.
func (postgresWords) reading(s *session, fn func(*session) error) error { return fn(s) }

func (postgresWords) writing(ctx context.Context, db *DB, fn func(*session) (bool, error)) error {
	tx, err := db.begin(ctx, db.write, nil)
	if err != nil {
		return db.fail("index", err)
	}
	defer tx.Rollback() //nolint:errcheck // done after the commit
	s := &session{ctx: ctx, db: db, tx: tx}
	var mine bool
	if err := s.row(`SELECT pg_try_advisory_xact_lock($1)`, int64(lockIndex)).Scan(&mine); err != nil || !mine {
		return db.fail("index", err)
	}
	if ok, err := fn(s); err != nil || !ok {
		return err
	}
	return db.fail("index", tx.Commit())
}

func (postgresWords) reached(s *session) (pos int64, err error) {
	err = s.row(`SELECT pos FROM searchable`).Scan(&pos)
	return pos, s.db.fail("look how far the index is", err)
}

func (postgresWords) advance(s *session, from, to int64, _ chat.Head) (bool, error) {
	n, err := s.execCount(`UPDATE searchable SET pos = $1 WHERE pos = $2`, to, from)
	return n > 0, err
}

func (postgresWords) clear(s *session) error {
	if err := s.exec(`UPDATE searchable SET pos = 0`); err != nil {
		return err
	}
	return s.exec(`TRUNCATE words`)
}

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
