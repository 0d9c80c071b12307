package server

import (
	"image"
	"io"

	"github.com/bep/imagemeta"
)

// Cameras write how they were held beside the picture (Exif, tag 0x0112):
// browsers turn the picture, and so must its preview.

var metaFormats = map[string]imagemeta.ImageFormat{"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "webp": imagemeta.WebP, "tiff": imagemeta.TIFF}

const (
	orientationTag = "Orientation"
	mostTags       = 2000
)

// orientation returns how a picture is to be turned, 1 to 8; 1, as it is, for
// all that says nothing.
func orientation(r io.ReadSeeker, format string) int {
	how := 1
	meta, ok := metaFormats[format]
	if !ok {
		return how
	}
	// Damaged notes are no reason to show no picture.
	_, _ = imagemeta.Decode(imagemeta.Options{
		R: r, ImageFormat: meta, Sources: imagemeta.EXIF, LimitNumTags: mostTags,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return t.Tag == orientationTag && t.Namespace == "IFD0" },
		HandleTag: func(t imagemeta.TagInfo) error {
			if v, ok := t.Value.(uint16); ok && v >= 1 && v <= 8 {
				how = int(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return how
}

// turned returns a picture turned as its camera was held.
func turned(p *image.NRGBA, how int) *image.NRGBA {
	if how == 1 {
		return p
	}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if how >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewNRGBA(size)
	for y := range h {
		for x := range w {
			to := [9]image.Point{
				2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
				5: {y, x}, 6: {h - 1 - y, x}, 7: {h - 1 - y, w - 1 - x}, 8: {y, w - 1 - x},
			}[how]
			copy(out.Pix[out.PixOffset(to.X, to.Y):][:4], p.Pix[p.PixOffset(x, y):][:4])
		}
	}
	return out
}
