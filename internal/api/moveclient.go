package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// MoveClient writes to a running server as a mover. What the server can't be
// reached for, or answers 503 to, is tried again for as long as Patience.
// Every call may be made from several goroutines.
type MoveClient struct {
	URL      string // of the server, without a path
	Token    string
	HTTP     *http.Client
	Patience time.Duration       // zero is a minute
	Waits    func(reason string) // told why a call waits, and with "" that it goes on; may be nil
}

// backoffs of a call that is tried again: the first wait, and the longest.
const (
	firstWait = 100 * time.Millisecond
	longWait  = 5 * time.Second
	maxAnswer = 1 << 30
)

// A Body gives the body of a request, anew for each time it is sent.
type Body func() (io.Reader, error)

// Call sends in as JSON, if it is not nil, and decodes the answer into out.
func (c *MoveClient) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body Body
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = func() (io.Reader, error) { return bytes.NewReader(data), nil }
	}
	return c.Send(ctx, method, path, query, body, out)
}

// Send sends a body and decodes the answer into out.
func (c *MoveClient) Send(ctx context.Context, method, path string, query url.Values, body Body, out any) error {
	return c.retry(ctx, func() error { return c.once(ctx, method, path, query, body, out) })
}

// Apply sends a batch, and the run of the server that got its files ("" if
// there are none). If its answer is lost, it asks the server whether the
// batch arrived, and only otherwise sends it again. The counts of a batch that
// arrived without an answer are not known here: the server has them.
func (c *MoveClient) Apply(ctx context.Context, b chat.Batch, run string) (chat.Applied, error) {
	data, err := EncodeBatch(b)
	if err != nil {
		return chat.Applied{}, err
	}
	body := func() (io.Reader, error) { return bytes.NewReader(data), nil }
	var applied chat.Applied
	doubt := false
	err = c.retry(ctx, func() error {
		if doubt {
			there, err := c.arrived(ctx, b)
			if err != nil || there {
				return err
			}
		}
		doubt = true
		return c.once(ctx, http.MethodPost, "apply", url.Values{"run": {run}}, body, &applied)
	})
	return applied, err
}

func (c *MoveClient) arrived(ctx context.Context, b chat.Batch) (bool, error) {
	var st chat.MoveState
	if err := c.once(ctx, http.MethodGet, "moves/"+url.PathEscape(b.Move), nil, nil, &st); err != nil {
		return false, err
	}
	moved := b.From != b.To && st.Cursor == b.To
	return st.Fence == b.Fence && (moved || b.Done && st.Done), nil
}

// errAgain marks what may go well at another try.
type errAgain struct {
	err   error
	after time.Duration // as the server asked; 0 if it did not
}

func (e errAgain) Error() string { return e.err.Error() }
func (e errAgain) Unwrap() error { return e.err }

func (c *MoveClient) retry(ctx context.Context, try func() error) error {
	patience := c.Patience
	if patience == 0 {
		patience = time.Minute
	}
	end := time.Now().Add(patience)
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		err := try()
		again, ok := errors.AsType[errAgain](err)
		if !ok {
			return err
		}
		pause := max(wait/2+rand.N(wait/2), again.after) //nolint:gosec // spreads tries out; nobody gains by guessing
		if time.Now().Add(pause).After(end) || ctx.Err() != nil {
			return again.err
		}
		c.waits(again.err.Error())
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return again.err
		case <-t.C:
		}
		c.waits("")
	}
}

func (c *MoveClient) waits(reason string) {
	if c.Waits != nil {
		c.Waits(reason)
	}
}

func (c *MoveClient) once(ctx context.Context, method, path string, query url.Values, body Body, out any) error {
	resp, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err)
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return c.notGodwit(resp)
	}
	return nil
}

// request sends a request. The answer is 2xx, and its body is not read yet.
func (c *MoveClient) request(ctx context.Context, method, path string, query url.Values, body Body) (*http.Response, error) {
	var r io.Reader
	if body != nil {
		var err error
		if r, err = body(); err != nil {
			return nil, err
		}
	}
	u := strings.TrimSuffix(c.URL, "/") + MovePath + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, r)
	if err != nil {
		if s, ok := r.(*sized); ok {
			_ = s.Close() // it only says so
		}
		return nil, chat.Errorf(chat.Invalid, "%q is not the address of a server: %w", c.URL, err)
	}
	if s, ok := r.(*sized); ok {
		if req.ContentLength = s.size; s.size == 0 {
			req.Body = http.NoBody
			_ = s.Close() // it only says so
		}
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(err)
	}
	return nil, c.refused(resp, answer)
}

