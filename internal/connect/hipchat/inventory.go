package hipchat

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Inventory adds up what a target holds after it has applied everything. Raw
// counts records by the words they are wrapped in ("User", "Room", "Emoticon",
// and those of messages, which end with "Message"; "message" is what a history
// has beside them, "(other)" what other files have): those of messages are the
// messages read, quarantined and skipped. Memory does not grow with the
// number of messages: the two copies of 1-1s are added up apart for each
// person, and only where the sums differ are they compared one by one, in a
// second reading.
func (s *Source) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	s.mu.Lock()
	t, raw := s.passed, s.raw
	s.mu.Unlock()
	if t != nil && len(q.Days) == 0 && len(q.Lists) == 0 && len(q.Kinds) == 0 {
		return t.inventory(raw), nil
	}
	t, raw = newTallier(s, q), map[string]int64{}
	if err := s.tally(ctx, t, raw); err != nil {
		return chat.Inventory{}, err
	}
	if !t.settled() {
		t.again = true
		if err := s.tally(ctx, t, nil); err != nil {
			return chat.Inventory{}, err
		}
	}
	return t.inventory(raw), nil
}

func (s *Source) tally(ctx context.Context, t *tallier, raw map[string]int64) error {
	var failed error
	// What is compared with is whole, whatever part this run carries.
	o := s.o
	o.FilesOnly = false
	whole := &Source{c: s.c, o: o, p: s.p, about: s.about}
	start := cursor{artefact: s.about.Artefact}
	err := whole.items(ctx, start, raw, func(i digested) bool {
		if c, ok := i.Object.(*chat.Content); ok {
			if t.again {
				return true
			}
			if failed = connect.ReadContent(c, i.Bytes, io.Discard); failed != nil {
				return false
			}
		}
		t.add(i)
		return true
	})
	if failed != nil {
		return s.at(failed)
	}
	return err
}

// side is what one person wrote in one 1-1: messages or files.
type side struct {
	kind   chat.Kind
	room   chat.RoomID
	author chat.UserID
}

// copyOf is one of the two copies of something.
type copyOf struct {
	digest uint64
	sent   chat.Time
	own    bool // the sender's: it decides
}

type tallier struct {
	s     *Source
	q     chat.TallyQuery
	small map[chat.Kind]map[chat.Key]uint64 // kinds of which there are few
	kinds map[chat.Kind]chat.Tally
	rooms map[chat.RoomID]chat.Tally
	days  map[chat.RoomID]map[chat.Day]chat.Tally
	lists map[chat.RoomID]map[chat.Key]uint64
	each  map[chat.Kind]map[chat.Key]uint64
	sides map[side]*[2]chat.Tally             // the sender's copies, the receiver's
	exact map[side]map[chat.Key]copyOf        // of sides that differ
	close map[chat.RoomID]map[chat.Key]copyOf // of 1-1s that were asked for
	seen  seenTable
	again bool // the second reading
}

func newTallier(s *Source, q chat.TallyQuery) *tallier {
	t := &tallier{
		s: s, q: q, seen: seenTable{size: max(1024, s.seenSize()/4)},
		small: map[chat.Kind]map[chat.Key]uint64{}, kinds: map[chat.Kind]chat.Tally{}, rooms: map[chat.RoomID]chat.Tally{},
		days: map[chat.RoomID]map[chat.Day]chat.Tally{}, lists: map[chat.RoomID]map[chat.Key]uint64{}, each: map[chat.Kind]map[chat.Key]uint64{},
		sides: map[side]*[2]chat.Tally{}, exact: map[side]map[chat.Key]copyOf{}, close: map[chat.RoomID]map[chat.Key]copyOf{},
	}
	for _, r := range q.Days {
		t.days[r] = map[chat.Day]chat.Tally{}
	}
	for _, l := range q.Lists {
		t.lists[l.Room] = map[chat.Key]uint64{}
	}
	for _, k := range q.Kinds {
		t.each[k] = map[chat.Key]uint64{}
	}
	return t
}

