package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"os"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
)

// bucket keeps an archive below a prefix in S3. What is put is durable at once.
type bucket struct {
	where string
	b     *blob.Bucket
}

func openBucket(ctx context.Context, where string) (storage, error) {
	b, err := blob.OpenBucket(ctx, where)
	if err != nil {
		return nil, err
	}
	return &bucket{where, b}, nil
}

func (s *bucket) close() error {
	s.b.Close()
	return nil
}

func (s *bucket) list(ctx context.Context, folder string) ([]string, error) {
	return s.b.List(ctx, folder+"/")
}

func (s *bucket) open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := s.b.Get(ctx, name)
	if chat.IsKind(err, chat.NotFound) {
		return nil, noPiece(name)
	}
	return r, err
}

func (s *bucket) put(ctx context.Context, name string, r io.Reader, size int64) error {
	return s.b.Put(ctx, name, r, size)
}

func (s *bucket) sync(context.Context) error { return nil }

func (s *bucket) publish(ctx context.Context, name string, data []byte) error {
	return s.b.PutNew(ctx, name, data)
}

func (s *bucket) replace(ctx context.Context, name string, data []byte) error {
	return s.b.Put(ctx, name, bytes.NewReader(data), int64(len(data)))
}

func (s *bucket) remove(ctx context.Context, name string) error { return s.b.Remove(ctx, name) }

const (
	// leaseFor is how long a lock holds that nobody renews: so long others wait
	// for a writer that died.
	leaseFor   = 5 * time.Minute
	leaseEvery = time.Minute
)

// lease is what a lock in S3 says.
type lease struct {
	Owner string    `json:"owner"`
	Host  string    `json:"host"`
	Until time.Time `json:"until"` // zero: the writer ended, and left something behind
}

// leaseLock is a lock that is renewed while it is held.
type leaseLock struct {
	s     *bucket
	owner string
	found bool
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu  sync.Mutex
	tag string
	err error // the lock was lost
}

func (s *bucket) lock(ctx context.Context) (lock, error) {
	l := &leaseLock{s: s, owner: rand.Text()}
	err := s.b.PutNew(ctx, lockName, l.text(time.Now().Add(leaseFor)))
	if chat.IsKind(err, chat.Conflict) {
		err = l.takeOver(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := l.check(ctx); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.done.Go(func() { l.renew(run) })
	return l, nil
}

func (l *leaseLock) text(until time.Time) []byte {
	host, _ := os.Hostname()                                   //nolint:errcheck // for a person; it may be empty
	text, _ := json.Marshal(lease{l.owner, host, until.UTC()}) //nolint:errcheck // nothing in it fails
	return text
}

// takeOver takes a lock whose owner has gone.
func (l *leaseLock) takeOver(ctx context.Context) error {
	data, tag, err := l.s.b.Look(ctx, lockName)
	if chat.IsKind(err, chat.NotFound) {
		return l.s.b.PutNew(ctx, lockName, l.text(time.Now().Add(leaseFor))) // given back a moment ago
	}
	if err != nil {
		return err
	}
	var old lease
	if err := json.Unmarshal(data, &old); err == nil && time.Now().Before(old.Until) {
		return chat.Errorf(chat.Conflict, "another process, on %s, writes to the archive at %s", old.Host, l.s.where).
			WithHint("wait until it has ended; if it has died, the archive is free at %s UTC", old.Until.Format("15:04:05"))
	}
	l.found = true
	err = l.s.b.Swap(ctx, lockName, tag, l.text(time.Now().Add(leaseFor)))
	if chat.IsKind(err, chat.Conflict) {
		return chat.Errorf(chat.Conflict, "another process writes to the archive at %s", l.s.where).WithHint("wait until it has ended, then run the same line again")
	}
	return err
}

// renew keeps the lock.
func (l *leaseLock) renew(ctx context.Context) {
	t := time.NewTicker(leaseEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		l.mu.Lock()
		if l.err == nil && l.mine(ctx) == nil {
			if err := l.s.b.Swap(ctx, lockName, l.tag, l.text(time.Now().Add(leaseFor))); chat.IsKind(err, chat.Conflict) {
				l.err = err
			}
		}
		l.mu.Unlock()
	}
}

// mine looks whether the lock is still ours.
func (l *leaseLock) mine(ctx context.Context) error {
	data, tag, err := l.s.b.Look(ctx, lockName)
	if err != nil && !chat.IsKind(err, chat.NotFound) {
		return err
	}
	var now lease
	if err == nil {
		err = json.Unmarshal(data, &now)
	}
	if err != nil || now.Owner != l.owner {
		l.err = chat.Errorf(chat.Conflict, "another process has taken over the archive at %s", l.s.where).WithHint("let it end, then run the same line again: it adds what is new")
		return l.err
	}
	l.tag = tag
	return nil
}

func (l *leaseLock) dirty() bool { return l.found }

func (l *leaseLock) check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	return l.mine(ctx)
}

func (l *leaseLock) unlock(ctx context.Context, left bool) error {
	l.stop()
	l.done.Wait()
	if err := l.check(ctx); err != nil {
		return err
	}
	if left {
		return l.s.b.Swap(ctx, lockName, l.tag, l.text(time.Time{}))
	}
	return l.s.b.Remove(ctx, lockName)
}
