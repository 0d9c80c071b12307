package blob

import (
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

// Bytes that people send arrive in parts, over hours and connections, and are
// nobody's but the sender's until a message takes them: they are kept in a
// directory of their own, by the ID of their upload, and survive a restart.
const partsDir = "parts"

// mostSums is how many hashes of files that are still arriving are remembered.
// One that was forgotten is made anew from what is on the disk.
const mostSums = 1000

// sum is the hash of the beginning of a file that is arriving.
type sum struct {
	at int64
	h  hash.Hash
}

func partPath(id chat.Key) string { return filepath.Join(partsDir, id.String()) }

// Begin makes room for the bytes of an upload. Again does nothing.
func (d *Dir) Begin(id chat.Key) error {
	f, err := d.root.OpenFile(partPath(id), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return diskError("begin", id.String(), err)
	}
	return diskError("begin", id.String(), f.Close())
}

// Arrived returns how many bytes of an upload are here and durable, those that
// are just being written aside. It fails with NotFound if it was not begun.
func (d *Dir) Arrived(id chat.Key) (int64, error) {
	info, err := d.root.Stat(partPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errNoPart()
	}
	if err != nil {
		return 0, diskError("look at", id.String(), err)
	}
	return info.Size(), nil
}

func errNoPart() error {
	return chat.Errorf(chat.NotFound, "there is no such upload").WithHint("begin it anew")
}

// Append writes what r has behind the first offset bytes of an upload, at most
// most bytes, makes it durable, and returns how many there are then: also if r
// fails, so that the next part goes on there. It fails with Conflict if
// another offset is reached or another part is being written, with Invalid if
// r has more than most bytes (then none of r's are kept), and with Full if the
// disk is full (then nothing of the upload is kept). If r fails, it fails with
// Unavailable.
func (d *Dir) Append(ctx context.Context, id chat.Key, offset int64, r io.Reader, most int64) (at int64, err error) {
	f, err := d.lockPart(id)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, diskError("look at", id.String(), err)
	}
	if info.Size() != offset {
		return info.Size(), chat.Errorf(chat.Conflict, "%d bytes of this file are here, not %d", info.Size(), offset).WithHint("go on at %d", info.Size())
	}
	s := d.takeSum(id, offset)
	w := &partWriter{ctx: ctx, f: f, at: offset, sum: s}
	_, failed := io.Copy(w, io.LimitReader(r, most))
	if failed == nil {
		if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
			failed = chat.Errorf(chat.Invalid, "more bytes came than this file was said to have").WithHint("begin the upload anew, with the right size")
			w.at, w.sum = offset, nil
			failed = errors.Join(failed, diskError("cut", id.String(), f.Truncate(offset)))
		}
	}
	if w.full {
		return 0, errors.Join(diskError("write", "the file", failed), f.Truncate(0))
	}
	if err := f.Sync(); err != nil {
		return 0, errors.Join(diskError("write", "the file", err), f.Truncate(0))
	}
	d.keepSum(id, w.at, w.sum)
	if _, ours := errors.AsType[*chat.Error](failed); failed != nil && !ours {
		failed = chat.Errorf(chat.Unavailable, "the part did not come whole: %w", failed).WithHint("go on at %d", w.at)
	}
	return w.at, failed
}

// OpenPart opens what is here and durable of an upload, for reading. It fails
// with NotFound.
func (d *Dir) OpenPart(id chat.Key) (*os.File, error) {
	f, err := d.root.Open(partPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoPart()
	}
	return f, diskError("open", id.String(), err)
}

// partWriter writes behind what is there, and hashes it on the way.
type partWriter struct {
	ctx  context.Context //nolint:containedctx // lives as long as one call of Append
	f    *os.File
	at   int64
	sum  hash.Hash
	full bool // the disk failed, not who sends
}

func (w *partWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.f.WriteAt(p, w.at)
	if w.sum != nil {
		w.sum.Write(p[:n])
	}
	w.at += int64(n)
	w.full = err != nil
	return n, err
}

