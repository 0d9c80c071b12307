package pilot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
)

// SocketName is where a running mover is driven from, in NAME.godwit: whoever
// may read that directory has its state anyway.
//
//	GET  /status   move.Status
//	POST /orders   connect.Order; answers when it is carried out, or refused
const SocketName = "mover.sock"

// Flight is what is driven.
type Flight interface {
	Status() move.Status
	// Do gives an order, and waits until it is carried out or refused.
	Do(ctx context.Context, o connect.Order) error
}

// Control serves the control API of a flight.
func Control(f Flight) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.Status(), nil) })
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var o connect.Order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil {
			answer(w, nil, chat.Errorf(chat.Invalid, "the order cannot be read: %w", err))
			return
		}
		o.N, o.At = 0, chat.TimeOf(time.Now())
		err := f.Do(r.Context(), o)
		if err == nil {
			Settle(r.Context(), f, o)
		}
		answer(w, f.Status(), err)
	})
	return mux
}

// settleFor is how long it takes a flight at most to find its way after an
// order that moved people.
const settleFor = 10 * time.Second

// Settle waits until the status of a flight shows what an order has done.
func Settle(ctx context.Context, f Flight, o connect.Order) {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	for !settled(f.Status(), o) && pause(ctx, 20*time.Millisecond) {
	}
}

func settled(s move.Status, o connect.Order) bool {
	switch o.Word {
	case move.OrderCutover:
		return o.Args != "" || s.Writing == "to" && s.Stage == move.StageReverse
	case move.OrderRollback:
		return s.Writing == "from" && s.Stage == move.StageFollow
	case move.OrderComplete:
		return s.Stage == move.StageComplete
	case move.OrderAbort:
		return s.Stage == move.StageAborted
	}
	return true
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		e := api.Error{Kind: chat.KindOf(err).String(), Text: err.Error()}
		if known, ok := errors.AsType[*chat.Error](err); ok {
			e.Text, e.Hint = known.Text, known.Hint
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		v = e
	}
	_ = json.NewEncoder(w).Encode(v) // who asked is gone; there is nobody to tell
}

// Listen makes the socket of a mover in the directory of its move. It fails
// with Conflict if another mover listens there.
func Listen(ctx context.Context, dir string) (net.Listener, error) {
	if c, ok := Dial(ctx, dir); ok {
		c.Close()
		return nil, chat.Errorf(chat.Conflict, "a mover runs on %s already", dir).
			WithHint("godwit status shows how it stands; godwit cutover, rollback, set and abort drive it")
	}
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove an old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for orders: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // by a path that may be short-lived; Unlisten does it
	return l, os.Chmod(path, 0o600)
}

// Unlisten removes the socket.
func Unlisten(dir string) { _ = os.Remove(filepath.Join(dir, SocketName)) }

// socketPath returns a path that is short enough for a socket's address,
// which holds about 100 bytes.
func socketPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) < 100 {
		return path, func() {}, nil
	}
	d, err := os.Open(dir) //nolint:gosec // the operator names the directory
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), SocketName), func() { _ = d.Close() }, nil
}

// Line is the line to a running mover.
type Line struct{ http *http.Client }

// Dial returns the line to the mover that runs on a directory, and false if
// none does.
func Dial(ctx context.Context, dir string) (*Line, bool) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		path, done, err := socketPath(dir)
		if err != nil {
			return nil, err
		}
		defer done()
		return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	}
	c, err := dial(ctx, "", "")
	if err != nil {
		return nil, false
	}
	_ = c.Close()
	return &Line{&http.Client{Transport: &http.Transport{DialContext: dial}}}, true
}

// Close lets go of the connections.
func (l *Line) Close() { l.http.CloseIdleConnections() }

// Status asks how the flight stands.
func (l *Line) Status(ctx context.Context) (st move.Status, err error) {
	err = l.call(ctx, http.MethodGet, "status", nil, &st)
	return st, err
}

// Do gives an order, and waits until it is carried out, or refused.
func (l *Line) Do(ctx context.Context, o connect.Order) (st move.Status, err error) {
	err = l.call(ctx, http.MethodPost, "orders", o, &st)
	return st, err
}

func (l *Line) call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://mover/"+path, &body)
	if err != nil {
		return err
	}
	resp, err := l.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return chat.Errorf(chat.Unavailable, "the mover ended before it answered: %w", err).WithHint("godwit status says how the places stand; start the mover again: it goes on where it stopped")
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode == http.StatusOK {
		return json.NewDecoder(resp.Body).Decode(out)
	}
	var e api.Error
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		return chat.Errorf(chat.Internal, "the mover answered %s", resp.Status)
	}
	for kind := chat.Internal; kind <= chat.Full; kind++ {
		if kind.String() == e.Kind {
			return chat.Errorf(kind, "%s", e.Text).WithHint("%s", e.Hint)
		}
	}
	return chat.Errorf(chat.Internal, "%s", e.Text)
}
