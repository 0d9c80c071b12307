package move

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Plan looks at both places, changes neither, and writes the plan file, to
// which every run is held. It fails on what a run would fail on later.
func (f *Flight) Plan(ctx context.Context) (*Plan, error) {
	f.init()
	var err error
	if f.log == nil {
		if f.log, err = openFlightLog(f.Dir, f.Name); err != nil {
			return nil, err
		}
	}
	p, err := f.makePlan(ctx, planSample)
	if err != nil {
		return nil, err
	}
	if f.Dir == "" {
		return p, nil
	}
	if old, err := ReadPlan(f.Dir); err == nil {
		if err := f.pins(old, p); err != nil {
			return nil, err
		}
	} else if !chat.IsKind(err, chat.NotFound) {
		return nil, err
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the move: %w", err)
	}
	return p, p.write(f.Dir)
}

// usePlan holds the run to its plan, and makes one if nobody did.
func (f *Flight) usePlan(ctx context.Context) error {
	if f.plan != nil {
		return nil
	}
	var p *Plan
	err := error(chat.Errorf(chat.NotFound, "no directory"))
	if f.Dir != "" {
		p, err = ReadPlan(f.Dir)
	}
	w, e := f.whereabouts(ctx)
	if e != nil {
		return e
	}
	switch {
	case err == nil:
		if err = f.pins(p, &Plan{From: f.From, To: f.To, Logs: w.logs()}); err == nil && !w.paired() {
			_, err = f.makePlan(ctx, importSample) // the places may have changed since
		}
	case chat.IsKind(err, chat.NotFound):
		if p, err = f.makePlan(ctx, importSample); err == nil && f.Dir != "" {
			err = errors.Join(os.MkdirAll(f.Dir, 0o700), p.write(f.Dir))
		}
	}
	if err == nil {
		f.plan = p
	}
	return err
}

func (w *whereabouts) logs() []string {
	if !w.source.here || !w.target.here {
		return nil
	}
	return []string{w.source.at.LogID.String(), w.target.at.LogID.String()}
}

// pins refuses a flight that is not the planned one.
func (f *Flight) pins(p, now *Plan) error {
	again := fmt.Sprintf("to plan anew, remove %s; or give this move another name with --name", filepath.Join(f.Dir, planFile))
	if p.Version > planVersion {
		return chat.Errorf(chat.Invalid, "the plan of %s is of version %d, and this Godwit knows up to %d", f.Name, p.Version, planVersion).
			WithHint("a newer Godwit made it: go on with that one")
	}
	if p.From != now.From || p.To != now.To {
		return chat.Errorf(chat.Conflict, "the move %s is planned from %s to %s, not from %s to %s", f.Name, p.From, p.To, now.From, now.To).WithHint("%s", again)
	}
	if len(p.Logs) == 2 && len(now.Logs) == 2 && (p.Logs[0] != now.Logs[0] || p.Logs[1] != now.Logs[1]) {
		return chat.Errorf(chat.Conflict, "there are other places at %s and %s than the move %s was planned with", f.From, f.To, f.Name).WithHint("%s", again)
	}
	return nil
}

const planVersion = 1

// makePlan looks at both places.
func (f *Flight) makePlan(ctx context.Context, sample time.Duration) (*Plan, error) {
	began := time.Now()
	source, err := f.Source.Place(ctx)
	if err != nil {
		return nil, err
	}
	trip := time.Since(began)
	target, err := f.Target.Place(ctx)
	if err != nil {
		return nil, err
	}
	w, err := f.whereabouts(ctx)
	if err != nil {
		return nil, err
	}
	d := f.Source.Describe()
	p := &Plan{
		Version: planVersion, Move: f.Name, From: f.From, To: f.To, Source: d.Name, Artefact: d.Artefact, Fingerprint: d.Fingerprint, Logs: w.logs(),
		Made: time.Now().UTC().Truncate(time.Second),
		Predicted: Predicted{
			Title: source.Title, Target: target.Title, State: string(target.State),
			People: int(source.Totals.Kinds[chat.KindUser]), Rooms: int(source.Totals.Kinds[chat.KindRoom]),
			Bytes: source.Totals.Bytes + source.Totals.Database, Free: target.Free, Counts: map[string]int64{},
			Audiences: "the same: every room keeps its type and its members",
		},
	}
	for k, n := range source.Totals.Kinds {
		p.Predicted.Counts[plural(k, 2)] = n
	}
	for _, k := range chat.Kinds() {
		if n := target.Totals.Kinds[k]; n > 0 && !w.target.here && !w.returns() {
			p.Predicted.There = append(p.Predicted.There, fmt.Sprintf("%d %s, which stay the target's own", n, plural(k, n)))
		}
	}
	if err := f.checkPlaces(&w, source.Version, target.Version, p); err != nil {
		return nil, err
	}
	if w.returns() && !w.paired() || w.returns() && w.over() {
		p.Predicted.There = append(p.Predicted.There, fmt.Sprintf("all that it had when it retired in the move %s: it is compared, and what the source has not got goes", w.target.at.Pair.Move))
	}
	if !w.returns() && !w.offered() && (!w.target.here || w.over() && !(w.givenUp() && w.target.at.State == chat.Receiving)) {
		if n := target.Totals.Kinds[chat.KindMessage]; n > 0 {
			return nil, chat.Errorf(chat.Conflict, "there are %d messages at the target: a place in use cannot become another one", n).
				WithHint("move into a new, empty place, or into one that has retired for this source; to bring two places together, import an archive of one into the other")
		}
		if need := p.Predicted.Bytes; target.Free > 0 && target.Free < need {
			return nil, chat.Errorf(chat.Full, "the target has %s of disk left, and the source holds %s", size(target.Free), size(need)).WithHint("make room at the target first")
		}
	}
	return p, f.samplePlaces(ctx, p, sample, trip)
}

