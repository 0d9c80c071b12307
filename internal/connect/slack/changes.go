package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Stages of a reading, in their order.
const (
	stageBase     = iota // people, rooms, members, pins
	stageMessages        // conversation by conversation, day by day
	stageFiles           // bytes that are in the export
	stageFetch           // bytes that Slack has
	stageEnd
)

// cursor is where to go on.
type cursor struct {
	artefact          string
	stage             int
	room, day, record int // in the other stages record alone counts
}

func (c cursor) String() string {
	return fmt.Sprintf("%s:%d:%d:%d:%d", c.artefact, c.stage, c.room, c.day, c.record)
}

// parseCursor reads a cursor of this artefact; all else is the start.
func parseCursor(s, artefact string) cursor {
	start := cursor{artefact: artefact}
	parts := strings.Split(s, ":")
	if len(parts) != 5 || parts[0] != artefact {
		return start
	}
	var n [4]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(parts[i+1]); err != nil || n[i] < 0 {
			return start
		}
	}
	return cursor{artefact, n[0], n[1], n[2], n[3]}
}

// Changes yields what the export holds: people and conversations, messages,
// and then bytes.
func (s *Source) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		from := parseCursor(after, s.about.Artefact)
		var t *tallier
		if from == (cursor{artefact: s.about.Artefact}) && !s.o.FilesOnly && !s.o.WithoutFiles {
			t = newTallier(chat.TallyQuery{})
		}
		g := &giver{s: s, from: from, fetch: s.fetch != nil && !s.fetch.look, yield: func(i connect.Item, digest uint64) bool {
			if t == nil {
				return yield(i, nil)
			}
			sum := t.watch(&i, digest)
			if !yield(i, nil) {
				return false
			}
			sum()
			return true
		}}
		if t != nil {
			g.raw = t.raw
		}
		err := g.run(ctx)
		switch {
		case errors.Is(err, errStopped):
		case err != nil:
			yield(connect.Item{}, err)
		case t != nil && !t.unread:
			t.inventory()
			s.mu.Lock()
			s.passed = t
			s.mu.Unlock()
		}
	}
}

// errStopped says that whoever asked has heard enough.
var errStopped = errors.New("stopped")

// giver gives the items of a reading, in order.
type giver struct {
	s     *Source
	from  cursor
	raw   map[string]int64 // filled if it is not nil
	fetch bool             // fetch what is not there; otherwise only what was fetched is given
	yield func(i connect.Item, digest uint64) bool

	placed map[string]bool         // placeholders that were given, and whether with a name
	given  map[chat.ContentID]bool // contents that were
	now    history
	input  int64
	failed error
}

