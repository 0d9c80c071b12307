package pilot

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
)

// recorded is a flight of which only the record is there.
type recorded struct {
	mu     sync.Mutex
	status move.Status
	orders []connect.Order
}

func (r *recorded) Status() move.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func (r *recorded) Do(_ context.Context, o connect.Order) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.Word == move.OrderRollback {
		return chat.Errorf(chat.Conflict, "nothing was cut over yet").WithHint("godwit cutover autumn")
	}
	r.orders = append(r.orders, o)
	r.status.Paused = o.Word == move.OrderPause
	return nil
}

// driven serves the socket of a flight in a directory.
func driven(t *testing.T, dir string, f Flight) {
	t.Helper()
	l, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: Control(f), ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = s.Close() // nothing is lost with it
		<-done
		Unlisten(dir)
	})
}

func TestARunningMoverIsDrivenThroughItsSocket(t *testing.T) {
	for name, dir := range map[string]string{"a short path": t.TempDir(), "a path that is longer than an address may be": filepath.Join(t.TempDir(), strings.Repeat("long/", 40))} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, ok := Dial(t.Context(), dir); ok {
				t.Fatal("somebody answers before there is a mover")
			}
			f := &recorded{status: move.Status{Move: "autumn", Stage: move.StageFollow}}
			driven(t, dir, f)
			if info, err := os.Stat(filepath.Join(dir, SocketName)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v %v", info, err)
			}
			line, ok := Dial(t.Context(), dir)
			if !ok {
				t.Fatal("nobody answers")
			}
			defer line.Close()
			if st, err := line.Status(t.Context()); err != nil || st.Stage != move.StageFollow {
				t.Errorf("%v %+v", err, st)
			}
			st, err := line.Do(t.Context(), connect.Order{Who: "ada", Word: move.OrderPause, N: 99})
			if err != nil || !st.Paused || len(f.orders) != 1 || f.orders[0].Who != "ada" || f.orders[0].N != 0 || f.orders[0].At == 0 {
				t.Errorf("%v %+v", err, f.orders)
			}
			_, err = line.Do(t.Context(), connect.Order{Word: move.OrderRollback})
			if !chat.IsKind(err, chat.Conflict) || err.Error() != "nothing was cut over yet" || err.(*chat.Error).Hint != "godwit cutover autumn" {
				t.Errorf("a refusal: %v", err)
			}
			if _, err := Listen(t.Context(), dir); !chat.IsKind(err, chat.Conflict) {
				t.Errorf("a second mover: %v", err)
			}
		})
	}
}

func TestTheSocketOfAKilledMoverIsReplaced(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // the file stays, as after a kill
	if _, err := os.Stat(filepath.Join(dir, SocketName)); err != nil {
		t.Fatal(err)
	}
	driven(t, dir, &recorded{})
}

func TestPrometheusIsToldOfAMove(t *testing.T) {
	f := &recorded{status: move.Status{
		Move: "autumn", Stage: move.StageFollow, Lag: 1500 * time.Millisecond, Behind: 12, Pause: 300 * time.Millisecond, Budget: 10 * time.Second, Ready: true,
		Source: move.PlaceStatus{P95: 12.5, Posts: 40}, Kinds: []move.KindStatus{{Kind: chat.KindMessage, Done: 10, All: 12}}, Files: move.FileStatus{Bytes: 4096},
	}}
	m := NewMetrics(f)
	waiting := f.Status()
	waiting.Waits = "posting at the source takes 20.0 ms, and may take 10.0 ms: the mover works 10 % of the time"
	m.Watch(waiting)
	m.Watch(waiting)
	s := httptest.NewServer(m.Handler())
	defer s.Close()
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := map[string]bool{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		got[lines.Text()] = true
	}
	for _, want := range []string{
		`godwit_move_phase{move="autumn",phase="follow"} 1`, `godwit_move_phase{move="autumn",phase="presync"} 0`,
		`godwit_move_items{kind="message",move="autumn"} 10`, `godwit_move_items_expected{kind="message",move="autumn"} 12`,
		`godwit_move_file_bytes_total{move="autumn"} 4096`, `godwit_move_lag_seconds{move="autumn"} 1.5`,
		`godwit_move_post_p95_seconds{move="autumn",place="from"} 0.0125`, `godwit_move_predicted_pause_seconds{move="autumn"} 0.3`,
		`godwit_move_pause_budget_seconds{move="autumn"} 10`, `godwit_move_ready{move="autumn"} 1`,
	} {
		if !got[want] {
			t.Errorf("there is no %s", want)
		}
	}
	waits := false
	for line := range got {
		waits = waits || strings.HasPrefix(line, `godwit_move_waits_seconds_total{move="autumn",reason="posting at the source takes"}`)
	}
	if !waits {
		t.Errorf("nothing is said of waiting: %v", got)
	}
}
