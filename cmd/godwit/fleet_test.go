package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// pidOf is a decimal number; what is none is 0.
func pidOf(text string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(text)) //nolint:errcheck // 0 is said
	return n
}

// fleet is two places on this machine, each a process that can be killed and
// started again under the same address, with people who write all the time.
type fleet struct {
	t testing.TB
	company
	dir   string
	bin   string // with traps: see armed
	from  *ship
	to    *ship
	write *testkit.Writers
	stop  func() // ends the writing, and waits for its end
}

// ship is one of the places.
type ship struct {
	fleet   *fleet
	name    string
	address string
	at      []string // flags that say where it is
	token   string

	mu   sync.Mutex
	cmd  *exec.Cmd
	log  bytes.Buffer
	gone chan struct{} // closed when the process has ended
}

// company is how large a fleet's place is.
type company struct{ messages, people int }

// few is a company for tests of what happens, rather than of how fast.
var few = company{messages: 3000, people: 8}

// newFleet makes a place with history and people in it, an empty one, and
// starts both. Where says which databases they are in: "sqlite" or "postgres".
func newFleet(t testing.TB, from, to string, of company) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), company: of}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f.bin = filepath.Join(f.dir, "godwit")
	if err := os.Symlink(self, f.bin); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(f.dir, "password"), []byte(journeyPassword))
	f.from, f.to = f.ship("from", from), f.ship("to", to)
	f.run("sample", "--users=30", "--rooms=12", fmt.Sprintf("--messages=%d", of.messages), "--files=20", "export.tar")
	into := "from"
	args := []string{"import", "hipchat:export.tar"}
	if db, ok := strings.CutPrefix(f.from.at[0], "--database="); ok {
		into = db
		args = append(args, f.from.at[1])
	}
	f.run(append(args, into)...)
	for i := range f.company.people {
		args := []string{"admin", "create-user", fmt.Sprint("Writer ", i), writerEmail(i), "--password-file=password"}
		if i == 0 {
			args = append(args, "--owner")
		}
		f.run(append(args, f.from.at...)...)
	}
	f.from.start()
	f.to.start()
	for _, s := range []*ship{f.from, f.to} {
		s.token = strings.TrimSpace(f.run(append([]string{"admin", "token", "--for=move"}, s.at...)...))
	}
	return f
}

func writerEmail(i int) string { return fmt.Sprintf("writer%d@example.org", i) }

// run runs the program, without a trap, to its end.
func (f *fleet) run(args ...string) string {
	f.t.Helper()
	return programOutput(f.t, f.dir, f.bin, args...)
}

func (f *fleet) ship(name, where string) *ship {
	s := &ship{fleet: f, name: name, at: []string{"--data=" + name}}
	if where == "postgres" {
		s.at = []string{"--database=" + testkit.Postgres(f.t), "--files=" + name + "-files"}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	s.address = "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		f.t.Fatal(err)
	}
	return s
}

// start starts the process, and waits until it answers. If it is killed by a
// trap it is started again at once, until the test has ended.
func (s *ship) start() {
	s.launch()
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			s.mu.Lock()
			gone := s.gone
			s.mu.Unlock()
			select {
			case <-ended:
				return
			case <-gone:
				s.launch()
			}
		}
	})
	s.fleet.t.Cleanup(func() {
		close(ended)
		watch.Wait()
		_ = s.process().Signal(syscall.SIGTERM) // it may have ended
		<-s.gone
		if s.fleet.t.Failed() {
			s.fleet.t.Logf("the log of %s:\n%s", s.name, &s.log)
		}
	})
}

func (s *ship) process() *os.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process
}

func (s *ship) launch() {
	cmd := exec.Command(s.fleet.bin, append([]string{"serve", "--listen=" + strings.TrimPrefix(s.address, "http://")}, s.at...)...) //nolint:gosec // the test's own program
	cmd.Dir = s.fleet.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.fleet.t.Error(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd.Stderr = &s.log
	if err := cmd.Start(); err != nil {
		s.fleet.t.Error(err)
		return
	}
	gone := make(chan struct{})
	s.cmd, s.gone = cmd, gone
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "Godwit is at ") {
				close(ready)
				break
			}
		}
		for lines.Scan() { //nolint:revive // until it has ended
		}
		_ = cmd.Wait() // it was killed, or told to end
		close(gone)
	}()
	select {
	case <-ready:
	case <-gone:
		s.fleet.t.Errorf("%s did not start:\n%s", s.name, &s.log)
	}
}

