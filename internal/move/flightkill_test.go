package move_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
)

// errKilled is what a mover that is killed at a step ends with.
var errKilled = errors.New("killed")

// steps are all names of steps that a flight with a cutover, a rollback and
// the end goes through.
var steps = []string{
	"before pairing", "offered", "answered", "paired", "presync", "before apply", "after apply", "presynced", "round",
	"before prepare", "before freeze", "frozen", "delta done", "verified", "before retire", "retired",
	"before end", "ended to",
}

// quickSteps are those of them at which a mover that ends leaves most undone;
// make soak takes all of them.
var quickSteps = []string{"answered", "after apply", "frozen", "verified", "retired", "before end"}

// TestAMoverThatIsKilledAtAnyStepGoesOnFromWhatThePlacesSay kills a mover at
// each step in turn, and starts another one in its place, with and without
// what the first one had in its directory.
func TestAMoverThatIsKilledAtAnyStepGoesOnFromWhatThePlacesSay(t *testing.T) {
	for i, name := range steps {
		for _, keep := range []bool{true, false} {
			if !everyKill && (keep != (i%2 == 0) || !slices.Contains(quickSteps, name)) {
				continue
			}
			what := "killed " + name
			if !keep {
				what += ", and its directory is lost"
			}
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				from, to := lites(t)
				killedAt(t, name, keep, from, to)
			})
		}
	}
}

func killedAt(t *testing.T, name string, keep bool, from, to *spot) {
	from.furnish(t, 60)
	w := scribble(t, 3, 10*time.Millisecond, from, to)
	dir := filepath.Join(t.TempDir(), "hq.godwit")
	k := &killer{at: name, dir: dir, keep: keep}
	turn := func() chat.Turn {
		st, err := to.party.Standing(context.Background())
		if err != nil {
			return 0
		}
		src, err := from.party.Standing(context.Background())
		if err != nil {
			return st.Pair.Turn
		}
		return max(st.Pair.Turn, src.Pair.Turn)
	}
	for _, goal := range []struct {
		order string
		there func() bool
	}{
		{move.OrderCutover, func() bool { return turn() >= 1 && to.state(t) == chat.Open }},
		{move.OrderRollback, func() bool { return turn() >= 2 && from.state(t) == chat.Open }},
		{move.OrderCutover, func() bool { return turn() >= 3 && to.state(t) == chat.Open }},
		{move.OrderComplete, func() bool {
			a, e1 := from.party.Standing(context.Background())
			b, e2 := to.party.Standing(context.Background())
			return e1 == nil && e2 == nil && a.Pair.Over && b.Pair.Over
		}},
	} {
		for try := 0; !goal.there(); try++ {
			if try > 12 {
				t.Fatalf("%s is not done after %d movers", goal.order, try)
			}
			k.fly(t, from, to, goal.order)
		}
		w.more(t, 10)
	}
	if k.killed == 0 && name != "" {
		t.Errorf("no mover came by the step %q", name)
	}
	w.end()
	// The last passes before the end may not have had all: a completed move
	// leaves the old place as it is.
	w.check(t, to, from)
}

// killer makes movers, and kills the first ones that come by a step.
type killer struct {
	at     string
	dir    string
	keep   bool
	mu     sync.Mutex
	killed int
	seen   []string
}

func (k *killer) fly(t *testing.T, from, to *spot, order string) {
	f := flight(t, from, to)
	if k.keep {
		f.Dir = k.dir
	}
	f.Step = k.step
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := f.Run(ctx)
		ended <- err
	}()
	err := f.Do(ctx, connect.Order{Word: order})
	cancel()
	end := <-ended
	if err == nil || errors.Is(end, errKilled) {
		return
	}
	t.Logf("%s: %v; the mover ended with %v", order, err, end)
}

// mostKills is how often a step kills.
const mostKills = 2

func (k *killer) step(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.seen, name) {
		k.seen = append(k.seen, name)
	}
	if name == k.at && k.killed < mostKills {
		k.killed++
		return errKilled
	}
	return nil
}
