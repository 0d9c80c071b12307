package hipchat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

const (
	batchRecords = 256
	batchBytes   = 512 << 10
	queueLength  = 12
	decoders     = 2
	smallFile    = 256 << 10 // read ahead of whoever asks for it
	// filesFromIndex numbers the entries of --files-from, behind the archive's.
	filesFromIndex = 1 << 40
)

// file says which file of the export a batch is of.
type file struct {
	index  int
	name   string // as in the container
	path   string
	role   role
	id     nativeID // see role
	size   int64
	hist   *history
	listed bool // emoticons without wrappers
	done   bool // given before: read only for what it says about others
}

// batch is a piece of a file, in the order of the export.
type batch struct {
	file    file
	first   int // number of its first record
	data    []byte
	parts   []part
	results []result
	last    bool // of its file
	input   int64
	ready   chan struct{} // closed when results are there

	// For files that are bytes to carry:
	body    io.Reader
	release chan struct{} // closed when body has been read; nil if it needs no waiting

	bad string // why the file is not read
	err error  // the end
	end int64  // at the end: bytes behind the end of the archive
}

// part is where an element is within data, or what stands instead.
type part struct {
	from, to  int
	bad, note string
}

// pass is one reading of the whole export. The producer goes through the
// container and cuts out records, decoders decode them, and whoever ranges
// over the batches gets them in order.
type pass struct {
	s     *Source
	from  cursor
	raw   map[string]int64 // filled if it is not nil
	queue chan *batch
	work  chan *batch
	pool  sync.Pool
}

// run calls fn with each batch in order until it returns false. The last has
// err set: io.EOF if all was read.
func (p *pass) run(ctx context.Context, fn func(*batch) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	p.queue = make(chan *batch, queueLength)
	p.work = make(chan *batch, queueLength)
	g.Go(func() error {
		defer close(p.queue)
		defer close(p.work)
		err := p.produce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			return nil // the end was sent
		}
		_ = p.send(ctx, &batch{err: p.s.at(err)})
		return nil
	})
	for range decoders {
		g.Go(func() error {
			for b := range p.work {
				p.s.decode(b)
				close(b.ready)
			}
			return nil
		})
	}
	p.consume(ctx, fn)
	cancel()
	for b := range p.queue { // so that the producer can end
		if b.release != nil {
			close(b.release)
		}
	}
	return g.Wait()
}

func (p *pass) consume(ctx context.Context, fn func(*batch) bool) {
	for b := range p.queue {
		if b.ready != nil {
			select {
			case <-b.ready:
			case <-ctx.Done():
				return
			}
		}
		more := fn(b)
		if b.release != nil {
			close(b.release)
		}
		if b.data != nil {
			p.pool.Put(b)
		}
		if !more {
			return
		}
	}
}

