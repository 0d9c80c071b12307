package move

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// A batch is closed at the first cursor after its number of objects (see
// pace), or after any of these.
const (
	textBatch  = 6 << 20   // bytes of objects
	filesBatch = 256 << 20 // bytes of files, so that little is stored twice after a crash
)

// bundle is a batch on its way, with the files that must be stored before it
// is applied.
type bundle struct {
	batch chat.Batch
	text  int64 // bytes of the objects, about
	bytes int64 // of its files
	input int64 // bytes of the source that it stands for
	last  bool  // the source ended with it
	count int64 // records, duplicates among them

	contents []*chat.Content // of a mirror: whose bytes must be there
	worked   time.Duration   // that it took to read

	files  sync.WaitGroup
	failed atomic.Pointer[error] // of a file; set before its Done
	safe   chan struct{}         // closed when its files are stored, or failed
}

// stored waits until the files are stored.
func (b *bundle) stored(ctx context.Context) error {
	select {
	case <-b.safe:
		if err := b.failed.Load(); err != nil {
			return *err
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reader makes batches of what a source gives.
type reader struct {
	job   *Job
	files *storer
	now   *bundle
	to    string // the last cursor seen
	input int64  // where the last batch ended
	at    int64  // where the source is

	quarantined, records int64
}

func newReader(j *Job, files *storer) *reader {
	r := &reader{job: j, files: files, now: newBundle(), to: j.state.Cursor, input: -1}
	j.pace.begin(j.BatchSize, j.inUse())
	for _, c := range j.state.Counts {
		r.quarantined += c.Quarantined
		r.records += c.Read + c.Quarantined + c.Skipped
	}
	return r
}

func newBundle() *bundle {
	return &bundle{batch: chat.Batch{Counts: chat.Counts{}}, safe: make(chan struct{})}
}

func (r *reader) run(ctx context.Context, out chan<- *bundle) error {
	for item, err := range r.job.Source.Changes(ctx, r.job.state.Cursor) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.take(ctx, item); err != nil {
			return err
		}
		if item.Cursor == "" {
			continue
		}
		r.to = item.Cursor
		if r.full() {
			if err := r.send(ctx, out); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err // a source may end without a word when it is stopped
	}
	r.now.last = true
	return r.send(ctx, out)
}

func (r *reader) full() bool {
	size := r.job.pace.batch()
	return len(r.now.batch.Items)+len(r.now.batch.Notes) >= size || r.now.text >= textBatch || r.now.bytes >= filesBatch ||
		r.now.count >= int64(10*size)
}

func (r *reader) send(ctx context.Context, out chan<- *bundle) error {
	b := r.now
	b.batch.To = r.to
	if p, ok := r.job.Target.(connect.Preparer); ok {
		p.Prepare(&b.batch)
	}
	if r.input >= 0 {
		b.input = r.at - r.input
	}
	r.input, r.now = r.at, newBundle()
	r.files.settle(ctx, b)
	began := time.Now()
	select {
	case out <- b:
		r.job.meter.waitedFor("reader", time.Since(began))
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take adds an item to the batch. A second copy that is equal to the first
// need not be applied; but where the target has the object from before, a
// first copy that does not decide has changed nothing: then the one that
// decides is applied.
func (r *reader) take(ctx context.Context, item connect.Item) error {
	b := &r.now.batch
	if r.input < 0 {
		r.input = item.Input
		if r.job.state.Cursor == "" {
			r.input = 0
		}
	}
	r.at = item.Input
	r.records++
	r.now.count++
	if r.records%meterEvery == 0 {
		r.job.meter.read(item.Input)
	}
	if n := item.Note; n != nil {
		r.note(*n)
		r.now.text += int64(len(n.Raw) + len(n.Reason) + len(n.Where))
		if err := r.job.Quarantine.check(r.quarantined, r.records); err != nil {
			return err
		}
	}
	if item.Object == nil {
		if item.Nonce != nil || item.Sealed != nil { // of a place that is restored whole
			b.Items = append(b.Items, item.Incoming)
		}
		return nil
	}
	kind := item.Object.Kind()
	c := b.Counts[kind]
	if !item.Made {
		c.Read++
	}
	if item.Duplicate && !(item.Copied && !r.job.first) {
		c.Deduplicated++
		b.Counts[kind] = c
		return nil
	}
	b.Counts[kind] = c
	if content, ok := item.Object.(*chat.Content); ok && item.Bytes != nil {
		r.now.bytes += item.Size
		if err := r.files.put(ctx, r.now, content, item); err != nil {
			return err
		}
	}
	r.now.text += weight(item.Object)
	b.Items = append(b.Items, item.Incoming)
	return nil
}

// meterEvery is how many records pass between two looks at the progress.
const meterEvery = 256

func (r *reader) note(n chat.Note) {
	b := &r.now.batch
	b.Notes = append(b.Notes, n)
	c := b.Counts[n.Object]
	switch n.Kind {
	case chat.NoteQuarantine:
		c.Quarantined++
		r.quarantined++
	case chat.NoteRepair:
		c.Repaired++
	case chat.NoteSkip:
		c.Skipped++
	}
	b.Counts[n.Object] = c
}

// weight is about how many bytes of memory an object takes.
func weight(o chat.Object) int64 {
	const rest = 300
	if m, ok := o.(*chat.Message); ok {
		return int64(len(m.Text)+len(m.Card)+len(m.Label)+40*len(m.Mentions)) + rest
	}
	return rest
}

// total adds up the counts of all kinds.
func total(c chat.Counts) (sum chat.Count) {
	for n := range maps.Values(c) {
		sum.Read += n.Read
		sum.Written += n.Written
		sum.Unchanged += n.Unchanged
		sum.Deduplicated += n.Deduplicated
		sum.Repaired += n.Repaired
		sum.Quarantined += n.Quarantined
		sum.Skipped += n.Skipped
		sum.Conflict += n.Conflict
	}
	return sum
}
