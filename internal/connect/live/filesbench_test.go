package live_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/connect/live"
)

// BenchmarkFiles copies files from one server to another over HTTP, and
// compares with rsync over the same loopback, both synced.
func BenchmarkFiles(b *testing.B) {
	large := 20
	if n, err := strconv.Atoi(os.Getenv("GODWIT_BENCH_LARGE")); err == nil {
		large = n
	}
	for _, c := range []struct {
		name    string
		n, size int
	}{{"small", 20_000, 25_000}, {"large", large, 200 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			from, to := newPlace(b, sqlite(b)), newPlace(b, sqlite(b))
			hashes := fill(b, from, c.n, c.size)
			rf, rt := dialled(b, from), dialled(b, to)
			daemon := rsyncDaemon(b, filepath.Join(from.files.Path(), "sha256"))
			target := b.TempDir()
			rsync := func() {
				out, err := exec.CommandContext(b.Context(), "sh", "-c", `rsync -a "$1/" "$2" && sync -f "$2"`, "sh", daemon, target).CombinedOutput()
				if err != nil {
					b.Fatal(err, string(out))
				}
			}
			settle(b)
			reference := timed(rsync)
			settle(b)
			ours := timed(func() { copyAll(b, rf, rt, hashes, int64(c.size)) })
			mb := float64(c.n) * float64(c.size) / 1e6
			b.ReportMetric(mb/ours.Seconds(), "MB/s")
			b.ReportMetric(mb/reference.Seconds(), "rsync-MB/s")
			b.ReportMetric(reference.Seconds()/ours.Seconds(), "ours/rsync")
			again, ours2 := timed(rsync), timed(func() { copyAll(b, rf, rt, hashes, int64(c.size)) })
			b.ReportMetric(again.Seconds()*1e3, "again-rsync-ms")
			b.ReportMetric(ours2.Seconds()*1e3, "again-ours-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// settle lets what was written before reach the disk.
func settle(b *testing.B) {
	b.Helper()
	if err := exec.CommandContext(b.Context(), "sync").Run(); err != nil {
		b.Fatal(err)
	}
}

// fill makes files of random bytes.
func fill(b *testing.B, p *place, n, size int) (hashes []string) {
	b.Helper()
	for i := range n {
		var seed [32]byte
		copy(seed[:], strconv.Itoa(i))
		hash, err := p.files.Put(b.Context(), io.LimitReader(rand.NewChaCha8(seed), int64(size)), int64(size))
		if err != nil {
			b.Fatal(err)
		}
		hashes = append(hashes, hash)
	}
	if err := p.files.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return hashes
}

// rsyncDaemon serves a directory.
func rsyncDaemon(b *testing.B, dir string) (address string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	config := filepath.Join(b.TempDir(), "rsyncd.conf")
	user := fmt.Sprintf("uid = %d\ngid = %d\n", os.Getuid(), os.Getgid())
	if err := os.WriteFile(config, []byte(user+"use chroot = no\n[files]\npath = "+dir+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), "rsync", "--daemon", "--no-detach", "--address=127.0.0.1", "--port="+strconv.Itoa(port), "--config="+config)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // killed
	for try := 0; ; try++ {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			_ = conn.Close() // only a knock
			return fmt.Sprintf("rsync://127.0.0.1:%d/files", port)
		}
		if try == 300 {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// copyAll copies what is lacking, as a mover does, 5,000 contents at a time.
func copyAll(b *testing.B, from, to *live.Remote, hashes []string, size int64) {
	b.Helper()
	for part := range slices.Chunk(hashes, 5000) {
		lacks, err := to.Lacks(b.Context(), part)
		if err != nil {
			b.Fatal(err)
		}
		var todo []string
		for _, h := range part {
			if _, lacking := lacks[h]; lacking {
				todo = append(todo, h)
			}
		}
		g, ctx := errgroup.WithContext(b.Context())
		g.SetLimit(6)
		one := func(h string) { g.Go(func() error { return copyOne(ctx, from, to, h, size) }) }
		if size <= 256<<10 {
			for pack := range slices.Chunk(todo, 150) {
				g.Go(func() error {
					r, err := from.Pack(ctx, pack)
					if err != nil {
						return err
					}
					defer r.Close() //nolint:errcheck // only read
					return to.Unpack(ctx, r)
				})
			}
		} else {
			for _, h := range todo {
				one(h)
			}
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		left, err := to.Lacks(b.Context(), todo) // makes what came durable, too
		if err != nil || len(left) > 0 {
			b.Fatal(len(left), err)
		}
	}
}

func copyOne(ctx context.Context, from, to *live.Remote, hash string, size int64) error {
	r, err := from.Read(ctx, hash, 0)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	return to.Write(ctx, hash, size, 0, r)
}
