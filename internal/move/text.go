package move

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the report for a person at a terminal.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	p := r.page()
	line(r.Move, "%s", p.Verdict)
	if r.Error != nil {
		line("stopped", "%s", r.Error.Text)
	}
	for _, k := range r.Kinds() {
		c := r.Counts[k]
		if c.Read == 0 && c.Quarantined == 0 && c.Skipped == 0 {
			continue
		}
		text := fmt.Sprintf("%s read, %s written", number(c.Read), number(c.Written))
		for _, more := range []struct {
			n    int64
			word string
		}{
			{c.Unchanged, "unchanged"}, {c.Deduplicated, "second copies"}, {c.Repaired, "mended"},
			{c.Quarantined, "quarantined"}, {c.Skipped, "skipped"}, {c.Conflict, "changed at both ends"},
		} {
			if more.n > 0 {
				text += fmt.Sprintf(", %s %s", number(more.n), more.word)
			}
		}
		line(plural(k, 2), "%s", text)
	}
	if v := r.Verify; v.Level != "" {
		line("verify "+v.Level, "%s messages in %s rooms, %s other objects: %s differences, %s mended", number(v.Messages), number(v.Rooms), number(v.Objects), number(v.Differences), number(v.Repaired))
		for _, rec := range v.Records {
			line("records", "%s in the source, %s accounted for", number(rec.Raw), number(rec.Known))
		}
	}
	for _, l := range r.Losses {
		if l.Count > 0 {
			line("lost", "%s %s: %s", number(l.Count), l.Kind, l.Reason)
		} else {
			line("not in the source", "%s: %s", l.Kind, l.Reason)
		}
	}
	if len(r.Verify.Classes) > 0 {
		line("looked for", "%s", strings.Join(r.Verify.Classes, ", "))
	}
	for _, p := range r.Pauses {
		line(p.What, "people waited for %s, %s", span(p.Took), p.At.UTC().Format("2 January 2006, 15:04:05 UTC"))
	}
	for _, b := range p.Bars {
		line("  "+b.Name, "%s %s", b.Time, b.Amount)
	}
	line("took", "%s, %s of memory at most", p.Took, size(r.PeakRSS))
	line("next", "%s", r.Next.Step)
	return t.Flush()
}
