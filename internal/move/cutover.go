package move

import (
	"context"
	"fmt"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	lastPasses = 12                     // before the freeze, until one is short
	shortPass  = 60 * time.Millisecond  // that carries so little that the freeze may begin
	margin     = 200 * time.Millisecond // of the lease that is left for retiring
	readyFor   = 2 * time.Minute        // that a cutover waits for the first clean round
)

// handOver is the cutover, and the rollback too: the place that writes gives
// its turn to the one that follows. Until it has retired, everything that goes
// wrong leaves people where they are.
func (f *Flight) handOver(ctx context.Context, what string) error {
	if err := f.awaitClean(ctx); err != nil {
		return err
	}
	defer f.hush()()
	if err := f.hook(ctx, Event{What: EventBegins, Stage: StageFreeze}); err != nil {
		return chat.Errorf(chat.Conflict, "a hook stopped the %s: %w", what, err).WithHint("nothing was changed; mend the hook, or leave it out")
	}
	if err := f.step("before prepare"); err != nil {
		return err
	}
	if err := f.acquaint(ctx); err != nil {
		return err
	}
	part, predicted, err := f.prepareGate(ctx)
	if err != nil {
		return err
	}
	budget := f.knob().maxPause
	if predicted > budget {
		return chat.Errorf(chat.Conflict, "people would have to wait for about %s, and may for %s", span(predicted), span(budget)).
			WithHint("nothing was changed; let it catch up, or set max-pause=%s", (2 * predicted).Round(time.Second))
	}
	if err := f.log.edit(func(j *flightJournal) { j.Intent = fmt.Sprintf("%s to turn %d", what, f.way.turn+1) }); err != nil {
		return err
	}
	return f.freezeAndPass(ctx, what, part, budget)
}

// awaitClean refuses a hand-over that nothing has proved or that something
// stands in the way of.
func (f *Flight) awaitClean(ctx context.Context) error {
	if why := f.blocked(); why != "" {
		return chat.Errorf(chat.Conflict, "%s", why).WithHint("look at: godwit status %s", f.Name)
	}
	if !f.verified.since().IsZero() {
		return nil
	}
	f.wantARound()
	ended := time.Now().Add(readyFor)
	round := f.Status().Verify.Round
	for f.verified.since().IsZero() {
		if now := f.Status(); time.Now().After(ended) || now.Verify.Round > round+mendRounds && now.Verify.Differences > 0 {
			return chat.Errorf(chat.Conflict, "the two places were not proved to be the same yet: %d differences are left", now.Verify.Differences).
				WithHint("nothing was changed; see them with: godwit report %s", f.Name)
		}
		f.board.waits("the verification must be clean once before people move")
		if _, err := f.pass(ctx); err != nil {
			return err
		}
		if err := pause(ctx, followEvery); err != nil {
			return err
		}
	}
	f.board.waits("")
	return nil
}

// blocked says what stands in the way of a hand-over, if anything does.
func (f *Flight) blocked() string {
	s := f.Status()
	switch {
	case s.Quarantined > 0 && s.SignedOff == "":
		return fmt.Sprintf("%d records could not be understood, and nobody has signed that off", s.Quarantined)
	case s.Verify.Differences > 0:
		return fmt.Sprintf("%d differences are left that could not be repaired", s.Verify.Differences)
	case s.Paused:
		return "the flight is paused"
	}
	return ""
}