func (p *pass) send(ctx context.Context, b *batch) error {
	select {
	case p.queue <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pass) produce(ctx context.Context) error {
	w, err := p.s.c.open()
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // only read
	if err := p.walk(ctx, w, 0); err != nil {
		return err
	}
	extra, input := w.trailing(), w.read()
	if dir := p.s.o.FilesFrom; dir != "" {
		more, err := openDir(dir, "")
		if err != nil {
			return fmt.Errorf("read %s: %w", dir, err)
		}
		defer more.Close() //nolint:errcheck // only read
		if err := p.walk(ctx, more, filesFromIndex); err != nil {
			return err
		}
	}
	return p.send(ctx, &batch{err: io.EOF, end: extra, input: input})
}

func (p *pass) walk(ctx context.Context, w walker, base int) error {
	for {
		e, err := w.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f := file{index: base + e.index, name: e.name, path: e.path, size: e.size}
		role, id := classify(e.path)
		f.role, f.id = role, nativeID(id)
		if base > 0 {
			f.copied()
		}
		done := f.index < p.from.entry
		skip := 0
		if f.index == p.from.entry {
			skip = p.from.record
		}
		if e.bad != "" {
			if !done {
				err = p.send(ctx, &batch{file: f, bad: e.bad, last: true, input: w.read()})
			}
		} else {
			err = p.entry(ctx, w, f, e, done, skip)
		}
		if err != nil {
			return err
		}
	}
}

// copied says what a file is for that was copied by other means: only
// attachments are looked for there, by the export's path or by their own.
func (f *file) copied() {
	f.hist = nil
	if f.role == roleAttachment || f.path == "" {
		return
	}
	f.role = roleAttachment
	f.path = sharedFiles + f.path
}

func (p *pass) entry(ctx context.Context, w walker, f file, e *entry, done bool, skip int) error {
	switch f.role {
	case roleUsers:
		return p.records(ctx, w, f, e.body, `User":`, done, skip)
	case roleRooms:
		return p.records(ctx, w, f, e.body, `Room":`, done, skip)
	case roleEmoticons:
		f.done = done
		list, listed, bad, err := readEmoticons(e.body)
		if err != nil {
			return err
		}
		if bad != "" {
			if p.raw != nil {
				p.raw[otherRecord]++
			}
			return p.one(ctx, w, f, list, bad)
		}
		f.listed = listed
		return p.records(ctx, w, f, bytes.NewReader(list), `Emoticon":`, false, 0)
	case roleRoomHistory:
		r := p.s.p.rooms[f.id]
		if r == nil {
			r = &room{id: p.s.p.roomID(f.id), native: f.id, unknown: true}
		}
		f.hist = &history{path: f.path, room: r}
		return p.records(ctx, w, f, e.body, messageMark, done || p.s.o.FilesOnly, skip)
	case roleUserHistory:
		f.hist = &history{path: f.path, user: f.id}
		return p.records(ctx, w, f, e.body, messageMark, done || p.s.o.FilesOnly, skip)
	case roleAttachment, roleAvatar, rolePicture:
		return p.bytes(ctx, w, f, e, done)
	case rolePreferences, roleAutojoins:
		if done {
			return nil
		}
		return p.settings(ctx, w, f, e)
	case roleMetadata:
		return nil
	}
	if done {
		return nil
	}
	return p.send(ctx, &batch{file: f, last: true, input: w.read()})
}

// records cuts a file into batches of records.
func (p *pass) records(ctx context.Context, w walker, f file, r io.Reader, mark string, done bool, skip int) error {
	if done {
		return nil
	}
	r = withoutBOM(r)
	var count *rawCounter
	if p.raw != nil {
		count = newRawCounter(mark)
		if f.listed {
			count.mark = "\x00"
		}
		r = io.TeeReader(r, count)
	}
	sp := newSplitter(r, mark)
	b := p.batch(f, skip)
	for n := 0; ; n++ {
		e, err := sp.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if b.parts != nil {
				// What was read before the damage is good.
				b.input = w.read()
				_ = p.sendWork(ctx, b)
			}
			return err
		}
		if n < skip {
			continue
		}
		from := len(b.data)
		b.data = append(b.data, e.raw...)
		b.parts = append(b.parts, part{from, len(b.data), e.bad, e.note})
		if len(b.parts) == batchRecords || len(b.data) > batchBytes {
			b.input = w.read()
			if err := p.sendWork(ctx, b); err != nil {
				return err
			}
			b = p.batch(f, n+1)
		}
	}
	b.last, b.input = true, w.read()
	if count != nil {
		p.countRaw(f, count)
	}
	return p.sendWork(ctx, b)
}

// countRaw adds the raw records of a file to the total.
func (p *pass) countRaw(f file, count *rawCounter) {
	if !f.listed {
		count.end(p.raw)
		return
	}
	own := map[string]int64{}
	count.end(own)
	for _, n := range own { // their keys are not types
		p.raw["Emoticon"] += n
	}
}

func (p *pass) batch(f file, first int) *batch {
	b, _ := p.pool.Get().(*batch)
	if b == nil {
		b = &batch{data: make([]byte, 0, batchBytes+batchBytes/4)}
	}
	*b = batch{file: f, first: first, data: b.data[:0], parts: b.parts[:0], results: b.results[:0], ready: make(chan struct{})}
	return b
}

func (p *pass) sendWork(ctx context.Context, b *batch) error {
	select {
	case p.work <- b:
	case <-ctx.Done():
		return ctx.Err()
	}
	return p.send(ctx, b)
}

// bytes hands on a file's bytes: read ahead if they are few, from the archive
// while nothing else is read from it if they are many.
func (p *pass) bytes(ctx context.Context, w walker, f file, e *entry, done bool) error {
	b := &batch{file: f, last: true, body: e.body}
	if done || p.s.o.WithoutFiles && f.role == roleAttachment {
		b.body = nil // only its name is of interest
		b.input = w.read()
		return p.send(ctx, b)
	}
	if e.size <= smallFile {
		data := make([]byte, e.size)
		if _, err := io.ReadFull(e.body, data); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return chat.Errorf(chat.Damaged, "%s is shorter than its %d bytes", e.name, e.size)
			}
			return err
		}
		b.body = connect.Hold(data)
		b.input = w.read()
		return p.send(ctx, b)
	}
	b.release = make(chan struct{})
	b.input = w.read()
	if err := p.send(ctx, b); err != nil {
		return err
	}
	select {
	case <-b.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settings reads a file of preferences or auto-joins.
func (p *pass) settings(ctx context.Context, w walker, f file, e *entry) error {
	data, bad, err := readWhole(e.body)
	if err != nil {
		return err
	}
	return p.one(ctx, w, f, data, bad)
}

// one hands on a file as one record; bad says why it is none.
func (p *pass) one(ctx context.Context, w walker, f file, data []byte, bad string) error {
	b := p.batch(f, 0)
	b.data = append(b.data, data...)
	b.parts = append(b.parts, part{to: len(b.data), bad: bad})
	b.last, b.input = true, w.read()
	return p.sendWork(ctx, b)
}
