package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
)

// sourceFlags say how to read a source.
type sourceFlags struct {
	From         string `arg:""`
	Source       string `placeholder:"NAME"`
	PasswordFile string `placeholder:"FILE"`
	FilesFrom    string `placeholder:"DIR" type:"existingdir"`
	WithoutFiles bool
	FilesOnly    bool
	FetchFlags   fetchFlags   `embed:""`
	ArchiveFlags archiveFlags `embed:""`
}

func (f *sourceFlags) options(a *app) (connect.Options, error) {
	if f.WithoutFiles && f.FilesOnly {
		return connect.Options{}, chat.Errorf(chat.Invalid, "--without-files and --files-only leave nothing to carry").WithHint("give one of them")
	}
	o := connect.Options{
		Name: f.Source, Password: a.askPassword(f.PasswordFile),
		FilesFrom: f.FilesFrom, WithoutFiles: f.WithoutFiles, FilesOnly: f.FilesOnly,
	}
	if err := f.ArchiveFlags.options(a, &o); err != nil {
		return o, err
	}
	return o, f.FetchFlags.options(f.From, &o)
}

// moveFlags say what to move and where.
type moveFlags struct {
	sourceFlags `embed:""`
	To          string `arg:"" optional:""`
	Name        string `placeholder:"NAME"`
	State       string `placeholder:"DIR" default:"." type:"existingdir"`
	TokenFile   string `placeholder:"FILE"`
	Files       string `placeholder:"DIR" env:"GODWIT_FILES"`
	Log         bool
}

var moveName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// job opens both ends, the target perhaps only to look. The caller closes them.
func (f *moveFlags) job(ctx context.Context, a *app, look bool) (*move.Job, error) {
	if err := f.needTo(); err != nil {
		return nil, err
	}
	o, err := f.options(a)
	if err != nil {
		return nil, err
	}
	o.Look = look
	if o.Token, err = token(f.TokenFile); err != nil {
		return nil, err
	}
	if f.Name != "" && !moveName.MatchString(f.Name) {
		return nil, chat.Errorf(chat.Invalid, "%q is not a name for a move", f.Name).WithHint("use small letters, digits, - and _, at most 63")
	}
	set := connectors(f.Files)
	source, err := set.Source(ctx, f.From, o)
	if err != nil {
		return nil, err
	}
	if source, err = f.FetchFlags.linked(ctx, a, set, f.From, &o, source); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	name := f.Name
	if name == "" {
		name = nameOf(source.Describe().Name)
	}
	if !look {
		if err := f.check(ctx, set, name, source, o); err != nil {
			return nil, errors.Join(err, source.Close())
		}
	}
	target, err := set.Target(ctx, f.To, o)
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	if archived, ok := source.(*archive.Source); ok {
		if source, target, err = archive.Restore(ctx, archived, target, name); err != nil {
			return nil, errors.Join(err, archived.Close())
		}
	}
	log := slog.New(slog.DiscardHandler)
	if f.Log {
		log = slog.New(slog.NewTextHandler(a.err, nil))
	}
	return &move.Job{
		Name: name, Dir: f.dir(name), From: f.From, To: redact(f.To), Source: source, Target: target, Log: log,
		Options: f.scope(o),
	}, nil
}

func (f *moveFlags) scope(o connect.Options) move.Options {
	return move.Options{WithoutFiles: f.WithoutFiles, FilesOnly: f.FilesOnly, FilesFrom: o.FilesFrom}
}

// check looks whether an import is refused before the data directory that it
// is to be into is made: nothing is left behind then.
func (f *moveFlags) check(ctx context.Context, set connect.Set, name string, source connect.Source, o connect.Options) error {
	if _, archived := source.(*archive.Source); archived || strings.Contains(f.To, "://") {
		return nil
	}
	if _, err := os.Stat(f.To); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	o.Look = true
	target, err := set.Target(ctx, f.To, o)
	if err != nil {
		return err
	}
	j := &move.Job{Name: name, Dir: f.dir(name), From: f.From, To: redact(f.To), Source: source, Target: target, Options: f.scope(o)}
	return errors.Join(j.Check(ctx), target.Close())
}

