package move_test

import (
	"context"
	"errors"
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

// following starts a flight and waits until a cutover may begin.
func following(t *testing.T, f *move.Flight) *flown {
	t.Helper()
	r := fly(t, f)
	r.reach(move.StageFollow)
	until(t, "the first round is clean", func() bool { return r.Status().Ready })
	return r
}

// refused gives an order that must fail, with a hint, and change nothing.
func (r *flown) refused(kind chat.ErrorKind, word, args string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := r.Do(ctx, connect.Order{Word: word, Args: args})
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Kind != kind || e.Hint == "" {
		r.t.Errorf("%s %s: %v", word, args, err)
	}
}

func TestAMoverThatWakesUpAfterItWasReplacedIsRefused(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 100)
	w := scribble(t, 2, 10*time.Millisecond, from, to)
	old := flight(t, from, to)
	held, woken, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	old.Step = func(name string) error {
		if name == "before apply" {
			once.Do(func() { close(held); <-woken })
		}
		return nil
	}
	o := fly(t, old)
	<-held
	r := following(t, flight(t, from, to))
	close(woken)
	<-o.ended
	if e, ok := errors.AsType[*chat.Error](o.err); !ok || e.Kind != chat.Conflict || e.Hint == "" {
		t.Errorf("the old mover ended with %v", o.err)
	}
	r.do(move.OrderCutover)
	w.more(t, 20)
	w.end()
	r.end()
	w.check(t, to, from)
}

func TestACutoverThatWouldTakeTooLongIsNotBegun(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 100)
	f := flight(t, from, slowly(to, 150*time.Millisecond))
	f.MaxPause = 100 * time.Millisecond
	r := following(t, f)
	r.refused(chat.Conflict, move.OrderCutover, "")
	if s := from.state(t); s != chat.Open {
		t.Errorf("people are at a place that is %s", s)
	}
	r.do(move.OrderSet, "max-pause=1m")
	r.do(move.OrderCutover)
	if s := to.state(t); s != chat.Open {
		t.Errorf("the new place is %s", s)
	}
}

// slowly makes each call to a place that a cutover needs take longer.
func slowly(p *spot, by time.Duration) *spot {
	far := *p
	far.party = &slowParty{p.party, by}
	return &far
}

type slowParty struct {
	connect.Party
	by time.Duration
}

func (p *slowParty) Apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	time.Sleep(p.by)
	return p.Party.Apply(ctx, b)
}

func (p *slowParty) Mirror(ctx context.Context, q chat.TallyQuery) (chat.Inventory, chat.Cursor, error) {
	time.Sleep(p.by)
	return p.Party.Mirror(ctx, q)
}

func TestAFreezeThatTakesTooLongIsGivenUpAndPeopleGoOn(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 100)
	w := scribble(t, 2, 10*time.Millisecond, from, to)
	f := flight(t, from, to)
	f.MaxPause = 400 * time.Millisecond
	f.Step = func(name string) error {
		if name == "frozen" {
			time.Sleep(350 * time.Millisecond)
		}
		return nil
	}
	r := following(t, f)
	r.refused(chat.Conflict, move.OrderCutover, "")
	w.more(t, 20)
	if s := from.state(t); s != chat.Open {
		t.Errorf("people are at a place that is %s", s)
	}
	w.end()
	r.end()
	w.check(t, from, to)
}

func TestWhatDiffersStopsACutover(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 100)
	f := flight(t, from, to)
	hurt := false
	f.Step = func(name string) error {
		if name == "delta done" && !hurt {
			hurt = true
			to.exec(t, `UPDATE objects SET digest = digest + 1 WHERE kind = 3 AND id = (SELECT min(id) FROM objects WHERE kind = 3)`)
		}
		return nil
	}
	r := following(t, f)
	r.refused(chat.Conflict, move.OrderCutover, "")
	if s := from.state(t); s != chat.Open {
		t.Errorf("people are at a place that is %s", s)
	}
	r.do(move.OrderCutover) // the verification has mended it
	if s := to.state(t); s != chat.Open {
		t.Errorf("the new place is %s", s)
	}
}

