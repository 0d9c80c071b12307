package archive

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"iter"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Restorable is a target that can become what another place was: a
// connect.Party, of which only this is asked.
type Restorable interface {
	connect.Target
	Standing(ctx context.Context) (chat.Standing, error)
	Offer(ctx context.Context, move, peer string) (chat.PairOffer, error)
	Accept(ctx context.Context, move string, a chat.PairAnswer) error
	End(ctx context.Context, move string) (chat.Standing, error)
	Mirror(ctx context.Context, q chat.TallyQuery) (chat.Inventory, chat.Cursor, error)
}

// Restore makes of a snapshot and a place the two ends of a restore, if the
// place is new and empty, or a restore of this name into it has not ended:
// everything becomes as it was, with its sources, deletions and nonces. Into any
// other place the snapshot is imported by the usual rule, without secrets: what
// is there, and is other than in the snapshot, stays.
//
// A place that is restored is in a pair meanwhile, whose other place is the
// archive.
func Restore(ctx context.Context, s *Source, to connect.Target, move string) (connect.Source, connect.Target, error) {
	r, ok := to.(Restorable)
	if !ok || !s.Whole() {
		source, target := usual(s, to)
		return source, target, nil
	}
	place, err := to.Place(ctx)
	if err != nil {
		return nil, nil, err
	}
	st, err := r.Standing(ctx)
	if err != nil && !chat.IsKind(err, chat.NotFound) {
		return nil, nil, err
	}
	ours := err == nil && st.Pair.Move == move
	begun := ours && place.State == chat.Receiving
	empty := place.State == chat.Open && place.Totals.Kinds[chat.KindMessage] == 0 && place.Totals.Kinds[chat.KindUser] == 0
	if !begun && !empty {
		source, target := usual(s, to)
		return source, target, nil
	}
	t := &restored{Restorable: r, s: s, move: move, over: ours && st.Pair.Over}
	w := &wholeSource{Source: s}
	if s.a.keys.secrets != nil {
		if err := t.key(place.Log); err != nil {
			return nil, nil, err
		}
		if w.courier, err = chat.StoredCourier(move, t.secret); err != nil {
			return nil, nil, err
		}
	}
	return w, t, nil
}

// wholeSource gives a snapshot as it goes into a place that becomes like it.
type wholeSource struct {
	*Source
	courier *chat.Courier // nil: secrets stay in the archive
}

// Changes is Source's, with secrets sealed for the place.
func (w *wholeSource) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		for item, err := range w.Source.Changes(ctx, after) {
			if item.Object != nil && item.Object.Kind().Secret() && w.courier != nil {
				item.Sealed, _ = w.courier.Seal(item.Object) // it is revealed already
				item.Object = nil
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// Inventory adds up what the place is to be.
func (w *wholeSource) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	q.Mirror, q.Keyed = true, nil
	if w.courier != nil {
		q.Keyed = w.courier.Digest
	}
	return w.Source.Inventory(ctx, q)
}

// restored is a place that becomes what is in an archive.
type restored struct {
	Restorable
	s      *Source
	move   string
	over   bool     // all had come, and it was about to open
	secret [32]byte // of the pair; zero if no secrets are restored
}

// key derives the pair's key, so that a restore that was stopped has it again.
func (t *restored) key(log chat.Key) error {
	k, err := hkdf.Key(sha256.New, []byte(t.s.a.keys.secrets.String()), log[:], "godwit archive: restore "+t.move, len(t.secret))
	copy(t.secret[:], k)
	return err
}

// Begin pairs the place with the archive, and begins.
func (t *restored) Begin(ctx context.Context, spec chat.MoveSpec) (chat.MoveState, error) {
	if !t.over {
		if err := t.pair(ctx); err != nil {
			return chat.MoveState{}, err
		}
	}
	return t.Restorable.Begin(ctx, spec)
}

func (t *restored) pair(ctx context.Context) error {
	offer, err := t.Offer(ctx, t.move, "")
	if err != nil || t.secret == [32]byte{} {
		return err
	}
	cursor, err := chat.ParseCursor(t.s.m.Cursor)
	if err != nil {
		return err
	}
	answer, err := chat.StoredAnswer(t.move, cursor.LogID, t.secret, offer)
	if err != nil {
		return err
	}
	return t.Accept(ctx, t.move, answer)
}

// Apply makes the place so, but at the end, when it is its own again.
func (t *restored) Apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	b.Mirror = !t.over
	return t.Restorable.Apply(ctx, b)
}

// Tally adds up what the place is.
func (t *restored) Tally(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	inv, _, err := t.Restorable.Mirror(ctx, q)
	return inv, err
}

// SetState opens the place: from here on it is its own.
func (t *restored) SetState(ctx context.Context, from, to chat.State) error {
	if to == chat.Open && !t.over {
		if _, err := t.End(ctx, t.move); err != nil {
			return err
		}
		t.over = true
	}
	return t.Restorable.SetState(ctx, from, to)
}

// Join adds nobody: who was in a room is in the archive.
func (t *restored) Join(context.Context, string) (int64, error) { return 0, nil }

// MissingFiles lists none: a snapshot says itself which bytes it lacks.
func (t *restored) MissingFiles(context.Context, string, chat.Key, int) ([]*chat.File, error) {
	return nil, nil
}

// People finds nobody: the place is new.
func (t *restored) People(context.Context, string, []string) (map[string]*chat.User, error) {
	return nil, nil
}

// Prepare does what can be done before an Apply.
func (t *restored) Prepare(b *chat.Batch) {
	b.Mirror = true
	if p, ok := t.Restorable.(connect.Preparer); ok {
		p.Prepare(b)
	}
}

// Flush makes files durable.
func (t *restored) Flush(ctx context.Context) error {
	if f, ok := t.Restorable.(connect.Flusher); ok {
		return f.Flush(ctx)
	}
	return nil
}

// OnWait passes on who is told why a call waits.
func (t *restored) OnWait(f func(string)) {
	if w, ok := t.Restorable.(interface{ OnWait(func(string)) }); ok {
		w.OnWait(f)
	}
}
