package store

import (
	"context"
	"errors"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Probe finds out whether the place can be written to: it locks the head,
// writes it as it is, and commits, together with what others write. A place
// that is closed to people can be, as far as the database goes.
func (db *DB) Probe(ctx context.Context) error {
	err := db.Update(ctx, func(t chat.Tx) error {
		if ours, ok := t.(*tx); ok {
			ours.h.touched = true
		}
		return nil
	})
	if _, closed := errors.AsType[*chat.Closed](err); closed {
		return nil
	}
	return err
}
