package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

// follow carries what the place that writes has and the other one has not,
// over and over, and carries out orders. It returns nil when the two places
// stand another way than before.
func (f *Flight) follow(ctx context.Context, w whereabouts) error {
	f.way = w.way()
	f.noteBack()
	if err := f.log.edit(func(j *flightJournal) { j.Begun = true }); err != nil {
		return err
	}
	if err := f.wake(ctx, &f.way); err != nil {
		return err
	}
	if err := f.usePlan(ctx); err != nil {
		return err
	}
	if err := f.in.begin(ctx, f.Name, f.way); err != nil {
		return err
	}
	if err := f.skip(ctx); err != nil {
		return err
	}
	if err := f.recount(ctx); err != nil {
		return err
	}
	if err := f.catchUp(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(f.pending, func(r request) bool { return r.order.Word == OrderAbort }) {
		if err := f.obeyPending(ctx); err != nil && !errors.Is(err, errTurned) {
			return err
		}
		return nil
	}
	if err := f.enter(ctx, f.following()); err != nil {
		return err
	}
	if err := f.remember(ctx); err != nil {
		return err
	}
	return f.keepUp(ctx)
}

func (f *Flight) following() Stage {
	if f.way.writer.name == "to" {
		return StageReverse
	}
	return StageFollow
}

// catchUp is the presync: everything that is there.
func (f *Flight) catchUp(ctx context.Context) error {
	if f.in.keeps().Passed {
		return nil
	}
	if err := f.enter(ctx, StagePresync); err != nil {
		return err
	}
	if err := f.step("presync"); err != nil {
		return err
	}
	err := f.meanwhile(ctx, func(ctx context.Context) error {
		_, err := f.pass(ctx)
		return err
	})
	if err != nil {
		return err
	}
	f.in.edit(func(k *kept) { k.Passed = true })
	if _, err := f.in.apply(ctx, chat.Batch{}); err != nil {
		return err
	}
	if err := f.hook(ctx, Event{What: EventEnds, Stage: StagePresync}); err != nil {
		return err
	}
	return f.step("presynced")
}

// errGivenUp stops a pass that nobody wants any more.
var errGivenUp = errors.New("given up")

// meanwhile does something long, and carries out at once those orders that
// only change how. What gives the flight up stops it; the others wait.
func (f *Flight) meanwhile(ctx context.Context, long func(context.Context) error) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- long(inner) }()
	for {
		select {
		case err := <-done:
			if errors.Is(context.Cause(inner), errGivenUp) {
				return nil
			}
			return err
		case r := <-f.orders:
			switch r.order.Word {
			case OrderPause, OrderResume, OrderSet, OrderSignOff, OrderWait, OrderVerify:
				if err := f.obey(ctx, r); err != nil {
					cancel(err)
					return firstOf(err, <-done)
				}
			case OrderAbort:
				f.pending = append(f.pending, r)
				cancel(errGivenUp)
			default:
				f.pending = append(f.pending, r)
			}
		}
	}
}

// How often the place that writes is asked for news.
const (
	followEvery = 150 * time.Millisecond
	countEvery  = time.Minute
)

// errTurned ends a follow because the places stand another way now.
var errTurned = errors.New("the turn has passed")

// keepUp follows until the turn has passed, or the flight is over.
func (f *Flight) keepUp(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	checks, stop := context.WithCancel(gctx)
	g.Go(func() error { return f.checkAll(checks) })
	g.Go(func() error {
		defer stop()
		return f.keepUpAlone(gctx)
	})
	if err := g.Wait(); !errors.Is(err, errTurned) {
		return err
	}
	return nil
}

func (f *Flight) keepUpAlone(ctx context.Context) error {
	counted := time.Now()
	if err := f.obeyPending(ctx); err != nil {
		return err
	}
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-f.orders:
			if err := f.obey(ctx, r); err != nil {
				return err
			}
			continue
		case <-t.C:
		}
		if !f.isPaused() {
			if _, err := f.pass(ctx); err != nil {
				return err
			}
		}
		if time.Since(counted) > countEvery {
			counted = time.Now()
			if err := f.recount(ctx); err != nil {
				return err
			}
		}
		if err := f.due(ctx); err != nil {
			return err
		}
		f.outlook()
		t.Reset(followEvery)
	}
}

