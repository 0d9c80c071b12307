package move

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Throttle says how much slower posting at the place that takes the writes
// may become while a mover reads from it. Zero is no limit.
type Throttle struct {
	Ratio float64       // of the 95th percentile without a mover
	Limit time.Duration // of the 95th percentile
}

// ParseThrottle reads "1.25x", "20ms" or "off". It fails with Invalid.
func ParseThrottle(text string) (t Throttle, err error) {
	wrong := chat.Errorf(chat.Invalid, "%q is no limit for how slow posting may become", text).WithHint("1.25x (of what it was without), 20ms, or off")
	if text == "off" {
		return t, nil
	}
	if number, ok := strings.CutSuffix(text, "x"); ok {
		if t.Ratio, err = strconv.ParseFloat(number, 64); err != nil || t.Ratio < 1.01 || t.Ratio > 100 {
			return Throttle{}, wrong
		}
		return t, nil
	}
	if t.Limit, err = time.ParseDuration(text); err != nil || t.Limit < time.Millisecond || t.Limit > time.Minute {
		return Throttle{}, wrong
	}
	return t, nil
}

// governor decides for which share of the time the mover works, by how the
// people at the source fare: it backs off at once and comes back slowly.
type governor struct {
	mu       sync.Mutex
	want     Throttle
	duty     float64 // from leastDuty to 1
	base     time.Duration
	limited  time.Time // since when duty is below 1; zero if it is not
	learns   time.Time // until then nothing is done, so that base can be learnt
	worked   time.Time // when the mover did something last
	load     connect.Load
	observed bool
}

const (
	leastDuty   = 0.02
	fewPosts    = 0.2             // posts a second below which nobody is in the way
	learnFor    = 6 * time.Second // the source's figures are of about so long
	learnAgain  = 3 * time.Minute // while it holds the mover back
	longestRest = 3 * time.Second // between two batches
)

func newGovernor() *governor { return &governor{duty: 1} }

func (g *governor) set(t Throttle) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.want = t; t == (Throttle{}) {
		g.duty, g.limited = 1, time.Time{}
	}
}

// observe takes a look at the source, once a second.
func (g *governor) observe(l connect.Load, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.load = l
	busy := l.Posts >= fewPosts && l.P95 > 0
	idle := now.Sub(g.worked) >= learnFor
	switch {
	case busy && (idle || !g.observed):
		g.learn(l.P95)
	case busy && g.base == 0 && g.want.Ratio > 0 && now.After(g.learns):
		g.learns = now.Add(learnFor) // people came while the mover was at work
	}
	g.observed = true
	limit := g.limit()
	if !busy || limit == 0 || g.want == (Throttle{}) {
		g.duty, g.limited = min(1, g.duty+0.1), time.Time{}
		return
	}
	if idle {
		return
	}
	switch over := float64(l.P95) / float64(limit); {
	case over > 1:
		g.duty = max(leastDuty, g.duty*max(0.5, 1/over))
	case over < 0.95:
		g.duty = min(1, g.duty*1.05+0.005)
	}
	switch {
	case g.duty >= 1:
		g.limited = time.Time{}
	case g.limited.IsZero():
		g.limited = now
	case now.Sub(g.limited) > learnAgain:
		g.limited, g.learns = now, now.Add(learnFor)
	}
}

// learn takes what was seen while the mover did nothing.
func (g *governor) learn(p95 time.Duration) {
	if g.base == 0 {
		g.base = p95
		return
	}
	g.base += (p95 - g.base) / 4
}

func (g *governor) limit() time.Duration {
	if g.want.Limit > 0 {
		return g.want.Limit
	}
	return time.Duration(float64(g.base) * g.want.Ratio)
}

// rest says how long to rest after so much work, and why.
func (g *governor) rest(worked time.Duration, now time.Time) (d time.Duration, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.worked = now
	if left := g.learns.Sub(now); left > 0 && g.want != (Throttle{}) {
		return left, "a look at how quick posting at the source is without the mover"
	}
	if g.duty >= 1 {
		return 0, ""
	}
	d = min(time.Duration(float64(worked)*(1/g.duty-1)), longestRest)
	return d, fmt.Sprintf("posting at the source takes %s, and may take %s: the mover works %.0f %% of the time", millis(g.load.P95), millis(g.limit()), 100*g.duty)
}

// batch says how many objects to apply at once: short work is noticed less.
func (g *governor) batch(most int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(min(most, 250), int(float64(most)*g.duty*g.duty))
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