// prepareGate does, while people still write, all that need not be done while
// they wait: the last passes, a look at what came since the last clean round,
// and a measurement of what the gate costs. It predicts the pause.
func (f *Flight) prepareGate(ctx context.Context) (*chat.TallyPart, time.Duration, error) {
	cost, err := f.tryGate(ctx)
	if err != nil {
		return nil, 0, err
	}
	if err := f.mark(ctx); err != nil {
		return nil, 0, err
	}
	var pass, look, trip time.Duration
	for try := range lastPasses {
		p, err := f.pass(ctx)
		if err != nil {
			return nil, 0, err
		}
		pass = p.took
		began := time.Now()
		differ, err := f.look(ctx, false)
		if err != nil {
			return nil, 0, err
		}
		if len(differ) > 0 {
			f.verified.dirty()
			return nil, 0, differError(differ)
		}
		look = time.Since(began)
		if try > 0 && pass+look < 2*shortPass {
			break
		}
	}
	began := time.Now()
	if _, err := f.way.writer.party.Standing(ctx); err != nil {
		return nil, 0, err
	}
	trip = time.Since(began)
	part := f.sumsSay(cost.part(gateTime))
	whole := cost.groups[0]
	predicted := 4*trip + pass + max(look, whole) + 2*pass
	f.board.edit(func(s *Status) { s.Pause = predicted })
	return part, predicted, nil
}

func differError(list []Difference) error {
	d := list[0]
	return chat.Errorf(chat.Conflict, "the two places differ: %d objects, the first is the %s %s, which is %s", len(list), d.Object, d.Key, d.Problem).
		WithHint("nothing was changed, and people go on where they are; the verification mends it: try again when it is clean")
}

// freezeAndPass makes people wait, carries the last of what they wrote, proves
// it, and passes the turn.
func (f *Flight) freezeAndPass(ctx context.Context, what string, part *chat.TallyPart, budget time.Duration) (err error) {
	if err := f.step("before freeze"); err != nil {
		return err
	}
	began := time.Now()
	frozen, err := f.way.writer.party.Freeze(ctx, f.Name, budget)
	if err != nil {
		f.thaw(ctx)
		return err
	}
	f.way.writer.at = frozen
	f.enterQuietly(StageFreeze)
	retired := false
	defer func() {
		if err != nil && !retired {
			f.thaw(ctx)
		}
	}()
	// The lease ends by itself; what is not done by then is given up before.
	limited, cancel := context.WithDeadline(ctx, began.Add(budget-min(margin, budget/4)))
	defer cancel()
	if err := f.prove(limited, part, budget); err != nil {
		return err
	}
	c, err := f.retire(ctx, frozen.Pos)
	if err != nil {
		return err
	}
	retired = true
	return f.openOther(ctx, what, c, began)
}

// prove carries and compares what people wrote last, while they wait.
func (f *Flight) prove(ctx context.Context, part *chat.TallyPart, budget time.Duration) error {
	if err := f.step("frozen"); err != nil {
		return err
	}
	if err := f.turnTo(ctx, StageFreeze, StageDelta); err != nil {
		return err
	}
	if err := f.delta(ctx, f.way.writer.at.Pos); err != nil {
		return f.tooLong(ctx, err, budget)
	}
	if err := f.step("delta done"); err != nil {
		return err
	}
	if err := f.turnTo(ctx, StageDelta, StageVerify); err != nil {
		return err
	}
	differ, err := f.gate(ctx, part)
	if err != nil {
		return f.tooLong(ctx, err, budget)
	}
	if len(differ) > 0 {
		f.verified.dirty()
		return differError(differ)
	}
	if err := f.step("verified"); err != nil {
		return err
	}
	return f.turnTo(ctx, StageVerify, StageCutover)
}

// turnTo goes from one stage of the freeze to the next, unless a hook stops it.
func (f *Flight) turnTo(ctx context.Context, from, to Stage) error {
	err := f.hook(ctx, Event{What: EventEnds, Stage: from})
	if err == nil {
		f.enterQuietly(to)
		err = f.hook(ctx, Event{What: EventBegins, Stage: to})
	}
	if err != nil {
		return chat.Errorf(chat.Conflict, "a hook stopped it while people waited: %w", err).
			WithHint("nothing was changed, and people go on where they are; mend the hook, or leave it out")
	}
	return nil
}

func (f *Flight) tooLong(limited context.Context, err error, budget time.Duration) error {
	if limited.Err() == nil || context.Cause(limited) != context.DeadlineExceeded {
		return err
	}
	return chat.Errorf(chat.Conflict, "what was left to do took longer than people may wait (%s)", span(budget)).
		WithHint("nothing was changed, and people go on where they are; try again when it is quieter, or set max-pause")
}

