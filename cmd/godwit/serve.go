package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/web"
)

const (
	defaultListen = "127.0.0.1:8065"
	// farewell is how long requests under way may take when the server ends.
	farewell = 10 * time.Second
)

// serveCmd serves a place.
type serveCmd struct {
	place        `embed:""`
	Listen       string        `default:"127.0.0.1:8065" placeholder:"ADDR" env:"GODWIT_LISTEN"`
	Address      string        `placeholder:"URL" env:"GODWIT_ADDRESS"`
	KeyFile      string        `name:"key-file" placeholder:"FILE"`
	Log          string        `enum:"text,json" default:"text"`
	Drain        time.Duration `default:"20s" placeholder:"TIME" env:"GODWIT_DRAIN"`
	tlsFlags     `embed:""`
	clusterFlags `embed:""`

	Proxies    []netip.Prefix `name:"proxy" placeholder:"NETWORK" env:"GODWIT_PROXY"`
	FetchAllow []netip.Prefix `name:"fetch-allow" placeholder:"NETWORK" env:"GODWIT_FETCH_ALLOW"`
}

// Run serves until the context ends.
func (c *serveCmd) Run(ctx context.Context, a *app) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	dist, err := web.Dist()
	if err != nil {
		return chat.Errorf(chat.Internal, "%w", err)
	}
	log := slog.New(slog.NewTextHandler(a.err, nil))
	if c.Log == "json" {
		log = slog.New(slog.NewJSONHandler(a.err, nil))
	}
	// First the address, so that one that is taken harms nothing.
	l := &listeners{}
	defer l.close()
	if err := l.bind(c); err != nil {
		return err
	}
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	crew, err := c.join(ctx, o, l.web.Addr(), log)
	if err != nil {
		return err
	}
	defer crew.close()
	desk, err := c.office(ctx, o, l.web.Addr())
	if err != nil {
		return err
	}
	var s *server.Server
	place := live.NewDirect(o.title, o.store, o.files, version).Seals(o.sealer).Feels(func() connect.Load { return connect.Load(s.Load()) })
	s, err = server.New(server.Config{
		Service: desk.service, Files: o.files, Previews: filepath.Join(c.dir(), "previews"), Log: log, Address: desk.address,
		Web: dist, Move: live.Handler(place), Version: version, Database: c.title(),
		FetchAllow: c.FetchAllow, Proxies: c.Proxies,
		Nodes: crew.nodes, Node: crew.node, Bell: o.store, Bus: crew.bus,
		Handover: &chat.Handover{Store: o.store, Sealer: o.sealer},
		Report: func(ctx context.Context, name string) (server.Report, error) {
			r, err := move.Recorded(ctx, o.store, name)
			if err != nil {
				return nil, err // not r: a nil *Report is not a nil Report
			}
			return r, nil
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Wake(ctx); err != nil {
		return err
	}
	if l.secured, err = c.secure(c.dir(), s.Public, port(l.web.Addr()), log); err != nil {
		return err
	}
	return c.run(ctx, a, s, desk, l, log)
}

// listeners are where the server is reached.
type listeners struct {
	web, plain net.Listener // plain leads to https; it may be nil
	secured    *secured     // nil speaks http
}

func (l *listeners) bind(c *serveCmd) (err error) {
	if l.web, err = bind(c.Listen, "--listen"); err != nil {
		return err
	}
	if c.Plain != "" {
		l.plain, err = bind(c.Plain, "--redirect")
	}
	return err
}

// close frees what the server has not closed itself.
func (l *listeners) close() {
	for _, one := range []net.Listener{l.web, l.plain} {
		if one != nil {
			_ = one.Close() // closed already, if it came so far
		}
	}
}

// check looks at the flags.
func (c *serveCmd) check() error {
	if err := c.tlsFlags.check(&c.Listen); err != nil {
		return err
	}
	if c.Address != "" {
		u, err := url.Parse(c.Address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
			return chat.Errorf(chat.Invalid, "%q is not a public address", c.Address).WithHint("it looks like https://chat.example.org, without a path")
		}
		c.Address = u.Scheme + "://" + u.Host
	}
	c.keyFile = c.KeyFile
	return c.place.check()
}

// newOffice makes the rules of a place, for who has the machine.
func newOffice(ctx context.Context, in *opened) (*office, error) {
	o := &office{service: server.NewService(in.store)}
	o.service.Sealer = in.sealer
	roster, err := o.service.Roster(ctx)
	if err == nil {
		o.address = roster.Setting(chat.SettingAddress)
	}
	return o, err
}

// office makes the office of the running server, and keeps its address.
func (c *serveCmd) office(ctx context.Context, o *opened, listening net.Addr) (*office, error) {
	desk, err := newOffice(ctx, o)
	if err != nil {
		return nil, err
	}
	desk.listen = "http://" + reachable(listening)
	if c.on() {
		desk.listen = "https://" + reachable(listening)
	}
	if c.Address != "" && c.Address != desk.address {
		err := desk.service.SetSetting(ctx, chat.Operator(), chat.SettingAddress, c.Address)
		if err != nil && !chat.IsKind(err, chat.Unavailable) { // a place that is being filled takes it at the next start
			return nil, err
		}
		desk.address = c.Address
	}
	return desk, nil
}

// port is the port of an address.
func port(a net.Addr) string {
	_, p, _ := net.SplitHostPort(a.String()) //nolint:errcheck // "" is no port
	return p
}

// reachable is an address at which this machine is reached from itself.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func (c *serveCmd) run(ctx context.Context, a *app, s *server.Server, desk *office, l *listeners, log *slog.Logger) error {
	socket, err := listenSocket(c.dir())
	if err != nil {
		return err
	}
	defer removeSocket(c.dir())
	if err := c.greet(ctx, a, desk, s); err != nil {
		return err
	}
	g, ctx, leave := draining(ctx, s, c.Drain, log)
	defer leave()
	web := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, WriteTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		// Requests that wait for news end with the server.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	orders := &http.Server{Handler: desk, ReadHeaderTimeout: 10 * time.Second}
	plain := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, ErrorLog: web.ErrorLog}
	serve := func(h *http.Server, l net.Listener) func() error {
		return func() error {
			if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
			return nil
		}
	}
	if l.secured == nil {
		g.Go(serve(web, l.web))
	} else {
		web.TLSConfig, plain.Handler = l.secured.config, l.secured.plain
		g.Go(func() error {
			if err := web.ServeTLS(l.web, "", ""); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.web.Addr(), err)
			}
			return nil
		})
		if l.plain != nil {
			g.Go(serve(plain, l.plain))
		}
	}
	g.Go(serve(orders, socket))
	g.Go(func() error { return ended(s.Run(ctx)) })
	g.Go(func() error {
		<-ctx.Done()
		log.Info("ending")
		// Its own context: requests under way are answered first.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if errors.Join(web.Shutdown(last), plain.Shutdown(last), orders.Shutdown(last)) != nil {
			return errors.Join(web.Close(), plain.Close(), orders.Close())
		}
		return nil
	})
	log.Info("serving", "address", desk.at(order{}), "listen", l.web.Addr().String(), "version", version)
	return g.Wait()
}

