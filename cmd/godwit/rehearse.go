package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/pilot"
)

// config makes of the flags of an import those of a flight.
func (f *moveFlags) config() (*pilot.Config, error) {
	for _, one := range []struct {
		name string
		set  bool
	}{
		{"--source", f.Source != ""}, {"--password-file", f.PasswordFile != ""}, {"--files-from", f.FilesFrom != ""},
		{"--without-files", f.WithoutFiles}, {"--files-only", f.FilesOnly}, {"--files", f.Files != ""},
	} {
		if one.set {
			return nil, chat.Errorf(chat.Invalid, "%s is for imports, and %s is a place in use", one.name, redact(f.From)).
				WithHint("a move between two places carries the whole place; files of a postgres:// place: --from-files DIR, --to-files DIR")
		}
	}
	return &pilot.Config{Name: f.Name, From: f.From, To: f.To, ToFile: f.TokenFile}, nil
}

// plan looks at two places in use.
func (f *flightFlags) plan(ctx context.Context, a *app, flags *moveFlags) (err error) {
	config, err := flags.config()
	if err != nil {
		return err
	}
	m, err := f.open(ctx, a, config, flags.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	plan, err := m.Plan(ctx)
	if err != nil {
		return err
	}
	return a.result(plan, func(w io.Writer) error {
		if err := plan.WriteText(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nThe plan is in %s. Nothing was changed.\nnext: godwit sync %s %s\n", m.Dir+"/plan.toml", m.From, m.To)
		return err
	})
}

// verify compares two places in use.
func (f *flightFlags) verify(ctx context.Context, a *app, flags *moveFlags, level chat.Level, repair bool) (err error) {
	config, err := flags.config()
	if err != nil {
		return err
	}
	m, err := f.open(ctx, a, config, flags.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	shown := a.newFlightProgress(m.Name)
	m.Progress = shown.show
	report, err := m.Verify(ctx, level, repair)
	shown.end()
	if err != nil {
		return err
	}
	if err := a.result(report, func(w io.Writer) error { return writeReport(w, report, m.Dir) }); err != nil {
		return err
	}
	if code := outcomeCodes[report.Outcome()]; code != exitOK {
		return finished{code}
	}
	return nil
}

// rehearseCmd goes the way of a move to a disposable target.
type rehearseCmd struct {
	stateFlags  `embed:""`
	flightFlags `embed:""`
	From        string `arg:""`
	To          string `arg:""`
	Name        string `placeholder:"NAME"`
	Throttle    string `placeholder:"LIMIT"`
	Bandwidth   string `placeholder:"TIMES"`
}

// Run measures a move, and nobody waits.
func (c *rehearseCmd) Run(ctx context.Context, a *app) (err error) {
	config := &pilot.Config{Name: c.Name, From: c.From, To: c.To, Throttle: c.Throttle, Bandwidth: c.Bandwidth}
	if c.File != "" {
		if config, err = pilot.ReadConfig(c.File); err != nil {
			return err
		}
		config.From, config.To = c.From, c.To
	}
	if err := c.settle(config); err != nil {
		return err
	}
	// What the rehearsal keeps is not in the way of the move itself.
	real, name := flightDir(c.State, config.Name), config.Name
	m, err := c.open(ctx, a, config, flightDir(c.State, "rehearsal-of-"+name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	shown := a.newFlightProgress(name)
	m.Progress = shown.show
	r, err := m.Rehearse(ctx, real)
	shown.end()
	if err != nil {
		return err
	}
	return a.result(r, func(w io.Writer) error { return writeRehearsal(w, r, real) })
}

func writeRehearsal(w io.Writer, r *move.Rehearsal, dir string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "presync\t%s\t%s objects, %s of files\n", round(r.Presync), number(r.Objects), bytesText(r.Bytes))
	fmt.Fprintf(t, "verify\t%s\tall of it, L2\n", round(r.Verify))
	fmt.Fprintf(t, "delta\t%s\twhile people would wait\n", precise(r.Delta))
	fmt.Fprintf(t, "gate\t%s\twhile people would wait\n", precise(r.Gate))
	fmt.Fprintf(t, "pause\t%s\tthat people would feel\n", precise(r.Pause))
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nNobody waited, and the two places are parted again. The plan in %s takes these times.\nnext: empty the target, and godwit plan FROM TO for the move itself\n", dir)
	return err
}
