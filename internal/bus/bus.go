// Package bus rings the doorbell between the nodes of a place, over NATS
// servers that are embedded in them.
package bus

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Options say which bus to join.
type Options struct {
	Key    []byte   // the secret that all nodes share
	Place  chat.Key // the log: nodes of another one are not heard
	Node   chat.Key // this one
	Listen string   // host:port where other nodes reach it; port 0 takes any
	At     string   // host:port by which they do, if that is another; may be empty
	Log    *slog.Logger
}

// Bus is a chat.Bus. Beside the port for the other nodes its server has one on
// the loopback, without which it makes no links; who has not the password, which
// is random and of this process, is refused there.
type Bus struct {
	o      Options
	server *server.Server
	conn   *nats.Conn
	addr   string

	password string

	stop chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	pos      atomic.Int64 // up to where was rung for
	listener atomic.Pointer[chat.Listener]

	mu     sync.Mutex
	heard  map[chat.Key]time.Time
	routes string // as they were set last
	opts   server.Options
}

var _ chat.Bus = (*Bus)(nil)

const (
	startWithin = 10 * time.Second
	pingRoutes  = time.Second // a link that says nothing for two of them is dead
	mostNote    = 64 << 10    // bytes
	forgetHeard = time.Minute
)

// Start starts the embedded server and joins the bus. It fails with Invalid if
// it cannot listen there.
func Start(o Options) (*Bus, error) {
	host, port, err := splitAddr(o.Listen)
	if err != nil {
		return nil, err
	}
	tls, err := identity(o.Key, o.Node)
	if err != nil {
		return nil, err
	}
	b := &Bus{o: o, stop: make(chan struct{}), heard: map[chat.Key]time.Time{}, password: rand.Text()}
	b.opts = server.Options{
		ServerName: o.Node.String(), Host: "127.0.0.1", Port: server.RANDOM_PORT, Authorization: b.password,
		NoSigs: true, MaxPayload: mostNote, NoSystemAccount: true,
		Cluster: server.ClusterOpts{
			Name: "godwit-" + o.Place.String(), Advertise: o.At, NoAdvertise: true, Host: host, Port: port, TLSConfig: tls, TLSTimeout: 5, PoolSize: -1, ConnectBackoff: false,
			PingInterval: pingRoutes, MaxPingsOut: 2, WriteDeadline: 2 * time.Second,
			Compression: server.CompressionOpts{Mode: server.CompressionOff},
		},
	}
	opts := b.opts
	if b.server, err = server.NewServer(&opts); err != nil {
		return nil, fmt.Errorf("make the bus: %w", err)
	}
	b.server.SetLogger(newLog(o.Log), false, false)
	b.server.Start()
	if !b.server.ReadyForConnections(startWithin) || b.server.ClusterAddr() == nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
		return nil, chat.Errorf(chat.Invalid, "the bus cannot listen on %s", o.Listen).WithHint("is the port free, and the address one of this machine? Give another with --cluster")
	}
	b.addr = b.server.ClusterAddr().String()
	b.opts.Cluster.Port = b.server.ClusterAddr().Port
	if err := b.join(); err != nil {
		return nil, fmt.Errorf("join the bus: %w", err)
	}
	return b, nil
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, chat.Errorf(chat.Invalid, "%q is no address for the bus", addr).WithHint("it looks like 10.0.0.1:7422")
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

func (b *Bus) join() error {
	conn, err := nats.Connect("", nats.InProcessServer(b.server), nats.Token(b.password), nats.NoEcho(), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // a slow listener loses notes
	if err == nil {
		b.conn = conn
		if _, err = conn.Subscribe(b.subject("*"), b.take); err == nil {
			err = conn.Flush()
		}
	}
	if err != nil {
		b.end()
		return err
	}
	b.wg.Go(b.beat)
	return nil
}

func (b *Bus) subject(kind string) string { return "godwit." + b.o.Place.String() + "." + kind }

// Addr is where the bus listens.
func (b *Bus) Addr() string { return b.addr }

// Close leaves the bus, and returns when nothing of it runs. Again does nothing.
func (b *Bus) Close() error {
	b.once.Do(func() {
		close(b.stop)
		b.wg.Wait()
		b.end()
	})
	return nil
}

func (b *Bus) end() {
	if b.conn != nil {
		b.conn.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// Ring tells the other nodes how far the log is.
func (b *Bus) Ring(pos chat.Position) {
	b.pos.Store(int64(pos))
	b.publish(kindRing, encodeRing(pos))
}

// Say tells the other nodes something.
func (b *Bus) Say(kind string, note []byte) { b.publish(kind, note) }

// publish loses what cannot be sent.
func (b *Bus) publish(kind string, note []byte) {
	if len(note) <= mostNote-envelope {
		_ = b.conn.Publish(b.subject(kind), enclose(b.o.Node, note))
	}
}

// beat is how the others know that this node is there.
func (b *Bus) beat() {
	tick := time.NewTicker(chat.BusEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.publish(kindRing, encodeRing(chat.Position(b.pos.Load())))
		}
	}
}

// Listen makes l hear what the other nodes say.
func (b *Bus) Listen(l chat.Listener) { b.listener.Store(&l) }

func (b *Bus) take(m *nats.Msg) {
	from, note, ok := disclose(m.Data)
	kind := m.Subject[len(b.subject("")):]
	if !ok || from == b.o.Node {
		return
	}
	now := time.Now()
	b.mu.Lock()
	b.heard[from] = now
	b.mu.Unlock()
	l := b.listener.Load()
	if l == nil || *l == nil {
		return
	}
	if kind != kindRing {
		(*l).Said(from, kind, note)
	} else if pos, ok := decodeRing(note); ok {
		(*l).Rung(from, pos)
	}
}

// Heard says when each of the other nodes was heard of last.
func (b *Bus) Heard() map[chat.Key]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[chat.Key]time.Time, len(b.heard))
	for id, at := range b.heard {
		if time.Since(at) > forgetHeard {
			delete(b.heard, id)
			continue
		}
		all[id] = at
	}
	return all
}

// Follow makes links to the other nodes, and cuts those to nodes that are gone.
func (b *Bus) Follow(nodes []chat.Node) {
	var routes []*url.URL
	text := ""
	for _, n := range nodes {
		if _, _, err := splitAddr(n.Bus); n.ID == b.o.Node || err != nil {
			continue
		}
		routes = append(routes, &url.URL{Scheme: "nats", Host: n.Bus})
		text += n.Bus + " "
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if text == b.routes {
		return
	}
	opts := b.opts
	opts.Routes = routes
	if err := b.server.ReloadOptions(&opts); err != nil {
		b.o.Log.Error("make links to the other nodes", "err", err)
		return // tried again when it is told next
	}
	b.routes = text
}
