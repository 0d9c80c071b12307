package hipchat

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// cursorEvery is how many items are given without a cursor at least; a record
// gives few more.
const cursorEvery = 200

// Changes yields what the export holds, in its order. The record that a
// placeholder or a 1-1 is first seen in gives that too.
func (s *Source) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		from := parseCursor(after, s.about.Artefact)
		t := newTallier(s, chat.TallyQuery{})
		raw := map[string]int64{}
		whole := from.entry == 0 && from.record == 0 && !s.o.FilesOnly && !s.o.WithoutFiles && s.o.FilesFrom == ""
		if !whole {
			t, raw = nil, nil
		}
		err := s.items(ctx, from, raw, func(i digested) bool {
			if t == nil {
				return yield(i.Item, nil)
			}
			sum := t.watch(&i)
			if !yield(i.Item, nil) {
				return false
			}
			sum()
			return true
		})
		switch {
		case errors.Is(err, errStopped):
			return
		case err != nil:
			yield(connect.Item{}, err)
		case t != nil && t.settled():
			s.mu.Lock()
			s.passed, s.raw = t, raw
			s.mu.Unlock()
		}
	}
}

// digested is an item with the digest of its object, if that is known already.
type digested struct {
	connect.Item
	digest uint64
}

func (d *digested) sum() uint64 {
	if d.digest == 0 {
		d.digest = chat.Digest(d.Object)
	}
	return d.digest
}

// errStopped says that whoever asked has heard enough.
var errStopped = errors.New("stopped")

// items calls yield with every item after a cursor. It fails with errStopped
// if yield returned false.
func (s *Source) items(ctx context.Context, from cursor, raw map[string]int64, yield func(digested) bool) error {
	p := &pass{s: s, from: from, raw: raw}
	g := &giver{s: s, p: s.p, yield: yield, given: map[name]uint64{}, pictures: map[string]string{}, arrived: map[string]bool{}, placed: map[nativeID]bool{}, seen: seenTable{size: s.seenSize()}}
	for path, whose := range s.p.pictures {
		g.pictures[path] = whose
	}
	err := p.run(ctx, g.batch)
	if err != nil {
		return err
	}
	if g.stopped {
		return errStopped
	}
	if g.err == nil {
		return ctx.Err()
	}
	if errors.Is(g.err, io.EOF) {
		return nil
	}
	return g.err
}

// giver turns batches into items, in order.
type giver struct {
	s     *Source
	p     *people
	yield func(digested) bool

	given    map[name]uint64   // users, rooms, members, emoticons, preferences by their digests
	placed   map[nativeID]bool // placeholders that were given
	seen     seenTable
	pictures map[string]string // that should be there, and what they show
	arrived  map[string]bool   // that are
	left     int64             // attachments left out
	leftSize int64
	since    int // items since the last cursor
	input    int64
	stopped  bool
	err      error
}

// name tells objects apart: two of different kinds may have one key.
type name struct {
	kind chat.Kind
	key  chat.Key
}

func nameOf(o chat.Object) name { return name{o.Kind(), o.Key()} }

// batch gives all of a batch, and reports whether to go on.
func (g *giver) batch(b *batch) bool {
	g.input = b.input
	if b.err != nil {
		g.err = b.err
		if errors.Is(b.err, io.EOF) {
			g.end(b)
		}
		return false
	}
	next := cursor{g.s.about.Artefact, b.file.index, b.first}
	for i := range b.results {
		var items []digested
		items = g.result(&b.file, &b.results[i], items)
		if b.file.done {
			continue
		}
		next.record = b.first + i + 1
		if b.last && i == len(b.results)-1 {
			next.entry, next.record = b.file.index+1, 0
		}
		if !g.giveAll(items, next, false) {
			return false
		}
	}
	if b.ready == nil {
		next.entry, next.record = b.file.index+1, 0
		return g.giveAll(g.bytes(b), next, true)
	}
	return true
}

