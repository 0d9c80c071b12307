package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
)

func dir(t *testing.T, path string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func hashOf(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

func TestPartsBecomeAFile(t *testing.T) {
	path := t.TempDir()
	d := dir(t, path)
	id := chat.Key{1}
	data := strings.Repeat("one part after the other, ", 10_000)
	check := func(at int64, err error, want int, kind chat.ErrorKind, ok bool) {
		t.Helper()
		if at != int64(want) || (err == nil) != ok || !ok && !chat.IsKind(err, kind) {
			t.Fatalf("%d, %v", at, err)
		}
	}
	_, err := d.Append(t.Context(), id, 0, strings.NewReader("x"), 1)
	check(0, err, 0, chat.NotFound, false)
	if err := errors.Join(d.Begin(id), d.Begin(id)); err != nil {
		t.Fatal(err)
	}
	at, err := d.Append(t.Context(), id, 0, strings.NewReader(data[:1000]), 1000)
	check(at, err, 1000, 0, true)
	at, err = d.Append(t.Context(), id, 5, strings.NewReader("x"), 1)
	check(at, err, 1000, chat.Conflict, false)
	at, err = d.Append(t.Context(), id, 1000, io.MultiReader(strings.NewReader(data[1000:2000]), iotest.ErrReader(errors.New("cut"))), 5000)
	check(at, err, 2000, chat.Unavailable, false)
	at, err = d.Append(t.Context(), id, 2000, strings.NewReader(data[2000:3001]), 1000)
	check(at, err, 2000, chat.Invalid, false)
	// Another process goes on, which does not know the hash so far.
	d = dir(t, path)
	at, err = d.Append(t.Context(), id, 2000, strings.NewReader(data[2000:]), int64(len(data)-2000))
	check(at, err, len(data), 0, true)
	if _, _, err := d.Sum(t.Context(), id, 7); !chat.IsKind(err, chat.Conflict) {
		t.Error(err)
	}
	name, f, err := d.Sum(t.Context(), id, int64(len(data)))
	if err != nil || name != hashOf(data) {
		t.Fatal(name, err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != data {
		t.Error(len(got), err)
	}
	f.Close()
	if d.Has([]string{name})[name] {
		t.Error("it is there before it was kept")
	}
	if err := errors.Join(d.Keep(t.Context(), id, name), d.Keep(t.Context(), id, name), d.Check(t.Context(), name), d.Drop(id), d.Drop(id), d.Keep(t.Context(), id, name)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Arrived(id); !chat.IsKind(err, chat.NotFound) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(path, "stage", "*", "*")); len(left) > 0 {
		t.Error(left)
	}
}

func TestKeepingWhatIsThereAlready(t *testing.T) {
	path := t.TempDir()
	d := dir(t, path)
	name, err := d.Put(t.Context(), strings.NewReader("the same"), 8)
	if err := errors.Join(err, d.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	begin := func(n byte) chat.Key {
		id := chat.Key{n}
		_, err := d.Append(t.Context(), id, 0, strings.NewReader("the same"), 8)
		if chat.IsKind(err, chat.NotFound) {
			err = d.Begin(id)
			if err == nil {
				_, err = d.Append(t.Context(), id, 0, strings.NewReader("the same"), 8)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if err := d.Keep(t.Context(), begin(1), name); err != nil {
		t.Fatal(err)
	}
	// Damaged bytes are replaced by good ones.
	file := filepath.Join(path, "sha256", name[:2], name)
	if err := os.WriteFile(file, []byte("the shame"[:8]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t.Context(), name); !chat.IsKind(err, chat.Damaged) {
		t.Fatal(err)
	}
	if err := errors.Join(d.Keep(t.Context(), begin(2), name), d.Check(t.Context(), name)); err != nil {
		t.Error(err)
	}
	if err := d.Keep(t.Context(), chat.Key{3}, hashOf("not here")); !chat.IsKind(err, chat.NotFound) {
		t.Error(err)
	}
	if err := d.Keep(t.Context(), chat.Key{3}, "../x"); !chat.IsKind(err, chat.Invalid) {
		t.Error(err)
	}
}

func TestTwoWritersOfOneUpload(t *testing.T) {
	path := t.TempDir()
	d, other := dir(t, path), dir(t, path)
	id := chat.Key{1}
	if err := d.Begin(id); err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := d.Append(context.Background(), id, 0, r, 10)
		done <- err
	}()
	if _, err := w.Write([]byte("01234")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*blob.Dir{d, other} {
		if _, err := d.Append(t.Context(), id, 0, strings.NewReader("x"), 1); !chat.IsKind(err, chat.Conflict) {
			t.Error(err)
		}
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if at, err := other.Append(t.Context(), id, 5, strings.NewReader("56789"), 5); at != 10 || err != nil {
		t.Error(at, err)
	}
	// The first remembers a hash of fewer bytes: it counts no more.
	name, f, err := d.Sum(t.Context(), id, 10)
	if err != nil || name != hashOf("0123456789") {
		t.Fatal(name, err)
	}
	f.Close()
}

func TestWhatNobodyWaitsForIsFound(t *testing.T) {
	path := t.TempDir()
	d := dir(t, path)
	if err := errors.Join(d.Begin(chat.Key{1}), os.WriteFile(filepath.Join(path, "parts", "notes"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if list, err := d.Arriving(time.Now().Add(-time.Hour)); len(list) != 0 || err != nil {
		t.Error(list, err)
	}
	if list, err := d.Arriving(time.Now().Add(time.Hour)); len(list) != 1 || list[0] != (chat.Key{1}) || err != nil {
		t.Error(list, err)
	}
}

// A full disk is told apart from a cut line: this process may write no file
// longer than a limit.
func TestAFullDiskLeavesNothingOfAnUpload(t *testing.T) {
	d := dir(t, t.TempDir())
	id := chat.Key{1}
	if err := d.Begin(id); err != nil {
		t.Fatal(err)
	}
	restore := limitFiles(t, 64<<10)
	at, err := d.Append(t.Context(), id, 0, bytes.NewReader(make([]byte, 1<<20)), 1<<20)
	restore()
	if !chat.IsKind(err, chat.Full) || at != 0 {
		t.Fatal(at, err)
	}
	if at, err := d.Arrived(id); at != 0 || err != nil {
		t.Error(at, err)
	}
	if at, err := d.Append(t.Context(), id, 0, strings.NewReader("there is room again"), 100); at != 19 || err != nil {
		t.Error(at, err)
	}
}
