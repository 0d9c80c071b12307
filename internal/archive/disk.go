package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/godwit-chat/godwit/internal/chat"
)

// disk keeps an archive in a directory.
type disk struct {
	path string
	root *os.Root
	made sync.Map // folders that exist
}

const tempPrefix = ".tmp-"

func openDisk(dir string, make bool) (storage, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && make:
		err = os.MkdirAll(dir, 0o700)
	case errors.Is(err, fs.ErrNotExist):
		return nil, chat.Errorf(chat.NotFound, "there is no archive at %s", dir).WithHint("`godwit export FROM archive:%s` makes one", dir)
	case err == nil && !info.IsDir():
		return nil, chat.Errorf(chat.Invalid, "%s is a file, not the directory of an archive", dir).WithHint("an archive in one file has a name that ends in .tar")
	case err == nil && make:
		err = vacant(dir)
	}
	if err != nil {
		return nil, diskError("open", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, diskError("open", dir, err)
	}
	return &disk{path: dir, root: root}, nil
}

// vacant refuses a directory that holds something else.
func vacant(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Name() != lockName && e.Name() != headerName && !strings.HasPrefix(e.Name(), tempPrefix) {
			return chat.Errorf(chat.Invalid, "%s is not empty and no archive", dir).WithHint("name another directory; it is made if it is not there")
		}
	}
	return nil
}

func (d *disk) close() error { return d.root.Close() }

func (d *disk) list(_ context.Context, folder string) (names []string, err error) {
	err = fs.WalkDir(d.root.FS(), folder, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, diskError("list", folder, err)
}

func (d *disk) open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noPiece(name)
	}
	if err != nil {
		return nil, diskError("open", name, err)
	}
	return f, nil
}

func (d *disk) folder(name string) error {
	dir := path.Dir(name)
	if _, ok := d.made.Load(dir); ok || dir == "." {
		return nil
	}
	if err := d.root.MkdirAll(dir, 0o700); err != nil {
		return diskError("make", dir, err)
	}
	d.made.Store(dir, true)
	return nil
}

// write makes a file under a name that no piece has.
func (d *disk) write(name string, fill func(io.Writer) error) (temp string, err error) {
	if err := d.folder(name); err != nil {
		return "", err
	}
	temp = path.Join(path.Dir(name), tempPrefix+rand.Text())
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", diskError("write", name, err)
	}
	err = errors.Join(fill(f), f.Close())
	if err != nil {
		_ = d.root.Remove(temp) // a leftover, if it stays
		return "", diskError("write", name, err)
	}
	return temp, nil
}

func (d *disk) put(_ context.Context, name string, r io.Reader, size int64) error {
	temp, err := d.write(name, func(w io.Writer) error { return copySized(w, r, size, name) })
	if err != nil {
		return err
	}
	return diskError("write", name, d.root.Rename(temp, name))
}

func copySized(w io.Writer, r io.Reader, size int64, name string) error {
	n, err := io.Copy(w, io.LimitReader(r, size+1))
	if err == nil && n != size {
		return chat.Errorf(chat.Damaged, "%s has %d bytes and should have %d", name, n, size).WithHint("what it was made of changed under it; run the same line again")
	}
	return err
}

// sync waits until the file system has it all: one call, whatever the number of
// pieces.
func (d *disk) sync(context.Context) error {
	f, err := d.root.Open(".")
	if err != nil {
		return diskError("sync", d.path, err)
	}
	defer f.Close() //nolint:errcheck // only looked at
	return diskError("sync", d.path, unix.Syncfs(int(f.Fd())))
}

func (d *disk) publish(ctx context.Context, name string, data []byte) error {
	return d.keep(ctx, name, data, d.root.Link)
}

func (d *disk) replace(ctx context.Context, name string, data []byte) error {
	return d.keep(ctx, name, data, d.root.Rename)
}

// keep gives a file its name after all before it is durable.
func (d *disk) keep(ctx context.Context, name string, data []byte, give func(from, to string) error) error {
	temp, err := d.write(name, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		return err
	}
	if err := d.sync(ctx); err != nil {
		return err
	}
	defer d.root.Remove(temp) //nolint:errcheck // it is gone, or a leftover
	if err := give(temp, name); errors.Is(err, fs.ErrExist) {
		return chat.Errorf(chat.Conflict, "%s is there already", name)
	} else if err != nil {
		return diskError("write", name, err)
	}
	dir, err := d.root.Open(path.Dir(name))
	if err != nil {
		return diskError("sync", name, err)
	}
	defer dir.Close() //nolint:errcheck // only looked at
	return diskError("sync", name, dir.Sync())
}

func (d *disk) remove(_ context.Context, name string) error {
	err := d.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return diskError("remove", name, err)
}

// diskLock is a lock of the operating system's on a file, which ends with the
// process however that ends. A byte in the file says that a writer is at work.
type diskLock struct {
	f     *os.File
	found bool
}

func (d *disk) lock(context.Context) (lock, error) {
	f, err := d.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskError("lock", d.path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, chat.Errorf(chat.Conflict, "another process writes to the archive at %s", d.path).WithHint("wait until it has ended, then run the same line again")
		}
		return nil, diskError("lock", d.path, err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt([]byte("a writer is at work, or did not come to its end\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(diskError("lock", d.path, err), f.Close())
	}
	return &diskLock{f, info.Size() > 0}, nil
}

func (l *diskLock) dirty() bool                 { return l.found }
func (l *diskLock) check(context.Context) error { return nil }
func (l *diskLock) unlock(_ context.Context, left bool) error {
	if left {
		return l.f.Close()
	}
	return errors.Join(l.f.Truncate(0), l.f.Close())
}

// diskError makes the operating system's error one for a person. One that is
// for a person already, and none at all, stay as they are.
func diskError(step, what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return chat.Errorf(chat.Full, "%s %s: no space is left where the archive is", step, what).
			WithHint("make room and run the same line again; the snapshots that are there are whole")
	case errors.Is(err, fs.ErrPermission):
		return chat.Errorf(chat.Denied, "%s %s: %w", step, what, err).WithHint("run it as somebody who may read and write there")
	case errors.Is(err, syscall.EIO):
		return chat.Errorf(chat.Damaged, "%s %s: %w", step, what, err).WithHint("the disk has a fault: copy the archive to another one")
	}
	return fmt.Errorf("%s %s: %w", step, what, err)
}