// state is what the place says that it is.
func (s *ship) state() chat.State {
	s.fleet.t.Helper()
	c := &api.MoveClient{URL: s.address, Token: s.token, HTTP: http.DefaultClient, Patience: 30 * time.Second}
	var p api.MovePlace
	if err := c.Call(s.fleet.t.Context(), http.MethodGet, "place", nil, nil, &p); err != nil {
		s.fleet.t.Fatal(err)
	}
	return p.State
}

// client is somebody who is signed in, at an address.
func (f *fleet) client(address string, i int) *api.Client {
	f.t.Helper()
	c := api.NewClient(address)
	c.HTTP.Timeout = time.Minute
	c.HTTP.Transport = from{fmt.Sprintf("192.0.2.%d", i%250+1), &http.Transport{MaxIdleConnsPerHost: 2}}
	f.t.Cleanup(c.HTTP.CloseIdleConnections)
	if _, err := c.SignIn(f.t.Context(), writerEmail(i), journeyPassword); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// from sends requests as a proxy does, for people who are each somewhere else.
type from struct {
	address string
	*http.Transport
}

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.Transport.RoundTrip(r)
}

// people let people write at the address of the first place from now on.
func (f *fleet) people(every time.Duration) {
	f.t.Helper()
	f.write = &testkit.Writers{Every: every}
	for i := range f.company.people {
		f.write.Clients = append(f.write.Clients, f.client(f.from.address, i))
	}
	list, err := f.write.Clients[0].Rooms(f.t.Context(), "", false, "")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, r := range list.Rooms[:min(len(list.Rooms), 3+f.company.people/20)] {
		f.write.Rooms = append(f.write.Rooms, r.ID)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { f.write.Run(ctx); close(ended) }()
	f.stop = func() { cancel(); <-ended }
	f.t.Cleanup(f.stop)
	f.until("people write", func() bool { return f.write.Acked() > 3*f.company.people })
}

// until waits for a condition.
func (f *fleet) until(what string, holds func() bool) {
	f.t.Helper()
	for end := time.Now().Add(90 * time.Second); !holds(); {
		if time.Now().After(end) {
			f.t.Fatalf("it did not come so far that %s", what)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// trap is where a move is interrupted: see armed.
type trap struct{ step, signal, victim string }

// mover runs a command of the mover, with a trap if step is not empty, and
// returns its exit code (-1: it was killed) and what it printed.
func (f *fleet) mover(tr trap, args ...string) (code int, out string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := f.command(ctx, tr, args...)
	data, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended { //nolint:errorlint // it is not wrapped
		f.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(data)
}

func (f *fleet) command(ctx context.Context, tr trap, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, f.bin, args...) //nolint:gosec // the test's own program
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), "GODWIT_FROM_TOKEN="+f.from.token, "GODWIT_TO_TOKEN="+f.to.token)
	if tr.step != "" {
		file := filepath.Join(f.dir, "trap")
		pid := ""
		switch tr.victim {
		case "source":
			pid = strconv.Itoa(f.from.process().Pid)
		case "target":
			pid = strconv.Itoa(f.to.process().Pid)
		}
		write(f.t, file, []byte(pid))
		cmd.Env = append(cmd.Env, "GODWIT_TRAP="+tr.step+":"+tr.signal+":"+file)
	}
	return cmd
}

// sprung reports whether a trap was reached.
func (f *fleet) sprung() bool {
	_, err := os.Stat(filepath.Join(f.dir, "trap"))
	return os.IsNotExist(err)
}

// whole ends the writing, and proves that the place that is open has all that
// was acknowledged, once, in order, and that the other one takes nothing.
func (f *fleet) whole(open, other *ship) {
	f.t.Helper()
	before := f.write.Acked()
	f.until("people write again", func() bool { return f.write.Acked() > before+2*f.company.people })
	f.stop()
	if a, b := open.state(), other.state(); a != chat.Open || b == chat.Open {
		f.t.Errorf("%s is %s, and %s is %s", open.name, a, other.name, b)
	}
	wrong, err := f.write.Check(f.t.Context(), f.client(open.address, 0))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, line := range wrong[:min(len(wrong), 10)] {
		f.t.Error(line)
	}
	f.t.Logf("%d messages were acknowledged; failed tries: %v", f.write.Acked(), f.write.Failed())
}