// watch adds up an item that someone else is given. What it returns is to be
// called when they have read its bytes.
func (t *tallier) watch(i *digested) func() {
	c, ok := i.Object.(*chat.Content)
	if !ok {
		t.add(*i)
		return func() {}
	}
	id, size := c.ID, i.Size
	if held, ok := i.Bytes.(*connect.Held); ok {
		return func() { t.content(id, held.Whole()) }
	}
	r := &identifier{r: i.Bytes, h: sha256.New()}
	i.Bytes = r
	return func() {
		own := &chat.Content{ID: id}
		if !r.end && r.n != size {
			// Whoever leaves bytes unread gets no answer from what passed.
			t.kinds[chat.KindContent] = chat.Tally{Count: -1}
			return
		}
		connect.Identify(own, r.head, r.n, r.h.Sum(nil))
		t.add(digested{Item: connect.Item{Incoming: chat.Incoming{Object: own}}})
	}
}

// content adds bytes that are in memory.
func (t *tallier) content(id chat.ContentID, data []byte) {
	own := &chat.Content{ID: id}
	sum := sha256.Sum256(data)
	connect.Identify(own, data[:min(len(data), connect.HeadSize)], int64(len(data)), sum[:])
	t.add(digested{Item: connect.Item{Incoming: chat.Incoming{Object: own}}})
}

// identifier finds out what bytes are while they are read.
type identifier struct {
	r    io.Reader
	h    hash.Hash
	head []byte
	n    int64
	end  bool
}

func (i *identifier) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	i.h.Write(p[:n])
	if room := connect.HeadSize - len(i.head); room > 0 {
		i.head = append(i.head, p[:min(n, room)]...)
	}
	i.n += int64(n)
	i.end = i.end || errors.Is(err, io.EOF)
	return n, err
}

func (t *tallier) add(i digested) {
	switch o := i.Object.(type) {
	case nil:
	case *chat.Message:
		t.message(i, o)
	case *chat.File:
		t.copied(i, side{chat.KindFile, o.Room, o.Author}, o.Sent)
	case *chat.Content:
		if t.s.o.FilesFrom != "" {
			t.few(i)
		} else if t.first(o.Key(), 0) {
			t.count(chat.KindContent, o.Key(), i.sum())
		}
	default:
		t.few(i)
	}
}

// few adds one of a kind of which there are few enough to keep them all.
func (t *tallier) few(i digested) {
	kind, key := i.Object.Kind(), i.Object.Key()
	m := t.small[kind]
	if m == nil {
		m = map[chat.Key]uint64{}
		t.small[kind] = m
	}
	if _, there := m[key]; there || t.again {
		return
	}
	m[key] = i.sum()
	t.count(kind, key, m[key])
}

func (t *tallier) count(kind chat.Kind, key chat.Key, digest uint64) {
	n := t.kinds[kind]
	if n.Count < 0 {
		return
	}
	n.Add(digest)
	t.kinds[kind] = n
	if each := t.each[kind]; each != nil {
		each[key] = digest
	}
}

// first reports whether something was not added on this side before. A fixed
// space knows the latest: the same twice stands near by in one file.
func (t *tallier) first(key chat.Key, side byte) bool {
	key[15] ^= side
	_, found := t.seen.put(key, 0)
	return !found
}

func (t *tallier) message(i digested, m *chat.Message) {
	t.copied(i, side{chat.KindMessage, m.Room, m.Author}, m.Sent)
}

// copied adds a message or a file, of which there may be two copies.
func (t *tallier) copied(i digested, s side, sent chat.Time) {
	key, digest := i.Object.Key(), i.sum()
	if t.again {
		t.compare(i, s, key, copyOf{digest, sent, !i.Copy})
		return
	}
	n := 0
	if i.Copy {
		n = 1
	}
	if !t.first(key, byte(n)) {
		return
	}
	if !i.Copy && !i.Copied {
		t.single(s, key, digest, sent)
		return
	}
	both := t.sides[s]
	if both == nil {
		both = &[2]chat.Tally{}
		t.sides[s] = both
	}
	both[n].Add(digest)
	if s.kind == chat.KindMessage && (t.days[s.room] != nil || t.lists[s.room] != nil) {
		keep(t.close, s.room, key, copyOf{digest, sent, !i.Copy})
	}
	if s.kind == chat.KindFile && t.each[chat.KindFile] != nil {
		t.each[chat.KindFile][key] = digest
	}
}

