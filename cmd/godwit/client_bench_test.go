package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// BenchmarkClient measures the web client in a real browser, at a server with
// two long rooms, for two hours of deeds, and lets Lighthouse judge it.
func BenchmarkClient(b *testing.B) {
	bin, dir, n := buildProgram(b), b.TempDir(), benchMessages(b)
	data := filepath.Join(dir, "data")
	write(b, filepath.Join(dir, "password"), []byte(journeyPassword))
	program(b, dir, bin, "sample", "--users", "1600", "--rooms", "4", "--messages", fmt.Sprint(n), "--files", "100", "export.tar")
	program(b, dir, bin, "import", "--leave-index", "hipchat:export.tar", data)
	programOutput(b, dir, bin, "admin", "reset-link", pictureLogin, "--password-file=password", "--data="+data)
	url := serveJourney(b, dir, bin, "--data="+data)
	node := func(b *testing.B, script string, args ...string) {
		cmd := exec.CommandContext(b.Context(), "node", append([]string{script}, args...)...)
		cmd.Dir = filepath.Join("..", "..", "web")
		cmd.Env = append(os.Environ(), "GODWIT_URL="+url, "GODWIT_LOGIN="+pictureLogin, "GODWIT_PASSWORD="+journeyPassword)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		found := map[string]any{}
		if err == nil {
			err = json.Unmarshal(out, &found)
		}
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		names := make([]string, 0, len(found))
		for name := range found {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			if v, ok := found[name].(float64); ok {
				b.ReportMetric(v, strings.ReplaceAll(name, " ", "-"))
			} else {
				b.Logf("%s: %v", name, found[name])
			}
		}
		b.ReportMetric(0, "ns/op")
	}
	b.Run("Use", func(b *testing.B) {
		for b.Loop() {
			node(b, "bench/use.mjs", "2400") // two hours, at one in three seconds
		}
	})
	b.Run("Lighthouse", func(b *testing.B) {
		if _, err := os.Stat(filepath.Join("..", "..", "web", "bench", "node_modules")); err != nil {
			b.Skip("make bench installs Lighthouse: cd web/bench && npm ci")
		}
		for b.Loop() {
			node(b, "bench/lighthouse.mjs")
		}
	})
}