func TestACutoverBeginsWhenAFileIsGoneOrAtItsTime(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 50)
	r := following(t, flight(t, from, to))
	file := filepath.Join(t.TempDir(), "wait")
	r.refused(chat.Invalid, move.OrderCutover, "when-gone "+file)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.do(move.OrderCutover, "when-gone "+file)
	if s := r.Status(); s.Planned == nil || s.Planned.Gone != file {
		t.Errorf("planned: %+v", s.Planned)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.reach(move.StageReverse)
	until(t, "it says until when", func() bool { return r.Status().Next.By != nil })
	if n := r.Status().Next; n.Do != move.OrderComplete || time.Until(*n.By) < 71*time.Hour {
		t.Errorf("the next step: %+v", n)
	}
	r.do(move.OrderRollback)
	r.reach(move.StageFollow)
	r.do(move.OrderCutover, "at "+time.Now().Add(time.Second).Format(time.RFC3339Nano))
	r.reach(move.StageReverse)
}

func TestAPlannedCutoverSurvivesItsMoverAndIsNotDoneTooLate(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 50)
	f := flight(t, from, to)
	f.Dir = t.TempDir()
	r := following(t, f)
	r.do(move.OrderCutover, "at "+time.Now().Add(time.Hour).Format(time.RFC3339))
	r.end()
	path := filepath.Join(f.Dir, "journal.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := f.Status().Planned.At.Format(time.RFC3339)
	late := time.Now().Add(-time.Hour).Format(time.RFC3339)
	if !strings.Contains(string(data), at) {
		t.Fatalf("the journal does not know of it: %s", data)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), at, late, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	again := flight(t, from, to)
	again.Dir = f.Dir
	r = fly(t, again)
	until(t, "it says that it is too late", func() bool {
		s := r.Status()
		return s.Planned == nil && s.Problem != nil || s.Stage == move.StageReverse
	})
	if s := from.state(t); s != chat.Open {
		t.Errorf("people are at a place that is %s", s)
	}
}

func TestTheWayBackEndsByItself(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 50)
	r := following(t, flight(t, from, to))
	r.do(move.OrderCutover)
	r.do(move.OrderSet, "reverse=1ms")
	<-r.ended
	if r.err != nil || r.report.Phase != string(move.StageComplete) || from.state(t) != chat.Retired {
		t.Errorf("%v; %s; the old place is %s", r.err, r.report.Phase, from.state(t))
	}
}

func TestAMoveIsGivenUp(t *testing.T) {
	t.Run("while it follows", func(t *testing.T) {
		from, to := lites(t)
		from.furnish(t, 50)
		r := following(t, flight(t, from, to))
		r.refused(chat.Conflict, move.OrderRollback, "")
		r.refused(chat.Conflict, move.OrderComplete, "")
		r.do(move.OrderAbort)
		<-r.ended
		if r.err != nil || from.state(t) != chat.Open || to.state(t) == chat.Open {
			t.Errorf("%v; from is %s, to is %s", r.err, from.state(t), to.state(t))
		}
	})
	t.Run("during the presync, which is paused", func(t *testing.T) {
		from, to := lites(t)
		from.furnish(t, 3000)
		f := flight(t, from, to)
		f.BatchSize = 50
		f.Dir = t.TempDir()
		reached := make(chan struct{})
		once := sync.Once{}
		f.Step = func(name string) error {
			if name == "after apply" {
				once.Do(func() { close(reached) })
				time.Sleep(5 * time.Millisecond)
			}
			return nil
		}
		r := fly(t, f)
		<-reached
		r.do(move.OrderPause)
		until(t, "it says that it is paused", func() bool { s := r.Status(); return s.Paused && strings.Contains(s.Waits, "paused") })
		if s := r.Status(); s.Stage != move.StagePresync || s.Next.Do != move.OrderResume {
			t.Errorf("in the stage %s the next step is %+v", s.Stage, s.Next)
		}
		r.do(move.OrderAbort)
		<-r.ended
		if r.err != nil || from.state(t) != chat.Open {
			t.Errorf("%v; from is %s", r.err, from.state(t))
		}
	})
}

