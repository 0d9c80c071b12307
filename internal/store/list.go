package store

import (
	"database/sql"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// List reads the objects that a query asks for, in the order of their keys.
func (s *session) List(q chat.Query) ([]chat.Object, error) {
	if q.In == nil {
		query, args := listQuery(q)
		return s.list(q, query, args)
	}
	var list []chat.Object
	for part := range slices.Chunk(q.In, s.db.d.keysAtOnce-10) {
		query, args := s.listInQuery(q, part)
		some, err := s.list(q, query, args)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(a, b chat.Object) int {
		x, y := a.Key(), b.Key()
		return slices.Compare(x[:], y[:])
	})
	return list, nil
}

// listInQuery is for some of the keys of q.In. Unless there is a limit, what is
// found is not asked for in order: SQLite would read all of a kind, because
// that is in order already.
func (s *session) listInQuery(q chat.Query, part []chat.Key) (string, []any) {
	query, args := listQuery(q)
	column := "a"
	if q.Kind == chat.KindMessage {
		column = "room"
	}
	condition, more := s.db.d.keys(column, len(args), part)
	query, order, _ := strings.Cut(query, ` ORDER BY`)
	if !strings.Contains(query, ` WHERE `) {
		query += ` WHERE ` + condition
	} else {
		query += ` AND ` + condition
	}
	if q.Limit > 0 {
		query += ` ORDER BY` + order
	}
	return query, append(args, more...)
}

func (s *session) list(q chat.Query, query string, args []any) ([]chat.Object, error) {
	var list []chat.Object
	err := s.each(func(rows *sql.Rows) error {
		if q.Kind == chat.KindMessage {
			m, err := scanMessage(rows)
			list = append(list, m)
			return err
		}
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return err
		}
		o, err := chat.DecodeBody(q.Kind, body)
		list = append(list, o)
		return err
	}, query, args...)
	return list, err
}

func listQuery(q chat.Query) (string, []any) {
	var where []string
	var args []any
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, condition+` $`+itoa(len(args)))
	}
	query := `SELECT body FROM ` + tableOf(q.Kind).name
	a, b := "a =", "b ="
	if q.Kind == chat.KindMessage {
		query = `SELECT ` + messageColumns + ` FROM messages`
		a, b = "room =", "author ="
	} else {
		add("kind =", int64(q.Kind))
	}
	if !q.Index.A.IsZero() {
		add(a, q.Index.A[:])
	}
	if !q.Index.B.IsZero() {
		add(b, q.Index.B[:])
	}
	if q.Kind != chat.KindMessage {
		if q.Index.Name != "" {
			add("name =", clean(q.Index.Name))
		}
		for _, w := range strings.Fields(clean(q.Index.Find)) {
			add("find LIKE", "%"+likeEscape.Replace(w)+"%")
			where[len(where)-1] += ` ESCAPE '\'`
		}
	}
	if !q.After.IsZero() {
		add("id >", q.After[:])
	}
	if !q.Before.IsZero() {
		add("id <", q.Before[:])
	}
	if !q.Gone {
		where = append(where, "gone = FALSE")
	}
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	query += ` ORDER BY id`
	if q.Newest {
		query += ` DESC`
	}
	if q.Limit > 0 {
		args = append(args, q.Limit)
		query += ` LIMIT $` + itoa(len(args))
	}
	return query, args
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// matches reports whether List would give the object.
func matches(o chat.Object, q chat.Query) bool {
	x, key := o.Index(), o.Key()
	switch {
	case o.Kind() != q.Kind, o.Deleted() && !q.Gone:
		return false
	case q.In != nil && !slices.Contains(q.In, x.A):
		return false
	case !q.Index.A.IsZero() && x.A != q.Index.A, !q.Index.B.IsZero() && x.B != q.Index.B:
		return false
	case slices.Compare(key[:], q.After[:]) <= 0 && !q.After.IsZero():
		return false
	case slices.Compare(key[:], q.Before[:]) >= 0 && !q.Before.IsZero():
		return false
	case q.Kind == chat.KindMessage:
		return true
	case q.Index.Name != "" && clean(x.Name) != clean(q.Index.Name):
		return false
	}
	for _, w := range strings.Fields(clean(q.Index.Find)) {
		if !strings.Contains(clean(x.Find), w) {
			return false
		}
	}
	return true
}

// Count counts what is there.
func (s *session) Count() (chat.Totals, error) {
	t := chat.Totals{Kinds: map[chat.Kind]int64{}}
	for _, table := range []string{"objects", "secrets"} {
		err := s.each(func(rows *sql.Rows) error {
			var kind uint8
			var n int64
			err := rows.Scan(&kind, &n)
			t.Kinds[chat.Kind(kind)] = n
			return err
		}, `SELECT kind, count(*) FROM `+table+` WHERE gone = FALSE GROUP BY kind`)
		if err != nil {
			return t, err
		}
	}
	var messages int64
	// Counting all is quick by any index; the deleted ones have one of their own.
	err := s.row(`SELECT (SELECT count(*) FROM messages) - (SELECT count(*) FROM messages WHERE gone)`).Scan(&messages)
	if err != nil {
		return t, s.db.fail("count messages", err)
	}
	if messages > 0 {
		t.Kinds[chat.KindMessage] = messages
	}
	var first, last, bytes sql.NullInt64
	err = s.row(`SELECT min(lo), max(hi) FROM (SELECT (SELECT min(sent) FROM messages WHERE room = o.id) AS lo,
		(SELECT max(sent) FROM messages WHERE room = o.id) AS hi FROM objects o WHERE kind = $1) AS spans`, int64(chat.KindRoom)).Scan(&first, &last)
	if err != nil {
		return t, s.db.fail("find the oldest message", err)
	}
	err = s.row(`SELECT sum(n) FROM (SELECT max(`+s.db.d.bodySize+`) AS n FROM objects WHERE kind = $1 AND gone = FALSE GROUP BY name) AS each_hash`,
		int64(chat.KindContent)).Scan(&bytes)
	if err != nil {
		return t, s.db.fail("add up sizes", err)
	}
	t.First, t.Last, t.Bytes = chat.Time(first.Int64), chat.Time(last.Int64), bytes.Int64
	if err := s.row(s.db.d.size).Scan(&t.Database); err != nil {
		return t, s.db.fail("measure the database", err)
	}
	t.Database += s.db.d.words.size()
	return t, s.countStates(&t)
}

func (s *session) countStates(t *chat.Totals) error {
	rooms, err := chat.List[chat.Room](s, chat.Query{})
	if err != nil {
		return err
	}
	for _, r := range rooms {
		switch {
		case r.State == chat.RoomArchived:
			t.Archived++
		case r.State == chat.RoomDeleted:
			t.Deleted++
		}
		if r.Type == chat.RoomDirect || r.Type == chat.RoomGroup {
			t.Direct++
		}
	}
	users, err := chat.List[chat.User](s, chat.Query{})
	for _, u := range users {
		if u.Off || u.Role == chat.RolePlaceholder {
			t.Off++
		}
	}
	return err
}
