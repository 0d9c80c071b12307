package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Keep says which snapshots stay: the newest of so many days, weeks and months,
// and the newest of all.
type Keep struct {
	Last, Daily, Weekly, Monthly int

	// Forget takes what is deleted in the newest snapshot out of the older ones
	// that stay, too: what was purged or erased is then nowhere in the archive.
	Forget bool
	Dry    bool // only say what would be done
	Step   func(name string) error
}

// Pruned is what a Prune did.
type Pruned struct {
	Kept      []int `json:"kept"`
	Dropped   []int `json:"dropped"`
	Rewritten int   `json:"rewritten"` // pieces that were written anew
	Files     int64 `json:"files"`     // that were removed
	Before    int64 `json:"before"`    // bytes of pieces of lines, and of files
	After     int64 `json:"after"`
	Sealed    bool  `json:"sealed,omitempty"` // secrets stay as they are: their key is not at hand
}

// choose returns which snapshots stay, of a list from the oldest to the newest.
func (k Keep) choose(list []*Manifest) map[int]bool {
	kept := map[int]bool{}
	if len(list) > 0 {
		kept[list[len(list)-1].Snapshot] = true
	}
	for _, rule := range []struct {
		most int
		of   func(i int, t time.Time) string
	}{
		{k.Last, func(i int, _ time.Time) string { return fmt.Sprint(i) }},
		{k.Daily, func(_ int, t time.Time) string { return t.Format(time.DateOnly) }},
		{k.Weekly, func(_ int, t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, w) }},
		{k.Monthly, func(_ int, t time.Time) string { return t.Format("2006-01") }},
	} {
		seen := map[string]bool{}
		for i, m := range slices.Backward(list) {
			span := rule.of(i, m.Made.UTC())
			if len(seen) < rule.most && !seen[span] {
				seen[span] = true
				kept[m.Snapshot] = true
			}
		}
	}
	return kept
}

// Prune drops snapshots, and writes anew what held them, without what no
// snapshot that stays shows. It never loses one that stays: the new pieces and
// manifests are complete before an old one is removed.
func (a *Archive) Prune(ctx context.Context, k Keep) (_ *Pruned, err error) {
	l, err := a.store.lock(ctx)
	if err != nil {
		return nil, err
	}
	left := true
	defer func() { err = errors.Join(err, l.unlock(context.WithoutCancel(ctx), left)) }()
	if l.dirty() && !k.Dry {
		if err := a.clean(ctx); err != nil {
			return nil, err
		}
	}
	p := &pruner{a: a, k: k, l: l, needed: map[[16]byte]bool{}}
	if err := p.look(ctx); err != nil {
		return nil, err
	}
	if !k.Dry && (len(p.out.Dropped) > 0 || k.Forget) {
		if err := p.run(ctx); err != nil {
			return nil, err
		}
	}
	left = k.Dry && l.dirty()
	return &p.out, nil
}

type pruner struct {
	a *Archive
	k Keep
	l lock

	all, kept []*Manifest // all that there are, and what stays; a beginning too
	names     []manifestName
	next      int
	gone      map[ref]bool // what the newest snapshot has deleted; only with Forget
	needed    map[[16]byte]bool
	out       Pruned
}

func (p *pruner) step(name string) error {
	if p.k.Step == nil {
		return nil
	}
	return p.k.Step(name)
}

// look reads all manifests, and chooses.
func (p *pruner) look(ctx context.Context) (err error) {
	if p.names, _, err = p.a.manifestNames(ctx); err != nil {
		return err
	}
	var whole []*Manifest
	for _, n := range p.names {
		m, err := p.a.manifest(ctx, n)
		if err != nil {
			return err // whatever it names must stay
		}
		p.all = append(p.all, m)
		if !m.Begun {
			whole = append(whole, m)
		}
	}
	chosen := p.k.choose(whole)
	p.out = Pruned{Kept: []int{}, Dropped: []int{}}
	known := map[string]bool{}
	for _, m := range p.all {
		for _, piece := range m.Pieces {
			var at int
			if _, err := fmt.Sscanf(piece.Name[len(folderOf(piece.Type))+1:], "%08d", &at); err == nil {
				p.next = max(p.next, at+1)
			}
			if !known[piece.Name] {
				known[piece.Name] = true
				p.out.Before += piece.Size
			}
		}
		if m.Begun || chosen[m.Snapshot] {
			p.kept = append(p.kept, m)
		}
		if !m.Begun {
			if chosen[m.Snapshot] {
				p.out.Kept = append(p.out.Kept, m.Snapshot)
			} else {
				p.out.Dropped = append(p.out.Dropped, m.Snapshot)
			}
		}
	}
	p.out.After = p.out.Before
	return nil
}

