package move_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// overHTTP is the spot as a mover on another machine reaches it.
func (p *spot) overHTTP(t testing.TB, disturb func(http.ResponseWriter, *http.Request, http.Handler)) *spot {
	t.Helper()
	srv := httptest.NewServer(served(p.party.(connect.Target), disturb))
	t.Cleanup(srv.Close)
	r, err := live.Dial(t.Context(), srv.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	far := *p
	far.party = r
	return &far
}

// thereAndBack moves a place, with everything that a place can have and people
// writing, over and back and over again.
func thereAndBack(t *testing.T, from, to, farFrom, farTo *spot) {
	from.furnish(t, 300)
	if err := from.db.Update(t.Context(), func(tx chat.Tx) error { return tx.Put(testkit.Everything(from.sealer)...) }); err != nil {
		t.Fatal(err)
	}
	w := scribble(t, 4, 15*time.Millisecond, from, to)
	r := fly(t, flight(t, farFrom, farTo))
	r.reach(move.StageFollow)
	r.do(move.OrderCutover)
	w.more(t, 50)
	r.reach(move.StageReverse)
	r.do(move.OrderRollback)
	w.more(t, 50)
	r.reach(move.StageFollow)
	r.do(move.OrderCutover)
	w.more(t, 50)
	r.reach(move.StageReverse)
	w.end()
	r.do(move.OrderComplete)
	<-r.ended
	if r.err != nil {
		t.Fatal(r.err)
	}
	w.check(t, to, from)
	alike(t, from, to)
}

func TestAPlaceMovesOverHTTP(t *testing.T) {
	from, to := openSpot(t, filepath.Join(t.TempDir(), "from.db")), openSpot(t, testkit.Postgres(t))
	thereAndBack(t, from, to, from.overHTTP(t, nil), to.overHTTP(t, nil))
}

// TestAMoveOverALineThatLosesAnswers lets every fifth answer get lost after
// the work was done, and refuses every seventh request, at both places.
func TestAMoveOverALineThatLosesAnswers(t *testing.T) {
	from, to := lites(t)
	bad := func() func(http.ResponseWriter, *http.Request, http.Handler) {
		var n atomic.Int64
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch i := n.Add(1); {
			case strings.HasSuffix(r.URL.Path, "/place"):
				next.ServeHTTP(w, r)
			case i%7 == 3:
				w.WriteHeader(http.StatusBadGateway)
			case i%5 == 2:
				next.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			default:
				next.ServeHTTP(w, r)
			}
		}
	}
	thereAndBack(t, from, to, from.overHTTP(t, bad()), to.overHTTP(t, bad()))
}
