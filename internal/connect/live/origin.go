package live

import (
	"context"
	"io"
	"iter"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Origin is this place as it is archived on its own machine: with secrets, and
// what is sealed in them opened (see chat.Reveal).
type Origin struct{ *Direct }

// Changes is Direct's, and secrets are among them as they are.
func (o Origin) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan stretch, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(pages)
			o.readAll(ctx, after, pages)
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

// readAll reads pages of the log to its head.
func (o Origin) readAll(ctx context.Context, after string, to chan<- stretch) {
	at, _, err := o.from(ctx, after)
	for done := false; err == nil && !done; {
		var list []chat.Incoming
		var epoch chat.Key
		// The epoch is read first: a cursor with an older one is safe.
		if epoch, err = o.epoch(ctx); err != nil {
			break
		}
		at.Epoch = epoch
		if list, at.Pos, done, err = o.store.Export(ctx, at.Pos, pageItems); err != nil {
			break
		}
		items := make([]connect.Item, len(list), len(list)+1)
		for i := range list {
			items[i].Incoming = list[i]
		}
		select {
		case to <- stretch{items: append(items, connect.Item{Cursor: at.String()})}:
		case <-ctx.Done():
			return
		}
	}
	if err != nil {
		select {
		case to <- stretch{err: err}:
		case <-ctx.Done():
		}
	}
}

// Read opens the bytes of a hash, from an offset on. It fails with NotFound.
func (o Origin) Read(_ context.Context, hash string, offset int64) (io.ReadCloser, error) {
	f, err := o.files.Open(hash)
	if err != nil {
		return nil, err
	}
	if offset == 0 {
		return f, nil
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Reveal opens what a secret has sealed for this place. What cannot be opened
// here stays as it is.
func (o Origin) Reveal(secret chat.Object) (chat.Object, error) {
	if o.sealer == nil {
		return secret, nil
	}
	plain, _ := chat.Reveal(secret, o.sealer)
	return plain, nil
}
