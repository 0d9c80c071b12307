package connect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Fetch is a file that a source only links to.
type Fetch struct {
	Name    string // by which it is kept
	Path    string // if it is not empty: where it is kept, in place of Name
	Address string // may hold a secret of its own: it is never shown
	Size    int64  // as the source claims; 0 is not known
	Page    bool   // a page is what is meant to be there
	Picture bool   // anything but a picture is wrong
}

// Fetcher gets files from a source's own server into a directory, where a
// later run finds them. A file is there whole or not at all. Fields may be
// set before the first call.
type Fetcher struct {
	Dir        string
	Hosts      []string               // that may be asked; no other, whatever an export or an answer says
	Plain      bool                   // addresses without TLS are good, too
	TokenHosts []string               // those of them that the token is sent to
	SignIn     func(head []byte) bool // recognises the page that asks who one is
	Every      time.Duration          // between the beginnings of two requests, at least
	Wait       func(context.Context, time.Duration) error

	token  string
	client *http.Client
	mu     sync.Mutex
	next   time.Time // before it nothing is asked
}

const (
	fetchers     = 4
	fetchTries   = 6
	longestWait  = 10 * time.Minute
	mostFetched  = 16 << 30 // bytes of a file of which the size is not known
	mostAnswered = 64 << 20 // bytes of an answer of an API
)

// NewFetcher makes a fetcher into a directory. Via is nil for the network.
func NewFetcher(dir, token string, via http.RoundTripper) *Fetcher {
	if via == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = 2 * time.Minute
		via = t
	}
	f := &Fetcher{Dir: dir, token: token, Every: 50 * time.Millisecond, Wait: pause}
	f.client = &http.Client{Transport: via, CheckRedirect: f.redirect}
	return f
}

// Prepare makes the directory, which must be there before Get.
func (f *Fetcher) Prepare() error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return chat.Errorf(chat.Invalid, "%s cannot hold what is fetched: %w", f.Dir, err).WithHint("name another directory with --fetch-to")
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// redirect follows only to where one may ask, and takes the token only to
// where it may go.
func (f *Fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return refused("it leads in a circle")
	}
	if err := f.allowed(r.URL); err != nil {
		return err
	}
	r.Header.Del("Authorization")
	r.Header.Del("Referer") // the address before may hold a secret
	if f.token != "" && via[0].Header.Get("Authorization") != "" && slices.Contains(f.TokenHosts, strings.ToLower(r.URL.Host)) {
		r.Header.Set("Authorization", "Bearer "+f.token)
	}
	return nil
}

func (f *Fetcher) allowed(u *url.URL) error {
	if u.Scheme != "https" && !(f.Plain && u.Scheme == "http") || !slices.Contains(f.Hosts, strings.ToLower(u.Host)) {
		return refused(fmt.Sprintf("it leads to %s://%s, which is not asked", u.Scheme, u.Host))
	}
	return nil
}

// refused is a reason that asking again does not change.
type refused string

func (r refused) Error() string { return string(r) }

// again is a reason to ask again.
type again struct {
	why   string
	after time.Duration
}

