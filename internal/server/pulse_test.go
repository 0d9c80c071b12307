package server

import (
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	var p pulse
	now := time.Unix(1000, 0)
	if l := p.load(now); l != (Load{}) {
		t.Error("nobody posted:", l)
	}
	for second := range 15 {
		for i := range 100 {
			took := 2 * time.Millisecond
			if i >= 90 {
				took = 50 * time.Millisecond
			}
			p.note(now.Add(time.Duration(second)*time.Second), took)
		}
	}
	within := func(what string, got, want time.Duration) {
		t.Helper()
		if got < want || float64(got) > float64(want)*pulseStep {
			t.Errorf("%s is %v, not %v", what, got, want)
		}
	}
	l := p.load(now.Add(14500 * time.Millisecond))
	if l.Posts != 100 {
		t.Error("posts:", l.Posts)
	}
	within("p50", l.P50, 2*time.Millisecond)
	within("p95", l.P95, 50*time.Millisecond)
	p.note(now.Add(40*time.Second), time.Hour)
	p.note(now.Add(40*time.Second), 0)
	l = p.load(now.Add(41 * time.Second))
	if l.Posts != 0.2 || l.P50 != pulseFirst || l.P95 < 5*time.Second {
		t.Error("what is long past counts:", l)
	}
}