// needTo is for all that an archive alone is not enough for.
func (f *moveFlags) needTo() error {
	if f.To != "" {
		return nil
	}
	return chat.Errorf(chat.Invalid, "expected \"<to>\"").WithHint("name where to: a data directory, postgres://… or https://…")
}

func (f *moveFlags) dir(name string) string { return filepath.Join(f.State, name+".godwit") }

// nameOf makes the name of a move from that of its source.
func nameOf(source string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, chat.Fold(source))
	name = strings.Trim(name, "-_")
	if name == "" {
		return "import"
	}
	return name[:min(len(name), 63)]
}

func closeBoth(j *move.Job, err *error) {
	*err = errors.Join(*err, j.Source.Close(), j.Target.Close())
}

// planCmd looks at both ends and writes the plan.
type planCmd struct {
	moveFlags   `embed:""`
	flightFlags `embed:""`
}

// Run prints what a move would do. Nothing is changed.
func (c *planCmd) Run(ctx context.Context, a *app) (err error) {
	if err := c.needTo(); err != nil {
		return err
	}
	if livePlace(c.From) {
		return c.plan(ctx, a, &c.moveFlags)
	}
	c.FetchFlags.try = true
	j, err := c.job(ctx, a, true)
	if err != nil {
		return err
	}
	defer closeBoth(j, &err)
	plan, err := j.Plan(ctx)
	if err != nil {
		return err
	}
	return a.result(plan, func(w io.Writer) error {
		if err := plan.WriteText(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nThe plan is in %s. Nothing was changed.\nnext: godwit import %s %s\n", filepath.Join(j.Dir, "plan.toml"), c.From, redact(c.To))
		return err
	})
}

// importCmd carries everything over.
type importCmd struct {
	moveFlags         `embed:""`
	Level             string `enum:"L1,L2,L3" default:"L2"`
	MaxQuarantine     string `placeholder:"COUNT,SHARE"`
	LeaveIndex        bool
	AcceptDifferences bool
	Batch             int `placeholder:"N"`
}

// Run imports, verifies and reports.
func (c *importCmd) Run(ctx context.Context, a *app) (err error) {
	var budget move.Budget
	if c.MaxQuarantine != "" {
		if budget, err = move.ParseBudget(c.MaxQuarantine); err != nil {
			return err
		}
	}
	// Most of what lives during an import are tables without pointers, which
	// cost the collector nothing: it may come twice as often.
	defer debug.SetGCPercent(debug.SetGCPercent(importGC))
	j, err := c.job(ctx, a, false)
	if err != nil {
		return err
	}
	defer closeBoth(j, &err)
	limitMemory()
	if strings.Contains(c.To, "://") { // of a directory it has the only key
		j.Modest = stepBack
	}
	j.Level, j.LeaveIndex, j.AcceptDifferences, j.BatchSize = levels[c.Level], c.LeaveIndex, c.AcceptDifferences, c.Batch
	if c.MaxQuarantine != "" {
		j.Quarantine = budget
	}
	return a.reportOf(ctx, j, (*move.Job).Import)
}

// importGC is the growth in percent after which memory is collected.
const importGC = 50

// moverMemory is what a mover's own memory stays below, with that of the
// database's cache and of the program beside it in 250 MB, whatever the moment
// gives the collector.
const moverMemory = 128 << 20

func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(moverMemory)
	}
}

var levels = map[string]chat.Level{"": chat.L2, "L1": chat.L1, "L2": chat.L2, "L3": chat.L3}

