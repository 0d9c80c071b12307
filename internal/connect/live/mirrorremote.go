package live

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/url"
	"sync"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Describe says what the server is, as a source.
func (r *Remote) Describe() connect.Description {
	out := connect.Description{Title: r.first.Title, Path: r.client.URL, Flavour: "live", Version: r.first.Version}
	describeLog(&out, r.first.Log)
	return out
}

// stretches are how many parts of the log are read ahead.
const stretches = 8

// Changes yields what changed at the server after a cursor, up to the head.
// Where a connection breaks it goes on at the last cursor.
func (r *Remote) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		parts := make(chan stretch, stretches)
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(parts)
			read := &changesReader{remote: r, after: after, to: parts}
			if err := read.all(ctx); err != nil {
				read.send(ctx, stretch{err: err})
			}
		})
		defer wg.Wait()
		defer cancel()
		for p := range parts {
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

// changesReader reads a stream of changes, and again from where it broke off.
type changesReader struct {
	remote *Remote
	after  string
	to     chan<- stretch
	done   bool
}

func (c *changesReader) send(ctx context.Context, p stretch) bool {
	select {
	case c.to <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

// all reads until the head. Each part that came renews the patience.
func (c *changesReader) all(ctx context.Context) error {
	for !c.done {
		before := c.after
		err := c.remote.client.Stream(ctx, "changes", url.Values{"after": {c.after}}, func(body io.Reader) (bool, error) {
			err := c.stream(ctx, body)
			return c.after != before, err
		})
		if err != nil && (c.after == before || !chat.IsKind(err, chat.Unavailable) || ctx.Err() != nil) {
			return err
		}
	}
	return nil
}

// stream reads one stream, and hands on what ends with a cursor.
func (c *changesReader) stream(ctx context.Context, body io.Reader) error {
	z, err := api.NewMirrorDecompressor(body)
	if err != nil {
		return err
	}
	defer z.Close()
	records := api.NewMirrorReader(z)
	var part []connect.Item
	for {
		rec, err := records.Read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		switch {
		case rec.End:
			c.done = rec.Reached
			return nil
		case rec.Note != nil:
			if n := len(part); n > 0 && part[n-1].Note == nil {
				part[n-1].Note = rec.Note
			} else {
				part = append(part, connect.Item{Note: rec.Note})
			}
		case rec.Cursor != "":
			if n := len(part); n > 0 {
				part[n-1].Cursor = rec.Cursor
			} else {
				part = append(part, connect.Item{Cursor: rec.Cursor})
			}
			if !c.send(ctx, stretch{items: part}) {
				return ctx.Err()
			}
			c.after, part = rec.Cursor, make([]connect.Item, 0, cap(part))
		default:
			part = append(part, connect.Item{Incoming: rec.Item})
		}
	}
}

// Inventory adds up what the server is.
func (r *Remote) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	inv, _, err := r.Mirror(ctx, q)
	return inv, err
}

// Mirror adds up what the server is.
func (r *Remote) Mirror(ctx context.Context, q chat.TallyQuery) (inv chat.Inventory, at chat.Cursor, err error) {
	q.Mirror = true
	err = r.post(ctx, "mirror", q, &inv)
	return inv, inv.At, err
}

// Stand says how some objects at the server are just now.
func (r *Remote) Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (stands map[chat.Key]chat.Stand, err error) {
	err = r.post(ctx, "stand", api.MoveKeys{Kind: kind, Keys: keys}, &stands)
	return stands, err
}

// Prepare packs the items of a batch that mirrors, before its turn to be sent.
func (r *Remote) Prepare(b *chat.Batch) {
	if !b.Mirror {
		return
	}
	if items, err := api.EncodeItems(b.Items); err == nil { // otherwise Apply says what is wrong
		b.Prepared = items
	}
}
