package move

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

const (
	tellEvery = time.Second
	loadEvery = time.Second
	askFor    = 10 * time.Second // one look at a place
)

// watch shows how things stand, and looks at how the people of both places fare.
func (f *Flight) watch(ctx context.Context) {
	done := make(chan struct{}, 2)
	for _, name := range []string{"from", "to"} {
		go func() { f.feel(ctx, name); done <- struct{}{} }()
	}
	t := time.NewTicker(sampleTick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			<-done
			<-done
			f.show()
			return
		case now := <-t.C:
			f.board.sample(now)
			f.show()
		}
	}
}

func (f *Flight) show() {
	f.outlook()
	if f.Progress != nil {
		f.Progress(f.Status())
	}
}

func (f *Flight) partyOf(name string) connect.Party {
	if name == "from" {
		return f.Source
	}
	return f.Target
}

// feel looks at the people of a place once a second.
func (f *Flight) feel(ctx context.Context, name string) {
	for pause(ctx, loadEvery) == nil {
		one, cancel := context.WithTimeout(ctx, askFor)
		l, err := f.partyOf(name).Load(one)
		cancel()
		f.board.edit(func(s *Status) {
			p := &s.Source
			if name == "to" {
				p = &s.Target
			}
			if p.Silent = err != nil; err == nil {
				p.Posts, p.P95, p.People, p.Relayed, p.Held = l.Posts, float64(l.P95.Microseconds())/1000, l.People, l.Relayed, l.Held
			}
		})
		if err == nil && f.Status().Writing == name {
			f.govern.observe(l, time.Now())
		}
	}
}

// tell keeps how the flight stands at both places, for their consoles, and
// takes the orders that administrators gave there.
func (f *Flight) tell(ctx context.Context) {
	done := make(chan struct{}, 2)
	for _, name := range []string{"from", "to"} {
		go func() { f.tellOne(ctx, name); done <- struct{}{} }()
	}
	<-done
	<-done
}

func (f *Flight) tellOne(ctx context.Context, name string) {
	for {
		text, err := json.Marshal(f.Status())
		var orders []connect.Order
		if err == nil {
			one, cancel := context.WithTimeout(ctx, askFor)
			orders, err = f.partyOf(name).Tell(one, f.Name, text, f.log.read().Orders[name])
			cancel()
		}
		if err != nil && ctx.Err() == nil {
			f.Log.Debug("tell", "place", name, "err", err)
		}
		for _, o := range orders {
			if err := f.take(ctx, name, o); err != nil {
				return
			}
		}
		if pause(ctx, tellEvery) != nil {
			return
		}
	}
}