// A place that went back, or that people have left for good, follows the other
// one again: what it has is compared, and mended where it differs.
func TestAPlaceThatRetiredForAnotherFollowsItAgain(t *testing.T) {
	between(t, func(t *testing.T, from, to *spot) {
		from.furnish(t, 120)
		w := scribble(t, 3, 15*time.Millisecond, from, to)
		r := fly(t, flight(t, from, to))
		r.reach(move.StageFollow)
		r.do(move.OrderCutover)
		r.reach(move.StageReverse)
		w.more(t, 20)
		r.do(move.OrderRollback)
		r.reach(move.StageFollow)
		r.do(move.OrderAbort)
		<-r.ended
		if r.err != nil || from.state(t) != chat.Open || to.state(t) != chat.Retired {
			t.Fatalf("%v; from is %s, to is %s", r.err, from.state(t), to.state(t))
		}
		w.more(t, 20)
		to.exec(t, `UPDATE messages SET text = 'nessage 43' WHERE text = 'message 43'`)
		to.exec(t, `DELETE FROM messages WHERE text = 'message 44'`)

		again := flight(t, from, to)
		again.Again = true
		r = fly(t, again)
		r.reach(move.StageFollow)
		if s := to.state(t); s != chat.Standby {
			t.Errorf("a place that people may still come by is %s, and does not pass them on", s)
		}
		r.do(move.OrderCutover)
		r.reach(move.StageReverse)
		w.more(t, 20)
		r.do(move.OrderComplete)
		<-r.ended
		if r.err != nil || from.state(t) != chat.Retired || to.state(t) != chat.Open {
			t.Fatalf("%v; from is %s, to is %s", r.err, from.state(t), to.state(t))
		}
		w.more(t, 20)

		back := flight(t, to, from) // the same two, the other way round
		back.Name = "home"
		r = fly(t, back)
		r.reach(move.StageFollow)
		r.do(move.OrderCutover)
		r.reach(move.StageReverse)
		w.more(t, 20)
		w.end()
		r.do(move.OrderComplete)
		<-r.ended
		if r.err != nil {
			t.Fatal(r.err)
		}
		w.check(t, from, to)
		alike(t, from, to)
		found := 0
		from.messages(t, func(m *chat.Message) {
			if m.Text == "message 43" || m.Text == "message 44" {
				found++
			}
		})
		if found != 2 {
			t.Errorf("%d of the two messages are there that were damaged while the place was retired", found)
		}
	})
}

// What a place holds that has retired is not lost because somebody named it as
// the target of a move from elsewhere.
func TestAPlaceThatRetiredForAnotherTakesNothingFromElsewhere(t *testing.T) {
	from, to := lites(t)
	other, _ := lites(t)
	from.furnish(t, 40)
	other.furnish(t, 10)
	r := following(t, flight(t, from, to))
	r.do(move.OrderCutover)
	r.reach(move.StageReverse)
	r.do(move.OrderComplete)
	<-r.ended
	wrong := flight(t, other, from)
	wrong.Name = "wrong"
	if _, err := wrong.Run(t.Context()); !chat.IsKind(err, chat.Conflict) || from.state(t) != chat.Retired {
		t.Errorf("%v, and the place is %s", err, from.state(t))
	}
	// Nor if whoever pairs them looks away.
	o, err := from.party.Offer(t.Context(), "wrong", "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := other.party.Answer(t.Context(), "wrong", "", o)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.party.Accept(t.Context(), "wrong", a); !chat.IsKind(err, chat.Conflict) {
		t.Errorf("a place that retired for another one says: %v", err)
	}
	if err := wrong.Abort(t.Context()); err != nil || from.state(t) != chat.Retired {
		t.Errorf("%v, and the place is %s", err, from.state(t))
	}
	if st, err := from.db.Standing(t.Context()); err != nil || st.Pair.Move != "hq" || !st.Pair.Over {
		t.Errorf("it does not know any more for whom it retired: %+v, %v", st.Pair, err)
	}
}

// A move that was given up begins again under its name: with the same place,
// or with one that was set up anew, and it can go back from there.
func TestAMoveThatWasGivenUpBeginsAgain(t *testing.T) {
	from, first := lites(t)
	other, _ := lites(t)
	from.furnish(t, 50)
	for n, to := range []*spot{first, first, other} {
		f := flight(t, from, to)
		f.Again = true
		r := following(t, f)
		if n == 2 {
			r.do(move.OrderCutover)
			r.do(move.OrderRollback)
			alike(t, from, to)
			r.do(move.OrderAbort) // people are at the old place again
			<-r.ended
			break
		}
		r.end()
		if err := flight(t, from, to).Abort(t.Context()); err != nil {
			t.Fatal(err)
		}
		if from.state(t) != chat.Open || to.state(t) != chat.Receiving {
			t.Errorf("after it was given up: from is %s, to is %s", from.state(t), to.state(t))
		}
	}
	if from.state(t) != chat.Open {
		t.Errorf("from is %s", from.state(t))
	}
}
