package server

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
)

// Cameras write how they were held beside the picture (Exif 2.3, tag 0x0112):
// browsers turn the picture, and so must its preview.

const (
	orientationTag = 0x0112
	mostHeader     = 128 << 10 // of a JPEG file, where this is looked for
)

// orientation returns how a JPEG picture is to be turned, 1 to 8; 1, as it is,
// for all that says nothing.
func orientation(r io.Reader) int {
	head, err := io.ReadAll(io.LimitReader(r, mostHeader))
	if err != nil || len(head) < 4 || head[0] != 0xff || head[1] != 0xd8 {
		return 1
	}
	for at := 2; at+4 <= len(head) && head[at] == 0xff; {
		n := int(binary.BigEndian.Uint16(head[at+2:]))
		if n < 2 || at+2+n > len(head) || head[at+1] == 0xda {
			break
		}
		part := head[at+4 : at+2+n]
		if tiff, ok := bytes.CutPrefix(part, []byte("Exif\x00\x00")); ok && head[at+1] == 0xe1 {
			return orientationIn(tiff)
		}
		at += 2 + n
	}
	return 1
}

func orientationIn(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == orientationTag {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}

// turned returns a picture turned as its camera was held.
func turned(p *image.NRGBA, how int) image.Image {
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
