package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

const (
	smallFile = 1 << 20  // up to here a file is read whole and stored beside others
	fileSpace = 24 << 20 // bytes of such files in memory
	storers   = 4        // they wait for the disk or the network, not for a core
)

// storer stores files: small ones several at a time, larger ones as they
// stream by.
type storer struct {
	target connect.Target
	meter  *meter
	space  *semaphore.Weighted
	jobs   chan fileJob
	group  *errgroup.Group
}

type fileJob struct {
	content *chat.Content
	data    []byte
	bundle  *bundle
}

func newStorer(ctx context.Context, g *errgroup.Group, target connect.Target, m *meter) *storer {
	s := &storer{target: target, meter: m, space: semaphore.NewWeighted(fileSpace), jobs: make(chan fileJob), group: g}
	for range storers {
		g.Go(func() error { return s.work(ctx) })
	}
	return s
}

// close says that no more files come.
func (s *storer) close() { close(s.jobs) }

func (s *storer) work(ctx context.Context) error {
	for job := range s.jobs {
		err := storeSmall(ctx, s.target, job.content, job.data)
		s.space.Release(int64(len(job.data)))
		if err != nil {
			job.bundle.failed.CompareAndSwap(nil, &err)
		} else {
			s.meter.file(job.content.Size)
		}
		job.bundle.files.Done()
		if err != nil {
			return err
		}
	}
	return nil
}

// put stores an item's bytes; when it returns, the source may go on.
func (s *storer) put(ctx context.Context, b *bundle, c *chat.Content, item connect.Item) error {
	if item.Size > smallFile || item.Size < 0 {
		err := storeFile(ctx, s.target, c, item.Bytes, item.Size)
		s.meter.file(c.Size)
		return err
	}
	if err := s.space.Acquire(ctx, item.Size); err != nil {
		return err
	}
	data, err := whole(item)
	if err != nil {
		s.space.Release(item.Size)
		return err
	}
	b.files.Add(1)
	select {
	case s.jobs <- fileJob{c, data, b}:
		return nil
	case <-ctx.Done():
		b.files.Done()
		return ctx.Err()
	}
}

// settle waits beside everything else until the files of a bundle that is
// complete are stored, and makes them durable while the one before is applied.
func (s *storer) settle(ctx context.Context, b *bundle) {
	s.group.Go(func() error {
		defer close(b.safe)
		b.files.Wait()
		if f, ok := s.target.(connect.Flusher); ok && b.bytes > 0 && b.failed.Load() == nil {
			if err := f.Flush(ctx); err != nil {
				b.failed.CompareAndSwap(nil, &err)
			}
		}
		return nil
	})
}

func shortFile(err error, n, size int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return chat.Errorf(chat.Damaged, "a file of the source should have %d bytes and has %d", size, n).
			WithHint("the export is cut short or damaged; compare it with the original")
	}
	return err
}

// whole returns the bytes of an item, without a copy where the source has them
// in memory.
func whole(item connect.Item) ([]byte, error) {
	if held, ok := item.Bytes.(*connect.Held); ok && int64(len(held.Whole())) == item.Size {
		return held.Whole(), nil
	}
	data := make([]byte, item.Size)
	if n, err := io.ReadFull(item.Bytes, data); err != nil {
		return nil, shortFile(err, int64(n), item.Size)
	}
	return data, nil
}

func storeSmall(ctx context.Context, target connect.Target, c *chat.Content, data []byte) error {
	hash, err := target.PutFile(ctx, connect.Hold(data), int64(len(data)))
	if err != nil {
		return err
	}
	return identify(c, hash, data[:min(len(data), connect.HeadSize)], int64(len(data)))
}

// storeFile stores bytes as they stream by.
func storeFile(ctx context.Context, target connect.Target, c *chat.Content, r io.Reader, size int64) error {
	look := &observer{r: r}
	hash, err := target.PutFile(ctx, look, size)
	if err != nil {
		return err
	}
	if size >= 0 && look.n != size {
		return shortFile(io.ErrUnexpectedEOF, look.n, size)
	}
	return identify(c, hash, look.head, look.n)
}

// identify fills in what the bytes say about c. The hash is of what the target
// stored; whether that is what the source holds is found by the verify, for
// which the source hashes its bytes itself.
func identify(c *chat.Content, hash string, head []byte, size int64) error {
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != sha256.Size {
		return chat.Errorf(chat.Damaged, "the target says that it stored a file as %q, which is no SHA-256", hash)
	}
	if c.Hash != "" { // an archive knows it, and may have found the rest by other means
		if c.Hash != hash {
			return chat.Errorf(chat.Damaged, "content %s came with bytes of the hash %s, and should have %s", c.ID, hash, c.Hash).
				WithHint("the archive is damaged there: godwit verify says what else is")
		}
		return nil
	}
	connect.Identify(c, head, size, sum)
	return nil
}

// observer keeps the beginning of what is read through it, and counts.
type observer struct {
	r    io.Reader
	head []byte
	n    int64
}

func (o *observer) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if room := connect.HeadSize - len(o.head); room > 0 {
		o.head = append(o.head, p[:min(n, room)]...)
	}
	o.n += int64(n)
	return n, err
}
