package store

import (
	"database/sql"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Follows reports whether the log goes on from a cursor.
func (s *session) Follows(c chat.Cursor) (bool, error) {
	h, err := s.Head()
	if err != nil || h.LogID != c.LogID || c.Pos > h.Pos || c.Pos < 0 {
		return false, err
	}
	if h.Epoch == c.Epoch {
		return true, nil
	}
	// Positions above where the next epoch began were given out again.
	var next sql.NullInt64
	err = s.row(`SELECT (SELECT min(n.pos) FROM epochs n WHERE n.started > e.started) FROM epochs e WHERE e.id = $1`, c.Epoch[:]).Scan(&next)
	if err == sql.ErrNoRows { //nolint:errorlint // database/sql promises it bare
		return false, nil
	}
	return next.Valid && int64(c.Pos) <= next.Int64, s.db.fail("look an epoch up", err)
}

func (t *tx) Follows(c chat.Cursor) (bool, error) {
	ok, err := t.s.Follows(c)
	return ok, t.check(err)
}

const (
	roomsAtOnce = 500 // whose unread messages one statement counts
	mostExtras  = 500 // unread messages of a room that are looked at for mentions
)

// Unread counts, in each of some rooms, what a person has not read.
func (s *session) Unread(q chat.UnreadQuery) (map[chat.RoomID]chat.Unread, error) {
	counts := make(map[chat.RoomID]chat.Unread, len(q.After))
	rooms := make([]chat.RoomID, 0, len(q.After))
	for id := range q.After {
		rooms = append(rooms, id)
	}
	for some := range slices.Chunk(rooms, roomsAtOnce) {
		query, args := s.unreadQuery(q, some)
		err := s.each(func(rows *sql.Rows) error {
			var i int
			var n chat.Unread
			err := rows.Scan(&i, &n.Messages, &n.Mentions)
			if n != (chat.Unread{}) {
				counts[some[i]] = n
			}
			return err
		}, query, args...)
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// unreadQuery counts by the two indexes of what was written here, each up to
// a bound. It is one query of a list of rooms: planning one for each room took
// Postgres longer than all the rest of a first picture.
func (s *session) unreadQuery(q chat.UnreadQuery, rooms []chat.RoomID) (string, []any) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + itoa(len(args))
	}
	mine, me := "", []string{`extra LIKE ` + arg(`%"everyone":"`+chat.EveryoneAll+`"%`)}
	for i, u := range q.Of {
		if i > 0 {
			mine += ", "
		}
		mine += arg(u[:])
		me = append(me, `extra LIKE `+arg(`%"`+u.String()+`"%`))
	}
	unread := ` FROM messages WHERE room = w.room AND source = 0 AND sent > w.since AND gone = FALSE AND aside = FALSE AND type <= 1`
	if mine != "" {
		unread += ` AND (author IS NULL OR author NOT IN (` + mine + `))`
	}
	most := arg(q.Most)
	list := make([]string, len(rooms))
	for i, id := range rooms {
		room, since := arg(id[:]), arg(int64(q.After[id]))
		if s.db.d.shared && i == 0 { // Postgres takes the types of a list from its first row
			room, since = room+`::bytea`, since+`::bigint`
		}
		list[i] = `(` + itoa(i) + `, ` + room + `, ` + since + `)`
	}
	return `WITH w (i, room, since) AS (VALUES ` + strings.Join(list, `, `) + `) SELECT i, ` +
		`(SELECT count(*) FROM (SELECT 1` + unread + ` LIMIT ` + most + `) AS u), ` +
		`(SELECT count(*) FROM (SELECT extra` + unread + ` AND extra IS NOT NULL ORDER BY sent DESC LIMIT ` + itoa(mostExtras) + `) AS m WHERE ` +
		strings.Join(me, ` OR `) + `) FROM w`, args
}

func (t *tx) Unread(q chat.UnreadQuery) (map[chat.RoomID]chat.Unread, error) {
	n, err := t.s.Unread(q)
	return n, t.check(err)
}
