package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Bytes that come from another place are known by their hash beforehand. A
// large file is written under it in a directory of its own, so that what came
// before a connection broke need not come again, and is given its name when it
// is whole and its bytes have that hash.
const incomingDir = "incoming"

// staleIncoming is the age after which what nobody goes on with is removed.
const staleIncoming = 14 * 24 * time.Hour

func incomingPath(name string) string { return filepath.Join(incomingDir, name) }

// Lacks says of which hashes the bytes are not here, and how many bytes of
// each are here already. What is staged is made durable, and is here.
func (d *Dir) Lacks(ctx context.Context, names []string) (map[string]int64, error) {
	if !d.Settled(names) {
		if err := d.Flush(ctx); err != nil {
			return nil, err
		}
	}
	there, lacks := d.Has(names), map[string]int64{}
	for _, name := range names {
		if !isHash(name) {
			return nil, chat.Errorf(chat.Invalid, "%q is not a SHA-256", name)
		}
		if there[name] {
			continue
		}
		info, err := d.root.Stat(incomingPath(name))
		switch {
		case err == nil:
			lacks[name] = info.Size()
		case errors.Is(err, fs.ErrNotExist):
			lacks[name] = 0
		default:
			return nil, diskError("look at", name, err)
		}
	}
	return lacks, nil
}

// Fill writes the bytes of a hash, from an offset on. What comes before r
// breaks off is kept, and is where the next call goes on; from offset 0 it
// starts over. Bytes that are here already are left alone if they have the
// hash, and otherwise replaced. A small file is there after the next Flush, a
// large one when Fill returns. It fails with Conflict if another offset is
// reached or somebody else is writing, and with Damaged if the bytes have
// another hash or size: then nothing of them is kept.
func (d *Dir) Fill(ctx context.Context, name string, size, offset int64, r io.Reader) error {
	if !isHash(name) || size < 0 || offset < 0 || offset > size {
		return chat.Errorf(chat.Invalid, "no file %q has %d bytes from %d on", name, size, offset)
	}
	mend, err := d.needed(ctx, name, size)
	if err != nil || mend == enough {
		return err
	}
	if size > small || offset > 0 {
		return d.fillLarge(ctx, name, size, offset, r)
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(&ctxReader{ctx, r}, size+1)); err != nil {
		return brokenOff(name, err)
	}
	data := buf.Bytes()
	if int64(len(data)) != size {
		return wrongSize(name, size)
	}
	if err := d.PutAs(name, data); err != nil || mend == absent {
		return err
	}
	return d.Flush(ctx)
}

// need says whether bytes have to come.
type need int

const (
	enough  need = iota // they are here
	absent              // they are not
	damaged             // they are, and have another hash
)

func (d *Dir) needed(ctx context.Context, name string, size int64) (need, error) {
	d.mu.Lock()
	broken := d.broken[name]
	d.mu.Unlock()
	if broken {
		return damaged, nil
	}
	if !d.has(name, size) {
		return absent, nil
	}
	switch err := d.Check(ctx, name); {
	case chat.IsKind(err, chat.Damaged):
		return damaged, nil
	case chat.IsKind(err, chat.NotFound): // staged
		return enough, nil
	default:
		return enough, err
	}
}

func brokenOff(name string, err error) error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	return chat.Errorf(chat.Unavailable, "the bytes of file %s broke off: %w", name, err)
}

func wrongSize(name string, size int64) error {
	return chat.Errorf(chat.Damaged, "the bytes that came for file %s are not %d", name, size)
}

// PutAs stages bytes whose hash is known. It fails with Damaged if they have
// another.
func (d *Dir) PutAs(name string, data []byte) error {
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != name {
		return wrongHash(name)
	}
	if d.has(name, int64(len(data))) {
		return nil
	}
	return d.write(name, data)
}

func wrongHash(name string) error {
	return chat.Errorf(chat.Damaged, "the bytes that came for file %s have another hash", name)
}

