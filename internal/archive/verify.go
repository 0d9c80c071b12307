package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/godwit-chat/godwit/internal/chat"
)

// VerifyOptions say how much to prove.
type VerifyOptions struct {
	Snapshot  int  // 0: all
	SkipFiles bool // not the bytes of files
	Progress  func(pieces, files, bytes int64)
}

// Verification is what was proved.
type Verification struct {
	OK        bool             `json:"ok"`
	Snapshots []int            `json:"snapshots"`
	Pieces    int64            `json:"pieces"`
	Lines     int64            `json:"lines"`
	Objects   map[string]int64 `json:"objects"` // in the newest of the snapshots, by kind; deleted ones too
	Files     int64            `json:"files"`
	FileBytes int64            `json:"file_bytes"` // read and hashed
	Bytes     int64            `json:"bytes"`      // of pieces of lines
	Missing   int64            `json:"missing,omitempty"`
	Sealed    int64            `json:"sealed,omitempty"` // pieces of secrets whose hash was compared, and no more: their key is not at hand
	Open      map[string]int64 `json:"open,omitempty"`   // references to what is not in the snapshot, as the place had them
	Problems  []Problem        `json:"problems"`
	More      int64            `json:"more,omitempty"` // problems that are not listed
	Names     []string         `json:"-"`              // of all pieces and files that belong to the archive
}

// Problem is something that is not as the manifest says.
type Problem struct {
	Where string `json:"where"`
	What  string `json:"what"`
}

const listedProblems = 200

func (v *Verification) problem(where string, err error) {
	text := err.Error()
	if e, ok := errors.AsType[*chat.Error](err); ok {
		text = e.Text
	}
	if len(v.Problems) >= listedProblems {
		v.More++
		return
	}
	v.Problems = append(v.Problems, Problem{where, text})
}

// Verify proves an archive without restoring it: the hash of every piece, every
// record, counts and digests, what refers to what, and the bytes of files. What
// is wrong is in the result; an error is for what stopped it.
func (a *Archive) Verify(ctx context.Context, o VerifyOptions) (*Verification, error) {
	v := &Verification{Objects: map[string]int64{}, Open: map[string]int64{}, Problems: []Problem{}, Snapshots: []int{}}
	list, damaged, err := a.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	if o.Snapshot != 0 {
		m, err := a.Manifest(ctx, o.Snapshot)
		if err != nil {
			return nil, err
		}
		list, damaged = []*Manifest{m}, nil
	}
	for _, err := range damaged {
		v.problem(manifestsDir, err)
	}
	pieces := a.union(v, list)
	if err := a.verifyPieces(ctx, v, o, pieces); err != nil {
		return nil, err
	}
	files, err := a.verifyLists(ctx, v, pieces)
	if err != nil {
		return nil, err
	}
	if len(v.Problems) == 0 && len(list) > 0 {
		if err := a.verifyState(ctx, v, list[len(list)-1], files); err != nil {
			return nil, err
		}
	}
	if !o.SkipFiles {
		if err := a.verifyFiles(ctx, v, o, files); err != nil {
			return nil, err
		}
	}
	v.Files = int64(len(files))
	v.OK = len(v.Problems) == 0
	return v, nil
}

// union is the pieces of all snapshots, each once.
func (a *Archive) union(v *Verification, list []*Manifest) (pieces []Piece) {
	sums := map[string]string{}
	for _, m := range list {
		v.Snapshots = append(v.Snapshots, m.Snapshot)
		v.Missing = m.Missing
		v.Names = append(v.Names, manifestName{m.Snapshot, m.Revision, a.Plain()}.String())
		for _, p := range m.Pieces {
			if s, ok := sums[p.Name]; !ok {
				pieces = append(pieces, p)
			} else if s != p.Sum {
				v.problem(p.Name, errors.New("two manifests say that it has different hashes"))
			}
			sums[p.Name] = p.Sum
		}
	}
	for _, p := range pieces {
		v.Names = append(v.Names, p.Name)
	}
	return pieces
}

// checked is what a look at one piece found.
type checked struct {
	problems []error
	sealed   bool
}

