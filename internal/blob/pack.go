package blob

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"

	"github.com/godwit-chat/godwit/internal/chat"
)

// A pack is the bytes of many small files, one after the other: 32 bytes of
// hash, how many bytes there are, plus one (0: they are not here), and the
// bytes. 32 zero bytes end it.

// Pack writes the bytes of hashes to w as a pack. Files that are not here, or
// larger than a small one, are left out.
func (d *Dir) Pack(ctx context.Context, names []string, w io.Writer) error {
	out := bufio.NewWriterSize(w, 256<<10)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		sum, err := hex.DecodeString(name)
		if err != nil || len(sum) != sha256.Size {
			return chat.Errorf(chat.Invalid, "%q is not a SHA-256", name)
		}
		if err := d.packOne(name, sum, out); err != nil {
			return err
		}
	}
	_, err := out.Write(make([]byte, sha256.Size))
	return errors.Join(err, out.Flush())
}

func (d *Dir) packOne(name string, sum []byte, out *bufio.Writer) error {
	f, err := d.Open(name)
	if chat.IsKind(err, chat.NotFound) {
		_, err := out.Write(append(sum, 0))
		return err
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return diskError("look at", name, err)
	}
	size := info.Size()
	if size > small {
		_, err := out.Write(append(sum, 0))
		return err
	}
	if _, err := out.Write(binary.AppendUvarint(sum, uint64(size)+1)); err != nil {
		return err
	}
	// What is shorter now than it was is padded: its hash tells.
	n, err := io.CopyN(out, f, size)
	if err == io.EOF {
		_, err = out.Write(make([]byte, size-n))
	}
	return err
}

// Unpack stages the files of a pack, those that have not got their hash left
// out. It fails with Invalid if it is none, and with Unavailable if it breaks
// off; what came before is staged.
func (d *Dir) Unpack(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(&ctxReader{ctx, r}, 256<<10)
	var buf []byte
	for {
		var sum [sha256.Size]byte
		if _, err := io.ReadFull(in, sum[:]); err != nil {
			return brokenOff("in a pack", early(err))
		}
		if sum == ([sha256.Size]byte{}) {
			return nil
		}
		size, err := binary.ReadUvarint(in)
		if err != nil {
			return brokenOff("in a pack", early(err))
		}
		if size == 0 {
			continue
		}
		if size-1 > small {
			return chat.Errorf(chat.Invalid, "a file of %d bytes in a pack of small ones", size-1)
		}
		if cap(buf) < int(size) {
			buf = make([]byte, small+1)
		}
		buf = buf[:size-1]
		if _, err := io.ReadFull(in, buf); err != nil {
			return brokenOff("in a pack", early(err))
		}
		if err := d.PutAs(hex.EncodeToString(sum[:]), buf); err != nil && !chat.IsKind(err, chat.Damaged) {
			return err
		}
	}
}

func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
