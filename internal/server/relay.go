package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// relay passes what people ask of a place that has retired on to the one that
// follows it: until names and load balancers lead there, and scripts are told.
type relay struct {
	gate  *gate
	proxy *httputil.ReverseProxy
	trip  http.RoundTripper

	mu     sync.Mutex
	opened chat.Turn // of which the other place is known to have been told
}

const (
	// hopsHeader counts the places that have passed a request on.
	hopsHeader = "Godwit-Hops"
	mostHops   = 3
	// dialFor is how long a place that does not answer is called again.
	dialFor   = 10 * time.Second
	dialEvery = 100 * time.Millisecond
	idleLines = 256
)

func newRelay(g *gate) *relay {
	r := &relay{gate: g, trip: g.server.Peers}
	if r.trip == nil {
		r.trip = peerTransport()
	}
	r.proxy = &httputil.ReverseProxy{
		Rewrite: g.rewrite, Transport: r.trip, FlushInterval: -1,
		ErrorHandler: g.relayFailed,
	}
	if g.server.Log != nil { // there is none if only the configuration is tried
		r.proxy.ErrorLog = slog.NewLogLogger(g.server.Log.Handler(), slog.LevelDebug)
	}
	return r
}

// peerTransport reaches the other place of a move. One that starts just now is
// waited for a while.
func peerTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	d := net.Dialer{Timeout: dialFor, KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		for end := time.Now().Add(dialFor); ; {
			c, err := d.DialContext(ctx, network, address)
			if err == nil || time.Now().After(end) || !pause(ctx, dialEvery) {
				return c, err
			}
		}
	}
	// Lines are for one request at a time: feeds and files do not wait for each
	// other. What is compressed stays so.
	t.ForceAttemptHTTP2, t.DisableCompression, t.Proxy = false, true, nil
	t.MaxIdleConns, t.MaxIdleConnsPerHost = idleLines, idleLines
	return t
}

// relayed is what is known of a request that is passed on.
type relayed struct {
	peer     *url.URL
	standing chat.Standing
	hops     int
}

type relayedKey struct{}

// pass passes one request on, when the other place is open.
func (y *relay) pass(w http.ResponseWriter, r *http.Request, st chat.Standing, end time.Time) {
	g := y.gate
	if g.server.ownPage(r) {
		g.server.handler.ServeHTTP(w, r)
		return
	}
	hops := hopsOf(r)
	if hops >= mostHops {
		g.fail508(w, r)
		return
	}
	peer, err := url.Parse(st.Pair.Peer)
	if st.Pair.Peer == "" || err != nil || peer.Host == "" {
		g.unreached(w, r, chat.Errorf(chat.Unavailable, "this place has moved, and does not know to where").WithHint("ask an administrator for its new address"))
		return
	}
	g.came.note(g.server, r)
	if err := y.open(r.Context(), st, end); err != nil {
		g.unreached(w, r, err)
		return
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{})  // the other place has its own
	_ = conn.SetWriteDeadline(time.Time{}) // likewise
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), relayedKey{}, relayed{peer, st, hops + 1}))
	defer cancel()
	go func() { // a feed has no end of its own
		select {
		case <-g.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	y.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// hopsOf says how many places have passed a request on already.
func hopsOf(r *http.Request) int {
	if v := vouchedOf(r); v != nil {
		return v.Hops
	}
	n, _ := strconv.Atoi(r.Header.Get(hopsHeader)) //nolint:errcheck // none is zero
	return max(0, n)
}

// rewrite makes a request one to the other place, and says for whom it is.
func (g *gate) rewrite(p *httputil.ProxyRequest) {
	to, _ := p.In.Context().Value(relayedKey{}).(relayed)
	p.SetURL(to.peer)
	p.Out.Header.Set(hopsHeader, strconv.Itoa(to.hops))
	from := ""
	if a := g.server.client(p.In); a.IsValid() {
		from = a.String()
	}
	text, err := g.server.Handover.Vouch(&to.standing, chat.Vouch{
		At: chat.TimeOf(time.Now()), Method: p.Out.Method, Path: p.Out.URL.RequestURI(),
		From: from, Host: p.In.Host, Secure: g.server.secure(p.In), Hops: to.hops,
	})
	if err != nil {
		g.server.Log.Error("vouch for a request", "err", err)
		p.Out.Header.Del(vouchHeader)
		return
	}
	p.Out.Header.Set(vouchHeader, text)
}

func (g *gate) relayFailed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		w.WriteHeader(http.StatusBadGateway) // nobody waits for it
		return
	}
	g.server.Log.Warn("the place that follows this one does not answer", "err", err)
	g.unreached(w, r, errAway())
}

func errAway() error {
	return chat.Errorf(chat.Unavailable, "this place has moved, and its new server does not answer just now").WithHint("try again in a moment")
}

