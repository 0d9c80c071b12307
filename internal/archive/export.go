package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Origin is a place that is archived: a connect.Party, of which only this is
// asked.
type Origin interface {
	Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error]
	Read(ctx context.Context, hash string, offset int64) (io.ReadCloser, error)
}

// Export is what an export is made of.
type Export struct {
	From   Origin
	Title  string // of the place, for a person
	Writer string // program and version
	// Reveal opens what a secret object has sealed for its own place, so that
	// another place can take it. It may be nil: secrets are stored as they are.
	Reveal func(chat.Object) (chat.Object, error)
	// Progress is told how far it came, after each piece. It may be nil.
	Progress func(Added)
	// Step is called at named points; tests make it fail.
	Step func(name string) error
}

// Added is what an export added.
type Added struct {
	Snapshot  int            `json:"snapshot"` // 0: nothing was new, and there is no new one
	Whole     bool           `json:"whole"`    // the first export: all was new
	Rescanned bool           `json:"rescanned,omitempty"`
	Objects   map[Word]int64 `json:"objects"`
	Forgotten int64          `json:"forgotten,omitempty"` // of a rescan: objects that the place does not know any more
	Files     int64          `json:"files"`
	FileBytes int64          `json:"file_bytes"`
	Bytes     int64          `json:"bytes"` // that the archive grew by
	Missing   int64          `json:"missing,omitempty"`
	Secrets   bool           `json:"secrets"`
}

// Total adds up the objects.
func (a *Added) Total() (n int64) {
	for _, c := range a.Objects {
		n += c
	}
	return n
}

const (
	segmentItems = 10_000
	segmentText  = 6 << 20
	storers      = 4
	smallFile    = 1 << 20
)

// checkpointBytes of files are published as the beginning of a snapshot: more
// than that is not lost when an export is stopped. Tests set it.
var checkpointBytes int64 = 4 << 30

// Add exports what is new in a place since the last snapshot, or everything.
// It fails with Conflict if another process writes to the archive, or it is of
// another place. Whatever ends it, the snapshots that were there are whole, and
// the next export goes on.
func (a *Archive) Add(ctx context.Context, e Export) (added *Added, err error) {
	l, err := a.store.lock(ctx)
	if err != nil {
		return nil, err
	}
	left := true
	defer func() { err = errors.Join(err, l.unlock(context.WithoutCancel(ctx), left)) }()
	if l.dirty() {
		if err := a.clean(ctx); err != nil {
			return nil, err
		}
	}
	x := &exporter{a: a, e: e, l: l}
	if err := x.begin(ctx); err != nil {
		return nil, err
	}
	if err := x.run(ctx); err != nil {
		return nil, err
	}
	left = false
	return &x.added, nil
}

// exporter adds one snapshot.
type exporter struct {
	a *Archive
	e Export
	l lock

	base  *Manifest // what there is; nil at first
	next  int       // number of the next piece
	now   *Manifest // that is being made
	known *ledger   // of a rescan
	first bool      // no item has come yet

	items, secret chunk
	seen          map[[16]byte]bool // hashes of files that are there; nil until the first is needed
	files         []fileLine        // stored since the last list
	filesMu       sync.Mutex
	fileBytes     int64 // of files since the last manifest
	pending       []pendingPiece
	cursor        string // behind all items so far

	added Added
}

// chunk gathers what becomes one piece.
type chunk struct {
	list []chat.Incoming
	text int
}

func (c *chunk) take(in chat.Incoming) {
	c.list = append(c.list, in)
	c.text += 200
	if m, ok := in.Object.(*chat.Message); ok {
		c.text += len(m.Text) + len(m.Card)
	}
}

func (c *chunk) full() bool { return len(c.list) >= segmentItems || c.text >= segmentText }

