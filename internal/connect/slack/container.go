package slack

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/godwit-chat/godwit/internal/chat"
)

// container is the zip file or the directory that an export is in. It may be
// read from several goroutines.
type container struct {
	path    string
	dir     *os.Root        // of a directory
	zip     *zip.ReadCloser // of a zip file
	entries []*entry        // by path
	bad     []badEntry      // what is not read
	size    int64           // of the input
}

// entry is one file of an export.
type entry struct {
	path string // within the container, safe
	size int64
	at   int64     // bytes of the input that stand before it, about
	zf   *zip.File // nil in a directory
	mod  int64     // in a directory: when it was last written
}

type badEntry struct{ name, why string }

const (
	// JSON shrinks to a twentieth and deflate can do no more than a thousandth:
	// what is above this is made to fill a disk or a memory.
	maxRatio = 400
	minBomb  = 256 << 20 // below this size nothing is suspected
)

// open opens a path and lists what is in it.
func open(p string) (*container, error) {
	info, err := os.Stat(p)
	if errors.Is(err, os.ErrNotExist) {
		return nil, chat.Errorf(chat.NotFound, "there is no %s", p).WithHint("give the path of the export: slack:PATH")
	}
	if err != nil {
		return nil, err
	}
	c := &container{path: p}
	switch {
	case info.IsDir():
		err = c.openDir()
	case !info.Mode().IsRegular():
		err = chat.Errorf(chat.Invalid, "%s is neither a file nor a directory", p).WithHint("it is read more than once: save it as a file first")
	default:
		c.size = info.Size()
		err = c.openZip()
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	slices.SortStableFunc(c.entries, func(a, b *entry) int { return strings.Compare(a.path, b.path) })
	for i := 1; i < len(c.entries); i++ {
		if c.entries[i].path == c.entries[i-1].path {
			c.bad = append(c.bad, badEntry{c.entries[i].path, "a file of this name is in it already"})
			c.entries = slices.Delete(c.entries, i, i+1)
			i--
		}
	}
	return c, nil
}

func (c *container) close() error {
	var err error
	if c.zip != nil {
		err = c.zip.Close()
	}
	if c.dir != nil {
		err = errors.Join(err, c.dir.Close())
	}
	return err
}

func (c *container) openZip() error {
	z, err := zip.OpenReader(c.path)
	if err != nil {
		return c.noZip(err)
	}
	c.zip = z
	var total uint64
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") || strings.HasSuffix(f.Name, `\`) {
			continue
		}
		p, bad := cleanName(f.Name, f.NonUTF8)
		switch {
		case bad == "" && !f.Mode().IsRegular():
			bad = "it is a link, a device or another special file"
		case bad == "" && f.Flags&1 != 0:
			bad = "it is encrypted"
		case bad == "" && f.UncompressedSize64 > minBomb && f.UncompressedSize64 > maxRatio*(f.CompressedSize64+1):
			bad = fmt.Sprintf("it unpacks to more than %d times its size: it was made to fill a disk", maxRatio)
		}
		if bad != "" {
			c.bad = append(c.bad, badEntry{f.Name, bad})
			continue
		}
		if total += f.UncompressedSize64; total > minBomb && total > maxRatio*uint64(c.size) {
			return chat.Errorf(chat.Damaged, "%s unpacks to more than %d times its size: it was made to fill a disk", c.path, maxRatio).
				WithHint("get the export from Slack again")
		}
		at, err := f.DataOffset()
		if err != nil {
			return c.damaged(f.Name, err)
		}
		c.entries = append(c.entries, &entry{path: p, size: int64(f.UncompressedSize64), at: at, zf: f})
	}
	return nil
}

// noZip says what a file is that is no zip.
func (c *container) noZip(err error) error {
	f, e := os.Open(c.path)
	if e != nil {
		return e
	}
	defer f.Close() //nolint:errcheck // only read
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	switch head = head[:n]; {
	case len(head) == 0:
		return chat.Errorf(chat.Damaged, "%s is empty", c.path).WithHint("copy the export again")
	case bytes.HasPrefix(head, []byte("PK")) || bytes.HasPrefix([]byte("PK\x03\x04"), head):
		return chat.Errorf(chat.Damaged, "%s is cut short or damaged: its list of contents, which stands at its end, cannot be read: %w", c.path, err).
			WithHint("compare its size and sha256sum with the original's and copy it again")
	case errors.Is(err, zip.ErrFormat):
		return chat.Errorf(chat.Invalid, "%s is not a Slack export: it is no zip file", c.path).WithHint("give the zip as Slack made it, or the directory that it unpacks to")
	}
	return fmt.Errorf("read %s: %w", c.path, err)
}

// damaged says where reading stopped.
func (c *container) damaged(name string, err error) error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	return chat.Errorf(chat.Damaged, "%s is damaged at %s: %w", c.path, name, err).WithHint("compare its size and sha256sum with the original's and copy it again")
}

// cleanName turns a name of a zip into a path, or says why it must not be
// used. Slack writes UTF-8 without saying so; what is no UTF-8 is read as
// the code page that zip was made for.
func cleanName(name string, undeclared bool) (p, bad string) {
	if undeclared && !utf8.ValidString(name) {
		if s, err := charmap.CodePage437.NewDecoder().String(name); err == nil {
			name = s
		}
	}
	name = strings.ReplaceAll(name, `\`, "/")
	switch {
	case !utf8.ValidString(name):
		return "", "its name is no text"
	case strings.ContainsRune(name, 0):
		return "", "its name has a NUL in it"
	case strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':':
		return "", "its name is an absolute path"
	case len(name) > 4096:
		return "", "its name is longer than 4,096 bytes"
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", `its name climbs out of the export with ".."`
	}
	return norm.NFC.String(path.Clean(name)), ""
}

func (c *container) openDir() error {
	root, err := os.OpenRoot(c.path)
	if err != nil {
		return err
	}
	c.dir = root
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			c.bad = append(c.bad, badEntry{p, "it is a link, a device or another special file"})
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		c.entries = append(c.entries, &entry{path: p, size: info.Size(), at: c.size, mod: info.ModTime().UnixNano()})
		c.size += info.Size()
		return nil
	})
}

// read opens an entry. What it yields is never longer than the entry says.
func (c *container) read(e *entry) (io.ReadCloser, error) {
	if e.zf == nil {
		f, err := c.dir.Open(e.path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path.Join(c.path, e.path), err)
		}
		return f, nil
	}
	r, err := e.zf.Open()
	if err != nil {
		return nil, c.damaged(e.path, err)
	}
	return &body{c: c, e: e, r: r}, nil
}

// body reads an entry of a zip, and says in its errors which one it was.
type body struct {
	c *container
	e *entry
	r io.ReadCloser
	n int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += int64(n); b.n > b.e.size {
		return 0, b.c.damaged(b.e.path, errors.New("it is longer than it says"))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.c.damaged(b.e.path, err)
	}
	return n, err
}

func (b *body) Close() error { return b.r.Close() }

// artefact is the identity of this very export: the names, sizes and checksums of
// what is in it; in a directory, which has no checksums, times stand for them.
func (c *container) artefact() string {
	h := sha256.New()
	for _, e := range c.entries {
		fmt.Fprintf(h, "%q %d\n", e.path, e.size)
		if e.zf != nil {
			fmt.Fprintf(h, "%d\n", e.zf.CRC32)
		} else {
			fmt.Fprintf(h, "%d\n", e.mod)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
