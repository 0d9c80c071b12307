package archive

import (
	"context"
	"encoding/binary"
	"math/bits"

	"github.com/godwit-chat/godwit/internal/chat"
)

// place is where a line stands: its piece, by number among those of its kind,
// and its line in it.
type place struct{ piece, line int32 }

// latest knows which lines are not the last ones of their objects. A filter
// finds what may have come before; only that is remembered by name, so memory
// grows with what was changed again and not with what there is.
type latest struct {
	filter []uint64
	mask   uint64
	again  map[ref]place // the last line of what came more than once, or seemed to
}

func newLatest(lines int64) *latest {
	const perLine, least = 16, 1 << 10
	size := uint64(1) << bits.Len64(uint64(max(lines*perLine, least)))
	return &latest{filter: make([]uint64, size/64), mask: size - 1, again: map[ref]place{}}
}

// hash mixes a name: keys are hashes or random in their second half, except for
// the one bit that tells two kinds with the same key apart.
func (r ref) hash() uint64 {
	h := binary.BigEndian.Uint64(r.key[8:]) ^ binary.BigEndian.Uint64(r.key[:8])*0x9e3779b97f4a7c15
	h ^= uint64(r.kind) * 0xd6e8feb86659fd93
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return max(h^h>>32, 1) // 0 is no name
}

func (l *latest) add(r ref, at place) {
	h := r.hash()
	step := h>>40 | 1
	seen := true
	for range 3 {
		bit := uint64(1) << (h % 64)
		word := &l.filter[(h&l.mask)/64]
		seen = seen && *word&bit != 0
		*word |= bit
		h += step
	}
	if seen {
		l.again[r] = at
	}
}

// last reports whether a line is its object's last.
func (l *latest) last(r ref, at place) bool {
	last, again := l.again[r]
	return !again || last == at
}

// refs returns which object each line of a piece is about. Of a line whose kind
// is not known the key is zero.
func (a *Archive) refs(ctx context.Context, p Piece) ([]ref, error) {
	raw, err := a.read(ctx, p)
	if err != nil {
		return nil, err
	}
	list := make([]ref, 0, p.Lines)
	err = eachLine(raw, func(_ int64, text []byte) error {
		r, known, err := lineRef(text)
		if !known {
			r = ref{}
		}
		list = append(list, r)
		return err
	})
	if err != nil {
		return nil, a.damaged(p.Name, err)
	}
	return list, nil
}

// findLatest reads through pieces once.
func (a *Archive) findLatest(ctx context.Context, pieces []Piece) (*latest, error) {
	lines := int64(0)
	for _, p := range pieces {
		lines += p.Lines
	}
	l := newLatest(lines)
	err := ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]ref, error) { return a.refs(ctx, pieces[i]) },
		func(i int, list []ref) error {
			for n, r := range list {
				if !r.key.IsZero() {
					l.add(r, place{int32(i), int32(n)})
				}
			}
			return nil
		})
	l.filter = nil // only needed while adding
	return l, err
}

// record is a line that was read.
type record struct {
	chat.Incoming
	ref    ref
	at     place
	forget bool
	text   []byte // of a line that could not be understood, and for those who copy lines
	err    error
}

// records reads the lines of a piece that are their objects' last. What cannot
// be understood is among them, with its error.
func (a *Archive) records(ctx context.Context, p Piece, i int, l *latest, keep bool) ([]record, error) {
	raw, err := a.read(ctx, p)
	if err != nil {
		return nil, err
	}
	list := make([]record, 0, p.Lines)
	err = eachLine(raw, func(n int64, text []byte) error {
		r := record{at: place{int32(i), int32(n - 1)}}
		var known bool
		if r.ref, known, err = lineRef(text); err != nil {
			return err
		}
		if known && l != nil && !l.last(r.ref, r.at) {
			return nil
		}
		r.Incoming, r.forget, r.err = decodeLine(text)
		if keep || r.err != nil {
			r.text = text
		}
		list = append(list, r)
		return nil
	})
	if err != nil {
		return nil, a.damaged(p.Name, err)
	}
	return list, nil
}