// giveAll gives the items of one record; one may stop behind the last.
func (g *giver) giveAll(items []digested, next cursor, always bool) bool {
	if g.s.o.FilesOnly {
		items = slices.DeleteFunc(items, func(i digested) bool { return !isContent(i) })
	}
	for i, item := range items {
		g.since++
		item.Input = g.input
		if i == len(items)-1 && (always || g.since >= cursorEvery) {
			item.Cursor = next.String()
			g.since = 0
		}
		if !g.yield(item) {
			g.stopped = true
			return false
		}
	}
	return true
}

func isContent(i digested) bool {
	if i.Note != nil && i.Object == nil {
		return i.Note.Object == chat.KindContent
	}
	_, ok := i.Object.(*chat.Content)
	return ok
}

// result turns the result of one record into items.
func (g *giver) result(f *file, r *result, items []digested) []digested {
	if r.picture != "" {
		g.pictures[r.picture] = r.pictureOf
	}
	if r.sent.message != nil {
		return g.message(f, r, items)
	}
	for i, item := range r.items {
		if i == 0 && item.Note == nil {
			item.Note = r.note
		}
		items = g.once(digested{Item: item}, items)
	}
	if len(r.items) == 0 && r.note != nil {
		items = append(items, digested{Item: connect.Item{Note: r.note}})
	}
	return items
}

// once adds an item unless the same object was given before.
func (g *giver) once(item digested, items []digested) []digested {
	if item.Object == nil || item.Object.Kind() == chat.KindContent {
		return append(items, item)
	}
	key, digest := nameOf(item.Object), item.sum()
	before, twice := g.given[key]
	if !twice {
		g.given[key] = digest
		return append(items, item)
	}
	switch kind := item.Object.Kind(); {
	case before == digest && (kind == chat.KindUser || kind == chat.KindRoom || kind == chat.KindEmoticon):
		item.Duplicate = true
		return append(items, item)
	case before == digest:
		return items
	default:
		return append(items, digested{Item: connect.Item{Note: quarantine(kind, kind.String()+" "+key.key.String(), errTwice.Error(), chat.EncodeBody(item.Object))}})
	}
}

// message gives a message, and before it what it needs.
func (g *giver) message(f *file, r *result, items []digested) []digested {
	s := &r.sent
	for _, w := range s.unknown {
		if !g.placed[w.ID] {
			g.placed[w.ID] = true
			items = append(items, digested{Item: connect.Item{Incoming: chat.Incoming{Object: g.p.placeholder(w), Copy: true}}})
		}
	}
	switch h := f.hist; {
	case h.room == nil:
		if _, there := g.given[name{chat.KindRoom, s.message.Room.Key()}]; !there {
			for _, item := range g.p.direct(s.direct) {
				items = g.once(digested{Item: item}, items)
			}
		}
	case h.room.unknown:
		if _, there := g.given[name{chat.KindRoom, s.message.Room.Key()}]; !there {
			items = append(items, g.lostRoom(h))
		}
	}
	add := func(o chat.Object, digest uint64, note *chat.Note) {
		items = append(items, digested{connect.Item{
			Incoming: chat.Incoming{Object: o, Copy: s.isCopy, Copied: s.copied, Digest: digest}, Duplicate: g.seen.equal(o.Key(), digest), Note: note,
		}, digest})
	}
	add(s.message, s.digest, r.note)
	if s.file != nil {
		add(s.file, s.fileDigest, nil)
	}
	return items
}

// lostRoom stands for a room that has a history and no record.
func (g *giver) lostRoom(h *history) digested {
	r := &chat.Room{ID: h.room.id, Type: chat.RoomPrivate, State: chat.RoomArchived, Name: "Room " + string(h.room.native)}
	g.given[nameOf(r)] = chat.Digest(r)
	return digested{Item: connect.Item{
		Incoming: chat.Incoming{Object: r, Copy: true},
		Note:     &chat.Note{Kind: chat.NoteRepair, Object: chat.KindRoom, Where: h.path, Reason: "the room is not in rooms.json: it is private and archived here"},
	}}
}

