package move

import (
	"context"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// mend reads the source again, and applies what is missing or different at
// the target. It returns how many objects that wrote.
func (j *Job) mend(ctx context.Context, list []Difference) (int64, error) {
	want, hashes := map[chat.Key]bool{}, map[string]bool{}
	for _, d := range list {
		switch d.Problem {
		case missing, different:
			want[d.Key] = true
		case badBytes:
			hashes[d.Day] = true
		}
	}
	if len(want)+len(hashes) == 0 {
		return 0, nil
	}
	var mended int64
	batch := chat.Batch{Mend: true}
	flush := func() error {
		applied, err := j.apply(ctx, batch, true)
		for _, c := range applied.Counts {
			mended += c.Written
		}
		batch.Items = nil
		return err
	}
	for item, err := range j.Source.Changes(ctx, "") {
		if err != nil {
			return mended, err
		}
		if item.Object == nil || item.Duplicate {
			continue
		}
		use, err := j.wanted(ctx, item, want, hashes)
		if err != nil {
			return mended, err
		}
		if !use {
			continue
		}
		if batch.Items = append(batch.Items, item.Incoming); len(batch.Items) >= busyBatch {
			if err := flush(); err != nil {
				return mended, err
			}
		}
	}
	return mended, flush()
}

// wanted reports whether an item is to be applied again, and stores its bytes
// if it has some: contents are known by them.
func (j *Job) wanted(ctx context.Context, item connect.Item, want map[chat.Key]bool, hashes map[string]bool) (bool, error) {
	c, ok := item.Object.(*chat.Content)
	if !ok || item.Bytes == nil || !want[item.Object.Key()] && len(hashes) == 0 {
		return want[item.Object.Key()], nil
	}
	if err := storeFile(ctx, j.Target, c, item.Bytes, item.Size); err != nil {
		return false, err
	}
	return want[c.Key()] || hashes[c.Hash], nil
}