// run gives everything after the cursor. It fails with errStopped if yield
// returned false.
func (g *giver) run(ctx context.Context) error {
	g.placed, g.given = map[string]bool{}, map[chat.ContentID]bool{}
	stages := []func(context.Context) error{stageBase: g.base, stageMessages: g.messages, stageFiles: g.files, stageFetch: g.fetched}
	for i := g.from.stage; i < len(stages); i++ {
		if i > g.from.stage {
			g.from = cursor{artefact: g.from.artefact, stage: i}
		}
		if g.s.o.FilesOnly && i < stageFiles || g.s.o.WithoutFiles && i > stageMessages {
			continue
		}
		if err := stages[i](ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// give gives one item; after is where to go on behind it, or empty.
func (g *giver) give(i connect.Item, digest uint64, after string) error {
	i.Input, i.Cursor = g.input, after
	if !g.yield(i, digest) {
		return errStopped
	}
	return nil
}

// base gives who and what there is.
func (g *giver) base(context.Context) error {
	n, skip := 0, g.from.record
	one := func(i connect.Item) error {
		if n++; n <= skip {
			return nil
		}
		after := ""
		if n%100 == 0 {
			after = cursor{g.from.artefact, stageBase, 0, 0, n}.String()
		}
		return g.give(i, 0, after)
	}
	object := func(o chat.Object) error { return one(connect.Item{Incoming: chat.Incoming{Object: o}}) }
	for _, i := range g.s.w.base {
		if err := one(i); err != nil {
			return err
		}
	}
	for _, p := range g.s.w.order {
		if err := object(p.user); err != nil {
			return err
		}
	}
	for _, r := range g.s.w.list {
		if err := object(r.native); err != nil {
			return err
		}
		for _, p := range r.members {
			if err := object(&chat.Member{Room: r.native.ID, User: p.user.ID}); err != nil {
				return err
			}
		}
		for _, pin := range r.pins {
			if err := object(pin); err != nil {
				return err
			}
		}
	}
	return nil
}

// messages gives the history of all conversations.
func (g *giver) messages(ctx context.Context) error {
	p := &pass{s: g.s, from: g.from, raw: g.raw}
	g.now = history{room: -1}
	if err := p.run(ctx, g.batch); err != nil {
		return err
	}
	if errors.Is(g.failed, io.EOF) {
		return nil
	}
	return g.failed
}

// batch gives all of a batch, and reports whether to go on.
func (g *giver) batch(b *batch) bool {
	if b.err != nil {
		g.failed = b.err
		return false
	}
	if g.now.room != b.room {
		g.now = history{room: b.room}
	}
	g.input = b.input
	var items []weighed
	for i := range b.results {
		got := g.record(&b.results[i])
		got[len(got)-1].to = i + 1
		if i >= b.done {
			items = append(items, got...)
		}
	}
	after := cursor{g.from.artefact, stageMessages, b.room, b.day, b.first + len(b.results)}
	if b.lastDay {
		after.day, after.record = b.day+1, 0
	}
	if b.lastRoom {
		after.room, after.day = b.room+1, 0
		items = append(items, g.now.short(g.s.w.list[b.room])...)
	}
	since := 0
	for i, item := range items {
		to := ""
		if i == len(items)-1 {
			to = after.String()
		}
		if since++; since >= cursorEvery && item.to > 0 && to == "" {
			to, since = cursor{g.from.artefact, stageMessages, b.room, b.day, b.first + item.to}.String(), 0
		}
		if g.failed = g.give(item.Item, item.digest, to); g.failed != nil {
			return false
		}
	}
	return true
}

// cursorEvery is after how many items one may stop behind the next record.
const cursorEvery = 200

// weighed is an item with the digest of its object, if that is known already.
type weighed struct {
	connect.Item
	digest uint64
	to     int // records up to here are given with it; 0 within one
}

// history is what is known of the conversation under way. It takes 12 bytes a
// message, until the next conversation begins.
type history struct {
	room     int
	times    []chat.Time
	digests  []uint32
	odd      map[chat.Time]uint32 // those that do not come in order
	made     map[chat.Time]bool   // given without a record of their own
	expected int64                // replies that roots say they have
	replies  int64                // that roots here have
}

func (h *history) find(at chat.Time) (digest uint32, found bool) {
	if i, found := slices.BinarySearch(h.times, at); found {
		return h.digests[i], true
	}
	digest, found = h.odd[at]
	return digest, found
}

func (h *history) add(at chat.Time, digest uint64) {
	if n := len(h.times); n == 0 || at > h.times[n-1] {
		h.times, h.digests = append(h.times, at), append(h.digests, uint32(digest))
		return
	}
	if h.odd == nil {
		h.odd = map[chat.Time]uint32{}
	}
	h.odd[at] = uint32(digest)
}

func (h *history) make(at chat.Time) {
	if h.made == nil {
		h.made = map[chat.Time]bool{}
	}
	h.made[at] = true
}

// short says that replies are missing which roots count.
func (h *history) short(r *room) []weighed {
	n := h.expected - h.replies
	if n <= 0 {
		return nil
	}
	return []weighed{{Item: connect.Item{Note: loss(chat.KindMessage, "conversation "+r.id, "%d replies that threads count are not in the export: they were deleted, or are outside its days", n)}}}
}

// record gives the items of one record.
func (g *giver) record(s *sent) []weighed {
	var items []weighed
	note := func(n chat.Note) { items = append(items, weighed{Item: connect.Item{Note: &n}}) }
	if s.message == nil {
		note(*s.note)
		return items
	}
	before, twice := g.now.find(s.at)
	switch {
	case s.copied && (twice || g.now.made[s.at]):
		note(chat.Note{Kind: chat.NoteSkip, Object: chat.KindMessage, Where: s.more[0].Where, Reason: "it says that a message was deleted, which stands in the history all the same"})
		return items
	case s.copied:
		g.now.make(s.at)
		items = append(items, weighed{Item: connect.Item{Incoming: chat.Incoming{Object: s.message, Copy: true}}, digest: s.digest})
	case twice && before == uint32(s.digest):
		return append(items, weighed{Item: connect.Item{Incoming: chat.Incoming{Object: s.message}, Duplicate: true}, digest: s.digest})
	case twice:
		note(*quarantine(chat.KindMessage, fmt.Sprintf("message %s in %s", tsOf(s.at), g.s.w.list[g.now.room].id), errTwice.Error(), []byte(s.message.Text)))
		return items
	default:
		items = g.fresh(s, items)
	}
	for i := range s.more {
		note(s.more[i])
	}
	return items
}

// fresh gives a message that was not given before, and before it what it
// needs.
func (g *giver) fresh(s *sent, items []weighed) []weighed {
	for _, u := range s.unknown {
		items = g.place(u, items)
	}
	g.now.expected += s.replies
	if s.thread != 0 {
		items = g.rootOf(s, items)
	}
	items = append(items, weighed{Item: connect.Item{Incoming: chat.Incoming{Object: s.message, Copied: g.now.made[s.at]}, Note: s.note}, digest: s.digest})
	g.now.add(s.at, s.digest)
	for _, o := range s.others {
		items = append(items, weighed{Item: connect.Item{Incoming: chat.Incoming{Object: o}}})
	}
	return items
}

// place gives a placeholder; again if its name is known only now.
func (g *giver) place(u unknownPerson, items []weighed) []weighed {
	named, there := g.placed[u.id]
	if named || there && !u.named {
		return items
	}
	g.placed[u.id] = u.named
	item := made(u.user, nil)
	if there {
		item.Copy, item.Copied = false, true
	}
	return append(items, weighed{Item: item})
}

// rootOf makes up the message that a thread answers, if it is not there.
func (g *giver) rootOf(s *sent, items []weighed) []weighed {
	if _, there := g.now.find(s.thread); there {
		g.now.replies++
		return items
	}
	if g.now.made[s.thread] {
		return items
	}
	g.now.make(s.thread)
	r := g.s.w.list[g.now.room]
	m := &chat.Message{ID: s.message.Thread, Room: s.message.Room, Sent: s.thread, Gone: true}
	if s.parent != "" && s.parent != slackbot {
		if p := g.s.w.users[s.parent]; p != nil {
			m.Author = p.user.ID
		}
	}
	n := &chat.Note{Kind: chat.NoteRepair, Object: chat.KindMessage, Where: fmt.Sprintf("thread %s in %s", tsOf(s.thread), r.id), Reason: "the message that the thread answers is not in the export: a deleted one stands for it"}
	return append(items, weighed{Item: made(m, n)})
}

// files gives the bytes that are in the export.
func (g *giver) files(context.Context) error {
	type named struct {
		id string
		e  *entry
	}
	var list []named
	for id, e := range g.s.w.uploads {
		list = append(list, named{id, e})
	}
	avatars := slices.Sorted(maps.Keys(g.s.w.avatars))
	slices.SortFunc(list, func(a, b named) int { return strings.Compare(a.e.path, b.e.path) })
	content := func(n int, id chat.ContentID, e *entry) error {
		if g.given[id] = true; n < g.from.record {
			return nil
		}
		r, err := g.s.c.read(e)
		if err != nil {
			return err
		}
		defer r.Close() //nolint:errcheck // only read
		g.input = e.at + e.size
		return g.give(connect.Item{Incoming: chat.Incoming{Object: &chat.Content{ID: id}}, Bytes: r, Size: e.size}, 0, cursor{g.from.artefact, stageFiles, 0, 0, n + 1}.String())
	}
	for n, f := range list {
		if err := content(n, g.s.w.contentID(f.id), f.e); err != nil {
			return err
		}
	}
	for n, id := range avatars {
		p := g.s.w.users[id]
		if p == nil || p.user.Avatar.IsZero() {
			continue
		}
		if err := content(len(list)+n, p.user.Avatar, g.s.w.avatars[id]); err != nil {
			return err
		}
	}
	return nil
}
