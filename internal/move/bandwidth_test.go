package move

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

func TestATimetableSaysHowMuchMayBeCarriedWhen(t *testing.T) {
	table, err := ParseTimetable("zone Europe/Berlin; Mon-Fri 08:00-19:00 20MB/s; Sat,Sun 22:00-06:00 nothing; Sun 500kB/s; 200MB/s")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   string
		want float64
		why  string
	}{
		{"2026-11-24T07:00:00Z", 20e6, "Tuesday at eight in Berlin, where the working day begins"},
		{"2026-11-24T06:59:00Z", 200e6, "a minute before"},
		{"2026-11-24T18:00:00Z", 200e6, "Tuesday at seven in Berlin, where it ends"},
		{"2026-11-28T21:30:00Z", 0, "Saturday night"},
		{"2026-11-29T04:30:00Z", 0, "Sunday before six: Saturday's night goes on"},
		{"2026-11-29T12:00:00Z", 500e3, "Sunday at noon"},
		{"2026-11-30T04:30:00Z", 0, "Monday before six: Sunday's night goes on"},
		{"2026-11-30T05:30:00Z", 200e6, "Monday after six"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.At(at); got != c.want {
			t.Errorf("%s: %.0f bytes a second, not %.0f", c.why, got, c.want)
		}
	}
	off, err := ParseTimetable("off")
	if err != nil || off.At(time.Now()) >= 0 {
		t.Errorf("off limits to %v, %v", off, err)
	}
}

func TestATimetableThatCannotBeReadIsRefusedWithAnExample(t *testing.T) {
	for _, text := range []string{"", ";", "Mon-Fri", "20", "20Mbit/s", "8-19 20MB/s", "08:00-25:00 1MB/s", "Mun 1MB/s", "zone Nowhere/City; 1MB/s",
		"08:00-09:00 Mon 1MB/s 2", "08:00-09:00 10:00-11:00 1MB/s", "-5MB/s", "NaNMB/s", "InfGB/s", "0MB/s"} {
		if _, err := ParseTimetable(text); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBytesPassAtTheRateOfTheTimetable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, err := ParseTimetable("10MB/s")
		if err != nil {
			t.Fatal(err)
		}
		l := &limiter{now: time.Now}
		l.set(table)
		began := time.Now()
		for range 100 {
			if err := l.pass(t.Context(), 1e6, func(string) {}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 9800*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("100 MB at 10 MB/s took %s", took)
		}
	})
}

func TestATimetableThatAllowsNothingSaysSoAndEndsWithTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nothing, err := ParseTimetable("nothing")
		if err != nil {
			t.Fatal(err)
		}
		l := &limiter{now: time.Now}
		l.set(nothing)
		var said atomic.Value
		done := make(chan error, 1)
		go func() { done <- l.pass(t.Context(), 5, func(s string) { said.Store(s) }) }()
		time.Sleep(time.Hour)
		if s, _ := said.Load().(string); s == "" {
			t.Error("it does not say why it waits")
		}
		l.set(nil)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseTimetable(f *testing.F) {
	for _, s := range []string{"Mon-Fri 08:00-19:00 20MB/s; 200MB/s", "zone UTC; Sat,Sun nothing; off", "22:00-06:00 1kB/s", "Fri-Mon 1GB/s", "off"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ParseTimetable(text)
		if err != nil {
			if !chat.IsKind(err, chat.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		for range 7 * 24 * 4 {
			if r := table.At(at); r != noLimit && r != 0 && (r < 1 || r > 1e15) {
				t.Fatalf("%q allows %v bytes a second", text, r)
			}
			at = at.Add(15 * time.Minute)
		}
	})
}

func TestTheThrottleBacksOffAtOnceAndComesBackSlowly(t *testing.T) {
	g := newGovernor()
	want, err := ParseThrottle("1.25x")
	if err != nil {
		t.Fatal(err)
	}
	g.set(want)
	now := time.Unix(1000, 0)
	second := func(p95 time.Duration) (rest time.Duration, why string) {
		now = now.Add(time.Second)
		g.observe(connect.Load{Posts: 100, P95: p95}, now)
		return g.rest(100*time.Millisecond, now)
	}
	if d, _ := second(4 * time.Millisecond); d != 0 { // before it works: what posting takes without it
		t.Errorf("it rests %s although nobody is slowed down", d)
	}
	d, why := second(20 * time.Millisecond)
	if d < 100*time.Millisecond || why == "" {
		t.Errorf("posting is five times as slow: it rests %s, because %q", d, why)
	}
	if g.limit() != 5*time.Millisecond {
		t.Errorf("the limit is %s", g.limit())
	}
	for range 20 {
		second(20 * time.Millisecond)
	}
	slow, _ := g.rest(100*time.Millisecond, now)
	if slow < 3*time.Second || g.batch(5000) > 250 {
		t.Errorf("it rests %s between batches of %d", slow, g.batch(5000))
	}
	for range 200 {
		second(3 * time.Millisecond)
	}
	if d, _ := second(3 * time.Millisecond); d != 0 {
		t.Errorf("posting is quick again, and it rests %s", d)
	}
}

func TestTheThrottleLearnsHowQuickPostingIsWithoutIt(t *testing.T) {
	g := newGovernor()
	g.set(Throttle{Ratio: 1.25})
	now := time.Unix(1000, 0)
	g.observe(connect.Load{}, now) // nobody is there yet
	g.rest(time.Second, now)
	g.observe(connect.Load{Posts: 50, P95: 30 * time.Millisecond}, now.Add(time.Second))
	if d, why := g.rest(time.Second, now.Add(time.Second)); d < 3*time.Second || why == "" {
		t.Fatalf("people came, and it works on: %s, %q", d, why)
	}
	now = now.Add(8 * time.Second)
	g.observe(connect.Load{Posts: 50, P95: 8 * time.Millisecond}, now)
	if g.limit() != 10*time.Millisecond {
		t.Errorf("the limit is %s, and posting took 8 ms without a mover", g.limit())
	}
}

func TestNobodyPostsAndNothingIsHeldBack(t *testing.T) {
	g := newGovernor()
	g.set(Throttle{Limit: time.Millisecond})
	now := time.Unix(1000, 0)
	for range 10 {
		now = now.Add(time.Second)
		g.observe(connect.Load{Posts: 0.01, P95: time.Second}, now)
		if d, _ := g.rest(time.Second, now); d != 0 {
			t.Fatalf("it rests for %s", d)
		}
	}
}

func FuzzParseThrottle(f *testing.F) {
	for _, s := range []string{"1.25x", "20ms", "off", "", "x", "1e400x", "-5ms"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		th, err := ParseThrottle(text)
		if err != nil && !chat.IsKind(err, chat.Invalid) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && (th.Ratio < 0 || th.Limit < 0) {
			t.Fatalf("%q is %+v", text, th)
		}
	})
}

