package move

import (
	"context"
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
)

// repair makes objects at the place that follows so as the other one has
// them, by the way that everything comes.
func (f *Flight) repair(ctx context.Context, list []Difference) error {
	items, damaged, err := f.gather(ctx, list)
	if err != nil {
		return err
	}
	var contents []*chat.Content
	for _, i := range items {
		if c, ok := i.Object.(*chat.Content); ok && !c.Gone && c.Hash != "" {
			contents = append(contents, c)
		}
	}
	lost, err := f.copyContents(ctx, contents, false)
	if err != nil {
		return err
	}
	bytes, more, err := f.repairBytes(ctx, damaged)
	if err != nil {
		return err
	}
	lost, items = append(lost, more...), append(items, bytes...)
	for _, n := range lost {
		f.verified.mu.Lock()
		f.verified.gone[n.Where] = true
		f.verified.mu.Unlock()
	}
	for part := range slices.Chunk(items, idleBatch) {
		if _, err := f.in.apply(ctx, chat.Batch{Mend: true, Counts: chat.Counts{}, Items: part, Notes: lost}); err != nil {
			return err
		}
		f.touched.add(part)
		lost = nil
	}
	return f.step("repaired")
}

// gather finds what the place that writes has in the place of what differs,
// and of which files the bytes are damaged.
func (f *Flight) gather(ctx context.Context, list []Difference) (items []chat.Incoming, damaged map[string]bool, err error) {
	byKind, damaged := map[chat.Kind][]chat.Key{}, map[string]bool{}
	for _, d := range list {
		if d.Problem == badBytes {
			damaged[d.Day] = true
		} else {
			byKind[d.Object] = append(byKind[d.Object], d.Key)
		}
	}
	for kind, keys := range byKind {
		for part := range slices.Chunk(keys, standAtOnce) {
			stands, err := f.way.writer.party.Stand(ctx, kind, part)
			if err != nil {
				return nil, nil, err
			}
			for _, k := range part {
				st, ok := stands[k]
				if !ok {
					items = append(items, chat.Incoming{Absent: &chat.Ref{Kind: kind, Key: k}})
					continue
				}
				item, err := f.fetch(ctx, st.Pos)
				if err != nil {
					return nil, nil, err
				}
				if item != nil {
					items = append(items, *item)
				}
			}
		}
	}
	return items, damaged, nil
}

// fetch reads the object that was last changed at a position; nil if it has
// moved on, and comes with a pass.
func (f *Flight) fetch(ctx context.Context, pos chat.Position) (*chat.Incoming, error) {
	at := f.way.writer.at
	after := chat.Cursor{LogID: at.LogID, Epoch: at.Epoch, Pos: pos - 1}.String()
	for item, err := range f.way.writer.party.Changes(ctx, after) {
		if err != nil {
			return nil, err
		}
		if item.Pos > pos {
			return nil, nil
		}
		if item.Pos == pos && (item.Object != nil || item.Sealed != nil) {
			in := item.Incoming
			return &in, nil
		}
	}
	return nil, nil
}

// repairBytes copies files again whose bytes are damaged, and returns their
// contents: bytes are safe once their content was applied.
func (f *Flight) repairBytes(ctx context.Context, hashes map[string]bool) (items []chat.Incoming, lost []chat.Note, err error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	var contents []*chat.Content
	for item, err := range f.way.writer.party.Changes(ctx, "") {
		if err != nil {
			return nil, nil, err
		}
		if c, ok := item.Object.(*chat.Content); ok && hashes[c.Hash] {
			contents, items = append(contents, c), append(items, item.Incoming)
		}
	}
	lost, err = f.copyContents(ctx, contents, true)
	return items, lost, err
}
