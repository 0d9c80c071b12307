package server_test

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// status is what a load balancer is told.
func (w *world) status(path string) int {
	w.t.Helper()
	resp, err := http.Get(w.url + path)
	w.must(err)
	w.must(resp.Body.Close())
	return resp.StatusCode
}

func TestAServerThatLeavesWaitsUntilItsLoadBalancerHasNoticed(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		if got := w.status("/readyz"); got != http.StatusOK {
			t.Fatalf("ready: %d", got)
		}
		left := make(chan struct{})
		go func() { w.server.Drain(t.Context(), time.Minute); close(left) }()
		no := 0
		for end := time.Now().Add(30 * time.Second); no < 3; {
			select {
			case <-left:
				t.Fatalf("it left after it had said %d times that it is not ready", no)
			default:
			}
			if w.status("/readyz") == http.StatusServiceUnavailable {
				no++
			}
			if time.Now().After(end) {
				t.Fatal("it is ready though it leaves")
			}
		}
		<-left
		if got := w.status("/livez"); got != http.StatusOK {
			t.Errorf("it lives, and says %d", got)
		}
	})
}

func TestAServerWithoutALoadBalancerLeavesAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		w.server.Drain(ctx, time.Hour)
		if ctx.Err() != nil {
			t.Error("it waited for nobody")
		}
	})
}

func TestAServerIsNotReadyWhenItsDatabaseIsGone(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		if got := w.status("/readyz"); got != http.StatusOK {
			t.Fatalf("ready: %d", got)
		}
		w.must(w.db.Close())
		for end := time.Now().Add(30 * time.Second); w.status("/readyz") != http.StatusServiceUnavailable; {
			if time.Now().After(end) {
				t.Fatal("it is ready without a database")
			}
			time.Sleep(20 * time.Millisecond) // between two looks
		}
	})
}