// draining returns a group whose context ends a while after that of the caller:
// when the load balancer has noticed, and people were sent to other nodes.
func draining(asked context.Context, s *server.Server, patience time.Duration, log *slog.Logger) (*errgroup.Group, context.Context, func()) {
	lasting, end := context.WithCancel(context.WithoutCancel(asked))
	g, ctx := errgroup.WithContext(lasting)
	stop := context.AfterFunc(asked, func() {
		defer end()
		log.Info("leaving")
		s.Drain(ctx, patience)
	})
	return g, ctx, func() { stop(); end() }
}

// ended makes the end that was asked for no error.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// greet says where the place is, and in a new one how to make the first person.
func (c *serveCmd) greet(ctx context.Context, a *app, desk *office, s *server.Server) error {
	return desk.service.Store.View(ctx, func(r chat.Reader) error {
		people, err := chat.List[chat.User](r, chat.Query{Limit: 1})
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "Godwit is at %s\n", desk.at(order{}))
		if len(people) == 0 {
			where := "--data " + c.Data
			if c.Database != "" {
				where = "--files " + c.Files + " --database URL"
			}
			_, err = io.WriteString(a.out, "Nobody is here yet. Open that address and make yourself the owner, with the code\n  "+s.FirstCode()+
				"\nor make the first person here:\n  godwit admin create-user --owner 'YOUR NAME' YOU@EXAMPLE.ORG "+where+
				"\nor bring everybody from elsewhere:\n  GODWIT_TOKEN=$(godwit admin token --for move "+where+") godwit import hipchat:EXPORT "+desk.at(order{})+"\n")
		}
		return err
	})
}