// lockPart opens an upload's file so that no other process or goroutine can
// write it or add it up.
func (d *Dir) lockPart(id chat.Key) (*os.File, error) {
	f, err := d.root.OpenFile(partPath(id), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoPart()
	}
	if err != nil {
		return nil, diskError("open", id.String(), err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(chat.Errorf(chat.Conflict, "another part of this file is arriving").WithHint("wait for its end, or send one part after the other"), f.Close())
	}
	if err != nil {
		return nil, errors.Join(diskError("lock", id.String(), err), f.Close())
	}
	return f, nil
}

// takeSum returns the hash of the first offset bytes if it is remembered; nil
// if it is not.
func (d *Dir) takeSum(id chat.Key, offset int64) hash.Hash {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.sums[id]
	delete(d.sums, id)
	switch {
	case offset == 0:
		return sha256.New()
	case ok && s.at == offset:
		return s.h
	}
	return nil
}

func (d *Dir) keepSum(id chat.Key, at int64, h hash.Hash) {
	if h == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sums == nil || len(d.sums) >= mostSums {
		d.sums = map[chat.Key]sum{}
	}
	d.sums[id] = sum{at, h}
}

// Sum returns the SHA-256 of an upload that has size bytes, and its bytes for
// reading. It fails with Conflict if fewer are here or a part is arriving.
func (d *Dir) Sum(ctx context.Context, id chat.Key, size int64) (string, *os.File, error) {
	f, err := d.lockPart(id)
	if err != nil {
		return "", nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return "", nil, errors.Join(diskError("look at", id.String(), err), f.Close())
	}
	if info.Size() != size {
		err := chat.Errorf(chat.Conflict, "%d of %d bytes of this file are here", info.Size(), size).WithHint("go on at %d", info.Size())
		return "", nil, errors.Join(err, f.Close())
	}
	h := d.takeSum(id, size)
	if h == nil || size == 0 {
		h = sha256.New()
		if _, err := io.Copy(io.Discard, &hashReader{ctx, f, h}); err != nil {
			return "", nil, errors.Join(diskError("read", id.String(), err), f.Close())
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", nil, errors.Join(err, f.Close())
	}
	// From here on it has all of its bytes: nothing is written to it any more.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		return "", nil, errors.Join(err, f.Close())
	}
	return hex.EncodeToString(h.Sum(nil)), f, nil
}

// Keep gives the bytes of a whole upload, durable, the name of their hash,
// which Sum returned. Again does nothing. The upload is still there until Drop.
func (d *Dir) Keep(_ context.Context, id chat.Key, name string) error {
	if !isHash(name) {
		return chat.Errorf(chat.Invalid, "%q is not a SHA-256", name)
	}
	size, err := d.Arrived(id)
	if chat.IsKind(err, chat.NotFound) && d.Has([]string{name})[name] {
		return nil // kept and dropped before
	}
	if err != nil {
		return err
	}
	d.flush.Lock()
	defer d.flush.Unlock()
	dir := filepath.Dir(filePath(name))
	if d.has(name, size) && d.Has([]string{name})[name] && d.Settled([]string{name}) {
		return nil
	}
	if err := d.makeShard(dir); err != nil {
		return err
	}
	tmp := filepath.Join(d.stage, d.tempName())
	from := tmp
	if err := d.root.Link(partPath(id), tmp); err != nil {
		from = partPath(id) // a file system without a second name for a file
	}
	if err := d.root.Rename(from, filePath(name)); err != nil {
		return diskError("name", name, err)
	}
	_ = d.root.Remove(tmp) // rename leaves it if both were the same file
	d.mu.Lock()
	delete(d.broken, name)
	d.mu.Unlock()
	return d.syncDirs(map[string]bool{dir: true})
}

// Drop removes what is here of an upload. Again does nothing.
func (d *Dir) Drop(id chat.Key) error {
	d.mu.Lock()
	delete(d.sums, id)
	d.mu.Unlock()
	if err := d.root.Remove(partPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskError("remove", id.String(), err)
	}
	return nil
}

// Arriving lists the uploads that were last written to before a time.
func (d *Dir) Arriving(before time.Time) ([]chat.Key, error) {
	list, err := fs.ReadDir(d.root.FS(), partsDir)
	if err != nil {
		return nil, diskError("list", partsDir, err)
	}
	var ids []chat.Key
	for _, e := range list {
		id, err := chat.ParseKey(e.Name())
		if err != nil {
			continue
		}
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Path returns the directory.
func (d *Dir) Path() string { return d.root.Name() }
