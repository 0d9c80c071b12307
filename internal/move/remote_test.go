package move_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// served is a target behind HTTP, with a token, and a way to disturb it.
func served(target connect.Target, disturb func(w http.ResponseWriter, r *http.Request, next http.Handler)) http.Handler {
	next := live.Handler(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, `{"kind":"unknown","text":"who are you"}`, http.StatusUnauthorized)
			return
		}
		if disturb == nil {
			next.ServeHTTP(w, r)
			return
		}
		disturb(w, r, next)
	})
}

func dial(t *testing.T, url string) *live.Remote {
	t.Helper()
	r, err := live.Dial(t.Context(), url, "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestRemote(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		clean := fresh()
		importAll(t, job(t, small(), clean.target))
		p := fresh()
		srv := httptest.NewServer(served(p.target, nil))
		defer srv.Close()
		r := importAll(t, job(t, small(), dial(t, srv.URL)))
		if r.Outcome() != move.Whole {
			t.Errorf("outcome %v: %+v", r.Outcome(), r.Verify)
		}
		same(t, look(t, p, "hq"), look(t, clean, "hq"))
		checkFiles(t, p, small())
		r = importAll(t, job(t, small(), dial(t, srv.URL)))
		if c := r.Counts[chat.KindMessage]; c.Written != 0 {
			t.Errorf("again: %+v", c)
		}
	})
}

// TestLostAnswers cuts every third answer off after the work was done, and
// refuses every fourth request.
func TestLostAnswers(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		clean := fresh()
		importAll(t, job(t, small(), clean.target))
		p := fresh()
		var n atomic.Int64
		srv := httptest.NewServer(served(p.target, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch i := n.Add(1); {
			case i%3 == 0:
				next.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			case i%4 == 0:
				w.Header().Set("Retry-After", "0")
				http.Error(w, `{"kind":"unavailable","text":"the place is frozen"}`, http.StatusServiceUnavailable)
			default:
				next.ServeHTTP(w, r)
			}
		}))
		defer srv.Close()
		r := importAll(t, job(t, small(), dial(t, srv.URL)))
		if c := r.Counts[chat.KindMessage]; c.Read != 840 || c.Written != 700 || c.Deduplicated != 140 {
			t.Errorf("messages: %+v", c)
		}
		same(t, look(t, p, "hq"), look(t, clean, "hq"))
	})
}

// TestServerStartedAnew loses the files that were staged and not applied.
func TestServerStartedAnew(t *testing.T) {
	root := t.TempDir()
	p := openPlace(t, filepath.Join(root, "godwit.db"), filepath.Join(root, "files"))
	var now atomic.Pointer[http.Handler]
	start := func() {
		files, err := blob.OpenDir(filepath.Join(root, "files"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := files.Close(); err != nil {
				t.Error(err)
			}
		})
		h := served(live.NewDirect("test", p.store, files, "test"), nil)
		now.Store(&h)
	}
	start()
	var puts atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*now.Load()).ServeHTTP(w, r)
		if r.Method == http.MethodPut && puts.Add(1) == 7 {
			start()
		}
	}))
	defer srv.Close()
	r := importAll(t, job(t, small(), dial(t, srv.URL)))
	if r.Outcome() != move.Whole || r.Missing != 0 {
		t.Errorf("outcome %v, %d missing", r.Outcome(), r.Missing)
	}
	checkFiles(t, p, small())
}

// TestServerGoesAway ends the server in the middle of a request that it has
// seen. From then on it answers nothing, on connections that were open either.
func TestServerGoesAway(t *testing.T) {
	p := openPlace(t, filepath.Join(t.TempDir(), "godwit.db"), t.TempDir())
	var srv *httptest.Server
	var applies atomic.Int64
	var gone atomic.Bool
	srv = httptest.NewServer(served(p.target, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/apply") && applies.Add(1) == 5 {
			gone.Store(true)
			if err := srv.Listener.Close(); err != nil {
				t.Error(err)
			}
		}
		if gone.Load() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	}))
	defer srv.Close()
	to := dial(t, srv.URL)
	to.Patience(500 * time.Millisecond)
	j := planned(t, job(t, small(), to))
	_, err := j.Import(t.Context())
	if !chat.IsKind(err, chat.Unavailable) || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(hint(err), "run the same line again") {
		t.Errorf("ended with %v, hint %q", err, hint(err))
	}
	back := httptest.NewServer(served(p.target, nil))
	defer back.Close()
	again := job(t, small(), dial(t, back.URL))
	again.Dir = j.Dir
	if r := importAll(t, again); r.Outcome() != move.Whole {
		t.Errorf("outcome %v", r.Outcome())
	}
}

func TestDial(t *testing.T) {
	p := openPlace(t, filepath.Join(t.TempDir(), "godwit.db"), t.TempDir())
	srv := httptest.NewServer(served(p.target, nil))
	defer srv.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	free, err := testkit.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + free
	for name, c := range map[string]struct {
		url, token string
		kind       chat.ErrorKind
		says       string
	}{
		"a wrong token":     {srv.URL, "wrong", chat.Unknown, "does not accept the token"},
		"some other server": {other.URL, "secret", chat.Invalid, "not as a Godwit server does"},
		"nobody listens":    {nobody, "secret", chat.Unavailable, "does not answer"},
		"no address":        {"chat.example.org", "secret", chat.Invalid, "is not the address of a server"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := live.Dial(t.Context(), c.url, c.token)
			if !chat.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says) || hint(err) == "" {
				t.Errorf("%v, hint %q", err, hint(err))
			}
		})
	}
}

// full is a target whose disk is full after some files.
type full struct {
	connect.Target
	left atomic.Int64
}

func (f *full) Apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	if f.left.Add(-1) < 0 {
		return chat.Applied{}, chat.Errorf(chat.Full, "write: %w", syscall.ENOSPC).WithHint("make room and run the same line again: it goes on where it stopped")
	}
	return f.Target.Apply(ctx, b)
}

func TestFullDisk(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		clean, p := fresh(), fresh()
		importAll(t, job(t, small(), clean.target))
		for range 8 {
			f := &full{Target: p.target}
			f.left.Store(3)
			_, err := job(t, small(), f).Import(t.Context())
			if err == nil {
				break
			}
			if !chat.IsKind(err, chat.Full) || !errors.Is(err, syscall.ENOSPC) || hint(err) == "" {
				t.Fatalf("ended with %v", err)
			}
		}
		importAll(t, job(t, small(), p.target))
		same(t, look(t, p, "hq"), look(t, clean, "hq"))
	})
}

func FuzzDecodeBatch(f *testing.F) {
	data, err := api.EncodeBatch(chat.Batch{Move: "hq", From: "a", To: "b", Items: []chat.Incoming{{Object: small().message(1)}, {Object: small().user(1), Copy: true}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-3])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := api.DecodeBatch(strings.NewReader(string(data)))
		if err != nil {
			if !chat.IsKind(err, chat.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if _, err := api.EncodeBatch(b); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
