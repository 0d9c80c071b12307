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
