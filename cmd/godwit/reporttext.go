package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// shown is how many lines of each list a person gets; the files have all.
const shown = 10

// writeReport writes a report for a person at a terminal.
func writeReport(w io.Writer, r *move.Report, dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s to %s\n\n", r.Move, r.From, r.To)
	writeCounts(&b, r)
	writeVerify(&b, r)
	writeLists(&b, r)
	writeTimes(&b, r)
	if r.Error != nil {
		fmt.Fprintf(&b, "stopped: %s\n", r.Error.Text)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err == nil {
		fmt.Fprintf(&b, "report: %s\n", filepath.Join(dir, "report.html"))
	}
	fmt.Fprintf(&b, "next: %s\n", r.Next.Step)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCounts(b *strings.Builder, r *move.Report) {
	type column struct {
		title string
		of    func(chat.Count) int64
	}
	columns := []column{
		{"read", func(c chat.Count) int64 { return c.Read }},
		{"written", func(c chat.Count) int64 { return c.Written }},
		{"unchanged", func(c chat.Count) int64 { return c.Unchanged }},
		{"second copies", func(c chat.Count) int64 { return c.Deduplicated }},
		{"repaired", func(c chat.Count) int64 { return c.Repaired }},
		{"quarantined", func(c chat.Count) int64 { return c.Quarantined }},
		{"skipped", func(c chat.Count) int64 { return c.Skipped }},
		{"conflicts", func(c chat.Count) int64 { return c.Conflict }},
	}
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', tabwriter.AlignRight)
	var used []column
	for i, col := range columns {
		sum := int64(0)
		for _, c := range r.Counts {
			sum += col.of(c)
		}
		if i < 2 || sum > 0 {
			used = append(used, col)
		}
	}
	for _, col := range used {
		fmt.Fprintf(t, "\t%s", col.title)
	}
	fmt.Fprint(t, "\t\n")
	for _, kind := range r.Kinds() {
		c := r.Counts[kind]
		if c == (chat.Count{}) {
			continue
		}
		fmt.Fprint(t, kind.String())
		for _, col := range used {
			fmt.Fprintf(t, "\t%s", number(col.of(c)))
		}
		fmt.Fprint(t, "\t\n")
	}
	t.Flush()
	b.WriteByte('\n')
}

func writeVerify(b *strings.Builder, r *move.Report) {
	v := r.Verify
	switch {
	case v.Level == "":
		fmt.Fprint(b, "not verified\n")
	case v.Differences == 0:
		fmt.Fprintf(b, "verified at %s: %s messages in %s rooms and %s other objects are the same at both ends\n", v.Level, number(v.Messages), number(v.Rooms), number(v.Objects))
	default:
		fmt.Fprintf(b, "verified at %s: %s differences\n", v.Level, number(v.Differences))
		for _, d := range v.List[:min(len(v.List), shown)] {
			if !d.Mended {
				fmt.Fprintf(b, "  %s %s: %s\n", d.Object, d.Key, d.Problem)
			}
		}
	}
	if v.Repaired > 0 {
		fmt.Fprintf(b, "  %s mended\n", number(v.Repaired))
	}
	if v.Changed > 0 {
		fmt.Fprintf(b, "  %s were changed at the target since, and stay so\n", number(v.Changed))
	}
}

func writeLists(b *strings.Builder, r *move.Report) {
	for _, l := range r.Losses {
		if l.Count == 0 {
			fmt.Fprintf(b, "not carried: %s: %s\n", l.Kind, l.Reason)
		} else {
			fmt.Fprintf(b, "lost: %s × %s: %s\n", number(l.Count), l.Kind, l.Reason)
		}
	}
	writeQuarantined(b, "quarantined", r.Quarantine)
	writeQuarantined(b, "conflict, the target's state stays", r.Conflicts)
	for i, f := range r.FilesMissing {
		if i == shown {
			fmt.Fprintf(b, "  and %s more\n", number(r.Missing-shown))
			break
		}
		fmt.Fprintf(b, "no bytes: %s (%s)\n", f.Name, f.Path)
	}
	for _, s := range r.Oddities {
		fmt.Fprintf(b, "odd: %s\n", s)
	}
}

func writeQuarantined(b *strings.Builder, title string, list []move.Quarantined) {
	for i, q := range list {
		if i == shown {
			fmt.Fprintf(b, "  and more: see the report\n")
			return
		}
		fmt.Fprintf(b, "%s: %s: %s\n", title, q.Where, q.Reason)
	}
}

func writeTimes(b *strings.Builder, r *move.Report) {
	if r.Ended.IsZero() || len(r.Phases) == 0 {
		return
	}
	carried := r.Took("plan", "presync", "verify", "cutover")
	fmt.Fprintf(b, "took %s", round(carried))
	if n := r.Counts[chat.KindMessage].Read; n > 1000 && carried > 0 {
		fmt.Fprintf(b, " (%s messages a second, verified)", number(int64(float64(n)/carried.Seconds())))
	}
	if d := r.Took("search"); d > 0 {
		fmt.Fprintf(b, ", and %s until all could be found", round(d))
	}
	fmt.Fprintf(b, "; at most %s of memory\n", bytesText(r.PeakRSS))
}

func round(d time.Duration) time.Duration {
	switch {
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(100 * time.Millisecond)
	default:
		return d.Round(time.Millisecond)
	}
}

// number writes an amount with a comma after each three digits.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytesText writes an amount of bytes.
func bytesText(n int64) string {
	f, unit := float64(n), "bytes"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1000, u
	}
	if unit == "bytes" || f >= 100 {
		return fmt.Sprintf("%.0f %s", f, unit)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

func writeFileWith(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path) //nolint:gosec // the person names the file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}
