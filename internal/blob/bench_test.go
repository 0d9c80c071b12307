package blob_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// BenchmarkTar stores 20,000 files of 25 KB from a tar, durably, and compares
// with tar -x and a sync of the same file system.
func BenchmarkTar(b *testing.B) {
	const files, size, flushEvery = 20_000, 25_000, 2000
	src := filepath.Join(b.TempDir(), "files.tar")
	writeTar(b, src, files, size)
	var ours, reference time.Duration
	for b.Loop() {
		dir := b.TempDir()
		start := time.Now()
		if out, err := exec.Command("sh", "-c", `tar -xf "$1" -C "$2" && sync -f "$2"`, "sh", src, dir).CombinedOutput(); err != nil {
			b.Fatal(err, string(out))
		}
		reference += time.Since(start)

		d := open(b, b.TempDir())
		f, err := os.Open(src)
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		g, ctx := errgroup.WithContext(b.Context())
		g.SetLimit(4)
		r := tar.NewReader(f)
		for n := 1; ; n++ {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			data := make([]byte, h.Size)
			if _, err := io.ReadFull(r, data); err != nil {
				b.Fatal(err)
			}
			g.Go(func() error {
				_, err := d.Put(ctx, bytes.NewReader(data), h.Size)
				return err
			})
			if n%flushEvery == 0 {
				g.Go(func() error { return d.Flush(ctx) })
			}
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		if err := d.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		f.Close()
	}
	b.ReportMetric(float64(files*b.N)/ours.Seconds(), "files/s")
	b.ReportMetric(reference.Seconds()/ours.Seconds(), "of-tar+sync")
}

func writeTar(b *testing.B, path string, files, size int) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	rnd := rand.NewChaCha8([32]byte{1})
	data := make([]byte, size)
	for i := range files {
		rnd.Read(data)
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("users/files/%c/%d.bin", rune(97+i%26), i), Size: int64(size), Mode: 0o600}); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
