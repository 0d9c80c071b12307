package move

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

// touched is what came over and is not proved yet: neither by a round that
// began after it came, nor by a look at it. Its methods may be called at once.
type touched struct {
	mu    sync.Mutex
	on    bool // a round has begun
	old   map[chat.Ref]chat.Position
	young map[chat.Ref]chat.Position // since the round began that runs
	files map[string]int64           // contents among them, with their sizes
	over  bool                       // more than can be kept: another round must begin
}

// mostTouched bounds the memory of it.
const mostTouched = 400_000

func (t *touched) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on, t.over = false, false
	t.old, t.young, t.files = nil, nil, nil
}

// begin is for when a round begins: what comes from now on it may not see.
func (t *touched) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on || t.over {
		t.old = map[chat.Ref]chat.Position{}
		t.files = map[string]int64{}
	}
	for r, p := range t.young {
		t.old[r] = p
	}
	t.young = map[chat.Ref]chat.Position{}
	t.on, t.over = true, false
}

// known reports whether all that has come since some round began is known.
func (t *touched) known() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.on && !t.over
}

// clean is for when a round has found nothing. It reports whether all that
// came since it began is known.
func (t *touched) clean() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on || t.over {
		return false
	}
	t.old = map[chat.Ref]chat.Position{}
	return true
}

func (t *touched) add(items []chat.Incoming) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on || t.over {
		return
	}
	for _, i := range items {
		switch {
		case i.Object != nil:
			t.young[chat.Ref{Kind: i.Object.Kind(), Key: i.Object.Key()}] = i.Pos
			if c, ok := i.Object.(*chat.Content); ok && !c.Gone && c.Hash != "" {
				t.files[c.Hash] = c.Size
			}
		case i.Absent != nil:
			t.young[*i.Absent] = i.Pos
		}
	}
	if len(t.young)+len(t.old) > mostTouched {
		t.over, t.old, t.young, t.files = true, nil, nil, nil
	}
}

// list returns what is not proved, by kind.
func (t *touched) list() (all map[chat.Ref]chat.Position, files []string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all = make(map[chat.Ref]chat.Position, len(t.old)+len(t.young))
	for _, m := range []map[chat.Ref]chat.Position{t.old, t.young} {
		for r, p := range m {
			all[r] = p
		}
	}
	for h := range t.files {
		files = append(files, h)
	}
	return all, files, t.on && !t.over
}

// proved takes out what was found equal, unless it came again meanwhile.
func (t *touched) proved(refs map[chat.Ref]chat.Position, files []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r, p := range refs {
		for _, m := range []map[chat.Ref]chat.Position{t.old, t.young} {
			if at, there := m[r]; there && at <= p {
				delete(m, r)
			}
		}
	}
	for _, h := range files {
		delete(t.files, h)
	}
}

