package testkit

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PostgresServer is a Postgres of a test's own, which the test may break. It
// listens at an address of TCP, and has an empty database "godwit". It and all
// its data are gone after the test. Methods fail the test if they cannot do
// what they say; they return when it is so.
type PostgresServer struct {
	Address string // host:port

	t        testing.TB
	as       *syscall.Credential
	bin, dir string
	of       *PostgresServer // whose replica it is, or was
}

// StartPostgres starts a Postgres, with settings as in "max_connections=50".
func StartPostgres(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	p := newServer(t)
	p.run("initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	p.configure(append([]string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=" + p.dir, "max_connections=100", "shared_buffers=64MB",
		"wal_level=replica", "max_wal_senders=8", "wal_keep_size=256MB", "hot_standby=on", "wal_receiver_timeout=10s",
		"wal_retrieve_retry_interval=100ms", "wal_log_hints=on", "autovacuum_naptime=10",
	}, settings...)...)
	p.Start()
	p.Exec(`CREATE DATABASE godwit`, "postgres")
	return p
}

// Replica starts a server that streams what this one writes. While it is
// synchronous, a commit here waits until it is safe there.
func (p *PostgresServer) Replica(synchronous bool) *PostgresServer {
	p.t.Helper()
	r := newServer(p.t)
	r.of = p
	host, port, _ := net.SplitHostPort(p.Address)
	name := "replica" + strings.ReplaceAll(r.port(), ":", "")
	r.run("pg_basebackup", "-D", r.data(), "-X", "stream", "-c", "fast", "-R", "--no-sync",
		"-d", fmt.Sprintf("host=%s port=%s user=postgres application_name=%s", host, port, name))
	r.configure("unix_socket_directories=" + r.dir)
	r.Start()
	if synchronous {
		p.Exec(`ALTER SYSTEM SET synchronous_standby_names = '`+name+`'`, "postgres")
		p.Exec(`SELECT pg_reload_conf()`, "postgres")
		p.await("the replica is synchronous", `SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'`)
	}
	r.CatchUp()
	return r
}

// URL is the address of the database "godwit".
func (p *PostgresServer) URL() string { return PostgresURL(p.Address) }

// PostgresURL is the address of the database "godwit" at whichever of some
// addresses takes writes.
func PostgresURL(addresses ...string) string {
	return "postgres://postgres@" + strings.Join(addresses, ",") + "/godwit?sslmode=disable&target_session_attrs=read-write"
}

// Start starts the server, if it was stopped, with the data that it had.
func (p *PostgresServer) Start() {
	p.t.Helper()
	p.run("pg_ctl", "-D", p.data(), "-l", filepath.Join(p.dir, "log"), "-w", "-t", "60", "start")
}

// StopNow stops the server in the middle of what it does, as a crash would.
func (p *PostgresServer) StopNow() { p.t.Helper(); p.stop("immediate") }

// Stop stops the server as an operator would: transactions are broken off.
func (p *PostgresServer) Stop() { p.t.Helper(); p.stop("fast") }

func (p *PostgresServer) stop(mode string) {
	p.t.Helper()
	p.run("pg_ctl", "-D", p.data(), "-m", mode, "-w", "-t", "60", "stop")
}

// Promote makes a replica take writes. The server that it followed should be
// stopped: otherwise there are two.
func (p *PostgresServer) Promote() {
	p.t.Helper()
	// A synchronous one of its own is not there: commits must not wait for it.
	p.Exec(`ALTER SYSTEM RESET synchronous_standby_names`, "postgres")
	p.Exec(`SELECT pg_reload_conf()`, "postgres")
	p.run("pg_ctl", "-D", p.data(), "-w", "-t", "60", "promote")
	p.await("it takes writes", `SELECT NOT pg_is_in_recovery()`)
}

// CatchUp waits until a replica has all that its primary has committed.
func (p *PostgresServer) CatchUp() {
	p.t.Helper()
	var end string
	p.of.query(`SELECT pg_current_wal_flush_lsn()::text`, &end)
	p.await("it has caught up", `SELECT COALESCE(pg_last_wal_replay_lsn() >= '`+end+`'::pg_lsn, FALSE)`)
}