func (d *Dir) fillLarge(ctx context.Context, name string, size, offset int64, r io.Reader) (err error) {
	f, err := d.lockIncoming(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if offset == 0 {
		err = f.Truncate(0)
	}
	info, e := f.Stat()
	if err = errors.Join(err, e); err != nil {
		return diskError("write", name, err)
	}
	if info.Size() != offset {
		return chat.Errorf(chat.Conflict, "%d bytes of file %s are here, not %d", info.Size(), name, offset)
	}
	h, err := d.sumTo(ctx, name, f, offset)
	if err != nil {
		return err
	}
	w := &fillWriter{f: f, h: h, at: offset}
	_, failed := io.CopyBuffer(w, onlyReader{io.LimitReader(&ctxReader{ctx, r}, size-offset+1)}, make([]byte, 256<<10))
	d.keepIncoming(name, w)
	switch {
	case w.err != nil:
		return errors.Join(diskError("write", name, w.err), d.dropIncoming(name))
	case failed != nil:
		return brokenOff(name, failed)
	case w.at != size:
		return errors.Join(wrongSize(name, size), d.dropIncoming(name))
	}
	if hex.EncodeToString(w.h.Sum(nil)) != name {
		return errors.Join(wrongHash(name), d.dropIncoming(name))
	}
	return d.finish(name, f)
}

// onlyReader hides that a reader can write itself: it would not use the buffer.
type onlyReader struct{ io.Reader }

type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one call of Fill
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// fillWriter writes and hashes.
type fillWriter struct {
	f   *os.File
	h   hash.Hash
	at  int64
	err error
}

func (w *fillWriter) Write(p []byte) (int, error) {
	n, err := w.f.WriteAt(p, w.at)
	w.h.Write(p[:n])
	w.at += int64(n)
	w.err = err
	return n, err
}

func (d *Dir) lockIncoming(name string) (*os.File, error) {
	f, err := d.root.OpenFile(incomingPath(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskError("open", name, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = chat.Errorf(chat.Unavailable, "file %s is being written already", name)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sumTo returns the hash of what is there up to an offset.
func (d *Dir) sumTo(ctx context.Context, name string, f *os.File, offset int64) (hash.Hash, error) {
	d.mu.Lock()
	s, known := d.arriving[name]
	delete(d.arriving, name)
	d.mu.Unlock()
	if known && s.at == offset && offset > 0 {
		return s.h, nil
	}
	h := sha256.New()
	_, err := io.Copy(h, &ctxReader{ctx, io.NewSectionReader(f, 0, offset)})
	return h, diskError("read", name, err)
}

func (d *Dir) keepIncoming(name string, w *fillWriter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.arriving == nil || len(d.arriving) >= mostSums {
		d.arriving = map[string]sum{}
	}
	d.arriving[name] = sum{w.at, w.h}
}

func (d *Dir) dropIncoming(name string) error {
	d.mu.Lock()
	delete(d.arriving, name)
	d.mu.Unlock()
	return diskError("remove", name, d.root.Remove(incomingPath(name)))
}

// finish gives a file that is whole its name, for good.
func (d *Dir) finish(name string, f *os.File) error {
	if err := f.Sync(); err != nil {
		return diskError("write", name, err)
	}
	d.flush.Lock()
	defer d.flush.Unlock()
	dir := filepath.Dir(filePath(name))
	if err := d.makeShard(dir); err != nil {
		return err
	}
	if err := d.root.Rename(incomingPath(name), filePath(name)); err != nil {
		return diskError("name", name, err)
	}
	d.mu.Lock()
	delete(d.broken, name)
	delete(d.arriving, name)
	d.mu.Unlock()
	return d.syncDirs(map[string]bool{dir: true})
}

// removeStaleIncoming removes what nobody went on with.
func (d *Dir) removeStaleIncoming() {
	list, err := fs.ReadDir(d.root.FS(), incomingDir)
	if err != nil {
		return
	}
	for _, e := range list {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleIncoming {
			_ = d.root.Remove(filepath.Join(incomingDir, e.Name())) // tried again at the next start
		}
	}
}