// unreached answers when a request cannot be passed on. Who opens a page gets
// ours, which says so.
func (g *gate) unreached(w http.ResponseWriter, r *http.Request, err error) {
	if g.server.Web != nil && r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/api/") {
		g.server.handler.ServeHTTP(w, r)
		return
	}
	g.fail(w, r, err)
}

func (g *gate) fail508(w http.ResponseWriter, r *http.Request) {
	g.server.Log.Error("a request goes in circles between places", "path", r.URL.Path)
	req := &request{Request: r, w: w, server: g.server}
	req.send(http.StatusLoopDetected, api.Error{
		Kind: chat.Internal.String(), Text: "two places pass this request on to each other",
		Hint: "tell an administrator: the addresses by which the places of the move reach each other are wrong",
	})
}

// ownPage reports whether a request is for a file of the web client as it is
// here: pages that are open still ask for theirs.
func (s *Server) ownPage(r *http.Request) bool {
	return s.web != nil && strings.HasPrefix(r.URL.Path, "/assets/") && s.web.files[r.URL.Path] != nil
}

// open makes sure, once for each turn, that the other place has it: it brings
// the certificate there. It waits until that place has all that it needs.
func (y *relay) open(ctx context.Context, st chat.Standing, end time.Time) error {
	c := st.Pair.Came
	if c == nil || c.From != st.LogID || c.Turn != st.Pair.Turn {
		return nil // by an operator's word: nothing was certified
	}
	y.mu.Lock()
	done := y.opened == c.Turn
	y.mu.Unlock()
	for !done {
		answer, err := y.gate.greet(ctx, &st)
		switch {
		case err == nil && answer.Turn >= c.Turn, chat.IsKind(err, chat.NotFound): // or it is in another move by now
			y.mu.Lock()
			y.opened, done = c.Turn, true
			y.mu.Unlock()
		case ctx.Err() != nil:
			return ctx.Err()
		case chat.IsKind(err, chat.Denied) || time.Now().After(end):
			y.gate.server.Log.Warn("bring the certificate to the place that follows", "err", err)
			return errAway()
		case !pause(ctx, dialEvery):
			return ctx.Err()
		}
	}
	return nil
}

// greet says to the other place how this one stands, a certificate that was
// given with it, and hears how that one does.
func (g *gate) greet(ctx context.Context, st *chat.Standing) (answer chat.Greeting, err error) {
	h, move := g.server.Handover, st.Pair.Move
	said, err := h.Greet(ctx, move, nil)
	if err != nil {
		return answer, err
	}
	body, err := json.Marshal(said)
	if err != nil {
		return answer, err
	}
	resp, err := g.ask(ctx, st, http.MethodPost, "greet", bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if err := json.NewDecoder(io.LimitReader(resp.Body, mostBody)).Decode(&answer); err != nil {
		return answer, chat.Errorf(chat.Unavailable, "the other place of the move does not answer as one: %w", err)
	}
	_, err = h.Meet(ctx, answer)
	return answer, err
}

// ask asks something of the other place, as this one.
func (g *gate) ask(ctx context.Context, st *chat.Standing, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(st.Pair.Peer, "/")+pairPath+path, body)
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "%q is not the address of a place: %w", st.Pair.Peer, err)
	}
	text, err := g.server.Handover.Vouch(st, chat.Vouch{At: chat.TimeOf(time.Now()), Method: method, Path: req.URL.RequestURI()})
	if err != nil {
		return nil, err
	}
	req.Header.Set(vouchHeader, text)
	resp, err := g.relay.trip.RoundTrip(req)
	if err != nil {
		return nil, chat.Errorf(chat.Unavailable, "the other place of the move does not answer: %w", err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var e api.Error
	if err := json.NewDecoder(io.LimitReader(resp.Body, mostBody)).Decode(&e); err != nil || e.Text == "" {
		return nil, chat.Errorf(chat.Unavailable, "the other place of the move answers %s", resp.Status)
	}
	return nil, errorOf(e)
}

// errorOf makes an error of one that came as an answer.
func errorOf(e api.Error) error {
	for k := chat.Internal; k <= chat.Full; k++ {
		if k.String() == e.Kind {
			return &chat.Error{Kind: k, Text: e.Text, Hint: e.Hint}
		}
	}
	return errors.New(e.Text)
}

// tellRelayed logs who still comes by the old place.
func (g *gate) tellRelayed(st chat.Standing) {
	if st.State != chat.Standby && st.State != chat.Retired {
		return
	}
	people, programs := g.came.count(time.Now())
	g.server.Log.Info("passed on to the place that follows", "move", st.Pair.Move, "people", people, "programs", programs, "minutes", int(comesFor/time.Minute))
}

// relayedText says who still comes by the old place; "" if nobody does.
func (g *gate) relayedText(now time.Time) string {
	people, programs := g.came.count(now)
	if people+programs == 0 {
		return ""
	}
	return fmt.Sprintf("%s and %s came by the old place in the last %d minutes.", number(people, "person", "people"), number(programs, "program", "programs"), int(comesFor/time.Minute))
}
