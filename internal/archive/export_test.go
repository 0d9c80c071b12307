package archive

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain makes passphrases cheap: under the race detector each would cost
// many seconds. One test uses the real cost.
func TestMain(m *testing.M) {
	WorkFactor(10)
	os.Exit(m.Run())
}

// WorkFactor sets what a passphrase costs, and returns what it cost before.
func WorkFactor(n int) int {
	before := workFactor
	workFactor = n
	return before
}

// CheckpointAt sets after how many bytes of files a beginning is published.
func CheckpointAt(t *testing.T, n int64) {
	before := checkpointBytes
	checkpointBytes = n
	t.Cleanup(func() { checkpointBytes = before })
}

// IsPieceName reports whether a name is one of the format.
func IsPieceName(name string) bool { return pieceName.MatchString(name) }

// Compress makes a piece of lines that is not encrypted.
func Compress(text string) []byte {
	data, err := (&Archive{}).pack([]byte(text), nil)
	if err != nil {
		panic(err)
	}
	return data
}

// Complete fills in what the compressor decides of the manifest of the example.
func Complete(manifest, segment string) string {
	data := Compress(segment)
	manifest = strings.Replace(manifest, `"sum":"…","size":0`, fmt.Sprintf(`"sum":"%x","size":%d`, sha256.Sum256(data), len(data)), 1)
	body := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(manifest), `{"manifest":`), `,"mark":"…"}`)
	return strings.Replace(manifest, `"mark":"…"`, fmt.Sprintf(`"mark":"%x"`, sha256.Sum256([]byte(body))), 1)
}

// Read returns the lines of a piece.
func (a *Archive) Read(ctx context.Context, p Piece) ([]byte, error) { return a.read(ctx, p) }
