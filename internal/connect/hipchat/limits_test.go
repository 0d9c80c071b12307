package hipchat_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

func TestWhatIsTooLargeIsQuarantined(t *testing.T) {
	huge := strings.Repeat("x", 17<<20)
	message := func(id, text string) string {
		return strings.NewReplacer(`"a"`, `"`+id+`"`, "hi", text).Replace(oneLine[1 : len(oneLine)-1])
	}
	data := tarOf("users.json", oneUser, "rooms.json", oneRoom, "emoticons.json", `[{"Emoticon":{"shortcut":"`+huge+`"}}]`,
		"users/1/preferences.json", `{"theme":"`+huge+`"}`, "users/1/autojoin.json", `[{"jid":"`+huge+`"}]`,
		"rooms/7/history.json", "["+message("a", "before")+","+message("b", huge)+","+message("c", "after")+"]")
	items, err := all(t, put(t, "x", data), connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	var bad []string
	for _, i := range items {
		if m, ok := i.Object.(*chat.Message); ok {
			texts = append(texts, m.Text[:min(len(m.Text), 9)])
		}
		if i.Note != nil {
			bad = append(bad, string(i.Note.Kind)+" "+i.Note.Where+": "+i.Note.Reason)
			if len(i.Note.Raw) > 64<<10 {
				t.Errorf("%s keeps %d bytes", i.Note.Where, len(i.Note.Raw))
			}
		}
	}
	want := []string{
		"quarantine emoticons.json, record 1: the file is larger than 16 MiB",
		"quarantine users/1/preferences.json, record 1: the file is larger than 16 MiB",
		"quarantine users/1/autojoin.json, record 1: the file is larger than 16 MiB",
		"quarantine rooms/7/history.json, record 2: the record is larger than 16 MiB",
	}
	if strings.Join(texts, " ") != "before after" || strings.Join(bad, "\n") != strings.Join(want, "\n") {
		t.Errorf("messages %q, notes:\n%s", texts, strings.Join(bad, "\n"))
	}
}

// bomb writes an archive of about 10 MB that unpacks to 10 GB: parts, and then
// the last over and over.
func bomb(t *testing.T, first []byte, again []byte) string {
	again = bytes.Repeat(again, (64<<20)/len(again))
	name := filepath.Join(t.TempDir(), "x.tar.gz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	member := zipOf(again)
	if _, err = f.Write(zipOf(first)); err != nil {
		t.Fatal(err)
	}
	for range 160 {
		if _, err := f.Write(member); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// opened is the beginning of a tar up to within its last file, which is
// to have 10 GB.
func opened(t *testing.T, name, content string) []byte {
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(tarOf("users.json", oneUser, "rooms.json", oneRoom), make([]byte, 1024)))
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 10 << 30, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	b.WriteString(content)
	return b.Bytes()
}

func TestBombsEndSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks some gigabytes")
	}
	zeros := make([]byte, 512)
	blocks := func(pairs ...string) []byte { return bytes.TrimSuffix(tarOf(pairs...), make([]byte, 1024)) }
	for _, c := range []struct {
		name         string
		first, again []byte
		says         string
	}{
		{"an attachment", opened(t, "rooms/7/files/a/b.png", ""), zeros, "made to fill a disk"},
		{"a history of nothing", opened(t, "rooms/7/history.json", ""), zeros, "made to fill a disk"},
		{"a history of one record", opened(t, "rooms/7/history.json", `[{"UserMessage":{"message":"`), zeros, "made to fill a disk"},
		{"a history of backslashes", opened(t, "rooms/7/history.json", `[{"UserMessage":{"message":"`), []byte(`\`), "made to fill a disk"},
		{"a history that nests", opened(t, "rooms/7/history.json", `[`), []byte(`{"UserMessage":`), "made to"},
		{"a history of brackets", opened(t, "rooms/7/history.json", `[`), []byte(`[`), "made to fill a disk"},
		{"settings", opened(t, "users/1/preferences.json", "{"), zeros, "made to fill a disk"},
		{"a file that is not known", opened(t, "notes.txt", ""), zeros, "made to fill a disk"},
		{"endless empty files", blocks("users.json", oneUser, "rooms.json", oneRoom), blocks("rooms/7/files/a/b", ""), "keep readers busy"},
		{"endless empty files that are not known", blocks("users.json", oneUser, "rooms.json", oneRoom), blocks("x", ""), "keep readers busy"},
		{"endless directories", blocks("users.json", oneUser, "rooms.json", oneRoom), directory(t), "keep readers busy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := bomb(t, c.first, c.again)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := drain(t.Context(), path)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if !chat.IsKind(err, chat.Damaged) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 512<<20 {
				t.Errorf("memory grew by %d MiB", grown>>20)
			}
			if took > time.Minute {
				t.Errorf("it took %v", took)
			}
			t.Logf("%v, %v", took.Round(time.Millisecond), err)
		})
	}
}

func directory(t *testing.T) []byte {
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o700}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drain reads an export and keeps nothing.
func drain(ctx context.Context, path string) error {
	s, err := hipchat.Open(ctx, path, connect.Options{})
	if err != nil {
		return err
	}
	for i, err := range s.Changes(ctx, "") {
		if err != nil {
			return err
		}
		if i.Bytes != nil {
			if _, err := io.Copy(io.Discard, i.Bytes); err != nil {
				return err
			}
		}
	}
	return nil
}
