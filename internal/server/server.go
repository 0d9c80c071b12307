// Package server serves the HTTP API, the feed and the web client.
package server

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
)

// Config is what a server needs. Service, Files and Log must be set.
type Config struct {
	Service  *chat.Service
	Files    *blob.Dir
	Previews string // directory for small pictures, which may be emptied at any time; none are made without it
	Log      *slog.Logger
	Address  string         // public address, as in https://chat.example.org; may be empty
	Name     string         // of the place, unless a setting says otherwise
	Web      fs.FS          // the web client; nil serves the API alone
	Move     http.Handler   // what movers speak to, below api.MovePath; nil refuses them
	Database string         // what the database is, for the overview
	Version  string         // of the program
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed, beside this machine's

	// FetchAllow are networks that the server may fetch from though they are not
	// open to everybody; nil are none.
	FetchAllow []netip.Prefix
	// Away is how long somebody is away before a mail tells them what they
	// missed; zero goes by the setting.
	Away time.Duration

	// Archive says that what is served is the copy of an archive: clients show
	// it as one, and nobody can write in it.
	Archive bool

	// Floods lets everybody write as much as they like: for measurements.
	Floods bool

	// Handover holds the rules of moves between two places; nil is in none.
	Handover *chat.Handover
	// Peers reaches the other place of a move; nil is the usual way.
	Peers http.RoundTripper
	// Hold bounds what waits while the place is frozen.
	Hold Hold

	// Nodes is what other processes know that serve the same place, and Node what
	// they are told of this one; nil is alone. Bell and Bus make them hear of each
	// other sooner; without Bus they look.
	Nodes chat.Nodes
	Node  chat.Node
	Bell  chat.Bell
	Bus   chat.Bus

	// Report returns the report of a move; nil has none.
	Report func(ctx context.Context, move string) (Report, error)
}

// Report is the report of a move.
type Report interface {
	WriteJSON(io.Writer) error
	WriteHTML(io.Writer) error
}

// Server serves a place over HTTP.
type Server struct {
	Config
	started  time.Time
	handler  http.Handler
	calls    []string // of the API, as "METHOD path"
	hub      *hub
	floods   floods
	tries    *limits
	previews *previewer
	host     hosts
	arriving arrivals
	outward  *outward
	links    chan *chat.Message  // whose links are to be looked at
	drawing  *semaphore.Weighted // pictures being decoded
	teller   *teller
	at       atomic.Pointer[url.URL] // the public address; nil if not set
	first    firstRun
	pulse    pulse
	gate     *gate
	web      *pages

	readiness *readiness
}

// New makes a server. It reads neither messages nor files. It fails with
// Invalid if the address is none.
func New(c Config) (*Server, error) {
	s := &Server{Config: c, started: time.Now(), tries: newLimits(), drawing: semaphore.NewWeighted(atOncePix),
		outward: newOutward(c.FetchAllow), links: make(chan *chat.Message, cardsWaiting)}
	s.hub, s.floods.off, s.gate, s.readiness = newHub(s), c.Floods, newGate(s), newReadiness()
	if c.Name == "" {
		s.Name = "Godwit"
	}
	if c.Address != "" {
		u, ok := parseAddress(c.Address)
		if !ok {
			return nil, chat.Errorf(chat.Invalid, "%q is not the public address of a server", c.Address).WithHint("it looks like https://chat.example.org")
		}
		s.at.Store(u)
	}
	if c.Previews != "" {
		if err := os.MkdirAll(c.Previews, 0o700); err != nil {
			return nil, fmt.Errorf("make the directory of previews: %w", err)
		}
		root, err := os.OpenRoot(c.Previews)
		if err != nil {
			return nil, fmt.Errorf("open the directory of previews: %w", err)
		}
		s.previews = &previewer{root, c.Files, s.drawing}
	}
	if _, ours := c.Service.Bytes.(carrying); ours || c.Service.Bytes == nil {
		c.Service.Bytes = carrying{c.Files, s}
	}
	c.Service.Present = s.hub.present
	s.teller = newTeller(s)
	h, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.handler = h
	return s, nil
}

func parseAddress(address string) (*url.URL, bool) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	return u, err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.Path == "" && u.RawQuery == ""
}

// public returns the public address of the place, or nil. It may change while
// the server runs.
func (s *Server) public() *url.URL { return s.at.Load() }

// Public returns the public address of the place as it is now, or nil.
func (s *Server) Public() *url.URL { return s.public() }

// publicText is the public address as people type it, or "".
func (s *Server) publicText() string {
	if u := s.public(); u != nil {
		return u.String()
	}
	return ""
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Handover == nil {
		s.handler.ServeHTTP(w, r)
		return
	}
	s.gate.pass(w, r)
}

// Run does what goes on behind the requests, until ctx ends: it follows the
// log and tells everybody of what is new, stores what was read, makes messages
// searchable, and removes what has expired. Then it ends the feeds, so that
// the server can end.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.gate.follow(ctx) })
	g.Go(func() error { return s.meet(ctx) })
	g.Go(func() error { return s.hub.follow(ctx) })
	g.Go(func() error { return s.attend(ctx) })
	g.Go(func() error { return s.hub.watch(ctx) })
	g.Go(func() error { return s.hub.tellBrought(ctx) })
	g.Go(func() error { return s.hub.tellPresence(ctx) })
	g.Go(func() error { return s.keepMarks(ctx) })
	g.Go(func() error { return s.index(ctx) })
	g.Go(func() error { return s.sweep(ctx) })
	g.Go(func() error { return s.makeCards(ctx) })
	g.Go(func() error { return s.followPlace(ctx) })
	g.Go(func() error { return s.teller.Run(ctx) })
	return g.Wait()
}

