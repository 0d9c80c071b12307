package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// size of the benchmarks: messages.
func size() int {
	if n, err := strconv.Atoi(os.Getenv("GODWIT_BENCH_MESSAGES")); err == nil {
		return n
	}
	return 200_000
}

const benchRooms = 2600

var words = func() []string {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]string, 20000)
	for i := range list {
		b := make([]byte, 3+r.IntN(8))
		for j := range b {
			b[j] = byte('a' + r.IntN(26))
		}
		list[i] = string(b)
	}
	return list
}()

// benchMessage makes message i of a chronological history: a few large rooms,
// many small ones, about 90 characters each.
func benchMessage(r *rand.Rand, i int) *chat.Message {
	room := int(float64(benchRooms) * r.Float64() * r.Float64() * r.Float64())
	sent := start + chat.Time(i)*126*second + chat.Time(r.IntN(1000))
	text := ""
	for len(text) < 60+r.IntN(60) {
		text += words[int(float64(len(words))*r.Float64()*r.Float64())] + " "
	}
	m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "hq", "message", fmt.Sprint(i))), Room: roomN(room).ID, Author: userN(r.IntN(1600)).ID, Sent: sent, Text: text}
	return m
}

func benchBatches(n int) [][]chat.Incoming {
	r := rand.New(rand.NewPCG(3, 4))
	var list [][]chat.Incoming
	for i := 0; i < n; {
		var batch []chat.Incoming
		for ; len(batch) < 5000 && i < n; i++ {
			batch = append(batch, chat.Incoming{Object: benchMessage(r, i)})
		}
		list = append(list, batch)
	}
	return list
}

func BenchmarkStore(b *testing.B) {
	dir := os.Getenv("GODWIT_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	b.Run("SQLite", func(b *testing.B) { bench(b, filepath.Join(dir, "godwit.db")) })
	b.Run("Postgres", func(b *testing.B) { bench(b, testkit.Postgres(b)) })
}

func perSecond(b *testing.B, n int, since time.Time, name string) {
	d := time.Since(since).Seconds()
	b.ReportMetric(float64(n)/d, name+"/s")
	fmt.Printf("%s %.0f/s\n", name, float64(n)/d)
}

func bench(b *testing.B, path string) {
	db := open(b, path)
	n := size()
	batches := benchBatches(n)
	m := begin(b, db, "one")
	var objs []chat.Object
	for i := range benchRooms {
		objs = append(objs, roomN(i))
	}
	for i := range 1600 {
		objs = append(objs, userN(i))
	}
	m.apply(objs...)
	t := time.Now()
	for _, batch := range batches {
		m.send(m.batch(batch))
	}
	perSecond(b, n, t, "applied")
	m.done()
	m = begin(b, db, "one")
	t = time.Now()
	for _, batch := range batches {
		m.send(m.batch(batch))
	}
	perSecond(b, n, t, "again")
	m.done()
	t = time.Now()
	if _, err := db.Tally(ctx(b), chat.TallyQuery{Source: "hq", Level: chat.L1}); err != nil {
		b.Fatal(err)
	}
	perSecond(b, n, t, "L1")
	t = time.Now()
	if _, err := db.Tally(ctx(b), chat.TallyQuery{Source: "hq", Level: chat.L2}); err != nil {
		b.Fatal(err)
	}
	perSecond(b, n, t, "L2")
	t = time.Now()
	indexAll(b, db)
	perSecond(b, n, t, "indexed")
	benchHistory(b, db)
	benchSearch(b, db)
	benchPosts(b, db)
	t = time.Now()
	db.View(ctx(b), func(r chat.Reader) error {
		tt, err := r.Count()
		fmt.Println("count", time.Since(t), tt.Kinds, tt.Database>>20, err)
		return err
	})
	runtime.KeepAlive(batches)
}

func benchSearch(b *testing.B, db chat.Store) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, q := range map[string]func() chat.SearchQuery{
		"common": func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{words[r.IntN(5)]}} },
		"rare":   func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{words[len(words)-1-r.IntN(50)]}} },
		"two": func() chat.SearchQuery {
			return chat.SearchQuery{Terms: []string{words[r.IntN(50)], words[r.IntN(50)]}}
		},
		"in": func() chat.SearchQuery {
			return chat.SearchQuery{Terms: []string{words[r.IntN(50)]}, Room: roomN(r.IntN(50)).ID}
		},
		"from": func() chat.SearchQuery {
			return chat.SearchQuery{Terms: []string{words[r.IntN(50)]}, Author: userN(r.IntN(1600)).ID}
		},
		"prefix":   func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{words[r.IntN(50)][:3]}, Prefix: true} },
		"fromonly": func() chat.SearchQuery { return chat.SearchQuery{Author: userN(r.IntN(1600)).ID} },
	} {
		var times []time.Duration
		for range 50 {
			qq := q()
			qq.Limit = 50
			t := time.Now()
			if _, err := db.Search(ctx(b), qq); err != nil {
				b.Fatal(err)
			}
			times = append(times, time.Since(t))
		}
		report(b, "search-"+name, times)
	}
}

func report(b *testing.B, name string, times []time.Duration) {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	fmt.Println(name, "p50", times[len(times)/2], "p99", times[len(times)*99/100])
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, name+"-p99-ms")
}

func benchHistory(b *testing.B, db chat.Store) {
	r := rand.New(rand.NewPCG(5, 6))
	var times []time.Duration
	for range 500 {
		t := time.Now()
		err := db.View(ctx(b), func(rd chat.Reader) error {
			_, err := rd.History(chat.HistoryQuery{Room: roomN(r.IntN(benchRooms)).ID, Before: &chat.Anchor{Sent: start + chat.Time(r.IntN(size()))*126*second}, Limit: 50})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(t))
	}
	report(b, "history", times)
}

func benchPosts(b *testing.B, db chat.Store) {
	c, cancel := context.WithTimeout(ctx(b), 3*time.Second)
	defer cancel()
	var n atomic.Int64
	var wg sync.WaitGroup
	t := time.Now()
	for w := range 64 {
		wg.Go(func() {
			for i := 0; c.Err() == nil; i++ {
				err := db.Update(ctx(b), func(tx chat.Tx) error {
					u, err := chat.Get(tx, userN(w).ID)
					if err != nil {
						return err
					}
					room, err := chat.Get(tx, roomN(i%1000).ID)
					if err != nil {
						return err
					}
					id, err := tx.Once(u.ID, fmt.Sprint(w, "-", i, "-", t.UnixNano()), chat.MessageID(tx.NewKey()))
					if err != nil {
						return err
					}
					return tx.Put(&chat.Message{ID: id, Room: room.ID, Author: u.ID, Sent: tx.Now(), Text: strings.Repeat("word ", 18)})
				})
				if err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	perSecond(b, int(n.Load()), t, "posts")
}