func (a *Archive) verifyPieces(ctx context.Context, v *Verification, o VerifyOptions, pieces []Piece) error {
	return ordered(ctx, len(pieces), func(ctx context.Context, i int) (c checked, err error) {
		p := pieces[i]
		if p.Type == Secrets && a.keys.secrets == nil {
			c.sealed = true
			err = a.checkSum(ctx, p)
		} else {
			c.problems, err = a.verifyPiece(ctx, p)
		}
		if chat.IsKind(err, chat.Damaged) {
			return checked{problems: append(c.problems, err), sealed: c.sealed}, nil
		}
		return c, err
	}, func(i int, c checked) error {
		for _, err := range c.problems {
			v.problem(pieces[i].Name, err)
		}
		if c.sealed {
			v.Sealed++
		}
		v.Pieces++
		v.Bytes += pieces[i].Size
		v.Lines += pieces[i].Lines
		if o.Progress != nil {
			o.Progress(v.Pieces, 0, v.Bytes)
		}
		return nil
	})
}

// checkSum compares the hash alone.
func (a *Archive) checkSum(ctx context.Context, p Piece) error {
	r, err := a.store.open(ctx, p.Name)
	if err != nil {
		return a.damaged(p.Name, err)
	}
	defer r.Close() //nolint:errcheck // only read
	s := newSumming(r)
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if s.sum() != p.Sum {
		return a.damaged(p.Name, errors.New("its hash is not the manifest's"))
	}
	return nil
}

// verifyPiece reads all lines of a piece, and adds them up.
func (a *Archive) verifyPiece(ctx context.Context, p Piece) (problems []error, err error) {
	raw, err := a.read(ctx, p)
	if err != nil || p.Type == List {
		return nil, err
	}
	counts, lines := map[Word]chat.Tally{}, int64(0)
	err = eachLine(raw, func(n int64, text []byte) error {
		lines = n
		in, forget, err := decodeLine(text)
		word := wordForget
		switch {
		case errors.Is(err, errNewer):
			return nil
		case err != nil:
			if len(problems) < 10 {
				problems = append(problems, fmt.Errorf("line %d: %w", n, err))
			}
			return nil
		case in.Nonce != nil:
			word = wordNonce
		case !forget:
			word = in.Object.Kind().String()
		}
		bump(counts, word, in.Digest)
		return nil
	})
	if err != nil {
		return problems, a.damaged(p.Name, err)
	}
	if lines != p.Lines {
		problems = append(problems, fmt.Errorf("it has %d lines, and the manifest says %d", lines, p.Lines))
	}
	for word, want := range p.Counts {
		if _, known := kindsByWord[word]; (known || word == wordForget) && counts[word] != want {
			problems = append(problems, fmt.Errorf("it has %d of %s, digests %x+%x, and the manifest says %d, %x+%x", counts[word].Count, word, counts[word].High, counts[word].Low, want.Count, want.High, want.Low))
		}
		delete(counts, word)
	}
	for word, n := range counts {
		problems = append(problems, fmt.Errorf("it has %d of %s, of which the manifest says nothing", n.Count, word))
	}
	return problems, nil
}

