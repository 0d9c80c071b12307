package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// membersQuery counts the members of each room by an index of its own; that
// somebody is the same as another is one look by key for each of them.
const membersQuery = `SELECT o.id, (SELECT count(DISTINCT COALESCE(x.b, m.b)) FROM objects m
		LEFT JOIN objects x ON x.kind = $1 AND x.id = m.b AND x.gone = FALSE
		WHERE m.kind = $2 AND m.a = o.id AND m.gone = FALSE)
	FROM objects o WHERE o.kind = $3 AND `

// Members counts the people in each of some rooms.
func (s *session) Members(rooms []chat.RoomID) (map[chat.RoomID]int64, error) {
	keys := make([]chat.Key, len(rooms))
	for i, r := range rooms {
		keys[i] = r.Key()
	}
	counts := make(map[chat.RoomID]int64, len(rooms))
	return counts, s.eachKey(keys, func(rows *sql.Rows) error {
		var id chat.RoomID
		var n int64
		err := rows.Scan((*keyColumn)(&id), &n)
		if n > 0 {
			counts[id] = n
		}
		return err
	}, membersQuery, "o.id", int64(chat.KindMatch), int64(chat.KindMember), int64(chat.KindRoom))
}

func (t *tx) Members(rooms []chat.RoomID) (map[chat.RoomID]int64, error) {
	counts, err := t.s.Members(rooms)
	return counts, t.check(err)
}

// unheard is after how long a move that no mover was heard of is one that
// nobody goes on with: its rooms are as they are, until somebody does.
const unheard = 10 * time.Minute

// Arriving lists the rooms of sources of which a move has not ended, and whose
// mover was heard of lately.
func (db *DB) Arriving(ctx context.Context) (list []chat.RoomID, err error) {
	err = db.view(ctx, func(s *session) error {
		var open bool
		lately := int64(chat.TimeOf(time.Now().Add(-unheard)))
		err := s.row(`SELECT EXISTS (SELECT 1 FROM moves WHERE done = FALSE AND run > 0 AND heard > $1)`, lately).Scan(&open)
		if err != nil || !open {
			return db.fail("look for moves under way", err)
		}
		return s.each(func(rows *sql.Rows) error {
			var id chat.RoomID
			err := rows.Scan((*keyColumn)(&id))
			list = append(list, id)
			return err
		}, `SELECT id FROM objects WHERE kind = $1 AND gone = FALSE AND source IN (SELECT source FROM moves WHERE done = FALSE AND run > 0 AND heard > $2)`, int64(chat.KindRoom), lately)
	})
	return list, err
}
