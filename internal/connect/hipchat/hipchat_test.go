package hipchat_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

// all reads a source to its end.
func all(t testing.TB, path string, o connect.Options) (items []connect.Item, err error) {
	t.Helper()
	s, err := hipchat.Open(t.Context(), path, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for item, err := range s.Changes(t.Context(), "") {
		if err != nil {
			return items, err
		}
		if c, ok := item.Object.(*chat.Content); ok {
			if err := connect.ReadContent(c, item.Bytes, io.Discard); err != nil {
				return items, err
			}
		}
		items = append(items, item)
	}
	return items, nil
}

func TestTraps(t *testing.T) {
	for _, name := range []string{"x.tar.gz.aes", "x.tar"} {
		items, err := all(t, write(t, name, small("B")), withPassword)
		if err != nil {
			t.Fatal(err)
		}
		var notes []*chat.Note
		var texts []string
		for _, i := range items {
			if i.Note != nil {
				notes = append(notes, i.Note)
			}
			if m, ok := i.Object.(*chat.Message); ok {
				texts = append(texts, m.Text)
			}
		}
		for _, trap := range hipchat.Traps() {
			t.Run(name+": "+trap.Name, func(t *testing.T) {
				if trap.Note == "" {
					for _, text := range texts {
						if strings.Contains(text, trap.Text) {
							return
						}
					}
					t.Errorf("no message says %q", trap.Text)
					return
				}
				for _, n := range notes {
					if n.Kind == trap.Note && n.Object == trap.Object && strings.Contains(n.Where, trap.Where) && strings.Contains(n.Reason, trap.Reason) {
						return
					}
				}
				t.Errorf("no note is like %+v", trap)
			})
		}
	}
}

func TestRecordsAreAccountedFor(t *testing.T) {
	path := write(t, "x.tar.gz", small("B"))
	items, err := all(t, path, withPassword)
	if err != nil {
		t.Fatal(err)
	}
	var known int64
	for _, i := range items {
		_, isMessage := i.Object.(*chat.Message)
		if isMessage || i.Object == nil && i.Note.Kind == chat.NoteQuarantine && i.Note.Object == chat.KindMessage {
			known++
		}
	}
	s, err := hipchat.Open(t.Context(), path, withPassword)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := s.Inventory(t.Context(), chat.TallyQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var raw int64
	for name, n := range inv.Raw {
		if name == "message" || strings.HasSuffix(name, "Message") {
			raw += n
		}
	}
	if raw != known {
		t.Errorf("%d records in histories, and %d are read or quarantined: %v", raw, known, inv.Raw)
	}
}

func TestOpenSSL(t *testing.T) {
	// `openssl enc -aes-256-cbc` of 3.0 opens both with the matching -md.
	for digest, file := range map[string]string{
		"MD5":     "53616c7465645f5f0102030405060708ffb0662ea375a8d123f1318cde1edca9c39cd86946012ebf4d5cdf39359ede5f",
		"SHA-256": "53616c7465645f5f01020304050607087611104fd107c3555408dc64d180a125116696bc0e8df9fed0bd386a4793dc7e",
	} {
		b, _ := hex.DecodeString(file)
		plain, err := hipchat.DecryptWith(digest, "correct horse", b)
		if err != nil || string(plain) != "HIPCHAT-TEST-VECTOR\n" {
			t.Errorf("%s: %q, %v", digest, plain, err)
		}
	}
}

// put writes a file and returns its path.
func put(t testing.TB, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// tarOf makes a tar of pairs of name and content.
func tarOf(pairs ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: pairs[i], Size: int64(len(pairs[i+1])), Mode: 0o600})
		_, _ = w.Write([]byte(pairs[i+1]))
	}
	_ = w.Close()
	return b.Bytes()
}

func zipOf(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(b)
	_ = w.Close()
	return z.Bytes()
}

const (
	oneUser = `[{"User":{"id":1,"name":"Ada Byte","mention_name":"Ada","email":"ada@example.org","account_type":"admin"}}]`
	oneRoom = `[{"Room":{"id":7,"name":"Ops","privacy":"public","owner":1,"members":[]}}]`
	oneLine = `[{"UserMessage":{"id":"a","message":"hi","sender":{"id":1,"name":"Ada Byte"},"timestamp":"2018-03-25T00:51:24Z 000123"}}]`
)

