package move

import (
	"slices"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Stage is what a flight is doing. The words are those on the screen.
type Stage string

// The stages of a flight, in their order. After the cutover it follows in the
// other direction; after a rollback, in the first one again.
const (
	StagePlan     Stage = "plan"
	StagePresync  Stage = "presync"  // everything that is there
	StageFollow   Stage = "follow"   // what is being written
	StageFreeze   Stage = "freeze"   // people wait
	StageDelta    Stage = "delta"    // the last of it
	StageVerify   Stage = "verify"   // the gate
	StageCutover  Stage = "cutover"  // from retiring one place to opening the other
	StageReverse  Stage = "reverse"  // follow, the other way round: the old place is kept current
	StageComplete Stage = "complete" // the old place does nothing any more but pass people on
	StageAborted  Stage = "aborted"
)

// Status says how a flight stands: what the command line, the page and the
// places' consoles show.
type Status struct {
	Version int       `json:"version"`
	Move    string    `json:"move"`
	From    string    `json:"from"` // as the person named it, for all of the flight
	To      string    `json:"to"`
	Stage   Stage     `json:"stage"`
	Since   time.Time `json:"since"` // of the stage
	Started time.Time `json:"started"`
	At      time.Time `json:"at"` // when all this was so
	Mover   string    `json:"mover"`

	Turn    chat.Turn   `json:"turn"`
	Writing string      `json:"writing"` // "from" or "to": which of the two takes writes
	Source  PlaceStatus `json:"source"`
	Target  PlaceStatus `json:"target"`

	Kinds  []KindStatus  `json:"kinds"`
	Done   int64         `json:"done"` // positions of the log that were carried
	Total  int64         `json:"total"`
	Files  FileStatus    `json:"files"`
	Rates  []Rate        `json:"rates"` // over time, oldest first: at most ratePoints
	Lag    time.Duration `json:"lag"`   // for how long the target has not had all that was written
	Behind int64         `json:"behind"`
	Low    time.Duration `json:"low"` // the stage ends in between; both zero before there is a rate
	High   time.Duration `json:"high"`

	Waits       string        `json:"waits"` // why nothing moves, or what it is that decides the pace
	Paused      bool          `json:"paused"`
	Quarantined int64         `json:"quarantined"`
	SignedOff   string        `json:"signed_off,omitempty"`
	Verify      VerifyStatus  `json:"verify"`
	Pause       time.Duration `json:"pause"`  // that a cutover would take now; 0 is not known yet
	Budget      time.Duration `json:"budget"` // --max-pause
	Pauses      []Pause       `json:"pauses,omitempty"`
	Ready       bool          `json:"ready"`               // a cutover may begin
	NotReady    string        `json:"not_ready,omitempty"` // why not

	Next    NextStep `json:"next"`
	Planned *Planned `json:"planned,omitempty"` // a cutover that waits for its time
	Knobs   []Knob   `json:"knobs"`
	Problem *Problem `json:"problem,omitempty"` // what stands in the way now
	Log     []Line   `json:"log"`               // what happened lately, newest last
}

// PlaceStatus says how one of the two places is.
type PlaceStatus struct {
	Title   string     `json:"title"`
	Version string     `json:"version"`
	State   chat.State `json:"state"`
	Pos     int64      `json:"pos"`
	Posts   float64    `json:"posts"` // a second
	P95     float64    `json:"p95"`   // milliseconds, of posting
	People  int        `json:"people"`
	Relayed int        `json:"relayed"`
	Held    int        `json:"held"`
	Silent  bool       `json:"silent,omitempty"` // it does not answer
}

// KindStatus is the progress of a kind of object.
type KindStatus struct {
	Kind chat.Kind `json:"kind"`
	Done int64     `json:"done"`
	All  int64     `json:"all"` // at the source, when it was counted last
}

// FileStatus is the progress of the bytes of files.
type FileStatus struct {
	Copied int64 `json:"copied"` // files, by this mover
	Bytes  int64 `json:"bytes"`  // copied, by this mover
	There  int64 `json:"there"`  // files that the target had
	Gone   int64 `json:"gone"`   // files that the source itself has not got
	Total  int64 `json:"total"`  // bytes at the source
}

// Rate is a point of the chart.
type Rate struct {
	At      time.Time `json:"at"`
	Objects float64   `json:"objects"` // a second
	Bytes   float64   `json:"bytes"`   // of files, a second
	Behind  int64     `json:"behind"`
	P95     float64   `json:"p95"` // milliseconds, of posting at the source
}

// VerifyStatus says how far the two places are proved to be the same.
type VerifyStatus struct {
	Round       int        `json:"round"`
	Level       string     `json:"level"`
	Done        float64    `json:"done"`            // of the round, from 0 to 1
	Clean       *time.Time `json:"clean,omitempty"` // when the last round began that found nothing
	Differences int64      `json:"differences"`     // that are left
	Repaired    int64      `json:"repaired"`
	Took        float64    `json:"took"` // seconds, the last round
}

// Pause is what people felt of a hand-over.
type Pause struct {
	At   time.Time     `json:"at"`
	Turn chat.Turn     `json:"turn"`
	Took time.Duration `json:"took"` // from the freeze to the opening, at the mover
	What string        `json:"what"` // cutover, rollback
}

// NextStep is what a human does next, and until when.
type NextStep struct {
	Step string     `json:"step"`
	Do   string     `json:"do,omitempty"`   // the order that does it: cutover, complete
	By   *time.Time `json:"by,omitempty"`   // the latest time for it
	Then string     `json:"then,omitempty"` // what happens if nobody does it
}

// Planned is a cutover that waits.
type Planned struct {
	At   *time.Time `json:"at,omitempty"`
	Gone string     `json:"gone,omitempty"` // the file that is to be removed
	Who  string     `json:"who,omitempty"`
}

// Knob is what can be set while the flight runs.
type Knob struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Help  string `json:"help"`
}

