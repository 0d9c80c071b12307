package store

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// PlanHistory returns how the database reads a page of history.
func (db *DB) PlanHistory(ctx context.Context, q chat.HistoryQuery) (string, error) {
	query, args := historyQuery(q)
	return db.plan(ctx, query, args...)
}

// PlanThreads returns how the database adds replies up.
func (db *DB) PlanThreads(ctx context.Context, roots []chat.MessageID) (string, error) {
	query, args := threadsQuery(db.d, roots)
	return db.plan(ctx, query, args...)
}

// PlanList returns how the database reads a list.
func (db *DB) PlanList(ctx context.Context, q chat.Query) (string, error) {
	query, args := listQuery(q)
	if q.In != nil {
		query, args = (&session{db: db}).listInQuery(q, q.In)
	}
	return db.plan(ctx, query, args...)
}

func (db *DB) plan(ctx context.Context, query string, args ...any) (string, error) {
	var lines []string
	err := db.view(ctx, func(s *session) error {
		return s.each(func(rows *sql.Rows) error {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			dest := make([]any, len(columns))
			for i := range dest {
				dest[i] = new(sql.RawBytes)
			}
			err = rows.Scan(dest...)
			lines = append(lines, string(*dest[len(dest)-1].(*sql.RawBytes)))
			return err
		}, db.d.explain+query, args...)
	})
	return strings.Join(lines, "\n"), err
}

// SetPair says which pair the place is in.
func (db *DB) SetPair(p chat.Pair) {
	if err := db.Govern(context.Background(), func(s *chat.Standing) error { s.Pair = p; return nil }); err != nil {
		panic(err)
	}
}

// TakeTurn takes the turn of what is done behind people's backs.
func (db *DB) TakeTurn() (end func()) {
	db.company.turn <- struct{}{}
	return func() { <-db.company.turn }
}

// Synchronous returns how the connection that writes syncs.
func (db *DB) Synchronous(t testing.TB) (how int) {
	if err := db.write.QueryRowContext(t.Context(), `PRAGMA synchronous`).Scan(&how); err != nil {
		t.Fatal(err)
	}
	return how
}

// Unheard makes it so long ago that the mover of a move was heard of.
func (db *DB) Unheard(ctx context.Context, move string, ago time.Duration) error {
	return db.locked(ctx, func(s *session, _ *head) error {
		return s.exec(`UPDATE moves SET heard = $2 WHERE name = $1`, move, int64(chat.TimeOf(time.Now().Add(-ago))))
	})
}
