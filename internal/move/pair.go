package move

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// side is one of the two places of a flight.
type side struct {
	party connect.Party
	name  string // "from" or "to", for all of the flight
	here  bool   // it is in the move
	at    chat.Standing
}

// whereabouts is how both places stand.
type whereabouts struct {
	source, target side
}

// way is who writes and who follows.
type way struct {
	writer, follower side
	turn             chat.Turn
}

// whereabouts asks both places.
func (f *Flight) whereabouts(ctx context.Context) (w whereabouts, err error) {
	w.source, w.target = side{party: f.Source, name: "from"}, side{party: f.Target, name: "to"}
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range []*side{&w.source, &w.target} {
		g.Go(func() (err error) {
			s.at, err = s.party.Standing(ctx)
			if chat.IsKind(err, chat.NotFound) {
				return nil
			}
			s.here = err == nil && s.at.Pair.Move == f.Name
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return w, err
	}
	f.board.edit(func(s *Status) {
		s.Source.State, s.Source.Pos = w.source.at.State, int64(w.source.at.Pos)
		s.Target.State, s.Target.Pos = w.target.at.State, int64(w.target.at.Pos)
		s.Turn = max(w.source.at.Pair.Turn, w.target.at.Pair.Turn)
		s.Writing = "from"
		if s.Turn%2 != 0 {
			s.Writing = "to"
		}
	})
	return w, nil
}

// paired reports whether each of the places knows the other one.
func (w *whereabouts) paired() bool {
	s, t := &w.source, &w.target
	return s.here && t.here && s.at.Pair.Log == t.at.LogID && t.at.Pair.Log == s.at.LogID
}

// over reports whether the flight has ended at one of the places at least.
func (w *whereabouts) over() bool {
	s, t := &w.source, &w.target
	return s.here && s.at.Pair.Over || t.here && t.at.Pair.Over
}

// givenUp reports whether it ended so that it can begin again: people are at
// the old place, and the new one was never open, or has retired for the old one.
func (w *whereabouts) givenUp() bool {
	s, t := &w.source, &w.target
	return w.over() && (!s.here || s.at.Pair.Mine()) && (!t.here || !t.at.Pair.Mine()) && (!s.here || s.at.State == chat.Open) &&
		(t.at.State != chat.Standby || w.offered()) && (t.at.State != chat.Retired || w.returns())
}

// returns reports whether the target has retired for the source in a move that
// is over: all that it has came from there, or went there.
func (w *whereabouts) returns() bool {
	t := &w.target.at
	return t.State == chat.Retired && t.Pair.Over && t.Pair.Log == w.source.at.LogID
}

// offered reports whether a target that had retired has offered itself, and
// the answer has not come yet.
func (w *whereabouts) offered() bool {
	t := &w.target
	return t.here && t.at.State == chat.Standby && !t.at.Pair.Over && t.at.Pair.Log.IsZero()
}

// stranded reports whether nobody would take writes if the flight, which is
// over at one place, ended at the other one too: that one has given its turn
// away, and the first one is not open. A copy of it was started.
func (w *whereabouts) stranded() bool {
	for _, s := range [][2]*side{{&w.source, &w.target}, {&w.target, &w.source}} {
		if s[0].here && !s[0].at.Pair.Over && s[0].at.State == chat.Standby && s[1].at.State != chat.Open {
			return true
		}
	}
	return false
}

// newer and older are the places by the turn they know of.
func (w *whereabouts) byTurn() (newer, older side) {
	if w.target.at.Pair.Turn > w.source.at.Pair.Turn {
		return w.target, w.source
	}
	return w.source, w.target
}

// passing reports whether the turn is on its way from one place to the other.
func (w *whereabouts) passing() bool {
	newer, older := w.byTurn()
	return newer.at.Pair.Turn != older.at.Pair.Turn
}

// way says who writes, when the turn is not on its way.
func (w *whereabouts) way() way {
	if w.source.at.Pair.Mine() {
		return way{w.source, w.target, w.source.at.Pair.Turn}
	}
	return way{w.target, w.source, w.source.at.Pair.Turn}
}

// pair joins the two places, after a look at whether that can go well.
func (f *Flight) pair(ctx context.Context) error {
	if err := f.enter(ctx, StagePlan); err != nil {
		return err
	}
	if err := f.usePlan(ctx); err != nil {
		return err
	}
	if err := f.step("before pairing"); err != nil {
		return err
	}
	offer, err := f.Target.Offer(ctx, f.Name, f.SourceAddress)
	if err != nil {
		return err
	}
	if err := f.step("offered"); err != nil {
		return err
	}
	answer, err := f.Source.Answer(ctx, f.Name, f.TargetAddress, offer)
	if err != nil {
		return err
	}
	if err := f.step("answered"); err != nil {
		return err
	}
	if err := f.Target.Accept(ctx, f.Name, answer); err != nil {
		return err
	}
	f.board.say("the two places know each other")
	if err := f.log.edit(func(j *flightJournal) { // what it knew of a pair that is over goes
		j.Begun, j.Turn, j.Passed, j.Planned, j.Clean, j.Round = true, 0, time.Time{}, nil, nil, nil
	}); err != nil {
		return err
	}
	if err := f.hook(ctx, Event{What: EventEnds, Stage: StagePlan}); err != nil {
		return err
	}
	return f.step("paired")
}

// finishPassing brings a certificate to the place that it is for: the turn was
// given away, and whoever gave it cannot have it back by itself.
func (f *Flight) finishPassing(ctx context.Context, w whereabouts) error {
	if err := f.enter(ctx, StageCutover); err != nil {
		f.Log.Warn("hook", "err", err) // nothing stops it here
	}
	// People wait: this is not given up because somebody pressed Ctrl-C.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	newer, older := w.byTurn()
	c, err := f.bring(ctx, newer, older)
	if chat.IsKind(err, chat.Conflict) {
		// The place was set back, and lacks what it had had: it gets it again
		// from the one that stands by.
		f.way = way{newer, older, newer.at.Pair.Turn}
		if err = f.in.begin(ctx, f.Name, f.way); err == nil {
			if _, err = f.pass(ctx); err == nil {
				c, err = f.bring(ctx, newer, older)
			}
		}
	}
	if err != nil || c == nil {
		return err
	}
	return f.passed(ctx, c)
}

// bring lets the two places hear of each other, and the older one open on the
// certificate that there is. If there is none, the turn was overruled.
func (f *Flight) bring(ctx context.Context, newer, older side) (*chat.Certificate, error) {
	if err := f.acquaint(ctx); err != nil {
		return nil, err
	}
	st, err := newer.party.Standing(ctx)
	if err != nil {
		return nil, err
	}
	c := st.Pair.Came
	if c == nil || c.Turn != st.Pair.Turn || c.To != older.at.LogID {
		return nil, pause(ctx, retryAfter)
	}
	if _, err = older.party.Open(ctx, *c); err == nil {
		err = f.acquaint(ctx) // the one that stands by takes nothing before
	}
	return c, err
}

// handOverFor is how long a mover that was told to stop tries to open the
// place that is to go on. The two places try it too, without end.
const handOverFor = 2 * time.Minute

// acquaint lets the two places hear of each other.
func (f *Flight) acquaint(ctx context.Context) error {
	return connect.Acquaint(ctx, f.Name, f.Source, f.Target)
}

// wake lets the place that has the turn go on, if a mover that ended or a
// restart left it frozen: both places know of the same turn.
func (f *Flight) wake(ctx context.Context, w *way) error {
	if w.writer.at.Pair.Unmet || w.follower.at.Pair.Unmet || w.follower.at.Pair.Theirs < w.turn {
		err := f.acquaint(ctx)
		if err == nil {
			w.writer.at, err = w.writer.party.Standing(ctx)
		}
		if err != nil {
			return err
		}
	}
	if w.writer.at.State != chat.Frozen {
		return nil
	}
	var err error
	if w.writer.at, err = w.writer.party.Freeze(ctx, f.Name, 0); err == nil {
		f.board.say("people go on at the place where they were")
	}
	return err
}

// passed notes that the turn has passed.
func (f *Flight) passed(ctx context.Context, c *chat.Certificate) error {
	f.board.say(fmt.Sprintf("turn %d: the other place takes the writes now", c.Turn))
	f.touched.reset()
	f.verified.dirty()
	if err := f.log.edit(func(j *flightJournal) {
		if c.Turn > j.Turn {
			j.Turn, j.Passed, j.Planned, j.Clean, j.Round = c.Turn, c.At.Std(), nil, nil, nil
		}
	}); err != nil {
		return err
	}
	f.planned = nil
	return f.hookEnds(ctx, StageCutover)
}

// hookEnds tells of the end of a stage that cannot be undone.
func (f *Flight) hookEnds(ctx context.Context, stage Stage) error {
	f.hookNoted(ctx, EventEnds, stage)
	return nil
}

// hookNoted tells of what nothing stops any more.
func (f *Flight) hookNoted(ctx context.Context, what string, stage Stage) {
	if err := f.hook(ctx, Event{What: what, Stage: stage}); err != nil {
		f.Log.Warn("hook", "stage", string(stage), "err", err)
	}
}