func TestBadInput(t *testing.T) {
	good := tarOf("users.json", oneUser, "rooms.json", oneRoom, "rooms/7/history.json", oneLine)
	gz := zipOf(good)
	badCRC := bytes.Clone(gz)
	badCRC[len(badCRC)-6] ^= 1
	aes, err := os.ReadFile(write(t, "x.tar.gz.aes", small("B")))
	if err != nil {
		t.Fatal(err)
	}
	wrong := connect.Options{Password: func(context.Context) ([]byte, error) { return []byte("wrong"), nil }}
	uuid := "c6a63ae5-5e7a-4d2b-9d54-0b2b3a2f7f11"
	for _, c := range []struct {
		name string
		data []byte
		o    connect.Options
		kind chat.ErrorKind
		says string
	}{
		{"a wrong password", aes, wrong, chat.Unknown, "password"},
		{"no password", aes, connect.Options{}, chat.Unknown, "password"},
		{"an encrypted file that is cut in a block", aes[:len(aes)-7], withPassword, chat.Damaged, "cut short"},
		{"an encrypted file that is cut between blocks", aes[:len(aes)-16], withPassword, chat.Damaged, "cut short"},
		{"an empty file", nil, connect.Options{}, chat.Damaged, "empty"},
		{"a zip of HipChat Cloud", []byte("PK\x03\x04 and more"), connect.Options{}, chat.Invalid, "zip"},
		{"some other file", bytes.Repeat([]byte("hello "), 200), connect.Options{}, chat.Invalid, "not a HipChat export"},
		{"a tar of something else", tarOf("readme.txt", "hello"), connect.Options{}, chat.Invalid, "neither users.json nor rooms.json"},
		{"an export of Stride", tarOf("users.json", strings.ReplaceAll(oneUser, `"id":1`, `"id":"`+uuid+`"`), "rooms.json", `[]`), connect.Options{}, chat.Invalid, "Stride"},
		{"gzip with a wrong checksum", badCRC, connect.Options{}, chat.Damaged, "damaged"},
		{"gzip that is cut", gz[:len(gz)-20], connect.Options{}, chat.Damaged, "cut short"},
		{"a tar without its end", good[:len(good)-1024], connect.Options{}, chat.Damaged, "cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, err := all(t, put(t, "export", c.data), c.o)
			if !chat.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v (%s), want %q (%s)", err, chat.KindOf(err), c.says, c.kind)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		if _, err := all(t, filepath.Join(t.TempDir(), "none"), connect.Options{}); !chat.IsKind(err, chat.NotFound) {
			t.Error(err)
		}
	})
	t.Run("gzip with garbage behind it is read, and the garbage reported", func(t *testing.T) {
		items, err := all(t, put(t, "x", append(bytes.Clone(gz), "garbage"...)), connect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := items[len(items)-1].Note; n == nil || n.Kind != chat.NoteQuarantine || !strings.Contains(n.Reason, "7 bytes") {
			t.Errorf("%+v", n)
		}
	})
}

func TestWrappedExports(t *testing.T) {
	for _, prefix := range []string{"", "./", "data/", "./hipchat-export/"} {
		data := tarOf(prefix+"users.json", oneUser, prefix+"rooms.json", oneRoom, prefix+"rooms/7/history.json", oneLine)
		items, err := all(t, put(t, "x", data), connect.Options{})
		messages := 0
		for _, i := range items {
			if m, ok := i.Object.(*chat.Message); ok && m.Text == "hi" {
				messages++
			}
			if i.Note != nil {
				t.Errorf("%q: %+v", prefix, i.Note)
			}
		}
		if err != nil || messages != 1 {
			t.Errorf("%q: %d messages, %v", prefix, messages, err)
		}
	}
}

func TestFilesFrom(t *testing.T) {
	line := strings.Replace(oneLine, `"message"`, `"attachment":{"name":"a.txt","path":"ab/a.txt"},"message"`, 1)
	path := put(t, "x", tarOf("users.json", oneUser, "rooms.json", oneRoom, "rooms/7/history.json", line))
	for _, where := range []string{"rooms/7/files/ab/a.txt", "ab/a.txt", "users/files/ab/a.txt", "copied/rooms/7/files/ab/a.txt", "all [of] it/users/files/ab/a.txt"} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(where)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, where), []byte("bytes"), 0o600); err != nil {
			t.Fatal(err)
		}
		items, err := all(t, path, connect.Options{FilesFrom: dir})
		if err != nil {
			t.Fatal(err)
		}
		var file *chat.File
		there := map[chat.ContentID]int64{}
		for _, i := range items {
			switch o := i.Object.(type) {
			case *chat.File:
				file = o
			case *chat.Content:
				there[o.ID] = o.Size
			}
		}
		found := false
		for _, c := range file.Contents {
			found = found || there[c] == 5
		}
		if !found {
			t.Errorf("%s: the file's bytes are not found", where)
		}
	}
}

