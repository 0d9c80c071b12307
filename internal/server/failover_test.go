package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/testkit"
)

// TestPeopleWriteOnWhilePostgresFailsOver lets clients write while the database
// crashes, comes back, and is followed by its standby.
func TestPeopleWriteOnWhilePostgresFailsOver(t *testing.T) {
	one := testkit.StartPostgres(t)
	two := one.Replica(true)
	front := testkit.NewFront(t, one.Address)
	w := newWorld(t, testkit.PostgresURL(front.Address))
	wr := &testkit.Writers{Rooms: []string{w.roomID("open"), w.roomID("group")}, Every: 10 * time.Millisecond, Again: 100 * time.Millisecond}
	for range 4 {
		wr.Clients = append(wr.Clients, w.as("member"))
	}
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); wr.Run(stop) }()
	t.Cleanup(func() { cancel(); <-ended })
	more := func() {
		t.Helper()
		from := wr.Acked()
		for end := time.Now().Add(60 * time.Second); wr.Acked() < from+40; <-time.After(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("writes do not go on: %v", wr.Failed())
			}
		}
	}
	more()
	one.StopNow()
	one.Start()
	more()
	one.StopNow()
	two.Promote()
	front.Switch(two.Address)
	more()
	cancel()
	<-ended
	for kind := range wr.Failed() {
		if kind != "unavailable" {
			t.Errorf("writers were told %s: %v", kind, wr.Failed())
		}
	}
	reader := w.as("member")
	wrong, err := wr.Check(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range wrong {
		t.Error(what)
	}
	t.Log(wr.Acked(), "acknowledged;", wr.Failed())
}
