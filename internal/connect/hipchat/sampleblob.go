package hipchat

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// sampleBlob is a file that people might share.
type sampleBlob struct {
	name string // in JSON
	data []byte
	fill bool // bytes may follow that no viewer looks at
	size int64
	seed uint64
}

// sampleBlobs makes the files of which all attachments are variants.
func sampleBlobs() []sampleBlob {
	list := []sampleBlob{
		{name: "screenshot.png", data: asPNG(landscape(1, 320, 200)), fill: true},
		{name: "Foto am See.jpg", data: asJPEG(landscape(2, 640, 420)), fill: true},
		{name: "blink.gif", data: asGIF(landscape(3, 120, 80), landscape(4, 120, 80)), fill: true},
		{name: "Invoice 2017-08.pdf", data: asPDF("Invoice 4711"), fill: true},
		{name: "notes.txt", data: []byte("Things to do before the move:\n- tell everybody\n- sleep\n")},
		{name: "写真.jpg", data: asJPEG(landscape(5, 480, 480)), fill: true},
		{name: "схема сети.png", data: asPNG(landscape(6, 400, 240)), fill: true},
		{name: "history.json", data: []byte(`[{"UserMessage":{"message":"I am an attachment"}}]` + "\n")},
		{name: "users.json", data: []byte(`[{"User":{"id":1,"name":"I am an attachment"}}]` + "\n")},
		{name: " 2018-01-10 18.41.57.png", data: asPNG(landscape(7, 200, 160)), fill: true},
		{name: "100% done + more #1.txt", data: []byte("done\n")},
	}
	return list
}

// blob is file k of a talk.
func (g *sampler) blob(t *talk, k int) sampleBlob {
	h := mix(t.seed, uint64(7e9)+uint64(k))
	b := g.blobs[h%uint64(len(g.blobs))]
	b.seed = h
	b.size = int64(len(b.data)) + int64(h>>10%64)
	if g.o.Bytes > 0 {
		mean := g.o.Bytes / int64(max(g.o.Files, 1))
		b.size = max(int64(len(b.data))+16, mean/4+int64(h>>10%uint64(max(mean*3/2, 1))))
	}
	return b
}

// path is where an export keeps the file below its directory of files.
func (b *sampleBlob) path(t *talk, k int) string {
	return fmt.Sprintf("%08x%04x/%s", uint32(t.seed>>7)^uint32(k), uint16(b.seed), b.name)
}

// writeTo writes the file: each is another one, and still what its name says.
func (b *sampleBlob) writeTo(w io.Writer) error {
	if _, err := w.Write(b.data); err != nil {
		return err
	}
	d := dice(b.seed)
	buf := make([]byte, 0, 32<<10)
	for left := b.size - int64(len(b.data)); left > 0; {
		buf = buf[:0]
		for len(buf) < cap(buf) && int64(len(buf)) < left {
			if b.fill {
				buf = binary.LittleEndian.AppendUint64(buf, d.next())
			} else {
				buf = fmt.Appendf(buf, "%016x\n", d.next())
			}
		}
		buf = buf[:min(int64(len(buf)), left)]
		if _, err := w.Write(buf); err != nil {
			return err
		}
		left -= int64(len(buf))
	}
	return nil
}

func (g *sampler) writeFiles(ctx context.Context, t *talk, dir string) error {
	for k := range t.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := g.blob(t, k)
		if err := g.out.stream(dir+b.path(t, k), b.size, b.writeTo); err != nil {
			return err
		}
	}
	return nil
}

func (g *sampler) writeRoomFiles(ctx context.Context) error {
	for _, r := range g.rooms {
		if err := g.writeFiles(ctx, r, fmt.Sprintf("rooms/%d/files/", r.id)); err != nil {
			return err
		}
	}
	return nil
}

func (g *sampler) writeUserFiles(ctx context.Context) error {
	for _, t := range g.pairs {
		if err := g.writeFiles(ctx, t, sharedFiles); err != nil {
			return err
		}
	}
	return nil
}
