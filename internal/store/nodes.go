package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

var (
	_ chat.Nodes = (*DB)(nil)
	_ chat.Bell  = (*DB)(nil)
)

// forgetNode is after how long the row of a node that is gone is removed.
const forgetNode = time.Minute

// Attend says that a node is there. Everything is one transaction, and most
// of it one statement: it is done every second by every node.
func (db *DB) Attend(ctx context.Context, n chat.Node) (all []chat.Node, now chat.Time, err error) {
	about, err := json.Marshal(n)
	if err != nil {
		return nil, 0, err
	}
	err = db.apart(ctx, func(s *session) error {
		if now, err = s.now(); err != nil {
			return err
		}
		if err := s.exec(`INSERT INTO nodes (id, seen, about) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, about = excluded.about`, n.ID.String(), int64(now), clean(string(about))); err != nil {
			return err
		}
		var old []string
		if all, old, err = s.nodes(now); err != nil {
			return err
		}
		for _, id := range old {
			if err := s.exec(`DELETE FROM nodes WHERE id = $1 AND seen < $2`, id, int64(now)-int64(forgetNode/time.Microsecond)); err != nil {
				return err
			}
		}
		return nil
	})
	return all, now, err
}

// Nodes returns the nodes that are there.
func (db *DB) Nodes(ctx context.Context) (all []chat.Node, now chat.Time, err error) {
	err = db.view(ctx, func(s *session) error {
		if now, err = s.now(); err != nil {
			return err
		}
		all, _, err = s.nodes(now)
		return err
	})
	return all, now, err
}

// nodes lists those that are there in the order of their start, and those that
// may be forgotten.
func (s *session) nodes(now chat.Time) (all []chat.Node, old []string, err error) {
	err = s.each(func(rows *sql.Rows) error {
		var id, about string
		var n chat.Node
		if err := rows.Scan(&id, (*int64)(&n.Seen), &about); err != nil {
			return err
		}
		switch age := time.Duration(now-n.Seen) * time.Microsecond; {
		case age >= forgetNode:
			old = append(old, id)
			return nil
		case age >= chat.NodeLives:
			return nil
		}
		if json.Unmarshal([]byte(about), &n) == nil && n.ID.String() == id { // a later version may write it otherwise
			all = append(all, n)
		}
		return nil
	}, `SELECT id, seen, about FROM nodes`)
	slices.SortFunc(all, func(a, b chat.Node) int {
		if a.Started != b.Started {
			return int(min(max(a.Started-b.Started, -1), 1))
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	return all, old, err
}

// Depart forgets a node.
func (db *DB) Depart(ctx context.Context, id chat.Key) error {
	return db.apart(ctx, func(s *session) error { return s.exec(`DELETE FROM nodes WHERE id = $1`, id.String()) })
}

// Sealed remembers what the key is known by that secrets are sealed with.
func (db *DB) Sealed(ctx context.Context, print string, anew bool) (first string, err error) {
	err = db.apart(ctx, func(s *session) error {
		keep := `DO NOTHING`
		if anew {
			keep = `DO UPDATE SET print = excluded.print`
		}
		if err := s.exec(`INSERT INTO sealing (one, print) VALUES (1, $1) ON CONFLICT (one) `+keep, print); err != nil {
			return err
		}
		return db.fail("read", s.row(`SELECT print FROM sealing WHERE one = 1`).Scan(&first))
	})
	return first, err
}

// apart runs fn in a transaction that writes without the head: what is not of
// the log.
func (db *DB) apart(ctx context.Context, fn func(*session) error) error {
	conn, tx, err := db.beginWrite(ctx)
	if err != nil {
		return db.fail("write", err)
	}
	defer conn.Close()  //nolint:errcheck // it goes back to the pool
	defer tx.Rollback() //nolint:errcheck // done after the commit
	if err := fn(&session{ctx: ctx, db: db, tx: tx, conn: conn}); err != nil {
		return err
	}
	return db.fail("commit", tx.Commit())
}
