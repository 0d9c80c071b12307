package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

const archiveScheme = "archive:"

// archiveFlags say how to read an archive.
type archiveFlags struct {
	Snapshot            int    `placeholder:"N"`
	Identity            string `placeholder:"FILE" env:"GODWIT_IDENTITY"`
	WithSecrets         bool
	SecretsPasswordFile string `placeholder:"FILE"`
}

// options adds to those of a source what is said of an archive.
func (f *archiveFlags) options(a *app, o *connect.Options) (err error) {
	if f.Snapshot < 0 {
		return chat.Errorf(chat.Invalid, "--snapshot is a number from 1, not %d", f.Snapshot)
	}
	o.Snapshot = f.Snapshot
	if o.Identity, err = f.identity(); err != nil {
		return err
	}
	if f.WithSecrets {
		o.Secrets = a.askSecrets(f.SecretsPasswordFile)
	}
	return nil
}

func (f *archiveFlags) identity() ([]byte, error) {
	if f.Identity == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.Identity)
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the identity cannot be read: %w", err).WithHint("name a file of age-keygen")
	}
	return data, nil
}

// askSecrets is askPassword for the secrets of an archive.
func (a *app) askSecrets(file string) func(context.Context) ([]byte, error) {
	return a.asking(file, "GODWIT_SECRETS_PASSWORD", "Password of the secrets: ",
		chat.Errorf(chat.Unknown, "the secrets of the archive have a password of their own, and it is not given").
			WithHint("put it into a file and add --secrets-password-file FILE, or set GODWIT_SECRETS_PASSWORD"))
}

// openArchived opens a snapshot as a source.
func openArchived(ctx context.Context, url string, o connect.Options) (*archive.Source, error) {
	ar, err := archive.Open(ctx, strings.TrimPrefix(url, archiveScheme))
	if err != nil {
		return nil, err
	}
	defer debug.FreeOSMemory() // a password takes much memory, for a moment
	if err := ar.Unlock(ctx, archive.Opener{Password: o.Password, Identities: o.Identity}); err != nil {
		return nil, errors.Join(err, ar.Close())
	}
	if o.Secrets != nil {
		if err := ar.UnlockSecrets(ctx, archive.Opener{Password: o.Secrets, Identities: o.Identity}); err != nil {
			return nil, errors.Join(err, ar.Close())
		}
	}
	s, err := ar.Source(ctx, o.Snapshot, o)
	if err != nil {
		return nil, errors.Join(err, ar.Close())
	}
	return s, nil
}

// open opens an archive and proves its key.
func (f *archiveFlags) open(ctx context.Context, a *app, where, passwordFile string) (*archive.Archive, error) {
	var o connect.Options
	if err := f.options(a, &o); err != nil {
		return nil, err
	}
	ar, err := archive.Open(ctx, where)
	if err != nil {
		return nil, err
	}
	defer debug.FreeOSMemory() // a password takes much memory, for a moment
	err = ar.Unlock(ctx, archive.Opener{Password: a.askPassword(passwordFile), Identities: o.Identity})
	if err == nil && o.Secrets != nil {
		err = ar.UnlockSecrets(ctx, archive.Opener{Password: o.Secrets, Identities: o.Identity})
	}
	if err != nil {
		return nil, errors.Join(err, ar.Close())
	}
	return ar, nil
}

// inspection is what is in an archive.
type inspection struct {
	Archive   string        `json:"archive"`
	ID        string        `json:"id"`
	Made      time.Time     `json:"made"`
	Encrypted bool          `json:"encrypted"`
	Secrets   bool          `json:"secrets"`
	Keys      []keyLine     `json:"keys"`
	Snapshots []snapshotOut `json:"snapshots"`
	Damaged   []string      `json:"damaged,omitempty"`
}

type snapshotOut struct {
	Snapshot int              `json:"snapshot"`
	Made     time.Time        `json:"made"`
	Origin   string           `json:"origin"`
	Writer   string           `json:"writer"`
	Cursor   string           `json:"cursor"`
	Pieces   int              `json:"pieces"`
	Bytes    int64            `json:"bytes"`
	Files    int64            `json:"files"`
	Missing  int64            `json:"missing,omitempty"`
	Lines    map[string]int64 `json:"lines"` // states of objects, by kind; older ones of the same object too
}

