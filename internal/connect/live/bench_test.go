package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/testkit"
)

func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("GODWIT_BENCH_MESSAGES")); err == nil {
		return n
	}
	return 100_000
}

const benchRooms, benchPeople = 500, 1000

// history fills a place with messages that people wrote in it.
func history(t testing.TB, p *place, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 5000)
	for i := range words {
		b := make([]byte, 3+r.IntN(8))
		for j := range b {
			b[j] = byte('a' + r.IntN(26))
		}
		words[i] = string(b)
	}
	id := func(kind string, n int) chat.Key { return chat.DeriveKey(0, "bench", kind, strconv.Itoa(n)) }
	var list []chat.Object
	for i := range benchRooms {
		list = append(list, &chat.Room{ID: chat.RoomID(id("room", i)), Name: fmt.Sprint("room ", i)})
		for j := range 20 {
			list = append(list, &chat.Member{Room: chat.RoomID(id("room", i)), User: chat.UserID(id("user", (i*7+j)%benchPeople))},
				&chat.ReadMark{Room: chat.RoomID(id("room", i)), User: chat.UserID(id("user", (i*7+j)%benchPeople)), Read: 5})
		}
	}
	for i := range benchPeople {
		u := chat.UserID(id("user", i))
		list = append(list, &chat.User{ID: u, Name: fmt.Sprint("person ", i)}, &chat.Session{ID: chat.ID[chat.Session](id("session", i)), User: u, Hash: fmt.Sprint(i)},
			&chat.Credential{User: u, Type: "password", Secret: fmt.Sprint("$argon2id$", i)})
	}
	for i := range n {
		room := int(benchRooms * r.Float64() * r.Float64())
		sent := chat.Time(1_600_000_000_000_000 + int64(i)*126_000_000)
		var text strings.Builder
		for n := 60 + r.IntN(60); text.Len() < n; {
			text.WriteString(words[int(5000*r.Float64()*r.Float64())] + " ")
		}
		m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "bench", "message", strconv.Itoa(i))), Room: chat.RoomID(id("room", room)),
			Author: chat.UserID(id("user", r.IntN(benchPeople))), Sent: sent, Format: chat.FormatMarkdown, Text: text.String()}
		if i%20 == 0 {
			m.Extra = chat.Extra{Mentions: []chat.Mention{{Name: "person", User: m.Author}}}
		}
		if list = append(list, m); len(list) >= 5000 || i == n-1 {
			put(t, p, list...)
			list = list[:0]
		}
	}
}

// BenchmarkMirror carries a history from one server to another over HTTP: both
// and the mover are in this process and share its processors.
func BenchmarkMirror(b *testing.B) {
	for name, path := range map[string]func(testing.TB) string{"SQLite": sqlite, "Postgres": testkit.Postgres} {
		b.Run(name, func(b *testing.B) {
			n := benchSize()
			from, to := newPlace(b, path(b)), newPlace(b, path(b))
			history(b, from, n)
			pairUp(b, from, to, "bench")
			rf, rt := dialled(b, from), dialled(b, to)
			b.ResetTimer()
			took := timed(func() { pipeline(b, rf, rt, "bench") })
			b.ReportMetric(float64(n)/took.Seconds(), "messages/s")
			b.ReportMetric(0, "ns/op")
			for _, level := range []chat.Level{chat.L1, chat.L2} {
				took := timed(func() { compareBoth(b, rf, rt, level) })
				b.ReportMetric(took.Seconds()*1e6/float64(n), fmt.Sprintf("L%d-s/1M", level))
			}
			took = timed(func() {
				for after, done := chat.Position(0), false; !done; {
					_, next, last, err := from.db.Export(b.Context(), after, 5000)
					if err != nil {
						b.Fatal(err)
					}
					after, done = next, last
				}
			})
			b.ReportMetric(float64(n)/took.Seconds(), "export/s")
		})
	}
}

func timed(fn func()) time.Duration {
	began := time.Now()
	fn()
	return time.Since(began)
}

func dialled(b testing.TB, p *place) *live.Remote {
	b.Helper()
	srv := httptest.NewServer(live.Handler(p.direct))
	b.Cleanup(srv.Close)
	r, err := live.Dial(b.Context(), srv.URL, "x")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close() }) //nolint:errcheck // never fails
	return r
}

// pipeline reads, packs and applies at once, as a mover does.
func pipeline(b testing.TB, from, to *live.Remote, move string) {
	b.Helper()
	st, err := to.Begin(b.Context(), chat.MoveSpec{Name: move, Source: "place", Artefact: "x"})
	if err != nil {
		b.Fatal(err)
	}
	g, ctx := errgroup.WithContext(b.Context())
	batches := make(chan chat.Batch, 2)
	g.Go(func() error {
		defer close(batches)
		return readBatches(ctx, from, to, batches)
	})
	g.Go(func() error {
		cursor := st.Cursor
		for batch := range batches {
			batch.Move, batch.Fence, batch.From = move, st.Fence, cursor
			if _, err := to.Apply(ctx, batch); err != nil {
				return err
			}
			cursor = batch.To
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}

func readBatches(ctx context.Context, from, to *live.Remote, out chan<- chat.Batch) error {
	now := chat.Batch{Mirror: true}
	send := func() error {
		to.Prepare(&now)
		select {
		case out <- now:
			now = chat.Batch{Mirror: true}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for it, err := range from.Changes(ctx, "") {
		if err != nil {
			return err
		}
		if it.Object != nil || it.Sealed != nil || it.Nonce != nil {
			now.Items = append(now.Items, it.Incoming)
		}
		if it.Cursor == "" {
			continue
		}
		if now.To = it.Cursor; len(now.Items) >= 5000 {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(now.Items) > 0 {
		return send()
	}
	return nil
}

// compareBoth adds both places up at once.
func compareBoth(b testing.TB, from, to *live.Remote, level chat.Level) {
	b.Helper()
	var sums [2]string
	g, ctx := errgroup.WithContext(b.Context())
	for i, r := range []*live.Remote{from, to} {
		g.Go(func() error {
			inv, _, err := r.Mirror(ctx, chat.TallyQuery{Level: level})
			inv.At = chat.Cursor{}
			sums[i] = fmt.Sprint(inv)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	if sums[0] != sums[1] {
		b.Error("the two places differ")
	}
}
