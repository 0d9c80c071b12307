package move_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// GODWIT_BENCH_MESSAGES sets how much is moved.
func benchMessages(b *testing.B) int {
	s := os.Getenv("GODWIT_BENCH_MESSAGES")
	if s == "" {
		return 100_000
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// crowd brings many messages into a place, of people and rooms that are there,
// over a thousand days.
func (p *spot) crowd(t testing.TB, messages int) {
	t.Helper()
	st, err := p.party.Begin(t.Context(), chat.MoveSpec{Name: "crowd", Source: "crowd", Artefact: "crowd"})
	if err != nil {
		t.Fatal(err)
	}
	start := chat.TimeOf(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))
	step := chat.Time(1000*24*time.Hour/time.Microsecond) / chat.Time(messages)
	cursor := st.Cursor
	for n := 0; n < messages; n += 5000 {
		b := chat.Batch{Move: "crowd", Fence: st.Fence, From: cursor, To: fmt.Sprint(n + 5000), Done: n+5000 >= messages}
		for i := n; i < min(n+5000, messages); i++ {
			sent := start + chat.Time(i)*step
			b.Items = append(b.Items, chat.Incoming{Object: &chat.Message{
				ID: chat.MessageID(chat.DeriveKey(sent, "crowd", "message", fmt.Sprint(i))), Room: roomN(i % rooms), Author: userN(i % people), Sent: sent,
				Text: fmt.Sprintf("message %d of the crowd, about %s", i, strings.Repeat("nothing in particular ", i%5)), Format: chat.FormatMarkdown,
			}})
		}
		if _, err := p.party.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		cursor = b.To
	}
}

// BenchmarkFlight moves a place in which 200 clients write once a second, to
// and fro, and measures what they feel.
func BenchmarkFlight(b *testing.B) {
	messages := benchMessages(b)
	b.Run("SQLite to SQLite over HTTP", func(b *testing.B) {
		benchFlight(b, openSpot(b, b.TempDir()+"/from.db"), openSpot(b, b.TempDir()+"/to.db"), messages, true)
	})
	for _, pair := range []string{"SQLite to SQLite", "SQLite to Postgres", "Postgres to SQLite"} {
		b.Run(pair, func(b *testing.B) {
			from, to := b.TempDir()+"/from.db", b.TempDir()+"/to.db"
			if strings.HasPrefix(pair, "Postgres") {
				from = testkit.Postgres(b)
			} else if strings.HasSuffix(pair, "Postgres") {
				to = testkit.Postgres(b)
			}
			benchFlight(b, openSpot(b, from), openSpot(b, to), messages, false)
		})
	}
}

func benchFlight(b *testing.B, from, to *spot, messages int, http bool) {
	from.furnish(b, 500)
	from.crowd(b, messages)
	b.ResetTimer()
	began := time.Now()
	f := flight(b, from, to)
	if http {
		f.Source, f.Target = from.overHTTP(b, nil).party, to.overHTTP(b, nil).party
	}
	f.Dir = b.TempDir()
	r := fly(b, f)
	untilLong(b, func() bool { return r.Status().Stage == move.StageFollow })
	b.ReportMetric(float64(messages)/time.Since(began).Seconds(), "presynced/s")
	untilLong(b, func() bool { return r.Status().Verify.Clean != nil })
	b.ReportMetric(r.Status().Verify.Took, "L2-s")
	w := scribble(b, 200, time.Second, from, to)
	w.more(b, 400)
	w.waited()
	var p95, worst, predicted time.Duration
	for i := range 4 {
		word, stage := move.OrderCutover, move.StageReverse
		if i%2 == 1 {
			word, stage = move.OrderRollback, move.StageFollow
		}
		r.do(word)
		r.reach(stage)
		predicted = max(predicted, r.Status().Pause)
		w.more(b, 400)
		list := w.waited()
		p95, worst = max(p95, list[len(list)*95/100]), max(worst, list[len(list)-1])
	}
	w.end()
	for _, p := range r.Status().Pauses {
		b.Logf("%s: %s at the mover", p.What, p.Took)
	}
	b.ReportMetric(float64(p95.Microseconds())/1000, "pause-p95-ms")
	b.ReportMetric(float64(worst.Microseconds())/1000, "pause-worst-ms")
	b.ReportMetric(float64(predicted.Microseconds())/1000, "predicted-ms")
	until(b, "it has caught up", func() bool {
		here, e1 := from.party.Standing(b.Context())
		there, e2 := to.party.Standing(b.Context())
		at, e3 := chat.ParseCursor(there.Reached)
		return e1 == nil && e2 == nil && e3 == nil && at.Pos >= here.Pos
	})
	r.end()
	for _, level := range []chat.Level{chat.L1, chat.L2} {
		began := time.Now()
		if v := verify(b, from, to, level, false); v.Verify.Differences != 0 {
			b.Errorf("%+v", v.Verify)
		}
		b.ReportMetric(time.Since(began).Seconds(), fmt.Sprintf("verify-L%d-s", level))
	}
	w.check(b, from, to)
}

func untilLong(b *testing.B, ok func() bool) {
	for end := time.Now().Add(10 * time.Minute); !ok(); {
		if time.Now().After(end) {
			b.Fatal("it takes more than ten minutes")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
