package move

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Names of the files in a move's directory.
const (
	planFile       = "plan.toml"
	peopleFile     = "people.csv"
	reportFile     = "report.json"
	pageFile       = "report.html"
	quarantineFile = "quarantine.jsonl"
)

// Plan says what a move will do. It is a file that a person may edit, and a
// run is pinned to it: another source or target than planned is refused.
type Plan struct {
	Version     int       `toml:"version"`
	Move        string    `toml:"move"`
	From        string    `toml:"from"`
	To          string    `toml:"to"`
	Source      string    `toml:"source" comment:"The name of the source, from which identities are derived. Keep it for later exports of the same server."`
	Artefact    string    `toml:"artefact" comment:"The very export that was planned. A later export of the same source is welcome."`
	Fingerprint []string  `toml:"fingerprint" comment:"Objects by which the source is known again."`
	Logs        []string  `toml:"logs,omitempty" comment:"The very places of a move between two places in use."`
	Made        time.Time `toml:"made"`
	Scope       Scope     `toml:"scope"`
	Predicted   Predicted `toml:"predicted" comment:"What was seen when the plan was made."`
}

// Scope is what a move carries.
type Scope struct {
	WithoutFiles bool   `toml:"without_files"`
	FilesOnly    bool   `toml:"files_only"`
	FilesFrom    string `toml:"files_from"`
}

// Predicted is what the plan found out.
type Predicted struct {
	Title      string   `toml:"title"`
	Target     string   `toml:"target"`
	State      string   `toml:"state"`
	People     int      `toml:"people" comment:"To be made."`
	Rooms      int      `toml:"rooms"`
	Bytes      int64    `toml:"bytes" comment:"Size of the source."`
	Free       int64    `toml:"free" comment:"Bytes left on the target's disk; 0 is not known."`
	There      []string `toml:"there" comment:"What is at the target. Nothing of it is removed."`
	Reads      float64  `toml:"reads_per_second" comment:"Bytes of the source, measured in the plan."`
	Low        string   `toml:"takes_at_least,omitempty" comment:"The time for all of it, from measured rates."`
	High       string   `toml:"takes_at_most,omitempty"`
	Pause      string   `toml:"pause,omitempty" comment:"That people will feel at the cutover."`
	Audiences  string   `toml:"audiences,omitempty" comment:"Who may read what afterwards."`
	NotCarried []string `toml:"not_carried" comment:"What the source cannot give or the target cannot hold."`
	Collisions []string `toml:"collisions"`
	Oddities   []string `toml:"oddities"`
	Sample     []string `toml:"sample" comment:"What was read to prove that the source can be understood."`

	Counts map[string]int64 `toml:"counts,omitempty" comment:"What the source holds."`
}

// ReadPlan reads the plan in a move's directory. It fails with NotFound if
// there is none.
func ReadPlan(dir string) (*Plan, error) {
	path := filepath.Join(dir, planFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, chat.Errorf(chat.NotFound, "there is no plan in %s", dir).WithHint("make one with: godwit plan FROM TO")
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	var p Plan
	if err := toml.Unmarshal(data, &p); err != nil {
		return nil, chat.Errorf(chat.Invalid, "the plan %s cannot be read: %w", path, err).WithHint("mend it, or remove it and plan again")
	}
	return &p, nil
}

func (p *Plan) write(dir string) error {
	data, err := toml.Marshal(p)
	if err != nil {
		return err
	}
	head := "# The plan of a move. A run of this move is held to it.\n"
	return writeFile(filepath.Join(dir, planFile), append([]byte(head), data...))
}

// Plan looks at both ends, changes neither, and writes the plan file and the
// people file. It fails on what an import would fail on later.
func (j *Job) Plan(ctx context.Context) (*Plan, error) {
	j.start()
	j.report.enter("plan")
	p, err := j.makePlan(ctx, planSample)
	if err != nil {
		return nil, err
	}
	if old, err := ReadPlan(j.Dir); err == nil {
		if err := old.pins(j, p); err != nil {
			return nil, err
		}
	} else if !chat.IsKind(err, chat.NotFound) {
		return nil, err
	}
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the move: %w", err)
	}
	return p, p.write(j.Dir)
}

