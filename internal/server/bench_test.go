package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

const (
	benchRooms   = 1000
	benchClients = 64
	benchTime    = 8 * time.Second
)

func benchMessages() int {
	if n, err := strconv.Atoi(os.Getenv("GODWIT_BENCH_MESSAGES")); err == nil {
		return n
	}
	return 100_000
}

func overBoth(b *testing.B, bench func(*testing.B, *world)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, newWorld(b, filepath.Join(b.TempDir(), "godwit.db"))) })
	b.Run("Postgres", func(b *testing.B) { bench(b, newWorld(b, testkit.Postgres(b))) })
}

func (w *world) benchRoom(i int) *chat.Room {
	return &chat.Room{ID: chat.RoomID(key("bench room", strconv.Itoa(i))), Type: chat.RoomOpen, Name: fmt.Sprint("Room ", i)}
}

// fill gives the place rooms, and n messages by way of a mover.
func (w *world) fill(n int) {
	w.t.Helper()
	ctx := context.Background()
	var members []chat.Object
	for i := range benchRooms {
		w.put(w.benchRoom(i), &chat.Member{Room: w.benchRoom(i).ID, User: w.users["member"].ID})
	}
	for i := range 1600 {
		members = append(members, &chat.User{ID: chat.UserID(key("bench user", strconv.Itoa(i))), Name: fmt.Sprint("Person ", i), Mention: fmt.Sprint("p", i), Role: chat.RoleMember})
	}
	w.put(members...)
	state, err := w.db.Begin(ctx, chat.MoveSpec{Name: "bench", Source: "bench", Artefact: "1"})
	w.must(err)
	r := rand.New(rand.NewPCG(1, 2))
	cursor := ""
	for from := 0; from < n; from += 5000 {
		b := chat.Batch{Move: "bench", Fence: state.Fence, From: cursor, To: strconv.Itoa(from + 5000)}
		for i := from; i < min(n, from+5000); i++ {
			sent := start + chat.Time(i)*second
			room := w.benchRoom(int(benchRooms * r.Float64() * r.Float64()))
			b.Items = append(b.Items, chat.Incoming{Object: &chat.Message{
				ID: chat.MessageID(chat.DeriveKey(sent, "bench", "message", strconv.Itoa(i))), Room: room.ID, Sent: sent,
				Author: chat.UserID(key("bench user", strconv.Itoa(i%1600))), Text: benchText(r),
			}})
		}
		b.Done = from+5000 >= n
		_, err := w.db.Apply(ctx, b)
		w.must(err)
		cursor = b.To
	}
	w.indexed()
}

func benchText(r *rand.Rand) string {
	text := ""
	for range 14 {
		text += fmt.Sprintf("w%x ", int(30_000*r.Float64()*r.Float64()*r.Float64()))
	}
	return text
}

func report(b *testing.B, name string, took []time.Duration) {
	slices.Sort(took)
	ms := func(q float64) float64 { return float64(took[int(float64(len(took)-1)*q)].Microseconds()) / 1000 }
	b.ReportMetric(ms(0.5), name+"-p50-ms")
	b.ReportMetric(ms(0.99), name+"-p99-ms")
}

