package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Source reads one snapshot: each object as it was last.
type Source struct {
	a        *Archive
	m        *Manifest
	o        connect.Options
	pieces   []Piece // segments, and secrets if they are open
	latest   *latest
	files    map[[16]byte]bool
	about    connect.Description
	artefact string

	passed *tallier // what a whole pass added up to
}

// Source opens a snapshot, 0 being the newest. It reads all segments once, so
// that what is damaged fails before anything is written. Closing it closes the
// archive.
func (a *Archive) Source(ctx context.Context, snapshot int, o connect.Options) (*Source, error) {
	m, err := a.Manifest(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	s := &Source{a: a, m: m, o: o, artefact: fmt.Sprintf("%s.%d.%d", a.head.ID, m.Snapshot, m.Revision)}
	s.pieces = m.of(Segment)
	if a.keys.secrets != nil {
		s.pieces = m.of(Segment, Secrets)
	}
	if s.latest, err = a.findLatest(ctx, s.pieces); err != nil {
		return nil, err
	}
	if s.files, err = a.fileKeys(ctx, m); err != nil {
		return nil, err
	}
	return s, s.describe(ctx)
}

// describe reads the people and rooms.
func (s *Source) describe(ctx context.Context) error {
	d := connect.Description{
		Title: fmt.Sprintf("Godwit archive, snapshot %d of %s (%s)", s.m.Snapshot, s.m.Made.Format("2006-01-02 15:04"), s.m.Origin),
		Path:  s.a.where, Flavour: "encrypted", Version: s.m.Writer, Name: s.o.Name, Artefact: s.artefact,
		Bytes: s.m.Size(), Written: chat.TimeOf(s.m.Made),
	}
	if s.a.Plain() {
		d.Flavour = "not encrypted"
	}
	cursor, err := chat.ParseCursor(s.m.Cursor)
	if err != nil {
		return s.a.damaged("the cursor of the snapshot", err)
	}
	if d.Name == "" {
		d.Name = "godwit-" + cursor.LogID.String()[:8]
	}
	d.Fingerprint = []string{"log " + cursor.LogID.String() + " 0"}
	if s.m.Missing > 0 {
		d.Oddities = append(d.Oddities, fmt.Sprintf("%d files had no bytes when they were archived", s.m.Missing))
	}
	if s.a.HoldsSecrets() && s.a.keys.secrets == nil {
		d.Losses = append(d.Losses, chat.Note{Kind: chat.NoteLoss, Object: chat.KindCredential, Where: s.a.where, Reason: "passwords, sessions and tokens are in the archive; without --with-secrets they stay there"})
	}
	if s.m.Minor > Minor {
		d.Oddities = append(d.Oddities, "a newer version wrote it ("+clip(s.m.Writer)+"): what this one does not know is left out, and listed")
	}
	d.People, d.Rooms, err = s.people(ctx)
	s.about = d
	return err
}

func (s *Source) people(ctx context.Context) (people []*chat.User, rooms int, err error) {
	var some []Piece
	for _, p := range s.m.of(Segment) {
		if p.Counts[chat.KindUser.String()].Count+p.Counts[chat.KindRoom.String()].Count > 0 {
			some = append(some, p)
		}
	}
	at := map[string]int{}
	for i, p := range s.pieces {
		at[p.Name] = i
	}
	err = ordered(ctx, len(some), func(ctx context.Context, i int) ([]chat.Object, error) {
		raw, err := s.a.read(ctx, some[i])
		if err != nil {
			return nil, err
		}
		var list []chat.Object
		return list, eachLine(raw, func(n int64, text []byte) error {
			r, known, err := lineRef(text)
			if err != nil || !known || r.kind != chat.KindUser && r.kind != chat.KindRoom || !s.latest.last(r, place{int32(at[some[i].Name]), int32(n - 1)}) {
				return err
			}
			if in, _, err := decodeLine(text); err == nil && in.Object != nil && !in.Object.Deleted() {
				list = append(list, in.Object)
			}
			return nil
		})
	}, func(_ int, list []chat.Object) error {
		for _, o := range list {
			switch o := o.(type) {
			case *chat.User:
				people = append(people, o)
			case *chat.Room:
				rooms++
			}
		}
		return nil
	})
	return people, rooms, err
}

// Describe returns what the first look found.
func (s *Source) Describe() connect.Description { return s.about }

// Manifest is that of the snapshot.
func (s *Source) Manifest() *Manifest { return s.m }

// Whole says that what the source gives is a place as it was: into an empty one
// it goes as it is.
func (s *Source) Whole() bool { return !s.o.WithoutFiles && !s.o.FilesOnly }

// Close closes the archive.
func (s *Source) Close() error { return s.a.Close() }

// cursor is behind a line.
type cursor struct {
	artefact string
	place
}

func (c cursor) String() string {
	return c.artefact + "/" + strconv.Itoa(int(c.piece)) + "/" + strconv.Itoa(int(c.line))
}

// parseCursor reads a cursor; one that is not of this artefact is the beginning.
func (s *Source) parseCursor(text string) place {
	start := place{0, -1}
	parts := strings.Split(text, "/")
	if len(parts) != 3 || parts[0] != s.artefact {
		return start
	}
	piece, err := strconv.Atoi(parts[1])
	line, lerr := strconv.Atoi(parts[2])
	if err != nil || lerr != nil || piece < 0 || piece >= len(s.pieces) || line < 0 {
		return start
	}
	return place{int32(piece), int32(line)}
}

// cursorEvery is how many items there are at most to a cursor.
const cursorEvery = 100

var errBroken = errors.New("broken off")

// Changes yields each object as it was last, in the order in which it was
// archived.
func (s *Source) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		from := s.parseCursor(after)
		t := newTallier(chat.TallyQuery{})
		input, since := int64(0), 0
		for _, p := range s.pieces[:from.piece] {
			input += p.Size
		}
		pieces := s.pieces[from.piece:]
		err := ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]record, error) {
			return s.a.records(ctx, pieces[i], i+int(from.piece), s.latest, false)
		}, func(i int, list []record) error {
			input += pieces[i].Size
			for n := range list {
				r := &list[n]
				if r.at.piece == from.piece && r.at.line <= from.line || !s.carries(r) {
					continue
				}
				item, err := s.item(ctx, r, pieces[i])
				if err != nil {
					return err
				}
				t.add(item.Incoming)
				t.raw(r)
				item.Input = input
				if since++; since >= cursorEvery || n == len(list)-1 {
					item.Cursor, since = cursor{s.artefact, r.at}.String(), 0
				}
				ok := yield(item, nil)
				if c, is := item.Bytes.(io.Closer); is {
					_ = c.Close() // only read
				}
				if !ok {
					return errBroken
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, errBroken):
		case err != nil:
			yield(connect.Item{}, err)
		case from.piece == 0 && from.line < 0:
			s.passed = t
		}
	}
}

