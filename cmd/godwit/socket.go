package main

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
)

// A running server can be told things by whoever may read its directory,
// through a socket there: who has the files has everything anyway. So a reset
// link can be had at any hour, without a password and beside the server.
const socketName = "godwit.sock"

// listenSocket makes the socket. One that a killed server left is replaced:
// the caller has the place, so nobody else can be listening.
func listenSocket(dir string) (net.Listener, error) {
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
		return nil, fmt.Errorf("listen for godwit admin: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // by a path that may be short-lived; removeSocket does it
	return l, os.Chmod(path, 0o600)
}

func removeSocket(dir string) { _ = os.Remove(filepath.Join(dir, socketName)) }

// socketPath returns a path that is short enough for a socket's address,
// which holds about 100 bytes.
func socketPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) < 100 {
		return path, func() {}, nil
	}
	d, err := os.Open(dir) //nolint:gosec // the operator names the directory
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName), func() { _ = d.Close() }, nil
}

// running is the line to a server that runs on a directory.
type running struct{ http *http.Client }

// dialRunning returns the line to a server that runs on dir, and false if
// none does.
func dialRunning(ctx context.Context, dir string) (running, bool) {
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
		return running{}, false
	}
	_ = c.Close()
	return running{&http.Client{Transport: &http.Transport{DialContext: dial}}}, true
}

// call gives an order, and reads what came of it into out.
func (r running) call(ctx context.Context, verb string, in order, out *outcome) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://godwit/"+verb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := r.http.Do(req)
	if err != nil {
		return chat.Errorf(chat.Unavailable, "the running server does not answer: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusOK {
		var e api.Error
		if err := json.NewDecoder(answer.Body).Decode(&e); err != nil {
			return chat.Errorf(chat.Internal, "the running server answered %s", answer.Status)
		}
		return wrong(answer.StatusCode, e)
	}
	return json.NewDecoder(answer.Body).Decode(out)
}

// about is what a running server says of itself.
type about struct {
	Address string `json:"address"`
	Version string `json:"version"`
}

// askAddress returns the address of the server that runs on dir, or "".
func askAddress(ctx context.Context, dir string) string {
	r, ok := dialRunning(ctx, dir)
	if !ok {
		return ""
	}
	var out outcome
	if err := r.call(ctx, "about", order{}, &out); err != nil || out.About == nil {
		return ""
	}
	return out.About.Address
}

// wrong turns an answer that is an error back into one.
func wrong(status int, e api.Error) error {
	for kind := chat.Internal; kind <= chat.Full; kind++ {
		if kind.String() == e.Kind {
			return chat.Errorf(kind, "%s", e.Text).WithHint("%s", e.Hint)
		}
	}
	return chat.Errorf(chat.Internal, "the running server answered %d", status)
}
