package hipchat

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" // as HipChat does
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/godwit-chat/godwit/internal/chat"
)

// SampleOptions say what an invented export holds. The same options give the
// same export.
type SampleOptions struct {
	Seed     uint64
	Users    int
	Rooms    int
	Messages int    // each message of a 1-1 counts once, and is written twice
	Files    int    // attachments
	Bytes    int64  // of all attachments, about; 0 is what they have by nature
	Flavour  string // "B", the standard export, or "C", the migration tool's
	Password []byte // for a name that ends with .aes
	Later    bool   // the same server some weeks on
	Traps    bool   // with everything in it that readers stumble over; see Traps
}

// Sample writes an invented export. The end of the path says in which form:
// .tar.gz.aes, .tar.gz, .tgz, .tar, or else a directory, which must not be
// there. Memory does not grow with the number of messages. It fails with
// Invalid if the options make no sense.
func Sample(ctx context.Context, path string, o SampleOptions) (err error) {
	if err := o.check(path); err != nil {
		return err
	}
	out, err := createSample(path, o)
	if err != nil {
		return err
	}
	g := newSampler(o, out)
	err = g.write(ctx)
	if closing := out.close(err); err == nil {
		err = closing
	}
	return err
}

func (o *SampleOptions) check(path string) error {
	if o.Flavour == "" {
		o.Flavour = "B"
	}
	if o.Flavour != "B" && o.Flavour != "C" {
		return chat.Errorf(chat.Invalid, "there is no flavour %q", o.Flavour).WithHint("B is the standard export, C the migration tool's")
	}
	if o.Users < 2 || o.Rooms < 1 || o.Messages < 0 || o.Files < 0 || o.Bytes < 0 {
		return chat.Errorf(chat.Invalid, "a sample needs at least 2 users and 1 room, and no number below 0")
	}
	if o.Files > o.Messages {
		return chat.Errorf(chat.Invalid, "%d files do not fit into %d messages: each message has at most one", o.Files, o.Messages)
	}
	if strings.HasSuffix(path, ".aes") && len(o.Password) == 0 {
		return chat.Errorf(chat.Unknown, "%s is to be encrypted and needs a password", path).WithHint("put one into a file and name it with --password-file")
	}
	return nil
}

// sampleOut is where an export is written to.
type sampleOut struct {
	dir   string // of a directory
	tar   *tar.Writer
	after []io.Closer // in the order of closing
	path  string
}

