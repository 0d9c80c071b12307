package server

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// gate stands before everything else while the place is in a move. What people
// ask for is done here, waits until it can be, or is passed on to the other
// place, by how this one stands.
type gate struct {
	server *Server
	one    singleflight.Group // at a time looks how the place stands
	pulls  singleflight.Group // of uploads
	poked  chan struct{}
	ended  chan struct{} // closed when the server ends
	came   comers        // by the other place of the move, or by this one once it has retired
	relay  *relay

	mu     sync.Mutex
	known  bool
	now    chat.Standing
	seen   time.Time     // when now was read
	turned chan struct{} // closed, and made anew, when the place stands otherwise
	held   int
	bytes  int64
	pulled map[chat.UploadID]bool // of the other place
}

func newGate(s *Server) *gate {
	g := &gate{server: s, poked: make(chan struct{}, 1), ended: make(chan struct{}), turned: make(chan struct{})}
	g.relay = newRelay(g)
	return g
}

// How often it is looked how the place stands, beside when the store rings.
const (
	lookPause = 10 * time.Millisecond // between two looks of a place in use
	holdLook  = 200 * time.Millisecond
	nodeLook  = time.Second
	tellEvery = 10 * time.Minute // who came by the old place is logged
)

// follow keeps in mind how the place stands, until ctx ends. Then whoever
// waits is sent away.
func (g *gate) follow(ctx context.Context) error {
	defer close(g.ended)
	if g.server.Handover == nil {
		return nil
	}
	told := time.Now()
	for {
		bell := g.server.Service.Store.Doorbell()
		st, err := g.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			g.server.Log.Error("look how the place stands in a move", "err", err)
			if !pause(ctx, retryAfter) {
				return nil
			}
			continue
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			g.tellRelayed(st)
		}
		if !g.moving(st) {
			bell = nil // the hub says so when that changes
		} else if st.State == chat.Open && !pause(ctx, lookPause) {
			return nil
		}
		t := time.NewTimer(g.until(st))
		select {
		case <-ctx.Done():
		case <-bell:
		case <-g.poked:
		case <-t.C:
		}
		t.Stop()
	}
}

// moving reports whether the place is in a move that is not over.
func (g *gate) moving(st chat.Standing) bool {
	return st.Pair.Move != "" && !st.Pair.Over || st.State != chat.Open
}

// until says when to look again without being told to.
func (g *gate) until(st chat.Standing) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held > 0 {
		return holdLook
	}
	if st.State == chat.Frozen && st.Lease != 0 && st.Lease != chat.Unasked {
		return max(lookPause, time.Duration(st.Lease-st.Now)*time.Microsecond)
	}
	if g.server.Nodes != nil {
		return nodeLook // a move that begins at another node is not in the log
	}
	return tellEvery
}

// saw is told by who reads the log what the place is doing.
func (g *gate) saw(state chat.State) {
	g.mu.Lock()
	same := g.known && g.now.State == state
	g.mu.Unlock()
	if !same {
		g.poke()
	}
}

func (g *gate) poke() {
	select {
	case g.poked <- struct{}{}:
	default:
	}
}

// look finds out how the place stands now.
func (g *gate) look(ctx context.Context) (chat.Standing, error) {
	v, err, _ := g.one.Do("", func() (any, error) {
		// Others may wait for this: not with the end of who asked first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryAfter)
		defer cancel()
		st, err := g.server.Handover.Store.Standing(ctx)
		if err == nil {
			st.Pair = *st.Pair.Holds()
			st = g.take(st)
		}
		return st, err
	})
	if err != nil {
		return chat.Standing{}, err
	}
	return v.(chat.Standing), nil
}

