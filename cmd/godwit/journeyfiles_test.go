package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Files go from a browser into a server that is killed in the middle.
func TestJourneyOfFilesFromABrowser(t *testing.T) {
	if os.Getenv("GODWIT_BROWSER") == "" {
		t.Skip("make test sends them from a real browser; for this alone set GODWIT_BROWSER=1")
	}
	cmd := exec.CommandContext(t.Context(), "node", "--test", "test/files.test.mjs")
	cmd.Dir = filepath.Join("..", "..", "web")
	cmd.Env = append(os.Environ(), "GODWIT_BIN="+buildProgram(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
