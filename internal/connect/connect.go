// Package connect defines what a mover reads from and writes to, and opens
// either by URL.
package connect

import (
	"context"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Item is one thing read from a source: an object, or a record that gives
// none and is accounted for by its Note.
type Item struct {
	chat.Incoming // Object is nil if the record gave none

	// Bytes are those of a *chat.Content whose Hash, Size, Type, Width and
	// Height are not filled in yet: ReadContent does it. They must be read
	// before the next item is asked for, and may be read at most once.
	Bytes io.Reader
	Size  int64 // of Bytes, exactly

	// Duplicate says that Object is a second copy, equal to one that was given
	// before: it is to be counted, and need not be applied.
	Duplicate bool

	// Made says that no record gave Object: it stands for something that others
	// name. It is not counted as read.
	Made bool

	Note *chat.Note // quarantine, skip, repair or loss; may stand beside an Object

	// Cursor is where to go on after this item; empty means that one cannot
	// stop here. A source gives one at least every 500 items.
	Cursor string
	Input  int64 // bytes of the source read so far, out of Description.Bytes
}

// Description says what a source is, after a first look that reads little.
type Description struct {
	Title       string       // for a person: "HipChat export (standard), encrypted"
	Path        string       // as given
	Flavour     string       // within the scheme
	Version     string       // of the program that wrote it, if it says so
	Name        string       // the source's name, from which IDs are derived
	Artefact    string       // identity of this very export
	Fingerprint []string     // see chat.MoveSpec
	Bytes       int64        // size of the input, 0 if not known
	Written     chat.Time    // when the export was made, if known
	People      []*chat.User // all of them
	Rooms       int
	Losses      []chat.Note // what this source can't give, known beforehand
	Oddities    []string    // for a person, from the first look
}

// Source is where history comes from.
type Source interface {
	// Describe returns what the first look found. It never fails: what is
	// wrong with a source makes opening it fail.
	Describe() Description

	// Changes yields everything after a cursor, from the start if it is empty
	// or of another artefact. The same call gives the same items in the same
	// order. An error ends it; a record that cannot be understood does not: it
	// is an item with a Note.
	Changes(ctx context.Context, after string) iter.Seq2[Item, error]

	// Inventory reads the whole source, by a path of its own as far as that
	// goes, and adds it up as chat.TallyQuery asks (Source and Level but L3 are
	// ignored). A call after Changes has run to its end, from the start, may
	// answer from what passed.
	Inventory(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error)

	Close() error
}

// Link is a file that an export links to and does not hold.
type Link struct {
	Path    string // under which a directory of files copied by other means (Options.FilesFrom) would have it
	Address string
	Size    int64 // as the source claims; 0 is not known
	Where   string
}

// Linker is a Source whose export links to files on the source's own server.
type Linker interface {
	// Links yields them, in the order of the export.
	Links(ctx context.Context) iter.Seq2[Link, error]
}

// Place says what a target is.
type Place struct {
	Title   string      `json:"title"` // for a person: "SQLite in /srv/godwit"
	Version string      `json:"version"`
	State   chat.State  `json:"state"`
	Log     chat.Key    `json:"log"`
	Totals  chat.Totals `json:"totals"`
	Free    int64       `json:"free"` // bytes of disk left for files, 0 if not known
}

// Target is where history goes.
type Target interface {
	chat.Mover // Apply makes durable first the files that its contents are of

	Place(ctx context.Context) (Place, error)
	SetState(ctx context.Context, from, to chat.State) error

	// PutFile stores bytes, and returns their SHA-256 in hex. They are there
	// for good after an Apply of a content of them. It may be called from
	// several goroutines; the same bytes twice are stored once.
	PutFile(ctx context.Context, r io.Reader, size int64) (hash string, err error)

	// People finds people at the target by e-mail, in any case; the result is
	// by folded e-mail. Only those who did not come from the source.
	People(ctx context.Context, source string, emails []string) (map[string]*chat.User, error)

	// Match says that imported users are people who are already there.
	Match(ctx context.Context, move string, matches []chat.Match) error

	// Index makes a part of what is not searchable yet searchable, and returns
	// how much is left.
	Index(ctx context.Context) (left int64, err error)

	Close() error
}

// Preparer is a target that can do a part of an Apply before its turn, while
// what came before is applied. The contents among the items are not ready yet.
type Preparer interface {
	Prepare(b *chat.Batch)
}

// Flusher is a target that can make the files durable that were put before,
// while it applies what came before them. Apply then has less to wait for.
type Flusher interface {
	Flush(ctx context.Context) error
}

// Options are what a person says beside the URL.
type Options struct {
	Name         string                                    // of the source; empty lets the connector choose
	Password     func(ctx context.Context) ([]byte, error) // asked once, when one is needed
	Token        string                                    // for a running server
	FilesFrom    string                                    // a directory with attachments copied by other means
	WithoutFiles bool
	FilesOnly    bool
	Look         bool // a target is only looked at: nothing is made or changed there

	// Of an archive.
	Snapshot int                                       // its number; 0 is the newest
	Identity []byte                                    // identities of age, a line each, that open it instead of a password
	Secrets  func(ctx context.Context) ([]byte, error) // the password of its secrets; nil leaves them there

	Fetch      string            // a directory: files that the export only links to are fetched into it, and taken from it
	FetchToken string            // for the source's own server; may be empty
	FetchTry   bool              // although Look is set, the token is tried
	FetchVia   http.RoundTripper // nil is the network
}

// Connector makes sources and targets of one kind. A nil func means that the
// kind cannot be read or written.
type Connector struct {
	Schemes    []string // as in "hipchat:export.tar.gz.aes"; "" opens plain paths
	Help       string   // one line for `godwit help`
	OpenSource func(ctx context.Context, url string, o Options) (Source, error)
	OpenTarget func(ctx context.Context, url string, o Options) (Target, error)
}

// Set is the connectors this program was built with.
type Set []Connector

// Source opens a source by its URL. It fails with Invalid if no connector
// reads its scheme.
func (s Set) Source(ctx context.Context, url string, o Options) (Source, error) {
	c, ok := s.find(url, func(c Connector) bool { return c.OpenSource != nil })
	if !ok {
		return nil, chat.Errorf(chat.Invalid, "cannot read from %q", url).
			WithHint("sources: %s", s.help(func(c Connector) bool { return c.OpenSource != nil }))
	}
	return c.OpenSource(ctx, url, o)
}

// Target opens a target by its URL. It fails with Invalid if no connector
// writes its scheme.
func (s Set) Target(ctx context.Context, url string, o Options) (Target, error) {
	c, ok := s.find(url, func(c Connector) bool { return c.OpenTarget != nil })
	if !ok {
		return nil, chat.Errorf(chat.Invalid, "cannot write to %q", url).
			WithHint("targets: %s", s.help(func(c Connector) bool { return c.OpenTarget != nil }))
	}
	return c.OpenTarget(ctx, url, o)
}

func (s Set) find(url string, can func(Connector) bool) (Connector, bool) {
	scheme, _, found := strings.Cut(url, ":")
	if !found || strings.ContainsAny(scheme, `/\.`) {
		scheme = ""
	}
	i := slices.IndexFunc(s, func(c Connector) bool { return can(c) && slices.Contains(c.Schemes, scheme) })
	if i < 0 {
		return Connector{}, false
	}
	return s[i], true
}

func (s Set) help(can func(Connector) bool) string {
	var lines []string
	for _, c := range s {
		if can(c) {
			lines = append(lines, c.Help)
		}
	}
	return strings.Join(lines, "; ")
}
