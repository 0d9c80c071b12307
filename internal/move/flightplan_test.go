package move_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/store"
)

func TestAPlaceWithMessagesCannotBecomeAnotherOne(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 50)
	to.furnish(t, 20)
	f := flight(t, from, to)
	f.Dir = t.TempDir()
	_, err := f.Run(t.Context())
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.Conflict || e.Hint == "" {
		t.Errorf("%v", err)
	}
	if to.state(t) != chat.Open || from.state(t) != chat.Open {
		t.Error("something was changed")
	}
}

func TestAPlanIsMadeWithoutAChange(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 200)
	f := flight(t, from, to)
	f.Dir = t.TempDir()
	p, err := f.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Predicted.Counts["messages"] != 200 || p.Predicted.Pause == "" || p.Predicted.High == "" || len(p.Predicted.Sample) == 0 {
		t.Errorf("%+v", p.Predicted)
	}
	if to.state(t) != chat.Open {
		t.Errorf("the target is %s", to.state(t))
	}
	if err := p.WriteText(io.Discard); err != nil {
		t.Fatal(err)
	}
	other := flight(t, from, to)
	other.Dir, other.To = f.Dir, "elsewhere"
	_, err = other.Run(t.Context())
	if !chat.IsKind(err, chat.Conflict) {
		t.Errorf("another target than planned: %v", err)
	}
	again := flight(t, from, to)
	again.Dir = f.Dir
	following(t, again)
}

func TestARehearsalMeasuresAndNobodyWaits(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 300)
	w := scribble(t, 3, 10*time.Millisecond, from)
	real := t.TempDir()
	f := flight(t, from, to)
	f.Dir = t.TempDir()
	r, err := f.Rehearse(t.Context(), real)
	if err != nil {
		t.Fatal(err)
	}
	if r.Objects < 300 || r.Pause <= 0 || r.Presync <= 0 || r.Verify <= 0 {
		t.Errorf("%+v", r)
	}
	w.more(t, 10)
	w.end()
	w.check(t, from, to)
	fresh := openSpot(t, filepath.Join(t.TempDir(), "fresh.db"))
	next := flight(t, from, fresh)
	next.Dir, next.Again = real, true
	p, err := next.Plan(t.Context())
	if err != nil || !strings.Contains(p.Predicted.Pause, "rehearsal") {
		t.Errorf("%v: the plan predicts %+v", err, p)
	}
	following(t, next)
}

func TestOrdersFromAPlacesConsoleAreCarriedOutOnce(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 50)
	f := flight(t, from, to)
	f.Dir = t.TempDir()
	r := following(t, f)
	if _, err := from.db.Order(t.Context(), "hq", "Ada", move.OrderCutover, ""); err != nil {
		t.Fatal(err)
	}
	r.reach(move.StageReverse)
	r.do(move.OrderRollback)
	r.reach(move.StageFollow)
	r.end()
	again := flight(t, from, to)
	again.Dir = f.Dir
	r = fly(t, again)
	r.reach(move.StageFollow)
	if _, err := to.db.Order(t.Context(), "hq", "Ada", move.OrderSet, "parallel=3"); err != nil {
		t.Fatal(err)
	}
	until(t, "the knob is set", func() bool {
		for _, k := range r.Status().Knobs {
			if k.Name == "parallel" && k.Value == "3" {
				return true
			}
		}
		return false
	})
	if s := from.state(t); s != chat.Open {
		t.Errorf("the order of before was carried out again: people are at a place that is %s", s)
	}
}

func TestWhatANewerMoverKeepsAtThePlaceIsRefused(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 50)
	r := following(t, flight(t, from, to))
	r.end()
	st, err := to.party.Move(t.Context(), "hq")
	if err == nil {
		st, err = to.party.Begin(t.Context(), st.MoveSpec)
	}
	if err == nil {
		_, err = to.party.Apply(t.Context(), chat.Batch{Move: "hq", Fence: st.Fence, From: st.Cursor, To: st.Cursor, Mirror: true, Progress: []byte(`{"version":99}`)})
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = flight(t, from, to).Run(t.Context())
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.Invalid || e.Hint == "" {
		t.Errorf("%v", err)
	}
}

func TestASourceThatWasSetBackIsReadAgainAndWhatItLostGoes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "from.db")
	from, to := openSpot(t, path), openSpot(t, filepath.Join(dir, "to.db"))
	from.furnish(t, 100)
	w := scribble(t, 2, 10*time.Millisecond, from)
	r := following(t, flight(t, from, to))
	backup := filepath.Join(dir, "backup.db")
	from.raw(t, `VACUUM INTO '`+backup+`'`)
	w.more(t, 50)
	w.end()
	until(t, "all is over there", func() bool {
		here, e1 := from.party.Standing(t.Context())
		there, e2 := to.party.Standing(t.Context())
		at, e3 := chat.ParseCursor(there.Reached)
		return e1 == nil && e2 == nil && e3 == nil && at.Pos >= here.Pos
	})
	r.end()
	old := openSpotWith(t, backup, from)
	if _, err := (&chat.Handover{Store: old.db, Sealer: old.sealer}).Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = fly(t, flight(t, old, to))
	r.reach(move.StageFollow)
	until(t, "the place is clean again", func() bool { return r.Status().Ready })
	r.do(move.OrderCutover)
	r.end()
	alike(t, old, to)
	if old.state(t) == chat.Open || to.state(t) != chat.Open {
		t.Error("the turn did not pass")
	}
}

// openSpotWith opens another database with the files and the key of a spot.
func openSpotWith(t testing.TB, path string, like *spot) *spot {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return like.with(db, path)
}
