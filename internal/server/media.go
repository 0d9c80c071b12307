package server

import (
	"bytes"
	"image"
	"io"
	"mime"
	"net/http"

	"github.com/godwit-chat/godwit/internal/chat"
)

// brands are the first words of files that are boxes in boxes (ISO 14496-12),
// of which the standard library knows only MP4.
var brands = map[string]string{
	"qt  ": "video/quicktime", "heic": "image/heic", "heix": "image/heic", "hevc": "image/heic", "mif1": "image/heif", "msf1": "image/heif",
	"avif": "image/avif", "avis": "image/avif", "M4A ": "audio/mp4", "M4B ": "audio/mp4",
}

// mediaType finds what bytes are in their beginning. It is only ever a type
// that a browser can be trusted with, or one that it is never told.
func mediaType(head []byte) string {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		if typ := brands[string(head[8:12])]; typ != "" {
			return typ
		}
	}
	if bytes.HasPrefix(head, []byte("II*\x00")) || bytes.HasPrefix(head, []byte("MM\x00*")) {
		return "image/tiff"
	}
	if len(head) == 0 {
		return bytesOf
	}
	typ, _, _ := mime.ParseMediaType(http.DetectContentType(head))
	return typ
}

// pictureHeader is how much of a file is read for how large its picture is.
const pictureHeader = 4 << 20

// identify fills in what the bytes of a file are: type, width and height.
func identify(f io.ReadSeeker, c *chat.Content) error {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 && err != io.EOF {
		return err
	}
	c.Type = mediaType(head[:n])
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if cfg, format, err := image.DecodeConfig(io.LimitReader(f, pictureHeader)); err == nil {
		c.Width, c.Height = cfg.Width, cfg.Height
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if orientation(f, format) >= 5 {
			c.Width, c.Height = c.Height, c.Width
		}
	}
	return nil
}
