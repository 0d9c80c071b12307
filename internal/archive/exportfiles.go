package archive

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/godwit-chat/godwit/internal/chat"
)

// file stores the bytes of a content behind the reader, unless they are there.
func (x *exporter) file(ctx context.Context, g *workgroup, c *chat.Content) error {
	key, err := hashKey(c.Hash)
	if err != nil {
		return chat.Errorf(chat.Damaged, "content %s has the hash %q, which is none", c.ID, clip(c.Hash))
	}
	if x.seen == nil {
		if x.seen, err = x.a.fileKeys(ctx, x.now); err != nil {
			return err
		}
	}
	if x.seen[key] {
		return nil
	}
	x.seen[key] = true
	x.fileBytes += c.Size
	g.run(&g.files, func() error {
		f, err := x.store(g.ctx, c)
		if chat.IsKind(err, chat.NotFound) {
			x.filesMu.Lock()
			defer x.filesMu.Unlock()
			x.added.Missing++
			x.now.Missing++
			return nil
		}
		if err != nil {
			return err
		}
		x.filesMu.Lock()
		defer x.filesMu.Unlock()
		x.files = append(x.files, f)
		x.added.Files++
		x.added.FileBytes += f.Size
		return nil
	})
	return x.step("file")
}

// store copies the bytes of a content into the archive.
func (x *exporter) store(ctx context.Context, c *chat.Content) (fileLine, error) {
	f := fileLine{Hash: c.Hash, Size: c.Size, Name: x.a.fileName(c.Hash)}
	r, err := x.e.From.Read(ctx, c.Hash, 0)
	if err != nil {
		return f, err
	}
	defer r.Close() //nolint:errcheck // only read
	plain := newSumming(r)
	enc, size, err := x.a.encryptFile(plain, c.Size)
	if err != nil {
		return f, err
	}
	out := newSumming(enc)
	if err := x.a.store.put(ctx, f.Name, out, size); err != nil {
		return f, err
	}
	if plain.sum() != c.Hash {
		return f, chat.Errorf(chat.Damaged, "the file with the hash %s has other bytes in %s", c.Hash, x.e.Title).
			WithHint("`godwit verify` of that place says which file it is; put it back from a backup, then run the same line again")
	}
	f.Sum = out.sum()
	return f, nil
}

// hashKey is the first half of a hash: enough to tell files apart in memory.
func hashKey(hash string) (key [16]byte, err error) {
	if !checkHash(hash) {
		return key, errors.New("no hash")
	}
	_, err = hex.Decode(key[:], []byte(hash[:32]))
	return key, err
}

// fileKeys reads which files are in a snapshot.
func (a *Archive) fileKeys(ctx context.Context, m *Manifest) (map[[16]byte]bool, error) {
	keys := make(map[[16]byte]bool, m.Lines(List))
	err := a.eachFile(ctx, m.of(List), func(f fileLine) error {
		key, err := hashKey(f.Hash)
		keys[key] = true
		return err
	})
	return keys, err
}

// eachFile calls fn with the lines of lists.
func (a *Archive) eachFile(ctx context.Context, lists []Piece, fn func(fileLine) error) error {
	for _, p := range lists {
		raw, err := a.read(ctx, p)
		if err != nil {
			return err
		}
		err = eachLine(raw, func(_ int64, text []byte) error {
			var f fileLine
			if err := json.Unmarshal(text, &f); err != nil {
				return err
			}
			if !checkHash(f.Hash) || !checkHash(f.Sum) || f.Size < 0 || f.Name != a.fileName(f.Hash) {
				return fmt.Errorf("it names a file %q of hash %q", clip(f.Name), clip(f.Hash))
			}
			return fn(f)
		})
		if err != nil {
			return a.damaged(p.Name, err)
		}
	}
	return nil
}

// ledger keeps digests of objects, 16 bytes for each.
type ledger struct {
	slots []ledgerSlot
	seen  []bool
	mask  uint64
}

type ledgerSlot struct{ name, digest uint64 }

