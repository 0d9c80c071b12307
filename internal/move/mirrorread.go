package move

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// mirrorReader makes batches of what a place in use gives.
type mirrorReader struct {
	f     *Flight
	now   *bundle
	from  chat.Cursor // where the pass began
	to    string      // the last cursor seen
	most  int         // objects in a batch
	began time.Time   // of the batch
	again bool        // the place was set back: it is read from its start
	group *errgroup.Group
}

// take adds an item to the batch.
func (r *mirrorReader) take(item connect.Item) {
	b := r.now
	if r.to == "" && item.Pos > 0 && item.Pos <= r.from.Pos && !r.again {
		// The place does not know the cursor any more: a backup was put back.
		// What it has now is compared, and what it has not got is looked for.
		r.again = true
		r.f.verified.dirty()
		r.f.touched.reset()
		r.f.forget()
		r.f.board.say("the place that writes was set back to an older state: all of it is read again")
	}
	b.count++
	if item.Note != nil {
		b.batch.Notes = append(b.batch.Notes, *item.Note)
		r.f.board.say(fmt.Sprintf("%s: %s", item.Note.Where, item.Note.Reason))
	}
	if item.Object == nil && item.Sealed == nil && item.Nonce == nil && item.Absent == nil {
		return
	}
	b.batch.Items = append(b.batch.Items, item.Incoming)
	b.text += int64(len(item.Sealed))
	if item.Object == nil {
		return
	}
	kind := item.Object.Kind()
	c := b.batch.Counts[kind]
	c.Read++
	b.batch.Counts[kind] = c
	b.text += weight(item.Object)
	if content, ok := item.Object.(*chat.Content); ok && !content.Gone && content.Hash != "" {
		b.contents = append(b.contents, content)
		b.bytes += content.Size
	}
}

func (r *mirrorReader) full() bool {
	b := r.now
	return len(b.batch.Items) >= r.f.govern.batch(r.most) || b.text >= textBatch || b.bytes >= filesBatch
}

// send lets a batch go, with its files being copied beside.
func (r *mirrorReader) send(ctx context.Context, out chan<- *bundle) error {
	b := r.now
	b.batch.To, b.batch.Mirror, b.worked = r.to, true, time.Since(r.began)
	if p, ok := r.f.way.follower.party.(connect.Preparer); ok {
		p.Prepare(&b.batch)
	}
	r.now = newBundle()
	r.group.Go(func() error {
		defer close(b.safe)
		if err := r.f.copyFiles(ctx, b); err != nil {
			b.failed.CompareAndSwap(nil, &err)
		}
		return nil
	})
	select {
	case out <- b:
		r.began = time.Now()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
