package move

import (
	"context"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Rehearsal is what a rehearsal measured.
type Rehearsal struct {
	At      time.Time     `json:"at"`
	Presync time.Duration `json:"presync"`
	Objects int64         `json:"objects"`
	Bytes   int64         `json:"bytes"`
	Verify  time.Duration `json:"verify"`
	Delta   time.Duration `json:"delta"`
	Gate    time.Duration `json:"gate"`
	Pause   time.Duration `json:"pause"` // that people would feel
}

// Rehearse goes the way of a move to a disposable target, up to the cutover,
// and nobody waits: the freeze is a position of the source, and what moved on
// since is not compared. The plan of the real move, in dir, takes its
// predictions from what is measured. At the end the two places are parted.
func (f *Flight) Rehearse(ctx context.Context, dir string) (*Rehearsal, error) {
	f.init()
	defer close(f.over)
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	watched, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { f.watch(watched); close(ended) }()
	defer func() { stop(); <-ended }()
	r, err := f.rehearse(ctx)
	if e := f.part(ctx); err == nil {
		err = e
	}
	if err != nil {
		return nil, f.failed(ctx, err)
	}
	if dir != "" {
		l, err := openFlightLog(dir, f.Name)
		if err != nil {
			return r, err
		}
		if err := l.edit(func(j *flightJournal) { j.Rehearsed = r }); err != nil {
			return r, err
		}
	}
	return r, f.save()
}

func (f *Flight) rehearse(ctx context.Context) (*Rehearsal, error) {
	r := &Rehearsal{At: time.Now().UTC()}
	w, err := f.whereabouts(ctx)
	if err != nil {
		return nil, err
	}
	if !w.paired() || w.over() {
		if err := f.pair(ctx); err != nil {
			return nil, err
		}
		if w, err = f.whereabouts(ctx); err != nil {
			return nil, err
		}
	}
	f.way = w.way()
	if err := f.in.begin(ctx, f.Name, f.way); err != nil {
		return nil, err
	}
	if err := f.recount(ctx); err != nil {
		return nil, err
	}
	if err := f.enter(ctx, StagePresync); err != nil {
		return nil, err
	}
	p, err := f.pass(ctx)
	if err != nil {
		return nil, err
	}
	r.Presync, r.Objects, r.Bytes = p.took, p.objects, f.Status().Files.Bytes
	if err := f.enter(ctx, StageFollow); err != nil {
		return nil, err
	}
	if r.Verify, err = f.rehearseRound(ctx); err != nil {
		return nil, err
	}
	return r, f.rehearseFreeze(ctx, r)
}

// rehearseRound compares until nothing differs, with what is written being
// carried meanwhile.
func (f *Flight) rehearseRound(ctx context.Context) (time.Duration, error) {
	inner, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := f.pass(inner); err != nil {
				ended <- err
				return
			}
			if pause(inner, followEvery) != nil {
				ended <- nil
				return
			}
		}
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			f.Log.Warn("pass", "move", f.Name, "err", err) // the next pass finds it again
		}
	}()
	for try := 0; ; try++ {
		began := time.Now()
		clean, err := f.round(ctx, chat.L2)
		if err != nil || clean {
			return time.Since(began), err
		}
		if try == mendRounds {
			return 0, chat.Errorf(chat.Conflict, "the two places differ after %d rounds of repair", try).WithHint("see the report of the rehearsal")
		}
	}
}

// rehearseFreeze measures what people would wait for.
func (f *Flight) rehearseFreeze(ctx context.Context, r *Rehearsal) error {
	part, _, err := f.prepareGate(ctx)
	if err != nil {
		return err
	}
	f.enterQuietly(StageFreeze)
	began := time.Now()
	at, err := f.way.writer.party.Standing(ctx) // as long as a freeze
	if err != nil {
		return err
	}
	f.enterQuietly(StageDelta)
	trip := time.Since(began)
	delta := time.Now()
	if err := f.delta(ctx, at.Pos); err != nil {
		return err
	}
	r.Delta = time.Since(delta)
	f.enterQuietly(StageVerify)
	gate := time.Now()
	differ, err := f.look(ctx, false)
	if err != nil {
		return err
	}
	if len(differ) > 0 {
		return differError(differ)
	}
	if _, _, err := f.sums(ctx, chat.TallyQuery{Mirror: true, Level: chat.L1, Part: part}); err != nil {
		return err
	}
	r.Gate = time.Since(gate)
	r.Pause = time.Since(began) + 3*trip // retiring and opening
	return nil
}

// part ends the pair of a rehearsal.
func (f *Flight) part(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	w, err := f.whereabouts(ctx)
	if err != nil {
		return err
	}
	for _, s := range []side{w.source, w.target} {
		if !s.here || s.at.Pair.Over {
			continue
		}
		if _, err := s.party.End(ctx, f.Name); err != nil {
			return err
		}
	}
	return nil
}
