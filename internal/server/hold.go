package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// What is kept of requests that wait: in number, in bytes, and for how long.
const (
	mostHeld      = 5000
	mostHeldBytes = 128 << 20
	mostHeldBody  = chat.MostPicture + 1<<20 // of one request
	heldFor       = 30 * time.Second
)

// holdFor is how long a request may wait.
func (s *Server) holdFor() time.Duration {
	if s.Hold.Time > 0 {
		return s.Hold.Time
	}
	return heldFor
}

// Hold bounds what waits while the place is frozen; zero is the usual.
type Hold struct {
	Requests int
	Bytes    int64
	Time     time.Duration
}

// hold keeps a request until the place stands otherwise. It fails with
// Unavailable if too much waits already, or it has waited for too long.
func (g *gate) hold(w http.ResponseWriter, r *http.Request, d *detour, end time.Time) error {
	most, mostBytes := g.server.Hold.Requests, g.server.Hold.Bytes
	if most == 0 {
		most = mostHeld
	}
	if mostBytes == 0 {
		mostBytes = mostHeldBytes
	}
	var size int64
	if d != nil {
		size = int64(d.kept.Len())
	}
	g.mu.Lock()
	if g.held >= most || g.bytes+size > mostBytes {
		g.mu.Unlock()
		return chat.Errorf(chat.Unavailable, "the place is changing hands, and much waits for that already").WithHint("try again in a moment")
	}
	g.held, g.bytes = g.held+1, g.bytes+size
	turned, state := g.turned, g.now.State
	g.mu.Unlock()
	g.poke()
	defer func() {
		g.mu.Lock()
		g.held, g.bytes = g.held-1, g.bytes-size
		g.mu.Unlock()
	}()
	// The server watches the line meanwhile: a deadline would be taken for
	// its end.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{})               // tests' recorders have none
	_ = conn.SetWriteDeadline(end.Add(2 * time.Minute)) // likewise
	if state != chat.Frozen && state != chat.Receiving {
		return nil
	}
	left := time.NewTimer(time.Until(end))
	defer left.Stop()
	select {
	case <-turned:
		return nil
	case <-left.C:
		return chat.Errorf(chat.Unavailable, "nothing can be written here just now: the place is changing hands").WithHint("try again in a moment")
	case <-g.ended:
		return chat.Errorf(chat.Unavailable, "the server is ending").WithHint("try again in a moment")
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

type detourKey struct{}

// detour is a request that may have to be done again, or elsewhere: it keeps
// what was read of its body. One goroutine uses it.
type detour struct {
	body   io.ReadCloser
	from   io.Reader // what is read: first what was kept, then the rest
	kept   bytes.Buffer
	lost   bool  // more was read than is kept
	closed error // the place was not open when it was done
}

func newDetour(r *http.Request) *detour {
	d := &detour{body: r.Body}
	if d.body == nil {
		d.body = http.NoBody
	}
	d.from = d.body
	return d
}

// Read reads the body and keeps what was read, up to a bound.
func (d *detour) Read(p []byte) (int, error) {
	if d.from == nil {
		d.from = io.MultiReader(bytes.NewReader(d.kept.Bytes()), (*keeping)(d))
	}
	if d.from == d.body {
		return (*keeping)(d).Read(p)
	}
	return d.from.Read(p)
}

// keeping reads what was not read before.
type keeping detour

func (k *keeping) Read(p []byte) (int, error) {
	n, err := k.body.Read(p)
	if !k.lost {
		if k.kept.Len()+n > mostHeldBody {
			k.lost = true
			k.kept = bytes.Buffer{}
		} else {
			k.kept.Write(p[:n])
		}
	}
	return n, err
}

// Close does nothing: the server closes the body itself, at the end.
func (d *detour) Close() error { return nil }

// again makes the body begin anew; false if it cannot.
func (d *detour) again() bool {
	d.from = nil
	return !d.lost
}

// detoured takes the error of a call that the place was not open for: then
// nothing is to be answered, for the call is done again or elsewhere.
func detoured(r *http.Request, err error) bool {
	d, _ := r.Context().Value(detourKey{}).(*detour)
	if _, closed := errors.AsType[*chat.Closed](err); d == nil || !closed {
		return false
	}
	d.closed = err
	return true
}