// bytes gives what is not made of records: files to carry, and files that are
// not read.
func (g *giver) bytes(b *batch) []digested {
	f := &b.file
	if b.bad != "" {
		return []digested{{Item: connect.Item{Note: &chat.Note{Kind: chat.NoteQuarantine, Object: chat.KindContent, Where: f.name, Reason: b.bad}}}}
	}
	switch f.role {
	case roleAttachment, roleAvatar, rolePicture:
	default:
		return []digested{{Item: connect.Item{Note: &chat.Note{Kind: chat.NoteSkip, Object: chat.KindContent, Where: f.name, Reason: "no file of an export is known at this path"}}}}
	}
	if _, wanted := g.pictures[contentPath(f.path)]; wanted || f.role != roleAttachment {
		g.arrived[contentPath(f.path)] = true
	}
	if b.body == nil {
		if f.role == roleAttachment && g.s.o.WithoutFiles {
			g.left++
			g.leftSize += f.size
		}
		return nil
	}
	return []digested{{Item: connect.Item{
		Incoming: chat.Incoming{Object: &chat.Content{ID: g.p.contentID(f.path)}, Copy: f.index >= filesFromIndex},
		Bytes:    b.body, Size: f.size,
	}}}
}

// end gives what is known only when all was read.
func (g *giver) end(b *batch) {
	var items []digested
	note := func(n chat.Note) { items = append(items, digested{Item: connect.Item{Note: &n}}) }
	var missing []string
	for path := range g.pictures {
		if !g.arrived[path] {
			missing = append(missing, path)
		}
	}
	slices.Sort(missing)
	for _, path := range missing {
		note(chat.Note{Kind: chat.NoteLoss, Object: chat.KindContent, Where: path, Reason: "the bytes of " + g.pictures[path] + " are not in the export"})
	}
	if g.left > 0 {
		note(chat.Note{Kind: chat.NoteSkip, Object: chat.KindContent, Where: "attachments", Reason: fmt.Sprintf("%d files (%d bytes) were left out, as asked", g.left, g.leftSize)})
	}
	if b.end > 0 {
		note(chat.Note{Kind: chat.NoteQuarantine, Object: chat.KindContent, Where: g.s.c.path, Reason: fmt.Sprintf("%d bytes stand behind the end of the archive and were not read", b.end)})
	}
	g.giveAll(items, cursor{g.s.about.Artefact, 2 * filesFromIndex, 0}, true)
}

// seenTable remembers, in a fixed space, objects that were given: a new one
// takes the place of an old one. It is asked for second copies, which mostly
// come soon; those it has forgotten are found by the target.
type seenTable struct {
	slots []seenSlot
	size  uint64 // of slots, when they are needed
}

type seenSlot struct{ key, digest uint64 }

const seenSlots = 2 << 20 // of 16 bytes

// seenSize is how many slots serve an export: a message takes more of it than
// a slot does.
func (s *Source) seenSize() uint64 {
	if s.about.Bytes <= 0 {
		return seenSlots
	}
	return uint64(max(1024, min(seenSlots, s.about.Bytes/16)))
}

// equal remembers an object, and reports whether it was given before and was
// equal.
func (t *seenTable) equal(key chat.Key, digest uint64) bool {
	before, found := t.put(key, digest)
	return found && before == digest
}

// put remembers an object, and returns the digest of the one before.
func (t *seenTable) put(key chat.Key, digest uint64) (before uint64, found bool) {
	if t.slots == nil {
		t.slots = make([]seenSlot, t.size)
	}
	// The last bytes of a key are a hash's.
	h := binary.BigEndian.Uint64(key[8:]) ^ binary.BigEndian.Uint64(key[:8])
	slot := &t.slots[h%t.size]
	if slot.key == h {
		return slot.digest, true
	}
	*slot = seenSlot{h, digest}
	return 0, false
}
