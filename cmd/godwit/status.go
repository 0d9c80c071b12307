package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/pilot"
)

// statusCmd says how a move stands.
type statusCmd struct {
	Name  string `arg:""`
	State string `placeholder:"DIR" default:"." type:"existingdir"`
	Watch bool
}

// Run prints how the move stands, as its mover says, or as it said last.
func (c *statusCmd) Run(ctx context.Context, a *app) error {
	if c.Watch {
		return c.watch(ctx, a)
	}
	s, running, err := c.look(ctx)
	if err != nil {
		return err
	}
	return a.result(s, func(w io.Writer) error {
		if !running {
			fmt.Fprintf(w, "No mover runs. This is how it stood at %s:\n", clock(s.At))
		}
		return writeStatus(w, s, true)
	})
}

func (c *statusCmd) look(ctx context.Context) (s move.Status, running bool, err error) {
	dir := flightDir(c.State, c.Name)
	if line, ok := pilot.Dial(ctx, dir); ok {
		defer line.Close()
		if s, err = line.Status(ctx); err == nil {
			return s, true, nil
		}
	}
	s, err = readStatus(dir)
	return s, false, err
}

// watch prints it once a second: in place on a terminal, else one line each
// time that something changed.
func (c *statusCmd) watch(ctx context.Context, a *app) error {
	f, ok := a.out.(*os.File)
	inPlace := ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && !a.json
	plain := &flightLines{out: a.out, every: 10 * time.Second}
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		s, running, err := c.look(ctx)
		switch {
		case err != nil:
			return err
		case a.json:
			err = writeJSON(a.out, s)
		case inPlace:
			var b strings.Builder
			b.WriteString("\x1b[H\x1b[2J")
			err = writeStatus(&b, s, true)
			fmt.Fprint(a.out, b.String())
		default:
			plain.show(s)
		}
		if err != nil || !running {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // it was only looked at
		case <-t.C:
		}
	}
}