// Stall stops all processes of the server as they are: its connections stay,
// and nobody answers. Resume lets them go on.
func (p *PostgresServer) Stall()  { p.t.Helper(); p.signal(syscall.SIGSTOP) }
func (p *PostgresServer) Resume() { p.t.Helper(); p.signal(syscall.SIGCONT) }

func (p *PostgresServer) signal(s syscall.Signal) {
	p.t.Helper()
	pid := p.pid()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range append([]string{strconv.Itoa(pid)}, strings.Fields(string(children))...) {
		n, _ := strconv.Atoi(c)
		if err := syscall.Kill(n, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			p.t.Fatal(err)
		}
	}
}

// StallBackend stops the process that serves one connection (pg_backend_pid);
// ResumeBackend lets it go on.
func (p *PostgresServer) StallBackend(pid int)  { p.t.Helper(); p.backend(pid, syscall.SIGSTOP) }
func (p *PostgresServer) ResumeBackend(pid int) { p.t.Helper(); p.backend(pid, syscall.SIGCONT) }

func (p *PostgresServer) backend(pid int, s syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		p.t.Fatal(err)
	}
}

// Exec runs a statement in the database "godwit", or in another.
func (p *PostgresServer) Exec(query string, database ...string) {
	p.t.Helper()
	db := p.open(append(database, "godwit")[0])
	defer db.Close() //nolint:errcheck // it was only used for this
	if _, err := db.ExecContext(p.t.Context(), query); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
}

// Log is what the server has written about itself.
func (p *PostgresServer) Log() string {
	b, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func newServer(t testing.TB) *PostgresServer {
	t.Helper()
	bin, err := findPostgres()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "godwit-pg-")
	if err != nil {
		t.Fatal(err)
	}
	as, err := someoneElse(dir)
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(dir)))
	}
	kept, err := keep(as, bin, dir)
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(dir)))
	}
	p := &PostgresServer{t: t, as: as, bin: bin, dir: dir}
	t.Cleanup(func() {
		if t.Failed() && testing.Verbose() {
			t.Logf("Postgres at %s said:\n%s", p.Address, p.Log())
		}
		kept.Close() //nolint:errcheck // the keeper stops the server and clears up
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
			if _, err := os.Stat(dir); os.IsNotExist(err) {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
		t.Errorf("%s is not cleared up", dir)
	})
	if p.Address, err = FreeAddress(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *PostgresServer) data() string { return filepath.Join(p.dir, "data") }

func (p *PostgresServer) port() string {
	_, port, _ := net.SplitHostPort(p.Address)
	return port
}

// configure adds settings, and the port.
func (p *PostgresServer) configure(settings ...string) {
	p.t.Helper()
	f, err := os.OpenFile(filepath.Join(p.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, s := range append(settings, "port="+p.port()) {
		name, value, _ := strings.Cut(s, "=")
		_, wrong := fmt.Fprintf(f, "%s = '%s'\n", name, value)
		err = errors.Join(err, wrong)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *PostgresServer) run(program string, args ...string) {
	p.t.Helper()
	if err := run(p.as, filepath.Join(p.bin, program), args...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.Log())
	}
}

// pid is that of the first process of the server.
func (p *PostgresServer) pid() int {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		p.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		p.t.Fatal(err)
	}
	return pid
}

// open connects by the socket, which a test does not break.
func (p *PostgresServer) open(database string) *sql.DB {
	p.t.Helper()
	db, err := sql.Open("pgx", address(p.dir, database)+"&port="+p.port())
	if err != nil {
		p.t.Fatal(err)
	}
	return db
}

func (p *PostgresServer) query(query string, dest ...any) {
	p.t.Helper()
	db := p.open("postgres")
	defer db.Close() //nolint:errcheck // it was only used for this
	if err := db.QueryRowContext(p.t.Context(), query).Scan(dest...); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
}

// await asks until the answer is yes.
func (p *PostgresServer) await(what, query string) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		var yes bool
		if p.query(query, &yes); yes {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	p.t.Fatalf("Postgres at %s: not within a minute: %s", p.Address, what)
}