// begin looks at what there is.
func (x *exporter) begin(ctx context.Context) error {
	names, _, err := x.a.manifestNames(ctx)
	if err != nil {
		return err
	}
	x.now = &Manifest{Archive: x.a.head.ID, Snapshot: 1, Major: Major, Minor: Minor, Writer: x.e.Writer, Origin: x.e.Title}
	x.next, x.first = 1, true
	x.added = Added{Objects: map[Word]int64{}, Secrets: x.a.HoldsSecrets(), Whole: true}
	if len(names) == 0 {
		return nil
	}
	n := names[len(names)-1]
	if x.base, err = x.a.manifest(ctx, n); err != nil {
		return err
	}
	x.now.Snapshot = x.base.Snapshot + 1
	if x.base.Begun {
		x.now.Snapshot, x.now.Revision = x.base.Snapshot, x.base.Revision+1
	}
	x.now.Pieces = slices.Clone(x.base.Pieces)
	x.now.Missing = x.base.Missing
	x.cursor = x.base.Cursor
	x.added.Whole = false
	for _, p := range x.base.Pieces {
		var at int
		if _, err := fmt.Sscanf(p.Name[len(folderOf(p.Type))+1:], "%08d", &at); err == nil {
			x.next = max(x.next, at+1)
		}
	}
	return nil
}

func folderOf(t PieceType) string {
	return map[PieceType]string{Segment: segmentsDir, List: listsDir, Secrets: secretsDir}[t]
}

func (x *exporter) step(name string) error {
	if x.e.Step == nil {
		return nil
	}
	return x.e.Step(name)
}

// run reads the place to its end. What it stopped at is published as begun, so
// that nothing is carried twice.
func (x *exporter) run(ctx context.Context) error {
	after := x.cursor
	_, once := x.a.store.(interface{ once() })
	g := x.group(ctx)
	for item, err := range x.e.From.Changes(ctx, after) {
		if err == nil {
			err = x.take(ctx, g, item)
		}
		if err != nil {
			return g.stop(err)
		}
		if x.fileBytes > checkpointBytes && item.Cursor != "" && x.known == nil && !once {
			if err := x.checkpoint(ctx, g); err != nil {
				return err
			}
			g = x.group(ctx)
		}
	}
	if err := ctx.Err(); err != nil {
		return g.stop(err) // an origin may end without a word when it is stopped
	}
	if err := x.forget(ctx, g); err != nil {
		return g.stop(err)
	}
	if err := x.finish(ctx, g); err != nil {
		return err
	}
	if x.base != nil && !x.base.Begun && len(x.now.Pieces) == len(x.base.Pieces) {
		return nil // nothing is new
	}
	return x.publish(ctx, false)
}

// workgroup packs and stores pieces behind the reader. The first that fails
// ends the others.
type workgroup struct {
	ctx           context.Context //nolint:containedctx // of those that it began
	fail          context.CancelCauseFunc
	pieces, files errgroup.Group
}

func (x *exporter) group(ctx context.Context) *workgroup {
	g := &workgroup{}
	g.ctx, g.fail = context.WithCancelCause(ctx)
	g.pieces.SetLimit(workers)
	g.files.SetLimit(storers)
	return g
}

// run begins one of them, and waits while there are enough.
func (g *workgroup) run(in *errgroup.Group, fn func() error) {
	in.Go(func() error {
		err := fn()
		if err != nil {
			g.fail(err)
		}
		return err
	})
}

// wait waits for all of them, and returns what went wrong first.
func (g *workgroup) wait() error {
	err := errors.Join(g.files.Wait(), g.pieces.Wait())
	if err != nil {
		err = context.Cause(g.ctx)
	}
	g.fail(nil)
	return err
}

// stop ends all of them, because of an error.
func (g *workgroup) stop(err error) error {
	g.fail(err)
	_ = g.wait() // what they say of it is that they were ended
	return err
}

