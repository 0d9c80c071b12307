package move

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Report says what a move did, for a person and for a program. It is one
// schema: fields are only added, and Version says when one changed.
type Report struct {
	Version int       `json:"version"`
	Move    string    `json:"move"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Source  string    `json:"source"`
	Phase   string    `json:"phase"` // the last one that was begun
	OK      bool      `json:"ok"`    // everything arrived
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`

	Counts       chat.Counts   `json:"counts"`
	Bytes        Bytes         `json:"bytes"`
	FilesMissing []MissingFile `json:"files_missing"` // at most listed
	Quarantine   []Quarantined `json:"quarantine"`    // at most listed
	Losses       []Loss        `json:"losses"`
	Phases       []*Phase      `json:"phases"`
	Verify       Verification  `json:"verify"`
	Next         Next          `json:"next"`
	PeakRSS      int64         `json:"peak_rss"` // bytes

	Run         int           `json:"run"` // how often this source was moved, with this one
	Title       string        `json:"title"`
	Target      string        `json:"target"`
	Artefact    string        `json:"artefact"`
	Oddities    []string      `json:"oddities,omitempty"`
	Missing     int64         `json:"missing"` // files without bytes, all of them
	Conflicts   []Quarantined `json:"conflicts,omitempty"`
	Repairs     []Quarantined `json:"repairs,omitempty"`
	Undecided   int           `json:"undecided,omitempty"` // people in people.csv without a decision
	Joined      int64         `json:"joined,omitempty"`    // members of open rooms, from what they wrote
	Closed      bool          `json:"closed,omitempty"`    // the target was not opened
	Searchable  bool          `json:"searchable"`          // all of it, when the move ended
	Totals      chat.Totals   `json:"totals"`              // of the target at the end
	Error       *ReportError  `json:"error,omitempty"`
	WithoutFile bool          `json:"without_files,omitempty"`
	Pauses      []Pause       `json:"pauses,omitempty"` // that people felt, of each hand-over
	Turn        chat.Turn     `json:"turn,omitempty"`
	open        bool
}

// listed is how many entries a list of the report has at most; the full ones
// are in the files beside it.
const listed = 200

// Bytes are what was read of the source, the files in it, and those of them
// that the target did not have: by their number, where a batch had both.
type Bytes struct {
	Read    int64 `json:"read"`
	Files   int64 `json:"files"`
	Written int64 `json:"written"`
}

// MissingFile is a file whose bytes are not at the target.
type MissingFile struct {
	Path    string `json:"path"`
	Message string `json:"message"`
	Name    string `json:"name"`
}

// Quarantined is a record of the source, and why it is listed.
type Quarantined struct {
	Where  string    `json:"where"`
	Reason string    `json:"reason"`
	Object chat.Kind `json:"object"`
}

// Loss is what did not arrive. A count of zero says that the source cannot
// give it: nothing of it was lost on the way.
type Loss struct {
	Kind   string `json:"kind"`
	Count  int64  `json:"count"`
	Reason string `json:"reason"`
}

// Phase is a stretch of the timeline. A phase that was interrupted has
// several.
type Phase struct {
	Name    string             `json:"name"`
	Started time.Time          `json:"started"`
	Ended   time.Time          `json:"ended,omitzero"`
	Items   int64              `json:"items"`
	Bytes   int64              `json:"bytes"`
	Waited  map[string]float64 `json:"waited"` // seconds, by what for
}

// Verification is the result of comparing source and target.
type Verification struct {
	Level       string       `json:"level"` // empty: not done
	Rooms       int64        `json:"rooms"`
	Differences int64        `json:"differences"` // that are left
	Repaired    int64        `json:"repaired"`
	Messages    int64        `json:"messages"`
	Objects     int64        `json:"objects"` // other than messages
	Changed     int64        `json:"changed"` // changed at the target since they came; not compared with the source
	Kept        int64        `json:"kept"`    // no longer in the source; an earlier export brought them
	List        []Difference `json:"list,omitempty"`
	Records     []Records    `json:"records,omitempty"`
	Classes     []string     `json:"classes,omitempty"` // of damage that were looked for, in a move of a place in use
}

