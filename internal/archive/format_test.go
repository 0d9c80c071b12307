package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// exampleBlocks finds the blocks of the worked example, by their names.
func exampleBlocks(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/archive-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "## An example\n")
	blocks := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)\n`([^`\n]+)`\n\n```json\n(.*?)```").FindAllStringSubmatch(example, -1) {
		blocks[m[1]] = m[2]
	}
	return blocks
}

func TestTheExampleOfTheFormatIsAnArchive(t *testing.T) {
	dir := t.TempDir()
	blocks := exampleBlocks(t)
	const manifest = "manifests/00000001.json.zst"
	blocks[manifest] = archive.Complete(blocks[manifest], blocks["segments/00000001.jsonl.zst"])
	for name, text := range blocks {
		if !archive.IsPieceName(name) {
			t.Errorf("%s is no name of a piece", name)
		}
		data := []byte(text)
		if strings.HasSuffix(name, ".zst") {
			data = archive.Compress(text)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := reopen(t, dir)
	v, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || !v.OK || v.Lines != 4 {
		t.Fatalf("%+v %v", v, err)
	}
	src, err := a.Source(t.Context(), 0, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for item, err := range src.Changes(t.Context(), "") {
		if err != nil || item.Note != nil {
			t.Fatal(err, item.Note)
		}
		if m, ok := item.Object.(*chat.Message); ok {
			texts = append(texts, m.Text)
		}
	}
	if len(texts) != 1 || texts[0] != "high tide" {
		t.Errorf("the messages are %q", texts)
	}
	if d := src.Describe(); len(d.People) != 1 || d.Rooms != 1 {
		t.Errorf("%+v", d)
	}
}

func TestEveryPieceOpensWithAgeAndZstdAndJq(t *testing.T) {
	for _, tool := range []string{"age", "zstd", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here: scripts/need age", tool)
		}
	}
	page, err := os.ReadFile("../../docs/archive-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(page), "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	s := filled(100)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a")
	a, err := archive.Create(t.Context(), dir, archive.Creation{Keys: []archive.NewKey{{Recipient: id.Recipient().String()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // a test
	add(t, a, s)
	if err := os.WriteFile(filepath.Join(dir, "key.txt"), []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, in := range s.items {
		if m, ok := in.Object.(*chat.Message); ok {
			want = append(want, m.Text)
		}
	}
	if string(out) != strings.Join(want, "\n")+"\n" {
		t.Errorf("it printed\n%.2000s", out)
	}
}