func (a again) Error() string { return a.why }

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,150}$`)

// path is where a file is kept. Names are data: one that could be anything
// but a name is replaced.
func (f *Fetcher) path(x Fetch) string {
	if p := filepath.FromSlash(x.Path); p != "" && filepath.IsLocal(p) {
		return filepath.Join(f.Dir, p)
	}
	name := x.Name
	if !plainName.MatchString(name) {
		sum := sha256.Sum256([]byte(name))
		name = "x" + hex.EncodeToString(sum[:16])
	}
	return filepath.Join(f.Dir, name)
}

// Open opens a file that was fetched. It fails with os.ErrNotExist.
func (f *Fetcher) Open(x Fetch) (*os.File, int64, error) {
	file, err := os.Open(f.path(x))
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = os.ErrNotExist
	}
	if err != nil {
		_ = file.Close() // only read
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// Get fetches what is not there yet, several at once. Reasons say, for each,
// why it could not be got; an error means that going on makes no sense.
func (f *Fetcher) Get(ctx context.Context, list []Fetch) (reasons []error, err error) {
	reasons = make([]error, len(list))
	work := make(chan int)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range min(fetchers, len(list)) {
		wg.Go(func() {
			for i := range work {
				reasons[i] = f.one(ctx, list[i])
				if e, ok := errors.AsType[*os.PathError](reasons[i]); ok {
					cancel(chat.Errorf(chat.Full, "what is fetched cannot be kept: %w", e).WithHint("make room; what was fetched stays and is not fetched again"))
				}
			}
		})
	}
	for i := range list {
		select {
		case work <- i:
		case <-ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	return reasons, context.Cause(ctx)
}

func (f *Fetcher) one(ctx context.Context, x Fetch) error {
	if file, size, err := f.Open(x); err == nil {
		_ = file.Close() // only looked at
		if x.Size == 0 || size == x.Size {
			return nil
		}
	}
	u, err := url.Parse(x.Address)
	if err != nil || x.Address == "" {
		return refused("the export has no address for it")
	}
	if err := f.allowed(u); err != nil {
		return err
	}
	// An address may have a secret of its own; if that is worth nothing any
	// more, the token may be.
	own := u.RawQuery != ""
	err = f.try(ctx, x, u, !own)
	if _, no := errors.AsType[refused](err); no && own && f.token != "" {
		bare := *u
		bare.RawQuery = ""
		err = f.try(ctx, x, &bare, true)
	}
	return err
}

// try asks until it is got, refused, or asked too often.
func (f *Fetcher) try(ctx context.Context, x Fetch, u *url.URL, withToken bool) error {
	part, err := os.CreateTemp(f.Dir, "part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) //nolint:errcheck // renamed if all went well
	defer part.Close()           //nolint:errcheck // closed before it is renamed
	var last error
	d := download{f: f, x: x, part: part}
	for n := range fetchTries {
		last = d.ask(ctx, u, withToken)
		a, ok := errors.AsType[again](last)
		if !ok {
			break
		}
		if n == fetchTries-1 {
			break
		}
		if err := f.delay(ctx, cmp.Or(a.after, time.Second<<n)); err != nil {
			return err
		}
	}
	if last != nil {
		return last
	}
	to := f.path(x)
	return errors.Join(part.Sync(), part.Close(), os.MkdirAll(filepath.Dir(to), 0o700), os.Rename(part.Name(), to))
}

// delay holds all back: whoever is told to slow down speaks for the rest.
func (f *Fetcher) delay(ctx context.Context, d time.Duration) error {
	d = min(d, longestWait)
	f.mu.Lock()
	if until := time.Now().Add(d); until.After(f.next) {
		f.next = until
	}
	f.mu.Unlock()
	return f.Wait(ctx, d)
}

// turn waits until one may ask.
func (f *Fetcher) turn(ctx context.Context) error {
	f.mu.Lock()
	now := time.Now()
	at := f.next
	if at.Before(now) {
		at = now
	}
	f.next = at.Add(f.Every)
	f.mu.Unlock()
	if d := at.Sub(now); d > 0 {
		return f.Wait(ctx, d)
	}
	return ctx.Err()
}

func (f *Fetcher) do(ctx context.Context, u *url.URL, withToken bool, header http.Header) (*http.Response, error) {
	if err := f.turn(ctx); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refused("its address is none")
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Accept-Encoding", "identity")
	if withToken && f.token != "" && slices.Contains(f.TokenHosts, strings.ToLower(u.Host)) {
		r.Header.Set("Authorization", "Bearer "+f.token)
	}
	answer, err := f.client.Do(r)
	if err == nil {
		return answer, f.status(answer)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if no, ok := errors.AsType[refused](err); ok {
		return nil, no
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the address, which may hold a secret
	}
	return nil, again{why: err.Error()}
}

// status says what an answer's status means; the body is closed if it is not
// good.
func (f *Fetcher) status(a *http.Response) error {
	if a.StatusCode == http.StatusOK || a.StatusCode == http.StatusPartialContent {
		return nil
	}
	_ = a.Body.Close()
	switch {
	case a.StatusCode == http.StatusTooManyRequests || a.StatusCode >= 500:
		return again{fmt.Sprintf("the server answers %d", a.StatusCode), retryAfter(a.Header.Get("Retry-After"))}
	case a.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return again{why: "the server has less of it than before"}
	}
	return refused(fmt.Sprintf("the server answers %d", a.StatusCode))
}

func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return min(time.Duration(n)*time.Second, longestWait)
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, min(time.Until(t), longestWait))
	}
	return 0
}

// Call asks an API with the token, and returns its answer.
func (f *Fetcher) Call(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if err := f.allowed(u); err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		data, err := f.call(ctx, u)
		a, ok := errors.AsType[again](err)
		if !ok || n == fetchTries-1 {
			return data, err
		}
		if err := f.delay(ctx, cmp.Or(a.after, time.Second<<n)); err != nil {
			return nil, err
		}
	}
}

func (f *Fetcher) call(ctx context.Context, u *url.URL) ([]byte, error) {
	answer, err := f.do(ctx, u, true, http.Header{})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswered+1))
	switch {
	case err != nil:
		return nil, again{why: "the answer broke off"}
	case len(data) > mostAnswered:
		return nil, refused("the answer is too large")
	}
	return data, nil
}
