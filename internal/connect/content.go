package connect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	_ "image/gif" // the formats whose size DecodeConfig finds
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// ReadContent copies r to w and fills in what the bytes say about c: hash,
// size, media type, and width and height of a picture.
func ReadContent(c *chat.Content, r io.Reader, w io.Writer) error {
	h := sha256.New()
	head := prefix{}
	n, err := io.Copy(io.MultiWriter(h, &head, w), r)
	if err != nil {
		return err
	}
	Identify(c, head.buf.Bytes(), n, h.Sum(nil))
	return nil
}

// Held is a reader of bytes that are in memory. Whoever is given one may take
// them all at once and keep them; nobody changes them.
type Held struct {
	bytes.Reader
	data []byte
}

// Hold returns a reader of data.
func Hold(data []byte) *Held {
	h := &Held{data: data}
	h.Reset(data)
	return h
}

// Whole returns all bytes, those that were read already among them.
func (h *Held) Whole() []byte { return h.data }

// HeadSize is how much of the beginning of a file Identify looks at.
const HeadSize = 64 << 10

// Identify fills in c from the first HeadSize bytes, the size and the SHA-256.
func Identify(c *chat.Content, head []byte, size int64, sum []byte) {
	c.Hash = hex.EncodeToString(sum)
	c.Size = size
	c.Type = mediaType(head)
	if strings.HasPrefix(c.Type, "image/") {
		if cfg, _, err := image.DecodeConfig(bytes.NewReader(head)); err == nil {
			c.Width, c.Height = cfg.Width, cfg.Height
		}
	}
}

func mediaType(head []byte) string {
	if len(head) == 0 {
		return "application/octet-stream"
	}
	t, _, _ := strings.Cut(http.DetectContentType(head), ";")
	return t
}

type prefix struct{ buf bytes.Buffer }

func (p *prefix) Write(b []byte) (int, error) {
	if room := HeadSize - p.buf.Len(); room > 0 {
		p.buf.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}