// about is what a note about a line says that it is about.
func (r *record) about() chat.Kind {
	if r.ref.kind == 0 {
		return chat.KindMessage
	}
	return r.ref.kind
}

// raw counts a line without a look at what is in it.
func (t *tallier) raw(r *record) {
	if !r.forget && r.Nonce == nil {
		t.inv.Raw[r.about().String()]++
	}
}

// carries says what the options leave.
func (s *Source) carries(r *record) bool {
	if r.forget || r.Nonce != nil && !s.Whole() {
		return false
	}
	content := r.Object != nil && r.Object.Kind() == chat.KindContent
	return !(content && s.o.WithoutFiles) && (content || !s.o.FilesOnly)
}

// item makes an item of a line.
func (s *Source) item(ctx context.Context, r *record, p Piece) (connect.Item, error) {
	item := connect.Item{Incoming: r.Incoming}
	where := fmt.Sprintf("%s line %d", p.Name, r.at.line+1)
	kind := r.about()
	switch {
	case errors.Is(r.err, errNewer), errors.Is(r.err, errDigest) && s.m.Minor > Minor:
		item.Incoming = chat.Incoming{}
		item.Note = &chat.Note{Kind: chat.NoteSkip, Object: kind, Where: where, Reason: "a newer version of Godwit wrote it, and this one does not know all of it", Raw: r.text}
	case r.err != nil:
		item.Incoming = chat.Incoming{}
		item.Note = &chat.Note{Kind: chat.NoteQuarantine, Object: kind, Where: where, Reason: r.err.Error(), Raw: r.text}
	}
	c, ok := item.Object.(*chat.Content)
	if !ok || c.Gone || c.Hash == "" {
		return item, nil
	}
	key, err := hashKey(c.Hash)
	if err != nil {
		return item, nil //nolint:nilerr // a content whose hash is none has no bytes anywhere
	}
	if !s.files[key] {
		item.Note = &chat.Note{Kind: chat.NoteLoss, Object: chat.KindContent, Where: where, Reason: "its bytes were not there when it was archived"}
		return item, nil
	}
	item.Bytes, item.Size = &lazy{ctx: ctx, s: s, c: c}, c.Size
	return item, nil
}