// checkPlaces refuses places that do not fit together.
func (f *Flight) checkPlaces(w *whereabouts, source, target string, p *Plan) error {
	s, sOK := versionOf(source)
	t, tOK := versionOf(target)
	switch {
	case sOK && tOK && (t[0] < s[0] || t[0] == s[0] && t[1] < s[1]):
		return chat.Errorf(chat.Conflict, "the target runs Godwit %s, which is older than the source's %s", target, source).WithHint("update the target first; the way back needs the source not to be much older either")
	case sOK && tOK && t[0] > s[0]:
		return chat.Errorf(chat.Conflict, "the target runs Godwit %s, and the source %s: there would be no way back", target, source).WithHint("update the source first")
	case source != target:
		p.Predicted.Oddities = append(p.Predicted.Oddities, fmt.Sprintf("the source runs %s, the target %s", orElse(source, "an unknown version"), orElse(target, "an unknown version")))
	}
	if f.SourceAddress == "" || f.TargetAddress == "" {
		p.Predicted.Oddities = append(p.Predicted.Oddities, "the two places do not know how to reach each other: the old one cannot pass people on, and only this mover can pass the turn")
	}
	if w.source.here && w.target.here {
		if skew := time.Duration(w.target.at.Now-w.source.at.Now) * time.Microsecond; skew.Abs() > mostSkew {
			return chat.Errorf(chat.Conflict, "the clocks of the two places differ by %s", span(skew.Abs())).WithHint("set them by NTP: messages would be out of order")
		}
	}
	return nil
}

// mostSkew is how much the clocks of two places may differ.
const mostSkew = 30 * time.Second

// versionOf reads major and minor of a version.
func versionOf(s string) (v [2]int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(s, "v"), ".", 3)
	if len(parts) < 2 {
		return v, false
	}
	for i := range v {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

// samplePlaces reads the beginning of the source and one of every small kind:
// what cannot be read at all fails here, and the rates are known.
func (f *Flight) samplePlaces(ctx context.Context, p *Plan, limit, trip time.Duration) error {
	began, counts, objects := time.Now(), map[chat.Kind]int64{}, int64(0)
	for item, err := range f.Source.Changes(ctx, "") {
		if err != nil {
			return err
		}
		objects++
		if item.Object != nil {
			counts[item.Object.Kind()]++
		}
		if time.Since(began) > limit {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	took := time.Since(began)
	for _, k := range chat.Kinds() {
		if counts[k] > 0 {
			p.Predicted.Sample = append(p.Predicted.Sample, fmt.Sprintf("%d %s", counts[k], plural(k, counts[k])))
		}
	}
	p.Predicted.Reads = float64(objects) / took.Seconds()
	var all int64
	for _, n := range p.Predicted.Counts {
		all += n
	}
	if objects > 0 {
		low := time.Duration(float64(took) * float64(all) / float64(objects))
		// Writing takes as long as reading, or up to six times as long; files
		// at 20 MB/s to 200 MB/s.
		bytes := float64(p.Predicted.Bytes)
		low, high := low+time.Duration(bytes/200e6*float64(time.Second)), 6*low+time.Second+time.Duration(bytes/20e6*float64(time.Second))
		p.Predicted.Low, p.Predicted.High = low.Round(time.Second).String(), high.Round(time.Second).String()
	}
	p.Predicted.Pause = (gateTime + 8*trip + 200*time.Millisecond).Round(10*time.Millisecond).String() + ", guessed from how quick the places answer; godwit rehearse measures it"
	if r := f.log.read().Rehearsed; r != nil {
		p.Predicted.Pause = r.Pause.Round(time.Millisecond).String() + ", measured in the rehearsal of " + r.At.Format(time.RFC1123)
		p.Predicted.Low, p.Predicted.High = r.Presync.Round(time.Second).String(), (r.Presync * 3 / 2).Round(time.Second).String()
	}
	return nil
}
