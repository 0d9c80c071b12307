package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/godwit-chat/godwit/internal/chat"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// migrate makes the tables what this version wants. On a database that is up
// to date it only looks.
func (db *DB) migrate(ctx context.Context) error {
	p, old, err := db.tables(ctx)
	if err != nil || !old {
		return err
	}
	unlock, err := db.d.alone(ctx, db)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = p.Up(ctx)
	return err
}

// current fails if the tables are not those that this version wants.
func (db *DB) current(ctx context.Context) error {
	_, old, err := db.tables(ctx)
	if err == nil && old {
		err = chat.Errorf(chat.Conflict, "the database has the tables of an older version").
			WithHint("`godwit serve` and `godwit import` update them; only to look, run the version that made it")
	}
	return err
}

// tables finds out whether the tables are old. It fails with Conflict if they
// are newer than this version.
func (db *DB) tables(ctx context.Context) (p *goose.Provider, old bool, err error) {
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		return nil, false, err
	}
	search := goose.NewGoMigration(2, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		return db.d.words.create(ctx, tx)
	}}, nil)
	// SQLite's index of words was in the database before.
	apart := goose.NewGoMigration(11, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if db.d.shared {
			return nil
		}
		for _, table := range []string{"words", "words_content", "searchable"} {
			if _, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS `+table); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
	p, err = goose.NewProvider(db.d.goose, db.write, files, goose.WithGoMigrations(search, apart, db.roomNames()), goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true))
	if err != nil {
		return nil, false, err
	}
	have, want, err := p.GetVersions(ctx)
	if err == nil && have > want {
		err = chat.Errorf(chat.Conflict, "the database has the tables of a newer version (%d, this one knows %d)", have, want).
			WithHint("run the newer version of godwit; it does not go back")
	}
	return p, have < want, err
}

// startEpoch marks that positions after the head may be other ones than those
// given out before, if the database was restored from a copy since.
func (db *DB) startEpoch(ctx context.Context) error {
	if err := db.firstHead(ctx); err != nil {
		return err
	}
	return db.locked(ctx, func(s *session, h *head) error {
		db.bell.seen(h.Pos)
		db.first = h.Head
		return s.newEpoch(h, h.Pos)
	})
}

func (db *DB) firstHead(ctx context.Context) error {
	_, err := db.write.ExecContext(ctx, db.d.bind(
		`INSERT INTO head (one, log, epoch, pos, clock, state, lease) VALUES (1, $1, $2, 0, 0, $3, 0) ON CONFLICT (one) DO NOTHING`),
		bytesOf(randomKey()), bytesOf(chat.Key{}), string(chat.Open))
	return err
}

func randomKey() chat.Key { return chat.NewKey(chat.TimeOf(time.Now()), randomBytes()) }

func randomBytes() (b [10]byte) {
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return b
}
