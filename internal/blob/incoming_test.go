package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
)

func holds(t *testing.T, d *blob.Dir, data string) {
	t.Helper()
	f, err := d.Open(hashOf(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != data {
		t.Error("other bytes", len(got), err)
	}
}

func lacks(t *testing.T, d *blob.Dir, name string) (int64, bool) {
	t.Helper()
	all, err := d.Lacks(t.Context(), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	n, yes := all[name]
	return n, yes
}

func TestAFileFromAnotherPlaceGoesOnWhereItBrokeOff(t *testing.T) {
	path := t.TempDir()
	d := dir(t, path)
	data := strings.Repeat("0123456789abcdef", 200_000)
	name, size := hashOf(data), int64(len(data))
	cut := io.MultiReader(strings.NewReader(data[:1_500_000]), iotest.ErrReader(errors.New("cable")))
	if err := d.Fill(t.Context(), name, size, 0, cut); !chat.IsKind(err, chat.Unavailable) {
		t.Fatal(err)
	}
	if n, yes := lacks(t, d, name); n != 1_500_000 || !yes {
		t.Fatal(n, yes)
	}
	t.Run("from where it is not, it does not", func(t *testing.T) {
		if err := d.Fill(t.Context(), name, size, 7, strings.NewReader(data[7:])); !chat.IsKind(err, chat.Conflict) {
			t.Error(err)
		}
	})
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Fill(stopped, name, size, 1_500_000, strings.NewReader(data)); err == nil {
		t.Error("a call that was cancelled wrote")
	}
	// Another process goes on: it knows no hash of the beginning.
	two := dir(t, path)
	if err := two.Fill(t.Context(), name, size, 1_500_000, strings.NewReader(data[1_500_000:])); err != nil {
		t.Fatal(err)
	}
	holds(t, d, data)
	if n, yes := lacks(t, d, name); yes {
		t.Error("still lacking", n)
	}
	if list, err := os.ReadDir(filepath.Join(path, "incoming")); err != nil || len(list) != 0 {
		t.Error("left behind:", list, err)
	}
	t.Run("again it is not read", func(t *testing.T) {
		if err := d.Fill(t.Context(), name, size, 0, iotest.ErrReader(errors.New("read"))); err != nil {
			t.Error(err)
		}
	})
	t.Run("damaged bytes are found and replaced", func(t *testing.T) {
		file := filepath.Join(path, "sha256", name[:2], name)
		if err := os.WriteFile(file, []byte(strings.Repeat("x", len(data))), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Fill(t.Context(), name, size, 0, strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		holds(t, d, data)
	})
}

func TestWrongBytesFromAnotherPlaceAreNotKept(t *testing.T) {
	for name, data := range map[string]string{"small": "some bytes", "large": strings.Repeat("large ", 300_000)} {
		t.Run(name, func(t *testing.T) {
			d := dir(t, t.TempDir())
			hash, size := hashOf(data), int64(len(data))
			for why, r := range map[string]io.Reader{
				"other": strings.NewReader(strings.Repeat("x", len(data))), "short": strings.NewReader(data[:len(data)-1]), "long": strings.NewReader(data + "x"),
			} {
				if err := d.Fill(t.Context(), hash, size, 0, r); !chat.IsKind(err, chat.Damaged) {
					t.Errorf("%s: %v", why, err)
				}
				if n, yes := lacks(t, d, hash); n != 0 || !yes {
					t.Errorf("%s: %d bytes are kept", why, n)
				}
			}
			if err := d.Fill(t.Context(), hash, size, 0, strings.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			if _, yes := lacks(t, d, hash); yes { // and so it is durable
				t.Error("lacking after all of it came")
			}
			holds(t, d, data)
		})
	}
	d := dir(t, t.TempDir())
	for _, bad := range []string{"", "../x", strings.Repeat("z", 64)} {
		if err := d.Fill(t.Context(), bad, 1, 0, strings.NewReader("x")); !chat.IsKind(err, chat.Invalid) {
			t.Error(bad, err)
		}
		if _, err := d.Lacks(t.Context(), []string{bad}); !chat.IsKind(err, chat.Invalid) {
			t.Error(bad, err)
		}
	}
}

func TestAPackCarriesManySmallFiles(t *testing.T) {
	from, path := dir(t, t.TempDir()), t.TempDir()
	to := dir(t, path)
	var names []string
	for _, data := range []string{"", "a", strings.Repeat("b", 100_000), strings.Repeat("c", 2<<20)} {
		name, err := from.Put(t.Context(), strings.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := from.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	missing := hashOf("nowhere")
	var pack bytes.Buffer
	if err := from.Pack(t.Context(), append(names, missing), &pack); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < pack.Len(); n += 1 + n/50 {
		if err := to.Unpack(t.Context(), bytes.NewReader(pack.Bytes()[:n])); !chat.IsKind(err, chat.Unavailable) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if err := to.Unpack(t.Context(), bytes.NewReader(pack.Bytes())); err != nil {
		t.Fatal(err)
	}
	got, err := to.Lacks(t.Context(), append(names, missing))
	if _, large := got[names[3]]; err != nil || len(got) != 2 || !large {
		t.Error(got, err)
	}
	holds(t, to, strings.Repeat("b", 100_000))
	t.Run("bytes with another hash are left out, and the rest is taken", func(t *testing.T) {
		third := dir(t, t.TempDir())
		data := bytes.Replace(pack.Bytes(), []byte("bbb"), []byte("bxb"), 1)
		if err := third.Unpack(t.Context(), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		got, err := third.Lacks(t.Context(), names)
		if _, damaged := got[names[2]]; err != nil || len(got) != 2 || !damaged {
			t.Error(got, err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	from, err := blob.OpenDir(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { from.Close() })
	name, err := from.Put(context.Background(), strings.NewReader("hello"), 5)
	if err != nil {
		f.Fatal(err)
	}
	if err := from.Flush(context.Background()); err != nil {
		f.Fatal(err)
	}
	var pack bytes.Buffer
	if err := from.Pack(context.Background(), []string{name}, &pack); err != nil {
		f.Fatal(err)
	}
	f.Add(pack.Bytes())
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = from.Unpack(context.Background(), bytes.NewReader(data))
	})
}