func (p *pruner) run(ctx context.Context) error {
	if len(p.kept) == 0 {
		return nil
	}
	if p.k.Forget {
		if err := p.findGone(ctx); err != nil {
			return err
		}
	}
	stretches, err := p.stretches(ctx)
	if err != nil {
		return err
	}
	if err := p.lists(ctx, stretches); err != nil {
		return err
	}
	return p.publish(ctx, stretches)
}

// findGone notes what is deleted in the newest snapshot.
func (p *pruner) findGone(ctx context.Context) error {
	p.gone = map[ref]bool{}
	newest := p.kept[len(p.kept)-1]
	pieces := newest.of(Segment)
	l, err := p.a.findLatest(ctx, pieces)
	if err != nil {
		return err
	}
	return ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]record, error) {
		return p.a.records(ctx, pieces[i], i, l, false)
	}, func(_ int, list []record) error {
		for _, r := range list {
			if r.err == nil && (r.forget || r.Object != nil && r.Object.Deleted()) {
				p.gone[r.ref] = true
			}
		}
		return nil
	})
}

// stretch is what one snapshot that stays adds to the one before.
type stretch struct {
	m      *Manifest
	lines  []Piece // segments and secrets, as they will be
	lists  []Piece
	pieces []Piece // as they were
	joined bool    // snapshots between were dropped: it is to be written anew
}

