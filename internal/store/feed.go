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

// What was written here, or changed since a mover brought it. The indexes
// messages_news and objects_news have the same conditions: bulk loading does
// not touch the first, and little of the second. Of what a mover brings,
// people and rooms are news all the same.
const (
	freshMessages = ` AND (source = 0 OR digest <> src)`
	freshObjects  = ` AND (source = 0 OR digest <> src OR kind IN (1, 2, 3, 7, 14, 16))`
)

// Fresh returns the changes after a position that are news to people.
func (s *session) Fresh(after chat.Position, limit int) ([]chat.Change, chat.Position, error) {
	h, err := s.Head()
	if err != nil {
		return nil, after, err
	}
	messages, err := s.changedMessages(after, h.Pos, limit, freshMessages)
	if err != nil {
		return nil, after, err
	}
	objects, err := s.changedObjects(after, h.Pos, limit, freshObjects)
	if err != nil {
		return nil, after, err
	}
	list, pos := merged(messages, objects, limit, max(h.Pos, after))
	return list, pos, nil
}

func (t *tx) Fresh(after chat.Position, limit int) ([]chat.Change, chat.Position, error) {
	list, pos, err := t.s.Fresh(after, limit)
	return list, pos, t.check(err)
}

// mostBrought is how many messages are looked at for the rooms they are in.
const mostBrought = 20_000

// Brought names rooms into whose history a mover has brought messages.
func (s *session) Brought(after, to chat.Position, most int) (rooms []chat.RoomID, all bool, err error) {
	n := 0
	err = s.each(func(rows *sql.Rows) error {
		var id chat.RoomID
		var some int
		err := rows.Scan((*keyColumn)(&id), &some)
		rooms, n = append(rooms, id), n+some
		return err
	}, `SELECT room, count(*) FROM (SELECT room FROM messages WHERE pos > $1 AND pos <= $2 AND NOT (source = 0 OR digest <> src) LIMIT $3) AS brought GROUP BY room LIMIT $4`,
		int64(after), int64(to), mostBrought, most+1)
	if n >= mostBrought || len(rooms) > most {
		return nil, true, err
	}
	return rooms, false, err
}

func (t *tx) Brought(after, to chat.Position, most int) ([]chat.RoomID, bool, error) {
	rooms, all, err := t.s.Brought(after, to, most)
	return rooms, all, t.check(err)
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
