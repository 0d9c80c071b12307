package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/store"
)

// exportCmd adds to an archive what is new in a place.
type exportCmd struct {
	From             string   `arg:""`
	To               string   `arg:""`
	PasswordFile     string   `placeholder:"FILE"`
	Recipient        []string `placeholder:"age1…"`
	Identity         string   `placeholder:"FILE" env:"GODWIT_IDENTITY"`
	Plain            bool
	WithSecrets      bool
	SecretsPassword  string   `name:"secrets-password-file" placeholder:"FILE"`
	SecretsRecipient []string `placeholder:"age1…"`
	TokenFile        string   `placeholder:"FILE"`
	Files            string   `placeholder:"DIR" env:"GODWIT_FILES"`
	KeyFile          string   `name:"key-file" placeholder:"FILE"`
}

// Run exports what is new.
func (c *exportCmd) Run(ctx context.Context, a *app) (err error) {
	where, ok := strings.CutPrefix(c.To, archiveScheme)
	if !ok {
		return chat.Errorf(chat.Invalid, "cannot export to %q", c.To).WithHint("archive:DIR, archive:s3://BUCKET/PREFIX or archive:FILE.tar")
	}
	limitMemory()
	from, err := c.origin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	ar, err := c.archive(ctx, a, where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	if err := c.secretsFit(ar, from); err != nil {
		return err
	}
	began, last := time.Now(), time.Now()
	added, err := ar.Add(ctx, archive.Export{
		From: from.origin, Title: from.title, Writer: "godwit " + version, Reveal: from.reveal,
		Progress: func(so archive.Added) {
			if time.Since(last) > 10*time.Second {
				last = time.Now()
				fmt.Fprintf(a.err, "export: %d objects, %d/s\n", so.Total(), int(float64(so.Total())/time.Since(began).Seconds()))
			}
		},
	})
	if err != nil {
		return err
	}
	if err := a.result(added, func(w io.Writer) error { return writeAdded(w, added, c, time.Since(began)) }); err != nil {
		return err
	}
	if added.Missing > 0 {
		return finished{exitLosses}
	}
	return nil
}

// secretsFit says plainly what becomes of passwords, before it is too late.
func (c *exportCmd) secretsFit(ar *archive.Archive, from *exportOrigin) error {
	switch {
	case c.WithSecrets && !ar.HoldsSecrets():
		return chat.Errorf(chat.Invalid, "the archive at %s was made without secrets", ar.Where()).WithHint("leave out --with-secrets, or make another archive")
	case ar.HoldsSecrets() && from.reveal == nil:
		return chat.Errorf(chat.Invalid, "a running server does not give its secrets to a mover, and the archive at %s holds some", ar.Where()).
			WithHint("export on the server's own machine: name its data directory, or its database; the server may run on")
	}
	return nil
}

func writeAdded(w io.Writer, added *archive.Added, c *exportCmd, took time.Duration) error {
	if added.Snapshot == 0 {
		_, err := fmt.Fprintf(w, "Nothing is new since the last snapshot in %s.\n", c.To)
		return err
	}
	what := "added"
	switch {
	case added.Rescanned:
		what = "compared anew, because the place was set back; added"
	case added.Whole:
		what = "all of it"
	}
	fmt.Fprintf(w, "snapshot %d: %s: %d objects, %d of them messages; %d files, %s; the archive grew by %s. %s\n", added.Snapshot, what,
		added.Total(), added.Objects[chat.KindMessage.String()], added.Files, bytesText(added.FileBytes), bytesText(added.Bytes+added.FileBytes), round(took))
	if added.Forgotten > 0 {
		fmt.Fprintf(w, "%d objects are not at the place any more; older snapshots have them\n", added.Forgotten)
	}
	if added.Missing > 0 {
		fmt.Fprintf(w, "%d files have no bytes at the place: they are named, and missing\n", added.Missing)
	}
	if added.Whole && !added.Secrets {
		fmt.Fprintln(w, "Without passwords, sessions and tokens: people set new passwords after a restore. --with-secrets adds them to a new archive.")
	}
	_, err := fmt.Fprintf(w, "next: godwit verify %s\n", c.To)
	return err
}

// exportOrigin is where an export comes from.
type exportOrigin struct {
	origin archive.Origin
	title  string
	reveal func(chat.Object) (chat.Object, error) // nil: secrets are not given
	close  func() error
}

// origin opens what is to be exported. A place that a server works on is read
// beside it.
func (c *exportCmd) origin(ctx context.Context) (*exportOrigin, error) {
	if strings.HasPrefix(c.From, "http://") || strings.HasPrefix(c.From, "https://") {
		t, err := token(c.TokenFile)
		if err != nil {
			return nil, err
		}
		r, err := openRemote(ctx, c.From, t)
		if err != nil {
			return nil, err
		}
		o, ok := r.(archive.Origin)
		if !ok {
			return nil, errors.Join(chat.Errorf(chat.Invalid, "cannot export from %s", redact(c.From)), r.Close())
		}
		return &exportOrigin{origin: o, title: redact(c.From), close: r.Close}, nil
	}
	p := place{Data: c.From, keyFile: c.KeyFile}
	if strings.HasPrefix(c.From, "postgres://") || strings.HasPrefix(c.From, "postgresql://") {
		p = place{Database: c.From, Files: c.Files, keyFile: c.KeyFile}
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	path, err := p.database()
	if err != nil {
		return nil, err
	}
	made, err := store.Made(ctx, path)
	if err != nil {
		return nil, err
	}
	if !made {
		return nil, chat.Errorf(chat.NotFound, "there is no place at %s", redact(c.From)).WithHint("name a data directory of godwit serve, postgres://… or https://…")
	}
	o, err := p.openWith(ctx, store.Options{Text: searchText, Look: true, Beside: true})
	if err != nil {
		return nil, err
	}
	from := live.Origin{Direct: live.NewDirect(o.title, o.store, o.files, version).Seals(o.sealer)}
	return &exportOrigin{origin: from, title: o.title, reveal: from.Reveal, close: o.close}, nil
}

// archive opens the archive, and makes it if there is none.
func (c *exportCmd) archive(ctx context.Context, a *app, where string) (*archive.Archive, error) {
	flags := archiveFlags{Identity: c.Identity}
	if !strings.HasSuffix(where, ".tar") {
		ar, err := flags.open(ctx, a, where, c.PasswordFile)
		if err == nil && c.Plain && !ar.Plain() {
			return nil, errors.Join(chat.Errorf(chat.Invalid, "the archive at %s is encrypted", where).WithHint("leave out --plain, or make another archive"), ar.Close())
		}
		if !chat.IsKind(err, chat.NotFound) {
			return ar, err
		}
	} else if _, err := os.Stat(where); err == nil {
		return nil, chat.Errorf(chat.Conflict, "%s is there already", where).WithHint("a tar is written once: name another file, or keep the archive in a directory: archive:%s", strings.TrimSuffix(where, filepath.Ext(where)))
	}
	return c.create(ctx, a, where)
}

func (c *exportCmd) create(ctx context.Context, a *app, where string) (*archive.Archive, error) {
	made := archive.Creation{Plain: c.Plain, Writer: "godwit " + version}
	for _, r := range c.Recipient {
		made.Keys = append(made.Keys, archive.NewKey{Recipient: r})
	}
	if !c.Plain && (len(c.Recipient) == 0 || c.PasswordFile != "") {
		p, err := a.newPassword(ctx, a.askPassword(c.PasswordFile), c.PasswordFile, "GODWIT_PASSWORD")
		if err != nil {
			return nil, err
		}
		made.Keys = append(made.Keys, archive.NewKey{Passphrase: p})
	}
	for _, r := range c.SecretsRecipient {
		made.Secrets = append(made.Secrets, archive.NewKey{Recipient: r})
	}
	if c.WithSecrets && (len(c.SecretsRecipient) == 0 || c.SecretsPassword != "") {
		p, err := a.newPassword(ctx, a.askSecrets(c.SecretsPassword), c.SecretsPassword, "GODWIT_SECRETS_PASSWORD")
		if err != nil {
			return nil, err
		}
		made.Secrets = append(made.Secrets, archive.NewKey{Passphrase: p})
	}
	if !c.WithSecrets && len(made.Secrets) > 0 {
		return nil, chat.Errorf(chat.Invalid, "a key for secrets, and no --with-secrets").WithHint("add --with-secrets, or leave the key out")
	}
	return archive.Create(ctx, where, made)
}

// newPassword asks twice where a person types.
func (a *app) newPassword(ctx context.Context, ask func(context.Context) ([]byte, error), file, env string) ([]byte, error) {
	p, err := ask(ctx)
	if err != nil || file != "" || os.Getenv(env) != "" || !term.IsTerminal(int(a.in.Fd())) {
		return p, err
	}
	again, err := a.prompt(ctx, int(a.in.Fd()), "Again: ")
	if err == nil && string(again) != string(p) {
		err = chat.Errorf(chat.Invalid, "the two are not the same").WithHint("run the same line again; without the password nobody can read the archive")
	}
	return p, err
}