// take adds one item.
func (x *exporter) take(ctx context.Context, g *workgroup, item connect.Item) error {
	if g.ctx.Err() != nil {
		return context.Cause(g.ctx)
	}
	if item.Object != nil || item.Nonce != nil || item.Sealed != nil {
		if x.first {
			x.first = false
			if err := x.look(ctx, item); err != nil {
				return err
			}
		}
		if err := x.one(ctx, g, item.Incoming); err != nil {
			return err
		}
	}
	if item.Cursor != "" {
		if err := x.samePlace(item.Cursor); err != nil {
			return err
		}
		x.cursor = item.Cursor
	}
	return nil
}

// samePlace refuses to mix two places in one archive.
func (x *exporter) samePlace(cursor string) error {
	now, err := chat.ParseCursor(cursor)
	if err != nil || x.cursor == "" {
		return err
	}
	before, err := chat.ParseCursor(x.cursor)
	if err == nil && before.LogID != now.LogID {
		return chat.Errorf(chat.Conflict, "the archive at %s is of another place than %s", x.a.where, x.e.Title).WithHint("give this place an archive of its own")
	}
	return err
}

// look finds out, by the first item, whether the place goes on from where the
// last snapshot ended. A place that was set back begins at its beginning.
func (x *exporter) look(ctx context.Context, item connect.Item) error {
	if x.base == nil {
		return nil
	}
	before, err := chat.ParseCursor(x.base.Cursor)
	if err != nil || item.Pos > before.Pos {
		return err
	}
	x.added.Rescanned = true
	x.known, err = x.a.ledger(ctx, x.base)
	return err
}

func (x *exporter) one(ctx context.Context, g *workgroup, in chat.Incoming) error {
	if in.Object == nil && in.Nonce == nil {
		return nil // a secret that was sealed for somebody else
	}
	secret := in.Object != nil && in.Object.Kind().Secret()
	if secret && !x.a.HoldsSecrets() {
		return nil
	}
	if x.known != nil && in.Object != nil && x.known.same(in.Object) {
		return nil
	}
	if c, ok := in.Object.(*chat.Content); ok && !c.Gone && c.Hash != "" {
		if err := x.file(ctx, g, c); err != nil {
			return err
		}
	}
	to := &x.items
	if secret {
		to = &x.secret
		if x.e.Reveal != nil {
			o, err := x.e.Reveal(in.Object)
			if err != nil {
				return err
			}
			in.Object = o
		}
	}
	to.take(in)
	if to.full() {
		return x.flush(g, to)
	}
	return nil
}

// flush makes a piece of what was gathered.
func (x *exporter) flush(g *workgroup, c *chunk) error {
	if len(c.list) == 0 {
		return nil
	}
	list, typ, to := c.list, Segment, x.a.keys.recipient
	if c == &x.secret {
		typ, to = Secrets, x.a.keys.toSecrets
	}
	*c = chunk{list: make([]chat.Incoming, 0, cap(c.list))}
	x.piece(g, typ, to, func(buf *bytes.Buffer, p *Piece) error {
		p.Counts = map[Word]chat.Tally{}
		buf.Grow(len(list) * 400)
		for i := range list {
			word, digest, err := encodeLine(buf, &list[i])
			if err != nil {
				return err
			}
			t := p.Counts[word]
			t.Add(digest)
			p.Counts[word] = t
		}
		p.Lines = int64(len(list))
		return nil
	})
	for _, in := range list {
		if in.Nonce == nil {
			x.added.Objects[in.Object.Kind().String()]++
		}
	}
	if x.e.Progress != nil {
		x.filesMu.Lock() // files are counted while the rest is read
		added := x.added
		x.filesMu.Unlock()
		x.e.Progress(added)
	}
	return x.step("segment")
}

