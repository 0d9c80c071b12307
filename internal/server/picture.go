package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	_ "golang.org/x/image/bmp" // decoders of what may be a picture
	scale "golang.org/x/image/draw"
	_ "golang.org/x/image/tiff" // as above
	_ "golang.org/x/image/webp" // as above

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	mostPixels  = 50_000_000 // of a picture that is decoded
	drawMemory  = 200 << 20  // bytes that decoding may need
	mostDecode  = 10 * time.Second
	jpegQuality = 82
	drawnHeader = 64 << 10 // of a JPEG file, in which it says how it is coded
)

func errNoPicture() error { return chat.Errorf(chat.NotFound, "there is no preview of this file") }

// impatient ends a decoder that takes too long, when it next reads.
type impatient struct {
	ctx context.Context //nolint:containedctx // lives as long as one call of decode
	r   io.Reader
}

func (i impatient) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// measure finds how large a picture is, and refuses, before anything of it is
// decoded, what needs too much memory: a few bytes can claim any size.
func measure(f io.ReadSeeker) (image.Config, string, error) {
	c, format, err := image.DecodeConfig(io.LimitReader(f, pictureHeader))
	if err != nil || c.Width < 1 || c.Height < 1 {
		return c, format, errNoPicture()
	}
	pixels := int64(c.Width) * int64(c.Height)
	if c.Width > mostPixels || c.Height > mostPixels || pixels > mostPixels {
		return c, format, errNoPicture()
	}
	each := int64(4)
	switch c.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model:
		each = 8
	case color.YCbCrModel, color.CMYKModel:
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return c, format, err
		}
		if progressive(f) {
			each = 16 // all coefficients are held until the last pass
		}
	}
	if pixels*each > drawMemory {
		return c, format, errNoPicture()
	}
	_, err = f.Seek(0, io.SeekStart)
	return c, format, err
}

// progressive reports whether a JPEG file comes in passes.
func progressive(r io.Reader) bool {
	head, _ := io.ReadAll(io.LimitReader(r, drawnHeader))
	if len(head) < 2 || head[0] != 0xff || head[1] != 0xd8 {
		return false
	}
	for head = head[2:]; len(head) >= 4 && head[0] == 0xff; {
		switch n := int(head[2])<<8 | int(head[3]); {
		case head[1] == 0xc0 || head[1] == 0xc1:
			return false
		case n+2 > len(head):
			return true // not known: the dearer is assumed
		default:
			if head[1] == 0xc2 {
				return true
			}
			head = head[n+2:]
		}
	}
	return len(head) > 0
}

// decode decodes a picture, turned as its camera was held, at most as large as
// fits a square of a side. It fails with NotFound for what is no picture, is
// broken, or needs too much memory or time.
func decode(ctx context.Context, f io.ReadSeeker, side int) (p *image.NRGBA, err error) {
	_, format, err := measure(f)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, mostDecode)
	defer cancel()
	defer func() {
		if r := recover(); r != nil { // decoders meet what nobody thought of
			p, err = nil, errNoPicture()
		}
	}()
	whole, _, err := image.Decode(impatient{ctx, f})
	if err != nil {
		return nil, errNoPicture()
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return turned(shrink(whole, side), orientation(f, format)), nil
}

func shrink(whole image.Image, side int) *image.NRGBA {
	from := whole.Bounds()
	w, h := from.Dx(), from.Dy()
	if long := max(w, h); long > side {
		w, h = max(1, w*side/long), max(1, h*side/long)
	}
	small := image.NewNRGBA(image.Rect(0, 0, w, h))
	scale.BiLinear.Scale(small, small.Bounds(), whole, from, draw.Src, nil)
	return small
}

// encode writes a picture with nothing beside it: no place, no camera, no
// second file hidden behind it.
func encode(p *image.NRGBA) ([]byte, string, error) {
	var b bytes.Buffer
	if p.Opaque() {
		err := jpeg.Encode(&b, p, &jpeg.Options{Quality: jpegQuality})
		return b.Bytes(), "image/jpeg", err
	}
	err := png.Encode(&b, p)
	return b.Bytes(), "image/png", err
}

// squared cuts the middle out of a picture.
func squared(p *image.NRGBA) *image.NRGBA {
	b := p.Bounds()
	side := min(b.Dx(), b.Dy())
	at := image.Pt(b.Min.X+(b.Dx()-side)/2, b.Min.Y+(b.Dy()-side)/2)
	out := image.NewNRGBA(image.Rect(0, 0, side, side))
	draw.Draw(out, out.Bounds(), p, at, draw.Src)
	return out
}

