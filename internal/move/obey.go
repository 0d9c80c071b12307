package move

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// obey carries out an order, and tells who gave it how that went. It returns
// what ends the stage: the turn has passed, the flight is over, or ctx is.
func (f *Flight) obey(ctx context.Context, r request) error {
	f.Log.Info("order", "move", f.Name, "order", r.order.Word, "args", r.order.Args, "who", r.order.Who)
	f.board.say(strings.TrimSpace("order: "+r.order.Word+" "+r.order.Args) + by(r.order.Who))
	err := f.carryOut(ctx, r.order)
	told := err
	if errors.Is(err, errTurned) || errors.Is(err, errDone) {
		told = nil
	}
	if r.done != nil {
		r.done <- told
	}
	switch {
	case err == nil:
		return nil
	case told == nil, ctx.Err() != nil, errors.Is(err, errTaken), f.Step != nil && !isChatError(err):
		return err
	}
	// What was refused or went wrong leaves the flight as it was.
	f.problem(err)
	f.board.say("it was not done: " + err.Error())
	if err := f.hookFails(ctx, err); err != nil {
		return err
	}
	switch r.order.Word {
	case OrderCutover, OrderRollback, OrderAbort, OrderComplete:
		return errTurned // the places say how far it came
	}
	return nil
}

func isChatError(err error) bool {
	_, ok := errors.AsType[*chat.Error](err)
	return ok
}

func (f *Flight) hookFails(ctx context.Context, err error) error {
	if e := f.hook(ctx, Event{What: EventFails, Stage: f.Status().Stage, Error: err.Error()}); e != nil {
		f.Log.Warn("hook", "err", e)
	}
	return nil
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return ", by " + who
}

func (f *Flight) carryOut(ctx context.Context, o connect.Order) error {
	switch o.Word {
	case OrderPause, OrderResume, OrderSet, OrderSignOff, OrderWait, OrderVerify:
		return f.adjust(o)
	case OrderCutover:
		p, err := parsePlanned(o.Args)
		if err != nil {
			return err
		}
		if f.way.writer.name != "from" {
			return chat.Errorf(chat.Conflict, "people are at the new place already").WithHint("back again: godwit rollback %s", f.Name)
		}
		if p != nil {
			p.Who = o.Who
			return f.schedule(p)
		}
		return f.handOver(ctx, OrderCutover)
	case OrderRollback:
		if f.way.writer.name != "to" {
			return chat.Errorf(chat.Conflict, "people are at the old place: there is nothing to go back from").WithHint("to give the move up: godwit abort %s", f.Name)
		}
		return f.handOver(ctx, OrderRollback)
	case OrderAbort:
		if f.way.writer.name == "to" {
			return chat.Errorf(chat.Conflict, "people are at the new place: the move can't be given up").WithHint("back: godwit rollback %s; the end: godwit complete %s", f.Name, f.Name)
		}
		return f.end(ctx, StageAborted)
	case OrderFinish:
		return errDone
	case OrderComplete:
		if f.way.turn == 0 {
			return chat.Errorf(chat.Conflict, "people are still at the old place").WithHint("first: godwit cutover %s", f.Name)
		}
		return f.end(ctx, StageComplete)
	}
	return checkOrder(o)
}

// adjust carries out an order that only changes how the mover works.
func (f *Flight) adjust(o connect.Order) error {
	defer f.outlook()
	f.knobsMu.Lock()
	defer f.knobsMu.Unlock()
	switch o.Word {
	case OrderPause:
		f.paused = true
	case OrderResume:
		f.paused = false
	case OrderWait:
		f.planned = nil
		f.board.edit(func(s *Status) { s.Planned = nil })
	case OrderVerify:
		f.wantRound = true
		f.verified.init()
		f.verified.ask()
	case OrderSet:
		name, value, _ := strings.Cut(o.Args, "=")
		if err := f.knobs.set(name, value); err != nil {
			return err
		}
		f.useKnobs()
	}
	f.board.edit(func(s *Status) {
		s.Paused = f.paused
		if o.Word == OrderSignOff {
			s.SignedOff = o.Args
		}
	})
	return f.log.edit(func(j *flightJournal) {
		switch j.Paused = f.paused; o.Word {
		case OrderSet:
			name, _, _ := strings.Cut(o.Args, "=")
			if j.Knobs == nil {
				j.Knobs = map[string]string{}
			}
			j.Knobs[name] = f.knobs.texts[name]
		case OrderSignOff:
			j.SignedOff = o.Args
		case OrderWait:
			j.Planned = nil
		}
	})
}

// useKnobs hands the knobs to those who go by them; with knobsMu held.
func (f *Flight) useKnobs() {
	f.govern.set(f.knobs.throttle)
	f.bytes.set(f.knobs.bandwidth)
	list, budget := f.knobs.list(), f.knobs.maxPause
	f.board.edit(func(s *Status) { s.Knobs, s.Budget = list, budget })
}