// stretches writes anew what is to be. Where a prune was stopped between two
// manifests, the later one has pieces of its own for all that the earlier one
// has: read after those, they give the same.
func (p *pruner) stretches(ctx context.Context) ([]*stretch, error) {
	var list []*stretch
	before := map[string]bool{}
	at := 0
	for i, m := range p.kept {
		s := &stretch{m: m}
		for _, piece := range m.Pieces {
			if !before[piece.Name] {
				before[piece.Name] = true
				s.pieces = append(s.pieces, piece)
			}
		}
		for at < len(p.all) && p.all[at] != m {
			s.joined = true
			at++
		}
		at++
		if err := p.rewrite(ctx, s, i == 0); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// rewrite makes the lines of a stretch: as they are, or each object's last.
func (p *pruner) rewrite(ctx context.Context, s *stretch, base bool) error {
	for _, typ := range []PieceType{Segment, Secrets} {
		var pieces []Piece
		for _, piece := range s.pieces {
			if piece.Type == typ {
				pieces = append(pieces, piece)
			}
		}
		sealed := typ == Secrets && p.a.keys.secrets == nil
		p.out.Sealed = p.out.Sealed || sealed && len(pieces) > 0
		if len(pieces) == 0 || sealed || !s.joined && p.gone == nil {
			s.lines = append(s.lines, pieces...)
			if err := p.need(ctx, pieces); err != nil {
				return err
			}
			continue
		}
		written, err := p.merge(ctx, pieces, typ, base)
		if err != nil {
			return err
		}
		s.lines = append(s.lines, written...)
	}
	return nil
}

// need notes which files are named in pieces that stay as they are.
func (p *pruner) need(ctx context.Context, pieces []Piece) error {
	word := chat.KindContent.String()
	for i, piece := range pieces {
		if piece.Type != Segment || piece.Counts[word].Count == 0 {
			continue
		}
		list, err := p.a.records(ctx, piece, i, nil, false)
		if err != nil {
			return err
		}
		for _, r := range list {
			p.needs(&r)
		}
	}
	return nil
}

func (p *pruner) needs(r *record) {
	if c, ok := r.Object.(*chat.Content); ok && !c.Gone {
		if key, err := hashKey(c.Hash); err == nil {
			p.needed[key] = true
		}
	}
}

// merge writes the last lines of pieces into new ones.
func (p *pruner) merge(ctx context.Context, pieces []Piece, typ PieceType, base bool) (out []Piece, err error) {
	l, err := p.a.findLatest(ctx, pieces)
	if err != nil {
		return nil, err
	}
	to := p.a.keys.recipient
	if typ == Secrets {
		to = p.a.keys.toSecrets
	}
	w := &lineWriter{p: p, typ: typ, to: to}
	err = ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]record, error) {
		return p.a.records(ctx, pieces[i], i, l, true)
	}, func(_ int, list []record) error {
		for i := range list {
			r := &list[i]
			deleted := r.forget || r.Object != nil && r.Object.Deleted()
			if base && r.forget || p.gone[r.ref] && !deleted {
				continue
			}
			p.needs(r)
			if err := w.add(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = w.flush(ctx)
	}
	return w.out, err
}

// lineWriter makes pieces of lines that were read.
type lineWriter struct {
	p   *pruner
	typ PieceType
	to  *age.X25519Recipient
	buf bytes.Buffer
	now Piece
	out []Piece
}

func (w *lineWriter) add(ctx context.Context, r *record) error {
	if w.now.Counts == nil {
		w.now.Counts = map[Word]chat.Tally{}
	}
	word := wordForget
	switch {
	case r.forget:
	case r.Nonce != nil:
		word = wordNonce
	case r.Object != nil:
		word = r.Object.Kind().String()
	default: // not understood: a newer version will
		var l line
		if err := json.Unmarshal(r.text, &l); err != nil {
			return err
		}
		word, r.Digest = l.Kind, uint64(l.Digest)
	}
	bump(w.now.Counts, word, r.Digest)
	w.now.Lines++
	w.buf.Write(r.text)
	w.buf.WriteByte('\n')
	if w.now.Lines >= segmentItems || w.buf.Len() >= 2*segmentText {
		return w.flush(ctx)
	}
	return nil
}

func (w *lineWriter) flush(ctx context.Context) error {
	if w.now.Lines == 0 {
		return nil
	}
	piece := w.now
	piece.Type = w.typ
	piece, err := w.p.write(ctx, piece, w.buf.Bytes(), w.to)
	w.out = append(w.out, piece)
	w.buf.Reset()
	w.now = Piece{}
	return err
}

// write keeps a new piece of lines.
func (p *pruner) write(ctx context.Context, piece Piece, raw []byte, to *age.X25519Recipient) (Piece, error) {
	if err := errors.Join(p.l.check(ctx), p.step("piece")); err != nil {
		return piece, err
	}
	data, err := p.a.pack(raw, to)
	if err != nil {
		return piece, err
	}
	sum := sha256.Sum256(data)
	piece.Name = fmt.Sprintf("%s/%08d.jsonl%s", folderOf(piece.Type), p.next, suffix(p.a.Plain()))
	piece.Sum, piece.Size, piece.Raw = hex.EncodeToString(sum[:]), int64(len(data)), int64(len(raw))
	p.next++
	p.out.Rewritten++
	return piece, p.a.store.put(ctx, piece.Name, bytes.NewReader(data), piece.Size)
}

// lists keeps of the files those that are named.
func (p *pruner) lists(ctx context.Context, stretches []*stretch) error {
	for _, s := range stretches {
		for _, piece := range s.pieces {
			if piece.Type != List {
				continue
			}
			var all, needed []fileLine
			err := p.a.eachFile(ctx, []Piece{piece}, func(f fileLine) error {
				all = append(all, f)
				if key, err := hashKey(f.Hash); err == nil && p.needed[key] {
					needed = append(needed, f)
				}
				return nil
			})
			if err != nil {
				return err
			}
			p.out.Files += int64(len(all) - len(needed))
			for _, f := range all {
				p.out.Before += f.Size
			}
			for _, f := range needed {
				p.out.After += f.Size
			}
			switch {
			case len(needed) == len(all):
				s.lists = append(s.lists, piece)
			case len(needed) > 0:
				var buf bytes.Buffer
				enc := json.NewEncoder(&buf)
				for _, f := range needed {
					if err := enc.Encode(f); err != nil {
						return err
					}
				}
				piece, err := p.write(ctx, Piece{Type: List, Lines: int64(len(needed))}, buf.Bytes(), p.a.keys.recipient)
				if err != nil {
					return err
				}
				s.lists = append(s.lists, piece)
			}
		}
	}
	return nil
}

// publish publishes the manifests, and then removes what nothing names.
func (p *pruner) publish(ctx context.Context, stretches []*stretch) error {
	if err := errors.Join(p.l.check(ctx), p.step("before sync")); err != nil {
		return err
	}
	if err := p.a.store.sync(ctx); err != nil {
		return err
	}
	stay := map[string]bool{}
	var pieces []Piece
	for _, s := range stretches {
		pieces = append(append(pieces, s.lines...), s.lists...)
		m := *s.m
		m.Pieces = slices.Clone(pieces)
		m.Revision++
		data, err := p.a.encodeManifest(&m)
		if err != nil {
			return err
		}
		name := manifestName{m.Snapshot, m.Revision, p.a.Plain()}.String()
		if err := p.a.store.publish(ctx, name, data); err != nil {
			return err
		}
		stay[name] = true
		if err := p.step("manifest"); err != nil {
			return err
		}
	}
	for _, n := range p.names {
		if !stay[n.String()] {
			if err := p.a.store.remove(ctx, n.String()); err != nil {
				return err
			}
		}
	}
	if err := p.step("before sweep"); err != nil {
		return err
	}
	return p.sweep(ctx, pieces)
}

func (p *pruner) sweep(ctx context.Context, pieces []Piece) error {
	named, size := map[string]bool{}, int64(0)
	for _, piece := range pieces {
		named[piece.Name] = true
		size += piece.Size
		if piece.Type != List {
			continue
		}
		err := p.a.eachFile(ctx, []Piece{piece}, func(f fileLine) error {
			named[f.Name] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	was := int64(0)
	seen := map[string]bool{}
	for _, m := range p.all {
		for _, piece := range m.Pieces {
			if !seen[piece.Name] {
				seen[piece.Name] = true
				was += piece.Size
			}
		}
	}
	p.out.After += size - was
	return p.a.sweep(ctx, named)
}