func TestAnOrderThatMakesNoSenseIsRefusedAtOnce(t *testing.T) {
	for _, o := range []connect.Order{
		{Word: "fly"}, {Word: OrderSet, Args: "throttle"}, {Word: OrderSet, Args: "speed=1"}, {Word: OrderSet, Args: "parallel=0"},
		{Word: OrderSet, Args: "max-pause=1h"}, {Word: OrderCutover, Args: "tomorrow"}, {Word: OrderCutover, Args: "at noon"},
		{Word: OrderCutover, Args: "when-gone"}, {Word: OrderSignOff},
	} {
		f := &Flight{Name: "hq"}
		ctx, cancel := context.WithCancel(t.Context())
		err := f.Do(ctx, o)
		cancel()
		if !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s %s: %v", o.Word, o.Args, err)
		}
	}
}

func FuzzOrder(f *testing.F) {
	f.Add("cutover", "at 2026-11-25T03:00:00Z")
	f.Add("set", "bandwidth=20MB/s")
	f.Fuzz(func(t *testing.T, word, args string) {
		if err := checkOrder(connect.Order{Word: word, Args: args}); err != nil && !chat.IsKind(err, chat.Invalid) {
			t.Fatal(err)
		}
	})
}

func TestAChartKeepsItsShapeWhenItIsThinnedOut(t *testing.T) {
	b := &board{}
	b.edit(func(s *Status) { s.Stage, s.Writing = StagePresync, "from" })
	now := time.Unix(1000, 0)
	for range 3000 {
		now = now.Add(time.Second)
		b.applied(100)
		b.sample(now)
	}
	s := b.status()
	if len(s.Rates) > ratePoints || len(s.Rates) < ratePoints/4 {
		t.Errorf("%d points", len(s.Rates))
	}
	for _, r := range s.Rates {
		if r.Objects < 95 || r.Objects > 105 {
			t.Fatalf("a point says %.1f objects a second, and there were 100", r.Objects)
		}
	}
	if first, last := s.Rates[0].At, s.Rates[len(s.Rates)-1].At; last.Sub(first) < 2500*time.Second {
		t.Errorf("the chart is of %s", last.Sub(first))
	}
}

func TestWhatANewerMoverKeptIsRefusedWithAHint(t *testing.T) {
	dir := t.TempDir()
	l, err := openFlightLog(dir, "hq")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.edit(func(j *flightJournal) { j.Version = journalVersion + 1 }); err != nil {
		t.Fatal(err)
	}
	f := &Flight{Name: "hq", Dir: dir}
	_, err = f.Run(t.Context())
	if e, ok := err.(*chat.Error); !ok || e.Kind != chat.Invalid || e.Hint == "" {
		t.Errorf("%v", err)
	}
}