func createSample(path string, o SampleOptions) (*sampleOut, error) {
	out := &sampleOut{path: path}
	var zipped, encrypted bool
	switch base := strings.ToLower(path); {
	case strings.HasSuffix(base, ".tar.gz.aes"), strings.HasSuffix(base, ".tgz.aes"):
		zipped, encrypted = true, true
	case strings.HasSuffix(base, ".tar.aes"):
		encrypted = true
	case strings.HasSuffix(base, ".tar.gz"), strings.HasSuffix(base, ".tgz"):
		zipped = true
	case strings.HasSuffix(base, ".tar"):
	default:
		out.dir = path
		if _, err := os.Stat(path); err == nil {
			return nil, chat.Errorf(chat.Conflict, "%s is there already", path).WithHint("give another name, or remove it")
		}
		return out, os.MkdirAll(path, 0o755)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	out.after = []io.Closer{flusher{buf}, f}
	var w io.Writer = buf
	if encrypted {
		e, err := encrypt(w, o.Password, saltOf(o.Seed))
		if err != nil {
			return nil, err
		}
		out.after = append([]io.Closer{e}, out.after...)
		w = e
	}
	if zipped {
		z := newZipper(w)
		out.after = append([]io.Closer{z}, out.after...)
		w = z
	}
	out.tar = tar.NewWriter(w)
	out.after = append([]io.Closer{out.tar}, out.after...)
	return out, nil
}

type flusher struct{ w *bufio.Writer }

func (f flusher) Close() error { return f.w.Flush() }

// close finishes the export, or removes what there is of it if err is set.
func (o *sampleOut) close(err error) error {
	var first error
	for _, c := range o.after {
		if e := c.Close(); e != nil && first == nil {
			first = e
		}
	}
	if (err != nil || first != nil) && o.dir == "" {
		_ = os.Remove(o.path) // the error to tell is the one before
	}
	return first
}

// sampleEpoch is when the server of a sample was set up, a Monday.
var sampleEpoch = time.Date(2013, 9, 2, 8, 0, 0, 0, time.UTC)

// add writes one file of which the bytes are at hand.
func (o *sampleOut) add(name string, b []byte) error {
	return o.stream(name, int64(len(b)), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// stream writes one file of a size.
func (o *sampleOut) stream(name string, size int64, write func(io.Writer) error) error {
	if o.tar != nil {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: sampleEpoch.AddDate(5, 0, 0)}
		if err := o.tar.WriteHeader(h); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		return write(o.tar)
	}
	p := filepath.Join(o.dir, filepath.FromSlash(path.Clean(name)))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	f, err := os.Create(p)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	if err := write(w); err != nil {
		_ = f.Close()
		return err
	}
	if err := w.Flush(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// header writes a tar entry that is no file; a directory gets nothing.
func (o *sampleOut) header(h *tar.Header) error {
	if o.tar == nil {
		return nil
	}
	h.Mode, h.ModTime = 0o644, sampleEpoch
	return o.tar.WriteHeader(h)
}

func saltOf(seed uint64) []byte {
	salt := make([]byte, 0, saltSize)
	for i := range saltSize {
		salt = append(salt, byte(mix(seed, 77)>>(8*i)))
	}
	return salt
}

// encrypter writes what `openssl enc -aes-256-cbc -md md5` writes.
type encrypter struct {
	w    io.Writer
	mode cipher.BlockMode
	rest []byte // less than a block
	buf  []byte
}

func encrypt(w io.Writer, password, salt []byte) (*encrypter, error) {
	key, iv := derive(md5.New, password, salt)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(append([]byte(saltMagic), salt...)); err != nil {
		return nil, err
	}
	return &encrypter{w: w, mode: cipher.NewCBCEncrypter(block, iv)}, nil
}

func (e *encrypter) Write(p []byte) (int, error) {
	e.buf = append(append(e.buf[:0], e.rest...), p...)
	whole := len(e.buf) / aes.BlockSize * aes.BlockSize
	e.mode.CryptBlocks(e.buf[:whole], e.buf[:whole])
	if _, err := e.w.Write(e.buf[:whole]); err != nil {
		return 0, err
	}
	e.rest = append(e.rest[:0], e.buf[whole:]...)
	return len(p), nil
}

// Close writes the padding.
func (e *encrypter) Close() error {
	n := aes.BlockSize - len(e.rest)
	last := e.rest
	for range n {
		last = append(last, byte(n))
	}
	e.mode.CryptBlocks(last, last)
	_, err := e.w.Write(last)
	return err
}

// zipper compresses in parallel: each piece becomes a member of its own, as
// the gzip format allows.
type zipper struct {
	w     io.Writer
	buf   []byte
	order chan chan []byte
	slots chan struct{}
	done  chan error
}

const zipPiece = 1 << 20

func newZipper(w io.Writer) *zipper {
	n := runtime.GOMAXPROCS(0)
	z := &zipper{w: w, order: make(chan chan []byte, 2*n), slots: make(chan struct{}, n), done: make(chan error, 1)}
	go func() {
		var err error
		for piece := range z.order {
			b := <-piece
			if err == nil {
				_, err = z.w.Write(b)
			}
		}
		z.done <- err
	}()
	return z
}

func (z *zipper) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), zipPiece-len(z.buf))
		z.buf = append(z.buf, p[:k]...)
		p = p[k:]
		if len(z.buf) == zipPiece {
			z.flush()
		}
	}
	return n, nil
}

func (z *zipper) flush() {
	b := z.buf
	z.buf = make([]byte, 0, zipPiece)
	piece := make(chan []byte, 1)
	z.slots <- struct{}{}
	z.order <- piece
	go func() {
		defer func() { <-z.slots }()
		out := &sliceWriter{b: make([]byte, 0, len(b)/3)}
		w, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
		if err == nil {
			_, _ = w.Write(b)
			_ = w.Close()
		}
		piece <- out.b
	}()
}

// Close writes the last piece, and reports what went wrong with any.
func (z *zipper) Close() error {
	if len(z.buf) > 0 {
		z.flush()
	}
	close(z.order)
	return <-z.done
}

type sliceWriter struct{ b []byte }

func (s *sliceWriter) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}
