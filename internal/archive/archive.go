// Package archive reads and writes the archive: the change log, the files, a
// manifest of hashes.
//
// docs/archive-format.md says what an archive consists of; the words here are
// those of that page.
package archive

import (
	"context"
	"io"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// The version of the format that this package writes. A reader refuses a newer
// Major; what only a newer Minor has is left out, and said.
const (
	Major = 1
	Minor = 0
)

// Archive is an archive that was opened. Its methods may not be called at once,
// but readers of it may be.
type Archive struct {
	where string // as given, for errors
	store storage
	head  *header
	keys  *keyring // nil until Unlock; the plain archive has one without secrets
}

// Open opens the archive at a place: a directory, s3://bucket/prefix, or a tar
// file. It fails with NotFound if there is none, and Damaged or Invalid if it
// is none that can be read. Nothing of its contents is looked at before Unlock.
func Open(ctx context.Context, where string) (*Archive, error) {
	s, err := openStorage(ctx, where, false)
	if err != nil {
		return nil, err
	}
	a := &Archive{where: where, store: s}
	if a.head, err = readHeader(ctx, s, where); err != nil {
		return nil, closing(err, s)
	}
	return a, nil
}

// Creation says how a new archive is made.
type Creation struct {
	Keys    []NewKey // who can open it; none only with Plain
	Secrets []NewKey // who can open its secrets; none: it holds none
	Plain   bool     // not encrypted, which somebody has asked for
	Writer  string   // program and version
}

// Create makes an archive where there is none, or nothing at all. It fails with
// Conflict if there is one. It comes unlocked.
func Create(ctx context.Context, where string, c Creation) (*Archive, error) {
	if c.Plain == (len(c.Keys) > 0) {
		return nil, chat.Errorf(chat.Invalid, "an archive is encrypted for somebody, or plain on request").
			WithHint("give a password with --password-file, or --recipient age1…; --plain leaves it readable to everybody")
	}
	s, err := openStorage(ctx, where, true)
	if err != nil {
		return nil, err
	}
	a := &Archive{where: where, store: s}
	if a.head, a.keys, err = newHeader(c); err != nil {
		return nil, closing(err, s)
	}
	text, err := a.head.encode()
	if err == nil {
		err = s.publish(ctx, headerName, text)
	}
	if chat.IsKind(err, chat.Conflict) {
		err = chat.Errorf(chat.Conflict, "there is an archive at %s already", where).WithHint("another export made it a moment ago; run the same line again: it adds what is new")
	}
	if err != nil {
		return nil, closing(err, s)
	}
	return a, nil
}

func closing(err error, s storage) error {
	_ = s.close() // the error that is told is what led here
	return err
}

// Close lets go of the archive. What was not published is not part of it.
func (a *Archive) Close() error { return a.store.close() }

// Where is what the archive was opened by.
func (a *Archive) Where() string { return a.where }

// ID is the archive's own.
func (a *Archive) ID() string { return a.head.ID }

// Plain reports whether the archive is not encrypted.
func (a *Archive) Plain() bool { return a.head.Recipient == "" }

// HoldsSecrets reports whether secrets may be in it, for those with their key.
func (a *Archive) HoldsSecrets() bool { return a.head.Secrets != nil }

// Made is when the archive was made.
func (a *Archive) Made() time.Time { return a.head.Made }

// readAll reads what is at most so large.
func readAll(r io.Reader, most int64, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, chat.Errorf(chat.Damaged, "%s is larger than %d bytes", what, most).WithHint("it is no piece of an archive, or damaged")
	}
	return data, err
}