// piece makes a piece behind the reader. Its place in the manifest is the next.
func (x *exporter) piece(g *workgroup, typ PieceType, to *age.X25519Recipient, fill func(*bytes.Buffer, *Piece) error) {
	name := fmt.Sprintf("%s/%08d.jsonl%s", folderOf(typ), x.next, suffix(x.a.Plain()))
	x.next++
	at := len(x.now.Pieces)
	x.now.Pieces = append(x.now.Pieces, Piece{Name: name, Type: typ})
	done := make(chan Piece, 1)
	x.pending = append(x.pending, pendingPiece{at, done})
	g.run(&g.pieces, func() error {
		p := Piece{Name: name, Type: typ}
		var buf bytes.Buffer
		if err := fill(&buf, &p); err != nil {
			return err
		}
		data, err := x.a.pack(buf.Bytes(), to)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		p.Sum, p.Size, p.Raw = hex.EncodeToString(sum[:]), int64(len(data)), int64(buf.Len())
		if err := x.a.store.put(g.ctx, name, bytes.NewReader(data), p.Size); err != nil {
			return err
		}
		done <- p
		return nil
	})
}

// pendingPiece is one whose hash is not known yet.
type pendingPiece struct {
	at   int
	done chan Piece
}

// finish waits until everything is stored, the lists of files too.
func (x *exporter) finish(ctx context.Context, g *workgroup) error {
	err := errors.Join(x.flush(g, &x.items), x.flush(g, &x.secret))
	if e := g.files.Wait(); e == nil && err == nil {
		x.listFiles(g)
	}
	if e := g.wait(); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	for _, p := range x.pending {
		piece := <-p.done
		x.added.Bytes += piece.Size
		x.now.Pieces[p.at] = piece
	}
	x.pending = nil
	x.fileBytes = 0
	return ctx.Err()
}

func (x *exporter) listFiles(g *workgroup) {
	const atOnce = 20_000
	slices.SortFunc(x.files, func(a, b fileLine) int { return bytes.Compare([]byte(a.Hash), []byte(b.Hash)) })
	for part := range slices.Chunk(x.files, atOnce) {
		x.piece(g, List, x.a.keys.recipient, func(buf *bytes.Buffer, p *Piece) error {
			enc := json.NewEncoder(buf)
			for _, f := range part {
				if err := enc.Encode(f); err != nil {
					return err
				}
			}
			p.Lines = int64(len(part))
			return nil
		})
	}
	x.files = nil
}

// checkpoint publishes what there is as the beginning of a snapshot.
func (x *exporter) checkpoint(ctx context.Context, g *workgroup) error {
	if err := x.finish(ctx, g); err != nil {
		return err
	}
	if err := x.publish(ctx, true); err != nil {
		return err
	}
	x.now.Revision++
	return nil
}

func (x *exporter) publish(ctx context.Context, begun bool) error {
	x.now.Begun, x.now.Cursor, x.now.Made = begun, x.cursor, time.Now().UTC().Truncate(time.Second)
	if err := errors.Join(x.step("before sync"), x.l.check(ctx)); err != nil {
		return err
	}
	if err := x.a.store.sync(ctx); err != nil {
		return err
	}
	data, err := x.a.encodeManifest(x.now)
	if err != nil {
		return err
	}
	if err := x.step("before manifest"); err != nil {
		return err
	}
	name := manifestName{x.now.Snapshot, x.now.Revision, x.a.Plain()}
	if err := x.a.store.publish(ctx, name.String(), data); chat.IsKind(err, chat.Conflict) {
		return chat.Errorf(chat.Conflict, "another process has published snapshot %d of the archive at %s meanwhile", x.now.Snapshot, x.a.where).
			WithHint("run the same line again: it adds what is new since")
	} else if err != nil {
		return err
	}
	x.added.Bytes += int64(len(data))
	if x.now.Revision > 0 { // the one before was its beginning
		name.revision--
		if err := x.a.store.remove(ctx, name.String()); err != nil {
			return err
		}
	}
	if !begun {
		x.added.Snapshot = x.now.Snapshot
	}
	return x.step("after manifest")
}