func (f *archiveFlags) inspect(ctx context.Context, a *app, where, passwordFile string) (err error) {
	ar, err := f.open(ctx, a, where, passwordFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	list, damaged, err := ar.Snapshots(ctx)
	if err != nil {
		return err
	}
	in := inspection{Archive: where, ID: ar.ID(), Made: ar.Made(), Encrypted: !ar.Plain(), Secrets: ar.HoldsSecrets(), Keys: keyLines(ar), Snapshots: []snapshotOut{}}
	for _, err := range damaged {
		in.Damaged = append(in.Damaged, err.Error())
	}
	for _, m := range list {
		s := snapshotOut{Snapshot: m.Snapshot, Made: m.Made, Origin: m.Origin, Writer: m.Writer, Cursor: m.Cursor, Pieces: len(m.Pieces), Bytes: m.Size(), Files: m.Lines(archive.List), Missing: m.Missing, Lines: map[string]int64{}}
		for _, p := range m.Pieces {
			for word, n := range p.Counts {
				s.Lines[word] += n.Count
			}
		}
		in.Snapshots = append(in.Snapshots, s)
	}
	if err := a.result(in, in.writeText); err != nil {
		return err
	}
	if len(damaged) > 0 {
		return finished{exitLosses}
	}
	return nil
}

func (in *inspection) writeText(w io.Writer) error {
	fmt.Fprintf(w, "Godwit archive %s, made %s, %s, %s\n", in.ID, in.Made.Format("2006-01-02 15:04"),
		map[bool]string{true: "encrypted", false: "not encrypted"}[in.Encrypted], map[bool]string{true: "with secrets", false: "without secrets"}[in.Secrets])
	for _, k := range in.Keys {
		fmt.Fprintf(w, "key       %s\n", k.text())
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nsnapshot\tof\tplace\tmessages\tfiles\tpieces\tbytes")
	for _, s := range in.Snapshots {
		fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Snapshot, s.Made.Format("2006-01-02 15:04"), s.Origin, s.Lines[chat.KindMessage.String()], s.Files, s.Pieces, bytesText(s.Bytes))
	}
	err := t.Flush()
	if n := len(in.Snapshots); n > 0 {
		last := in.Snapshots[n-1]
		fmt.Fprintf(w, "\nIn snapshot %d, states of objects, older ones of the same object too:\n", last.Snapshot)
		for _, word := range slices.Sorted(maps.Keys(last.Lines)) {
			fmt.Fprintf(w, "  %-16s %d\n", word, last.Lines[word])
		}
		if last.Missing > 0 {
			fmt.Fprintf(w, "%d files had no bytes at the place.\n", last.Missing)
		}
	}
	for _, d := range in.Damaged {
		fmt.Fprintln(w, "damaged  ", d)
	}
	return err
}

// verify proves an archive without restoring it.
func (f *archiveFlags) verify(ctx context.Context, a *app, where, passwordFile, level string) (err error) {
	ar, err := f.open(ctx, a, where, passwordFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	limitMemory()
	last := time.Now()
	v, err := ar.Verify(ctx, archive.VerifyOptions{Snapshot: f.Snapshot, SkipFiles: level == "L1" || level == "L2", Progress: func(pieces, files, bytes int64) {
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			fmt.Fprintf(a.err, "verify: %d pieces, %d files, %s\n", pieces, files, bytesText(bytes))
		}
	}})
	if err != nil {
		return err
	}
	err = a.result(v, func(w io.Writer) error { return writeVerification(w, v, level == "" || level == "L3") })
	if err == nil && !v.OK {
		return finished{exitLosses}
	}
	return err
}

func writeVerification(w io.Writer, v *archive.Verification, files bool) error {
	fmt.Fprintf(w, "%d snapshots, %d pieces with %d lines, %s: hashes, records, counts and digests\n", len(v.Snapshots), v.Pieces, v.Lines, bytesText(v.Bytes))
	if files {
		fmt.Fprintf(w, "%d files, %s: read and hashed\n", v.Files, bytesText(v.FileBytes))
	} else {
		fmt.Fprintf(w, "%d files: their bytes were not read; --level L3 does\n", v.Files)
	}
	for _, word := range v.Words() {
		fmt.Fprintf(w, "  %-16s %d\n", word, v.Objects[word])
	}
	if v.Sealed > 0 {
		fmt.Fprintf(w, "%d pieces of secrets: only their hashes; --with-secrets reads them\n", v.Sealed)
	}
	if v.Missing > 0 {
		fmt.Fprintf(w, "%d files had no bytes at the place when it was archived\n", v.Missing)
	}
	for _, what := range slices.Sorted(maps.Keys(v.Open)) {
		fmt.Fprintf(w, "%d times: %s, as it was at the place\n", v.Open[what], what)
	}
	for _, p := range v.Problems {
		fmt.Fprintf(w, "DAMAGED  %s: %s\n", p.Where, p.What)
	}
	if v.More > 0 {
		fmt.Fprintf(w, "and %d more\n", v.More)
	}
	verdict := "The archive is whole."
	if !v.OK {
		verdict = "The archive is NOT whole. Take what is damaged from a copy, or use a snapshot from before."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}
