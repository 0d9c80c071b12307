package store

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/godwit-chat/godwit/internal/chat"
)

func itoa(n int) string { return strconv.Itoa(n) }

// row is an object as it is stored.
type row struct {
	kind   chat.Kind
	key    chat.Key
	obj    chat.Object
	body   string // the extra part, if it is a message
	digest int64
	src    int64 // digest of the state that the source had last; 0: it has no source
	source int32
	pos    chat.Position
	fresh  bool // it was not there: nothing is replaced
	agreed bool // its source's state is known to be the one applied last
}

// encodeRow makes the row of an object that was changed here. It fails with
// Invalid if the databases would not both keep it as it is.
func encodeRow(o chat.Object) (*row, error) { return encodeKnown(o, 0) }

// encodeKnown is encodeRow for an object whose digest may be known.
func encodeKnown(o chat.Object, digest uint64) (*row, error) {
	r := &row{kind: o.Kind(), key: o.Key(), obj: o}
	if r.key.IsZero() {
		return nil, chat.Errorf(chat.Invalid, "a %s without an ID", r.kind)
	}
	if m, ok := o.(*chat.Message); ok {
		if !utf8.ValidString(m.Text) || strings.IndexByte(m.Text, 0) >= 0 {
			return nil, chat.Errorf(chat.Invalid, "the text of message %s is not valid UTF-8, or has a NUL in it", m.ID)
		}
		extra := m.EncodeExtra()
		if digest == 0 {
			digest = m.DigestWith(extra)
		}
		r.body, r.digest = string(extra), int64(digest)
		return r, nil
	}
	if digest == 0 {
		digest = chat.Digest(o)
	}
	r.body, r.digest = string(chat.EncodeBody(o)), int64(digest)
	return r, nil
}

// table says how rows are written to a table.
type table struct {
	name    string
	columns []string
	key     []string
	args    func(to []any, r *row) []any

	upsert, insert statements
}

// statements write rows: for SQLite one, or rowsAtOnce; for Postgres as many as
// an array has.
type statements struct{ one, many, array string }

var (
	messagesTable = (&table{
		name: "messages",
		columns: []string{"id", "room", "author", "sent", "type", "format", "thread", "edited", "gone", "aside", "text", "extra",
			"digest", "src", "source", "pos"},
		key:  []string{"id"},
		args: messageArgs,
	}).prepared()
	objectsTable = newObjectTable("objects")
	secretsTable = newObjectTable("secrets")
)

func newObjectTable(name string) *table {
	return (&table{
		name:    name,
		columns: []string{"kind", "id", "a", "b", "name", "find", "body", "gone", "digest", "src", "source", "pos"},
		key:     []string{"kind", "id"},
		args:    objectArgs,
	}).prepared()
}

func (t *table) prepared() *table {
	t.insert = statements{t.sqliteInsert(1), t.sqliteInsert(rowsAtOnce), t.postgresInsert()}
	over := t.onConflict()
	t.upsert = statements{t.insert.one + over, t.insert.many + over, t.insert.array + over}
	return t
}

func (t *table) onConflict() string {
	var set []string
	for _, c := range t.columns[len(t.key):] {
		set = append(set, c+" = excluded."+c)
	}
	return " ON CONFLICT (" + strings.Join(t.key, ",") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

func tableOf(k chat.Kind) *table {
	switch {
	case k == chat.KindMessage:
		return messagesTable
	case k.Secret():
		return secretsTable
	}
	return objectsTable
}

// upsert writes rows of any kinds.
func (s *session) upsert(rows []*row) error {
	by := map[*table][2][]*row{}
	for _, r := range rows {
		t := tableOf(r.kind)
		lists := by[t]
		if r.fresh {
			lists[1] = append(lists[1], r)
		} else {
			lists[0] = append(lists[0], r)
		}
		by[t] = lists
	}
	for _, t := range []*table{messagesTable, objectsTable, secretsTable} {
		if err := s.db.d.write(s, t, &t.upsert, by[t][0]); err != nil {
			return err
		}
		err := s.db.d.write(s, t, &t.insert, by[t][1])
		if chat.IsKind(err, chat.Conflict) {
			return fmt.Errorf("%w: %w", errKnown, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func messageArgs(to []any, r *row) []any {
	m := r.obj.(*chat.Message)
	return append(to, m.ID[:], m.Room[:], orNull(m.Author.Key()), int64(m.Sent), int64(m.Type), int64(m.Format), orNull(m.Thread.Key()),
		int64(m.Edited), m.Gone, m.Aside(), m.Text, textOrNil(r.body), r.digest, r.src, int64(r.source), int64(r.pos))
}

func objectArgs(to []any, r *row) []any {
	x := r.obj.Index()
	return append(to, int64(r.kind), r.key[:], orNull(x.A), orNull(x.B), textOrNil(clean(x.Name)), textOrNil(clean(x.Find)), r.body, r.obj.Deleted(),
		r.digest, r.src, int64(r.source), int64(r.pos))
}

func bytesOf(k chat.Key) []byte { return k[:] }

func orNull(k chat.Key) []byte {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

// textOrNil is a text as SQLite's driver takes it quickest.
func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// clean leaves out of what objects are found by what Postgres cannot keep.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// keyColumn reads a key; NULL is the zero key.
type keyColumn chat.Key

// Scan takes 16 bytes or NULL.
func (k *keyColumn) Scan(from any) error {
	switch b := from.(type) {
	case nil:
		*k = keyColumn{}
		return nil
	case []byte:
		if len(b) == len(k) {
			copy(k[:], b)
			return nil
		}
	}
	return fmt.Errorf("%v is not a key", from)
}
