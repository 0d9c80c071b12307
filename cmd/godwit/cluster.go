package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/godwit-chat/godwit/internal/bus"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// clusterFlags say how a node joins others on the same Postgres database.
type clusterFlags struct {
	Cluster   string `placeholder:"ADDR" env:"GODWIT_CLUSTER"`
	Advertise string `placeholder:"HOST:PORT" env:"GODWIT_ADVERTISE"`
	NewKey    bool   `name:"new-key"`
}

// crew is what a node has to do with the others; empty on one box.
type crew struct {
	nodes chat.Nodes
	node  chat.Node
	bus   chat.Bus
	close func()
}

// join looks whether this process may be a node of the place, and joins the
// bus. It fails with Conflict if another key or another address says that two
// clusters were given one database.
func (c *serveCmd) join(ctx context.Context, o *opened, web net.Addr, log *slog.Logger) (*crew, error) {
	w := &crew{close: func() {}}
	if c.Database == "" {
		if c.Cluster+c.Advertise != "" {
			return nil, chat.Errorf(chat.Invalid, "a data directory has one server; several need a Postgres database").WithHint("give --database URL, or leave --cluster out")
		}
		return w, nil
	}
	if err := c.fits(ctx, o); err != nil {
		return nil, err
	}
	w.nodes = o.store
	var random [10]byte
	rand.Read(random[:]) //nolint:errcheck // never fails
	now := chat.TimeOf(time.Now())
	name, _ := os.Hostname() //nolint:errcheck // then its address is its name
	http := reachable(web)
	w.node = chat.Node{ID: chat.NewKey(now, random), Name: cmp.Or(name, http), HTTP: http, Address: c.Address, Version: version, Started: now}
	if c.Cluster == "" {
		return w, nil
	}
	at, err := c.advertised()
	if err != nil {
		return nil, err
	}
	var h chat.Head
	if err := o.store.View(ctx, func(r chat.Reader) (err error) { h, err = r.Head(); return err }); err != nil {
		return nil, err
	}
	b, err := bus.Start(bus.Options{Key: o.key, Place: h.LogID, Node: w.node.ID, Listen: c.Cluster, At: at, Log: log})
	if err != nil {
		return nil, err
	}
	w.bus, w.node.Bus = b, cmp.Or(at, b.Addr())
	w.close = func() { _ = b.Close() } // it has no error
	return w, nil
}

// advertised is where others reach the bus, if that is not where it listens.
func (c *serveCmd) advertised() (string, error) {
	if c.Advertise != "" {
		if _, _, err := net.SplitHostPort(c.Advertise); err != nil {
			return "", chat.Errorf(chat.Invalid, "--advertise %q is no address", c.Advertise).WithHint("it looks like 10.0.0.1:7422")
		}
		return c.Advertise, nil
	}
	host, _, err := net.SplitHostPort(c.Cluster)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return "", chat.Errorf(chat.Invalid, "--cluster %s does not say where other nodes reach this one", c.Cluster).WithHint("name an address of this machine, or add --advertise HOST:PORT")
	}
	return "", nil
}

// fits fails with Conflict if this process belongs to another cluster.
func (c *serveCmd) fits(ctx context.Context, o *opened) error {
	print := server.KeyPrint(o.key)
	first, err := o.store.Sealed(ctx, print, c.NewKey)
	if err != nil {
		return err
	}
	if first != print {
		return chat.Errorf(chat.Conflict, "the secrets in this database are sealed with another key than this node has").
			WithHint("start it with the --key-file of the other nodes; if that is lost for good, start one with --new-key: what the old key sealed (second factors, passwords of services) is lost")
	}
	nodes, _, err := o.store.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Address != "" && c.Address != "" && n.Address != c.Address {
			return chat.Errorf(chat.Conflict, "node %s at %s serves this database as %s, and this one is to be %s", n.Name, n.HTTP, n.Address, c.Address).
				WithHint("two clusters cannot share a database: look at --database. To give the place another address, end all nodes first, then start them with it")
		}
	}
	return nil
}