// obeyPending carries out the orders that came during a presync.
func (f *Flight) obeyPending(ctx context.Context) error {
	for len(f.pending) > 0 {
		r := f.pending[0]
		f.pending = f.pending[1:]
		if err := f.obey(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flight) isPaused() bool {
	f.knobsMu.Lock()
	defer f.knobsMu.Unlock()
	return f.paused
}

// passed is what a pass carried.
type passed struct {
	objects int64
	took    time.Duration
	end     chat.Cursor
}

// pass carries all that the place that writes has, as of a moment during the
// pass. Reading, copying files and applying overlap; what is applied counts.
func (f *Flight) pass(ctx context.Context) (p passed, err error) {
	began := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	bundles := make(chan *bundle, ahead)
	g.Go(func() error {
		defer close(bundles)
		return f.read(gctx, g, bundles)
	})
	g.Go(func() error {
		for {
			var b *bundle
			var ok bool
			select {
			case b, ok = <-bundles:
			case <-gctx.Done():
				return gctx.Err()
			}
			if !ok {
				return nil
			}
			if err := b.stored(gctx); err != nil {
				return err
			}
			if err := f.applyBundle(ctx, gctx, b); err != nil {
				return err
			}
			p.objects += int64(len(b.batch.Items))
		}
	})
	err = g.Wait()
	p.took, p.end = time.Since(began), f.in.at()
	if err == nil {
		f.board.edit(func(s *Status) { s.Behind, s.Lag, s.Problem = 0, time.Since(began), nil })
	}
	return p, err
}

// ahead is how many batches are read, and their files copied, before the one
// that is applied.
const ahead = 3

// read makes batches of what the place that writes has.
func (f *Flight) read(ctx context.Context, g *errgroup.Group, out chan<- *bundle) error {
	r := &mirrorReader{f: f, group: g, from: f.in.at(), most: f.BatchSize, began: time.Now()}
	if r.most == 0 {
		r.most = idleBatch
	}
	r.now = newBundle()
	for item, err := range f.way.writer.party.Changes(ctx, f.in.words()) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.take(item)
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
	if r.to == "" || r.to == f.in.words() && len(r.now.batch.Items) == 0 {
		return nil
	}
	return r.send(ctx, out)
}

// applyBundle applies a batch, and leaves the source alone for as long as the
// throttle says.
func (f *Flight) applyBundle(ctx, gctx context.Context, b *bundle) error {
	if err := f.step("before apply"); err != nil {
		return err
	}
	if err := f.hold(gctx, b.text); err != nil {
		return err
	}
	began := time.Now()
	applied, err := f.in.apply(ctx, b.batch)
	if err != nil {
		return err
	}
	if err := f.step("after apply"); err != nil {
		return err
	}
	f.touched.add(b.batch.Items)
	n := int64(len(b.batch.Items))
	f.board.applied(n)
	f.withReport(func(r *Report) {
		r.items(n, b.bytes)
		r.Bytes.Files += b.bytes
	})
	f.count(b, applied)
	if f.way.writer.at.State == chat.Frozen {
		return nil // people wait
	}
	d, why := f.govern.rest(time.Since(began)+b.worked, time.Now())
	if d <= 0 {
		return nil
	}
	f.board.waits(why)
	defer f.board.waits("")
	return pause(gctx, d)
}

// hold waits while the flight is paused, or the timetable allows nothing.
func (f *Flight) hold(ctx context.Context, bytes int64) error {
	if f.way.writer.at.State == chat.Frozen {
		return ctx.Err()
	}
	for f.isPaused() {
		f.board.waits("it is paused: resume lets it go on")
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return f.bytes.pass(ctx, bytes, f.board.waits)
}

// count moves the progress on.
func (f *Flight) count(b *bundle, _ chat.Applied) {
	at, counts := f.in.at(), f.in.counts()
	f.board.edit(func(s *Status) {
		s.Done = int64(at.Pos)
		s.Total = max(s.Total, s.Done)
		s.Behind = s.Total - s.Done
		for i := range s.Kinds {
			c := counts[s.Kinds[i].Kind]
			s.Kinds[i].Done = c.Written + c.Unchanged
			s.Kinds[i].All = max(s.Kinds[i].All, min(s.Kinds[i].Done, s.Kinds[i].All))
		}
	})
}

// recount looks at both places: how much there is, and what they are.
func (f *Flight) recount(ctx context.Context) error {
	for _, s := range []side{f.way.writer, f.way.follower} {
		p, err := s.party.Place(ctx)
		if err != nil {
			return err
		}
		writes := s.name == f.way.writer.name
		f.board.edit(func(st *Status) {
			ps := &st.Source
			if s.name == "to" {
				ps = &st.Target
			}
			ps.Title, ps.Version, ps.State = p.Title, p.Version, p.State
			if !writes {
				return
			}
			st.Total, st.Files.Total = int64(s.at.Pos), p.Totals.Bytes
			st.Kinds = st.Kinds[:0:0]
			for _, k := range chat.Kinds() {
				if n := p.Totals.Kinds[k]; n > 0 {
					st.Kinds = append(st.Kinds, KindStatus{Kind: k, All: n})
				}
			}
		})
		if !writes && p.Free > 0 && p.Free < leastFree {
			f.board.say(fmt.Sprintf("the place %q has only %s of disk left", s.name, size(p.Free)))
		}
	}
	f.count(nil, chat.Applied{})
	return nil
}

// leastFree is how much disk the place that follows should have left.
const leastFree = 1 << 30
