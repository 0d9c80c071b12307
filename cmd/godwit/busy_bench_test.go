package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

const (
	busyPeople = 20
	busyEvery  = 10 * time.Millisecond // a post, by one after the other
	busyAlone  = 10 * time.Second      // of posting, before anything else runs
)

// BenchmarkPostsDuringImport measures how long posts take in a place that is
// in use, alone and while a second source's export comes in over HTTP.
func BenchmarkPostsDuringImport(b *testing.B) {
	bin, dir, n := buildProgram(b), b.TempDir(), benchMessages(b)
	program(b, dir, bin, "sample", "--users", "200", "--rooms", "100", "--messages", "2000", "--files", "0", "first.tar")
	program(b, dir, bin, "sample", "--users", "1600", "--rooms", "2600", "--messages", fmt.Sprint(n), "--files", "0", "second.tar.gz")
	b.Run("SQLite", func(b *testing.B) {
		for b.Loop() {
			work := b.TempDir()
			postsDuringImport(b, bin, dir, work, "--data=data")
		}
	})
	b.Run("Postgres", func(b *testing.B) {
		for b.Loop() {
			postsDuringImport(b, bin, dir, b.TempDir(), "--database="+testkit.Postgres(b), "--files=files")
		}
	})
}

func postsDuringImport(b *testing.B, bin, dir, work string, at ...string) {
	target := filepath.Join(work, "data")
	if strings.HasPrefix(at[0], "--database=") {
		target = strings.TrimPrefix(at[0], "--database=")
	}
	program(b, work, bin, "import", "--name", "first", "--source", "first", "--files", filepath.Join(work, "files"), "hipchat:"+filepath.Join(dir, "first.tar"), target)
	url := serveJourney(b, work, bin, at...)
	write(b, filepath.Join(work, "token"), []byte(programOutput(b, work, bin, append([]string{"admin", "token", "--for=move"}, at...)...)))
	write(b, filepath.Join(work, "password"), []byte(journeyPassword))
	people := make([]*api.Client, busyPeople)
	for i := range people {
		email := fmt.Sprintf("busy%d@example.org", i)
		programOutput(b, work, bin, append([]string{"admin", "create-user", fmt.Sprint("Busy ", i), email, "--password-file=password"}, at...)...)
		people[i] = api.NewClient(url)
		people[i].HTTP.Transport = &http.Transport{MaxIdleConnsPerHost: 4}
		b.Cleanup(people[i].HTTP.CloseIdleConnections)
		if _, err := people[i].SignIn(b.Context(), email, journeyPassword); err != nil {
			b.Fatal(err)
		}
	}
	rooms, err := people[0].Rooms(b.Context(), "", false, "")
	if err != nil {
		b.Fatal(err)
	}
	unix.Sync() // else what was built and prepared is written while it is measured
	alone := postUntil(b, people, rooms.Rooms, "alone", time.After(busyAlone))
	ended := make(chan time.Time, 1)
	var took time.Duration
	go func() {
		from := time.Now()
		cmd := exec.CommandContext(b.Context(), bin, "import", "--name", "second", "--source", "second", "--token-file", "token", "hipchat:"+filepath.Join(dir, "second.tar.gz"), url)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != exitLosses {
			b.Errorf("import: %v\n%s", err, out)
		}
		took = time.Since(from)
		ended <- time.Now()
	}()
	during := postUntil(b, people, rooms.Rooms, "during", ended)
	r := readReport(b, work, "second")
	ms := func(d []time.Duration, q float64) float64 {
		return float64(d[int(float64(len(d)-1)*q)].Microseconds()) / 1000
	}
	b.ReportMetric(ms(alone, 0.5), "alone-p50-ms")
	b.ReportMetric(ms(alone, 0.99), "alone-p99-ms")
	b.ReportMetric(ms(during, 0.5), "import-p50-ms")
	b.ReportMetric(ms(during, 0.99), "import-p99-ms")
	b.ReportMetric(ms(during, 1), "import-max-ms")
	b.ReportMetric(ms(during, 0.99)/ms(alone, 0.99), "of-p99-alone")
	b.ReportMetric(float64(r.Counts[chat.KindMessage].Written)/took.Seconds(), "messages/s")
	b.ReportMetric(0, "ns/op")
	for _, p := range r.Phases {
		b.Logf("%s: %.2f s, waited %v", p.Name, p.Ended.Sub(p.Started).Seconds(), p.Waited)
	}
}

// postUntil posts at a steady pace, whatever the answers take, and returns how
// long each took, sorted.
func postUntil(b *testing.B, people []*api.Client, rooms []api.Room, name string, end <-chan time.Time) (took []time.Duration) {
	b.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	tick := time.NewTicker(busyEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-end:
			wg.Wait()
			slices.Sort(took)
			return took
		case <-tick.C:
		}
		wg.Go(func() {
			from := time.Now()
			_, err := people[i%len(people)].Post(context.Background(), rooms[i%len(rooms)].ID, "Forty godwits on the north bank.", fmt.Sprintf("busy-%s-%06d", name, i))
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(from))
		})
	}
}
