package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	mendRounds = 3       // of comparing and mending, before what is left is reported
	drillLimit = 200_000 // messages that are compared one by one in a round
)

// verify compares both ends, both ways, and mends what differs through the
// same way in that everything came.
func (j *Job) verify(ctx context.Context) error {
	v := &Verification{Level: fmt.Sprintf("L%d", j.Level)}
	j.report.Verify = *v
	var without missingList
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		without, err = j.listMissing(gctx)
		return err
	})
	if err := errors.Join(j.compareAndMend(ctx, v), g.Wait()); err != nil {
		return err
	}
	j.report.Verify = *v
	if v.Repaired > 0 {
		return j.missingFiles(ctx)
	}
	j.report.Missing, j.report.FilesMissing = without.count, without.first
	return nil
}

func (j *Job) compareAndMend(ctx context.Context, v *Verification) error {
	for round := 1; ; round++ {
		source, target, err := j.inventories(ctx, chat.TallyQuery{Source: j.about.Name, Level: j.Level})
		if err != nil {
			return err
		}
		j.measure(v, source, target)
		found := j.compare(source, target)
		v.Differences = 0
		if found.empty() {
			return nil
		}
		list, err := j.drill(ctx, found)
		if err != nil {
			return err
		}
		if list = j.keepOld(v, list); len(list) == 0 {
			return nil
		}
		v.Differences = int64(len(list))
		if round > mendRounds {
			v.List = append(v.List, list[:min(len(list), listed)]...)
			return nil
		}
		mended, err := j.mend(ctx, list)
		if err != nil {
			return err
		}
		v.Repaired += mended
		if mended == 0 {
			v.List = append(v.List, list[:min(len(list), listed)]...)
			return nil
		}
		v.List = append(v.List, mendedOf(list, listed-len(v.List))...)
		if err := j.step("mended"); err != nil {
			return err
		}
	}
}

// Verify compares both ends and changes neither. What differs is in the
// report; an import mends it.
func (j *Job) Verify(ctx context.Context) (*Report, error) {
	j.start()
	defer j.watch()()
	j.meter.enter("verify")
	j.report.enter("verify")
	st, err := j.Target.Move(ctx, j.Name)
	if chat.IsKind(err, chat.NotFound) {
		return nil, chat.Errorf(chat.NotFound, "nothing was moved into %s under the name %s", j.To, j.Name).
			WithHint("import it first: godwit import %s %s", j.From, j.To)
	}
	if err != nil {
		return nil, err
	}
	j.state, j.report.Run = st, st.Run
	v := &Verification{Level: fmt.Sprintf("L%d", j.Level)}
	source, target, err := j.inventories(ctx, chat.TallyQuery{Source: j.about.Name, Level: j.Level})
	if err != nil {
		return nil, err
	}
	j.measure(v, source, target)
	if found := j.compare(source, target); !found.empty() {
		list, err := j.drill(ctx, found)
		if err != nil {
			return nil, err
		}
		list = j.keepOld(v, list)
		v.Differences, v.List = int64(len(list)), list[:min(len(list), listed)]
	}
	j.report.Verify = *v
	if err := j.missingFiles(ctx); err != nil {
		return nil, err
	}
	j.report.leave(j.meter.waited())
	return j.report, j.conclude(ctx, st)
}

// inventories asks both ends at once.
func (j *Job) inventories(ctx context.Context, q chat.TallyQuery) (source, target chat.Inventory, err error) {
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		source, err = j.Source.Inventory(ctx, q)
		j.meter.waitedFor("source", time.Since(began))
		return err
	})
	g.Go(func() (err error) {
		target, err = j.Target.Tally(ctx, q)
		j.meter.waitedFor("target", time.Since(began))
		return err
	})
	return source, target, g.Wait()
}

