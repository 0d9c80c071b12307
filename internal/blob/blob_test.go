package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
)

func open(t testing.TB, path string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func read(t *testing.T, d *blob.Dir, hash string) []byte {
	t.Helper()
	f, err := d.Open(hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDir(t *testing.T) {
	ctx := t.Context()
	sizes := []int{0, 1, 1 << 20, 1<<20 + 1, 5 << 20}
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%d bytes come back as they were put", size), func(t *testing.T) {
			d := open(t, t.TempDir())
			data := bytes.Repeat([]byte("godwit "), size/7+1)[:size]
			for range 2 {
				hash, err := d.Put(ctx, bytes.NewReader(data), int64(size))
				if err != nil || hash != sum(data) {
					t.Fatalf("put: %s, %v", hash, err)
				}
			}
			if _, err := d.Open(sum(data)); !chat.IsKind(err, chat.NotFound) {
				t.Fatalf("visible before it is durable: %v", err)
			}
			for range 2 {
				if err := d.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(read(t, d, sum(data)), data) {
				t.Fatal("other bytes came back")
			}
			if err := d.Check(ctx, sum(data)); err != nil {
				t.Fatal(err)
			}
		})
	}

	t.Run("a size that is not known is no hindrance", func(t *testing.T) {
		d := open(t, t.TempDir())
		hash, err := d.Put(ctx, bytes.NewReader([]byte("x")), -1)
		if err != nil || d.Flush(ctx) != nil || string(read(t, d, hash)) != "x" {
			t.Fatal(hash, err)
		}
	})

	t.Run("bytes that end early or late are refused and leave nothing", func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		for _, c := range []struct{ have, want int }{{3, 4}, {5, 4}, {1<<20 + 1, 2 << 20}, {3 << 20, 2 << 20}} {
			_, err := d.Put(ctx, bytes.NewReader(make([]byte, c.have)), int64(c.want))
			if !chat.IsKind(err, chat.Damaged) {
				t.Fatalf("%d bytes for %d: %v", c.have, c.want, err)
			}
		}
		if err := d.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if n := countFiles(t, path); n != 0 {
			t.Fatalf("%d files are left", n)
		}
	})

	t.Run("many at once, with the same bytes among them", func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				data := fmt.Appendf(nil, "file %d", i%50)
				if _, err := d.Put(ctx, bytes.NewReader(data), int64(len(data))); err != nil {
					t.Error(err)
				}
				if i%20 == 0 {
					if err := d.Flush(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := d.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if n := countFiles(t, path); n != 50 {
			t.Fatalf("%d files, want 50", n)
		}
	})

	t.Run("changed and cut bytes are found, and put right by another put", func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		data := []byte("the bytes")
		hash, err := d.Put(ctx, bytes.NewReader(data), int64(len(data)))
		if err != nil || d.Flush(ctx) != nil {
			t.Fatal(err)
		}
		name := filepath.Join(path, "sha256", hash[:2], hash)
		if err := os.WriteFile(name, []byte("the bytez"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Check(ctx, hash); !chat.IsKind(err, chat.Damaged) {
			t.Fatalf("changed: %v", err)
		}
		if _, err := d.Put(ctx, bytes.NewReader(data), int64(len(data))); err != nil || d.Flush(ctx) != nil {
			t.Fatal(err)
		}
		if err := d.Check(ctx, hash); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, 3); err != nil {
			t.Fatal(err)
		}
		if err := d.Check(ctx, hash); !chat.IsKind(err, chat.Damaged) {
			t.Fatalf("cut: %v", err)
		}
		if _, err := d.Put(ctx, bytes.NewReader(data), int64(len(data))); err != nil || d.Flush(ctx) != nil {
			t.Fatal(err)
		}
		if err := d.Check(ctx, hash); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a name that is no hash opens nothing", func(t *testing.T) {
		d := open(t, t.TempDir())
		for _, name := range []string{"", "..", "../../etc/passwd", sum(nil)[:63], "A" + sum(nil)[1:]} {
			if _, err := d.Open(name); !chat.IsKind(err, chat.Invalid) {
				t.Fatalf("%q: %v", name, err)
			}
		}
	})

	t.Run("what was not flushed is gone when it is closed", func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		if _, err := d.Put(ctx, bytes.NewReader([]byte("x")), 1); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if n := countFiles(t, path); n != 0 {
			t.Fatalf("%d files are left", n)
		}
	})

	t.Run("a cancelled put stops", func(t *testing.T) {
		d := open(t, t.TempDir())
		ctx, cancel := context.WithCancel(ctx)
		_, err := d.Put(ctx, readFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }), 10<<20)
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func countFiles(t *testing.T, path string) (n int) {
	t.Helper()
	err := filepath.WalkDir(path, func(_ string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
