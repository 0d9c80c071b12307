package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// cluster is three nodes on one Postgres, behind HAProxy
// as deploy/haproxy has it, with people who write and others who read.
type cluster struct {
	*fleet
	db      *testkit.PostgresServer
	lines   []*testkit.Front // of each node to the database
	nodes   []*ship
	proxy   string // the address of HAProxy
	readers []*testkit.Reader
	quit    func()
}

const clusterPeople = 6

func newCluster(t *testing.T) *cluster {
	dir := t.TempDir()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	t.Setenv("GODWIT_KEY", base64.StdEncoding.EncodeToString(key))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{fleet: &fleet{t: t, dir: dir, company: company{people: clusterPeople}, bin: filepath.Join(dir, "godwit")}}
	if err := os.Symlink(self, c.bin); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "password"), []byte(journeyPassword))
	c.db = testkit.StartPostgres(t)
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		c.node(i, files)
	}
	for i := range clusterPeople {
		args := []string{"admin", "create-user", fmt.Sprint("Writer ", i), writerEmail(i), "--password-file=password"}
		if i == 0 {
			args = append(args, "--owner")
		}
		c.run(append(args, c.nodes[0].at...)...)
	}
	c.haproxy() // ends after the nodes, which wait for it
	for _, n := range c.nodes {
		n.start()
	}
	c.until("HAProxy leads to the nodes", func() bool {
		resp, err := http.Get(c.proxy + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return c
}

// node makes a node, with an address and a line to the database of its own. All
// have one directory of files.
func (c *cluster) node(i int, files string) {
	name := fmt.Sprint("node", i+1)
	if err := os.MkdirAll(filepath.Join(c.dir, name), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Symlink(files, filepath.Join(c.dir, name, "files")); err != nil {
		c.t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", 11+i))
	if err != nil {
		c.t.Fatal(err)
	}
	line := testkit.NewFront(c.t, c.db.Address)
	c.lines = append(c.lines, line)
	c.nodes = append(c.nodes, &ship{fleet: c.fleet, name: name, address: "http://" + l.Addr().String(),
		at: []string{"--database=" + testkit.PostgresURL(line.Address), "--data=" + name}})
	if err := l.Close(); err != nil {
		c.t.Fatal(err)
	}
}

var nodeLines = regexp.MustCompile(`(?m)^    server .*\n`)

// haproxy starts HAProxy with the configuration that people get.
func (c *cluster) haproxy() {
	c.t.Helper()
	bin, err := exec.LookPath("haproxy")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			c.t.Fatal("HAProxy is not installed; as root: apt-get install haproxy")
		}
	}
	address, err := testkit.FreeAddress()
	if err != nil {
		c.t.Fatal(err)
	}
	servers := ""
	for _, n := range c.nodes {
		servers += fmt.Sprintf("    server %s %s\n", n.name, strings.TrimPrefix(n.address, "http://"))
	}
	given, err := os.ReadFile("../../deploy/haproxy/haproxy.cfg")
	if err != nil {
		c.t.Fatal(err)
	}
	conf := strings.Replace(nodeLines.ReplaceAllString(string(given), ""), "bind :8080", "bind "+address, 1)
	conf = strings.Replace(conf, "maxconn 100000", "maxconn 2000", 1) // more files than a test may open
	file := filepath.Join(c.dir, "haproxy.cfg")
	write(c.t, file, []byte(conf+servers))
	cmd := exec.Command(bin, "-db", "-f", file) //nolint:gosec // the test's own
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said := &bytes.Buffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // it was killed
		if c.t.Failed() {
			c.t.Logf("HAProxy said:\n%s", said)
		}
	})
	c.proxy = "http://" + address
}

// traffic lets people write and read through HAProxy from now on.
func (c *cluster) traffic() {
	c.t.Helper()
	c.write = &testkit.Writers{Every: 50 * time.Millisecond, Again: 100 * time.Millisecond}
	for i := range clusterPeople {
		c.write.Clients = append(c.write.Clients, c.client(c.proxy, i))
	}
	for i := range 2 {
		room := api.NewRoom{Name: fmt.Sprint("Sound ", i), Type: "open", Nonce: fmt.Sprint("nonce-of-room-", i)}
		var made api.Room
		if err := c.write.Clients[0].Do(c.t.Context(), http.MethodPost, "rooms", room, &made); err != nil {
			c.t.Fatal(err)
		}
		c.write.Rooms = append(c.write.Rooms, made.ID)
		for _, w := range c.write.Clients[1:] {
			if err := w.Do(c.t.Context(), http.MethodPut, "rooms/"+made.ID+"/members/me", nil, nil); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended []chan struct{}
	run := func(f func(context.Context)) {
		done := make(chan struct{})
		ended = append(ended, done)
		go func() { f(ctx); close(done) }()
	}
	c.quit = func() {
		cancel()
		for _, done := range ended {
			<-done
		}
	}
	c.t.Cleanup(func() { c.quit() })
	for i := range clusterPeople {
		r := &testkit.Reader{Name: fmt.Sprint("reader ", i), Client: c.client(c.proxy, i), Rooms: c.write.Rooms}
		c.readers = append(c.readers, r)
		run(r.Run)
	}
	c.until("all hear", c.allHear)
	writing, stop := context.WithCancel(ctx)
	written := make(chan struct{})
	go func() { c.write.Run(writing); close(written) }()
	c.stop = func() { stop(); <-written }
	ended = append(ended, written)
	c.until("people write", func() bool { return c.write.Acked() > 3*clusterPeople })
}

func (c *cluster) allHear() bool {
	for _, r := range c.readers {
		if !r.Hears() {
			return false
		}
	}
	return true
}

// good waits until people write and hear again, ends the traffic, and proves
// from what was recorded that nothing is lost, doubled or in another order.
func (c *cluster) good(b testkit.Bounds) {
	c.t.Helper()
	before := c.write.Acked()
	c.until("people write again", func() bool { return c.write.Acked() > before+10*clusterPeople })
	c.until("all hear again", c.allHear)
	c.stop()
	h, err := c.write.History(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	c.until("all was told", func() bool {
		for i, a := range h.Acked {
			for _, r := range c.readers {
				if !r.Has(h.Rooms[i], a.ID) {
					return false
				}
			}
		}
		return true
	})
	c.quit()
	if h, err = c.write.History(c.t.Context(), c.readers...); err != nil {
		c.t.Fatal(err)
	}
	wrong := h.Check(b)
	for _, line := range wrong[:min(len(wrong), 10)] {
		c.t.Error(line)
	}
	var away time.Duration
	losses, fetches := 0, 0
	for _, r := range h.Readers {
		losses, fetches = losses+r.Losses, fetches+r.Fetches
		for _, d := range r.Away {
			away = max(away, d)
		}
	}
	c.t.Logf("%d acknowledged, failed tries %v, feeds lost %d, fetched anew %d, longest away %s", c.write.Acked(), c.write.Failed(), losses, fetches, away)
}

// writesOn waits until so many more messages were acknowledged.
func (c *cluster) writesOn() {
	c.t.Helper()
	before := c.write.Acked()
	c.until("people write", func() bool { return c.write.Acked() > before+5*clusterPeople })
}
