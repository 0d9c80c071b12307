package pilot

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/godwit-chat/godwit/internal/move"
)

// Message is what hooks, webhooks and mails are made of.
type Message struct {
	Event string `json:"event"` // before, after (a phase); human (one is waited for); fails
	Move  string `json:"move"`
	Phase string `json:"phase"`
	Text  string `json:"text,omitempty"` // for a person
	Step  string `json:"step,omitempty"` // the next one of a human
	By    string `json:"by,omitempty"`   // the latest time for it, RFC 3339
	Then  string `json:"then,omitempty"` // what happens if nobody does it
	At    string `json:"at"`             // RFC 3339

	State move.Status `json:"state"` // as `godwit status NAME --json` prints it
}

// Crew hears of what a flight does: hooks at once, people behind it.
type Crew struct {
	Hooks  Hooks
	Notify *Notifier // nil tells nobody
	Log    *slog.Logger
}

var events = map[string]string{move.EventBegins: "before", move.EventEnds: "after", move.EventHuman: "human", move.EventFails: "fails"}

// Hear is a flight's Hook. An error stops the flight, and there is none after
// the point of no return: a hook that fails then is in the log.
func (c *Crew) Hear(ctx context.Context, e move.Event) error {
	m := messageOf(e)
	if c.Notify != nil && e.What != move.EventBegins && !within(e) {
		c.Notify.Tell(m)
	}
	if e.What != move.EventBegins && e.What != move.EventEnds {
		return nil
	}
	limit := time.Duration(c.Hooks.Timeout)
	if limit == 0 {
		limit = hookTimeout
	}
	if within(e) {
		limit = min(limit, max(e.Status.Budget/4, time.Second)) // people wait
	}
	err := c.Hooks.run(ctx, m, limit)
	if err == nil || !past(e) {
		return err
	}
	c.Log.Warn("a hook failed", "move", m.Move, "phase", m.Phase, "err", err)
	return nil
}

// within reports whether people wait while an event is heard.
func within(e move.Event) bool {
	switch e.Stage {
	case move.StageFreeze, move.StageDelta, move.StageVerify, move.StageCutover:
		return !(e.Stage == move.StageFreeze && e.What == move.EventBegins) && !past(e)
	}
	return false
}

// past reports whether an event is after the point of no return.
func past(e move.Event) bool {
	return e.Stage == move.StageCutover && e.What == move.EventEnds ||
		slices.Contains([]move.Stage{move.StageReverse, move.StageComplete, move.StageAborted}, e.Stage)
}

func messageOf(e move.Event) Message {
	s := e.Status
	m := Message{Event: events[e.What], Move: s.Move, Phase: string(e.Stage), Text: e.Error, Step: s.Next.Step, Then: s.Next.Then, At: time.Now().UTC().Format(time.RFC3339), State: s}
	if m.Text == "" && s.Problem != nil && e.What == move.EventFails {
		m.Text = s.Problem.Text
	}
	if e.What == move.EventFails && s.Problem != nil && s.Problem.Hint != "" {
		m.Text += "\nhint: " + s.Problem.Hint
	}
	if s.Next.By != nil {
		m.By = s.Next.By.UTC().Format(time.RFC3339)
	}
	return m
}
