package hipchat

import (
	"bufio"
	"bytes"
	"context"
	"crypto/aes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// container is the file or directory that an export is in.
type container struct {
	path    string
	size    int64
	dir     bool
	secret  *secret // nil if it is not encrypted
	zipped  bool    // gzip
	wrapper string  // the directory within that everything is in, or ""
}

// probe finds out by its content what is at path, and proves the password.
func probe(ctx context.Context, path string, o connect.Options) (*container, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, chat.Errorf(chat.NotFound, "there is no %s", path).WithHint("give the path of the export: hipchat:PATH")
	}
	if err != nil {
		return nil, err
	}
	c := &container{path: path, size: info.Size(), dir: info.IsDir()}
	if c.dir {
		return c, nil
	}
	if !info.Mode().IsRegular() {
		return nil, chat.Errorf(chat.Invalid, "%s is neither a file nor a directory", path).WithHint("it is read more than once: save it as a file first")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	head := make([]byte, len(saltMagic)+saltSize+headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return c, c.recognise(ctx, f, head[:n], o)
}

func (c *container) recognise(ctx context.Context, f *os.File, head []byte, o connect.Options) error {
	switch {
	case bytes.HasPrefix(head, []byte(saltMagic)):
		return c.unlock(ctx, f, head[len(saltMagic):], o)
	case isGzip(head):
		c.zipped = true
		return nil
	case isTar(head):
		return nil
	case isZip(head):
		return chat.Errorf(chat.Invalid, "%s is a zip file, as HipChat Cloud wrote until 2018: Godwit does not read it", c.path).
			WithHint("the later exports (.tar.gz.aes) are read; a zip has no 1-1 messages and no files")
	case len(head) == 0:
		return chat.Errorf(chat.Damaged, "%s is empty", c.path).WithHint("copy the export again")
	}
	return chat.Errorf(chat.Invalid, "%s is not a HipChat export: it begins with none of the marks of openssl, gzip and tar", c.path).
		WithHint("give the file as HipChat made it (.tar.gz.aes), or what is in it")
}

func (c *container) unlock(ctx context.Context, f *os.File, head []byte, o connect.Options) error {
	data := c.size - int64(len(saltMagic)+saltSize)
	if len(head) < saltSize+aes.BlockSize || data%aes.BlockSize != 0 {
		return chat.Errorf(chat.Damaged, "%s is cut short: %d bytes of encrypted data are no whole number of blocks", c.path, data).
			WithHint("compare its size with the original's and copy it again")
	}
	if o.Password == nil {
		return chat.Errorf(chat.Unknown, "%s is encrypted and needs a password", c.path).
			WithHint("put the password into a file and name it with --password-file, or set GODWIT_PASSWORD")
	}
	password, err := o.Password(ctx)
	if err != nil {
		return err
	}
	if c.secret, err = prove(password, head[:saltSize], head[saltSize:]); err != nil {
		return err
	}
	if data >= 2*aes.BlockSize {
		last := make([]byte, 2*aes.BlockSize)
		if _, err := f.ReadAt(last, c.size-int64(len(last))); err != nil {
			return err
		}
		if c.secret.checkEnd(last) != nil {
			return chat.Errorf(chat.Damaged, "%s is cut short or changed: the password fits its beginning, but its end does not decrypt", c.path).
				WithHint("compare its size and sha256sum with the original's and copy it again")
		}
	}
	c.zipped = c.secret.zipped
	return nil
}

// artefact is the identity of this very export: its first MiB and its size.
func (c *container) artefact() (string, error) {
	h := sha256.New()
	f, err := os.Open(c.path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	if _, err := io.Copy(h, io.LimitReader(f, 1<<20)); err != nil {
		return "", err
	}
	fmt.Fprint(h, c.size)
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// open starts reading the container from its beginning.
func (c *container) open() (walker, error) {
	if c.dir {
		return openDir(c.path, c.wrapper)
	}
	f, err := os.Open(c.path)
	if err != nil {
		return nil, err
	}
	if c.secret == nil && !c.zipped {
		return newTarWalker(f, f, c.wrapper), nil
	}
	in := &counter{r: f}
	var r io.Reader = bufio.NewReaderSize(in, 256<<10)
	if c.secret != nil {
		if _, err := io.CopyN(io.Discard, r, int64(len(saltMagic)+saltSize)); err != nil {
			_ = f.Close()
			return nil, err
		}
		r = c.secret.reader(r)
	}
	if c.zipped {
		r = &unzipper{in: bufio.NewReaderSize(r, 64<<10), raw: in}
	}
	w := newTarWalker(r, f, c.wrapper)
	w.input = in
	return w, nil
}

// counter counts what is read through it. Its count may be read at any time.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

const (
	// A history shrinks to a tenth, pictures not at all, and gzip can do no
	// more than a thousandth: what is above this is made to fill a disk.
	maxRatio = 400
	// Below this size nothing is suspected: an empty room shrinks well too.
	minBomb = 256 << 20
)

// unzipper reads all members of a gzip file, and what is behind them.
type unzipper struct {
	in      *bufio.Reader
	raw     *counter
	z       *gzip.Reader
	out     int64
	members int
	trail   int64 // bytes behind the last member that are no gzip
	done    bool
}

func (u *unzipper) Read(p []byte) (int, error) {
	for {
		if u.done {
			return 0, io.EOF
		}
		if u.z == nil {
			z, err := gzip.NewReader(u.in)
			if err != nil {
				return 0, err
			}
			u.z = z
			u.z.Multistream(false)
		}
		n, err := u.z.Read(p)
		u.out += int64(n)
		if u.out > minBomb && u.out > maxRatio*u.raw.n.Load() {
			return n, chat.Errorf(chat.Damaged, "it unpacks to more than %d times its size: it was made to fill a disk", maxRatio)
		}
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := u.nextMember(); err != nil || n > 0 {
			return n, err
		}
	}
}

func (u *unzipper) nextMember() error {
	u.members++
	head, err := u.in.Peek(3)
	if isGzip(head) {
		if err := u.z.Reset(u.in); err != nil {
			return err
		}
		u.z.Multistream(false)
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	u.done = true
	u.trail, err = countNonZero(u.in)
	return err
}

// countNonZero reads to the end and counts the bytes from the first that is
// not zero: tapes and some programs fill up with zeros.
func countNonZero(r io.Reader) (int64, error) {
	buf := make([]byte, 32<<10)
	var n int64
	for {
		k, err := r.Read(buf)
		b := buf[:k]
		if n == 0 {
			b = bytes.TrimLeft(b, "\x00")
		}
		n += int64(len(b))
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
