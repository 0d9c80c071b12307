package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/pilot"
)

// stepFlags are those of the commands that drive a move.
type stepFlags struct {
	stateFlags  `embed:""`
	flightFlags `embed:""`
	Name        string `arg:""`
}

// order gives orders to the mover that runs, or becomes one for them. It
// returns how the move stands then.
func (c *stepFlags) order(ctx context.Context, a *app, orders ...connect.Order) (s move.Status, err error) {
	for i := range orders {
		orders[i].Who = whoami()
	}
	dir := flightDir(c.State, c.Name)
	if line, ok := pilot.Dial(ctx, dir); ok {
		defer line.Close()
		return a.orderRunning(ctx, line, c.Name, orders)
	}
	config, err := c.config(c.Name)
	if err != nil {
		return s, err
	}
	f, err := c.open(ctx, a, config, c.State)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	_, err = a.fly(ctx, f, func(ctx context.Context) error { return f.obey(ctx, orders) })
	return f.Status(), err
}

// orderRunning gives orders to a mover in another process, and shows how it
// goes meanwhile.
func (a *app) orderRunning(ctx context.Context, line *pilot.Line, name string, orders []connect.Order) (s move.Status, err error) {
	shown := a.newFlightProgress(name)
	watched, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for every := time.NewTicker(200 * time.Millisecond); ; {
			select {
			case <-watched.Done():
				every.Stop()
				return
			case <-every.C:
				if s, err := line.Status(watched); err == nil {
					shown.show(s)
				}
			}
		}
	}()
	for _, o := range orders {
		if s, err = line.Do(ctx, o); err != nil {
			break
		}
	}
	stop()
	<-ended
	shown.end()
	return s, err
}

// whoami names who gives an order, for the log of the move.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "operator"
}

// ordered prints how a move stands after an order.
func (a *app) ordered(s move.Status, err error, text string) error {
	if err != nil {
		return err
	}
	return a.result(s, func(w io.Writer) error {
		fmt.Fprintln(w, text)
		return writeNext(w, s)
	})
}

// cutoverCmd moves people over.
type cutoverCmd struct {
	stepFlags `embed:""`
	At        string `xor:"when" placeholder:"TIME"`
	WhenGone  string `xor:"when" placeholder:"FILE"`
	Cancel    bool   `xor:"when"`
}

// Run moves people over at once, or says when.
func (c *cutoverCmd) Run(ctx context.Context, a *app) error {
	o, text := connect.Order{Word: move.OrderCutover}, ""
	switch {
	case c.Cancel:
		o.Word, text = move.OrderWait, "No cutover is planned any more."
	case c.At != "":
		at, err := parseTime(c.At, time.Now())
		if err != nil {
			return err
		}
		o.Args, text = "at "+at.Format(time.RFC3339), "The cutover is planned for "+at.Format("Monday, 2 January 2006, 15:04:05 MST")+"."
	case c.WhenGone != "":
		path, err := filepath.Abs(c.WhenGone)
		if err != nil {
			return err
		}
		o.Args, text = "when-gone "+path, "The cutover begins when "+path+" is removed."
	}
	s, err := c.order(ctx, a, o)
	if err == nil && text == "" {
		text = handedOver(s)
	}
	return a.ordered(s, err, text)
}

// handedOver says what people felt of the last hand-over.
func handedOver(s move.Status) string {
	where := s.To
	if s.Writing == "from" {
		where = s.From
	}
	text := "People write at " + where + " now."
	if n := len(s.Pauses); n > 0 {
		text += fmt.Sprintf(" They waited for %s.", precise(s.Pauses[n-1].Took))
	}
	return text
}

