package store

import (
	"runtime"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Prepare makes the rows of messages before the batch's turn. What is wrong
// with one is for Apply to say.
func (db *DB) Prepare(b *chat.Batch) {
	rows := make([]*row, len(b.Items))
	for i, item := range b.Items {
		if m, ok := item.Object.(*chat.Message); ok && m != nil {
			if r, err := encodeKnown(m, item.Digest); err == nil {
				rows[i] = r
			}
		}
	}
	b.Prepared = rows
}

// encodeAll makes the rows of what came in that have none yet, on all
// processors.
func encodeAll(b *chat.Batch) ([]*row, error) {
	items := b.Items
	rows, ok := b.Prepared.([]*row)
	if !ok || len(rows) != len(items) {
		rows = make([]*row, len(items))
	}
	workers := min(runtime.GOMAXPROCS(0), len(items)/100+1)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			from, to := len(items)*w/workers, len(items)*(w+1)/workers
			for i := from; i < to; i++ {
				if rows[i] != nil {
					rows[i].src = sourceState(b, i, rows[i])
					continue
				}
				if b.Mirror && (items[i].Nonce != nil || items[i].Absent != nil) {
					continue
				}
				if items[i].Object == nil {
					errs[w] = chat.Errorf(chat.Invalid, "item %d of the batch is empty", i)
					return
				}
				if rows[i], errs[w] = encodeKnown(items[i].Object, items[i].Digest); errs[w] != nil {
					return
				}
				rows[i].src = sourceState(b, i, rows[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// sourceState is the digest of the state that the source of an object had last.
func sourceState(b *chat.Batch, i int, r *row) int64 {
	if b.Mirror {
		return int64(b.Items[i].Src)
	}
	return r.digest
}