// writeStatus writes how a move stands for a person. Whole adds what happened
// lately.
func writeStatus(w io.Writer, s move.Status, whole bool) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, text)
		}
	}
	line("move", "%s: %s to %s", s.Move, s.From, s.To)
	line("phase", "%s, since %s (%s)", s.Stage, clock(s.Since), round(max(0, s.At.Sub(s.Since))))
	line("people", "%s", peopleAt(s))
	for _, k := range kindsShown(s) {
		line(k.name, "%s of %s", number(k.Done), number(max(k.All, k.Done)))
	}
	if s.Turn == 0 {
		line("files' bytes", "%s", filesText(s.Files))
	}
	line("rate", "%s", rateText(s))
	line("lag", "%s", lagText(s))
	line("verified", "%s", verifiedText(s.Verify))
	line("pause", "%s", pauseText(s))
	line("source", "%s", placeText(s.Source))
	line("target", "%s", placeText(s.Target))
	line("waits", "%s", s.Waits)
	if s.Quarantined > 0 {
		line("quarantine", "%s records; %s", number(s.Quarantined), orElse(s.SignedOff, "nobody has signed them off"))
	}
	if p := s.Problem; p != nil {
		line("problem", "%s", p.Text)
		line("hint", "%s", p.Hint)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if whole && len(s.Log) > 0 {
		b.WriteString("\nlately\n")
		for _, l := range s.Log[max(0, len(s.Log)-8):] {
			fmt.Fprintf(&b, "  %s  %s\n", clock(l.At), l.Text)
		}
		b.WriteString("\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return writeNext(w, s)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return "signed off by " + s
}

func peopleAt(s move.Status) string {
	where, place := s.From, s.Source
	if s.Writing == "to" {
		where, place = s.To, s.Target
	}
	text := "write at " + where
	if place.People > 0 {
		text += fmt.Sprintf("; %d are there", place.People)
	}
	if n := s.Source.Relayed + s.Target.Relayed; n > 0 {
		text += fmt.Sprintf("; %d came by the other place lately", n)
	}
	return text
}

func filesText(f move.FileStatus) string {
	if f.Total == 0 && f.Copied == 0 {
		return ""
	}
	text := fmt.Sprintf("%s in %s files copied, %s files were there, of %s", bytesText(f.Bytes), number(f.Copied), number(f.There), bytesText(f.Total))
	if f.Gone > 0 {
		text += fmt.Sprintf("; %s files are missing at the source itself", number(f.Gone))
	}
	return text
}

func rateText(s move.Status) string {
	if len(s.Rates) == 0 {
		return ""
	}
	r := s.Rates[len(s.Rates)-1]
	text := fmt.Sprintf("%s objects/s", number(int64(r.Objects)))
	if r.Bytes >= 1 {
		text += ", " + bytesText(int64(r.Bytes)) + "/s of files"
	}
	if e := band(s.Low, s.High); e != "" {
		text += "; " + e
	}
	return text
}

// band is when a stage ends, as far as that can be said.
func band(low, high time.Duration) string { return eta(move.Snapshot{Low: low, High: high}) }

func lagText(s move.Status) string {
	if s.Stage != move.StageFollow && s.Stage != move.StageReverse {
		return ""
	}
	if s.Behind == 0 {
		return fmt.Sprintf("%s, nothing is behind", precise(s.Lag))
	}
	return fmt.Sprintf("%s, %s changes behind", precise(s.Lag), number(s.Behind))
}

func verifiedText(v move.VerifyStatus) string {
	var parts []string
	if v.Clean != nil {
		parts = append(parts, "clean at "+clock(*v.Clean))
	}
	if v.Differences > 0 {
		parts = append(parts, number(v.Differences)+" differences are left")
	}
	if v.Repaired > 0 {
		parts = append(parts, number(v.Repaired)+" repaired")
	}
	if v.Round > 0 {
		parts = append(parts, fmt.Sprintf("round %d at %s: %.0f %%", v.Round, v.Level, 100*v.Done))
	}
	return strings.Join(parts, ", ")
}

func pauseText(s move.Status) string {
	var parts []string
	if s.Pause > 0 {
		parts = append(parts, "people would wait for about "+precise(s.Pause))
	}
	if s.Budget > 0 {
		parts = append(parts, "they may for "+s.Budget.String())
	}
	for _, p := range s.Pauses {
		parts = append(parts, fmt.Sprintf("%s at %s: %s", p.What, clock(p.At), precise(p.Took)))
	}
	return strings.Join(parts, "; ")
}

func placeText(p move.PlaceStatus) string {
	parts := nonEmpty(string(p.State))
	if p.Silent {
		parts = append(parts, "does not answer")
	}
	if p.Posts > 0 {
		parts = append(parts, fmt.Sprintf("%.1f posts/s, p95 %.1f ms", p.Posts, p.P95))
	}
	if p.Held > 0 {
		parts = append(parts, fmt.Sprintf("%d requests wait", p.Held))
	}
	if p.Title != "" {
		parts = append(parts, p.Title)
	}
	return strings.Join(parts, ", ")
}

// writeNext writes the next step of a person, the latest time for it, and the
// command that does it.
func writeNext(w io.Writer, s move.Status) error {
	n := s.Next
	text := "next: " + orNone(n.Step)
	if n.By != nil {
		text += ", by " + n.By.Local().Format("Monday, 2 January, 15:04")
	}
	if n.Then != "" {
		text += "; else " + n.Then
	}
	if command := commandOf(n.Do, s.Move); command != "" {
		text += "\n  " + command
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// commandOf is the command line of an order.
func commandOf(do, name string) string {
	switch do {
	case "":
		return ""
	case move.OrderResume:
		return "godwit set " + name + " pause=off"
	case move.OrderWait:
		return "godwit cutover " + name + " --cancel"
	}
	return "godwit " + do + " " + name
}

func writeKnobs(w io.Writer, s move.Status) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	paused := "off"
	if s.Paused {
		paused = "on"
	}
	fmt.Fprintf(t, "pause\t%s\ton: carry nothing until off\n", paused)
	for _, k := range s.Knobs {
		fmt.Fprintf(t, "%s\t%s\t%s\n", k.Name, k.Value, k.Help)
	}
	return t.Flush()
}

// clock is a time of the day, with its day if that is another.
func clock(t time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2 January, 15:04")
}

// kindShown is the progress of what people think of as one thing.
type kindShown struct {
	name      string
	Done, All int64
}

// kindsShown sums up the kinds that few people know by their names.
func kindsShown(s move.Status) (out []kindShown) {
	if s.Turn > 0 {
		return nil // all was there already: only what was written since is carried
	}
	names := map[chat.Kind]string{chat.KindUser: "accounts", chat.KindRoom: "rooms", chat.KindMessage: "messages", chat.KindFile: "files"}
	rest := kindShown{name: "all else"}
	for _, k := range s.Kinds {
		if name := names[k.Kind]; name != "" {
			out = append(out, kindShown{name, k.Done, k.All})
			continue
		}
		rest.Done, rest.All = rest.Done+k.Done, rest.All+k.All
	}
	if rest.All > 0 {
		out = append(out, rest)
	}
	return out
}