func precise(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// parseTime reads a moment to come: with a date or without.
func parseTime(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		if !at.After(now) {
			at = time.Date(now.Year(), now.Month(), now.Day()+1, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		}
		return at, nil
	}
	if d, err := time.ParseDuration(strings.TrimPrefix(text, "+")); err == nil && d > 0 && strings.HasPrefix(text, "+") {
		return now.Add(d), nil
	}
	return time.Time{}, chat.Errorf(chat.Invalid, "%q is not a time", text).WithHint("like 22:30, 2026-11-25 03:00, 2026-11-25T03:00:00Z, or +90m")
}

// rollbackCmd moves people back.
type rollbackCmd struct {
	stepFlags `embed:""`
}

// Run moves people back to the place that wrote before.
func (c *rollbackCmd) Run(ctx context.Context, a *app) error {
	s, err := c.order(ctx, a, connect.Order{Word: move.OrderRollback})
	return a.ordered(s, err, handedOver(s))
}

// completeCmd ends a move after its cutover.
type completeCmd struct {
	stepFlags `embed:""`
}

// Run ends the move: there is no way back any more.
func (c *completeCmd) Run(ctx context.Context, a *app) error {
	s, err := c.order(ctx, a, connect.Order{Word: move.OrderComplete})
	left := s.From
	if s.Writing == "from" {
		left = s.To // after a rollback
	}
	return a.ordered(s, err, fmt.Sprintf("The move %s is complete. %s only passes people on.", s.Move, left))
}

// abortCmd gives a move up before its cutover.
type abortCmd struct {
	stepFlags    `embed:""`
	TargetIsGone bool
}

// Run gives the move up: people stay where they are.
func (c *abortCmd) Run(ctx context.Context, a *app) error {
	s, err := c.abort(ctx, a)
	return a.ordered(s, err, fmt.Sprintf("The move %s is given up. People stay at %s.", s.Move, s.From))
}

// abort has the mover that runs do it, or does it with the places alone.
func (c *abortCmd) abort(ctx context.Context, a *app) (s move.Status, err error) {
	if line, ok := pilot.Dial(ctx, flightDir(c.State, c.Name)); ok {
		defer line.Close()
		return a.orderRunning(ctx, line, c.Name, []connect.Order{{Word: move.OrderAbort, Who: whoami()}})
	}
	config, err := c.config(c.Name)
	if err != nil {
		return s, err
	}
	if c.TargetIsGone {
		return move.Status{Move: config.Name, From: redact(config.From), Stage: move.StageAborted}, c.alone(ctx, config)
	}
	f, err := c.open(ctx, a, config, c.State)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	err = f.Abort(ctx)
	return f.Status(), err
}

// alone parts the old place from one that is gone: it has the turn, and the
// other one could not have opened without it.
func (c *abortCmd) alone(ctx context.Context, config *pilot.Config) (err error) {
	secret, err := tokenFor(cmp.Or(c.FromTokenFile, config.FromFile), "GODWIT_FROM_TOKEN")
	if err != nil {
		return err
	}
	source, err := openParty(ctx, config.From, secret, c.FromFiles, "from")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	at, err := source.Standing(ctx)
	if err != nil || at.Pair.Over {
		return err
	}
	if !at.Pair.Mine() {
		return chat.Errorf(chat.Conflict, "people are at the new place, as far as the old one knows").
			WithHint("if that place is gone for good, on the old machine: godwit admin open --target-is-gone")
	}
	_, err = source.End(ctx, config.Name)
	return err
}

// setCmd turns the knobs of a move.
type setCmd struct {
	Name   string   `arg:""`
	Values []string `arg:"" name:"knob"`
	State  string   `placeholder:"DIR" default:"." type:"existingdir"`
}

// Run turns the knobs of the mover that runs.
func (c *setCmd) Run(ctx context.Context, a *app) error {
	var orders []connect.Order
	for _, v := range c.Values {
		o, err := knobOrder(v)
		if err != nil {
			return err
		}
		o.Who = whoami()
		orders = append(orders, o)
	}
	line, ok := pilot.Dial(ctx, flightDir(c.State, c.Name))
	if !ok {
		return chat.Errorf(chat.NotFound, "no mover of %s runs here", c.Name).
			WithHint("godwit sync starts it, and takes the same values as flags; --state DIR says where %s.godwit is", c.Name)
	}
	defer line.Close()
	var s move.Status
	var err error
	for _, o := range orders {
		if s, err = line.Do(ctx, o); err != nil {
			return err
		}
	}
	return a.result(s, func(w io.Writer) error { return writeKnobs(w, s) })
}

// knobOrder reads KNOB=VALUE. Some that are orders of their own read as knobs.
func knobOrder(v string) (connect.Order, error) {
	name, value, ok := strings.Cut(v, "=")
	if !ok {
		return connect.Order{}, chat.Errorf(chat.Invalid, "%q sets nothing", v).WithHint("godwit set NAME KNOB=VALUE; godwit set --help lists the knobs")
	}
	switch {
	case name == "pause" && (value == "on" || value == "off"):
		word := map[string]string{"on": move.OrderPause, "off": move.OrderResume}[value]
		return connect.Order{Word: word}, nil
	case name == "pause":
		return connect.Order{}, chat.Errorf(chat.Invalid, "pause is %q", value).WithHint("on or off")
	case name == "sign-off":
		return connect.Order{Word: move.OrderSignOff, Args: value}, nil
	case name == "verify" && value == "now":
		return connect.Order{Word: move.OrderVerify}, nil
	}
	return connect.Order{Word: move.OrderSet, Args: v}, nil
}
