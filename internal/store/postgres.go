package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/godwit-chat/godwit/internal/chat"
)

// The numbers of Godwit's advisory locks.
const (
	lockTables = 0x676f64776974 // while the tables are updated
	lockIndex  = lockTables + 1 // while messages are made searchable
)

func postgresDialect() *dialect {
	return &dialect{
		goose:    goose.DialectPostgres,
		shared:   true,
		snapshot: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		lock:     ` FOR UPDATE`,
		clock:    `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`,
		server:   `(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint`,
		freeHead: freeHeadPostgres,
		broke:    brokePostgres,
		readOnly: func(err error) bool {
			e, ok := errors.AsType[*pgconn.PgError](err)
			return ok && e.Code == "25006"
		},
		size:       `SELECT pg_database_size(current_database())`,
		bodySize:   `(body::json ->> 'size')::bigint`,
		bind:       func(q string) string { return q },
		keys:       postgresKeys,
		keysAtOnce: 10000,
		write:      postgresWrite,
		parts:      postgresParts,
		hurry:      func(s *session) error { return s.exec(`SET LOCAL synchronous_commit = off`) },
		alone:      postgresAlone,
		explain:    `EXPLAIN `,
		classify:   classifyPostgres,
		stale: func(err error) bool {
			_, connecting := errors.AsType[*pgconn.ConnectError](err)
			e := classifyPostgres(err)
			return !connecting && e != nil && e.Kind == chat.Unavailable
		},
		words: postgresWords{},
	}
}

// freeHeadPostgres finds who locked the row by the number of the transaction,
// which the row bears. A process that was stopped is waited for by its server.
const freeHeadPostgres = `SELECT pg_terminate_backend(a.pid) FROM head h JOIN pg_stat_activity a ON a.backend_xid = h.xmax
	WHERE a.wait_event_type = 'Client' AND a.state_change < clock_timestamp() - make_interval(secs => $1)`

// lasting are the settings of all connections: a client that is gone without
// a word is noticed; and no setting of a role breaks a wait for the standby
// off, after which a commit would count that is only in one place.
var lasting = map[string]string{
	"tcp_user_timeout":        "10000",
	"tcp_keepalives_idle":     "5",
	"tcp_keepalives_interval": "2",
	"tcp_keepalives_count":    "3",
	"statement_timeout":       "0",
}

// writing are the settings of connections that write. The first two keep a
// process that was stopped while it holds the head from stopping the others.
// The rest are for statements that join what comes in with what is there: they
// are planned while a table is small, and kept when it is large.
var writing = map[string]string{
	"idle_in_transaction_session_timeout": "2000",
	"lock_timeout":                        "8000",
	"enable_seqscan":                      "off",
	"enable_hashjoin":                     "off",
	"enable_mergejoin":                    "off",
	"jit":                                 "off",
}

// reading are the settings of connections that read. A plan for any word at
// all is wrong for most: it was 100 times slower.
var reading = map[string]string{"jit": "off", "plan_cache_mode": "force_custom_plan"}

// postgresMade reports whether a database has Godwit's tables.
func postgresMade(ctx context.Context, path string) (made bool, err error) {
	conn, err := pgx.Connect(ctx, path)
	if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&made)
	return made, errors.Join(err, conn.Close(ctx))
}

func openPostgres(ctx context.Context, db *DB, path string) error {
	db.d = postgresDialect()
	pool := func(conns int, settings map[string]string) (*sql.DB, error) {
		config, err := pgx.ParseConfig(path)
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "%s is not the address of a Postgres database: %w", shown(path), err).
				WithHint("as in postgres://user:password@host:5432/database")
		}
		for _, some := range []map[string]string{lasting, settings} {
			for k, v := range some {
				config.RuntimeParams[k] = v
			}
		}
		db.reach(config, path)
		if config.RuntimeParams["application_name"] == "" {
			config.RuntimeParams["application_name"] = "godwit"
		}
		p := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(durable))
		p.SetMaxOpenConns(conns)
		p.SetMaxIdleConns(conns)
		p.SetConnMaxIdleTime(5 * time.Minute)
		return p, nil
	}
	var err error
	if db.write, err = pool(4, writing); err != nil {
		return err
	}
	if db.read, err = pool(16, reading); err != nil {
		return err
	}
	return db.write.PingContext(ctx)
}

