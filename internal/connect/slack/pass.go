package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	batchRecords = 200 // one may stop behind each
	batchBytes   = 512 << 10
	queueLength  = 12
	decoders     = 2
)

// batch is a piece of a day of a conversation, in the order in which they are
// read.
type batch struct {
	room, day int
	first     int  // number of its first record within the day
	done      int  // so many of its records were given before
	lastDay   bool // it ends a day
	lastRoom  bool // it ends a conversation
	data      []byte
	parts     []part
	results   []sent
	input     int64
	ready     chan struct{} // closed when results are there
	err       error         // the end
}

// part is where an element is within data, or what stands instead.
type part struct {
	from, to  int
	bad, note string
	over      bool // it stands where there is no array
}

// pass is one reading of all conversations: the producer cuts out records,
// decoders turn them into messages, and whoever ranges over the batches gets
// them in order.
type pass struct {
	s    *Source
	from cursor
	raw  map[string]int64 // filled if it is not nil
	out  chan *batch
	work chan *batch
	pool sync.Pool
}

// run calls fn with each batch in order until it returns false. The last has
// err set: io.EOF if all was read.
func (p *pass) run(ctx context.Context, fn func(*batch) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	p.out, p.work = make(chan *batch, queueLength), make(chan *batch, queueLength)
	g.Go(func() error {
		defer close(p.out)
		defer close(p.work)
		err := p.produce(ctx)
		if err == nil {
			err = io.EOF
		}
		if ctx.Err() == nil {
			_ = p.put(ctx, p.out, &batch{err: err})
		}
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
	for range p.out { //nolint:revive // so that the producer can end
	}
	return g.Wait()
}

func (p *pass) consume(ctx context.Context, fn func(*batch) bool) {
	for b := range p.out {
		if b.ready != nil {
			select {
			case <-b.ready:
			case <-ctx.Done():
				return
			}
		}
		if !fn(b) {
			return
		}
		if b.data != nil {
			p.pool.Put(b)
		}
	}
}

func (p *pass) put(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pass) produce(ctx context.Context) error {
	list := p.s.w.list
	for i := p.from.room; i < len(list); i++ {
		days := list[i].days
		if len(days) == 0 {
			continue
		}
		for j, e := range days {
			if err := p.day(ctx, i, j, e, j == len(days)-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// done is how many records of a day were given before.
func (p *pass) done(room, day int) int {
	switch {
	case room > p.from.room || day > p.from.day:
		return 0
	case day < p.from.day:
		return 1 << 62
	}
	return p.from.record
}

// day reads a file of a conversation. What was given before is read again: it
// says which messages there are.
func (p *pass) day(ctx context.Context, room, day int, e *entry, last bool) error {
	f, err := p.s.c.read(e)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	var r io.Reader = f
	count := &rawCounter{byDay: isDay(e.path)}
	if p.raw != nil {
		r = io.TeeReader(f, count)
	}
	sp := newSplitter(r)
	done := p.done(room, day)
	n := 0
	b := p.batch(room, day, n, done, e)
	for {
		el, err := sp.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if len(b.parts) > 0 { // what was read before the damage is good
				_ = p.send(ctx, b)
			}
			return err
		}
		n++
		from := len(b.data)
		b.data = append(b.data, el.raw...)
		b.parts = append(b.parts, part{from, len(b.data), el.bad, el.note, el.over})
		if len(b.parts) == batchRecords || len(b.data) > batchBytes {
			if err := p.send(ctx, b); err != nil {
				return err
			}
			b = p.batch(room, day, n, done, e)
		}
	}
	if p.raw != nil {
		count.end()
		p.raw[chat.KindMessage.String()] += count.messages
		p.raw[otherRecord] += count.others
	}
	b.lastDay, b.lastRoom = true, last
	return p.send(ctx, b)
}

// otherRecord is the type under which records are counted that are no
// messages.
const otherRecord = "(other)"

// isDay reports whether a file is called after a day, as Slack calls those of
// messages.
func isDay(path string) bool {
	base := path[strings.LastIndexByte(path, '/')+1:]
	if len(base) != len("2006-01-02.json") {
		return false
	}
	for i, c := range []byte(base[:10]) {
		if dash := i == 4 || i == 7; dash != (c == '-') || !dash && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (p *pass) batch(room, day, first, done int, e *entry) *batch {
	b, _ := p.pool.Get().(*batch)
	if b == nil {
		b = &batch{data: make([]byte, 0, 64<<10)}
	}
	clear(b.results[:cap(b.results)])
	*b = batch{room: room, day: day, first: first, done: max(0, done-first), data: b.data[:0], parts: b.parts[:0], results: b.results[:0], input: e.at, ready: make(chan struct{})}
	return b
}

func (p *pass) send(ctx context.Context, b *batch) error {
	if err := p.put(ctx, p.work, b); err != nil {
		return err
	}
	return p.put(ctx, p.out, b)
}

// decode turns the records of a batch into messages. It is called from
// several goroutines.
func (s *Source) decode(b *batch) {
	r := s.w.list[b.room]
	e := r.days[b.day]
	byDay := isDay(e.path)
	c := converter{s.w}
	for i, p := range b.parts {
		where := fmt.Sprintf("%s, record %d", e.path, b.first+i+1)
		raw := b.data[p.from:p.to]
		kind := chat.KindMessage
		switch {
		case p.note != "":
			b.results = append(b.results, sent{note: &chat.Note{Kind: chat.NoteRepair, Object: chat.KindMessage, Where: e.path, Reason: p.note}})
		case p.bad != "":
			if !byDay && (p.over || !stamped(raw)) {
				kind = chat.KindContent
			}
			b.results = append(b.results, sent{note: quarantine(kind, where, p.bad, raw)})
		default:
			b.results = append(b.results, c.message(r, byDay, raw, where))
		}
	}
}
