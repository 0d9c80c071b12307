// Package testkit starts whole servers and clusters, seeds them, breaks them
// on cue, checks sources; for tests only.
package testkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Postgres returns the address of a fresh, empty database, which is dropped at
// the end of the test. The first call of a process starts a cluster of its
// own in a temporary directory; it ends and is removed with the process, even
// if that is killed. Without Postgres the test fails.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	dir, err := startCluster()
	if err != nil {
		t.Fatalf("Postgres does not start: %v", err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	admin, err := sql.Open("pgx", address(dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close() //nolint:errcheck // only looked at
	if _, err := admin.Exec(`CREATE DATABASE ` + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin, err := sql.Open("pgx", address(dir, "postgres"))
		if err == nil {
			_, err = admin.ExecContext(context.Background(), `DROP DATABASE `+name+` WITH (FORCE)`)
			err = errors.Join(err, admin.Close())
		}
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return address(dir, name)
}

var (
	databases    atomic.Int64
	startCluster = sync.OnceValues(newCluster)
)

func address(dir, name string) string {
	return "postgres://postgres@/" + name + "?host=" + dir
}

// keeper waits until its input ends, which it does when the process that
// started it is gone however that came, and then clears up.
// What was stopped by a signal is let go before.
const keeper = `cat >/dev/null; pid=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null); [ -z "$pid" ] ||
kill -CONT $pid $(cat /proc/$pid/task/$pid/children) 2>/dev/null; "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1; rm -rf "$2"`

func newCluster() (dir string, err error) {
	bin, err := findPostgres()
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "godwit-pg-"); err != nil {
		return "", err
	}
	as, err := someoneElse(dir)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	if alive, err = keep(as, bin, dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	data := filepath.Join(dir, "data")
	options := "-c listen_addresses= -c unix_socket_directories=" + dir +
		" -c shared_buffers=256MB -c max_wal_size=4GB -c max_connections=200 -c fsync=on -c autovacuum_naptime=10"
	for _, c := range [][]string{
		{"initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"},
		{"pg_ctl", "-D", data, "-l", filepath.Join(dir, "log"), "-o", options, "-w", "-t", "60", "start"},
	} {
		if err := run(as, filepath.Join(bin, c[0]), c[1:]...); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func findPostgres() (bin string, err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	for _, f := range found {
		return filepath.Dir(f), nil
	}
	if f, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(f), nil
	}
	return "", errors.New("it is not installed; as root: apt-get install postgresql")
}

// version is the number in /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// someoneElse returns who is to run Postgres, which refuses to be root, and
// gives them the directory; nil is the user of this process.
func someoneElse(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // as the comment says
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, uid, gid)
	}
	return nil, errors.New("there is no user postgres or nobody to run it, and it refuses to be root")
}

func run(as *syscall.Credential, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true}
	cmd.Dir = "/"
	// A file, not a pipe: the server inherits it, and would keep a pipe open.
	out, err := os.CreateTemp("", "godwit-pg-out-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) //nolint:errcheck // a temporary file
	defer out.Close()           //nolint:errcheck // a temporary file
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, said)
	}
	return nil
}

// alive is the keeper's input: open as long as this process lives.
var alive io.Closer //nolint:unused // it only has to be held

// keep starts a keeper of a directory, which clears up when its input is closed.
func keep(as *syscall.Credential, bin, dir string) (io.Closer, error) {
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true}
	cmd.Dir = "/"
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return in, cmd.Start()
}
