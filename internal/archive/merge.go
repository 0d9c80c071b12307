package archive

import (
	"context"
	"iter"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// stander is a target that says how objects are, whatever source they are of.
type stander interface {
	Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Stand, error)
}

// usual makes of a snapshot and a place in use the two ends of an import.
func usual(s *Source, to connect.Target) (connect.Source, connect.Target) {
	t := &merged{Target: to, s: s}
	t.stand, _ = to.(stander)
	return &plainSource{s}, t
}

// plainSource gives a snapshot without secrets and nonces: they are of no use
// in a place with people of its own.
type plainSource struct{ *Source }

func common(in *chat.Incoming) bool {
	return in.Nonce == nil && (in.Object == nil || !in.Object.Kind().Secret())
}

// Changes is Source's, but for what has no place there. A cursor of what is left
// out is not lost: the next one is behind it.
func (p *plainSource) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		for item, err := range p.Source.Changes(ctx, after) {
			if err == nil && !common(&item.Incoming) {
				if item.Cursor == "" {
					continue
				}
				item = connect.Item{Cursor: item.Cursor, Input: item.Input}
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// Inventory adds up what the target is to have.
func (p *plainSource) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	inv, err := p.Source.Inventory(ctx, q)
	for kind := range inv.Kinds {
		if kind.Secret() {
			delete(inv.Kinds, kind)
		}
	}
	return inv, err
}

// merged is a place in use into which a snapshot is imported. What it has of it
// may be of other sources than the archive, or have been made there: so it is
// asked for each object by its ID.
type merged struct {
	connect.Target
	s     *Source
	stand stander // nil: the target counts by the source's name
}

// Join adds nobody: who was in a room is in the archive.
func (t *merged) Join(context.Context, string) (int64, error) { return 0, nil }

// Tally adds up what of the snapshot the place has. What differs there was
// changed there, or stayed because it was other: as in every import, that is
// counted, and no difference.
func (t *merged) Tally(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	if t.stand == nil || !t.s.Whole() {
		return t.Target.Tally(ctx, q)
	}
	sum := newTallier(q)
	since := int64(0)
	pieces := t.s.m.of(Segment)
	at := map[string]int{}
	for i, p := range t.s.pieces {
		at[p.Name] = i
	}
	err := ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]record, error) {
		return t.s.a.records(ctx, pieces[i], at[pieces[i].Name], t.s.latest, false)
	}, func(_ int, list []record) error {
		keys := map[chat.Kind][]chat.Key{}
		for i := range list {
			if r := &list[i]; r.err == nil && r.Object != nil {
				keys[r.ref.kind] = append(keys[r.ref.kind], r.ref.key)
			}
		}
		there := map[ref]uint64{}
		for kind, some := range keys {
			found, err := t.stand.Stand(ctx, kind, some)
			if err != nil {
				return err
			}
			for key, s := range found {
				there[ref{kind, key}] = s.Digest
			}
		}
		for i := range list {
			r := &list[i]
			digest, ok := there[r.ref]
			if r.err != nil || r.Object == nil || !ok {
				continue
			}
			if digest != r.Digest {
				since++
			}
			sum.add(r.Incoming)
		}
		return nil
	})
	inv := sum.inventory(&q)
	inv.Raw, inv.Since = nil, since
	if err == nil && q.Level >= chat.L3 {
		var own chat.Inventory
		own, err = t.Target.Tally(ctx, chat.TallyQuery{Source: q.Source, Level: chat.L3})
		inv.Bad = own.Bad
	}
	return inv, err
}

// Prepare does what can be done before an Apply.
func (t *merged) Prepare(b *chat.Batch) {
	if p, ok := t.Target.(connect.Preparer); ok {
		p.Prepare(b)
	}
}

// Flush makes files durable.
func (t *merged) Flush(ctx context.Context) error {
	if f, ok := t.Target.(connect.Flusher); ok {
		return f.Flush(ctx)
	}
	return nil
}

// OnWait passes on who is told why a call waits.
func (t *merged) OnWait(f func(string)) {
	if w, ok := t.Target.(interface{ OnWait(func(string)) }); ok {
		w.OnWait(f)
	}
}
