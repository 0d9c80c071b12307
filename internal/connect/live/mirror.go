package live

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

const (
	pageItems   = 2500 // of the log that are read at once
	cursorEvery = 250  // items after which one may stop
)

// Seals sets what the place's secrets are sealed with, and returns d. Without
// it secrets do not go with a move.
func (d *Direct) Seals(s chat.Sealer) *Direct {
	d.sealer = s
	return d
}

// couriers keep the courier of the pair.
type couriers struct {
	mu   sync.Mutex
	key  string // sealed, as it is stored
	made *chat.Courier
}

// courier carries secrets to and from the other place; nil in no pair.
func (d *Direct) courier(ctx context.Context) (*chat.Courier, error) {
	st, err := d.store.Standing(ctx)
	if err != nil || st.Pair.Key == "" || st.Pair.Over {
		return nil, err
	}
	c := &d.couriers
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil || c.key != st.Pair.Key {
		if c.made, err = chat.NewCourier(&st.Pair, d.sealer); err != nil {
			return nil, err
		}
		c.key = st.Pair.Key
	}
	return c.made, nil
}

// Describe says what this place is, as a source.
func (d *Direct) Describe() connect.Description {
	out := connect.Description{Title: d.title, Path: d.title, Flavour: "live", Version: d.version}
	err := d.store.View(context.Background(), func(r chat.Reader) error {
		h, err := r.Head()
		if err == nil {
			describeLog(&out, h.LogID)
		}
		return err
	})
	if err != nil {
		out.Oddities = append(out.Oddities, err.Error())
	}
	return out
}

func describeLog(out *connect.Description, log chat.Key) {
	out.Name = "godwit-" + log.String()[:8]
	out.Artefact = log.String()
	out.Fingerprint = []string{fmt.Sprintf("log %s 0", log)}
}

// Changes yields what changed after a cursor of this log, up to the head;
// everything if the log does not go on from there. Secrets are sealed for the
// other place of the pair, and left out if there is none.
func (d *Direct) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan stretch, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(pages)
			// Before the two have met, the other one does not know what it would take.
			if st, err := d.store.Standing(ctx); err != nil || st.Pair.Unmet {
				if err == nil {
					err = chat.Errorf(chat.Unavailable, "this place was started within the move, and has not met the other one since")
				}
				pages <- stretch{err: err}
				return
			}
			d.readPages(ctx, after, pages)
		})
		defer wg.Wait()
		defer cancel()
		for p := range pages {
			for i := range p.items {
				if !yield(p.items[i], nil) {
					return
				}
			}
			if p.err != nil {
				yield(connect.Item{}, p.err)
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(connect.Item{}, err)
		}
	}
}

// stretch is a part of the log.
type stretch struct {
	items []connect.Item
	err   error // after the items
}

func (d *Direct) readPages(ctx context.Context, after string, to chan<- stretch) {
	send := func(p stretch) bool {
		select {
		case to <- p:
			return p.err == nil
		case <-ctx.Done():
			return false
		}
	}
	at, courier, err := d.from(ctx, after)
	if err != nil {
		send(stretch{err: err})
		return
	}
	for done := false; !done; {
		var list []chat.Incoming
		var epoch chat.Key
		// The epoch is read first: a cursor with an older one is safe.
		if epoch, err = d.epoch(ctx); err == nil {
			at.Epoch = epoch
			list, at.Pos, done, err = d.store.Export(ctx, at.Pos, pageItems)
		}
		if err != nil {
			send(stretch{err: err})
			return
		}
		if !send(stretch{items: items(list, at, courier)}) {
			return
		}
	}
}

func (d *Direct) epoch(ctx context.Context) (epoch chat.Key, err error) {
	err = d.store.View(ctx, func(r chat.Reader) error {
		h, err := r.Head()
		epoch = h.Epoch
		return err
	})
	return epoch, err
}

// from finds where to go on after a cursor.
func (d *Direct) from(ctx context.Context, after string) (at chat.Cursor, courier *chat.Courier, err error) {
	if courier, err = d.courier(ctx); err != nil {
		return at, nil, err
	}
	cursor, err := chat.ParseCursor(after)
	if err != nil {
		cursor = chat.Cursor{} // of something else
	}
	err = d.store.View(ctx, func(r chat.Reader) error {
		h, err := r.Head()
		if err != nil {
			return err
		}
		at = chat.Cursor{LogID: h.LogID, Epoch: h.Epoch}
		goesOn, err := r.Follows(cursor)
		if goesOn {
			at.Pos = cursor.Pos
		}
		return err
	})
	return at, courier, err
}

