// Package store keeps the change log and its state in SQLite or Postgres,
// with one set of queries for both.
package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Options say which database to open and how.
type Options struct {
	Path string // of a SQLite file, which is made if it is missing; or postgres://…

	// Text gives the words of a message that search finds it by; nil takes
	// the text as it is stored.
	Text func(*chat.Message) string

	// Look opens a database that is there to read it, and leaves it as it is:
	// no tables are made or updated, and no epoch starts.
	Look bool
	// Beside looks at a SQLite file that a server may have open: it is not locked,
	// and nobody can search in it. Only with Look.
	Beside bool

	// Clock is what time it is for the log and for leases; nil is the machine's
	// clock, and the database's for leases. Tests set it.
	Clock func() time.Time
}

// DB is a chat.Store in SQLite or Postgres.
type DB struct {
	d           *dialect
	read, write *sql.DB
	tender      *sql.DB // SQLite's: see sqliteTend
	text        func(*chat.Message) string
	beside      bool // Options.Beside
	look        bool // Options.Look
	unlock      func()

	ctx     context.Context // the store's own, so that no client's end breaks what others share
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	queue   chan *request
	group   group
	bell    bell
	lines   lines
	servers servers
	waiting atomic.Int64 // for the head, since when in Unix nanoseconds; 0 is not
	rooms   roomCache
	index   sync.Mutex // held while messages are made searchable
	tally   sync.Mutex // held while messages are added up in parts
	known   known
	ahead   ahead
	agreed  agreed
	shapes  shapes

	filling atomic.Bool // an empty place is being filled: nobody waits for each commit

	company *company
	desk    desk

	first chat.Head        // as it was found
	clock func() time.Time // Options.Clock
	lapse struct {         // rings when a freeze ends by itself
		sync.Mutex
		timer *time.Timer
	}

	unsettled int // entries of the index since it was settled, guarded by index

	stmts  map[string]*sql.Stmt // of the one connection that writes; not changed after Open
	mu     sync.Mutex
	closed bool
}

var _ chat.Store = (*DB)(nil)

