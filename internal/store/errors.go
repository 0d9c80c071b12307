package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/godwit-chat/godwit/internal/chat"
)

// fail turns what a database says into an error for people, once.
func (db *DB) fail(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case db.ctx.Err() != nil:
		return chat.Errorf(chat.Unavailable, "%s: the store is closed", doing)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !connecting(err):
		return err
	}
	if _, ok := errors.AsType[*chat.Error](err); ok {
		return err
	}
	if e := db.d.classify(err); e != nil {
		if e.Kind == chat.Unavailable && db.d.broke != nil && db.d.broke(err) {
			db.servers.breaks.Add(1)
			if db.d.readOnly(err) {
				db.lines.giveUp() // the next ones lead to where writes are taken
			}
		}
		e.Text = doing + ": " + e.Text
		return e
	}
	return chat.Errorf(chat.Internal, "%s: %w", doing, err)
}

// connecting reports whether an address did not answer within its own bound.
func connecting(err error) bool {
	_, is := errors.AsType[*pgconn.ConnectError](err)
	return is
}
