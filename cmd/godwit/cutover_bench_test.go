package main

import (
	"slices"
	"testing"
	"time"
)

const (
	cutoverWriters = 200
	cutoverEvery   = time.Second // a post of each: 200 a second
	cutovers       = 6           // there and back again
)

// BenchmarkCutover measures what 200 people who write feel of cutovers and
// rollbacks between two servers, each a process of its own, with the history
// that GODWIT_BENCH_MESSAGES says: the slowest post of each of them, from the
// first try to its acknowledgement. They stay at the old address throughout.
func BenchmarkCutover(b *testing.B) {
	for _, to := range []string{"sqlite", "postgres"} {
		b.Run("sqlite to "+to, func(b *testing.B) {
			for b.Loop() {
				cutOver(b, to)
			}
		})
	}
}

func cutOver(b *testing.B, to string) {
	f := newFleet(b, "sqlite", to, company{messages: benchMessages(b), people: cutoverWriters})
	f.people(cutoverEvery)
	began := time.Now()
	if code, out := f.mover(trap{}, "sync", f.from.address, f.to.address, "--name=crossing", "--once"); code != exitOK {
		b.Fatalf("sync ended with %d:\n%s", code, out)
	}
	b.Logf("presync and the first round, people writing: %s", time.Since(began).Round(time.Millisecond))
	var felt []time.Duration
	open, other := f.from, f.to
	for n := range cutovers {
		f.write.Slowest()
		command := []string{"cutover", "rollback"}[n%2]
		if code, out := f.mover(trap{}, command, "crossing"); code != exitOK {
			b.Fatalf("%s ended with %d:\n%s", command, code, out)
		}
		before := f.write.Acked()
		f.until("all wrote again", func() bool { return f.write.Acked() > before+2*cutoverWriters })
		list := f.write.Slowest()
		b.Logf("%s: the slowest posts of %d people: median %s, p95 %s, worst %s", command, len(list), list[len(list)/2], list[len(list)*95/100], list[len(list)-1])
		felt = append(felt, list...)
		open, other = other, open
	}
	slices.Sort(felt)
	b.ReportMetric(float64(felt[len(felt)*95/100].Milliseconds()), "p95-ms")
	b.ReportMetric(float64(felt[len(felt)-1].Milliseconds()), "worst-ms")
	f.whole(open, other)
}