func (f *Flight) wantARound() {
	f.knobsMu.Lock()
	f.wantRound = true
	f.knobsMu.Unlock()
	f.verified.init()
	f.verified.ask()
}

// schedule keeps a cutover for its time.
func (f *Flight) schedule(p *Planned) error {
	if p.Gone != "" {
		if _, err := os.Stat(p.Gone); err != nil {
			return chat.Errorf(chat.Invalid, "there is no file %s that could be removed", p.Gone).WithHint("make it first: touch %s", p.Gone)
		}
	}
	if p.At != nil && time.Until(*p.At) < -time.Minute {
		return chat.Errorf(chat.Invalid, "%s is over", p.At.Format(time.RFC3339)).WithHint("give a time to come")
	}
	f.knobsMu.Lock()
	f.planned = p
	f.knobsMu.Unlock()
	f.board.edit(func(s *Status) { s.Planned = p })
	return f.log.edit(func(j *flightJournal) { j.Planned = p })
}

// tooLate is how long after its time a cutover is not begun any more: a mover
// that was off would move people at an hour that nobody expects.
const tooLate = 10 * time.Minute

// due does what has come to its time: a planned cutover, and the end of the
// way back.
func (f *Flight) due(ctx context.Context) error {
	f.knobsMu.Lock()
	p := f.planned
	f.knobsMu.Unlock()
	if p != nil && f.way.writer.name == "from" {
		now, late := false, false
		if p.At != nil {
			now, late = !time.Now().Before(*p.At), time.Since(*p.At) > tooLate
		} else if _, err := os.Stat(p.Gone); errors.Is(err, fs.ErrNotExist) {
			now = true
		}
		if now || late {
			if err := f.adjust(connect.Order{Word: OrderWait}); err != nil {
				return err
			}
		}
		switch {
		case late:
			f.problem(chat.Errorf(chat.Conflict, "the cutover was planned for %s, and it is too late for it now", p.At.Format(time.RFC3339)).WithHint("plan it again"))
		case now:
			return f.obey(ctx, request{order: connect.Order{Word: OrderCutover, Who: p.Who}})
		}
	}
	if f.way.turn > 0 {
		if end, ok := f.noteBack(); ok && time.Now().After(end) {
			f.board.say("the time for a way back is over")
			return f.end(ctx, StageComplete)
		}
	}
	return nil
}

// backUntil is when the way back ends by itself.
func (f *Flight) backUntil() (time.Time, bool) {
	c := f.way.writer.at.Pair.Came
	if f.way.writer.name != "to" || c == nil {
		return time.Time{}, false
	}
	return c.At.Std().Add(f.knob().reverse), true
}

// noteBack keeps when the way back ends where everybody can see it.
func (f *Flight) noteBack() (end time.Time, ok bool) {
	end, ok = f.backUntil()
	f.knobsMu.Lock()
	defer f.knobsMu.Unlock()
	f.backBy = end
	return end, ok
}

// end ends the pair at both places, first at the one that goes on.
func (f *Flight) end(ctx context.Context, stage Stage) error {
	if err := f.step("before end"); err != nil {
		return err
	}
	f.hookNoted(ctx, EventBegins, stage)
	if stage == StageComplete {
		// The old place keeps what it has; it is carried up to here.
		if _, err := f.pass(ctx); err != nil {
			f.Log.Warn("last pass", "err", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	for _, s := range []side{f.way.writer, f.way.follower} {
		if _, err := s.party.End(ctx, f.Name); err != nil {
			return err
		}
		if err := f.step("ended " + s.name); err != nil {
			return err
		}
	}
	f.board.say(fmt.Sprintf("the move is over: %s", stage))
	return errTurned
}

// landed ends a flight that is over at one of the places at least.
func (f *Flight) landed(ctx context.Context, w whereabouts) error {
	stage := StageAborted
	if max(w.source.at.Pair.Turn, w.target.at.Pair.Turn) > 0 {
		stage = StageComplete
	}
	if w.stranded() {
		return chat.Errorf(chat.Conflict, "the move %s is over at one place, and the other one has given its turn away: a copy from before was started, and nobody takes writes", f.Name).
			WithHint("start the newer copy again; if there is none: godwit admin open --target-is-gone (or --source-is-gone) at the place that stands by")
	}
	for _, s := range []side{w.source, w.target} {
		if s.here && !s.at.Pair.Over {
			if _, err := s.party.End(ctx, f.Name); err != nil {
				return err
			}
		}
	}
	f.enterQuietly(stage)
	f.leave()
	f.withReport(func(r *Report) { r.close() })
	_ = f.hookEnds(ctx, stage)
	return errDone
}