// take keeps in mind how the place stands, and wakes who waits for that.
func (g *gate) take(st chat.Standing) chat.Standing {
	if st.State == chat.Frozen && st.Lease != 0 && st.Lease <= st.Now {
		st.State, st.Lease = chat.Open, 0 // it ran out, and whoever writes next says so
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	other := !g.known || g.now.State != st.State || g.now.Pair.Turn != st.Pair.Turn
	g.known, g.now, g.seen = true, st, time.Now()
	if other {
		close(g.turned)
		g.turned = make(chan struct{})
	}
	return st
}

// standing returns how the place stood last.
func (g *gate) standing(ctx context.Context) (chat.Standing, error) {
	g.mu.Lock()
	known, st := g.known, g.now
	g.mu.Unlock()
	if known {
		return st, nil
	}
	return g.look(ctx)
}

// pairPath is where the other place of a move asks for something.
const pairPath = "/api/v1/pair/"

// gated reports whether a request goes where people go: not to this server
// itself, whatever the place is doing.
func gated(path string) bool {
	return path != "/livez" && path != "/readyz" && !strings.HasPrefix(path, api.MovePath) && !strings.HasPrefix(path, pairPath)
}

// vouchHeader carries a chat.Vouch.
const vouchHeader = "Godwit-Vouch"

type vouchedKey struct{}

// vouchedOf is the other place's word for a request; nil if it has none.
func vouchedOf(r *http.Request) *chat.Vouch {
	v, _ := r.Context().Value(vouchedKey{}).(*chat.Vouch)
	return v
}

// pass lets one request through the gate.
func (g *gate) pass(w http.ResponseWriter, r *http.Request) {
	st, err := g.standing(r.Context())
	if err != nil {
		g.fail(w, r, err)
		return
	}
	if text := r.Header.Get(vouchHeader); text != "" {
		v, err := g.vouched(r, st, text)
		if err != nil {
			g.fail(w, r, err)
			return
		}
		r.Header.Del(vouchHeader)
		if v != nil {
			r = r.WithContext(context.WithValue(r.Context(), vouchedKey{}, v))
			if v.Host != "" {
				r.Host = v.Host
			}
		}
	}
	if !gated(r.URL.Path) {
		g.server.handler.ServeHTTP(w, r)
		return
	}
	if vouchedOf(r) != nil {
		g.came.note(g.server, r)
	}
	g.serve(w, r, st)
}

// vouched reads the other place's word for a request. The pair may be younger
// than what is known of it here.
func (g *gate) vouched(r *http.Request, st chat.Standing, text string) (*chat.Vouch, error) {
	h, now := g.server.Handover, chat.TimeOf(time.Now())
	if r.URL.Path == pairPath+"greet" {
		now = 0 // what is said there stays true, and wrong clocks must not keep places apart
	}
	v, err := h.Vouched(&st, text, r.Method, r.URL.RequestURI(), now)
	if v != nil && err == nil {
		return v, checkVouch(v)
	}
	fresh, lookErr := g.look(r.Context())
	if lookErr != nil || fresh.Pair.Key == st.Pair.Key {
		return nil, err
	}
	if v, err = h.Vouched(&fresh, text, r.Method, r.URL.RequestURI(), now); v == nil || err != nil {
		return nil, err
	}
	return v, checkVouch(v)
}

func checkVouch(v *chat.Vouch) error {
	if _, err := netip.ParseAddr(v.From); err != nil && v.From != "" {
		return chat.Errorf(chat.Denied, "another place's word for this request names no address")
	}
	return nil
}

// serve does what a request asks for where and when that is possible.
func (g *gate) serve(w http.ResponseWriter, r *http.Request, st chat.Standing) {
	var d *detour
	if writes(r) {
		d = newDetour(r)
		r = r.WithContext(context.WithValue(r.Context(), detourKey{}, d))
	}
	before := maps.Clone(w.Header())
	var err error
	for end := time.Now().Add(g.server.holdFor()); err == nil; {
		closed := d != nil && d.closed != nil
		if d != nil {
			r.Body = d // who read it before has put readers of their own around it
		}
		switch {
		case st.State == chat.Standby || st.State == chat.Retired:
			g.relay.pass(w, r, st, end)
			return
		case st.State == chat.Receiving && vouchedOf(r) != nil, st.State == chat.Frozen && closed:
			if err = g.hold(w, r, d, end); err == nil && closed {
				d.closed = nil
			}
		case closed && (st.State == chat.Receiving || time.Now().After(end)):
			err = d.closed
		case d != nil && copying(st) && !strings.HasPrefix(r.URL.Path, "/api/v1/session"):
			err = chat.ErrCopy()
		default:
			if d != nil {
				d.closed = nil
			}
			g.server.handler.ServeHTTP(w, r)
			if d == nil || d.closed == nil {
				return
			}
			clear(w.Header())
			maps.Copy(w.Header(), before)
			if !d.again() {
				err = d.closed
			}
		}
		if err == nil {
			st, err = g.look(r.Context())
		}
	}
	g.fail(w, r, err)
}

// fail answers that something is not possible, as the API does.
func (g *gate) fail(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", dataPolicy)
	req := &request{Request: r, w: w, server: g.server}
	if chat.IsKind(err, chat.Unavailable) {
		req.retry = shortRetry
	}
	req.fail(err)
}

// shortRetry is when to ask again while a place changes hands: that is a
// matter of seconds.
const shortRetry = 2 * time.Second

// carried makes of a place in the other place's log the same one in this log,
// if that is known: whoever had seen all there was when the turn passed need
// not begin anew.
func (g *gate) carried(c chat.Cursor) chat.Cursor {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &g.now.Pair
	if end := p.Came; end != nil && end.To == g.now.LogID && p.Began.LogID == g.now.LogID && p.Mine() &&
		c.LogID == end.From && c.Epoch == end.End.Epoch && c.Pos >= end.End.Pos {
		return p.Began
	}
	return c
}

// open reports whether what is done here has effects outside: mail, push and
// the like. While the place is frozen, it waits.
func (g *gate) open(ctx context.Context) bool {
	if g.server.Handover == nil {
		return true
	}
	for {
		st, err := g.look(ctx)
		if err != nil || st.State != chat.Frozen {
			return err == nil && st.State == chat.Open
		}
		g.mu.Lock()
		turned, frozen := g.turned, g.now.State == chat.Frozen
		g.mu.Unlock()
		if !frozen {
			continue
		}
		select {
		case <-turned:
		case <-ctx.Done():
			return false
		}
	}
}

// began is up to where this log was written at the other place of a move.
func (g *gate) began() chat.Position {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now.Pair.Began.LogID == g.now.LogID {
		return g.now.Pair.Began.Pos
	}
	return 0
}

// copying reports whether a place is being filled from another one that is
// still in use.
func copying(st chat.Standing) bool {
	return st.State == chat.Receiving && st.Pair.Move != "" && !st.Pair.Over
}

// copying reports whether this place is being filled from another one.
func (g *gate) copying(ctx context.Context) bool {
	if g.server.Handover == nil {
		return false
	}
	st, err := g.standing(ctx)
	return err == nil && copying(st)
}

// mayLook fails with Unavailable if the place is still being filled from
// another one, and somebody was not asked to look at it.
func (s *Server) mayLook(ctx context.Context, a *chat.Actor) error {
	if !s.gate.copying(ctx) || a.Roster.Tester(a.User) {
		return nil
	}
	return chat.ErrArriving()
}
