package move_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
)

// heard keeps what a flight tells its hooks, and how the source was then.
type heard struct {
	mu   sync.Mutex
	list map[string]chat.State
}

func (h *heard) note(t testing.TB, from *spot, e move.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.list[e.What+" "+string(e.Stage)]; !twice {
		h.list[e.What+" "+string(e.Stage)] = from.state(t)
	}
}

func TestEveryPhaseThatAHookCanNameIsToldOf(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 40)
	h := &heard{list: map[string]chat.State{}}
	f := flight(t, from, to)
	f.Hook = func(_ context.Context, e move.Event) error { h.note(t, from, e); return nil }
	r := following(t, f)
	r.do(move.OrderCutover)
	r.reach(move.StageReverse)
	r.do(move.OrderComplete)
	<-r.ended
	other, third := lites(t)
	given := flight(t, other, third)
	given.Hook = f.Hook
	r = following(t, given)
	r.do(move.OrderAbort)
	<-r.ended

	for _, want := range []struct {
		event string
		state chat.State
	}{
		{"begins plan", chat.Open}, {"ends plan", chat.Open}, {"begins presync", chat.Open}, {"ends presync", chat.Open}, {"begins follow", chat.Open},
		{"begins freeze", chat.Open}, {"ends freeze", chat.Frozen}, {"begins delta", chat.Frozen}, {"ends delta", chat.Frozen},
		{"begins verify", chat.Frozen}, {"ends verify", chat.Frozen}, {"begins cutover", chat.Frozen}, {"ends cutover", chat.Standby},
		{"begins reverse", chat.Standby}, {"begins complete", chat.Standby}, {"ends complete", chat.Retired},
		{"begins aborted", chat.Retired}, {"ends aborted", chat.Retired},
	} {
		if state, told := h.list[want.event]; !told || state != want.state {
			t.Errorf("%s: told %t, and the source was %s", want.event, told, state)
		}
	}
}

func TestAHookThatRunsWhilePeopleWaitIsEndedBeforeTheirLease(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 40)
	f := flight(t, from, to)
	f.MaxPause = 2 * time.Second
	var lease chat.Time
	f.Hook = func(ctx context.Context, e move.Event) error {
		if e.What != move.EventBegins || e.Stage != move.StageDelta {
			return nil
		}
		st, err := from.db.Standing(ctx)
		if err != nil {
			return err
		}
		lease = st.Lease
		<-ctx.Done()
		return ctx.Err()
	}
	r := following(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := r.Do(ctx, connect.Order{Word: move.OrderCutover})
	if !chat.IsKind(err, chat.Conflict) || !strings.Contains(err.Error(), "a hook stopped it while people waited") {
		t.Errorf("%v", err)
	}
	st, err := from.db.Standing(t.Context())
	if err != nil || st.State != chat.Open {
		t.Errorf("people can't go on: %s, %v", st.State, err)
	}
	if lease == 0 || st.Now > lease {
		t.Errorf("the hook went on until %d, and the lease ended at %d", st.Now, lease)
	}
	r.end()
}
