package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/pilot"
)

// syncCmd begins a move of a place in use, or goes on with it.
type syncCmd struct {
	stateFlags  `embed:""`
	flightFlags `embed:""`
	From        string        `arg:"" optional:""`
	To          string        `arg:"" optional:""`
	Name        string        `placeholder:"NAME"`
	MaxPause    time.Duration `placeholder:"TIME"`
	Reverse     time.Duration `placeholder:"TIME"`
	Throttle    string        `placeholder:"LIMIT"`
	Bandwidth   string        `placeholder:"TIMES"`
	Parallel    int           `placeholder:"N"`
	Metrics     string        `placeholder:"ADDR"`
	Once        bool
}

// Run carries and follows until the move is complete, given up, or stopped.
func (c *syncCmd) Run(ctx context.Context, a *app) (err error) {
	config, err := c.read()
	if err != nil {
		return err
	}
	state := c.State
	if config.State != "" && state == "." {
		state = config.State
	}
	f, err := c.open(ctx, a, config, state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	f.Again = true
	if err := keepFile(f.Dir, c.File); err != nil {
		return err
	}
	var then func(context.Context) error
	if c.Once {
		then = f.untilReady
	}
	report, err := a.fly(ctx, f, then)
	return a.flown(f, report, err)
}

// read puts the file and the flags together; the flags win.
func (c *syncCmd) read() (*pilot.Config, error) {
	config := &pilot.Config{}
	if c.File != "" {
		var err error
		if config, err = pilot.ReadConfig(c.File); err != nil {
			return nil, err
		}
		if c.From != "" || c.To != "" {
			return nil, chat.Errorf(chat.Invalid, "FROM and TO are in %s", c.File).WithHint("give either them or -f FILE")
		}
	} else {
		if c.From == "" || c.To == "" {
			return nil, chat.Errorf(chat.Invalid, "a move needs two places").WithHint("godwit sync FROM TO, or godwit sync -f godwit.toml")
		}
		config.From, config.To = c.From, c.To
	}
	if c.Name != "" {
		config.Name = c.Name
	}
	for _, over := range []struct {
		flag string
		to   *string
	}{{c.Throttle, &config.Throttle}, {c.Bandwidth, &config.Bandwidth}, {c.Metrics, &config.Metrics}} {
		if over.flag != "" {
			*over.to = over.flag
		}
	}
	if c.MaxPause != 0 {
		config.MaxPause = pilot.Duration(c.MaxPause)
	}
	if c.Reverse != 0 {
		config.Reverse = pilot.Duration(c.Reverse)
	}
	if c.Parallel != 0 {
		config.Parallel = c.Parallel
	}
	return config, nil
}

// untilReady waits until the target is proved to be the same as the source.
func (f *flight) untilReady(ctx context.Context) error {
	return f.until(ctx, func(s move.Status) bool { return s.Ready && s.Behind == 0 })
}

func (f *flight) until(ctx context.Context, is func(move.Status) bool) error {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		if s := f.Status(); is(s) || over(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// obey gives orders one after the other, and waits for one that is planned.
func (f *flight) obey(ctx context.Context, orders []connect.Order) error {
	for _, o := range orders {
		if err := f.Do(ctx, o); err != nil {
			return err
		}
		pilot.Settle(ctx, f, o)
	}
	return f.until(ctx, func(s move.Status) bool { return s.Planned == nil })
}

// fly runs a flight with its socket, its metrics and its progress. It goes on
// until it ends by itself, or until what is done meanwhile is done.
func (a *app) fly(ctx context.Context, f *flight, meanwhile func(context.Context) error) (*move.Report, error) {
	socket, err := pilot.Listen(ctx, f.Dir)
	if err != nil {
		return nil, err
	}
	defer pilot.Unlisten(f.Dir)
	metrics := pilot.NewMetrics(f.Flight)
	counted, err := listenMetrics(f.config.Metrics)
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	shown, kept := a.newFlightProgress(f.Name), &keeper{path: filepath.Join(f.Dir, flightStatusFile)}
	f.Progress = func(s move.Status) {
		metrics.Watch(s)
		kept.keep(s, false)
		shown.show(s)
	}
	g, gctx := errgroup.WithContext(ctx)
	behind, end := context.WithCancel(context.WithoutCancel(ctx))
	serveBeside(behind, g, socket, pilot.Control(f.Flight))
	if counted != nil {
		serveBeside(behind, g, counted, metrics.Handler())
	}
	g.Go(func() error { return f.notify.Run(behind) })
	var report *move.Report
	flying, landed := context.WithCancel(gctx)
	g.Go(func() (err error) {
		defer end()
		defer landed()
		report, err = f.Run(gctx)
		return err
	})
	var refused error
	if meanwhile != nil {
		g.Go(func() error {
			refused = meanwhile(flying)
			// A flight that is over needs no word to end.
			if err := f.Do(flying, connect.Order{Word: move.OrderFinish}); err != nil && flying.Err() == nil && !over(f.Status()) {
				return err
			}
			return nil
		})
	}
	err = g.Wait()
	shown.end()
	kept.keep(f.Status(), true)
	if err == nil && ctx.Err() == nil && !errors.Is(refused, context.Canceled) {
		err = refused
	}
	return report, err
}

func over(s move.Status) bool { return s.Stage == move.StageComplete || s.Stage == move.StageAborted }

// serveBeside serves until the context ends.
func serveBeside(ctx context.Context, g *errgroup.Group, l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	g.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.Shutdown(last) != nil {
			return s.Close()
		}
		return nil
	})
}

func listenMetrics(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the metrics cannot be served at %s: %w", address, err).WithHint("give another address with --metrics")
	}
	return l, nil
}

// flown prints how a flight ended.
func (a *app) flown(f *flight, report *move.Report, err error) error {
	if err != nil {
		if a.json && report != nil {
			return reported{errors.Join(err, report.WriteJSON(a.out))}
		}
		return err
	}
	s := f.Status()
	if err := a.result(s, func(w io.Writer) error { return writeStatus(w, s, false) }); err != nil {
		return err
	}
	if s.Verify.Differences > 0 || s.Files.Gone > 0 || s.Quarantined > 0 {
		return finished{exitLosses}
	}
	return nil
}

// flightStatusFile has how a flight stood last, for when no mover runs.
const flightStatusFile = "status.json"

const keepEvery = 2 * time.Second

// keeper keeps the status of a flight in its directory.
type keeper struct {
	path string
	mu   sync.Mutex
	last time.Time
}

func (k *keeper) keep(s move.Status, now bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !now && time.Since(k.last) < keepEvery {
		return
	}
	k.last = time.Now()
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		tmp := k.path + ".new"
		if err = os.WriteFile(tmp, data, 0o600); err == nil {
			err = os.Rename(tmp, k.path)
		}
	}
	_ = err // only a convenience: the places and the journal say how it stands
}

// readStatus reads how a flight stood last. It fails with NotFound.
func readStatus(dir string) (s move.Status, err error) {
	data, err := os.ReadFile(filepath.Join(dir, flightStatusFile)) //nolint:gosec // below the directory that the operator names
	if errors.Is(err, os.ErrNotExist) {
		return s, chat.Errorf(chat.NotFound, "no mover has begun on %s", dir).WithHint("godwit sync FROM TO begins a move; --state DIR says where its directory is")
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}
