package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sync/semaphore"

	"github.com/godwit-chat/godwit/internal/blob"
)

const (
	previewSize = 720 // pixels, the longer side
	atOncePix   = 1   // pictures decoded at once
)

// previewer makes small pictures, and keeps them in a directory.
type previewer struct {
	root  *os.Root
	files *blob.Dir
	few   *semaphore.Weighted
}

// open returns the preview of the picture with a hash, and a name for it that
// is another for other bytes. It is always made anew: a picture as it was
// sent may say where it was taken. It fails with NotFound for what is no
// picture, or one that needs too much.
func (p *previewer) open(ctx context.Context, hash string) (*os.File, string, error) {
	kept := "p" + hash
	if f, err := p.root.Open(kept); err == nil {
		return f, kept, nil
	}
	f, err := p.files.Open(hash)
	if err != nil {
		return nil, "", err
	}
	defer f.Close() //nolint:errcheck // only read
	if _, _, err := measure(f); err != nil {
		return nil, "", err
	}
	if err := p.make(ctx, f, kept); err != nil {
		return nil, "", err
	}
	out, err := p.root.Open(kept)
	return out, kept, err
}

// make writes a preview. Whoever waits for the same finds it made.
func (p *previewer) make(ctx context.Context, f io.ReadSeeker, name string) error {
	if err := p.few.Acquire(ctx, 1); err != nil {
		return err
	}
	defer p.few.Release(1)
	if _, err := p.root.Stat(name); err == nil {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	small, err := decode(ctx, f, previewSize)
	if err != nil {
		return err
	}
	data, _, err := encode(small)
	if err != nil {
		return err
	}
	return p.write(name, data)
}

// write makes a file appear whole or not at all.
func (p *previewer) write(name string, data []byte) error {
	tmp := name + ".new"
	err := p.root.WriteFile(tmp, data, 0o600)
	if err == nil {
		err = p.root.Rename(tmp, name)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
