package hipchat

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/godwit-chat/godwit/internal/chat"
)

// entry is one file of an export.
type entry struct {
	index int    // number within the export, from 0
	name  string // as the container has it
	path  string // within the export, safe; empty if bad
	bad   string // why it is not read
	size  int64
	body  io.Reader // until the next entry is asked for
}

// walker goes through the files of an export in an order that is always the
// same.
type walker interface {
	next() (*entry, error) // io.EOF after the last
	read() int64           // bytes of the input read so far
	trailing() int64       // after the last: bytes behind the end that were not read as entries
	Close() error
}

// cleanPath turns a name in a container into a path within the export, or
// says why it must not be used.
func cleanPath(name, wrapper string) (p, bad string) {
	switch {
	case strings.ContainsRune(name, 0):
		return "", "its name has a NUL in it"
	case strings.HasPrefix(name, "/"):
		return "", "its name is an absolute path"
	case len(name) > 4096:
		return "", "its name is longer than 4,096 bytes"
	}
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", `its name climbs out of the export with ".."`
	}
	p = path.Clean(name)
	if wrapper != "" {
		rest, ok := strings.CutPrefix(p, wrapper+"/")
		if !ok {
			return "", "it is beside the directory that holds the export"
		}
		p = rest
	}
	return p, ""
}

// contentPath is the form of a path from which the ID of its bytes is derived:
// archives and file systems write accents in two ways.
func contentPath(p string) string { return norm.NFC.String(p) }

const (
	// An attachment's name and size take more than this, however well they
	// are compressed.
	minEntry = 16
	// Up to this many entries nothing is suspected.
	manyEntries = 100_000
)

// tarWalker reads a tar stream.
type tarWalker struct {
	file    io.Closer
	raw     io.Reader
	tail    *tailReader
	tar     *tar.Reader
	input   *counter // nil if the tar is the file itself
	wrapper string
	count   int
	headers int64  // of entries, those that are not given too
	at      string // the entry under way
	extra   int64
}

func newTarWalker(r io.Reader, file *os.File, wrapper string) *tarWalker {
	w := &tarWalker{file: file, raw: r, wrapper: wrapper, tail: &tailReader{r: r}}
	if s, ok := r.(io.Seeker); ok {
		w.tar = tar.NewReader(&tailSeeker{w.tail, s})
	} else {
		w.tar = tar.NewReader(w.tail)
	}
	return w
}

func (w *tarWalker) Close() error    { return w.file.Close() }
func (w *tarWalker) trailing() int64 { return w.extra }

func (w *tarWalker) read() int64 {
	if w.input != nil {
		return w.input.n.Load()
	}
	return w.tail.pos
}

func (w *tarWalker) next() (*entry, error) {
	for {
		h, err := w.tar.Next()
		if errors.Is(err, io.EOF) {
			return nil, w.end()
		}
		if err != nil {
			return nil, w.damaged(err)
		}
		w.at = h.Name
		if w.headers++; w.headers > manyEntries && w.headers > w.read()/minEntry {
			return nil, w.damaged(chat.Errorf(chat.Damaged, "it has more than %d entries in less than %d bytes each: it was made to keep readers busy", manyEntries, minEntry))
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		e := &entry{index: w.count, name: h.Name, size: h.Size, body: &bodyReader{w}}
		w.count++
		e.path, e.bad = cleanPath(h.Name, w.wrapper)
		if reason := tarTrick(h); reason != "" {
			e.path, e.bad = "", reason
		}
		return e, nil
	}
}

// tarTrick says what is wrong with an entry that is no plain file.
func tarTrick(h *tar.Header) string {
	switch h.Typeflag {
	case tar.TypeSymlink, tar.TypeLink:
		return fmt.Sprintf("it is a link to %q", h.Linkname)
	case tar.TypeReg, tar.TypeRegA: //nolint:staticcheck // old archives have it
		for k := range h.PAXRecords {
			if strings.HasPrefix(k, "GNU.sparse.") {
				return "it is a sparse file"
			}
		}
		return ""
	case tar.TypeGNUSparse:
		return "it is a sparse file"
	}
	return "it is a device or another special file"
}

// end is called when the tar has ended: it must have ended with a block of
// zeros, and everything behind it is read so that checksums are checked.
func (w *tarWalker) end() error {
	if w.tail.zeros < tarBlock {
		return w.damaged(io.ErrUnexpectedEOF)
	}
	n, err := countNonZero(w.tail)
	if err != nil {
		return w.damaged(err)
	}
	w.extra = n
	if u, ok := w.raw.(*unzipper); ok {
		w.extra += u.trail
	}
	return io.EOF
}

// damaged says where reading stopped.
func (w *tarWalker) damaged(err error) error {
	where := "at its beginning"
	if w.at != "" {
		where = fmt.Sprintf("at entry %d, %s", w.count, w.at)
	}
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return chat.Errorf(e.Kind, "the archive is damaged %s: %w", where, err).WithHint("compare its size and sha256sum with the original's and copy it again")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return chat.Errorf(chat.Damaged, "the archive ends %s: it is cut short", where).WithHint("compare its size and sha256sum with the original's and copy it again")
	}
	return chat.Errorf(chat.Damaged, "the archive is damaged %s: %w", where, err).WithHint("compare its size and sha256sum with the original's and copy it again")
}

