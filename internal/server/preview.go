package server

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/draw"
	_ "image/gif" // decoders of what may be a picture
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"

	scale "golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // as above
	"golang.org/x/sync/semaphore"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	previewSize = 720        // pixels, the longer side
	mostPixels  = 50_000_000 // of a picture that is decoded: 200 MB
	smallBytes  = 256 << 10  // a picture of few pixels and bytes is its own preview
	atOncePix   = 1          // pictures decoded at once
	jpegQuality = 82
)

// previewer makes small pictures, and keeps them in a directory.
type previewer struct {
	root  *os.Root
	files *blob.Dir
	few   *semaphore.Weighted
}

func newPreviewer(root *os.Root, files *blob.Dir) *previewer {
	return &previewer{root, files, semaphore.NewWeighted(atOncePix)}
}

func errNoPicture() error { return chat.Errorf(chat.NotFound, "there is no preview of this file") }

// open returns the preview of the picture with a hash, and a name for it that
// is another for other bytes. It fails with NotFound for what is no picture,
// or one of too many pixels.
func (p *previewer) open(ctx context.Context, hash string) (*os.File, string, error) {
	kept := "p" + hash
	if f, err := p.root.Open(kept); err == nil {
		return f, kept, nil
	}
	f, err := p.files.Open(hash)
	if err != nil {
		return nil, "", err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, "", errors.Join(err, f.Close())
	}
	c, _, err := image.DecodeConfig(f)
	if err != nil || c.Width < 1 || c.Height < 1 || int64(c.Width)*int64(c.Height) > mostPixels {
		return nil, "", errors.Join(errNoPicture(), f.Close())
	}
	if c.Width <= previewSize && c.Height <= previewSize && info.Size() <= smallBytes {
		_, err := f.Seek(0, io.SeekStart)
		return f, hash, err
	}
	defer f.Close() //nolint:errcheck // only read
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
	whole, _, err := image.Decode(f)
	if err != nil {
		return errNoPicture()
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	small := turned(shrink(whole), orientation(f))
	var b bytes.Buffer
	if o, ok := small.(interface{ Opaque() bool }); ok && o.Opaque() {
		err = jpeg.Encode(&b, small, &jpeg.Options{Quality: jpegQuality})
	} else {
		err = png.Encode(&b, small)
	}
	if err != nil {
		return err
	}
	return p.write(name, b.Bytes())
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

func shrink(whole image.Image) *image.NRGBA {
	from := whole.Bounds()
	w, h := from.Dx(), from.Dy()
	if long := max(w, h); long > previewSize {
		w, h = max(1, w*previewSize/long), max(1, h*previewSize/long)
	}
	small := image.NewNRGBA(image.Rect(0, 0, w, h))
	scale.BiLinear.Scale(small, small.Bounds(), whole, from, draw.Src, nil)
	return small
}