// keep remembers a copy unless a better one is there: the sender's is better,
// and of two equally good ones the first.
func keep[K comparable](m map[K]map[chat.Key]copyOf, k K, key chat.Key, c copyOf) {
	if m[k] == nil {
		m[k] = map[chat.Key]copyOf{}
	}
	if before, there := m[k][key]; !there || c.own && !before.own {
		m[k][key] = c
	}
}

// single adds what there is one copy of.
func (t *tallier) single(s side, key chat.Key, digest uint64, sent chat.Time) {
	if s.kind == chat.KindFile {
		t.count(chat.KindFile, key, digest)
		return
	}
	n := t.rooms[s.room]
	n.Add(digest)
	t.rooms[s.room] = n
	if days := t.days[s.room]; days != nil {
		d := days[sent.Day()]
		d.Add(digest)
		days[sent.Day()] = d
	}
	if list := t.lists[s.room]; list != nil && slices.Contains(t.q.Lists, chat.RoomDay{Room: s.room, Day: sent.Day()}) {
		list[key] = digest
	}
}

// settled reports whether the sums say all: where both copies were given,
// they must be equal. It remembers which are not.
func (t *tallier) settled() bool {
	for s, both := range t.sides {
		if both[0].Count > 0 && both[1].Count > 0 && both[0] != both[1] {
			t.exact[s] = map[chat.Key]copyOf{}
		}
	}
	return len(t.exact) == 0 && t.kinds[chat.KindContent].Count >= 0
}

// compare is the second reading: it looks only at sides that differ.
func (t *tallier) compare(i digested, s side, key chat.Key, c copyOf) {
	if _, differs := t.exact[s]; !differs || !i.Copy && !i.Copied {
		return
	}
	keep(t.exact, s, key, c)
	if s.kind == chat.KindFile && t.each[chat.KindFile] != nil {
		t.each[chat.KindFile][key] = t.exact[s][key].digest
	}
}

// inventory is the result. It may be asked for more than once.
func (t *tallier) inventory(raw map[string]int64) chat.Inventory {
	inv := chat.Inventory{Kinds: map[chat.Kind]chat.Tally{}, Rooms: map[chat.RoomID]chat.Tally{}, Raw: raw}
	for k, n := range t.kinds {
		inv.Kinds[k] = n
	}
	for r, n := range t.rooms {
		inv.Rooms[r] = n
	}
	for s, both := range t.sides {
		n := both[0]
		if n.Count == 0 {
			n = both[1]
		}
		if copies, differ := t.exact[s]; differ {
			n = chat.Tally{}
			for _, c := range copies {
				n.Add(c.digest)
			}
		}
		if s.kind == chat.KindFile {
			sum := inv.Kinds[chat.KindFile]
			sum.Merge(n)
			inv.Kinds[chat.KindFile] = sum
			continue
		}
		sum := inv.Rooms[s.room]
		sum.Merge(n)
		inv.Rooms[s.room] = sum
	}
	t.details(&inv)
	return inv
}

// details adds what was asked for one by one.
func (t *tallier) details(inv *chat.Inventory) {
	for room, copies := range t.close {
		for key, c := range copies {
			if days := t.days[room]; days != nil {
				d := days[c.sent.Day()]
				d.Add(c.digest)
				days[c.sent.Day()] = d
			}
			if list := t.lists[room]; list != nil && slices.Contains(t.q.Lists, chat.RoomDay{Room: room, Day: c.sent.Day()}) {
				list[key] = c.digest
			}
		}
	}
	t.close = nil
	if len(t.q.Days) > 0 {
		inv.Days = t.days
	}
	if len(t.q.Lists) > 0 {
		inv.Lists = t.lists
	}
	if len(t.q.Kinds) > 0 {
		inv.Each = t.each
	}
}
