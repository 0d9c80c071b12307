package store

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
)

// indexAtOnce is how many messages are made searchable in one transaction:
// SQLite's one writer is kept that long.
const indexAtOnce = 5000

// maxTerms is how many words of one message are searchable: Postgres has a
// limit of its own, about there.
const maxTerms = 20000

// Index makes messages searchable that are not yet, in the order of their
// positions: one that was edited since comes again.
func (db *DB) Index(ctx context.Context, limit int) (done int, err error) {
	if !db.index.TryLock() {
		return 0, nil
	}
	defer db.index.Unlock()
	for done < limit {
		want := min(limit-done, indexAtOnce)
		n, err := db.indexSome(ctx, want)
		done += n
		db.unsettled += n
		if err != nil {
			return done, err
		}
		if n < want {
			return done, db.settle(ctx)
		}
	}
	return done, nil
}

// settle is for the end of a long backlog.
func (db *DB) settle(ctx context.Context) error {
	if db.unsettled < indexAtOnce {
		return nil
	}
	db.unsettled = 0
	return db.d.words.settle(ctx, db)
}

func (db *DB) indexSome(ctx context.Context, limit int) (int, error) {
	var from, to int64
	var messages []*chat.Message
	err := db.view(ctx, func(s *session) error {
		h, err := s.Head()
		if err != nil {
			return err
		}
		if err := s.row(`SELECT pos FROM searchable`).Scan(&from); err != nil {
			return db.fail("look how far the index is", err)
		}
		return s.each(func(rows *sql.Rows) error {
			m, err := scanMessage(rows, &to)
			messages = append(messages, m)
			return err
		}, `SELECT `+messageColumns+`, pos FROM messages WHERE pos > $1 AND pos <= $2 ORDER BY pos LIMIT $3`, from, int64(h.Pos), limit)
	})
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	entries := db.entries(messages)
	tx, err := db.begin(ctx, db.write, nil)
	if err != nil {
		return 0, db.fail("index", err)
	}
	defer tx.Rollback() //nolint:errcheck // done after the commit
	s := &session{ctx: ctx, db: db, tx: tx}
	if mine, err := db.d.indexer(s); err != nil || !mine {
		return 0, db.fail("index", err)
	}
	// Another process may have done these meanwhile.
	n, err := s.execCount(`UPDATE searchable SET pos = $1 WHERE pos = $2`, to, from)
	if err != nil || n == 0 {
		return 0, err
	}
	if err := db.d.words.put(s, entries); err != nil {
		return 0, err
	}
	return len(messages), db.fail("index", tx.Commit())
}

// entries finds the words of messages, on all processors.
func (db *DB) entries(messages []*chat.Message) []entry {
	list := make([]entry, len(messages))
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := len(messages) * w / workers; i < len(messages)*(w+1)/workers; i++ {
				m := messages[i]
				list[i] = entry{id: m.ID, room: m.Room, sent: m.Sent, terms: db.termsOf(m)}
			}
		})
	}
	wg.Wait()
	return list
}

func (db *DB) termsOf(m *chat.Message) []string {
	if m.Gone {
		return nil
	}
	terms := chat.Terms(clean(db.text(m)), false)
	terms = terms[:min(len(terms), maxTerms)]
	slices.Sort(terms)
	terms = slices.Compact(terms)
	terms = append(terms, roomTerm(m.Room))
	if !m.Author.IsZero() {
		terms = append(terms, byTerm(m.Author))
	}
	if len(m.Files) > 0 {
		terms = append(terms, fileTerm)
	}
	if strings.Contains(m.Text, "http://") || strings.Contains(m.Text, "https://") {
		terms = append(terms, linkTerm)
	}
	return terms
}

// Unindexed counts messages that are not yet searchable.
func (db *DB) Unindexed(ctx context.Context) (n int64, err error) {
	err = db.view(ctx, func(s *session) error {
		err := s.row(`SELECT count(*) FROM messages WHERE pos > (SELECT pos FROM searchable)`).Scan(&n)
		return db.fail("count what is not searchable", err)
	})
	return n, err
}

// Reindex drops the index.
func (db *DB) Reindex(ctx context.Context) error {
	db.index.Lock()
	defer db.index.Unlock()
	tx, err := db.begin(ctx, db.write, nil)
	if err != nil {
		return db.fail("drop the index", err)
	}
	defer tx.Rollback() //nolint:errcheck // done after the commit
	s := &session{ctx: ctx, db: db, tx: tx}
	if err := s.exec(`UPDATE searchable SET pos = 0`); err != nil {
		return err
	}
	if err := db.d.words.clear(s); err != nil {
		return err
	}
	return db.fail("drop the index", tx.Commit())
}
