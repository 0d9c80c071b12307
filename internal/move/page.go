package move

import (
	_ "embed" // the page and its looks
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is what the template draws.
type page struct {
	*Report
	Style    template.CSS
	Verdict  string
	Tone     string // good, mixed, bad
	Took     string
	Stations []station
	Figures  []figure
	Rows     []countRow
	Bars     []bar
	Then     []bar
	Compared string
	Sum      chat.Count
	Waits    []wait
}

type station struct {
	Name  string
	State string // done, now, ahead, none
	Word  string // for a person, beside the shape
}

type figure struct{ Number, Word, Note string }

type countRow struct {
	Kind  string
	Cells []string
}

// bar is a stretch of a timeline; X and W are of 1000.
type bar struct {
	Name, Time, Amount string
	X, W               float64
}

type wait struct{ Phase, What, Time string }

// WriteHTML writes the report as one page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"number": number, "size": size, "percent": percent, "span": span,
		"when":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") },
		"date":  func(t chat.Time) string { return t.Std().Format("2 January 2006") },
		"more":  func(all int64, shown int) int64 { return all - int64(shown) },
		"len64": func(list []Quarantined) int64 { return int64(len(list)) },
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, r.page())
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

func (r *Report) page() *page {
	p := &page{Report: r, Style: template.CSS(pageStyle), Sum: total(r.Counts)} //nolint:gosec // it is ours, embedded
	var took time.Duration
	for _, ph := range r.Phases {
		if !ph.Ended.IsZero() {
			took += ph.Ended.Sub(ph.Started)
		}
	}
	p.Took = span(took)
	p.Verdict, p.Tone = r.verdict()
	p.Stations = r.stations()
	p.Figures = r.figures()
	p.Rows = r.rows()
	p.Bars = r.bars()
	p.Then, p.Compared = r.then()
	for _, ph := range r.Phases {
		for _, what := range slices.Sorted(keysOf(ph.Waited)) {
			if s := ph.Waited[what]; s >= 0.1 {
				p.Waits = append(p.Waits, wait{ph.Name, waitWords[what], span(time.Duration(s * float64(time.Second)))})
			}
		}
	}
	return p
}

var waitWords = map[string]string{
	"source": "for the source to be read",
	"target": "for the target to write",
	"files":  "for files to be stored",
	"reader": "for the batch before to be written",
}

// verdict says in a sentence how the move ended.
func (r *Report) verdict() (text, tone string) {
	sum := total(r.Counts)
	var lost int64
	for _, l := range r.Losses {
		lost += l.Count
	}
	switch {
	case r.Error != nil:
		return "The move stopped in the phase " + r.Phase + ".", "bad"
	case r.Ended.IsZero():
		return "The move is under way.", "mixed"
	case r.OK:
		return "Everything arrived, and was compared with the source.", "good"
	case r.Verify.Differences > 0:
		return fmt.Sprintf("%s differences between source and target are left.", number(r.Verify.Differences)), "bad"
	}
	var parts []string
	for _, part := range []struct {
		n    int64
		word string
	}{{sum.Quarantined, "quarantined"}, {lost, "lost or left out"}, {sum.Conflict, "changed at both ends"}} {
		if part.n > 0 {
			parts = append(parts, number(part.n)+" "+part.word)
		}
	}
	if len(parts) == 0 {
		return "Not all records of the source are accounted for.", "bad"
	}
	return "All arrived but what is listed here: " + strings.Join(parts, ", ") + ".", "mixed"
}

// The seven stations of a move. An archive stands still: it needs no freeze
// and no delta.
var stationNames = []string{"plan", "presync", "freeze", "delta", "verify", "cutover", "report"}

func (r *Report) stations() []station {
	var list []station
	at := slices.Index(stationNames, r.Phase)
	switch Stage(r.Phase) {
	case "search", StageReverse, StageComplete, StageAborted:
		at = len(stationNames) - 1
	case StageFollow:
		at = slices.Index(stationNames, string(StagePresync))
	}
	for i, name := range stationNames {
		s := station{Name: name, State: "done", Word: "done"}
		switch {
		case (name == "freeze" || name == "delta") && !r.inUse():
			s.State, s.Word = "none", "not needed"
		case i == at && r.Error != nil:
			s.State, s.Word = "stopped", "stopped here"
		case i == at && r.Ended.IsZero():
			s.State, s.Word = "now", "now"
		case i > at:
			s.State, s.Word = "ahead", "ahead"
		default:
			if d := r.Took(name); d > 0 {
				s.Word = span(d)
			}
		}
		list = append(list, s)
	}
	return list
}

// inUse reports whether the report is of a move between places in use.
func (r *Report) inUse() bool {
	return slices.ContainsFunc(r.Phases, func(p *Phase) bool { return Stage(p.Name) == StageFollow || Stage(p.Name) == StageFreeze })
}

func (r *Report) figures() []figure {
	there := func(k chat.Kind) string {
		c := r.Counts[k]
		n := c.Written + c.Unchanged + c.Conflict
		if r.Totals.Kinds != nil {
			n = min(n, r.Totals.Kinds[k]) // second copies are among the unchanged
		}
		return number(n)
	}
	files := ""
	if r.Missing > 0 {
		files = number(r.Missing) + " without bytes"
	} else if r.Totals.Bytes > 0 {
		files = size(r.Totals.Bytes)
	}
	history := ""
	if r.Totals.First > 0 {
		history = fmt.Sprintf("%d to %d", r.Totals.First.Std().Year(), r.Totals.Last.Std().Year())
	}
	emoticons := "all by their shortcuts"
	if c := r.Counts[chat.KindEmoticon]; c.Read == 0 {
		emoticons = "the source has none"
	}
	return []figure{
		{there(chat.KindMessage), "messages", history},
		{there(chat.KindRoom), "rooms and 1-1s", fmt.Sprintf("%s archived, %s deleted", number(r.Totals.Archived), number(r.Totals.Deleted))},
		{there(chat.KindUser), "people", fmt.Sprintf("%s deactivated", number(r.Totals.Off))},
		{there(chat.KindFile), "files", files},
		{there(chat.KindEmoticon), "custom emoticons", emoticons},
	}
}

// rows are the counts by kind; kinds of which there was nothing are left out.
func (r *Report) rows() []countRow {
	var list []countRow
	for _, k := range r.Kinds() {
		c := r.Counts[k]
		if c == (chat.Count{}) {
			continue
		}
		row := countRow{Kind: plural(k, 2)}
		for _, n := range []int64{c.Read, c.Written, c.Unchanged, c.Deduplicated, c.Repaired, c.Quarantined, c.Skipped, c.Conflict} {
			s := ""
			if n != 0 {
				s = number(n)
			}
			row.Cells = append(row.Cells, s)
		}
		list = append(list, row)
	}
	return list
}