// How long a sample of the source is read.
const (
	planSample   = 2 * time.Second
	importSample = 100 * time.Millisecond
)

// prepare is the first phase of an import: it plans if nobody did, holds the
// run to the plan, and takes the target.
func (j *Job) prepare(ctx context.Context) error {
	p, made, err := j.held(ctx)
	if err == nil && made {
		err = errors.Join(os.MkdirAll(j.Dir, 0o700), p.write(j.Dir))
	}
	if err != nil {
		return err
	}
	return j.begin(ctx)
}

// held holds the job to its plan, or makes one if there is none.
func (j *Job) held(ctx context.Context) (p *Plan, made bool, err error) {
	p, err = ReadPlan(j.Dir)
	if chat.IsKind(err, chat.NotFound) {
		p, err = j.makePlan(ctx, importSample)
		return p, true, err
	}
	if err == nil {
		err = p.pins(j, &Plan{From: j.From, To: j.To, Source: j.about.Name, Fingerprint: j.about.Fingerprint})
	}
	return p, false, err
}

// Check fails on what an import would be refused for before it begins. It
// changes nothing.
func (j *Job) Check(ctx context.Context) error {
	j.start()
	_, _, err := j.held(ctx)
	return err
}

// pins refuses a job that is not the planned one.
func (p *Plan) pins(j *Job, now *Plan) error {
	again := fmt.Sprintf("to plan anew, remove %s; or give this move another name with --name", filepath.Join(j.Dir, planFile))
	if p.To != now.To {
		return chat.Errorf(chat.Conflict, "the move %s is planned into %s, not into %s", j.Name, p.To, now.To).WithHint("%s", again)
	}
	if p.Source != now.Source {
		return chat.Errorf(chat.Conflict, "the move %s is planned from the source %q, and this one is %q", j.Name, p.Source, now.Source).
			WithHint("if it is the same server, pass --source %s; %s", p.Source, again)
	}
	common := slices.ContainsFunc(now.Fingerprint, func(s string) bool { return slices.Contains(p.Fingerprint, s) })
	if len(p.Fingerprint) > 0 && len(now.Fingerprint) > 0 && !common {
		return chat.Errorf(chat.Conflict, "%s is not an export of the source that was planned: none of the people and rooms it is known by are in it", now.From).
			WithHint("another server needs another name: --source NAME; %s", again)
	}
	return nil
}

func (j *Job) makePlan(ctx context.Context, sample time.Duration) (*Plan, error) {
	place, err := j.Target.Place(ctx)
	if err != nil {
		return nil, err
	}
	d := j.about
	p := &Plan{
		Version: 1, Move: j.Name, From: j.From, To: j.To, Source: d.Name, Artefact: d.Artefact, Fingerprint: d.Fingerprint,
		Made:  time.Now().UTC().Truncate(time.Second),
		Scope: Scope{WithoutFiles: j.WithoutFiles, FilesOnly: j.FilesOnly, FilesFrom: j.FilesFrom},
		Predicted: Predicted{
			Title: d.Title, Target: place.Title, State: string(place.State), People: len(d.People), Rooms: d.Rooms,
			Bytes: d.Bytes, Free: place.Free, Oddities: d.Oddities,
		},
	}
	for _, k := range chat.Kinds() {
		if n := place.Totals.Kinds[k]; n > 0 {
			p.Predicted.There = append(p.Predicted.There, fmt.Sprintf("%d %s", n, plural(k, n)))
		}
	}
	for _, l := range d.Losses {
		p.Predicted.NotCarried = append(p.Predicted.NotCarried, l.Reason)
	}
	if place.State == chat.Frozen || place.State == chat.Retired {
		return nil, chat.Errorf(chat.Unavailable, "the target is %s: nothing can be written to it", place.State)
	}
	if err := j.planRoom(ctx, p); err != nil {
		return nil, err
	}
	if err := j.planPeople(ctx, p); err != nil {
		return nil, err
	}
	return p, j.planSample(ctx, p, sample)
}

