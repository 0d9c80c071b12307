package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/testkit"
)

// stopped is how long a process is stopped; `make soak` says 30 s.
func stopped() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("GODWIT_STOPPED")); err == nil {
		return d
	}
	return 5 * time.Second
}

// Whatever breaks under people who write and read: nothing that was
// acknowledged is lost, nothing is there twice, and all see the same order.
func TestAClusterSurvives(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(*cluster)
		back  time.Duration
	}{
		{"the death of a node", func(c *cluster) {
			if err := c.nodes[0].process().Kill(); err != nil {
				c.t.Fatal(err)
			}
		}, 15 * time.Second},
		{"a node that is stopped for a while", func(c *cluster) {
			p := c.nodes[1].process()
			_ = p.Signal(syscall.SIGSTOP)
			time.Sleep(min(stopped(), 30*time.Second)) // as long as the fault lasts
			_ = p.Signal(syscall.SIGCONT)
		}, 0},
		{"a node that is cut off from Postgres", func(c *cluster) {
			c.lines[2].Cut()
			c.writesOn()
			c.writesOn()
			c.lines[2].Mend()
		}, 0},
		{"Postgres that is stopped at once and started again", func(c *cluster) {
			c.db.StopNow()
			c.db.Start()
		}, 0},
		{"a replica that is promoted", func(c *cluster) {
			replica := c.db.Replica(true)
			c.writesOn()
			c.db.StopNow()
			replica.Promote()
			for _, line := range c.lines {
				line.Switch(replica.Address)
			}
		}, 0},
		{"a rolling restart of all nodes", func(c *cluster) {
			for _, n := range c.nodes {
				was := n.process().Pid
				_ = n.process().Signal(syscall.SIGTERM)
				c.until("the node is started again", func() bool { return n.process().Pid != was })
				c.writesOn()
			}
		}, 15 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newCluster(t)
			k.traffic()
			c.fault(k)
			k.good(testkit.Bounds{Back: c.back})
		})
	}
}
