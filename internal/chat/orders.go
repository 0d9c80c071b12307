package chat

import (
	"context"
	"strings"
)

// NoteOrder writes into the audit log that somebody ordered something of a
// mover: the words of the command line. It fails with Denied. A place that
// takes no writes just now has the order itself for a witness.
func (s *Service) NoteOrder(ctx context.Context, a *Actor, move, words string) error {
	if err := a.mustAdmin(); err != nil {
		return err
	}
	err := s.Store.Update(ctx, func(tx Tx) error {
		return tx.Put(audit(tx, a, "order "+strings.TrimSpace(words), move, ""))
	})
	if IsKind(err, Unavailable) {
		return nil
	}
	return err
}