// lazy opens a file when it is first read, and says at its end whether the
// bytes are those of the hash.
type lazy struct {
	ctx context.Context //nolint:containedctx // of the reading that it is a part of
	s   *Source
	c   *chat.Content
	in  io.ReadCloser
	sum *summing
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.in == nil {
		in, err := l.s.a.openFile(l.ctx, fileLine{Hash: l.c.Hash})
		if err != nil {
			return 0, err
		}
		l.in, l.sum = in, newSumming(in)
	}
	n, err := l.sum.Read(p)
	if err == io.EOF && (l.sum.n != l.c.Size || l.sum.sum() != l.c.Hash) {
		return n, l.s.a.damaged(l.s.a.fileName(l.c.Hash), fmt.Errorf("it has %d bytes of another hash than that of its %d", l.sum.n, l.c.Size))
	}
	return n, err
}

func (l *lazy) Close() error {
	if l.in == nil {
		return nil
	}
	return l.in.Close()
}

// Inventory adds up the snapshot.
func (s *Source) Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	if s.passed != nil && len(q.Days)+len(q.Lists)+len(q.Kinds) == 0 && q.Keyed == nil {
		return s.passed.inventory(&q), nil
	}
	t := newTallier(q)
	err := ordered(ctx, len(s.pieces), func(ctx context.Context, i int) ([]record, error) {
		return s.a.records(ctx, s.pieces[i], i, s.latest, false)
	}, func(_ int, list []record) error {
		for i := range list {
			r := &list[i]
			if r.err == nil && !r.forget {
				t.add(r.Incoming)
			}
			t.raw(r)
		}
		return nil
	})
	return t.inventory(&q), err
}

// tallier adds up objects.
type tallier struct {
	inv   chat.Inventory
	days  map[chat.RoomDay]bool
	keyed func(chat.Object) uint64 // for secrets; nil: by their own digests
}

func newTallier(q chat.TallyQuery) *tallier {
	t := &tallier{days: map[chat.RoomDay]bool{}, keyed: q.Keyed, inv: chat.Inventory{
		Kinds: map[chat.Kind]chat.Tally{}, Rooms: map[chat.RoomID]chat.Tally{}, Raw: map[string]int64{},
		Days: map[chat.RoomID]map[chat.Day]chat.Tally{}, Lists: map[chat.RoomID]map[chat.Key]uint64{}, Each: map[chat.Kind]map[chat.Key]uint64{},
	}}
	for _, r := range q.Days {
		t.inv.Days[r] = map[chat.Day]chat.Tally{}
	}
	for _, l := range q.Lists {
		t.inv.Lists[l.Room] = map[chat.Key]uint64{}
		t.days[l] = true
	}
	for _, k := range q.Kinds {
		t.inv.Each[k] = map[chat.Key]uint64{}
	}
	return t
}

func (t *tallier) add(in chat.Incoming) {
	m, ok := in.Object.(*chat.Message)
	switch {
	case in.Object == nil:
		return
	case !ok:
		kind := in.Object.Kind()
		if kind.Secret() && t.keyed != nil {
			in.Digest = t.keyed(in.Object)
		}
		bump(t.inv.Kinds, kind, in.Digest)
		if each := t.inv.Each[kind]; each != nil {
			each[in.Object.Key()] = in.Digest
		}
		return
	}
	bump(t.inv.Rooms, m.Room, in.Digest)
	day := m.Sent.Day()
	if days := t.inv.Days[m.Room]; days != nil {
		bump(days, day, in.Digest)
	}
	if t.days[chat.RoomDay{Room: m.Room, Day: day}] {
		t.inv.Lists[m.Room][m.Key()] = in.Digest
	}
}

func bump[K comparable](tallies map[K]chat.Tally, k K, digest uint64) {
	n := tallies[k]
	n.Add(digest)
	tallies[k] = n
}

// inventory is what was added up, as the target is asked for it: of a mirror
// with what is in no digest, and secrets only by digests that are keyed.
func (t *tallier) inventory(q *chat.TallyQuery) chat.Inventory {
	inv := t.inv
	inv.Kinds = map[chat.Kind]chat.Tally{}
	for k, n := range t.inv.Kinds {
		if k.Digested() && !q.Mirror || q.Mirror && (!k.Secret() || q.Keyed != nil) {
			inv.Kinds[k] = n
		}
	}
	return inv
}

var _ connect.Source = (*Source)(nil)
