package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// The history of the benchmarks: GODWIT_BENCH_MESSAGES messages, in 2,600
// rooms, by 1,600 people.
const benchRooms, benchUsers, benchBatch = 2600, 1600, 5000

func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("GODWIT_BENCH_MESSAGES")); err == nil {
		return n
	}
	return 200_000
}

// benchWords is a vocabulary; the first ones are said most.
var benchWords = sync.OnceValue(func() []string {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]string, 20_000)
	for i := range list {
		b := make([]byte, 3+r.IntN(8))
		for j := range b {
			b[j] = byte('a' + r.IntN(26))
		}
		list[i] = string(b)
	}
	return list
})

// benchMessage makes message i of a history in the order of time: a few large
// rooms, many small ones, about 90 characters each.
func benchMessage(r *rand.Rand, i int) *chat.Message {
	words := benchWords()
	room := int(benchRooms * r.Float64() * r.Float64() * r.Float64())
	sent := benchTime(i) + chat.Time(r.IntN(1000))
	var text strings.Builder
	for n := 60 + r.IntN(60); text.Len() < n; {
		text.WriteString(words[int(float64(len(words))*r.Float64()*r.Float64())] + " ")
	}
	return &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "hq", "message", strconv.Itoa(i))), Room: roomN(room).ID,
		Author: userN(r.IntN(benchUsers)).ID, Sent: sent, Text: text.String()}
}

func benchTime(i int) chat.Time { return start + chat.Time(i)*126*second }

// eachBatch calls fn with one batch after the other, and returns how long fn took.
func eachBatch(n int, fn func([]chat.Object)) (took time.Duration) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := 0; i < n; {
		var batch []chat.Object
		for ; len(batch) < benchBatch && i < n; i++ {
			batch = append(batch, benchMessage(r, i))
		}
		t := time.Now()
		fn(batch)
		took += time.Since(t)
	}
	return took
}

func BenchmarkStore(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) {
		bench(b, filepath.Join(b.TempDir(), "godwit.db"), filepath.Join(b.TempDir(), "bare.db"), bareInserts)
	})
	b.Run("Postgres", func(b *testing.B) { bench(b, testkit.Postgres(b), testkit.Postgres(b), bareCopy) })
}

// bench measures everything once: what it loads is what it then reads. The
// reference is a bare load of the same rows into the same tables and indexes.
func bench(b *testing.B, path, bare string, load func(testing.TB, *sql.DB, []chat.Object, int)) {
	n := benchSize()
	if err := open(b, bare).Close(); err != nil {
		b.Fatal(err)
	}
	pool, pos := raw(b, bare), 0
	reference := eachBatch(n, func(batch []chat.Object) {
		load(b, pool, batch, pos)
		pos += len(batch)
	})
	pool.Close()
	db := open(b, path)
	people := make([]chat.Object, 0, benchRooms+benchUsers)
	for i := range benchRooms {
		people = append(people, roomN(i))
	}
	for i := range benchUsers {
		people = append(people, userN(i))
	}
	m := begin(b, db, "one")
	m.apply(people...)
	b.ResetTimer()
	took := eachBatch(n, func(batch []chat.Object) { m.apply(batch...) })
	rate(b, "apply", n, took)
	b.ReportMetric(reference.Seconds()/took.Seconds(), "apply/bare")
	m.done()
	m = begin(b, db, "one")
	rate(b, "again", n, eachBatch(n, func(batch []chat.Object) { m.apply(batch...) }))
	for _, level := range []chat.Level{chat.L1, chat.L2} {
		rate(b, fmt.Sprintf("L%d", level), n, timed(func() {
			if inv, err := db.Tally(ctx(b), chat.TallyQuery{Source: "hq", Level: level}); err != nil || len(inv.Rooms) == 0 {
				b.Fatal(err)
			}
		}))
	}
	rate(b, "index", n, timed(func() { indexAll(b, db) }))
	benchPages(b, db)
	benchSearches(b, db)
	benchPosts(b, db)
}

func timed(fn func()) time.Duration {
	t := time.Now()
	fn()
	return time.Since(t)
}

func rate(b *testing.B, name string, n int, took time.Duration) {
	b.ReportMetric(float64(n)/took.Seconds(), name+"/s")
}

func quantiles(b *testing.B, name string, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, name+"-p99-ms")
}

