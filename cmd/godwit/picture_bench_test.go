package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/testkit"
)

// BenchmarkPicture imports an export, starts the server on it, and measures in
// a real browser how long it takes from signing in until the first messages of
// a room are drawn.
func BenchmarkPicture(b *testing.B) {
	bin, dir, n := buildProgram(b), b.TempDir(), benchMessages(b)
	write(b, filepath.Join(dir, "password"), []byte(journeyPassword))
	program(b, dir, bin, "sample", "--users", "1600", "--rooms", "2600", "--messages", fmt.Sprint(n), "--files", "200", "export.tar")
	b.Run("SQLite", func(b *testing.B) {
		data := filepath.Join(b.TempDir(), "data")
		picture(b, dir, bin, "sqlite", data, "--data="+data)
	})
	b.Run("Postgres", func(b *testing.B) {
		dsn, files := testkit.Postgres(b), filepath.Join(b.TempDir(), "files")
		picture(b, dir, bin, "postgres", dsn, "--database="+dsn, "--files="+files)
	})
}

// pictureLogin is of the first person of every sample.
const pictureLogin = "ada@example.org"

func picture(b *testing.B, dir, bin, name, target string, place ...string) {
	program(b, dir, bin, append([]string{"import", "--leave-index", "--name", name, "--source", "hipchat", "hipchat:export.tar", target}, filesOf(place)...)...)
	programOutput(b, dir, bin, append([]string{"admin", "reset-link", pictureLogin, "--password-file=password"}, place...)...)
	start := time.Now()
	url := serveJourney(b, dir, bin, place...)
	restart := time.Since(start)
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), "node", "test/picture.mjs", "7")
		cmd.Dir = filepath.Join("..", "..", "web")
		cmd.Env = append(os.Environ(), "GODWIT_URL="+url, "GODWIT_LOGIN="+pictureLogin, "GODWIT_PASSWORD="+journeyPassword)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		var took []float64
		if err == nil {
			err = json.Unmarshal(out, &took)
		}
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		b.Logf("%v ms", took)
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2], "ms-median")
		b.ReportMetric(took[len(took)-1], "ms-slowest")
		b.ReportMetric(float64(restart.Milliseconds()), "ms-restart")
		b.ReportMetric(0, "ns/op")
	}
}

// filesOf are those of the flags that a mover knows, too.
func filesOf(place []string) []string { return place[1:] }
