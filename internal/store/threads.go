package store

import (
	"database/sql"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Threads adds up the replies to some messages, by the index of threads alone.
func (s *session) Threads(roots []chat.MessageID) (map[chat.MessageID]chat.Thread, error) {
	all := map[chat.MessageID]chat.Thread{}
	for len(roots) > 0 {
		n := min(len(roots), s.db.d.keysAtOnce)
		query, args := threadsQuery(s.db.d, roots[:n])
		err := s.each(func(rows *sql.Rows) error {
			var root chat.MessageID
			var author chat.UserID
			var by chat.ThreadBy
			if err := rows.Scan((*keyColumn)(&root), (*keyColumn)(&author), &by.Count, (*int64)(&by.Last)); err != nil {
				return err
			}
			t := all[root]
			if t.By == nil {
				t.By = map[chat.UserID]chat.ThreadBy{}
			}
			t.Count += by.Count
			t.Last = max(t.Last, by.Last)
			t.By[author] = by
			all[root] = t
			return nil
		}, query, args...)
		if err != nil {
			return nil, err
		}
		roots = roots[n:]
	}
	return all, nil
}

func threadsQuery(d *dialect, roots []chat.MessageID) (string, []any) {
	keys := make([]chat.Key, len(roots))
	for i, id := range roots {
		keys[i] = id.Key()
	}
	condition, args := d.keys("thread", 0, keys)
	return `SELECT thread, author, count(*), max(sent) FROM messages WHERE thread IS NOT NULL AND ` + condition +
		` AND gone = FALSE GROUP BY thread, author`, args
}

// Threads adds up what is committed.
func (t *tx) Threads(roots []chat.MessageID) (map[chat.MessageID]chat.Thread, error) {
	threads, err := t.s.Threads(roots)
	return threads, t.check(err)
}