// pictureUse says what a picture is for that somebody sends.
type pictureUse struct {
	side   int  // px that it is kept at
	square bool // cut to a square
	moving bool // small animations are kept
}

var (
	avatarUse   = pictureUse{side: chat.AvatarSide, square: true}
	emoticonUse = pictureUse{side: chat.EmoticonSide, moving: true}
)

// picture reads a picture from the body of a request and keeps it, made anew.
// It fails with Invalid if it is none, is too large, or cannot be read.
func (s *Server) picture(r *request, use pictureUse) (*chat.Picture, error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, chat.MostPicture+1))
	if err != nil {
		return nil, chat.Errorf(chat.Unavailable, "the picture did not come whole: %w", err)
	}
	if len(data) > chat.MostPicture {
		return nil, chat.Errorf(chat.Invalid, "the picture has more than %d MiB", chat.MostPicture>>20).WithHint("choose a smaller one")
	}
	return s.keepPicture(r.Context(), data, use)
}

// keepPicture makes a picture anew and keeps it.
func (s *Server) keepPicture(ctx context.Context, data []byte, use pictureUse) (*chat.Picture, error) {
	if err := s.drawing.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.drawing.Release(1)
	p := &chat.Picture{}
	out, err := animation(data, use)
	if out != nil {
		p.Type = "image/gif"
		var c image.Config
		c, err = gif.DecodeConfig(bytes.NewReader(out))
		p.Width, p.Height = c.Width, c.Height
	}
	if out == nil && err == nil {
		side := use.side
		if use.square {
			side *= 4 // so that a long one still is sharp when its middle is cut out
		}
		var small *image.NRGBA
		if small, err = decode(ctx, bytes.NewReader(data), side); err == nil {
			if use.square {
				small = shrink(squared(small), use.side)
			}
			p.Width, p.Height = small.Rect.Dx(), small.Rect.Dy()
			out, p.Type, err = encode(small)
		}
	}
	if chat.IsKind(err, chat.NotFound) {
		return nil, chat.Errorf(chat.Invalid, "this is no picture that can be used, or it is damaged").WithHint("send a PNG, JPEG, GIF or WebP file of at most %d million pixels", mostPixels/1_000_000)
	}
	if err != nil {
		return nil, fmt.Errorf("make a picture anew: %w", err)
	}
	p.Size = int64(len(out))
	p.Hash, err = s.Files.Put(ctx, bytes.NewReader(out), p.Size)
	return p, errors.Join(err, s.Files.Flush(ctx))
}

const (
	mostFrames = 250
	mostMoving = 8_000_000 // pixels of all frames of an animation
)

// animation makes a small animated GIF anew; nil if it is none, or one that is
// kept as its first picture only.
func animation(data []byte, use pictureUse) ([]byte, error) {
	if !use.moving || !bytes.HasPrefix(data, []byte("GIF8")) {
		return nil, nil
	}
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	frames := frames(data)
	if err != nil || frames < 2 || frames > mostFrames || max(c.Width, c.Height) > use.side || c.Width*c.Height*frames > mostMoving {
		return nil, nil //nolint:nilerr // decoding it as a picture says what is wrong
	}
	all, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		return nil, errNoPicture()
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, all); err != nil {
		return nil, errNoPicture()
	}
	return b.Bytes(), nil
}

// frames counts the pictures of a GIF without decoding them.
func frames(data []byte) (n int) {
	const header = 13
	if len(data) < header {
		return 0
	}
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	at := header + table(data[10])
	for at < len(data) {
		switch data[at] {
		case 0x21: // an extension
			at += 2
		case 0x2c: // a picture
			if at+10 > len(data) {
				return n
			}
			n++
			at += 10 + table(data[at+9]) + 1
		default:
			return n
		}
		for at < len(data) && data[at] != 0 {
			at += int(data[at]) + 1
		}
		at++
	}
	return n
}

// setAvatar takes the body as somebody's picture.
func (s *Server) setAvatar(r *request) (any, error) {
	of, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	if err := r.actor.MaySetAvatar(of); err != nil {
		return nil, err
	}
	p, err := s.picture(r, avatarUse)
	if err != nil {
		return nil, err
	}
	return s.avatar(r, of, p)
}

func (s *Server) removeAvatar(r *request) (any, error) {
	of, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	return s.avatar(r, of, nil)
}

func (s *Server) avatar(r *request, of chat.UserID, p *chat.Picture) (any, error) {
	u, roster, err := s.Service.SetAvatar(r.Context(), r.actor, of, p)
	if err != nil {
		return nil, err
	}
	return personOf(roster, u), nil
}
