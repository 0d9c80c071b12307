package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/pilot"
)

// A flight is the move of a place in use. Its directory has, beside what the
// mover keeps, its log and the path of the file that describes it.
const (
	flightLogFile = "mover.log"
	flightFileRef = "file"
)

// flightFlags say how to reach the two places of a flight.
type flightFlags struct {
	FromTokenFile string `placeholder:"FILE"`
	ToTokenFile   string `placeholder:"FILE"`
	FromAddress   string `placeholder:"URL"`
	ToAddress     string `placeholder:"URL"`
	FromFiles     string `placeholder:"DIR"`
	ToFiles       string `placeholder:"DIR"`
}

// stateFlags say where a flight keeps its directory, and which file describes it.
type stateFlags struct {
	State string `placeholder:"DIR" default:"." type:"existingdir"`
	File  string `short:"f" placeholder:"FILE" type:"existingfile"`
}

// livePlace reports whether an address is that of a place of Godwit, rather
// than of an export or an archive.
func livePlace(address string) bool {
	switch scheme(address) {
	case "", "http", "https", "postgres", "postgresql":
		return true
	}
	return false
}

// scheme is what stands before the colon; "" is a path.
func scheme(address string) string {
	s, _, found := strings.Cut(address, ":")
	if !found || strings.ContainsAny(s, `/\.`) {
		return ""
	}
	return s
}

// tokenFor returns a token from a file or from the first variable that is set.
func tokenFor(file string, names ...string) (string, error) {
	if file != "" {
		return token(file)
	}
	for _, name := range names {
		if t := strings.TrimSpace(os.Getenv(name)); t != "" {
			return t, nil
		}
	}
	return "", nil
}

// openParty opens one of the two places. A directory that is read from must be
// there.
func openParty(ctx context.Context, address, token, files string, which string) (connect.Party, error) {
	var t connect.Target
	var err error
	switch scheme(address) {
	case "http", "https":
		if token == "" {
			return nil, chat.Errorf(chat.Unknown, "%s is a running server, and needs a token", redact(address)).
				WithHint("an owner makes one there with `godwit admin token --for move`; set GODWIT_%s_TOKEN or add --%s-token-file FILE", strings.ToUpper(which), which)
		}
		t, err = openRemote(ctx, address, token)
	case "postgres", "postgresql":
		t, err = openTarget(ctx, place{Database: address, Files: files}, false)
	default:
		if which == "from" {
			if _, err := os.Stat(filepath.Join(address, "godwit.db")); err != nil {
				return nil, chat.Errorf(chat.NotFound, "there is no place in %s", address).WithHint("name the address of a running server, or a data directory of godwit serve")
			}
		}
		t, err = openTarget(ctx, place{Data: address}, false)
	}
	if err != nil {
		return nil, err
	}
	p, ok := t.(connect.Party)
	if !ok {
		return nil, errors.Join(chat.Errorf(chat.Invalid, "%s cannot be moved while it is in use", redact(address)), t.Close())
	}
	return p, nil
}

// flight is a flight with all that drives it.
type flight struct {
	*move.Flight
	config *pilot.Config
	notify *pilot.Notifier
	log    io.Closer
}

func (f *flight) close() error { return errors.Join(f.Source.Close(), f.Target.Close(), f.log.Close()) }

// open makes the flight that a config describes, with a directory of its own.
func (f *flightFlags) open(ctx context.Context, a *app, c *pilot.Config, state string) (_ *flight, err error) {
	if err := f.settle(c); err != nil {
		return nil, err
	}
	dir := flightDir(state, c.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the move: %w", err)
	}
	log, to, err := a.moverLog(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, to.Close())
		}
	}()
	notify, err := pilot.NewNotifier(c.Notify, log)
	if err != nil {
		return nil, err
	}
	if err := c.Hooks.Ready(); err != nil {
		return nil, err
	}
	source, target, err := f.parties(ctx, c)
	if err != nil {
		return nil, err
	}
	crew := &pilot.Crew{Hooks: c.Hooks, Notify: notify, Log: log}
	m := &move.Flight{
		Name: c.Name, Dir: dir, From: redact(c.From), To: redact(c.To), Source: source, Target: target,
		SourceAddress: reachedAt(c.FromAddress, c.From), TargetAddress: reachedAt(c.ToAddress, c.To), Log: log,
		Hook: crew.Hear, Step: a.step,
		FlightOptions: move.FlightOptions{
			MaxPause: time.Duration(c.MaxPause), Reverse: time.Duration(c.Reverse), Throttle: c.Throttle, Bandwidth: c.Bandwidth, Parallel: c.Parallel,
		},
	}
	return &flight{Flight: m, config: c, notify: notify, log: to}, nil
}