// planRoom looks for moves that are not done, and for space.
func (j *Job) planRoom(ctx context.Context, p *Plan) error {
	moves, err := j.Target.Moves(ctx)
	if err != nil {
		return err
	}
	known := false
	for _, m := range moves {
		known = known || m.Name == j.Name
		if m.Name != j.Name && !m.Done {
			p.Predicted.Collisions = append(p.Predicted.Collisions, fmt.Sprintf("the move %s into this target has not ended", m.Name))
		}
		if m.Name != j.Name && m.Source == j.about.Name {
			p.Predicted.Collisions = append(p.Predicted.Collisions, fmt.Sprintf("the move %s brought a source of the same name; what is the same is found again, not copied", m.Name))
		}
	}
	if free, need := p.Predicted.Free, p.Predicted.Bytes; !known && !j.WithoutFiles && free > 0 && free < need {
		return chat.Errorf(chat.Full, "the target has %s of disk left, and the source alone has %s", size(free), size(need)).
			WithHint("make room, or carry the files later: --without-files now, and --files-only then")
	}
	return nil
}

// planSample reads the beginning of the source: what cannot be read at all
// fails here, and the rate of reading is known.
func (j *Job) planSample(ctx context.Context, p *Plan, limit time.Duration) error {
	began, counts, bad := time.Now(), map[chat.Kind]int64{}, 0
	var input int64
	for item, err := range j.Source.Changes(ctx, "") {
		if err != nil {
			return err
		}
		if item.Object != nil {
			counts[item.Object.Kind()]++
		}
		if item.Note != nil && item.Note.Kind == chat.NoteQuarantine {
			bad++
		}
		input = item.Input
		if time.Since(began) > limit {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, k := range chat.Kinds() {
		if counts[k] > 0 {
			p.Predicted.Sample = append(p.Predicted.Sample, fmt.Sprintf("%d %s", counts[k], plural(k, counts[k])))
		}
	}
	if bad > 0 {
		p.Predicted.Sample = append(p.Predicted.Sample, fmt.Sprintf("%d records that could not be understood", bad))
	}
	took := time.Since(began)
	p.Predicted.Reads = float64(input) / took.Seconds()
	if input > 0 && p.Predicted.Bytes > 0 {
		all := time.Duration(float64(took) * float64(p.Predicted.Bytes) / float64(input))
		// Writing takes as long as reading, or up to six times as long, as
		// measured with many small messages into Postgres.
		p.Predicted.Low, p.Predicted.High = all.Round(time.Second).String(), (6*all + time.Second).Round(time.Second).String()
	}
	return nil
}

// WriteText writes the plan for a person.
func (p *Plan) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	q := p.Predicted
	line("from", "%s: %s", p.From, q.Title)
	line("source", "%s", p.Source)
	line("to", "%s: %s, %s", p.To, q.Target, q.State)
	line("will be made", "%d people, %d rooms, and their history", q.People, q.Rooms)
	line("is there", "%s", orElse(strings.Join(q.There, ", "), "nothing"))
	if q.Free > 0 {
		line("disk", "%s left at the target; the source has %s", size(q.Free), size(q.Bytes))
	}
	if q.Low != "" {
		line("time", "%s to %s, from what was measured now", q.Low, q.High)
	}
	if q.Pause != "" {
		line("pause", "%s", q.Pause)
		line("who may read", "%s", q.Audiences)
	}
	for i, list := range [][]string{q.NotCarried, q.Collisions, q.Oddities} {
		for _, s := range list {
			line([]string{"not carried", "collision", "odd"}[i], "%s", s)
		}
	}
	line("read", "%s", orElse(strings.Join(q.Sample, ", "), "nothing"))
	return t.Flush()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
