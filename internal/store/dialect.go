package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"github.com/godwit-chat/godwit/internal/chat"
)

// dialect is all in which SQLite and Postgres differ. Every other statement
// is one text for both.
type dialect struct {
	goose    goose.Dialect
	shared   bool           // other processes may write to the same database
	hot      []string       // statements that the driver does not prepare by itself
	snapshot *sql.TxOptions // of a View
	lock     string         // after the SELECT that locks the head
	size     string         // the query for the bytes on disk
	bodySize string         // the number "size" of a body

	// bind writes the placeholders $1, $2 as the database wants them.
	bind func(query string) string
	// keys makes the condition that a column is one of some keys, at most
	// keysAtOnce of them, given the placeholders used so far.
	keys       func(column string, used int, keys []chat.Key) (condition string, args []any)
	keysAtOnce int
	// upsert writes rows of one table, none of them twice, all columns.
	upsert func(s *session, t *table, rows []*row) error
	// alone keeps other processes from updating the tables at the same time.
	alone func(ctx context.Context, db *DB) (unlock func(), err error)
	// indexer reports whether this process may index in the transaction.
	indexer func(s *session) (bool, error)
	// explain is the beginning of the question how a query will run.
	explain string
	// classify turns an error of the database into one for people, or nil.
	classify func(err error) *chat.Error
	// stale reports whether a connection had broken before it was used.
	stale func(err error) bool

	words words
}

// words is the index of the words of messages.
type words interface {
	create(ctx context.Context, tx *sql.Tx) error
	// put makes the entries so; an entry without terms is taken out.
	put(s *session, entries []entry) error
	clear(s *session) error
	// find returns the next entries that match, newest first.
	find(s *session, q *wordQuery) ([]hit, error)
	// settle is called when much was put.
	settle(ctx context.Context, db *DB) error
}