// settle fills in what the file of a move leaves open.
func (f *flightFlags) settle(c *pilot.Config) error {
	if c.Name == "" {
		c.Name = flightName(c.From)
	}
	if !moveName.MatchString(c.Name) {
		return chat.Errorf(chat.Invalid, "%q is not a name for a move", c.Name).WithHint("use small letters, digits, - and _, at most 63")
	}
	for _, over := range []struct{ flag, to *string }{{&f.FromAddress, &c.FromAddress}, {&f.ToAddress, &c.ToAddress}, {&f.FromTokenFile, &c.FromFile}, {&f.ToTokenFile, &c.ToFile}} {
		if *over.flag != "" {
			*over.to = *over.flag
		}
	}
	for _, end := range []string{c.From, c.To} {
		if !livePlace(end) {
			return chat.Errorf(chat.Invalid, "%q is no place in use", redact(end)).WithHint("a running server or a data directory; what is in an export or an archive comes with godwit import")
		}
	}
	if c.From == c.To {
		return chat.Errorf(chat.Invalid, "both ends of the move are %s", redact(c.From)).WithHint("name two places")
	}
	return nil
}

// flightName makes the name of a flight from the address of its source.
func flightName(from string) string {
	if u, err := url.Parse(from); err == nil && u.Host != "" {
		return nameOf(u.Host)
	}
	return nameOf(filepath.Base(from))
}

func flightDir(state, name string) string {
	return filepath.Join(state, strings.TrimSuffix(name, ".godwit")+".godwit")
}

// reachedAt is the address at which the other place reaches this one; "" if
// nobody serves it.
func reachedAt(given, address string) string {
	if given != "" {
		return given
	}
	switch scheme(address) {
	case "http", "https":
		return address
	}
	return ""
}

func (f *flightFlags) parties(ctx context.Context, c *pilot.Config) (source, target connect.Party, err error) {
	fromToken, err := tokenFor(c.FromFile, "GODWIT_FROM_TOKEN")
	if err != nil {
		return nil, nil, err
	}
	toToken, err := tokenFor(c.ToFile, "GODWIT_TO_TOKEN", "GODWIT_TOKEN")
	if err != nil {
		return nil, nil, err
	}
	if source, err = openParty(ctx, c.From, fromToken, f.FromFiles, "from"); err != nil {
		return nil, nil, err
	}
	if target, err = openParty(ctx, c.To, toToken, f.ToFiles, "to"); err != nil {
		return nil, nil, errors.Join(err, source.Close())
	}
	return source, target, nil
}

// moverLog opens the log of a mover: all of it in a file, and what an operator
// must not miss on the terminal too.
func (a *app) moverLog(dir string) (*slog.Logger, io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(dir, flightLogFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log of the move: %w", err)
	}
	both := slog.NewMultiHandler(slog.NewTextHandler(f, nil), slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return slog.New(both), f, nil
}

// config reads the file that describes a flight: the one that was named, or
// the one that its sync was begun with; else the plan says where from and to.
func (f *stateFlags) config(name string) (*pilot.Config, error) {
	dir := flightDir(f.State, name)
	path := f.File
	if path == "" {
		data, err := os.ReadFile(filepath.Join(dir, flightFileRef)) //nolint:gosec // below the directory that the operator names
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for the file of the move: %w", err)
		}
		path = strings.TrimSpace(string(data))
	}
	if path != "" {
		c, err := pilot.ReadConfig(path)
		if err != nil {
			return nil, err
		}
		if c.Name == "" {
			c.Name = strings.TrimSuffix(name, ".godwit")
		}
		return c, nil
	}
	p, err := move.ReadPlan(dir)
	if chat.IsKind(err, chat.NotFound) {
		return nil, chat.Errorf(chat.NotFound, "there is no move %s in %s", name, f.State).WithHint("name the directory that has %s.godwit with --state DIR; a move begins with: godwit sync FROM TO", name)
	}
	if err != nil {
		return nil, err
	}
	return &pilot.Config{Name: strings.TrimSuffix(name, ".godwit"), From: p.From, To: p.To}, nil
}

// keepFile notes which file describes a flight, for the commands that come
// after.
func keepFile(dir, file string) error {
	if file == "" {
		return nil
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, flightFileRef), []byte(full+"\n"), 0o600)
}
