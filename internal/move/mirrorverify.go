package move

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// verified is what is known of how equal the two places are.
type verified struct {
	mu     sync.Mutex
	round  int
	clean  time.Time          // when the last round began that found nothing; zero: there is none
	left   []Difference       // of the last round
	gone   map[string]bool    // hashes whose bytes the place that writes has not got either
	mended map[chat.Ref]bool  // whose stored digest was made again
	stale  map[chat.Kind]bool // of which the source has a wrong digest stored
	wake   chan struct{}      // a round is wanted now
	rounds time.Duration      // what the last one took
}

func (v *verified) init() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wake == nil {
		v.wake, v.gone = make(chan struct{}, 1), map[string]bool{}
		v.mended, v.stale = map[chat.Ref]bool{}, map[chat.Kind]bool{}
	}
}

// dirty forgets that a round was clean.
func (v *verified) dirty() {
	v.init()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clean = time.Time{}
	v.ask()
}

func (v *verified) ask() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *verified) lost(hash string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.gone[hash]
}

func (v *verified) since() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.clean
}

// roundEvery is how long after a clean round the next one begins. Between
// them what comes is looked at one by one.
const roundEvery = 10 * time.Minute

// checkAll compares the two places round by round, until it is stopped.
func (f *Flight) checkAll(ctx context.Context) error {
	f.verified.init()
	for {
		if err := f.mayCheck(ctx); err != nil {
			return nil // it was stopped
		}
		select {
		case <-f.verified.wake: // this round is the one that was asked for
		default:
		}
		clean, err := f.round(ctx, chat.L2)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !passes(err):
			return err
		case err != nil:
			f.problem(err)
		}
		next := time.Second
		if clean {
			next = roundEvery
		}
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-f.verified.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// mayCheck waits while rounds are not wanted.
func (f *Flight) mayCheck(ctx context.Context) error {
	for f.isPaused() || f.isHushed() || f.knob().verify == "off" && !f.wanted() {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// wanted reports whether somebody asked for a round.
func (f *Flight) wanted() bool {
	f.knobsMu.Lock()
	defer f.knobsMu.Unlock()
	return f.wantRound
}

// partMessages is about how many messages are compared in one step of a round.
const partMessages = 200_000

// round compares all of both places, and repairs what differs. It reports
// whether nothing did.
func (f *Flight) round(ctx context.Context, level chat.Level) (clean bool, err error) {
	began := f.beginRound(level)
	v := &Verification{Level: fmt.Sprintf("L%d", level)}
	f.verified.mu.Lock()
	f.verified.round++
	n := f.verified.round
	f.verified.mu.Unlock()
	f.board.edit(func(s *Status) { s.Verify.Round, s.Verify.Level, s.Verify.Done = n, v.Level, 0 })
	parts, err := f.parts(ctx, level, began.Next)
	if err != nil {
		return false, err
	}
	var left []Difference
	for i, part := range parts {
		worked := time.Now()
		rest, err := f.compareQuietly(ctx, level, part, v)
		if err != nil {
			return false, err
		}
		left = append(left, rest...)
		if err := f.noteRound(began, part.Until, v.Repaired == 0 && len(left) == 0); err != nil {
			return false, err
		}
		f.board.edit(func(s *Status) { s.Verify.Done = float64(i+1) / float64(len(parts)) })
		if d, why := f.govern.rest(time.Since(worked), time.Now()); d > 0 {
			f.board.waits(why)
			err = pause(ctx, d)
			f.board.waits("")
			if err != nil {
				return false, err
			}
		}
	}
	clean = f.endRound(began.Began, v, left)
	err = f.log.edit(func(j *flightJournal) {
		if j.Round = nil; clean {
			j.Clean = &began
		}
	})
	return clean, firstOf(err, f.step("round"))
}

// compareQuietly compares a part, and begins anew with it if a hand-over comes
// between.
func (f *Flight) compareQuietly(ctx context.Context, level chat.Level, part *chat.TallyPart, v *Verification) ([]Difference, error) {
	for {
		if err := f.mayCheck(ctx); err != nil {
			return nil, err
		}
		one, cancel := context.WithCancel(ctx)
		f.quiet.Lock()
		f.knobsMu.Lock()
		f.stopPart = cancel
		f.knobsMu.Unlock()
		now := *v
		rest, err := f.comparePart(one, level, part, &now)
		f.quiet.Unlock()
		stopped := one.Err() != nil
		cancel()
		if err != nil && stopped && ctx.Err() == nil {
			continue
		}
		*v = now
		return rest, err
	}
}

// hush stops the verification until the func is called.
func (f *Flight) hush() (on func()) {
	f.knobsMu.Lock()
	f.hushed = true
	if f.stopPart != nil {
		f.stopPart()
	}
	f.knobsMu.Unlock()
	f.quiet.Lock()
	return func() {
		f.knobsMu.Lock()
		f.hushed = false
		f.knobsMu.Unlock()
		f.quiet.Unlock()
	}
}

func (f *Flight) isHushed() bool {
	f.knobsMu.Lock()
	defer f.knobsMu.Unlock()
	return f.hushed
}

// storedOnly finds objects whose stored digests differ although their rows are
// the same: a damage that only the gate would see, where it must not stop
// anybody. It happens at one of the places, to a digest.
func (f *Flight) storedOnly(ctx context.Context, part *chat.TallyPart, level chat.Level) ([]Difference, error) {
	if level <= chat.L1 {
		return nil, nil
	}
	source, target, err := f.sums(ctx, chat.TallyQuery{Mirror: true, Level: chat.L1, Part: part})
	if err != nil {
		return nil, err
	}
	list, err := f.pinDown(ctx, source, target, chat.L1)
	for i := range list {
		list[i].Problem = digestOnly
	}
	for try := 0; err == nil && len(list) > 0 && try < 2; try++ { // what was on its way is not in the next look
		if err = pause(ctx, 2*followEvery); err != nil {
			break
		}
		var again []Difference
		if source, target, err = f.sums(ctx, chat.TallyQuery{Mirror: true, Level: chat.L1, Part: part}); err != nil {
			break
		}
		if again, err = f.pinDown(ctx, source, target, chat.L1); err != nil {
			break
		}
		for i := range again {
			again[i].Problem = digestOnly
		}
		list = slices.DeleteFunc(list, func(d Difference) bool { return !slices.Contains(again, d) })
	}
	return slices.DeleteFunc(list, f.staleAtSource), err
}

// staleAtSource keeps an object for the repair, once. If it is found again the
// wrong digest is the source's, which a mover does not change: then sums of
// its kind say nothing, and the gate goes by what it looks at one by one.
func (f *Flight) staleAtSource(d Difference) bool {
	v := &f.verified
	v.mu.Lock()
	defer v.mu.Unlock()
	ref := chat.Ref{Kind: d.Object, Key: d.Key}
	if v.mended[ref] {
		if !v.stale[d.Object] {
			v.stale[d.Object] = true
			f.board.say(fmt.Sprintf("the %s %s has a wrong digest where it comes from; the object itself is right, and the same at both places", d.Object, d.Key))
		}
		return true
	}
	v.mended[ref] = true
	return false
}

// sumsSay leaves of a part what sums say something about.
func (f *Flight) sumsSay(p *chat.TallyPart) *chat.TallyPart {
	v := &f.verified
	v.mu.Lock()
	defer v.mu.Unlock()
	out := *p
	out.Rooms = p.Rooms && !v.stale[chat.KindMessage]
	out.Kinds = slices.DeleteFunc(slices.Clone(p.Kinds), func(k chat.Kind) bool { return v.stale[k] })
	return &out
}

// digestOnly is the problem of an object whose row is right, and the digest
// that is stored with it is not.
const digestOnly = "digest"

// endRound notes how a round ended.
func (f *Flight) endRound(began time.Time, v *Verification, left []Difference) (clean bool) {
	took := time.Since(began)
	v.Differences = int64(len(left))
	v.List = append(v.List, left[:min(len(left), listed)]...)
	clean = len(left) == 0 && v.Repaired == 0 && f.touched.clean()
	f.verified.mu.Lock()
	f.verified.left, f.verified.rounds = left, took
	if clean {
		f.verified.clean = began
	}
	f.verified.mu.Unlock()
	f.knobsMu.Lock()
	f.wantRound = f.wantRound && !clean
	f.knobsMu.Unlock()
	f.board.edit(func(s *Status) {
		s.Verify.Done, s.Verify.Differences, s.Verify.Took = 1, v.Differences, took.Seconds()
		s.Verify.Repaired += v.Repaired
		if clean {
			s.Verify.Clean = &began
		}
	})
	f.withReport(func(r *Report) {
		repaired := r.Verify.Repaired + v.Repaired
		list := r.Verify.List
		r.Verify = *v
		r.Verify.Repaired = repaired
		if len(v.List) == 0 && repaired > 0 {
			r.Verify.List = list
		}
		r.Verify.Classes = classes(v.Level)
	})
	return clean
}

// beginRound begins a round, or goes on with the one that a mover before this
// one did not end.
func (f *Flight) beginRound(level chat.Level) checked {
	f.touched.begin()
	if r := f.resumed; r != nil && r.Level == level {
		f.resumed = nil
		return *r
	}
	f.resumed = nil
	return checked{Began: time.Now().UTC(), Turn: f.way.turn, From: f.in.words(), Level: level}
}

// noteRound keeps how far a round has come. One that has found something is
// not gone on with: another one must find nothing.
func (f *Flight) noteRound(r checked, next chat.RoomID, clean bool) error {
	if f.LookOnly {
		return nil
	}
	return f.log.edit(func(j *flightJournal) {
		if j.Round = nil; clean && !next.IsZero() {
			r.Next = next
			j.Round = &r
		}
	})
}

// forget forgets which rounds were clean.
func (f *Flight) forget() {
	if err := f.log.edit(func(j *flightJournal) { j.Clean, j.Round = nil, nil }); err != nil {
		f.Log.Warn("journal", "err", err)
	}
}

// remember makes good what a mover before this one knew: which round was
// clean, how far the next one came, and what has come since.
func (f *Flight) remember(ctx context.Context) error {
	j := f.log.read()
	from := ""
	for _, c := range []*checked{j.Round, j.Clean} { // the clean one is the older
		if c != nil && c.Turn == f.way.turn {
			from = c.From
		}
	}
	at, err := chat.ParseCursor(from)
	if err != nil || at.LogID != f.way.writer.at.LogID || f.touched.known() {
		return nil
	}
	f.touched.begin()
	var list []chat.Incoming
	for item, err := range f.way.writer.party.Changes(ctx, from) {
		if err != nil {
			return err
		}
		if item.Pos > 0 && item.Pos <= at.Pos { // it was set back: nothing is known
			f.touched.reset()
			return nil
		}
		if list = append(list, item.Incoming); len(list) >= idleBatch {
			f.touched.add(list)
			list = list[:0]
		}
	}
	f.touched.add(list)
	if c := j.Clean; c != nil && c.Turn == f.way.turn && f.touched.known() {
		f.verified.mu.Lock()
		f.verified.clean = c.Began
		f.verified.mu.Unlock()
		f.board.edit(func(s *Status) { s.Verify.Clean = &c.Began })
	}
	if j.Round != nil && j.Round.Turn == f.way.turn {
		f.resumed = j.Round
	}
	return nil
}

// parts cuts what there is of a place from a room on into parts of about as
// many messages.
func (f *Flight) parts(ctx context.Context, level chat.Level, from chat.RoomID) ([]*chat.TallyPart, error) {
	inv, _, err := f.way.writer.party.Mirror(ctx, chat.TallyQuery{Mirror: true, Level: chat.L1, Part: &chat.TallyPart{Rooms: true}})
	if err != nil {
		return nil, err
	}
	rooms := make([]chat.RoomID, 0, len(inv.Rooms))
	for r := range inv.Rooms {
		if slices.Compare(r[:], from[:]) >= 0 {
			rooms = append(rooms, r)
		}
	}
	slices.SortFunc(rooms, func(a, b chat.RoomID) int { return slices.Compare(a[:], b[:]) })
	var list []*chat.TallyPart
	part, n := &chat.TallyPart{Rooms: true, From: from}, int64(0)
	for _, r := range rooms {
		if n > 0 && n+inv.Rooms[r].Count > partMessages {
			part.Until = r
			list = append(list, part)
			part, n = &chat.TallyPart{Rooms: true, From: r}, 0
		}
		n += inv.Rooms[r].Count
	}
	list = append(list, part)
	if len(list) == 1 && level < chat.L3 {
		list[0].Kinds = allKinds()
		return list, nil
	}
	return append(list, &chat.TallyPart{Kinds: allKinds()}), nil
}

func allKinds() (list []chat.Kind) {
	for _, group := range gateKinds {
		list = append(list, group...)
	}
	return list
}

// settleTries is how often what differs is looked at again before it counts:
// it may have been on its way.
const settleTries = 20

// comparePart compares a part of both places, both ways, and repairs what
// differs. It returns what could not be repaired.
func (f *Flight) comparePart(ctx context.Context, level chat.Level, part *chat.TallyPart, v *Verification) ([]Difference, error) {
	q := chat.TallyQuery{Mirror: true, Level: level, Part: part}
	if level == chat.L3 && len(part.Kinds) == 0 {
		q.Level = chat.L2 // bytes are looked at once, with the contents
	}
	source, target, err := f.sums(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, t := range source.Rooms {
		v.Rooms++
		v.Messages += t.Count
	}
	for _, t := range source.Kinds {
		v.Objects += t.Count
	}
	list, err := f.pinDown(ctx, source, target, q.Level)
	if err != nil {
		return nil, err
	}
	if list, err = f.real(ctx, list); err != nil {
		return nil, err
	}
	stored, err := f.storedOnly(ctx, part, q.Level)
	if err != nil {
		return nil, err
	}
	if list = append(list, stored...); len(list) == 0 {
		return nil, nil
	}
	for _, d := range list {
		f.Log.Warn("difference", "move", f.Name, "kind", d.Object.String(), "key", d.Key.String(), "problem", d.Problem)
	}
	if f.LookOnly {
		return list, nil
	}
	if err := f.repair(ctx, list); err != nil {
		return nil, err
	}
	left, err := f.real(ctx, slices.DeleteFunc(slices.Clone(list), func(d Difference) bool {
		// The place that took them has hashed these bytes itself.
		return d.Problem == badBytes && !f.verified.lost(d.Day) || d.Problem == digestOnly
	}))
	if err != nil {
		return nil, err
	}
	still := map[Difference]bool{}
	for _, d := range left {
		d.Problem = ""
		still[d] = true
	}
	for _, d := range list {
		same := d
		if same.Problem = ""; !still[same] {
			v.Repaired++
			v.List = append(v.List, mendedOf([]Difference{d}, listed-len(v.List))...)
		}
	}
	return left, nil
}

// pinDown goes from kinds and rooms that differ down to objects.
func (f *Flight) pinDown(ctx context.Context, source, target chat.Inventory, level chat.Level) (list []Difference, err error) {
	q := chat.TallyQuery{Mirror: true, Level: min(level, chat.L2), Part: &chat.TallyPart{}}
	for _, k := range unionKeys(source.Kinds, target.Kinds) {
		if source.Kinds[k] != target.Kinds[k] {
			q.Kinds = append(q.Kinds, k)
		}
	}
	var rooms []chat.RoomID
	for _, r := range unionKeys(source.Rooms, target.Rooms) {
		if source.Rooms[r] != target.Rooms[r] {
			rooms = append(rooms, r)
		}
	}
	q.Days = rooms
	for _, hash := range target.Bad {
		if slices.Contains(source.Bad, hash) {
			f.verified.mu.Lock()
			f.verified.gone[hash] = true
			f.verified.mu.Unlock()
			continue
		}
		list = append(list, Difference{Object: chat.KindContent, Problem: badBytes, Day: hash})
	}
	if len(q.Kinds)+len(q.Days) == 0 {
		return list, nil
	}
	s, t, err := f.sums(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, k := range q.Kinds {
		list = append(list, differences(k, chat.RoomID{}, s.Each[k], t.Each[k])...)
	}
	if len(rooms) == 0 {
		return list, nil
	}
	days := differingDays(s, t, rooms, drillLimit)
	if len(days) == 0 {
		return list, nil
	}
	s, t, err = f.sums(ctx, chat.TallyQuery{Mirror: true, Level: q.Level, Part: &chat.TallyPart{}, Lists: days})
	if err != nil {
		return nil, err
	}
	for _, r := range rooms {
		list = append(list, differences(chat.KindMessage, r, s.Lists[r], t.Lists[r])...)
	}
	return list, nil
}

// real leaves of a list what differs although it is not on its way.
func (f *Flight) real(ctx context.Context, list []Difference) (out []Difference, err error) {
	for try := 0; len(list) > 0; try++ {
		var moving []Difference
		byKind := map[chat.Kind][]Difference{}
		for _, d := range list {
			if d.Problem == badBytes {
				out = append(out, d)
				continue
			}
			byKind[d.Object] = append(byKind[d.Object], d)
		}
		for kind, all := range byKind {
			for part := range slices.Chunk(all, standAtOnce) {
				differ, later, err := f.realOf(ctx, kind, part)
				if err != nil {
					return nil, err
				}
				out, moving = append(out, differ...), append(moving, later...)
			}
		}
		// What is still on its way comes with a pass, and is looked at then.
		if list = moving; try >= settleTries {
			return out, nil
		}
		if len(list) > 0 {
			if err := pause(ctx, followEvery); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (f *Flight) realOf(ctx context.Context, kind chat.Kind, list []Difference) (differ, moving []Difference, err error) {
	keys := make([]chat.Key, len(list))
	for i, d := range list {
		keys[i] = d.Key
	}
	// In this order: what the place that writes last did to an object by the
	// position that the other one had reached before it was asked is there.
	reached, err := f.reached(ctx)
	if err != nil {
		return nil, nil, err
	}
	there, err := f.way.follower.party.Stand(ctx, kind, keys)
	if err != nil {
		return nil, nil, err
	}
	here, err := f.way.writer.party.Stand(ctx, kind, keys)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range list {
		s, is := here[d.Key]
		t, was := there[d.Key]
		switch {
		case is == was && s.Digest == t.Digest:
		case s.Pos > reached:
			moving = append(moving, d)
		default:
			d.Problem = problemOf(is, was)
			differ = append(differ, d)
		}
	}
	return differ, moving, nil
}

// repair makes objects at the place that follows so as the other one has
// them, by the way that everything comes.
func (f *Flight) repair(ctx context.Context, list []Difference) error {
	b := chat.Batch{Mend: true, Counts: chat.Counts{}}
	var contents []*chat.Content
	damaged := map[string]bool{}
	for _, d := range list {
		if d.Problem == badBytes {
			damaged[d.Day] = true
		}
	}
	byKind := map[chat.Kind][]chat.Key{}
	for _, d := range list {
		if d.Problem != badBytes {
			byKind[d.Object] = append(byKind[d.Object], d.Key)
		}
	}
	for kind, keys := range byKind {
		for part := range slices.Chunk(keys, standAtOnce) {
			stands, err := f.way.writer.party.Stand(ctx, kind, part)
			if err != nil {
				return err
			}
			for _, k := range part {
				st, ok := stands[k]
				if !ok {
					b.Items = append(b.Items, chat.Incoming{Absent: &chat.Ref{Kind: kind, Key: k}})
					continue
				}
				item, err := f.fetch(ctx, st.Pos)
				if err != nil {
					return err
				}
				if item != nil {
					b.Items = append(b.Items, *item)
				}
			}
		}
	}
	for _, i := range b.Items {
		if c, ok := i.Object.(*chat.Content); ok && !c.Gone && c.Hash != "" {
			contents = append(contents, c)
		}
	}
	lost, err := f.copyContents(ctx, contents, false)
	if err != nil {
		return err
	}
	bytes, more, err := f.repairBytes(ctx, damaged)
	if err != nil {
		return err
	}
	b.Notes, b.Items = append(lost, more...), append(b.Items, bytes...)
	for _, n := range b.Notes {
		f.verified.mu.Lock()
		f.verified.gone[n.Where] = true
		f.verified.mu.Unlock()
	}
	if len(b.Items) == 0 {
		return nil
	}
	for part := range slices.Chunk(b.Items, idleBatch) {
		one := b
		one.Items = part
		if _, err := f.in.apply(ctx, one); err != nil {
			return err
		}
		f.touched.add(part)
		b.Notes = nil
	}
	return f.step("repaired")
}

// fetch reads the object that was last changed at a position; nil if it has
// moved on, and comes with a pass.
func (f *Flight) fetch(ctx context.Context, pos chat.Position) (*chat.Incoming, error) {
	at := f.way.writer.at
	after := chat.Cursor{LogID: at.LogID, Epoch: at.Epoch, Pos: pos - 1}.String()
	for item, err := range f.way.writer.party.Changes(ctx, after) {
		if err != nil {
			return nil, err
		}
		if item.Pos > pos {
			return nil, nil
		}
		if item.Pos == pos && (item.Object != nil || item.Sealed != nil) {
			in := item.Incoming
			return &in, nil
		}
	}
	return nil, nil
}

// repairBytes copies files again whose bytes are damaged, and returns their
// contents: bytes are safe once their content was applied.
func (f *Flight) repairBytes(ctx context.Context, hashes map[string]bool) (items []chat.Incoming, lost []chat.Note, err error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	var contents []*chat.Content
	for item, err := range f.way.writer.party.Changes(ctx, "") {
		if err != nil {
			return nil, nil, err
		}
		if c, ok := item.Object.(*chat.Content); ok && hashes[c.Hash] {
			contents, items = append(contents, c), append(items, item.Incoming)
		}
	}
	lost, err = f.copyContents(ctx, contents, true)
	return items, lost, err
}

// classes are the kinds of damage that a level of the verification finds.
func classes(level string) []string {
	list := []string{"missing objects", "extra objects", "changed or doubled messages", "messages in another place or order", "wrong authors",
		"lost reactions and pins", "members", "who may read a room", "read marks", "passwords, sessions and tokens"}
	switch level {
	case "L1":
		return append(list, "by stored digests: damage to a row behind its digest is not seen")
	case "L3":
		return append(list, "missing or damaged bytes of files")
	}
	return append(list, "damage to rows behind their digests")
}
