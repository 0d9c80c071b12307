package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"github.com/godwit-chat/godwit/internal/chat"
)

// roomNames gives the rooms that are there what they are found by since names
// that look the same are refused.
func (db *DB) roomNames() *goose.Migration {
	return goose.NewGoMigration(4, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		s := &session{ctx: ctx, db: db, tx: tx}
		var after chat.Key
		for {
			rooms, err := chat.List[chat.Room](s, chat.Query{After: after, Limit: 1000, Gone: true})
			if err != nil || len(rooms) == 0 {
				return err
			}
			for _, r := range rooms {
				after = r.Key()
				x := r.Index()
				if err := s.exec(`UPDATE objects SET a = $1, b = $2 WHERE kind = $3 AND id = $4`, orNull(x.A), orNull(x.B), int64(chat.KindRoom), after[:]); err != nil {
					return err
				}
			}
		}
	}}, nil)
}