// look compares what is touched at both places. Objects on their way are
// left; frozen says that there are none. Nothing may be applied meanwhile.
func (f *Flight) look(ctx context.Context, frozen bool) (differ []Difference, err error) {
	refs, files, ok := f.touched.list()
	if !ok {
		return nil, chat.Errorf(chat.Unavailable, "more came than could be compared one by one").WithHint("wait for the next round of the verification")
	}
	byKind := map[chat.Kind][]chat.Key{}
	for r := range refs {
		byKind[r.Kind] = append(byKind[r.Kind], r.Key)
	}
	equal := map[chat.Ref]chat.Position{}
	reached := f.in.at().Pos
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for kind, keys := range byKind {
		for len(keys) > 0 {
			part := keys[:min(len(keys), standAtOnce)]
			keys = keys[len(part):]
			g.Go(func() error {
				here, there, err := f.stands(gctx, kind, part)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				for _, k := range part {
					s, t := here[k], there[k]
					_, is := here[k]
					_, was := there[k]
					switch {
					case is == was && s.Digest == t.Digest:
						equal[chat.Ref{Kind: kind, Key: k}] = refs[chat.Ref{Kind: kind, Key: k}]
					case !frozen && s.Pos > reached:
					default:
						differ = append(differ, Difference{Object: kind, Key: k, Problem: problemOf(is, was)})
					}
				}
				return nil
			})
		}
	}
	g.Go(func() error {
		if len(files) == 0 {
			return nil
		}
		lacks, err := f.way.follower.party.Lacks(gctx, files)
		mu.Lock()
		defer mu.Unlock()
		for h := range lacks {
			if !f.verified.lost(h) {
				differ = append(differ, Difference{Object: chat.KindContent, Day: h, Problem: badBytes})
			}
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	f.touched.proved(equal, files)
	return differ, nil
}

// standAtOnce is how many objects are asked for in one call.
const standAtOnce = 5000

func problemOf(source, target bool) string {
	switch {
	case !target:
		return missing
	case !source:
		return extra
	}
	return different
}

// stands asks both places at once for how some objects are.
func (f *Flight) stands(ctx context.Context, kind chat.Kind, keys []chat.Key) (source, target map[chat.Key]chat.Stand, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		source, err = f.way.writer.party.Stand(ctx, kind, keys)
		return err
	})
	g.Go(func() (err error) {
		target, err = f.way.follower.party.Stand(ctx, kind, keys)
		return err
	})
	return source, target, g.Wait()
}

// gateKinds are what is added up whole at the gate, whatever was touched, as
// far as there is time for it; the first ones always.
var gateKinds = [][]chat.Kind{
	secretKinds(),
	{chat.KindUser, chat.KindRoom, chat.KindMember, chat.KindReadMark, chat.KindTold, chat.KindSetting, chat.KindIntegration, chat.KindDirectory},
	restKinds(),
}

func secretKinds() (list []chat.Kind) {
	for _, k := range chat.Kinds() {
		if k.Secret() && k.Mirrored() {
			list = append(list, k)
		}
	}
	return list
}

func restKinds() (list []chat.Kind) {
	some := map[chat.Kind]bool{chat.KindUser: true, chat.KindRoom: true, chat.KindMember: true, chat.KindReadMark: true, chat.KindTold: true,
		chat.KindSetting: true, chat.KindIntegration: true, chat.KindDirectory: true, chat.KindMessage: true}
	for _, k := range chat.Kinds() {
		if !k.Secret() && k.Mirrored() && !some[k] {
			list = append(list, k)
		}
	}
	return list
}

// gateCost is what the parts of the gate took when they were tried without
// anybody waiting.
type gateCost struct {
	groups [3]time.Duration // of gateKinds
	rooms  time.Duration    // stored digests of all messages
	tried  bool
}

// gateTime is how much of a pause the whole sums may take together.
const gateTime = 300 * time.Millisecond

// gatePart is what the gate adds up whole: what fits into the time for it.
func (c *gateCost) part(budget time.Duration) *chat.TallyPart {
	p := &chat.TallyPart{Kinds: gateKinds[0]}
	left := budget - c.groups[0]
	for i := 1; i < len(gateKinds); i++ {
		if c.tried && c.groups[i] <= left {
			p.Kinds = append(p.Kinds[:len(p.Kinds):len(p.Kinds)], gateKinds[i]...)
			left -= c.groups[i]
		}
	}
	if c.tried && c.rooms <= left {
		p.Rooms = true
	}
	return p
}

// tryGate measures what the gate costs, while people write.
func (f *Flight) tryGate(ctx context.Context) (c gateCost, err error) {
	for i, kinds := range gateKinds {
		if c.groups[i], err = f.timeSums(ctx, &chat.TallyPart{Kinds: kinds}); err != nil {
			return c, err
		}
	}
	c.rooms, err = f.timeSums(ctx, &chat.TallyPart{Rooms: true})
	c.tried = err == nil
	return c, err
}

func (f *Flight) timeSums(ctx context.Context, p *chat.TallyPart) (time.Duration, error) {
	began := time.Now()
	_, _, err := f.sums(ctx, chat.TallyQuery{Mirror: true, Level: chat.L1, Part: p})
	return time.Since(began), err
}

// sums adds both places up at once.
func (f *Flight) sums(ctx context.Context, q chat.TallyQuery) (source, target chat.Inventory, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		source, _, err = f.way.writer.party.Mirror(ctx, q)
		return err
	})
	g.Go(func() (err error) {
		target, _, err = f.way.follower.party.Mirror(ctx, q)
		return err
	})
	return source, target, g.Wait()
}

// gate proves, while nobody writes, that the place that follows is what the
// other one is: all that came since the last clean round one by one, and
// whole kinds by their sums.
func (f *Flight) gate(ctx context.Context, part *chat.TallyPart) ([]Difference, error) {
	var one, whole []Difference
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		one, err = f.look(gctx, true)
		return err
	})
	g.Go(func() error {
		s, t, err := f.sums(gctx, chat.TallyQuery{Mirror: true, Level: chat.L1, Part: part})
		if err != nil {
			return err
		}
		for _, k := range unionKeys(s.Kinds, t.Kinds) {
			if s.Kinds[k] != t.Kinds[k] {
				whole = append(whole, Difference{Object: k, Problem: different})
			}
		}
		for _, r := range unionKeys(s.Rooms, t.Rooms) {
			if s.Rooms[r] != t.Rooms[r] {
				whole = append(whole, Difference{Object: chat.KindMessage, Room: r.Key(), Problem: different})
			}
		}
		return nil
	})
	err := g.Wait()
	return append(one, whole...), err
}
