package store

import (
	"context"
	"errors"

	"github.com/godwit-chat/godwit/internal/chat"
)

// fail turns what a database says into an error for people, once.
func (db *DB) fail(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case db.ctx.Err() != nil:
		return chat.Errorf(chat.Unavailable, "%s: the store is closed", doing)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if _, ok := errors.AsType[*chat.Error](err); ok {
		return err
	}
	if e := db.d.classify(err); e != nil {
		e.Text = doing + ": " + e.Text
		return e
	}
	return chat.Errorf(chat.Internal, "%s: %w", doing, err)
}