// Close frees what New opened. No request may be under way.
func (s *Server) Close() error {
	if s.previews == nil {
		return nil
	}
	return s.previews.root.Close()
}

func (s *Server) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	const v1 = "/api/v1/"
	public := map[string]call{
		"POST session":             s.signIn,
		"DELETE session":           s.signOut,
		"POST session/passkey":     s.askPasskey,
		"PUT session/passkey":      s.usePasskey,
		"PUT session/handover":     s.useHandover,
		"POST unsubscribe/{token}": s.unsubscribe,
		"GET first":                s.askFirst,
		"POST first":               s.makeFirst,
		"GET links/{secret}":       s.link,
		"POST links/{secret}":      s.useLink,
		// Who posts is found out under the lock, together with all else.
		"POST rooms/{id}/messages": s.post,
	}
	private := map[string]call{
		"GET start":                          s.start,
		"POST session/handover":              s.offerHandover,
		"GET rooms":                          s.rooms,
		"GET rooms/{id}":                     s.room,
		"GET rooms/{id}/messages":            s.history,
		"GET search":                         s.search,
		"GET files/{id}":                     s.file,
		"GET previews/{id}":                  s.preview,
		"GET contents/{id}":                  s.content,
		"GET admin/overview":                 s.overview,
		"GET admin/people":                   s.people,
		"POST admin/people":                  s.newPerson,
		"POST admin/people/{id}/link":        s.resetLink,
		"POST admin/invitations":             s.invite,
		"POST admin/tokens":                  s.newToken,
		"GET admin/moves/{name}":             s.report,
		"GET admin/moves/{name}/report.html": s.reportPage,
	}
	maps.Copy(public, s.guestCalls())
	maps.Copy(private, s.roomCalls())
	maps.Copy(private, s.feedCalls())
	maps.Copy(private, s.uploadCalls())
	maps.Copy(private, s.cardCalls())
	maps.Copy(private, s.messageCalls())
	maps.Copy(private, s.adminCalls())
	maps.Copy(private, s.originCalls())
	for pattern, c := range s.streamed() {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+v1+path, s.stream(c))
	}
	for _, calls := range []struct {
		of   who
		list map[string]call
	}{{everybody, public}, {members, private}, {limited, s.accountCalls()}} {
		for pattern, c := range calls.list {
			method, path, _ := strings.Cut(pattern, " ")
			mux.Handle(method+" "+v1+path, s.answer(c, calls.of))
			s.calls = append(s.calls, pattern)
		}
	}
	mux.Handle("/api/", s.answer(func(*request) (any, error) {
		return nil, chat.Errorf(chat.NotFound, "the API has nothing at this address")
	}, everybody))
	if s.Move != nil {
		mux.Handle(api.MovePath, s.movers())
	}
	for pattern, c := range s.pairCalls() {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+pairPath+path, s.answer(c, everybody))
	}
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("GET /readyz", s.answer(s.ready, everybody))
	if s.Web != nil {
		pages, err := newPages(s.Web)
		if err != nil {
			return nil, err
		}
		s.web = pages
		mux.Handle("/", pages)
	}
	return s.guard(mux)
}

// movers lets those in who show a token for it.
func (s *Server) movers() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w, server: s}
		secret, ok := bearer(hr)
		if !ok {
			r.fail(chat.Errorf(chat.Unknown, "a mover needs a token").WithHint("make one with: godwit admin token --for move"))
			return
		}
		if _, err := s.Service.Token(hr.Context(), secret, chat.ScopeMove); err != nil {
			r.fail(err)
			return
		}
		s.Move.ServeHTTP(w, hr)
	})
}

const (
	indexAtOnce = 5000
	indexPause  = 500 * time.Millisecond // posts that gather meanwhile are indexed together
	sweepEvery  = time.Hour
	sweepClosed = time.Minute // between two looks whether the place is open
	retryAfter  = 5 * time.Second
)

// index makes messages searchable behind the writes. Its errors take nothing
// else down.
func (s *Server) index(ctx context.Context) error {
	for {
		bell := s.Service.Store.Doorbell()
		n, err := s.Service.Store.Index(ctx, indexAtOnce)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.Log.Error("make messages searchable", "err", err)
			if !pause(ctx, retryAfter) {
				return nil
			}
			continue
		case n >= indexAtOnce:
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-bell:
		}
		if !pause(ctx, indexPause) {
			return nil
		}
	}
}

func (s *Server) sweep(ctx context.Context) error {
	for {
		if !s.gate.open(ctx) {
			if !pause(ctx, sweepClosed) {
				return nil
			}
			continue
		}
		n, err := s.Service.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("remove what has expired", "err", err)
		} else if n > 0 {
			s.Log.Info("removed what has expired", "n", n)
		}
		if err := s.sweepParts(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("remove bytes of uploads", "err", err)
		}
		if n, err := s.Service.SweepRooms(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("remove deleted rooms", "err", err)
		} else if n > 0 {
			s.Log.Info("removed what was in deleted rooms", "n", n)
		}
		if !pause(ctx, sweepEvery) {
			return nil
		}
	}
}

// pause waits, and reports whether it was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
