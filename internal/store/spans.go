package store

import (
	"database/sql"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Spans says from when to when there are messages in each of some rooms.
func (s *session) Spans(rooms []chat.RoomID, count bool) (map[chat.RoomID]chat.Span, error) {
	keys := make([]chat.Key, len(rooms))
	for i, r := range rooms {
		keys[i] = r.Key()
	}
	// Each of the three is one look into an index, or a walk of a part of one.
	query := `SELECT o.id, (SELECT min(sent) FROM messages WHERE room = o.id), (SELECT max(sent) FROM messages WHERE room = o.id), `
	if count {
		query += `(SELECT count(*) FROM messages WHERE room = o.id) - (SELECT count(*) FROM messages WHERE room = o.id AND gone)`
	} else {
		query += `0`
	}
	spans := make(map[chat.RoomID]chat.Span, len(rooms))
	return spans, s.eachKey(keys, func(rows *sql.Rows) error {
		var id chat.RoomID
		var first, last sql.NullInt64
		var n int64
		err := rows.Scan((*keyColumn)(&id), &first, &last, &n)
		if first.Valid {
			spans[id] = chat.Span{First: chat.Time(first.Int64), Last: chat.Time(last.Int64), Count: n}
		}
		return err
	}, query+` FROM objects o WHERE o.kind = $1 AND `, "o.id", int64(chat.KindRoom))
}

func (t *tx) Spans(rooms []chat.RoomID, count bool) (map[chat.RoomID]chat.Span, error) {
	spans, err := t.s.Spans(rooms, count)
	return spans, t.check(err)
}

// Sources names the sources that were imported from, the oldest first.
func (s *session) Sources() ([]string, error) {
	var names []string
	err := s.each(func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT name FROM sources ORDER BY id`)
	return names, err
}

func (t *tx) Sources() ([]string, error) { return t.s.Sources() }
