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
	clock    string         // the query for the database's own clock, in µs; "" is the machine's
	server   string         // what tells a server from one that takes over from it
	freeHead string         // ends who holds the head and has waited $1 seconds for its client
	size     string         // the query for the bytes on disk
	bodySize string         // the number "size" of a body

	// bind writes the placeholders $1, $2 as the database wants them.
	bind func(query string) string
	// keys makes the condition that a column is one of some keys, at most
	// keysAtOnce of them, given the placeholders used so far.
	keys       func(column string, used int, keys []chat.Key) (condition string, args []any)
	keysAtOnce int
	// write writes rows of one table, none of them twice, all columns.
	write func(s *session, t *table, how *statements, rows []*row) error
	// tend looks after the database beside those who use it, until the store is
	// closed; nil has nothing to do.
	tend func(db *DB)
	// alone keeps other processes from updating the tables at the same time.
	alone func(ctx context.Context, db *DB) (unlock func(), err error)
	// hurry lets the transaction's commit become durable a moment later, with
	// everything that it wrote or without.
	hurry func(s *session) error
	// late lets what is committed on a connection become durable only when
	// durable is called, until end is; nil cannot.
	late func(*sql.Conn) (end func(), durable func() error, err error)
	// parts cuts the table of messages into at most n parts of about one size,
	// that are the table as the session sees it as long as that lives.
	parts func(s *session, n int) ([]part, error)
	// explain is the beginning of the question how a query will run.
	explain string
	// classify turns an error of the database into one for people, or nil.
	classify func(err error) *chat.Error
	// stale reports whether a connection had broken before it was used.
	stale func(err error) bool
	// broke reports whether an error that is Unavailable is the end of a
	// connection; nil where that says nothing.
	broke func(err error) bool
	// readOnly reports whether a server that took writes is a standby now.
	readOnly func(err error) bool

	words words
}

// words is the index of the words of messages. How far it goes is kept in it:
// it can be made again at any time, and chat does not depend on it.
type words interface {
	// create makes it in a new database, if it belongs there.
	create(ctx context.Context, tx *sql.Tx) error
	// open makes it ready, after the tables are.
	open(ctx context.Context, db *DB) error
	close() error
	// reading runs fn where the index can be read, beside or in s.
	reading(s *session, fn func(*session) error) error
	// writing runs fn in a transaction of the index, and commits it if fn says
	// so. It does nothing while another process is at it.
	writing(ctx context.Context, db *DB, fn func(*session) (bool, error)) error
	// reached returns up to which position messages are searchable.
	reached(s *session) (int64, error)
	// advance moves that on, and reports false if it was not at from.
	advance(s *session, from, to int64, h chat.Head) (bool, error)
	// put makes the entries so; an entry without terms is taken out.
	put(s *session, entries []entry) error
	clear(s *session) error
	// mend makes the index anew after err, if that is what helps.
	mend(ctx context.Context, db *DB, err error) error
	// find returns the next entries that match, newest first.
	find(s *session, q *wordQuery) ([]hit, error)
	// settle is called when much was put.
	settle(ctx context.Context, db *DB) error
	size() int64 // bytes, beside those of the database
}
