package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/store"
)

const defaultData = "godwit-data"

// place says where a Godwit keeps what it has: a data directory, or a
// Postgres database and a directory of files.
type place struct {
	Data     string `name:"data" placeholder:"DIR" env:"GODWIT_DATA"`
	Database string `name:"database" placeholder:"URL" env:"GODWIT_DATABASE"`
	Files    string `name:"files" placeholder:"DIR" env:"GODWIT_FILES"`
	keyFile  string
}

func (p *place) check() error {
	switch {
	case p.Database != "" && !strings.HasPrefix(p.Database, "postgres://") && !strings.HasPrefix(p.Database, "postgresql://"):
		return chat.Errorf(chat.Invalid, "%q is not the address of a database", redact(p.Database)).WithHint("it looks like postgres://user:password@host/name; for a directory use --data")
	case p.Database != "" && p.Files == "" && p.Data == "":
		return chat.Errorf(chat.Invalid, "a Postgres database needs a directory for files").WithHint("add --files DIR; the server is given the same")
	}
	if p.Data == "" {
		p.Data = defaultData
	}
	return nil
}

func (p *place) filesDir() string {
	if p.Files != "" {
		return p.Files
	}
	return filepath.Join(p.Data, "files")
}

// dir is where this process keeps what is not in the database: the socket for
// `godwit admin`, and previews of pictures.
func (p *place) dir() string {
	if p.Database != "" && p.Files != "" {
		return p.Files
	}
	return p.Data
}

func (p *place) title() string {
	if p.Database != "" {
		return "Postgres at " + redact(p.Database)
	}
	return "SQLite in " + p.Data
}

// opened is a place that this process works on.
type opened struct {
	title  string
	store  *store.DB
	files  *blob.Dir
	sealer chat.Sealer
	key    []byte
}

// open opens the place, and makes it if it is not there. It fails with
// Conflict if it is a data directory that another process works on.
func (p *place) open(ctx context.Context) (*opened, error) {
	return p.openWith(ctx, store.Options{Text: searchText})
}

// database is the path by which the store opens it.
func (p *place) database() (string, error) {
	if p.Database != "" {
		return p.Database, nil
	}
	return filepath.Join(p.Data, "godwit.db"), checkDataDir(p.Data)
}

func (p *place) openWith(ctx context.Context, o store.Options) (_ *opened, err error) {
	if o.Path, err = p.database(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.dir(), 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", p.dir(), err)
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	sealer, err := server.NewSealer(key)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, o)
	if err != nil {
		return nil, p.whoHasIt(ctx, err)
	}
	files, err := blob.OpenDir(p.filesDir())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &opened{p.title(), db, files, sealer, key}, nil
}

// searchText is what a message is found by: its words, and those that a
// program shows beside them or instead of them.
func searchText(m *chat.Message) string {
	if card := markup.ReadSlackCard(m); card != nil {
		return markup.Words(markup.SlackTree(m.Text, card, markup.Options{}))
	}
	text := markup.Text(m.Format, m.Text)
	if card := markup.HipChatCardWords(m.Card); card != "" {
		return text + "\n" + card
	}
	return text
}

func (o *opened) close() error { return errors.Join(o.store.Close(), o.files.Close()) }

// checkDataDir refuses a directory that holds something else.
func checkDataDir(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if !info.IsDir() {
		return chat.Errorf(chat.Invalid, "%s is a file, not a data directory", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if len(entries) == 0 {
		return nil
	}
	for _, e := range entries {
		switch e.Name() {
		case "godwit.db", "files", keyName, socketName:
			return nil
		}
	}
	return chat.Errorf(chat.Invalid, "%s is not empty and no data directory of Godwit", dir).WithHint("name another directory; it is made if it is not there")
}

// whoHasIt adds to an error about a directory in use what can be done.
func (p *place) whoHasIt(ctx context.Context, err error) error {
	if !chat.IsKind(err, chat.Conflict) || p.Database != "" {
		return err
	}
	address := askAddress(ctx, p.dir())
	if address == "" {
		return err
	}
	return chat.Errorf(chat.Conflict, "a server is running on %s, at %s", p.Data, address).
		WithHint("import into the server: give %s instead of the directory, with GODWIT_TOKEN from `godwit admin token --for move --data %s`", address, p.Data)
}