func TestTwoDirectoriesWithAttachmentsAreNotGuessedFrom(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one/users/files/ab", "two/rooms/7/files/ab"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := put(t, "x", tarOf("users.json", oneUser, "rooms.json", oneRoom))
	if _, err := all(t, path, connect.Options{FilesFrom: dir}); !chat.IsKind(err, chat.Invalid) || !strings.Contains(err.Error(), "one and two") {
		t.Error(err)
	}
}

func TestLater(t *testing.T) {
	o := hipchat.SampleOptions{Seed: 3, Users: 30, Rooms: 12, Messages: 4000, Files: 10}
	read := func(later bool) map[chat.Key]chat.Object {
		o.Later = later
		items, err := all(t, write(t, "x.tar", o), connect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := map[chat.Key]chat.Object{}
		for _, i := range items {
			if i.Object != nil {
				m[i.Object.Key()] = i.Object
			}
		}
		return m
	}
	before, after := read(false), read(true)
	counts := map[string]int{}
	for k, b := range before {
		a, there := after[k]
		switch {
		case !there:
			t.Errorf("%s %s is gone", b.Kind(), k)
		case chat.Digest(a) == chat.Digest(b):
			counts["same"]++
		case a.Deleted():
			counts["deleted "+a.Kind().String()]++
		default:
			counts["changed "+a.Kind().String()]++
		}
	}
	for k, a := range after {
		if before[k] == nil {
			counts["new "+a.Kind().String()]++
		}
	}
	for _, want := range []string{"same", "new message", "changed message", "deleted message", "changed room", "new user"} {
		if counts[want] == 0 {
			t.Errorf("nothing is %s: %v", want, counts)
		}
	}
}

func TestSampleIsDeterministic(t *testing.T) {
	o := small("B")
	a, err1 := os.ReadFile(write(t, "x.tar.gz.aes", o))
	b, err2 := os.ReadFile(write(t, "x.tar.gz.aes", o))
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Error("the same options gave another export", err1, err2)
	}
}

func TestSampleHoldsWhatWasAsked(t *testing.T) {
	o := hipchat.SampleOptions{Seed: 5, Users: 40, Rooms: 25, Messages: 7000, Files: 90, Bytes: 900_000}
	items, err := all(t, write(t, "x.tar", o), connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	messages, files := map[chat.Key]bool{}, map[chat.Key]bool{}
	for _, i := range items {
		switch o := i.Object.(type) {
		case *chat.Message:
			messages[o.Key()] = true
		case *chat.File:
			files[o.Key()] = true
		}
		if i.Note != nil {
			t.Errorf("%+v", i.Note)
		}
	}
	if len(messages) != o.Messages || len(files) != o.Files {
		t.Errorf("%d messages and %d files, want %d and %d", len(messages), len(files), o.Messages, o.Files)
	}
}

func BenchmarkRead(b *testing.B) {
	o := hipchat.SampleOptions{Seed: 1, Users: 400, Rooms: 600, Messages: 200_000}
	path := write(b, "x.tar.gz.aes", o)
	b.Run("changes", func(b *testing.B) {
		items := 0
		for b.Loop() {
			s, err := hipchat.Open(b.Context(), path, withPassword)
			if err != nil {
				b.Fatal(err)
			}
			for item, err := range s.Changes(b.Context(), "") {
				if err != nil {
					b.Fatal(err)
				}
				if item.Object != nil && item.Object.Kind() == chat.KindMessage {
					items++
				}
			}
		}
		b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "records/s")
	})
	b.Run("only decrypt, unzip and untar", func(b *testing.B) {
		for b.Loop() {
			n, err := hipchat.Unpack(path, []byte("correct horse"))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(n)
		}
	})
}

func BenchmarkSample(b *testing.B) {
	o := hipchat.SampleOptions{Seed: 1, Users: 400, Rooms: 600, Messages: 200_000, Password: []byte("x")}
	var size int64
	for b.Loop() {
		path := filepath.Join(b.TempDir(), fmt.Sprintf("%d.tar.gz.aes", b.N))
		if err := hipchat.Sample(b.Context(), path, o); err != nil {
			b.Fatal(err)
		}
		if size == 0 {
			size, _ = hipchat.Unpack(path, o.Password)
		}
		b.SetBytes(size)
	}
}
