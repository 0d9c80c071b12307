package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/web"
)

// browseCmd serves an archive to the browser of who has it.
type browseCmd struct {
	Archive      string `arg:""`
	Snapshot     int    `placeholder:"N"`
	As           string `placeholder:"EMAIL"`
	Listen       string `default:"127.0.0.1:0" placeholder:"ADDR"`
	Keep         string `placeholder:"DIR"`
	PasswordFile string `placeholder:"FILE"`
	Identity     string `placeholder:"FILE" env:"GODWIT_IDENTITY"`
}

// Run restores the snapshot into a place of its own, and serves that until the
// context ends. The place goes away with it, unless it is to be kept.
func (c *browseCmd) Run(ctx context.Context, a *app) (err error) {
	dist, err := web.Dist()
	if err != nil {
		return chat.Errorf(chat.Internal, "%w", err)
	}
	l, err := bind(c.Listen, "--listen")
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // closed already, if it came so far
	dir := c.Keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "godwit-browse-"); err != nil {
			return fmt.Errorf("make a directory for the archive: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	p := &place{Data: filepath.Join(dir, "data")}
	o, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := c.restore(ctx, a, o, dir); err != nil {
		return err
	}
	desk, err := newOffice(ctx, o)
	if err != nil {
		return err
	}
	who, err := c.who(ctx, desk.service)
	if err != nil {
		return err
	}
	address := "http://" + reachable(l.Addr())
	s, err := server.New(server.Config{
		Service: desk.service, Files: o.files, Previews: filepath.Join(dir, "previews"), Log: slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Address: address, Web: dist, Version: version, Database: c.Archive, Archive: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return c.serve(ctx, a, l, s, &onceLink{secret: rand.Text(), who: who, service: desk.service, server: s, address: address})
}

// restore makes the place what is in the snapshot, but for opening it: so
// nobody can write there, and nothing goes out from it.
func (c *browseCmd) restore(ctx context.Context, a *app, o *opened, dir string) error {
	flags := sourceFlags{From: archiveScheme + archivePlace(c.Archive), PasswordFile: c.PasswordFile, ArchiveFlags: archiveFlags{Snapshot: c.Snapshot, Identity: c.Identity}}
	options, err := flags.options(a)
	if err != nil {
		return err
	}
	src, err := openArchived(ctx, flags.From, options)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read
	const name = "browse"
	from, to, err := archive.Restore(ctx, src, &shut{live.NewDirect(o.title, o.store, o.files, version).Seals(o.sealer)}, name)
	if err != nil {
		return err
	}
	if done, err := o.store.Move(ctx, name); err == nil && done.Done {
		if done.Artefact == src.Describe().Artefact {
			return nil // kept from the last time
		}
		return chat.Errorf(chat.Conflict, "another snapshot is in %s", c.Keep).WithHint("name another directory with --keep, or none")
	}
	limitMemory()
	shown := a.newProgress()
	j := &move.Job{Name: name, Dir: filepath.Join(dir, name+".godwit"), From: flags.From, To: dir, Source: from, Target: to, Progress: shown.show, Options: move.Options{LeaveIndex: true, AcceptDifferences: true}}
	_, err = j.Import(ctx)
	shown.end()
	return err
}

// shut is a place that stays as it is when all has come: receiving.
type shut struct{ *live.Direct }

// SetState does not open it.
func (s *shut) SetState(ctx context.Context, from, to chat.State) error {
	if to == chat.Open {
		return nil
	}
	return s.Direct.SetState(ctx, from, to)
}

// who finds whose eyes it is looked at with: the first owner's, or those of who
// is named.
func (c *browseCmd) who(ctx context.Context, s *chat.Service) (*chat.User, error) {
	roster, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	rank := map[chat.Role]int{chat.RoleOwner: 0, chat.RoleAdmin: 1, chat.RoleMember: 2}
	var list []*chat.User
	for _, u := range roster.Users {
		_, ranked := rank[u.Role]
		if chat.CanSignIn(u) && (c.As == "" && ranked || c.As != "" && chat.Fold(u.Email) == chat.Fold(c.As)) {
			list = append(list, u)
		}
	}
	if len(list) == 0 {
		return nil, chat.Errorf(chat.NotFound, "nobody in the archive can sign in%s", map[bool]string{true: " as " + c.As}[c.As != ""]).WithHint("name somebody of it with --as EMAIL")
	}
	return slices.MinFunc(list, func(x, y *chat.User) int {
		return cmp.Or(cmp.Compare(rank[x.Role], rank[y.Role]), cmp.Compare(x.Created, y.Created), strings.Compare(x.Email, y.Email))
	}), nil
}

const browsePath = "/browse/"

// onceLink signs one browser in.
type onceLink struct {
	secret, address string
	who             *chat.User
	service         *chat.Service
	server          *server.Server
	used            atomic.Bool
}

func (o *onceLink) link() string { return o.address + browsePath + o.secret }

// ServeHTTP lets the first one in who has the link, and serves the place.
func (o *onceLink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given, ok := strings.CutPrefix(r.URL.Path, browsePath)
	if !ok || r.Method != http.MethodGet {
		o.server.ServeHTTP(w, r)
		return
	}
	if subtle.ConstantTimeCompare([]byte(given), []byte(o.secret)) != 1 || !o.used.CompareAndSwap(false, true) {
		http.Error(w, "This link was used already, or is none. Run godwit browse again for another one.", http.StatusForbidden)
		return
	}
	secret, err := o.service.Look(r.Context(), o.who.ID, r.UserAgent())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	o.server.Admit(w, r, secret)
}

func (c *browseCmd) serve(ctx context.Context, a *app, l net.Listener, s *server.Server, o *onceLink) error {
	g, ctx := errgroup.WithContext(ctx)
	web := &http.Server{
		Handler: o, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	g.Go(func() error {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
		return nil
	})
	g.Go(func() error { return ended(s.Run(ctx)) })
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if web.Shutdown(last) != nil {
			return web.Close()
		}
		return nil
	})
	fmt.Fprintf(a.out, "The archive is open for reading, as %s sees it. This link works once:\n  %s\nCtrl-C ends it.\n", o.who.Name, o.link())
	return g.Wait()
}