// Stream calls fn with the body of an answer as it comes. If the connection
// breaks, and fn says that it got nowhere, all is tried again; if it got
// somewhere, Stream fails with Unavailable, and the caller knows where to go on.
func (c *MoveClient) Stream(ctx context.Context, path string, query url.Values, fn func(io.Reader) (somewhere bool, err error)) error {
	return c.retry(ctx, func() error {
		resp, err := c.request(ctx, http.MethodGet, path, query, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close() //nolint:errcheck // only read
		somewhere, err := fn(resp.Body)
		if _, known := errors.AsType[*chat.Error](err); err == nil || known || ctx.Err() != nil {
			return err
		}
		err = c.unreachable(err)
		if again, ok := errors.AsType[errAgain](err); ok && somewhere {
			return again.err
		}
		return err
	})
}

// Open asks for bytes, and returns them as they come; in is sent as JSON, if it
// is not nil. What breaks the connection is Unavailable.
func (c *MoveClient) Open(ctx context.Context, method, path string, query url.Values, in any) (io.ReadCloser, error) {
	var body Body
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = func() (io.Reader, error) { return bytes.NewReader(data), nil }
	}
	var resp *http.Response
	err := c.retry(ctx, func() (err error) {
		resp, err = c.request(ctx, method, path, query, body) //nolint:bodyclose // the caller does
		return err
	})
	if err != nil {
		return nil, err
	}
	return &answerBody{resp.Body, c}, nil
}

// answerBody is a body whose errors are for a person.
type answerBody struct {
	io.ReadCloser
	client *MoveClient
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		if again, ok := errors.AsType[errAgain](b.client.unreachable(err)); ok {
			err = again.err
		}
	}
	return n, err
}

// SendOnce sends bytes that cannot be read a second time; a negative size is
// not known. What breaks the connection is Unavailable. When it returns, nobody
// reads r any more.
func (c *MoveClient) SendOnce(ctx context.Context, method, path string, query url.Values, r io.Reader, size int64, out any) error {
	body := &sized{Reader: r, size: size, closed: make(chan struct{})}
	err := c.once(ctx, method, path, query, func() (io.Reader, error) { return body, nil }, out)
	<-body.closed // the transport may still be at it
	if again, ok := errors.AsType[errAgain](err); ok {
		return again.err
	}
	return err
}

// sized is a body whose length is known, and that says when it was let go.
type sized struct {
	io.Reader
	size   int64
	once   sync.Once
	closed chan struct{}
}

// Close says that nobody reads any more.
func (s *sized) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (c *MoveClient) unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return errAgain{err: chat.Errorf(chat.Unavailable, "the server at %s does not answer: %w", c.URL, err).
		WithHint("when it is back, run the same line again: it goes on where it stopped")}
}

func (c *MoveClient) notGodwit(resp *http.Response) error {
	return chat.Errorf(chat.Invalid, "%s answered %s, but not as a Godwit server does", c.URL, resp.Status).
		WithHint("check the address: it is that of the server itself, as in https://chat.example.org")
}

// refused makes an error of an answer that is not 2xx.
func (c *MoveClient) refused(resp *http.Response, answer []byte) error {
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		return chat.Errorf(chat.Unknown, "the server at %s does not accept the token", c.URL).
			WithHint("make one there with: godwit admin token --for move; and pass it in GODWIT_TOKEN or --token-file")
	}
	var e Error
	known := json.Unmarshal(answer, &e) == nil && e.Text != ""
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		if !known {
			e = Error{Text: fmt.Sprintf("the server at %s answers %s", c.URL, resp.Status)}
		}
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return errAgain{
			err:   &chat.Error{Kind: chat.Unavailable, Text: e.Text, Hint: e.Hint},
			after: min(time.Duration(seconds)*time.Second, longWait),
		}
	}
	if !known {
		return c.notGodwit(resp)
	}
	kind := chat.Internal
	for k := chat.Internal; k <= chat.Full; k++ {
		if k.String() == e.Kind {
			kind = k
		}
	}
	return &chat.Error{Kind: kind, Text: e.Text, Hint: e.Hint}
}
