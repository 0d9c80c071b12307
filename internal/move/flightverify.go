package move

import (
	"context"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Verify compares the two places once, at a level, while people write. With
// repair it takes the flight over from its mover, and mends what differs;
// without it, it changes nothing and can run beside one.
func (f *Flight) Verify(ctx context.Context, level chat.Level, repair bool) (*Report, error) {
	f.init()
	defer close(f.over)
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	watched, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { f.watch(watched); close(ended) }()
	defer func() { stop(); <-ended }()
	w, err := f.whereabouts(ctx)
	if err != nil {
		return nil, err
	}
	if !w.paired() || w.passing() {
		return nil, chat.Errorf(chat.NotFound, "the two places are in no move %s together", f.Name).WithHint("begin it: godwit sync %s %s", f.From, f.To)
	}
	f.way, f.LookOnly = w.way(), !repair
	if repair {
		if err := f.in.begin(ctx, f.Name, f.way); err != nil {
			return nil, err
		}
	}
	f.enterQuietly(StageVerify)
	for try := 0; ; try++ {
		if _, err := f.round(ctx, level); err != nil {
			return nil, f.failed(ctx, err)
		}
		if s := f.Status(); !repair || s.Verify.Differences == 0 || try == mendRounds {
			break
		}
	}
	f.leave()
	err = f.save()
	f.reportMu.Lock()
	defer f.reportMu.Unlock()
	f.report.OK = f.report.Verify.Differences == 0
	return f.report, err
}

// reached is up to where the place that follows has what the other one wrote.
func (f *Flight) reached(ctx context.Context) (chat.Position, error) {
	if !f.LookOnly {
		return f.in.at().Pos, nil
	}
	at, err := f.way.follower.party.Standing(ctx)
	if err != nil {
		return 0, err
	}
	c, err := chat.ParseCursor(at.Reached)
	return c.Pos, err
}