// Problem is what stands in the way.
type Problem struct {
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	Hint string    `json:"hint,omitempty"`
	At   time.Time `json:"at"`
}

// Line is something that happened.
type Line struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

const (
	ratePoints = 240         // of the chart
	rateEvery  = time.Second // at first; when the chart is full every other point goes
	logLines   = 50          // that a status carries
	sampleTick = 500 * time.Millisecond
)

// board holds the status while it changes. All of it may be called at once.
type board struct {
	mu      sync.Mutex
	now     Status
	every   time.Duration // between two points of the chart
	last    time.Time     // of them
	objects int64         // applied since the start of this mover
	counted struct {
		at             time.Time
		objects, bytes int64
	}
}

func (b *board) edit(fn func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(&b.now)
}

// status returns how things stand. What it returns is nobody else's.
func (b *board) status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.now
	s.At = time.Now().UTC()
	s.Kinds, s.Rates, s.Pauses = slices.Clone(s.Kinds), slices.Clone(s.Rates), slices.Clone(s.Pauses)
	s.Knobs, s.Log = slices.Clone(s.Knobs), slices.Clone(s.Log)
	return s
}

func (b *board) say(text string) {
	b.edit(func(s *Status) {
		s.Log = append(s.Log, Line{time.Now().UTC(), text})
		s.Log = s.Log[max(0, len(s.Log)-logLines):]
	})
}

// waits says why nothing moves; the empty reason ends it.
func (b *board) waits(reason string) {
	b.edit(func(s *Status) { s.Waits = reason })
}

// applied counts what went over.
func (b *board) applied(objects int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects += objects
}

// sample adds a point to the chart when it is time for one, and moves the
// prediction of the stage's end on.
func (b *board) sample(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.every == 0 {
		b.every, b.last = rateEvery, now
		b.counted.at, b.counted.objects, b.counted.bytes = now, b.objects, b.now.Files.Bytes
		return
	}
	if now.Sub(b.last) < b.every {
		return
	}
	dt := now.Sub(b.counted.at).Seconds()
	s := &b.now
	p := Rate{At: now.UTC(), Objects: float64(b.objects-b.counted.objects) / dt, Bytes: float64(s.Files.Bytes-b.counted.bytes) / dt, Behind: s.Behind, P95: s.Source.P95}
	if s.Writing == "to" {
		p.P95 = s.Target.P95
	}
	b.counted.at, b.counted.objects, b.counted.bytes, b.last = now, b.objects, s.Files.Bytes, now
	if s.Rates = append(s.Rates, p); len(s.Rates) > ratePoints {
		s.Rates = thin(s.Rates)
		b.every *= 2
	}
	b.predict(p)
}

// predict says when a presync ends: by the rate of the last point, and by
// that of all of them.
func (b *board) predict(p Rate) {
	s := &b.now
	s.Low, s.High = 0, 0
	left := float64(s.Total - s.Done)
	if s.Stage != StagePresync || len(s.Rates) < 3 || left <= 0 {
		return
	}
	var sum float64
	for _, r := range s.Rates {
		sum += r.Objects
	}
	mean := sum / float64(len(s.Rates))
	if fast, slow := max(mean, p.Objects), min(mean, p.Objects); slow > 0 {
		s.Low = time.Duration(left / fast * float64(time.Second)).Round(time.Second)
		s.High = time.Duration(1.25 * left / slow * float64(time.Second)).Round(time.Second)
	}
}

// thin halves a chart: each two points become one.
func thin(list []Rate) []Rate {
	out := list[:0]
	for i := 0; i+1 < len(list); i += 2 {
		a, b := list[i], list[i+1]
		b.Objects, b.Bytes, b.P95 = (a.Objects+b.Objects)/2, (a.Bytes+b.Bytes)/2, max(a.P95, b.P95)
		b.Behind = max(a.Behind, b.Behind)
		out = append(out, b)
	}
	return out
}
