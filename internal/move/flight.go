package move

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// FlightOptions are what a person decides about a flight.
type FlightOptions struct {
	MaxPause  time.Duration // that people may have to wait at the cutover; zero is 10 s
	Reverse   time.Duration // for how long the old place is kept current; zero is 72 h
	Throttle  string        // see ParseThrottle; empty is 1.25x
	Bandwidth string        // see ParseTimetable; empty is off
	Parallel  int           // files at once; zero is 6
	BatchSize int           // objects; zero is 5,000
	// Again lets a flight that was given up begin again.
	Again bool
	// LookOnly lets the verification change nothing.
	LookOnly bool
}

// Flight is the move of a place in use. What it has done is at the two places:
// a Flight that ended in any way can be made again, and Run goes on from what
// the places say. A Flight is used once.
type Flight struct {
	Name string // of the move: a-z 0-9 - _
	Dir  string // where the mover keeps plan, journal and report; "" keeps none
	From string // as the person named it: the place that wrote when the flight began
	To   string

	Source, Target connect.Party // From and To, for all of the flight
	// Addresses at which the two places reach each other; "" if they cannot.
	SourceAddress, TargetAddress string

	Log *slog.Logger
	FlightOptions

	// Progress is told how things stand, twice a second. May be nil.
	Progress func(Status)
	// Hook is called when a stage begins, when one has ended, when something
	// waits for a human, and when it failed. Before the point of no return an
	// error of it stops the flight. May be nil.
	Hook func(ctx context.Context, e Event) error
	// Step is called between steps, with the step's name. Tests make it fail.
	Step func(name string) error

	once   sync.Once
	orders chan request
	over   chan struct{} // closed when Run has ended

	board     board
	govern    *governor
	bytes     *limiter
	knobsMu   sync.Mutex
	knobs     knobs
	paused    bool
	backBy    time.Time // when the way back ends by itself
	hushed    bool      // no part of a round may begin
	stopPart  func()    // ends the one that runs; may be nil
	wantRound bool      // somebody asked for a round of the verification
	report    *Report
	reportMu  sync.Mutex
	log       *flightLog
	plan      *Plan

	way      way     // which place writes, and which follows
	in       inbound // the move into the place that follows
	touched  touched // what is not proved since the last clean round
	files    fileFlow
	verified verified
	resumed  *checked   // a round that a mover before this one did not end
	quiet    sync.Mutex // held by a part of a round, and by who wants none to run
	planned  *Planned
	pending  []request // orders that came during the presync
}

// Event is something that a person or a program may want to know at once.
type Event struct {
	What   string `json:"what"` // see the constants
	Stage  Stage  `json:"stage"`
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`
}

// What an Event can be.
const (
	EventBegins = "begins" // a stage; before the cutover an error of the hook stops it
	EventEnds   = "ends"   // a stage
	EventHuman  = "human"  // a human is waited for: Status.Next
	EventFails  = "fails"
)

func (f *Flight) init() {
	f.once.Do(func() {
		f.orders, f.over = make(chan request), make(chan struct{})
		f.govern = newGovernor()
		f.bytes = &limiter{now: time.Now}
		if f.Log == nil {
			f.Log = slog.New(slog.DiscardHandler)
		}
	})
}

// Status says how the flight stands. It may be called at any time.
func (f *Flight) Status() Status {
	f.init()
	return f.board.status()
}

// Run does the flight: it pairs the places, carries what is there, follows
// what is written, compares, and carries out orders, until the flight is
// complete, given up, or ctx is over. The report is valid beside an error too.
func (f *Flight) Run(ctx context.Context) (*Report, error) {
	f.init()
	defer close(f.over)
	if err := f.open(ctx); err != nil {
		return f.report, err
	}
	g, gctx := errgroup.WithContext(ctx)
	ended, end := context.WithCancel(gctx)
	g.Go(func() error { f.watch(ended); return nil })
	g.Go(func() error { f.tell(ended); return nil })
	g.Go(func() error {
		defer end()
		return f.fly(gctx)
	})
	err := g.Wait()
	if err != nil && !errors.Is(err, errDone) {
		return f.report, f.failed(ctx, err)
	}
	return f.report, f.save()
}

// errDone ends a flight that has nothing left to do.
var errDone = errors.New("nothing is left to do")

// fly goes from stage to stage, by what the places say.
func (f *Flight) fly(ctx context.Context) error {
	for again := f.Again; ; again = false {
		at, err := f.whereabouts(ctx)
		if err == nil {
			switch {
			case again && at.givenUp():
				err = f.pair(ctx)
			case at.over():
				return f.landed(ctx, at)
			case !at.paired():
				err = f.pair(ctx)
			case at.passing():
				err = f.finishPassing(ctx, at)
			default:
				err = f.follow(ctx, at)
			}
		}
		if err != nil {
			if err = f.outlast(ctx, err); err != nil {
				return err
			}
		}
	}
}

// outlast waits after an error that may pass by itself; others it returns.
func (f *Flight) outlast(ctx context.Context, err error) error {
	if ctx.Err() != nil || !passes(err) {
		return err
	}
	f.problem(err)
	f.Log.Warn("it goes on later", "move", f.Name, "err", err)
	f.board.waits("a place does not answer as it should: " + err.Error())
	err = pause(ctx, retryAfter)
	f.board.waits("")
	return err
}

const retryAfter = 2 * time.Second

// passes reports whether an error may pass by itself.
func passes(err error) bool {
	again, ok := errors.AsType[interface {
		error
		Again() bool
	}](err)
	return ok && again.Again() || chat.IsKind(err, chat.Unavailable) && !errors.Is(err, context.Canceled) || chat.IsKind(err, chat.TooMany)
}

func (f *Flight) problem(err error) {
	e := reportError(err)
	f.board.edit(func(s *Status) { s.Problem = &Problem{Kind: e.Kind, Text: e.Text, Hint: e.Hint, At: time.Now().UTC()} })
}

// enter begins a stage.
func (f *Flight) enter(ctx context.Context, stage Stage) error {
	if f.Status().Stage == stage {
		return nil
	}
	f.leave()
	f.board.edit(func(s *Status) { s.Stage, s.Since, s.Waits = stage, time.Now().UTC(), "" })
	f.withReport(func(r *Report) { r.enter(string(stage)) })
	f.Log.Info("stage", "move", f.Name, "phase", string(stage))
	f.board.say("stage " + string(stage))
	f.outlook()
	return f.hook(ctx, Event{What: EventBegins, Stage: stage})
}

// leave ends the stage that runs.
func (f *Flight) leave() {
	f.withReport(func(r *Report) {
		if r.open {
			r.leave(nil)
		}
	})
}

func (f *Flight) hook(ctx context.Context, e Event) error {
	if f.Hook == nil {
		return nil
	}
	e.Status = f.Status()
	return f.Hook(ctx, e)
}

func (f *Flight) step(name string) error {
	if f.Step == nil {
		return nil
	}
	return f.Step(name)
}

func (f *Flight) withReport(fn func(*Report)) {
	f.reportMu.Lock()
	defer f.reportMu.Unlock()
	fn(f.report)
}

func (f *Flight) knob() knobs {
	f.knobsMu.Lock()
	defer f.knobsMu.Unlock()
	return f.knobs
}

// mover names this process for who asks which mover is at work.
func mover() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return host
}