// ledger reads the digests of a snapshot: of what is there last.
func (a *Archive) ledger(ctx context.Context, m *Manifest) (*ledger, error) {
	pieces := m.of(Segment, Secrets)
	lines := int64(16)
	for _, p := range pieces {
		lines += p.Lines
	}
	size := uint64(32)
	for size < uint64(lines)*4/3 {
		size *= 2
	}
	l := &ledger{slots: make([]ledgerSlot, size), seen: make([]bool, size), mask: size - 1}
	type entry struct{ name, digest uint64 }
	err := ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]entry, error) {
		if pieces[i].Type == Secrets && a.keys.secrets == nil {
			return nil, nil // they are compared with nothing, and added again
		}
		raw, err := a.read(ctx, pieces[i])
		if err != nil {
			return nil, err
		}
		list := make([]entry, 0, pieces[i].Lines)
		err = eachLine(raw, func(_ int64, text []byte) error {
			r, known, err := lineRef(text)
			if err != nil || !known || r.kind == 0 {
				return err
			}
			digest, err := lineDigest(text)
			list = append(list, entry{r.hash(), digest})
			return err
		})
		return list, err
	}, func(_ int, list []entry) error {
		for _, e := range list {
			*l.slot(e.name) = ledgerSlot(e)
		}
		return nil
	})
	return l, err
}

// lineDigest reads the digest of a line; 0 of one that forgets.
func lineDigest(text []byte) (uint64, error) {
	if i := bytes.Index(text, []byte(`,"d":"`)); i > 0 && i < 200 && len(text) > i+22 {
		var s sum
		err := s.UnmarshalText(text[i+6 : i+22])
		return uint64(s), err
	}
	var l line
	err := json.Unmarshal(text, &l)
	return uint64(l.Digest), err
}

// slot finds the one of a name, or an empty one for it. Two objects whose names
// fall together differ in their digests: then they are added again.
func (l *ledger) slot(name uint64) *ledgerSlot { return &l.slots[l.find(name)] }

func (l *ledger) find(name uint64) uint64 {
	i := name & l.mask
	for l.slots[i].name != 0 && l.slots[i].name != name {
		i = (i + 1) & l.mask
	}
	return i
}

// same reports whether the archive has an object as it is, and marks it as seen.
func (l *ledger) same(o chat.Object) bool {
	i := l.find(ref{o.Kind(), o.Key()}.hash())
	l.seen[i] = true
	return l.slots[i].digest == chat.Digest(o)
}

// forget adds, after a rescan, what the place does not know any more.
func (x *exporter) forget(ctx context.Context, g *workgroup) error {
	if x.known == nil {
		return nil
	}
	var gone []ref
	pieces := x.base.of(Segment)
	err := ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]ref, error) { return x.a.refs(ctx, pieces[i]) },
		func(_ int, list []ref) error {
			for _, r := range list {
				if r.key.IsZero() || r.kind == 0 {
					continue
				}
				if i := x.known.find(r.hash()); !x.known.seen[i] && x.known.slots[i].digest != 0 {
					x.known.seen[i] = true
					gone = append(gone, r)
				}
			}
			return nil
		})
	if err != nil || len(gone) == 0 {
		return err
	}
	if err := x.flush(g, &x.items); err != nil {
		return err
	}
	x.added.Forgotten = int64(len(gone))
	x.piece(g, Segment, x.a.keys.recipient, func(buf *bytes.Buffer, p *Piece) error {
		for _, r := range gone {
			encodeForget(buf, r)
		}
		p.Lines, p.Counts = int64(len(gone)), map[Word]chat.Tally{wordForget: {Count: int64(len(gone))}}
		return nil
	})
	return nil
}

// clean removes what a writer that did not come to its end left lying about.
// Where a manifest cannot be read nothing is removed: it may name anything.
func (a *Archive) clean(ctx context.Context) error {
	now, old, err := a.manifestNames(ctx)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	var lists []Piece
	for _, n := range now {
		m, err := a.manifest(ctx, n)
		if err != nil {
			return nil //nolint:nilerr // what is wrong with it is for verify to say
		}
		for _, p := range m.Pieces {
			if p.Type == List && !named[p.Name] {
				lists = append(lists, p)
			}
			named[p.Name] = true
		}
	}
	err = a.eachFile(ctx, lists, func(f fileLine) error {
		named[f.Name] = true
		return nil
	})
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	for _, n := range old {
		if err := a.store.remove(ctx, n.String()); err != nil {
			return err
		}
	}
	return a.sweep(ctx, named)
}

// sweep removes every piece but those named, and manifests.
func (a *Archive) sweep(ctx context.Context, named map[string]bool) error {
	for _, folder := range []string{segmentsDir, listsDir, secretsDir, filesDir} {
		list, err := a.store.list(ctx, folder)
		if err != nil {
			return err
		}
		for _, name := range list {
			if !named[name] {
				if err := a.store.remove(ctx, name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
