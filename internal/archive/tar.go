package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/godwit-chat/godwit/internal/chat"
)

// tarReader reads an archive in one file. Nothing of it becomes a path.
type tarReader struct {
	path  string
	f     *os.File
	index map[string]span
}

type span struct{ at, size int64 }

func openTar(name string) (storage, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, chat.Errorf(chat.NotFound, "there is no archive at %s", name).WithHint("`godwit export FROM archive:%s` makes one", name)
	}
	if err != nil {
		return nil, diskError("open", name, err)
	}
	t := &tarReader{path: name, f: f, index: map[string]span{}}
	if err := t.look(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// maxEntries bounds what a tar may name.
const maxEntries = 50_000_000

// look reads the headers of all entries. A file that ends early is an error.
func (t *tarReader) look() error {
	info, err := t.f.Stat()
	if err != nil {
		return diskError("read", t.path, err)
	}
	at := &offset{f: t.f}
	r := tar.NewReader(at)
	for n := 0; ; n++ {
		h, err := r.Next()
		if err == io.EOF {
			return t.ended(at.n)
		}
		if err != nil || n > maxEntries {
			return t.cut(fmt.Errorf("entry %d: %w", n+1, err))
		}
		name := strings.TrimPrefix(h.Name, "./")
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if h.Typeflag != tar.TypeReg || !pieceName.MatchString(name) || len(h.PAXRecords) > 0 && h.PAXRecords["GNU.sparse.major"] != "" {
			return chat.Errorf(chat.Damaged, "%s has an entry %q, which is no piece of an archive", t.path, clip(h.Name)).WithHint("it is not a tar of an archive, or somebody changed it")
		}
		if _, twice := t.index[name]; twice {
			return chat.Errorf(chat.Damaged, "%s has the entry %q twice", t.path, name).WithHint("it is not a tar of an archive, or somebody changed it")
		}
		if at.n+h.Size > info.Size() {
			return t.cut(fmt.Errorf("%s goes on after the end of the file", name))
		}
		t.index[name] = span{at.n, h.Size}
	}
}

// ended checks that the tar was written to its end: two empty blocks.
func (t *tarReader) ended(at int64) error {
	if at < 1024 {
		return t.cut(io.ErrUnexpectedEOF)
	}
	var last [1024]byte
	if _, err := t.f.ReadAt(last[:], at-1024); err != nil || last != [1024]byte{} {
		return t.cut(io.ErrUnexpectedEOF)
	}
	return nil
}

func (t *tarReader) cut(err error) error {
	return chat.Errorf(chat.Damaged, "%s cannot be read to its end: %w", t.path, err).WithHint("the copy is cut short or damaged; copy it again")
}

// offset knows where in the file the reader of the tar is.
type offset struct {
	f *os.File
	n int64
}

func (o *offset) Read(p []byte) (int, error) {
	n, err := o.f.Read(p)
	o.n += int64(n)
	return n, err
}

func (o *offset) Seek(by int64, whence int) (int64, error) {
	n, err := o.f.Seek(by, whence)
	if err == nil {
		o.n = n
	}
	return n, err
}

func (t *tarReader) close() error { return t.f.Close() }

func (t *tarReader) list(_ context.Context, folder string) (names []string, err error) {
	for name := range t.index {
		if strings.HasPrefix(name, folder+"/") {
			names = append(names, name)
		}
	}
	return names, nil
}

func (t *tarReader) open(_ context.Context, name string) (io.ReadCloser, error) {
	s, ok := t.index[name]
	if !ok {
		return nil, noPiece(name)
	}
	return io.NopCloser(io.NewSectionReader(t.f, s.at, s.size)), nil
}

func (t *tarReader) readOnly() error {
	return chat.Errorf(chat.Invalid, "%s is a tar: it is written once, and read", t.path).WithHint("export into another file, or keep the archive in a directory: archive:DIR")
}

func (t *tarReader) put(context.Context, string, io.Reader, int64) error { return t.readOnly() }
func (t *tarReader) sync(context.Context) error                          { return t.readOnly() }
func (t *tarReader) publish(context.Context, string, []byte) error       { return t.readOnly() }
func (t *tarReader) replace(context.Context, string, []byte) error       { return t.readOnly() }
func (t *tarReader) remove(context.Context, string) error                { return t.readOnly() }
func (t *tarReader) lock(context.Context) (lock, error)                  { return nil, t.readOnly() }

// tarWriter writes an archive into one file, once. The file has its name when
// it is whole.
type tarWriter struct {
	path string
	mu   sync.Mutex
	f    *os.File
	buf  *bufio.Writer
	w    *tar.Writer
	done bool // it has its name
}

func newTar(name string) (storage, error) {
	if _, err := os.Stat(name); err == nil {
		return nil, chat.Errorf(chat.Conflict, "%s is there already", name).WithHint("a tar is written once: name another file, or keep the archive in a directory: archive:DIR")
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, diskError("make", filepath.Dir(name), err)
	}
	f, err := os.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskError("write", name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(chat.Errorf(chat.Conflict, "another process writes %s", name).WithHint("wait until it has ended"), f.Close())
	}
	if err := f.Truncate(0); err != nil { // what one that died has left
		return nil, errors.Join(diskError("write", name, err), f.Close())
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	return &tarWriter{path: name, f: f, buf: buf, w: tar.NewWriter(buf)}, nil
}

// close removes what was not published.
func (t *tarWriter) close() error {
	err := t.f.Close()
	if !t.done {
		err = errors.Join(err, os.Remove(t.path+".part"))
	} else if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	return err
}

func (t *tarWriter) list(context.Context, string) ([]string, error) { return nil, nil }

func (t *tarWriter) open(_ context.Context, name string) (io.ReadCloser, error) {
	return nil, noPiece(name)
}

func (t *tarWriter) put(_ context.Context, name string, r io.Reader, size int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return chat.Errorf(chat.Invalid, "%s is written already", t.path)
	}
	err := t.w.WriteHeader(&tar.Header{Name: path.Clean(name), Mode: 0o600, Size: size, Format: tar.FormatPAX})
	if err == nil {
		err = copySized(t.w, r, size, name)
	}
	return diskError("write", t.path, err)
}

func (t *tarWriter) sync(context.Context) error { return nil } // publish does it

// publish writes the last piece of all, if it is a manifest, and then the end.
func (t *tarWriter) publish(ctx context.Context, name string, data []byte) error {
	if err := t.put(ctx, name, bytes.NewReader(data), int64(len(data))); err != nil {
		return err
	}
	if n, ok := parseManifestName(name); !ok || n.revision > 0 {
		return nil
	}
	err := errors.Join(t.w.Close(), t.buf.Flush(), t.f.Sync(), t.f.Close())
	if err == nil {
		err = os.Link(t.path+".part", t.path)
	}
	if errors.Is(err, fs.ErrExist) {
		return chat.Errorf(chat.Conflict, "%s is there already", t.path).WithHint("name another file")
	}
	if err != nil {
		return diskError("write", t.path, err)
	}
	t.done = true
	err = os.Remove(t.path + ".part")
	dir, e := os.Open(filepath.Dir(t.path))
	if e == nil {
		e = errors.Join(dir.Sync(), dir.Close())
	}
	return diskError("write", t.path, errors.Join(err, e))
}

func (t *tarWriter) replace(ctx context.Context, name string, data []byte) error {
	return t.put(ctx, name, bytes.NewReader(data), int64(len(data)))
}

func (t *tarWriter) remove(context.Context, string) error { return nil }

func (t *tarWriter) lock(context.Context) (lock, error) { return noLock{}, nil }

// once says that there is one manifest, and nothing after it.
func (t *tarWriter) once() {}

// noLock is that of an archive that nobody else can see.
type noLock struct{}

func (noLock) dirty() bool                        { return false }
func (noLock) check(context.Context) error        { return nil }
func (noLock) unlock(context.Context, bool) error { return nil }