// verifyCmd compares both ends.
type verifyCmd struct {
	moveFlags   `embed:""`
	flightFlags `embed:""`
	Level       string `enum:",L1,L2,L3" default:""`
	Repair      bool
}

// Run compares and reports. Neither end is changed, but to repair.
func (c *verifyCmd) Run(ctx context.Context, a *app) (err error) {
	if where, ok := strings.CutPrefix(c.From, archiveScheme); ok && c.To == "" {
		return c.ArchiveFlags.verify(ctx, a, where, c.PasswordFile, c.Level)
	}
	if err := c.needTo(); err != nil {
		return err
	}
	if livePlace(c.From) {
		return c.verify(ctx, a, &c.moveFlags, levels[c.Level], c.Repair)
	}
	if c.Repair {
		return chat.Errorf(chat.Invalid, "--repair is for two places in use").WithHint("an import repairs by itself: run godwit import again")
	}
	j, err := c.job(ctx, a, true)
	if err != nil {
		return err
	}
	defer closeBoth(j, &err)
	j.Level = levels[c.Level]
	return a.reportOf(ctx, j, (*move.Job).Verify)
}

// reportOf runs a job with its progress shown, and prints its report.
func (a *app) reportOf(ctx context.Context, j *move.Job, work func(*move.Job, context.Context) (*move.Report, error)) error {
	shown := a.newProgress()
	j.Progress = shown.show
	report, err := work(j, ctx)
	shown.end()
	if report == nil {
		return err
	}
	if err != nil {
		if a.json {
			return reported{errors.Join(err, report.WriteJSON(a.out))}
		}
		return err
	}
	if err := a.result(report, func(w io.Writer) error { return writeReport(w, report, j.Dir) }); err != nil {
		return err
	}
	if code := outcomeCodes[report.Outcome()]; code != exitOK {
		return finished{code}
	}
	return nil
}

// inspectCmd says what is in a source.
type inspectCmd struct {
	sourceFlags `embed:""`
}

// Run reads the source to its end and prints what is in it.
func (c *inspectCmd) Run(ctx context.Context, a *app) (err error) {
	if where, ok := strings.CutPrefix(c.From, archiveScheme); ok {
		return c.ArchiveFlags.inspect(ctx, a, where, c.PasswordFile)
	}
	o, err := c.options(a)
	if err != nil {
		return err
	}
	o.Look = true
	source, err := connectors("").Source(ctx, c.From, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	in, err := move.Inspect(ctx, c.From, source)
	if err != nil {
		return err
	}
	return a.result(in, in.WriteText)
}

// reportCmd prints the report of a move.
type reportCmd struct {
	Name      string `arg:""`
	At        string `placeholder:"TO"`
	State     string `placeholder:"DIR" default:"." type:"existingdir"`
	TokenFile string `placeholder:"FILE"`
	Files     string `placeholder:"DIR" env:"GODWIT_FILES"`
	HTML      string `name:"html" placeholder:"FILE"`
}

// Run prints the report that the mover wrote, or that the target keeps.
func (c *reportCmd) Run(ctx context.Context, a *app) error {
	dir := filepath.Join(c.State, strings.TrimSuffix(c.Name, ".godwit")+".godwit")
	report, err := c.read(ctx, dir)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		return writeFileWith(c.HTML, report.WriteHTML)
	}
	if err := a.result(report, func(w io.Writer) error { return writeReport(w, report, dir) }); err != nil {
		return err
	}
	if code := outcomeCodes[report.Outcome()]; code != exitOK {
		return finished{code}
	}
	return nil
}

func (c *reportCmd) read(ctx context.Context, dir string) (_ *move.Report, err error) {
	if c.At == "" {
		return move.ReadReport(dir)
	}
	o := connect.Options{Look: true}
	if o.Token, err = token(c.TokenFile); err != nil {
		return nil, err
	}
	target, err := connectors(c.Files).Target(ctx, c.At, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return move.Recorded(ctx, target, c.Name)
}
