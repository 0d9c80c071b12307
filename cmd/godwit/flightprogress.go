package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// flightProgress shows how a flight stands.
type flightProgress interface {
	show(move.Status)
	end()
}

func (a *app) newFlightProgress(name string) flightProgress {
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return newFlightBar(a.err, name)
	}
	return &flightLines{out: a.err, every: 10 * time.Second}
}

// flightLines writes a line when the stage, what it waits for, or the next
// step changes, and every so often.
type flightLines struct {
	out   io.Writer
	every time.Duration

	mu    sync.Mutex
	last  time.Time
	then  move.Status
	found string // the problem that was said last
}

func (l *flightLines) show(s move.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Stage == "" {
		return
	}
	now := time.Now()
	said := false
	if s.Stage != l.then.Stage {
		fmt.Fprintf(l.out, "%s: begins\n", s.Stage)
		said = true
	}
	if p := s.Problem; p != nil && p.Text != l.found {
		fmt.Fprintf(l.out, "%s: problem: %s\n", s.Stage, p.Text)
		l.found = p.Text
	}
	if next := nextLine(s); next != "" && next != nextLine(l.then) {
		fmt.Fprintf(l.out, "%s: next step of yours: %s\n", s.Stage, next)
	}
	if !said && now.Sub(l.last) >= l.every {
		fmt.Fprintln(l.out, flightLine(s))
		said = true
	}
	if said {
		l.last = now
	}
	l.then = s
}

func (l *flightLines) end() {}

// nextLine is the next step of a person, if there is one.
func nextLine(s move.Status) string {
	n := s.Next
	if n.Step == "" || strings.HasPrefix(n.Step, "none") {
		return ""
	}
	text := n.Step
	if n.By != nil {
		text += ", by " + clock(*n.By)
	}
	if command := commandOf(n.Do, s.Move); command != "" {
		text += " (" + command + ")"
	}
	return text
}

// flightLine says in one line how a flight stands.
func flightLine(s move.Status) string {
	parts := []string{flightAmounts(s)}
	if n := len(s.Rates); n > 0 && s.Rates[n-1].Objects >= 1 {
		parts = append(parts, number(int64(s.Rates[n-1].Objects))+"/s")
	}
	if s.Files.Bytes > 0 {
		parts = append(parts, bytesText(s.Files.Bytes)+" of files")
	}
	parts = append(parts, band(s.Low, s.High))
	if lag := lagText(s); lag != "" {
		parts = append(parts, "lag "+lag)
	}
	if s.Paused {
		parts = append(parts, "paused")
	}
	parts = append(parts, s.Waits)
	return string(s.Stage) + ": " + strings.Join(nonEmpty(parts...), ", ")
}

// flightAmounts is how much of the messages is there, or of the log.
func flightAmounts(s move.Status) string {
	if s.Turn > 0 {
		return ""
	}
	for _, k := range s.Kinds {
		if k.Kind == chat.KindMessage && k.All > 0 {
			return fmt.Sprintf("%s of %s messages", number(k.Done), number(max(k.All, k.Done)))
		}
	}
	if s.Total > 0 {
		return fmt.Sprintf("%s of %s changes", number(s.Done), number(s.Total))
	}
	return ""
}

// flightBar draws a bar, and lines below it that say more.
type flightBar struct {
	out   *mpb.Progress
	bar   *mpb.Bar
	now   atomic.Pointer[move.Status]
	mu    sync.Mutex
	stage move.Stage
}

func newFlightBar(out io.Writer, name string) *flightBar {
	b := &flightBar{out: mpb.New(mpb.WithOutput(out), mpb.WithWidth(32), mpb.WithRefreshRate(250*time.Millisecond))}
	b.now.Store(&move.Status{Move: name, Stage: move.StagePlan})
	about := func(f func(move.Status) string) decor.Decorator {
		return decor.Any(func(decor.Statistics) string { return f(*b.now.Load()) })
	}
	// One filler is one line, and a line that is too long would break the screen.
	below := make([]mpb.BarFiller, barLines)
	for i := range below {
		below[i] = mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
			line := []rune("          " + belowBar(*b.now.Load())[i])
			_, err := fmt.Fprintln(w, string(line[:min(len(line), max(st.AvailableWidth, 0))]))
			return err
		})
	}
	b.bar = b.out.AddBar(steps,
		mpb.PrependDecorators(about(func(s move.Status) string { return fmt.Sprintf("%-9s", s.Stage) })),
		mpb.AppendDecorators(about(func(s move.Status) string {
			s.Waits = ""
			return strings.TrimPrefix(flightLine(s), string(s.Stage)+": ")
		})),
		mpb.BarBtmExtender(below...),
		mpb.BarRemoveOnComplete(),
	)
	return b
}

const barLines = 4

// belowBar says how people fare, what is proved, why it waits, and what is
// next. The number of lines does not change: the screen stays calm.
func belowBar(s move.Status) [barLines]string {
	fare := s.Source
	if s.Writing == "to" {
		fare = s.Target
	}
	people := nonEmpty(fmt.Sprintf("people: %d there, %.0f posts/s, p95 %.1f ms", fare.People, fare.Posts, fare.P95), pauseText(s))
	next := "next step of yours: " + orNone(nextLine(s))
	if p := s.Problem; p != nil {
		next = "problem: " + p.Text
	}
	return [barLines]string{strings.Join(people, " · "), "verified: " + orNone(verifiedText(s.Verify)), "waits: " + orNone(s.Waits), next}
}

func (b *flightBar) show(s move.Status) {
	if s.Stage == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.now.Load(); b.stage != "" && s.Stage != b.stage {
		fmt.Fprintf(b.out, "%-9s %s, ended after %s\n", old.Stage, flightAmounts(*old), round(max(0, s.Since.Sub(old.Since))))
	}
	b.stage = s.Stage
	b.now.Store(&s)
	filled := int64(steps - 1)
	if s.Total > 0 {
		filled = min(filled, s.Done*steps/s.Total)
	}
	b.bar.SetCurrent(filled)
}

func (b *flightBar) end() {
	b.bar.Abort(true)
	b.out.Wait()
}
