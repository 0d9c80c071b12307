package move

import (
	"maps"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Snapshot says how a move stands.
type Snapshot struct {
	Phase   string
	Counts  chat.Counts   // of this run, as far as it is at the target
	Items   int64         // of this phase, by this process
	Rate    float64       // items a second, lately
	Files   int64         // bytes of files stored
	Input   int64         // bytes of the source that were read
	Total   int64         // bytes of the source; 0 if not known
	Speed   float64       // bytes of the source a second, lately
	Left    int64         // in the phase search: messages that cannot be found yet
	Elapsed time.Duration // in this phase
	Low     time.Duration // this phase ends in between Low and High; both zero before there is a rate
	High    time.Duration
	Waits   string // why nothing moves, or what it is that decides the pace
	Next    string // the next step of a human
}

const (
	tick     = 250 * time.Millisecond
	eager    = 3 * time.Second // no time is predicted before
	smooth   = 0.1             // share of the newest tick in a rate
	nextStep = "none until the report"
)

// meter gathers what the snapshots tell. Its methods may be called at once.
type meter struct {
	mu      sync.Mutex
	now     Snapshot
	entered time.Time
	resumed int64 // where in the source this process began
	before  Snapshot
	waits   map[string]time.Duration
	shared  bool // people are at work at the target
}

func (m *meter) enter(phase string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = Snapshot{Phase: phase, Counts: m.now.Counts, Files: m.now.Files, Total: m.now.Total, Input: m.now.Input, Next: nextStep}
	m.before, m.entered, m.resumed = m.now, time.Now(), -1
	m.waits = map[string]time.Duration{}
}

func (m *meter) total(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Total = bytes
}

func (m *meter) read(input int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Input = input
	if m.resumed < 0 {
		m.resumed = input
	}
}

func (m *meter) applied(counts chat.Counts, items int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Counts = maps.Clone(counts)
	m.now.Items += items
}

func (m *meter) file(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Files += bytes
}

func (m *meter) left(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.Left > n {
		m.now.Items += m.now.Left - n
	}
	m.now.Left = n
}

// waiting says what is waited for now; the empty reason ends it.
func (m *meter) waiting(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Waits = reason
}

// waitedFor adds to the time that was waited for something.
func (m *meter) waitedFor(what string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waits != nil {
		m.waits[what] += d
	}
}

// waited returns the seconds waited in this phase, by what for.
func (m *meter) waited() map[string]float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]float64{}
	for what, d := range m.waits {
		out[what] = float64(d.Milliseconds()) / 1000
	}
	return out
}

// snapshot returns how things stand, and moves the rates on by one tick.
func (m *meter) snapshot(dt time.Duration) Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.now
	s.Elapsed = time.Since(m.entered)
	s.Rate = ease(s.Rate, float64(s.Items-m.before.Items)/dt.Seconds())
	s.Speed = ease(s.Speed, float64(s.Input-m.before.Input)/dt.Seconds())
	m.before = *s
	s.Low, s.High = 0, 0
	if s.Elapsed > eager {
		s.Low, s.High = m.band()
	}
	out := *s
	if out.Waits == "" {
		out.Waits = m.pace()
	}
	return out
}

func ease(old, now float64) float64 {
	if old == 0 {
		return now
	}
	return old + smooth*(now-old)
}

// band predicts when the phase ends: by the rate lately, and by the rate
// since it began.
func (m *meter) band() (low, high time.Duration) {
	left, lately, since := float64(m.now.Total-m.now.Input), m.now.Speed, float64(m.now.Input-max(m.resumed, 0))/m.now.Elapsed.Seconds()
	if m.now.Phase == "search" {
		left, lately, since = float64(m.now.Left), m.now.Rate, float64(m.now.Items)/m.now.Elapsed.Seconds()
	} else if m.now.Phase != "presync" || m.now.Total == 0 {
		return 0, 0
	}
	if lately <= 0 || since <= 0 || left < 0 {
		return 0, 0
	}
	seconds := func(rate float64) time.Duration {
		return time.Duration(left / rate * float64(time.Second)).Round(time.Second)
	}
	return seconds(max(lately, since)), seconds(min(lately, since) / 1.25)
}

// shares says whether people are at work at the target.
func (m *meter) shares(people bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared = people
}

// pace names what decides how fast it goes.
func (m *meter) pace() string {
	if m.shared && m.now.Phase == "presync" {
		return "people are at work at the target: half of the time is theirs"
	}
	source, target := m.waits["source"], m.waits["target"]
	switch {
	case source+target < time.Second:
		return ""
	case source > 2*target:
		return "the source sets the pace"
	case target > 2*source:
		return "the target sets the pace"
	}
	return "both ends are busy"
}

// watch tells Progress how things stand until the returned func is called.
func (j *Job) watch() (stop func()) {
	if t, ok := j.Target.(interface{ OnWait(func(string)) }); ok {
		t.OnWait(j.meter.waiting)
	}
	if j.Progress == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-done:
				j.Progress(j.meter.snapshot(tick))
				return
			case <-t.C:
				j.Progress(j.meter.snapshot(tick))
			}
		}
	}()
	return func() { close(done); <-ended }
}