// Open opens a database, makes or updates its tables, and starts an epoch. It
// fails with Conflict if another process has the SQLite file open, or if a
// newer version has updated it; with Look also if an older one made it.
func Open(ctx context.Context, o Options) (*DB, error) {
	db := &DB{text: o.Text, clock: o.Clock, beside: o.Look && o.Beside, look: o.Look, queue: make(chan *request, 4096), stmts: map[string]*sql.Stmt{}, company: newCompany()}
	if db.text == nil {
		db.text = func(m *chat.Message) string { return m.Text }
	}
	db.ctx, db.cancel = context.WithCancel(context.Background())
	open := openSQLite
	if isPostgres(o.Path) {
		open = openPostgres
	}
	steps := []func(context.Context) error{db.migrate, db.prepare, db.startEpoch}
	if o.Look {
		steps = []func(context.Context) error{db.current, db.prepare}
	}
	err := open(ctx, db, o.Path)
	for _, step := range steps {
		if err == nil {
			err = step(ctx)
		}
	}
	if err == nil && !db.beside {
		err = db.d.words.open(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(db.fail("open "+shown(o.Path), err), db.Close())
	}
	db.wg.Go(db.runGroup)
	if db.d.tend != nil && !db.beside {
		db.wg.Go(func() { db.d.tend(db) })
	}
	if db.d.shared {
		db.wg.Go(db.watch)
	}
	return db, nil
}

// Made reports whether there is a database at a path, without making one.
func Made(ctx context.Context, path string) (bool, error) {
	if isPostgres(path) {
		made, err := postgresMade(ctx, path)
		if err != nil {
			err = (&DB{d: postgresDialect()}).fail("open "+shown(path), err)
		}
		return made, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > 0, err
}

func isPostgres(path string) bool {
	return strings.HasPrefix(path, "postgres://") || strings.HasPrefix(path, "postgresql://")
}

func (db *DB) prepare(ctx context.Context) error {
	for _, query := range db.d.hot {
		stmt, err := db.write.PrepareContext(ctx, db.d.bind(query))
		if err != nil {
			return err
		}
		db.stmts[query] = stmt
	}
	return nil
}

// shown leaves the password out of what people see of a path.
func shown(path string) string {
	scheme, rest, ok := strings.Cut(path, "://")
	if !ok {
		return path
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}

// Close ends what runs, and frees the database. Updates under way are
// finished; those that wait fail with Unavailable. Again does nothing.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	db.mu.Unlock()
	db.cancel()
	db.wg.Wait()
	db.expire(&head{}, 0)
	db.drain()
	var errs []error
	for _, s := range db.stmts {
		errs = append(errs, s.Close())
	}
	for _, pool := range []*sql.DB{db.tender, db.read, db.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if db.d != nil && db.d.words != nil {
		errs = append(errs, db.d.words.close())
	}
	if db.unlock != nil {
		db.unlock()
	}
	return errors.Join(errs...)
}

// View runs fn on one snapshot.
func (db *DB) View(ctx context.Context, fn func(chat.Reader) error) error {
	return db.view(ctx, func(s *session) error { return fn(s) })
}

func (db *DB) view(ctx context.Context, fn func(*session) error) error {
	tx, err := db.begin(ctx, db.read, db.d.snapshot)
	if err != nil {
		return db.fail("read", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return fn(&session{ctx: ctx, db: db, tx: tx})
}

// begin starts a transaction. Connections that broke while they were idle are
// passed over: after a restart of the database all of them are.
func (db *DB) begin(ctx context.Context, pool *sql.DB, o *sql.TxOptions) (tx *sql.Tx, err error) {
	for range 20 {
		tx, err = pool.BeginTx(ctx, o)
		if err == nil || !db.d.stale(err) {
			break
		}
		db.servers.breaks.Add(1)
	}
	return tx, err
}

// beginWrite is begin on a connection that is at hand beside the transaction.
func (db *DB) beginWrite(ctx context.Context) (conn *sql.Conn, tx *sql.Tx, err error) {
	for range 20 {
		if conn, err = db.write.Conn(ctx); err == nil {
			if tx, err = conn.BeginTx(ctx, nil); err == nil {
				return conn, tx, nil
			}
			conn.Close() //nolint:errcheck // the error of the transaction counts
		}
		if !db.d.stale(err) {
			break
		}
		db.servers.breaks.Add(1)
	}
	return nil, nil, err
}

// locked runs fn in a transaction that holds the head, and commits it.
func (db *DB) locked(ctx context.Context, fn func(*session, *head) error) error {
	conn, tx, err := db.beginWrite(ctx)
	if err != nil {
		return db.fail("write", err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	return db.holding(ctx, conn, tx, fn)
}

// lockedLate is locked for a mover among people: where the database can do so,
// others may write again before what was committed is durable. It is after
// durable, which must be called.
func (db *DB) lockedLate(ctx context.Context, fn func(*session, *head) error) (durable func() error, err error) {
	durable = func() error { return nil }
	if db.d.late == nil || !db.company.here() {
		return durable, db.locked(ctx, fn)
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return durable, db.fail("write", err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	end, durable, err := db.d.late(conn)
	if err != nil {
		return durable, db.fail("write", err)
	}
	defer end()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return durable, db.fail("write", err)
	}
	return durable, db.holding(ctx, conn, tx, fn)
}

// holding runs fn in a transaction, with the head locked, and commits it.
func (db *DB) holding(ctx context.Context, conn *sql.Conn, tx *sql.Tx, fn func(*session, *head) error) error {
	defer tx.Rollback() //nolint:errcheck // done after the commit
	s := &session{ctx: ctx, db: db, tx: tx, conn: conn}
	h, err := s.lock()
	if err != nil {
		return err
	}
	breaks := db.servers.breaks.Load()
	if db.servers.doubtful(breaks, h.server) {
		h.doubted = true
		if err := s.newEpoch(h, h.Pos); err != nil {
			return err
		}
		if err := s.saveHead(h); err != nil {
			return err
		}
		db.known.forget(false)
		db.ahead.forget()
		db.agreed.forget()
	}
	db.filling.Store(h.State == chat.Receiving)
	before := *h
	if h.ended {
		before.State = chat.Frozen
	}
	if err := fn(s, h); err != nil {
		return err
	}
	if *h != before {
		if err := s.saveHead(h); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return db.fail("commit", err)
	}
	db.settled(h, breaks)
	if h.State != before.State || h.Lease != before.Lease {
		db.expire(h, chat.TimeOf(db.wall()))
	}
	if h.Pos != before.Pos || h.State != before.State || h.Lease != before.Lease {
		db.bell.written(h.Pos)
	}
	return nil
}

// head is the row that every write locks first.
type head struct {
	chat.Head
	clock   chat.Time
	since   chat.Time // when the freeze began
	ended   bool      // the freeze that is stored has lapsed
	touched bool      // it is written though nothing in it is new
	server  int64     // which the head was read from
	doubted bool      // commits may have been lost before: an epoch begins
	db      *DB
}

// tick returns a moment after every one that it returned before.
func (h *head) tick() chat.Time {
	h.clock = max(h.clock+1, chat.TimeOf(h.db.wall()))
	return h.clock
}

func (s *session) lock() (*head, error) {
	s.db.waiting.CompareAndSwap(0, time.Now().UnixNano())
	defer s.db.waiting.Store(0)
	return s.readHead(s.db.d.lock)
}

// settled remembers which server took a commit.
func (db *DB) settled(h *head, breaks int64) {
	db.servers.settle(breaks, h.server)
	if h.doubted {
		db.bell.again(h.Pos)
	}
}

// readHead reads the head. A freeze whose lease ran out is over.
func (s *session) readHead(suffix string) (*head, error) {
	h := &head{db: s.db}
	err := s.row(`SELECT log, epoch, pos, state, lease, since, clock, `+s.db.d.server+` FROM head`+suffix).
		Scan((*keyColumn)(&h.LogID), (*keyColumn)(&h.Epoch), &h.Pos, &h.State, &h.Lease, &h.since, &h.clock, &h.server)
	if err != nil {
		return nil, s.db.fail("read the head of the log", err)
	}
	if h.State != chat.Frozen {
		return h, nil
	}
	now, err := s.now() // after the lock was had
	if err != nil {
		return nil, err
	}
	if h.lapsed(now) {
		h.State, h.Lease, h.since, h.ended = chat.Open, 0, 0, true
	}
	return h, nil
}

const saveHead = `UPDATE head SET epoch = $1, pos = $2, state = $3, lease = $4, since = $5, clock = $6`

func (s *session) saveHead(h *head) error {
	return s.exec(saveHead,
		bytesOf(h.Epoch), int64(h.Pos), string(h.State), int64(h.Lease), int64(h.since), int64(h.clock))
}

// SetState moves the place from one state to another; again does nothing.
func (db *DB) SetState(ctx context.Context, from, to chat.State) (pos chat.Position, err error) {
	err = db.locked(ctx, func(s *session, h *head) error {
		if err := s.governed(h); err != nil {
			return err
		}
		if h.State != from && h.State != to {
			return chat.Errorf(chat.Conflict, "this place is %s, not %s", h.State, from).
				WithHint("look at what else is being done to it")
		}
		h.State, h.Lease, h.since, pos = to, 0, 0, h.Pos
		return nil
	})
	return pos, err
}
