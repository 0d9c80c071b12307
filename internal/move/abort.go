package move

import (
	"context"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Abort gives the flight up while people are at the old place and no mover
// runs: each place that is in it goes on alone. Places that do not know each
// other any more, because one was set up anew, can be parted so. It fails with
// Conflict if people are at the new place. Again does nothing.
func (f *Flight) Abort(ctx context.Context) error {
	f.init()
	if err := f.open(ctx); err != nil {
		return err
	}
	w, err := f.whereabouts(ctx)
	if err != nil {
		return err
	}
	if w.source.here && !w.source.at.Pair.Mine() {
		return chat.Errorf(chat.Conflict, "people are at the new place: the move can't be given up").WithHint("back: godwit rollback %s; the end: godwit complete %s", f.Name, f.Name)
	}
	f.hookNoted(ctx, EventBegins, StageAborted)
	for _, s := range []side{w.source, w.target} {
		if !s.here || s.at.Pair.Over {
			continue
		}
		if _, err := s.party.End(ctx, f.Name); err != nil {
			return err
		}
	}
	f.enterQuietly(StageAborted)
	f.hookNoted(ctx, EventEnds, StageAborted)
	return f.save()
}