var bareColumns = strings.Split("id room author sent type format edited gone text digest src source pos", " ")

func bareRow(o chat.Object, pos int) []any {
	m := o.(*chat.Message)
	digest := int64(chat.Digest(m))
	return []any{m.ID[:], m.Room[:], m.Author[:], int64(m.Sent), int16(m.Type), int16(m.Format), int64(0), false, m.Text, digest, digest, int32(1), int64(pos + 1)}
}

func bareInserts(t testing.TB, db *sql.DB, batch []chat.Object, pos int) {
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`PRAGMA synchronous = full; PRAGMA cache_size = -65536`); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	insert, err := tx.Prepare(`INSERT INTO messages (` + strings.Join(bareColumns, ",") + `) VALUES (` + strings.TrimSuffix(strings.Repeat("?,", len(bareColumns)), ",") + `)`)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range batch {
		if _, err := insert.Exec(bareRow(o, pos+i)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func bareCopy(t testing.TB, db *sql.DB, batch []chat.Object, pos int) {
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().CopyFrom(t.Context(), pgx.Identifier{"messages"}, bareColumns,
			pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) { return bareRow(batch[i], pos+i), nil }))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func benchPages(b *testing.B, db chat.Store) {
	r := rand.New(rand.NewPCG(5, 6))
	var times []time.Duration
	for range 1000 {
		q := chat.HistoryQuery{Room: roomN(r.IntN(benchRooms)).ID, Before: &chat.Anchor{Sent: benchTime(r.IntN(benchSize()))}, Limit: 50}
		times = append(times, timed(func() {
			if err := db.View(ctx(b), func(rd chat.Reader) error { _, err := rd.History(q); return err }); err != nil {
				b.Fatal(err)
			}
		}))
	}
	quantiles(b, "history", times)
}

func benchSearches(b *testing.B, db chat.Store) {
	r, words := rand.New(rand.NewPCG(5, 6)), benchWords()
	common := func() string { return words[r.IntN(50)] }
	for name, make := range map[string]func() chat.SearchQuery{
		"common": func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{words[r.IntN(5)]}} },
		"rare":   func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{words[len(words)-1-r.IntN(50)]}} },
		"two":    func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{common(), common()}} },
		"in": func() chat.SearchQuery {
			return chat.SearchQuery{Terms: []string{common()}, Room: roomN(r.IntN(50)).ID}
		},
		"from": func() chat.SearchQuery {
			return chat.SearchQuery{Terms: []string{common()}, Author: userN(r.IntN(benchUsers)).ID}
		},
		"prefix": func() chat.SearchQuery { return chat.SearchQuery{Terms: []string{common()[:3]}, Prefix: true} },
		"author": func() chat.SearchQuery { return chat.SearchQuery{Author: userN(r.IntN(benchUsers)).ID} },
	} {
		var times []time.Duration
		for range 200 {
			q := make()
			q.Limit = 50
			times = append(times, timed(func() {
				if _, err := db.Search(ctx(b), q); err != nil {
					b.Fatal(err)
				}
			}))
		}
		quantiles(b, "search-"+name, times)
	}
}

// benchPosts posts as the rules do, durably, from 64 writers.
func benchPosts(b *testing.B, db chat.Store) {
	c, cancel := context.WithTimeout(ctx(b), 3*time.Second)
	defer cancel()
	var n atomic.Int64
	took := timed(func() {
		var wg sync.WaitGroup
		for w := range 64 {
			wg.Go(func() {
				for i := 0; c.Err() == nil; i++ {
					if err := db.Update(ctx(b), func(tx chat.Tx) error { return benchPost(tx, w, i) }); err != nil {
						b.Error(err)
						return
					}
					n.Add(1)
				}
			})
		}
		wg.Wait()
	})
	rate(b, "posts", int(n.Load()), took)
}

func benchPost(tx chat.Tx, writer, i int) error {
	author, err := chat.Get(tx, userN(writer).ID)
	if err != nil {
		return err
	}
	room, err := chat.Get(tx, roomN(i%1000).ID)
	if err != nil {
		return err
	}
	id, err := tx.Once(author.ID, strconv.Itoa(i), chat.MessageID(tx.NewKey()))
	if err != nil {
		return err
	}
	return tx.Put(&chat.Message{ID: id, Room: room.ID, Author: author.ID, Sent: tx.Now(), Text: strings.Repeat("a word or two ", 6)})
}