// BenchmarkReading measures pages of history anywhere, searches and the first
// answer, one after the other over HTTP, and how long a restart takes.
func BenchmarkReading(b *testing.B) {
	n := benchMessages()
	overBoth(b, func(b *testing.B, w *world) {
		w.fill(n)
		c := w.as("member")
		r := rand.New(rand.NewPCG(3, 4))
		for b.Loop() {
			var pages, searches, starts []time.Duration
			took := func(list *[]time.Duration, path string) {
				from := time.Now()
				w.must(c.Do(b.Context(), http.MethodGet, path, nil, nil))
				*list = append(*list, time.Since(from))
			}
			for range 1000 {
				room := w.benchRoom(int(benchRooms * r.Float64() * r.Float64()))
				day := (start + chat.Time(r.IntN(n))*second).Day()
				took(&pages, fmt.Sprintf("rooms/%s/messages?at=%s", room.ID, day))
			}
			for i := range 300 {
				q := fmt.Sprintf("w%x", int(30_000*r.Float64()*r.Float64()*r.Float64()))
				if i%3 == 0 {
					q += fmt.Sprintf(" w%x", int(300*r.Float64()))
				}
				if i%5 == 0 {
					q += " from:p" + strconv.Itoa(r.IntN(1600))
				}
				took(&searches, "search?q="+url.QueryEscape(q))
			}
			for range 50 {
				took(&starts, "start")
			}
			report(b, "page", pages)
			report(b, "search", searches)
			report(b, "start", starts)
		}
	})
	b.Run("Restart", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "godwit.db")
		newWorld(b, path).fillAndClose(n)
		for b.Loop() {
			db, err := store.Open(b.Context(), store.Options{Path: path})
			if err != nil {
				b.Fatal(err)
			}
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func (w *world) fillAndClose(n int) {
	w.fill(n)
	w.must(w.db.Close())
}

// BenchmarkPosts measures durable posts over HTTP by 64 clients, beside what
// pgbench reaches with the same writes, one transaction each.
func BenchmarkPosts(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) {
		w := sqlite(b)
		w.fill(0)
		for b.Loop() {
			b.ReportMetric(w.posts(), "posts/s")
		}
	})
	b.Run("Postgres", func(b *testing.B) {
		dsn := testkit.Postgres(b)
		w := newWorld(b, dsn)
		w.fill(0)
		for b.Loop() {
			posts, reference := w.posts(), pgbench(b, dsn)
			b.ReportMetric(posts, "posts/s")
			b.ReportMetric(reference, "pgbench/s")
			b.ReportMetric(posts/reference, "ratio")
		}
	})
}

// posts returns how many messages a second 64 clients post.
func (w *world) posts() float64 {
	w.t.Helper()
	clients := make([]*api.Client, benchClients)
	for i := range clients {
		who := w.user(fmt.Sprintf("poster%d-%d", w.n, i), chat.RoleMember)
		a, secret, err := w.service.SignIn(context.Background(), who.Mention, password, "")
		w.must(err)
		_ = a
		c := api.NewClient(w.url)
		u, _ := url.Parse(w.url)
		c.HTTP.Jar.SetCookies(u, []*http.Cookie{{Name: "godwit", Value: secret}})
		c.HTTP.Transport = &http.Transport{MaxIdleConnsPerHost: 1}
		w.t.Cleanup(c.HTTP.CloseIdleConnections)
		clients[i] = c
	}
	w.n++
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var done atomic.Int64
	var wg sync.WaitGroup
	from := time.Now()
	for i, c := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			for n := 0; time.Since(from) < benchTime; n++ {
				room := w.benchRoom(r.IntN(benchRooms))
				text := "Forty bar-tailed godwits on the north bank, and the tide is rising: who has the scope?"
				if _, err := c.Post(ctx, room.ID.String(), text, fmt.Sprintf("nonce-%d-%d-%d", w.n, i, n)); err != nil {
					w.t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(from).Seconds()
}

// pgbenchScript makes the writes of a post: the head's row is locked and
// updated, and a message goes into the table with all its indexes.
const pgbenchScript = `\set room random(1, 1000)
\set id1 random(0, 9000000000000000000)
\set id2 random(0, 9000000000000000000)
BEGIN;
UPDATE head SET pos = pos + 1, clock = clock + 1;
INSERT INTO messages (id, room, author, sent, type, format, edited, gone, text, digest, src, source, pos)
SELECT int8send(:id1) || int8send(:id2), decode(md5(:room::text), 'hex'), decode(md5('a'), 'hex'), clock, 0, 1, 0, FALSE,
 'Forty bar-tailed godwits on the north bank, and the tide is rising: who has the scope?', :id1, 0, 0, pos FROM head;
COMMIT;
`

var tps = regexp.MustCompile(`tps = ([0-9.]+)`)

func pgbench(b *testing.B, dsn string) float64 {
	b.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if len(found) == 0 {
		b.Skip("pgbench is not installed; as root: apt-get install postgresql-contrib")
	}
	script := filepath.Join(b.TempDir(), "post.sql")
	if err := os.WriteFile(script, []byte(pgbenchScript), 0o600); err != nil {
		b.Fatal(err)
	}
	out, err := exec.Command(found[len(found)-1], "-n", "-M", "prepared", "-c", strconv.Itoa(benchClients), "-j", "2",
		"-T", strconv.Itoa(int(benchTime.Seconds())), "-f", script, dsn).CombinedOutput()
	m := tps.FindSubmatch(out)
	if err != nil || m == nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n
}
