package move_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("GODWIT_BENCH_MESSAGES")); err == nil {
		return n
	}
	return 100_000
}

// BenchmarkImport imports an encrypted HipChat export, verified L2, and then
// imports it again. The rates are messages of the export a second, from start
// to end, without search and with it; peak-MB is of this whole process.
func BenchmarkImport(b *testing.B) {
	n := benchSize()
	o := hipchat.SampleOptions{Seed: 1, Users: 1600, Rooms: 2600, Messages: n, Password: []byte("correct horse")}
	path := os.Getenv("GODWIT_BENCH_EXPORT")
	if path == "" {
		path = sample(b, b.TempDir(), "hipchat-2018-03-25_00-51-24.tar.gz.aes", o)
	}
	b.Run("SQLite", func(b *testing.B) {
		benchImport(b, path, n, func() string { return filepath.Join(b.TempDir(), "godwit.db") })
	})
	b.Run("Postgres", func(b *testing.B) { benchImport(b, path, n, func() string { return testkit.Postgres(b) }) })
}

func benchImport(b *testing.B, path string, n int, database func() string) {
	for b.Loop() {
		p := openPlace(b, database(), b.TempDir())
		dir := b.TempDir()
		began := time.Now()
		r, err := hipchatJob(b, path, open(b, path, connect.Options{}), p.target, dir).Import(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		all := time.Since(began)
		if r.Verify.Differences != 0 || r.Counts[chat.KindMessage].Written != int64(n) {
			b.Fatalf("%+v", r.Verify)
		}
		b.ReportMetric(float64(n)/(all-r.Took("search")).Seconds(), "msg/s")
		b.ReportMetric(float64(n)/r.Took("presync").Seconds(), "pass-msg/s")
		b.ReportMetric(r.Took("verify").Seconds(), "verify-s")
		b.ReportMetric(r.Took("search").Seconds(), "search-s")
		began = time.Now()
		r, err = hipchatJob(b, path, open(b, path, connect.Options{}), p.target, dir).Import(b.Context())
		if err != nil || r.Counts[chat.KindMessage].Written != 0 {
			b.Fatalf("%v %+v", err, r)
		}
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "again-msg/s")
		b.ReportMetric(float64(r.PeakRSS)/1e6, "peak-MB")
	}
}

// BenchmarkFiles imports files of 25 kB from an unencrypted archive, durable.
func BenchmarkFiles(b *testing.B) {
	const files = 2000
	path := sample(b, b.TempDir(), "hipchat-2018-03-25_00-51-24.tar", hipchat.SampleOptions{Seed: 2, Users: 20, Rooms: 10, Messages: files, Files: files, Bytes: files * 25_000})
	for b.Loop() {
		root := b.TempDir()
		p := openPlace(b, filepath.Join(root, "godwit.db"), filepath.Join(root, "files"))
		began := time.Now()
		r, err := hipchatJob(b, path, open(b, path, connect.Options{}), p.target, b.TempDir()).Import(b.Context())
		if err != nil || r.Missing != 0 {
			b.Fatal(err, r.Missing)
		}
		b.ReportMetric(files/time.Since(began).Seconds(), "files/s")
		b.ReportMetric(float64(r.Bytes.Files)/1e6/time.Since(began).Seconds(), "MB/s")
	}
}

// BenchmarkInvented is the mover alone: a source that costs little into a
// store that forgets nothing.
func BenchmarkInvented(b *testing.B) {
	s := &invented{name: "hq", artefact: "one", people: 100, rooms: 50, messages: benchSize()}
	for b.Loop() {
		p := openPlace(b, filepath.Join(b.TempDir(), "godwit.db"), b.TempDir())
		j := job(b, s, p.target)
		j.BatchSize = 0
		r, err := j.Import(b.Context())
		if err != nil || r.Outcome() != move.Whole {
			b.Fatal(err, strings.TrimSpace(r.Phase))
		}
		b.ReportMetric(float64(s.messages)/r.Took("presync").Seconds(), "pass-msg/s")
	}
}