// bodyReader reads an entry and says in its errors which one it was.
type bodyReader struct{ w *tarWalker }

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.w.tar.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.w.damaged(err)
	}
	return n, err
}

// tailReader counts the zeros that were read last: a tar ends with a block of
// them.
type tailReader struct {
	r     io.Reader
	pos   int64
	zeros int
}

const tarBlock = 512

func (t *tailReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.pos += int64(n)
	last := p[max(0, n-tarBlock):n]
	zeros := len(last) - len(bytes.TrimRight(last, "\x00"))
	if zeros == n {
		zeros = min(t.zeros+n, tarBlock)
	}
	t.zeros = zeros
	return n, err
}

type tailSeeker struct {
	*tailReader
	s io.Seeker
}

func (t *tailSeeker) Seek(offset int64, whence int) (int64, error) {
	n, err := t.s.Seek(offset, whence)
	if n != t.pos {
		t.pos, t.zeros = n, 0
	}
	return n, err
}

// dirWalker reads an export that was unpacked: first the files at its top,
// then its directories by name.
type dirWalker struct {
	root  *os.Root
	fsys  fs.FS
	todo  []string // paths, the next one last
	open  *os.File
	count int
	done  int64
}

func openDir(dir, wrapper string) (*dirWalker, error) {
	root, err := os.OpenRoot(path.Join(dir, wrapper))
	if err != nil {
		return nil, err
	}
	w := &dirWalker{root: root, fsys: root.FS()}
	return w, w.push(".")
}

func (w *dirWalker) push(dir string) error {
	list, err := fs.ReadDir(w.fsys, dir)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int {
		if a.IsDir() != b.IsDir() {
			if a.IsDir() {
				return -1
			}
			return 1
		}
		return strings.Compare(b.Name(), a.Name())
	})
	for _, e := range list {
		w.todo = append(w.todo, path.Join(dir, e.Name()))
	}
	if dir == "." {
		// People and rooms first, as an archive has them.
		for _, first := range []string{"emoticons.json", "rooms.json", "users.json"} {
			if i := slices.Index(w.todo, first); i >= 0 {
				w.todo = append(slices.Delete(w.todo, i, i+1), first)
			}
		}
	}
	return nil
}

func (w *dirWalker) next() (*entry, error) {
	w.closeFile()
	for len(w.todo) > 0 {
		p := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		info, err := w.root.Lstat(p)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			if err := w.push(p); err != nil {
				return nil, err
			}
			continue
		}
		e := &entry{index: w.count, name: p, path: p, size: info.Size(), body: bytes.NewReader(nil)}
		w.count++
		if !info.Mode().IsRegular() {
			e.path, e.bad, e.size = "", "it is a link, a device or another special file", 0
			return e, nil
		}
		w.done += e.size
		e.body = &lazyFile{w: w, path: p}
		return e, nil
	}
	return nil, io.EOF
}

// lazyFile opens a file when it is read: what is skipped costs nothing.
type lazyFile struct {
	w    *dirWalker
	path string
	f    *os.File
}

func (l *lazyFile) Read(p []byte) (int, error) {
	if l.f == nil {
		f, err := l.w.root.Open(l.path)
		if err != nil {
			return 0, err
		}
		l.f, l.w.open = f, f
	}
	return l.f.Read(p)
}

func (w *dirWalker) closeFile() {
	if w.open != nil {
		_ = w.open.Close() // only read
		w.open = nil
	}
}

func (w *dirWalker) read() int64     { return w.done }
func (w *dirWalker) trailing() int64 { return 0 }

func (w *dirWalker) Close() error {
	w.closeFile()
	return w.root.Close()
}
