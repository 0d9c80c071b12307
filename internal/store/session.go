package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// session is one transaction. It lives as long as the call whose context it
// keeps: chat.Reader has no room for one.
type session struct {
	ctx context.Context
	db  *DB
	tx  *sql.Tx

	conn *sql.Conn // that tx is on, where it may write
}

func (s *session) exec(query string, args ...any) error {
	_, err := s.execCount(query, args...)
	return err
}

func (s *session) execCount(query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if stmt := s.db.stmts[query]; stmt != nil {
		res, err = s.tx.StmtContext(s.ctx, stmt).ExecContext(s.ctx, args...)
	} else {
		res, err = s.tx.ExecContext(s.ctx, s.db.d.bind(query), args...)
	}
	if err != nil {
		return 0, s.db.fail("write", err)
	}
	n, err := res.RowsAffected()
	return n, s.db.fail("write", err)
}

func (s *session) row(query string, args ...any) *sql.Row {
	return s.tx.QueryRowContext(s.ctx, s.db.d.bind(query), args...)
}

// each calls fn with every row.
func (s *session) each(fn func(*sql.Rows) error, query string, args ...any) error {
	rows, err := s.tx.QueryContext(s.ctx, s.db.d.bind(query), args...)
	if err != nil {
		return s.db.fail("read", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		if err := fn(rows); err != nil {
			return s.db.fail("read", err)
		}
	}
	return s.db.fail("read", rows.Err())
}

// eachKey is each for all rows whose column is one of many keys; the query
// ends where the condition belongs.
func (s *session) eachKey(keys []chat.Key, fn func(*sql.Rows) error, query, column string, args ...any) error {
	for len(keys) > 0 {
		n := min(len(keys), s.db.d.keysAtOnce)
		condition, more := s.db.d.keys(column, len(args), keys[:n])
		if err := s.each(fn, query+condition, append(args[:len(args):len(args)], more...)...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// Head reads the end of the log.
func (s *session) Head() (chat.Head, error) {
	h, err := s.readHead("")
	if err != nil {
		return chat.Head{}, err
	}
	return h.Head, nil
}

const messageColumns = `id, room, author, sent, type, format, thread, edited, gone, text, extra`

// scanMessage reads messageColumns and what more is asked for.
func scanMessage(rows *sql.Rows, more ...any) (*chat.Message, error) {
	m := &chat.Message{}
	var extra sql.RawBytes
	if err := rows.Scan(messageDest(m, &extra, more...)...); err != nil {
		return nil, err
	}
	return m, m.DecodeExtra(extra)
}

// messageDest is where messageColumns are read to.
func messageDest(m *chat.Message, extra any, more ...any) []any {
	return append([]any{(*keyColumn)(&m.ID), (*keyColumn)(&m.Room), (*keyColumn)(&m.Author), (*int64)(&m.Sent), (*uint8)(&m.Type), (*uint8)(&m.Format),
		(*keyColumn)(&m.Thread), (*int64)(&m.Edited), &m.Gone, &m.Text, extra}, more...)
}

// Get reads an object, deleted or not.
func (s *session) Get(kind chat.Kind, key chat.Key) (chat.Object, error) {
	all, err := s.GetAll(kind, []chat.Key{key})
	if err != nil {
		return nil, err
	}
	if o := all[key]; o != nil {
		return o, nil
	}
	return nil, notFound(kind, key)
}

func notFound(kind chat.Kind, key chat.Key) error {
	return chat.Errorf(chat.NotFound, "there is no %s %s", kind, key)
}

// GetAll reads those of many objects that are there, deleted or not.
func (s *session) GetAll(kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Object, error) {
	all := make(map[chat.Key]chat.Object, len(keys))
	if kind == chat.KindMessage {
		return all, s.eachKey(keys, func(rows *sql.Rows) error {
			m, err := scanMessage(rows)
			if err == nil {
				all[m.Key()] = m
			}
			return err
		}, `SELECT `+messageColumns+` FROM messages WHERE `, "id")
	}
	return all, s.eachKey(keys, func(rows *sql.Rows) error {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return err
		}
		o, err := chat.DecodeBody(kind, body)
		if err == nil {
			all[o.Key()] = o
		}
		return err
	}, `SELECT body FROM `+tableOf(kind).name+` WHERE kind = $1 AND `, "id", int64(kind))
}

// History reads a page of a room, or of a thread.
func (s *session) History(q chat.HistoryQuery) ([]*chat.Message, error) {
	if q.Before != nil && q.After != nil {
		return nil, chat.Errorf(chat.Invalid, "a page of history is before one message or after one, not both")
	}
	query, args := historyQuery(q)
	var page []*chat.Message
	err := s.each(func(rows *sql.Rows) error {
		m, err := scanMessage(rows)
		page = append(page, m)
		return err
	}, query, args...)
	if q.After == nil {
		for i, j := 0, len(page)-1; i < j; i, j = i+1, j-1 {
			page[i], page[j] = page[j], page[i]
		}
	}
	return page, err
}

func historyQuery(q chat.HistoryQuery) (string, []any) {
	query, of := `SELECT `+messageColumns+` FROM messages WHERE room = $1 AND aside = FALSE`, q.Room.Key()
	if !q.Thread.IsZero() {
		query, of = `SELECT `+messageColumns+` FROM messages WHERE thread = $1`, q.Thread.Key()
	}
	order, anchor := ` DESC`, q.Before
	if q.After != nil {
		query += ` AND (sent, id) > ($2, $3)`
		order, anchor = ``, q.After
	} else if q.Before != nil {
		query += ` AND (sent, id) < ($2, $3)`
	}
	args := []any{of[:]}
	if anchor != nil {
		args = append(args, int64(anchor.Sent), anchor.ID[:])
	}
	query += ` ORDER BY sent` + order + `, id` + order
	if q.Limit > 0 {
		query += ` LIMIT $` + itoa(len(args)+1)
		args = append(args, q.Limit)
	}
	return query, args
}

// Changes merges the tables by position.
func (s *session) Changes(after chat.Position, limit int, kinds ...chat.Kind) ([]chat.Change, chat.Position, error) {
	h, err := s.Head()
	if err != nil {
		return nil, after, err
	}
	if limit <= 0 {
		return nil, after, chat.Errorf(chat.Invalid, "no limit for how many changes to read")
	}
	var messages, objects []chat.Change
	if len(kinds) == 0 || slices.Contains(kinds, chat.KindMessage) {
		messages, err = s.changedMessages(after, h.Pos, limit, "")
	}
	if err == nil {
		objects, err = s.changedObjects(after, h.Pos, limit, ofKinds(kinds))
	}
	if err != nil {
		return nil, after, err
	}
	list, pos := merged(messages, objects, limit, max(h.Pos, after))
	return list, pos, nil
}

// merged returns the first changes, and where they end.
func merged(messages, objects []chat.Change, limit int, end chat.Position) ([]chat.Change, chat.Position) {
	list := merge(messages, objects, limit)
	if len(list) == limit {
		end = list[limit-1].Pos
	}
	return list, end
}

// changedMessages reads changes of messages; only is one more condition.
func (s *session) changedMessages(after, end chat.Position, limit int, only string) (list []chat.Change, err error) {
	err = s.each(func(rows *sql.Rows) error {
		var pos int64
		m, err := scanMessage(rows, &pos)
		list = append(list, chat.Change{Pos: chat.Position(pos), Object: m})
		return err
	}, `SELECT `+messageColumns+`, pos FROM messages WHERE pos > $1 AND pos <= $2`+only+` ORDER BY pos LIMIT $3`, int64(after), int64(end), limit)
	return list, err
}

func ofKinds(kinds []chat.Kind) string {
	if len(kinds) == 0 {
		return ""
	}
	var numbers []string
	for _, k := range kinds {
		numbers = append(numbers, itoa(int(k)))
	}
	// The plus keeps SQLite from looking through all of a kind.
	return ` AND +kind IN (` + strings.Join(numbers, ",") + `)`
}

// changedObjects reads changes of objects; only is one more condition.
func (s *session) changedObjects(after, end chat.Position, limit int, only string) (list []chat.Change, err error) {
	err = s.each(func(rows *sql.Rows) error {
		var pos int64
		var kind uint8
		var body sql.RawBytes
		if err := rows.Scan(&kind, &body, &pos); err != nil {
			return err
		}
		o, err := chat.DecodeBody(chat.Kind(kind), body)
		list = append(list, chat.Change{Pos: chat.Position(pos), Object: o})
		return err
	}, `SELECT kind, body, pos FROM objects WHERE pos > $1 AND pos <= $2`+only+` ORDER BY pos LIMIT $3`, int64(after), int64(end), limit)
	return list, err
}

func merge(a, b []chat.Change, limit int) []chat.Change {
	var list []chat.Change
	for len(list) < limit && len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].Pos < b[0].Pos {
			list, a = append(list, a[0]), a[1:]
		} else {
			list, b = append(list, b[0]), b[1:]
		}
	}
	return list
}
