package store

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

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
	bites := db.company.bites()
	defer bites.end()
	for done < limit {
		if err := bites.begin(ctx); err != nil {
			return done, err
		}
		want := min(limit-done, indexAtOnce)
		if bites.mine {
			want = min(want, bite)
		}
		n, err := db.indexSome(ctx, want)
		if err != nil {
			return done, db.d.words.mend(ctx, db, err)
		}
		done += n
		db.unsettled += n
		if n < want {
			return done, db.settle(ctx)
		}
		if err := bites.rest(ctx); err != nil {
			return done, err
		}
	}
	return done, nil
}

// pause waits, and reports whether it was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
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
	var h chat.Head
	var messages []*chat.Message
	err := db.view(ctx, func(s *session) (err error) {
		if h, err = s.Head(); err != nil {
			return err
		}
		if from, err = s.reached(); err != nil {
			return err
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
	entries, done := db.entries(messages), 0
	err = db.d.words.writing(ctx, db, func(s *session) (bool, error) {
		// Another process may have done these meanwhile.
		ok, err := db.d.words.advance(s, from, to, h)
		if err != nil || !ok {
			return false, err
		}
		done = len(messages)
		return true, db.d.words.put(s, entries)
	})
	if err != nil {
		return 0, err
	}
	return done, nil
}

// reached returns up to which position messages are searchable.
func (s *session) reached() (pos int64, err error) {
	err = s.db.d.words.reading(s, func(w *session) (err error) {
		pos, err = s.db.d.words.reached(w)
		return err
	})
	return pos, err
}

// entries finds the words of messages; of many, on all processors.
func (db *DB) entries(messages []*chat.Message) []entry {
	list := make([]entry, len(messages))
	workers := min(runtime.GOMAXPROCS(0), len(messages)/bite)
	if workers <= 1 {
		for i, m := range messages {
			list[i] = db.entryOf(m)
		}
		return list
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := len(messages) * w / workers; i < len(messages)*(w+1)/workers; i++ {
				list[i] = db.entryOf(messages[i])
			}
		})
	}
	wg.Wait()
	return list
}

func (db *DB) entryOf(m *chat.Message) entry {
	return entry{id: m.ID, room: m.Room, sent: m.Sent, terms: db.termsOf(m)}
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
		pos, err := s.reached()
		if err != nil {
			return err
		}
		err = s.row(`SELECT count(*) FROM messages WHERE pos > $1`, pos).Scan(&n)
		return db.fail("count what is not searchable", err)
	})
	return n, err
}

// Reindex drops the index.
func (db *DB) Reindex(ctx context.Context) error {
	db.index.Lock()
	defer db.index.Unlock()
	return db.d.words.writing(ctx, db, func(s *session) (bool, error) { return true, db.d.words.clear(s) })
}