// verifyLists reads which files there should be, each once.
func (a *Archive) verifyLists(ctx context.Context, v *Verification, pieces []Piece) (files []fileLine, err error) {
	known := map[string]string{}
	for _, p := range pieces {
		if p.Type != List {
			continue
		}
		err := a.eachFile(ctx, []Piece{p}, func(f fileLine) error {
			if sum, ok := known[f.Name]; !ok {
				files = append(files, f)
				v.Names = append(v.Names, f.Name)
			} else if sum != f.Sum {
				return fmt.Errorf("%s is listed with two hashes", f.Name)
			}
			known[f.Name] = f.Sum
			return nil
		})
		if chat.IsKind(err, chat.Damaged) {
			v.problem(p.Name, err)
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// verifyState looks at a snapshot as a whole: each object as it is last, and
// what refers to what.
func (a *Archive) verifyState(ctx context.Context, v *Verification, m *Manifest, files []fileLine) error {
	pieces := m.of(Segment)
	l, err := a.findLatest(ctx, pieces)
	if err != nil {
		return err
	}
	r := &references{have: map[ref]bool{}, from: map[ref]string{}, bytes: map[string]bool{}}
	for _, f := range files {
		r.bytes[f.Hash] = true
	}
	for _, pass := range []func([]record){r.collect, r.settle} {
		err = ordered(ctx, len(pieces), func(ctx context.Context, i int) ([]record, error) {
			return a.records(ctx, pieces[i], i, l, false)
		}, func(_ int, list []record) error { pass(list); return nil })
		if err != nil {
			return err
		}
	}
	for what := range maps.Values(r.from) {
		v.Open[what]++
	}
	v.Objects = r.counts
	if r.noBytes > m.Missing {
		v.problem(listsDir, fmt.Errorf("%d contents have no bytes in the archive, and the manifest says that %d had none", r.noBytes, m.Missing))
	}
	return nil
}

// references finds what is named and not there. In memory is what is named, but
// messages only if others name them.
type references struct {
	have    map[ref]bool
	from    map[ref]string // what is named, and by what
	bytes   map[string]bool
	counts  map[string]int64
	noBytes int64
}

func (r *references) names(by string, kind chat.Kind, key chat.Key) {
	if id := (ref{kind, key}); !key.IsZero() && !r.have[id] {
		r.from[id] = by + " without its " + kind.String()
	}
}

// collect notes what there is, but messages, and what is named.
func (r *references) collect(list []record) {
	if r.counts == nil {
		r.counts = map[string]int64{}
	}
	for i := range list {
		in := &list[i]
		if in.err != nil || in.Object == nil {
			continue
		}
		r.counts[in.Object.Kind().String()]++
		if in.ref.kind != chat.KindMessage {
			r.have[in.ref] = true
			delete(r.from, in.ref)
		}
		if !in.Object.Deleted() {
			r.named(in.Object)
		}
	}
}

func (r *references) named(o chat.Object) {
	switch o := o.(type) {
	case *chat.Message:
		r.names("message", chat.KindRoom, o.Room.Key())
		r.names("message", chat.KindUser, o.Author.Key())
		r.names("reply", chat.KindMessage, o.Thread.Key())
		for _, f := range o.Files {
			r.names("message", chat.KindFile, f.Key())
		}
	case *chat.Member:
		r.names("member", chat.KindRoom, o.Room.Key())
		r.names("member", chat.KindUser, o.User.Key())
	case *chat.File:
		r.names("file", chat.KindMessage, o.Message.Key())
	case *chat.Reaction:
		r.names("reaction", chat.KindMessage, o.Message.Key())
		r.names("reaction", chat.KindUser, o.User.Key())
	case *chat.Pin:
		r.names("pin", chat.KindMessage, o.Message.Key())
	case *chat.Emoticon:
		r.names("emoticon", chat.KindContent, o.Content.Key())
	case *chat.User:
		r.names("avatar", chat.KindContent, o.Avatar.Key())
	case *chat.Content:
		if o.Hash != "" && !r.bytes[o.Hash] {
			r.noBytes++
			r.bytes[o.Hash] = true
		}
	}
}

// settle takes the messages that are there out of what is missing.
func (r *references) settle(list []record) {
	for i := range list {
		if list[i].Object != nil && len(r.from) > 0 {
			delete(r.from, list[i].ref)
		}
	}
}

// verifyFiles reads the bytes of all files: the hash of the piece, and of what
// is in it.
func (a *Archive) verifyFiles(ctx context.Context, v *Verification, o VerifyOptions, files []fileLine) error {
	var total atomic.Int64
	return ordered(ctx, len(files), func(ctx context.Context, i int) (error, error) { //nolint:staticcheck // the first is a finding
		err := a.verifyFile(ctx, files[i], &total)
		if chat.IsKind(err, chat.Damaged) {
			return err, nil
		}
		return nil, err
	}, func(i int, found error) error {
		if found != nil {
			v.problem(files[i].Name, found)
		}
		v.FileBytes = total.Load()
		if o.Progress != nil {
			o.Progress(v.Pieces, int64(i+1), v.Bytes+v.FileBytes)
		}
		return nil
	})
}

func (a *Archive) verifyFile(ctx context.Context, f fileLine, total *atomic.Int64) error {
	if err := a.checkSum(ctx, Piece{Name: f.Name, Sum: f.Sum}); err != nil {
		return err
	}
	r, err := a.openFile(ctx, f)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	h := sha256.New()
	n, err := io.Copy(h, r)
	total.Add(n)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.Hash {
		return a.damaged(f.Name, fmt.Errorf("it has %d bytes of another hash than that of its %d", n, f.Size))
	}
	return nil
}

// Words lists the kinds in it, in order.
func (v *Verification) Words() []string { return slices.Sorted(maps.Keys(v.Objects)) }
