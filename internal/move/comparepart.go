package move

import (
	"context"
	"fmt"
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
)

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
