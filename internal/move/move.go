// Package move carries history from a source to a target while the source is
// in use, and proves that all of it arrived.
package move

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Options are what a person decides about a move.
type Options struct {
	WithoutFiles bool // the source was opened so: contents at the target are not compared
	FilesOnly    bool // the source was opened so: nothing but contents is compared
	FilesFrom    string

	Level             chat.Level // of the verify; zero is L2
	Quarantine        Budget     // zero is DefaultBudget
	LeaveIndex        bool       // search is built by the server, later
	AcceptDifferences bool       // an empty target is opened though the verify found differences
	BatchSize         int        // zero chooses, by how long others at the target have to wait
}

// Job is one move. Run it again after a crash: it goes on where it stopped. A
// Job is used once, by one goroutine.
type Job struct {
	Name   string // of the move: a-z 0-9 - _
	Dir    string // where the mover keeps its plan and its reports; made if needed
	From   string // as the person named it
	To     string
	Source connect.Source
	Target connect.Target
	Log    *slog.Logger
	Options

	// Progress is told how things stand, a few times a second. May be nil.
	Progress func(Snapshot)
	// Modest is called before much is carried into a place where people are at
	// work, which may be on this machine. May be nil.
	Modest func()
	// Step is called between steps, with the step's name. Tests make it fail.
	Step func(name string) error

	about   connect.Description
	place   connect.Place
	state   chat.MoveState
	journal journal
	first   bool // nothing of the source was at the target before this run
	report  *Report
	meter   meter
	pace    pace
}

// journal is what the mover keeps at the target, with the cursor.
type journal struct {
	Passed bool    `json:"passed"` // the source was read to its end
	Report *Report `json:"report"`
}

type phase struct {
	name string
	run  func(*Job, context.Context) error
}

// The phases of a move from an archive, in order. The names are the words
// that the progress line, the report and the manual use. A live source puts
// freeze and delta between presync and verify.
var phases = []phase{
	{"plan", (*Job).prepare},
	{"presync", (*Job).presync},
	{"verify", (*Job).verify},
	{"cutover", (*Job).cutover},
	{"search", (*Job).search},
	{"report", (*Job).finish},
}

// Import carries everything over, verifies it, and reports. It plans first if
// that was not done. The report is valid beside an error, too: it says how far
// the move came. Stopped in any way, it goes on from there when called again;
// called again after its end, it writes only what the source changed since.
func (j *Job) Import(ctx context.Context) (*Report, error) {
	j.start()
	defer j.watch()()
	for _, p := range phases {
		if err := j.runPhase(ctx, p); err != nil {
			return j.report, j.fail(ctx, p.name, err)
		}
	}
	j.report.Phase = "report"
	return j.report, j.save()
}

func (j *Job) start() {
	j.about = j.Source.Describe()
	if j.Log == nil {
		j.Log = slog.New(slog.DiscardHandler)
	}
	if j.Level == 0 {
		j.Level = chat.L2
	}
	if j.Quarantine == (Budget{}) {
		j.Quarantine = DefaultBudget
	}
	j.report = newReport(j)
}

func (j *Job) runPhase(ctx context.Context, p phase) error {
	if err := j.step(p.name); err != nil {
		return err
	}
	j.Log.Info("phase", "move", j.Name, "phase", p.name)
	j.meter.enter(p.name)
	j.report.enter(p.name)
	err := p.run(j, ctx)
	j.report.leave(j.meter.waited())
	return err
}

// fail keeps a report of how far the move came, and makes the error one that
// says how to go on.
func (j *Job) fail(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil && !chat.IsKind(err, chat.Conflict) {
		err = chat.Errorf(chat.Unavailable, "the move %s was stopped in the phase %s; what was carried so far is there: %w", j.Name, name, context.Cause(ctx)).
			WithHint("run the same line again: it goes on where it stopped")
	}
	j.report.Error = reportError(err)
	j.report.Next = Next{Step: "mend the cause, then run the same line again: it goes on where it stopped", By: "the administrator"}
	if e, ok := errors.AsType[*chat.Error](err); ok && e.Hint != "" {
		j.report.Next.Step = e.Hint
	}
	j.report.close()
	if _, e := ReadReport(j.Dir); e == nil && j.state.Fence == 0 {
		return err // it was refused before it began: the report of the run before stands
	}
	if e := j.save(); e != nil {
		j.Log.Error("save the report", "move", j.Name, "err", e)
	}
	return err
}

