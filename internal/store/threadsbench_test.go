package store_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// BenchmarkThreads reads a place of which four messages in ten are replies:
// most threads are short, one in a hundred has thousands.
func BenchmarkThreads(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchThreads(b, filepath.Join(b.TempDir(), "godwit.db")) })
	b.Run("Postgres", func(b *testing.B) { benchThreads(b, testkit.Postgres(b)) })
}

func benchThreads(b *testing.B, path string) {
	db := open(b, path)
	m := begin(b, db, "one")
	r := rand.New(rand.NewPCG(7, 8))
	roots := map[chat.RoomID][]chat.MessageID{}
	var all []chat.MessageID
	rate(b, "apply", benchSize(), eachBatch(benchSize(), func(batch []chat.Object) {
		for _, o := range batch {
			m := o.(*chat.Message)
			known := roots[m.Room]
			switch {
			case len(known) > 0 && r.IntN(10) < 4:
				// The oldest few of a room are answered for ever.
				at := len(known) - 1 - r.IntN(min(len(known), 20))
				if r.IntN(4) == 0 {
					at = r.IntN(min(len(known), 3))
				}
				m.Thread, m.Shown = known[at], r.IntN(20) == 0
			case r.IntN(3) == 0:
				roots[m.Room], all = append(known, m.ID), append(all, m.ID)
			}
		}
		m.apply(batch...)
	}))
	read := func(name string, fn func(chat.Reader) error) {
		var times []time.Duration
		for range 1000 {
			times = append(times, timed(func() {
				if err := db.View(ctx(b), fn); err != nil {
					b.Fatal(err)
				}
			}))
		}
		quantiles(b, name, times)
	}
	b.ResetTimer()
	at := func() *chat.Anchor { return &chat.Anchor{Sent: benchTime(r.IntN(benchSize()))} }
	read("history", func(rd chat.Reader) error {
		_, err := rd.History(chat.HistoryQuery{Room: roomN(int(benchRooms * r.Float64() * r.Float64())).ID, Before: at(), Limit: 51})
		return err
	})
	read("thread", func(rd chat.Reader) error {
		list := roots[roomN(r.IntN(200)).ID]
		q := chat.HistoryQuery{Thread: list[r.IntN(min(len(list), 3))], Limit: 51}
		if r.IntN(2) == 0 {
			q.Before = at()
		}
		_, err := rd.History(q)
		return err
	})
	// What a page of history asks about its messages.
	read("replies", func(rd chat.Reader) error {
		var page []chat.MessageID
		list := roots[roomN(r.IntN(200)).ID]
		page = append(page, list[r.IntN(min(len(list), 3))])
		for range 49 {
			page = append(page, all[r.IntN(len(all))])
		}
		_, err := rd.Threads(page)
		return err
	})
	benchLongThread(b, db, m)
}

// benchLongThread puts a tenth as many replies again between two messages of
// one room: what is passed over, and what is added up.
func benchLongThread(b *testing.B, db chat.Store, m *mover) {
	root, n := messageN(0, benchRooms+1), benchSize()/10
	batch := []chat.Object{root}
	for i := 1; i <= n; i++ {
		r := messageN(i, benchRooms+1)
		r.Thread = root.ID
		if batch = append(batch, r); len(batch) == benchBatch || i == n {
			m.apply(batch...)
			batch = nil
		}
	}
	last := messageN(n+1, benchRooms+1)
	m.apply(last)
	for name, fn := range map[string]func(chat.Reader) error{
		"passed-over": func(r chat.Reader) error {
			list, err := r.History(chat.HistoryQuery{Room: root.Room, Limit: 51})
			if len(list) != 2 {
				b.Errorf("%d messages, want 2", len(list))
			}
			return err
		},
		"added-up": func(r chat.Reader) error {
			all, err := r.Threads([]chat.MessageID{root.ID})
			if all[root.ID].Count != int64(n) {
				b.Errorf("%d replies, want %d", all[root.ID].Count, n)
			}
			return err
		},
	} {
		var times []time.Duration
		for range 20 {
			times = append(times, timed(func() {
				if err := db.View(ctx(b), fn); err != nil {
					b.Fatal(err)
				}
			}))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, name+"-ms")
	}
}
