package slack

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
// counts records: "message" those that are to be messages, "(other)" the
// rest of what stands beside them. Memory does not grow with the history.
func (s *Source) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	s.mu.Lock()
	t := s.passed
	s.mu.Unlock()
	if t != nil && len(q.Days) == 0 && len(q.Lists) == 0 && len(q.Kinds) == 0 {
		return t.inventory(), nil
	}
	t = newTallier(q)
	// What is compared with is whole, whatever part this run carries.
	o := s.o
	o.FilesOnly = false
	whole := &Source{c: s.c, o: o, w: s.w, fetch: s.fetch, about: s.about}
	var failed error
	g := &giver{s: whole, from: cursor{artefact: s.about.Artefact}, raw: t.raw, yield: func(i connect.Item, digest uint64) bool {
		if c, ok := i.Object.(*chat.Content); ok {
			if failed = connect.ReadContent(c, i.Bytes, io.Discard); failed != nil {
				return false
			}
		}
		t.add(i, digest)
		return true
	}}
	err := g.run(ctx)
	if failed != nil {
		err = failed
	}
	if err != nil {
		return chat.Inventory{}, err
	}
	return t.inventory(), nil
}

// tallier adds up objects, each of which is given once; but one that was made
// up may come again in earnest.
type tallier struct {
	q      chat.TallyQuery
	kinds  map[chat.Kind]chat.Tally
	rooms  map[chat.RoomID]chat.Tally
	days   map[chat.RoomID]map[chat.Day]chat.Tally
	lists  map[chat.RoomID]map[chat.Key]uint64
	each   map[chat.Kind]map[chat.Key]uint64
	made   map[chat.Key]madeUp
	raw    map[string]int64
	unread bool // whoever was given bytes did not read them
}

type madeUp struct {
	object chat.Object
	digest uint64
}

func newTallier(q chat.TallyQuery) *tallier {
	t := &tallier{
		q: q, kinds: map[chat.Kind]chat.Tally{}, rooms: map[chat.RoomID]chat.Tally{}, raw: map[string]int64{}, made: map[chat.Key]madeUp{},
		days: map[chat.RoomID]map[chat.Day]chat.Tally{}, lists: map[chat.RoomID]map[chat.Key]uint64{}, each: map[chat.Kind]map[chat.Key]uint64{},
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

func (t *tallier) add(i connect.Item, digest uint64) {
	if i.Object == nil || i.Duplicate {
		return
	}
	if digest == 0 {
		digest = chat.Digest(i.Object)
	}
	if i.Copy {
		t.made[i.Object.Key()] = madeUp{i.Object, digest}
		return
	}
	if i.Copied {
		delete(t.made, i.Object.Key())
	}
	t.object(i.Object, digest)
}

func (t *tallier) object(o chat.Object, digest uint64) {
	if m, ok := o.(*chat.Message); ok {
		t.message(m, digest)
		return
	}
	t.count(o.Kind(), o.Key(), digest)
}

func (t *tallier) count(kind chat.Kind, key chat.Key, digest uint64) {
	n := t.kinds[kind]
	n.Add(digest)
	t.kinds[kind] = n
	if each := t.each[kind]; each != nil {
		each[key] = digest
	}
}

func (t *tallier) message(m *chat.Message, digest uint64) {
	n := t.rooms[m.Room]
	n.Add(digest)
	t.rooms[m.Room] = n
	day := m.Sent.Day()
	if days := t.days[m.Room]; days != nil {
		d := days[day]
		d.Add(digest)
		days[day] = d
	}
	if list := t.lists[m.Room]; list != nil && slices.Contains(t.q.Lists, chat.RoomDay{Room: m.Room, Day: day}) {
		list[m.Key()] = digest
	}
}

// inventory is the result. It may be asked for more than once.
func (t *tallier) inventory() chat.Inventory {
	for key, m := range t.made {
		t.object(m.object, m.digest)
		delete(t.made, key)
	}
	inv := chat.Inventory{Kinds: t.kinds, Rooms: t.rooms, Raw: t.raw}
	if len(t.q.Days) > 0 {
		inv.Days = t.days
	}
	if len(t.q.Lists) > 0 {
		inv.Lists = t.lists
	}
	if len(t.q.Kinds) > 0 {
		inv.Each = t.each
	}
	return inv
}

// watch adds up an item that someone else is given. What it returns is to be
// called when they have read its bytes.
func (t *tallier) watch(i *connect.Item, digest uint64) func() {
	c, ok := i.Object.(*chat.Content)
	if !ok {
		t.add(*i, digest)
		return func() {}
	}
	r := &identifier{r: i.Bytes, sum: sha256.New()}
	i.Bytes = r
	id, size := c.ID, i.Size
	return func() {
		if !r.end && r.n != size {
			t.unread = true // no answer can be given from what passed
			return
		}
		own := &chat.Content{ID: id}
		connect.Identify(own, r.head, r.n, r.sum.Sum(nil))
		t.count(chat.KindContent, own.Key(), chat.Digest(own))
	}
}

// identifier finds out what bytes are while they are read.
type identifier struct {
	r    io.Reader
	sum  hash.Hash
	head []byte
	n    int64
	end  bool
}

func (i *identifier) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	i.sum.Write(p[:n])
	if room := connect.HeadSize - len(i.head); room > 0 {
		i.head = append(i.head, p[:min(n, room)]...)
	}
	i.n += int64(n)
	i.end = i.end || errors.Is(err, io.EOF)
	return n, err
}
