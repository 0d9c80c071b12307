package store_test

import (
	"context"
	"database/sql"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// BenchmarkSnapshot posts while a snapshot is open for long, as a dump holds
// one: no version of the head that is made meanwhile can be removed.
// GODWIT_BENCH_SNAPSHOT is how long; without it, 20 s.
func BenchmarkSnapshot(b *testing.B) {
	long := 20 * time.Second
	if d, err := time.ParseDuration(os.Getenv("GODWIT_BENCH_SNAPSHOT")); err == nil {
		long = d
	}
	path := testkit.Postgres(b)
	db := open(b, path)
	m := begin(b, db, "one")
	for i := range 64 {
		m.apply(userN(i))
	}
	for i := range 1000 {
		m.apply(roomN(i))
	}
	m.done()
	var next atomic.Int64
	posts := func(d time.Duration) float64 {
		c, cancel := context.WithTimeout(ctx(b), d)
		defer cancel()
		from := next.Load()
		took := timed(func() {
			var wg sync.WaitGroup
			for w := range 64 {
				wg.Go(func() {
					for c.Err() == nil {
						i := int(next.Add(1))
						if err := db.Update(ctx(b), func(tx chat.Tx) error { return benchPost(tx, w, i) }); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
		return float64(next.Load()-from) / took.Seconds()
	}
	posts(2 * time.Second)
	before := posts(3 * time.Second)
	pool := raw(b, path)
	dump, err := pool.BeginTx(ctx(b), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	var n int64
	if err := dump.QueryRow(`SELECT count(*) FROM messages`).Scan(&n); err != nil {
		b.Fatal(err)
	}
	posts(long)
	during := posts(3 * time.Second)
	if err := dump.Commit(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(before, "before/s")
	b.ReportMetric(during, "during/s")
	b.ReportMetric(before/during, "slower")
}
