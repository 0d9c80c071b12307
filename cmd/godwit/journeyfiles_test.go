package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Files go from a browser into a server that is killed in the middle, and
// people do with messages what they can.
func TestJourneyOfFilesAndMessagesInBrowsers(t *testing.T) {
	if os.Getenv("GODWIT_BROWSER") == "" {
		t.Skip("make test does it with a real browser; for this alone set GODWIT_BROWSER=1")
	}
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-concurrency=1", "test/files.test.mjs", "test/talk.test.mjs", "test/move.test.mjs")
	cmd.Dir = filepath.Join("..", "..", "web")
	cmd.Env = append(os.Environ(), "GODWIT_BIN="+buildProgram(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