// take passes on an order that was given at a place. It is noted first that it
// was taken: an order is carried out once or not at all, never twice.
func (f *Flight) take(ctx context.Context, name string, o connect.Order) error {
	j := f.log.read()
	if o.N <= j.Orders[name] {
		return nil
	}
	if err := f.log.edit(func(j *flightJournal) { j.Orders[name] = o.N }); err != nil {
		return err
	}
	if o.At.Std().Before(j.Started.Add(-time.Minute)) {
		return nil // it was meant for a mover whose journal is gone
	}
	if err := checkOrder(o); err != nil {
		f.problem(err)
		return nil
	}
	select {
	case f.orders <- request{order: o}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// outlook says whether a hand-over may begin, and what a human does next.
func (f *Flight) outlook() {
	clean := !f.verified.since().IsZero()
	blocked := f.blocked()
	s := f.Status()
	next := f.next(s, clean, blocked)
	f.knobsMu.Lock()
	end := f.backBy
	f.knobsMu.Unlock()
	if s.Stage == StageReverse && !end.IsZero() {
		next.By = &end
		next.Then = "the way back is closed, and the old place only passes people on"
	}
	f.board.edit(func(s *Status) {
		s.Ready, s.NotReady = clean && blocked == "" && (s.Stage == StageFollow || s.Stage == StageReverse), blocked
		if !s.Ready && s.NotReady == "" && s.Stage == StageFollow {
			s.NotReady = "the first verification has not ended yet"
		}
		s.Next = next
	})
}

func (f *Flight) next(s Status, clean bool, blocked string) NextStep {
	switch {
	case s.Problem != nil && s.Problem.Hint != "" && time.Since(s.Problem.At) < 10*time.Second:
		return NextStep{Step: s.Problem.Text + ": " + s.Problem.Hint}
	case s.Paused:
		return NextStep{Step: "it is paused: let it go on", Do: OrderResume}
	case s.Stage == StageFollow && blocked != "":
		return NextStep{Step: blocked}
	case s.Stage == StageFollow && s.Planned != nil && s.Planned.At != nil:
		return NextStep{Step: "none: the cutover begins at " + s.Planned.At.Format(time.RFC1123), Do: OrderWait, By: s.Planned.At, Then: "people move to the new place"}
	case s.Stage == StageFollow && s.Planned != nil:
		return NextStep{Step: "remove the file " + s.Planned.Gone + ": then people move to the new place", Do: OrderWait}
	case s.Stage == StageFollow && !clean:
		return NextStep{Step: "none: it compares the two places for the first time"}
	case s.Stage == StageFollow:
		return NextStep{Step: "cut over when you want to", Do: OrderCutover}
	case s.Stage == StageReverse:
		return NextStep{Step: "look whether all is well at the new place; then complete the move, or go back with a rollback", Do: OrderComplete}
	case s.Stage == StageComplete:
		return NextStep{Step: fmt.Sprintf("switch the old place off when nobody comes by it any more: %d people did lately", s.Target.Relayed+s.Source.Relayed)}
	case s.Stage == StageAborted:
		return NextStep{Step: "none: the move was given up, and people are where they were"}
	}
	return NextStep{Step: "none until it has caught up"}
}

// open reads what there is of this flight in its directory.
func (f *Flight) open(context.Context) (err error) {
	if f.log, err = openFlightLog(f.Dir, f.Name); err != nil {
		return err
	}
	j := f.log.read()
	f.report = &Report{
		Version: 1, Move: f.Name, From: f.From, To: f.To, Source: f.Name, Started: j.Started, Counts: chat.Counts{}, Searchable: true,
		FilesMissing: []MissingFile{}, Quarantine: []Quarantined{}, Losses: []Loss{}, Pauses: j.Pauses, Turn: j.Turn,
	}
	if old, err := ReadReport(f.Dir); err == nil && f.Dir != "" && old.Move == f.Name && j.Begun {
		f.report.resume(old)
	}
	if f.knobs, err = f.defaultKnobs(); err != nil {
		return err
	}
	for name, value := range j.Knobs {
		if err := f.knobs.set(name, value); err != nil {
			return err
		}
	}
	f.paused, f.planned = j.Paused, j.Planned
	f.verified.init()
	f.knobsMu.Lock()
	f.useKnobs()
	f.knobsMu.Unlock()
	f.board.edit(func(s *Status) {
		s.Version, s.Move, s.From, s.To, s.Mover, s.Started = 1, f.Name, f.From, f.To, mover(), j.Started
		s.Paused, s.SignedOff, s.Planned, s.Pauses, s.Writing = j.Paused, j.SignedOff, j.Planned, j.Pauses, "from"
	})
	for _, p := range []connect.Party{f.Source, f.Target} {
		if t, ok := p.(interface{ OnWait(func(string)) }); ok {
			t.OnWait(f.board.waits)
		}
	}
	return f.log.edit(func(*flightJournal) {})
}

// failed keeps a report of how far it came, and makes the error one that says
// how to go on.
func (f *Flight) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil && !chat.IsKind(err, chat.Conflict) {
		s := f.Status()
		err = chat.Errorf(chat.Unavailable, "the mover of %s was stopped in the stage %s; what was carried so far is there: %w", f.Name, s.Stage, context.Cause(ctx)).
			WithHint("run the same line again: it goes on where it stopped")
	}
	f.withReport(func(r *Report) {
		r.Error = reportError(err)
		r.Next = Next{Step: orElse(r.Error.Hint, "mend the cause, then run the same line again: it goes on where it stopped"), By: "the administrator"}
	})
	f.problem(err)
	_ = f.hookFails(context.WithoutCancel(ctx), err)
	if e := f.save(); e != nil {
		f.Log.Error("save the report", "move", f.Name, "err", e)
	}
	return err
}

// save brings the report up to date, and writes it into the move's directory.
func (f *Flight) save() error {
	s := f.Status()
	counts := f.in.counts()
	f.reportMu.Lock()
	defer f.reportMu.Unlock()
	r := f.report
	if len(counts) > 0 {
		r.Counts = counts
	}
	r.Phase, r.Turn, r.Pauses = string(s.Stage), s.Turn, s.Pauses
	r.Title, r.Target = s.Source.Title, s.Target.Title
	r.OK = r.Error == nil && s.Verify.Differences == 0 && s.Verify.Clean != nil && s.Files.Gone == 0
	if s.Files.Gone > 0 {
		r.Losses = []Loss{{Kind: chat.KindContent.String(), Count: s.Files.Gone, Reason: "the bytes of the file are missing or damaged where it comes from"}}
	}
	if r.Error == nil {
		r.Next = Next{Step: s.Next.Step, By: "the administrator"}
		if s.Next.By != nil {
			r.Next.Step += ", by " + s.Next.By.Format(time.RFC1123)
		}
	}
	r.close()
	if f.Dir == "" {
		return nil
	}
	return r.Save(f.Dir)
}

// Report returns the report as of now.
func (f *Flight) Report() (*Report, error) {
	if f.Status().Version == 0 {
		return nil, chat.Errorf(chat.NotFound, "the mover of %s has not begun yet", f.Name).WithHint("wait a moment")
	}
	if err := f.save(); err != nil {
		return nil, err
	}
	f.reportMu.Lock()
	defer f.reportMu.Unlock()
	return f.report.brief(), nil
}
