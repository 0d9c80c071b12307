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

// progress shows how a move stands: on a terminal in place, elsewhere by a
// line when the phase changes and now and then.
type progress interface {
	show(move.Snapshot)
	end()
}

func (a *app) newProgress() progress {
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return newBars(a.err)
	}
	return &lines{out: a.err, every: 10 * time.Second}
}

// lines writes a line at each new phase, and every so often.
type lines struct {
	out   io.Writer
	every time.Duration

	mu    sync.Mutex
	phase string
	last  time.Time
	then  move.Snapshot
}

func (l *lines) show(s move.Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Phase == "" {
		return
	}
	now := time.Now()
	if s.Phase != l.phase {
		l.done()
		l.phase, l.last = s.Phase, now
		fmt.Fprintf(l.out, "%s: begins\n", s.Phase)
	} else if now.Sub(l.last) >= l.every {
		l.last = now
		fmt.Fprintln(l.out, line(s))
	}
	l.then = s
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done()
}

// done writes how a phase ended that took some time.
func (l *lines) done() {
	s := l.then
	if l.phase == "" || s.Elapsed < time.Second {
		return
	}
	s.Waits, s.Low, s.High = "", 0, 0
	fmt.Fprintf(l.out, "%s, ended after %s\n", line(s), round(s.Elapsed))
}

// line says in one line how things stand.
func line(s move.Snapshot) string {
	parts := nonEmpty(share(s) + amounts(s))
	if s.Rate >= 1 {
		parts = append(parts, fmt.Sprintf("%s/s", number(int64(s.Rate))))
	}
	if s.Files > 0 && s.Phase == "presync" {
		parts = append(parts, bytesText(s.Files)+" of files")
	}
	if e := eta(s); e != "" {
		parts = append(parts, e)
	}
	if s.Waits != "" {
		parts = append(parts, s.Waits)
	}
	return s.Phase + ": " + strings.Join(parts, ", ")
}

func share(s move.Snapshot) string {
	if s.Phase != "presync" || s.Total == 0 {
		return ""
	}
	return fmt.Sprintf("%d %% of %s, ", min(100, s.Input*100/s.Total), bytesText(s.Total))
}

func amounts(s move.Snapshot) string {
	switch s.Phase {
	case "search":
		if s.Left == 0 && s.Items == 0 {
			return "looks for what cannot be found yet"
		}
		return fmt.Sprintf("%s messages left to index", number(s.Left))
	case "presync":
		c := s.Counts[chat.KindMessage]
		text := fmt.Sprintf("%s messages", number(c.Written+c.Unchanged+c.Conflict))
		if n := quarantined(s.Counts); n > 0 {
			text += fmt.Sprintf(", %s quarantined", number(n))
		}
		return text
	case "verify":
		return "both ends are added up"
	}
	if s.Items == 0 {
		return ""
	}
	return fmt.Sprintf("%s objects", number(s.Items))
}

func quarantined(counts chat.Counts) int64 {
	var n int64
	for _, c := range counts {
		n += c.Quarantined
	}
	return n
}

func eta(s move.Snapshot) string {
	switch {
	case s.High <= 0:
		return ""
	case s.High < 2*time.Second:
		return "done in a moment"
	case s.Low.Round(time.Second) == s.High.Round(time.Second):
		return fmt.Sprintf("done in %s", round(s.High))
	default:
		return fmt.Sprintf("done in %s to %s", round(s.Low), round(s.High))
	}
}

// bars draws one bar for the phase, and a line below that says more.
type bars struct {
	out   *mpb.Progress
	bar   *mpb.Bar
	now   atomic.Pointer[move.Snapshot]
	phase string
}

const steps = 1000 // of a bar

func newBars(out io.Writer) *bars {
	b := &bars{out: mpb.New(mpb.WithOutput(out), mpb.WithWidth(32), mpb.WithRefreshRate(250*time.Millisecond))}
	b.now.Store(&move.Snapshot{Phase: "plan"})
	about := func(f func(move.Snapshot) string) decor.Decorator {
		return decor.Any(func(decor.Statistics) string { return f(*b.now.Load()) })
	}
	below := mpb.BarFillerFunc(func(w io.Writer, _ decor.Statistics) error {
		s := *b.now.Load()
		_, err := fmt.Fprintf(w, "         %s\n", strings.Join(nonEmpty(s.Waits, "next step of yours: "+orNone(s.Next)), " · "))
		return err
	})
	b.bar = b.out.AddBar(steps,
		mpb.PrependDecorators(about(func(s move.Snapshot) string { return fmt.Sprintf("%-9s", s.Phase) })),
		mpb.AppendDecorators(about(func(s move.Snapshot) string {
			s.Waits = ""
			return strings.TrimPrefix(line(s), s.Phase+": ")
		})),
		mpb.BarBtmExtender(below),
		mpb.BarRemoveOnComplete(),
	)
	return b
}

func (b *bars) show(s move.Snapshot) {
	if s.Phase == "" {
		return
	}
	if old := b.now.Load(); b.phase != "" && s.Phase != b.phase {
		b.done(*old)
	}
	b.phase = s.Phase
	b.now.Store(&s)
	b.bar.SetCurrent(filled(s))
}

// filled is how much of the bar to draw; never all, which would remove it.
func filled(s move.Snapshot) int64 {
	var f float64
	switch {
	case s.Phase == "search" && s.Left+s.Items > 0:
		f = float64(s.Items) / float64(s.Left+s.Items)
	case s.Phase == "presync" && s.Total > 0:
		f = float64(s.Input) / float64(s.Total)
	}
	return max(0, min(int64(f*steps), steps-1))
}

// done leaves a line that stays for a phase that took some time.
func (b *bars) done(s move.Snapshot) {
	if s.Elapsed < 500*time.Millisecond {
		return
	}
	s.Waits, s.Low, s.High, s.Rate = "", 0, 0, 0
	if s.Input > 0 && s.Total > 0 && s.Phase == "presync" {
		s.Input = s.Total
	}
	fmt.Fprintf(b.out, "%-9s %s in %s\n", s.Phase, strings.TrimPrefix(line(s), s.Phase+": "), round(s.Elapsed))
}

func (b *bars) end() {
	if b.phase != "" {
		b.done(*b.now.Load())
	}
	b.bar.Abort(true)
	b.out.Wait()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