// measure notes how much was compared, and whether all records of the source
// are accounted for.
func (j *Job) measure(v *Verification, source, target chat.Inventory) {
	v.Rooms, v.Messages, v.Objects, v.Changed = int64(len(source.Rooms)), 0, 0, target.Since
	for _, t := range source.Rooms {
		v.Messages += t.Count
	}
	for _, t := range source.Kinds {
		v.Objects += t.Count
	}
	j.report.items(v.Messages+v.Objects, 0)
	v.Records = nil
	if len(source.Raw) == 0 || j.FilesOnly || j.state.Run == 0 {
		return
	}
	var raw int64
	for name, n := range source.Raw {
		if name == chat.KindMessage.String() || strings.HasSuffix(name, "Message") {
			raw += n
		}
	}
	c := j.state.Counts[chat.KindMessage]
	v.Records = []Records{{Kind: chat.KindMessage.String(), Raw: raw, Known: c.Read + c.Quarantined + c.Skipped}}
}

// drill goes from what differs by kind and room down to the objects.
func (j *Job) drill(ctx context.Context, c comparison) ([]Difference, error) {
	q := chat.TallyQuery{Source: j.about.Name, Level: j.Level, Days: c.rooms, Kinds: c.kinds}
	if len(c.bad) > 0 && !slices.Contains(q.Kinds, chat.KindContent) {
		q.Kinds = append(slices.Clone(q.Kinds), chat.KindContent)
	}
	q.Level = min(q.Level, chat.L2) // the bytes were looked at
	source, target, err := j.inventories(ctx, q)
	if err != nil {
		return nil, err
	}
	var list []Difference
	for _, k := range c.kinds {
		for _, d := range differences(k, chat.RoomID{}, source.Each[k], target.Each[k]) {
			if d.Problem != extra || !j.extraIsFine(k) {
				list = append(list, d)
			}
		}
	}
	for _, hash := range c.bad {
		list = append(list, Difference{Object: chat.KindContent, Problem: badBytes, Day: hash})
	}
	if len(c.rooms) == 0 {
		return list, nil
	}
	days := differingDays(source, target, c.rooms, drillLimit)
	q = chat.TallyQuery{Source: j.about.Name, Level: q.Level, Lists: days}
	if source, target, err = j.inventories(ctx, q); err != nil {
		return nil, err
	}
	for _, room := range c.rooms {
		list = append(list, differences(chat.KindMessage, room, source.Lists[room], target.Lists[room])...)
	}
	return list, nil
}

// keepOld takes out what an earlier export brought and this one no longer
// has: it is kept at the target, and counted.
func (j *Job) keepOld(v *Verification, list []Difference) []Difference {
	v.Kept = 0
	if j.state.Run < 2 {
		return list
	}
	var left []Difference
	for _, d := range list {
		if d.Problem == extra {
			v.Kept++
			continue
		}
		left = append(left, d)
	}
	return left
}

func mendedOf(list []Difference, most int) []Difference {
	var out []Difference
	for _, d := range list[:max(min(len(list), most), 0)] {
		d.Mended = true
		out = append(out, d)
	}
	return out
}

// missingFiles says in the report which files have no bytes at the target.
func (j *Job) missingFiles(ctx context.Context) error {
	list, err := j.listMissing(ctx)
	j.report.Missing, j.report.FilesMissing = list.count, list.first
	return err
}

// missingList is how many files have no bytes at the target, and the first of
// them.
type missingList struct {
	count int64
	first []MissingFile
}

func (j *Job) listMissing(ctx context.Context) (missingList, error) {
	const page = 1000
	all := missingList{first: []MissingFile{}}
	var after chat.Key
	for {
		list, err := j.Target.MissingFiles(ctx, j.about.Name, after, page)
		if err != nil {
			return all, err
		}
		all.count += int64(len(list))
		for _, f := range list[:min(len(list), max(listed-len(all.first), 0))] {
			all.first = append(all.first, MissingFile{Path: f.Origin, Message: f.Message.String(), Name: f.Name})
		}
		if len(list) < page {
			return all, nil
		}
		after = list[len(list)-1].Key()
	}
}