func (j *Job) step(name string) error {
	if j.Step == nil {
		return nil
	}
	return j.Step(name)
}

// begin takes the target for this job: every other mover of this move is
// refused from now on. It reads back how far the move has come.
func (j *Job) begin(ctx context.Context) error {
	st, err := j.Target.Begin(ctx, chat.MoveSpec{Name: j.Name, Source: j.about.Name, Fingerprint: j.about.Fingerprint, Artefact: j.about.Artefact})
	if err != nil {
		return err
	}
	j.state, j.journal = st, journal{}
	if len(st.Progress) > 0 && st.Cursor != "" {
		if err := json.Unmarshal(st.Progress, &j.journal); err != nil {
			return chat.Errorf(chat.Damaged, "what the move %s keeps at the target cannot be read: %w", j.Name, err).
				WithHint("a newer version of Godwit may have written it; use that version")
		}
		j.report.resume(j.journal.Report)
	}
	moves, err := j.Target.Moves(ctx)
	if err != nil {
		return err
	}
	j.first = st.Run == 1 && !slices.ContainsFunc(moves, func(m chat.MoveState) bool {
		return m.Name != j.Name && m.Source == j.about.Name
	})
	j.report.Run = st.Run
	j.report.Started = st.Started.Std()
	return j.receive(ctx)
}

// receive closes an empty place to people until everything is there. A place
// where people are at work stays open.
func (j *Job) receive(ctx context.Context) error {
	place, err := j.Target.Place(ctx)
	if err != nil {
		return err
	}
	j.place = place
	switch {
	case place.State == chat.Open && place.Totals.Kinds[chat.KindMessage] == 0 && place.Totals.Kinds[chat.KindUser] == 0:
		if err := j.Target.SetState(ctx, chat.Open, chat.Receiving); err != nil {
			return err
		}
		j.place.State = chat.Receiving
	case place.State == chat.Frozen || place.State == chat.Retired:
		return chat.Errorf(chat.Unavailable, "the target is %s: nothing can be written to it", place.State).
			WithHint("import into another place, or wait until it is open")
	}
	if j.Modest != nil && j.inUse() {
		j.Modest()
	}
	return nil
}

// inUse reports whether people may be at work in the place.
func (j *Job) inUse() bool {
	return j.place.State == chat.Open && j.place.Totals.Kinds[chat.KindUser] > 0
}

// cutover opens the place, if it was closed for this move and what arrived is
// what was sent.
func (j *Job) cutover(ctx context.Context) error {
	if j.place.State != chat.Receiving {
		return nil
	}
	if j.report.Verify.Differences > 0 && !j.AcceptDifferences {
		j.report.Closed = true
		return nil
	}
	others, err := j.Target.Moves(ctx)
	if err != nil {
		return err
	}
	for _, m := range others {
		if m.Name != j.Name && !m.Done {
			j.report.Closed = true // whoever ends last opens it
			return nil
		}
	}
	if err := j.Target.SetState(ctx, chat.Receiving, chat.Open); err != nil {
		// Another move that ended a moment ago may have opened it.
		if place, e := j.Target.Place(ctx); e != nil || place.State == chat.Receiving {
			return err
		}
		return nil
	}
	return j.step("opened")
}

// search makes everything searchable, unless the server is to do that.
func (j *Job) search(ctx context.Context) error {
	if j.LeaveIndex {
		return nil
	}
	last, still := int64(-1), time.Now()
	for {
		left, err := j.Target.Index(ctx)
		if err != nil || left == 0 {
			return err
		}
		j.meter.left(left)
		if left != last {
			j.report.items(max(last-left, 0), 0)
			last, still = left, time.Now()
			continue
		}
		// Another process is at it, or cannot go on: chat does not depend on it.
		if time.Since(still) > 20*time.Second {
			j.report.Searchable = false
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