// delta carries the last of what was written before the freeze.
func (f *Flight) delta(ctx context.Context, end chat.Position) error {
	for range lastPasses {
		p, err := f.pass(ctx)
		if err != nil {
			return err
		}
		if p.end.Pos >= end {
			return nil
		}
	}
	return chat.Errorf(chat.Unavailable, "the place that writes does not give all up to position %d", end)
}

// thaw lets people go on where they are. It is tried although the mover was
// told to stop; the lease does the same if it cannot.
func (f *Flight) thaw(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	at, err := f.way.writer.party.Freeze(ctx, f.Name, 0)
	if err != nil {
		f.Log.Warn("thaw", "move", f.Name, "err", err)
		f.board.say("people go on when the lease of the freeze has run out: " + err.Error())
	} else {
		f.way.writer.at = at
		f.board.say("people go on where they are")
	}
	f.enterQuietly(f.following())
}

// retire takes the turn from the place that writes: the point of no return. A
// lost answer is in doubt until that place was asked again.
func (f *Flight) retire(ctx context.Context, at chat.Position) (chat.Certificate, error) {
	if err := f.step("before retire"); err != nil {
		return chat.Certificate{}, err
	}
	if err := ctx.Err(); err != nil {
		return chat.Certificate{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	for {
		c, err := f.way.writer.party.Retire(ctx, f.Name, at)
		if err == nil || !inDoubt(err) {
			return c, err
		}
		f.board.waits("whether the place has given its turn away is in doubt: its answer was lost")
		if e := pause(ctx, 100*time.Millisecond); e != nil {
			return c, err
		}
		f.board.waits("")
	}
}

// inDoubt reports whether an error leaves open if what was asked for was done.
func inDoubt(err error) bool {
	return !chat.IsKind(err, chat.Conflict) && !chat.IsKind(err, chat.Denied) && !chat.IsKind(err, chat.Unknown) && !chat.IsKind(err, chat.Invalid) && !chat.IsKind(err, chat.NotFound)
}

// openOther brings the certificate to the place that goes on. There is no way
// back from here but a rollback, and nothing stops it: if this mover cannot,
// the two places do it by themselves.
func (f *Flight) openOther(ctx context.Context, what string, c chat.Certificate, began time.Time) error {
	if err := f.step("retired"); err != nil {
		return err // a test's: the next mover finishes
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	for {
		_, err := f.way.follower.party.Open(ctx, c)
		if chat.IsKind(err, chat.Conflict) { // it was started again since they met
			if _, err = f.bring(ctx, f.way.writer, f.way.follower); chat.IsKind(err, chat.Conflict) {
				return err // it was set back: the next look at both goes on from there
			}
		}
		if err == nil {
			break
		}
		f.problem(err)
		f.board.waits("the other place is to open, and does not answer: " + err.Error())
		if e := pause(ctx, 100*time.Millisecond); e != nil {
			return err
		}
	}
	f.board.waits("")
	p := Pause{At: began.UTC(), Turn: c.Turn, Took: time.Since(began), What: what}
	if err := f.log.edit(func(j *flightJournal) { j.Pauses, j.Intent = append(j.Pauses, p), "" }); err != nil {
		f.Log.Warn("journal", "err", err)
	}
	f.board.edit(func(s *Status) { s.Pauses = append(s.Pauses, p) })
	f.board.say(fmt.Sprintf("%s: people waited for %s", what, span(p.Took)))
	f.withReport(func(r *Report) { r.Pauses = append(r.Pauses, p) })
	if err := f.passed(ctx, &c); err != nil {
		f.Log.Warn("journal", "err", err)
	}
	return errTurned
}

// enterQuietly begins a stage that no hook can stop.
func (f *Flight) enterQuietly(stage Stage) {
	f.leave()
	f.board.edit(func(s *Status) { s.Stage, s.Since, s.Waits = stage, time.Now().UTC(), "" })
	f.withReport(func(r *Report) { r.enter(string(stage)) })
}