// Difference is one object that is not the same at both ends.
type Difference struct {
	Object  chat.Kind `json:"object"`
	Key     chat.Key  `json:"key,omitzero"`
	Room    chat.Key  `json:"room,omitzero"`
	Day     string    `json:"day,omitempty"`
	Problem string    `json:"problem"` // missing, extra, different, bytes
	Mended  bool      `json:"mended,omitempty"`
}

// Records compares the records of a kind in the source, counted without being
// read, with what became of them.
type Records struct {
	Kind  string `json:"kind"`
	Raw   int64  `json:"raw"`
	Known int64  `json:"known"` // read, quarantined, skipped
}

// Next is the next step of a human.
type Next struct {
	Step string `json:"step"`
	By   string `json:"by"`
}

// ReportError is why a move stopped.
type ReportError struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Outcome says how a move ended.
type Outcome int

// The outcomes. A program's exit codes are looked up by them.
const (
	Failed Outcome = iota // it stopped; run it again
	Whole                 // everything arrived
	Losses                // it ended, and something was lost or differs
)

// Outcome says how the move ended.
func (r *Report) Outcome() Outcome {
	switch {
	case r.Error != nil:
		return Failed
	case r.OK:
		return Whole
	default:
		return Losses
	}
}

func newReport(j *Job) *Report {
	r := &Report{
		Version: 1, Move: j.Name, From: j.From, To: j.To, Source: j.about.Name, Title: j.about.Title,
		Artefact: j.about.Artefact, Oddities: j.about.Oddities, Started: time.Now().UTC(), Counts: chat.Counts{},
		Searchable: true, WithoutFile: j.WithoutFiles,
		FilesMissing: []MissingFile{}, Quarantine: []Quarantined{}, Losses: []Loss{},
	}
	for _, k := range []chat.Kind{chat.KindUser, chat.KindRoom, chat.KindMember, chat.KindMessage, chat.KindFile, chat.KindEmoticon} {
		r.Counts[k] = chat.Count{}
	}
	return r
}

// resume takes over the timeline of an earlier, interrupted job.
func (r *Report) resume(old *Report) {
	if old == nil {
		return
	}
	r.Phases = append(slices.Clone(old.Phases), r.Phases...)
	r.Bytes = old.Bytes
	r.PeakRSS = old.PeakRSS
	r.Verify = old.Verify
}

func (r *Report) enter(name string) {
	r.Phase = name
	r.open = true
	r.Phases = append(r.Phases, &Phase{Name: name, Started: time.Now().UTC(), Waited: map[string]float64{}})
}

func (r *Report) now() *Phase { return r.Phases[len(r.Phases)-1] }

func (r *Report) items(items, bytes int64) {
	p := r.now()
	p.Items += items
	p.Bytes += bytes
}

// touch notes how far the present phase is, for a report that is kept while
// it runs.
func (r *Report) touch(waited map[string]float64) {
	p := r.now()
	p.Ended = time.Now().UTC()
	p.Waited = waited
	r.PeakRSS = max(r.PeakRSS, peakRSS())
}

func (r *Report) leave(waited map[string]float64) {
	r.touch(waited)
	r.open = false
}

func (r *Report) close() {
	r.Ended = time.Now().UTC()
	r.PeakRSS = max(r.PeakRSS, peakRSS())
}

func reportError(err error) *ReportError {
	e := &ReportError{Kind: chat.KindOf(err).String(), Text: err.Error()}
	if known, ok := errors.AsType[*chat.Error](err); ok {
		e.Text, e.Hint = known.Text, known.Hint
	}
	return e
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// Took returns how long the phases of a name took together.
func (r *Report) Took(names ...string) time.Duration {
	var d time.Duration
	for _, p := range r.Phases {
		if slices.Contains(names, p.Name) && !p.Ended.IsZero() {
			d += p.Ended.Sub(p.Started)
		}
	}
	return d
}

// Kinds lists the kinds that the report counts, in the order of their numbers.
func (r *Report) Kinds() []chat.Kind { return slices.Sorted(maps.Keys(r.Counts)) }

// peakRSS returns the most memory this process had, in bytes; 0 if the system
// does not say.
func peakRSS() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