// items makes what a source yields of a page of the log that ends at a cursor.
func items(list []chat.Incoming, end chat.Cursor, courier *chat.Courier) []connect.Item {
	out := make([]connect.Item, 0, len(list)+1)
	last := 0
	for i := range list {
		in := &list[i]
		it := connect.Item{Incoming: *in}
		if in.Object != nil && in.Object.Kind().Secret() {
			if courier == nil {
				continue
			}
			it.Note = sealItem(&it.Incoming, courier)
		}
		// Nonces have the position of what was written with them: no stop between.
		if len(out)-last >= cursorEvery && i+1 < len(list) && list[i+1].Pos > in.Pos {
			at := end
			at.Pos = in.Pos
			it.Cursor = at.String()
			last = len(out)
		}
		out = append(out, it)
	}
	return append(out, connect.Item{Cursor: end.String()})
}

func sealItem(in *chat.Incoming, courier *chat.Courier) *chat.Note {
	o := in.Object
	sealed, whole := courier.Seal(o)
	in.Object, in.Sealed = nil, sealed
	if whole {
		return nil
	}
	return &chat.Note{
		Kind: chat.NoteLoss, Object: o.Kind(), Where: fmt.Sprintf("%s %s", o.Kind(), o.Key()),
		Reason: "it was sealed with a key that this place has not got: it goes as it is, and is of no more use there than here",
	}
}

// Inventory adds up what this place is.
func (d *Direct) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	inv, _, err := d.Mirror(ctx, q)
	return inv, err
}

// Mirror adds up what this place is, secrets by digests under the pair's key.
func (d *Direct) Mirror(ctx context.Context, q chat.TallyQuery) (inv chat.Inventory, at chat.Cursor, err error) {
	courier, err := d.courier(ctx)
	if err != nil {
		return inv, at, err
	}
	if q.Mirror = true; courier != nil {
		q.Keyed = courier.Digest
	}
	inv, err = d.tally(ctx, q)
	return inv, inv.At, err
}

// Stand says how some objects are just now.
func (d *Direct) Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Stand, error) {
	stands, err := d.store.Stand(ctx, kind, keys)
	if err != nil || !kind.Secret() {
		return stands, err
	}
	courier, err := d.courier(ctx)
	if err != nil {
		return nil, err
	}
	if courier == nil {
		return nil, chat.Errorf(chat.Conflict, "secrets can be compared only within a move")
	}
	var objects map[chat.Key]chat.Object
	err = d.store.View(ctx, func(r chat.Reader) error {
		objects, err = r.GetAll(kind, keys)
		return err
	})
	for key, stand := range stands {
		stand.Digest = 0
		if o := objects[key]; o != nil {
			stand.Digest = courier.Digest(o)
		}
		stands[key] = stand
	}
	return stands, err
}

// accept opens what is sealed in a batch that mirrors, and seals it for this
// place. What is here already and says the same stays as it is.
func (d *Direct) accept(ctx context.Context, b *chat.Batch) error {
	sealed := map[chat.Kind][]chat.Key{}
	plain := map[int]chat.Object{}
	courier, err := d.courier(ctx)
	if err != nil {
		return err
	}
	for i := range b.Items {
		if b.Items[i].Sealed == nil {
			continue
		}
		if courier == nil {
			return chat.Errorf(chat.Conflict, "this place is in no move %s", b.Move)
		}
		o, err := courier.Open(b.Items[i].Sealed)
		if err != nil {
			return err
		}
		plain[i] = o
		sealed[o.Kind()] = append(sealed[o.Kind()], o.Key())
	}
	if len(plain) == 0 {
		return nil
	}
	there := map[chat.Ref]chat.Object{}
	err = d.store.View(ctx, func(r chat.Reader) error {
		for kind, keys := range sealed {
			found, err := r.GetAll(kind, keys)
			if err != nil {
				return err
			}
			for key, o := range found {
				there[chat.Ref{Kind: kind, Key: key}] = o
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.Items = slices.Clone(b.Items)
	for i, o := range plain {
		in := &b.Items[i]
		if in.Object, err = courier.Accept(o, there[chat.Ref{Kind: o.Kind(), Key: o.Key()}]); err != nil {
			return err
		}
		in.Sealed = nil
	}
	return nil
}
