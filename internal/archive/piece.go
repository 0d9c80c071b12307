package archive

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/godwit-chat/godwit/internal/chat"
)

// What a piece of lines may have at most. Writers stay far below.
const (
	maxPiece = 256 << 20
	maxRaw   = 512 << 20
	// window is that of our own pieces; larger ones are read up to the most.
	window    = 4 << 20
	maxWindow = 64 << 20
)

var encoders = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // the options above are wrong
	}
	return z
}}

// pack compresses, and encrypts unless the archive is plain.
func (a *Archive) pack(raw []byte, to *age.X25519Recipient) ([]byte, error) {
	z := encoders.Get().(*zstd.Encoder)
	packed := z.EncodeAll(raw, make([]byte, 0, len(raw)/3+1000))
	encoders.Put(z)
	if to == nil {
		return packed, nil
	}
	var out bytes.Buffer
	out.Grow(len(packed) + len(packed)>>11 + 1000)
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(packed)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// unpack undoes pack. It refuses what would be larger than most.
func (a *Archive) unpack(data []byte, most int64, id *age.X25519Identity) ([]byte, error) {
	var r io.Reader = bytes.NewReader(data)
	if id != nil {
		var err error
		if r, err = age.Decrypt(r, id); err != nil {
			return nil, err
		}
		if data, err = readAll(r, int64(len(data)), "what is in it"); err != nil {
			return nil, err
		}
	}
	// The limit of memory is one of the window too.
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(most, maxWindow))), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	raw, err := z.DecodeAll(data, nil)
	if err == nil && int64(len(raw)) > most {
		return nil, fmt.Errorf("it unpacks to more than %d bytes", most)
	}
	return raw, err
}

// read returns the lines of a piece, after its hash was compared.
func (a *Archive) read(ctx context.Context, p Piece) ([]byte, error) {
	r, err := a.store.open(ctx, p.Name)
	if chat.IsKind(err, chat.NotFound) {
		return nil, chat.Errorf(chat.Damaged, "%s: the piece %s is missing", a.where, p.Name).WithHint("the archive is not complete: copy it again from where it is, or use another snapshot")
	}
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	data, err := readAll(r, p.Size, p.Name)
	if err != nil {
		return nil, a.damaged(p.Name, err)
	}
	sum := sha256.Sum256(data)
	switch {
	case int64(len(data)) != p.Size:
		return nil, a.damaged(p.Name, fmt.Errorf("it has %d bytes and should have %d", len(data), p.Size))
	case hex.EncodeToString(sum[:]) != p.Sum:
		return nil, a.damaged(p.Name, errors.New("its hash is not the manifest's"))
	}
	id := a.keys.identity
	if p.Type == Secrets {
		id = a.keys.secrets
	}
	raw, err := a.unpack(data, p.Raw, id)
	if err != nil {
		return nil, a.damaged(p.Name, err)
	}
	if int64(len(raw)) != p.Raw {
		return nil, a.damaged(p.Name, fmt.Errorf("it unpacks to %d bytes and should to %d", len(raw), p.Raw))
	}
	return raw, nil
}

// fileName is what the bytes of a hash are stored under: nobody without the key
// can say whether a file that they know is in the archive.
func (a *Archive) fileName(sum string) string {
	name, end := sum, ""
	if !a.Plain() {
		mac := hmac.New(sha256.New, a.keys.nameKey)
		mac.Write([]byte(sum))
		name, end = hex.EncodeToString(mac.Sum(nil)), ".age"
	}
	return filesDir + "/" + name[:2] + "/" + name + end
}

// stored is the size of n bytes as they are stored, and the bytes before them.
func (a *Archive) encryptFile(r io.Reader, size int64) (io.Reader, int64, error) {
	if a.Plain() {
		return r, size, nil
	}
	var head bytes.Buffer
	w, err := age.Encrypt(&head, a.keys.recipient)
	if err != nil {
		return nil, 0, err
	}
	// age works on 64 KiB at a time, and writes 16 bytes after each; the last
	// may be short, and is empty only if all is.
	const chunk, overhead = 64 << 10, 16
	chunks := max((size+chunk-1)/chunk, 1)
	out := &encrypting{w: w, buf: &head, r: r}
	return out, int64(head.Len()) + size + chunks*overhead, nil
}

// encrypting reads what age writes.
type encrypting struct {
	w    io.WriteCloser
	buf  *bytes.Buffer
	r    io.Reader
	done bool
	tmp  [64 << 10]byte
}

func (e *encrypting) Read(p []byte) (int, error) {
	for e.buf.Len() == 0 {
		if e.done {
			return 0, io.EOF
		}
		n, err := e.r.Read(e.tmp[:])
		if _, werr := e.w.Write(e.tmp[:n]); werr != nil {
			return 0, werr
		}
		if err == io.EOF {
			e.done = true
			err = e.w.Close()
		}
		if err != nil {
			return 0, err
		}
	}
	return e.buf.Read(p)
}

// openFile opens the bytes of a file as they were. A wrong byte is an error
// before it is given, but in a plain archive: there the reader compares the hash.
func (a *Archive) openFile(ctx context.Context, f fileLine) (io.ReadCloser, error) {
	name := a.fileName(f.Hash)
	r, err := a.store.open(ctx, name)
	if chat.IsKind(err, chat.NotFound) {
		return nil, chat.Errorf(chat.Damaged, "%s: the piece %s is missing", a.where, name).WithHint("the archive is not complete: copy it again from where it is")
	}
	if err != nil || a.Plain() {
		return r, err
	}
	plain, err := age.Decrypt(r, a.keys.identity)
	if err != nil {
		return nil, errors.Join(a.damaged(name, err), r.Close())
	}
	return &fileReader{a: a, name: name, r: plain, c: r}, nil
}

type fileReader struct {
	a    *Archive
	name string
	r    io.Reader
	c    io.Closer
}

func (f *fileReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		err = f.a.damaged(f.name, err)
	}
	return n, err
}

func (f *fileReader) Close() error { return f.c.Close() }

// summing counts and hashes what is read through it.
type summing struct {
	r io.Reader
	h hash.Hash
	n int64
}

func newSumming(r io.Reader) *summing { return &summing{r: r, h: sha256.New()} }

func (s *summing) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.h.Write(p[:n])
	s.n += int64(n)
	return n, err
}

func (s *summing) sum() string { return hex.EncodeToString(s.h.Sum(nil)) }
