package move

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

// restarts is how often a pass begins again after the target lost files that
// were on their way.
const restarts = 5

// presync carries everything over in one pass, and then what follows from it:
// members of open rooms, and people who were there before.
func (j *Job) presync(ctx context.Context) error {
	for try := 1; !j.journal.Passed; try++ {
		err := j.pass(ctx)
		if err == nil {
			break
		}
		again, ok := errors.AsType[interface {
			error
			Again() bool
		}](err)
		if !ok || !again.Again() || try == restarts {
			return err
		}
		j.Log.Warn("pass begins again", "move", j.Name, "err", err)
		if err := j.begin(ctx); err != nil {
			return err
		}
	}
	if err := j.step("passed"); err != nil {
		return err
	}
	joined, err := j.Target.Join(ctx, j.about.Name)
	if err != nil {
		return err
	}
	j.report.Joined += joined
	return j.match(ctx)
}

// inFlight is how many batches there are at once: one is being applied while
// the next is read.
const inFlight = 2

// pass reads the source from the target's cursor to its end. Reading, storing
// files and applying overlap; what is applied is what counts.
func (j *Job) pass(ctx context.Context) error {
	j.meter.total(j.about.Bytes)
	j.meter.applied(j.state.Counts, 0)
	g, gctx := errgroup.WithContext(ctx)
	files := newStorer(gctx, g, j.Target, &j.meter)
	batches := make(chan *bundle, inFlight-2)
	g.Go(func() error {
		defer close(batches)
		defer files.close()
		r := newReader(j, files)
		return r.run(gctx, batches)
	})
	g.Go(func() error { return j.applyAll(ctx, gctx, batches) })
	return g.Wait()
}

// applyAll applies batches as they come. A batch whose turn has come is
// finished although ctx is over: half of it does not exist, and its end is
// where to go on.
func (j *Job) applyAll(ctx, gctx context.Context, batches <-chan *bundle) error {
	for {
		began := time.Now()
		var b *bundle
		var ok bool
		select {
		case b, ok = <-batches:
		case <-gctx.Done():
			return gctx.Err()
		}
		if !ok {
			return nil
		}
		j.meter.waitedFor("source", time.Since(began))
		began = time.Now()
		if err := b.stored(gctx); err != nil {
			return err
		}
		j.meter.waitedFor("files", time.Since(began))
		if err := j.applyBundle(ctx, b); err != nil {
			return err
		}
	}
}

// grace is how long a batch may take to finish after the move was stopped.
const grace = 30 * time.Second

func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(out, func() { t.Stop() })
	})
	return out, func() { stop(); cancel() }
}

func (j *Job) applyBundle(ctx context.Context, b *bundle) error {
	if err := j.step("before apply"); err != nil {
		return err
	}
	items := int64(len(b.batch.Items))
	j.report.items(items, b.bytes)
	j.report.Bytes.Files += b.bytes
	j.report.Bytes.Read += b.input
	began := time.Now()
	applied, err := j.apply(ctx, b.batch, b.last)
	if err != nil {
		return err
	}
	if c := applied.Counts[chat.KindContent]; c.Written > 0 {
		j.report.Bytes.Written += b.bytes * c.Written / (c.Written + c.Unchanged + c.Deduplicated + c.Conflict)
	}
	took := time.Since(began)
	j.meter.waitedFor("target", took)
	j.meter.applied(j.state.Counts, items)
	if err := j.step("after apply"); err != nil {
		return err
	}
	return j.rest(ctx, j.pace.next(len(b.batch.Items), applied, took))
}

// apply makes a batch so, with the journal beside it, and moves the job's
// state on.
func (j *Job) apply(ctx context.Context, b chat.Batch, passed bool) (chat.Applied, error) {
	j.journal.Passed = j.journal.Passed || passed
	j.report.touch(j.meter.waited())
	j.journal.Report = j.report.brief()
	progress, err := json.Marshal(j.journal)
	if err != nil {
		return chat.Applied{}, err
	}
	b.Move, b.Fence, b.From, b.Progress = j.Name, j.state.Fence, j.state.Cursor, progress
	if b.To == "" {
		b.To = b.From
	}
	ctx, cancel := graceful(ctx)
	defer cancel()
	applied, err := j.Target.Apply(ctx, b)
	if err != nil {
		return applied, j.applyError(err)
	}
	j.state.Cursor = b.To
	counts := maps.Clone(j.state.Counts)
	if counts == nil {
		counts = chat.Counts{}
	}
	counts.Add(b.Counts)
	counts.Add(applied.Counts)
	j.state.Counts = counts
	return applied, nil
}

// applyError says what a refused batch means, where the target can't know.
func (j *Job) applyError(err error) error {
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Kind != chat.Conflict || e.Hint != "" {
		return err
	}
	return chat.Errorf(chat.Conflict, "the move %s was taken over by another mover, or the target was changed behind it: %w", j.Name, err).
		WithHint("let the other one end; nothing is lost, and nothing is carried twice")
}

// rest leaves the target to those who are at work there.
func (j *Job) rest(ctx context.Context, d time.Duration) error {
	j.meter.shares(d > 0)
	if d <= 0 {
		return nil
	}
	began := time.Now()
	err := pause(ctx, d)
	j.meter.waitedFor("people", time.Since(began))
	return err
}