// connectBound is how long one address of several may take to answer.
const connectBound = 3 * time.Second

// reach sets how a server is reached: it is one that takes writes, unless the
// address says otherwise or the database is only looked at.
func (db *DB) reach(config *pgx.ConnConfig, path string) {
	if !db.look && !strings.Contains(path, "target_session_attrs=") {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if !strings.Contains(path, "connect_timeout=") {
		config.ConnectTimeout = connectBound
	}
	dial := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return db.lines.add(c), nil
	}
}

// durable makes commits so, if the server is set not to.
func durable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// brokePostgres tells the end of a connection from a wait that was too long.
func brokePostgres(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || e.Code[:2] == "08" || e.Code[:2] == "57" || e.Code == "25P03" || e.Code == "25006"
}

func postgresKeys(column string, used int, keys []chat.Key) (string, []any) {
	list := make([][]byte, len(keys))
	for i := range keys {
		list[i] = keys[i][:]
	}
	return column + " = ANY($" + itoa(used+1) + ")", []any{list}
}

// postgresParts goes by the places of rows, which change when they do: all
// parts are read from one snapshot.
func postgresParts(s *session, n int) ([]part, error) {
	var snapshot string
	var pages int64
	err := s.row(`SELECT pg_export_snapshot(), pg_relation_size('messages') / current_setting('block_size')::bigint`).Scan(&snapshot, &pages)
	if err != nil {
		return nil, s.db.fail("read", err)
	}
	if pages < partsFrom/50 {
		return []part{{}}, nil
	}
	list := make([]part, n)
	for i := range int64(n) {
		list[i].before = fmt.Sprintf(`SET TRANSACTION SNAPSHOT '%s'`, snapshot)
		list[i].condition = fmt.Sprintf(` AND ctid >= '(%d,0)'::tid`, pages*i/int64(n))
		if i < int64(n)-1 {
			list[i].condition += fmt.Sprintf(` AND ctid < '(%d,0)'::tid`, pages*(i+1)/int64(n))
		}
	}
	return list, nil
}

func postgresAlone(ctx context.Context, db *DB) (func(), error) {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(lockTables)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(lockTables)) //nolint:errcheck // a broken connection frees it too
		conn.Close()                                                                                     //nolint:errcheck // it goes back to the pool
	}, nil
}

func classifyPostgres(err error) *chat.Error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		var network net.Error
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
			errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed") || pgconn.SafeToRetry(err) {
			return chat.Errorf(chat.Unavailable, "the database is out of reach: %w", err).
				WithHint("is Postgres running, and is its address right?")
		}
		return nil
	}
	switch class := e.Code[:2]; {
	case e.Code == "23505":
		return chat.Errorf(chat.Conflict, "it exists already: %w", err)
	case class == "53" && e.Code != "53300":
		return chat.Errorf(chat.Full, "the database server has no room left: %w", err).
			WithHint("make room on its disk and try again: nothing was harmed, and nothing half-written is kept")
	case e.Code == "25006":
		return chat.Errorf(chat.Unavailable, "the database takes no writes: it is a standby: %w", err).
			WithHint("name all servers in the address, as in postgres://one,two/godwit?target_session_attrs=read-write, or promote one")
	case class == "08", class == "57", e.Code == "53300", e.Code == "55P03", e.Code == "25P03", class == "40":
		return chat.Errorf(chat.Unavailable, "the database is out of reach or busy: %w", err).
			WithHint("try again; look at the log of Postgres if it stays so")
	case class == "28", e.Code == "42501":
		return chat.Errorf(chat.Denied, "the database refuses: %w", err).
			WithHint("look at user and password in the address, and at the rights of the user: it must be able to make tables")
	case e.Code == "3D000":
		return chat.Errorf(chat.NotFound, "there is no such database: %w", err).WithHint("make it with createdb, or look at the address")
	case class == "XX", class == "58":
		return chat.Errorf(chat.Damaged, "the database server reports a broken file or disk: %w", err).WithHint("look at the log of Postgres")
	}
	return nil
}
