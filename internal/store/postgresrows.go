package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// shapes are the rows of tables as Postgres takes them in binary.
type shapes struct {
	mu  sync.Mutex
	all map[*table]*shape
	buf []byte // of one who writes
}

// shape is the type of a table's rows. A newer version of Godwit may have
// given the table columns that this one does not know.
type shape struct {
	oid     uint32
	columns []shapeColumn
}

type shapeColumn struct {
	oid uint32
	arg int // within table.columns; -1 is a column that is not written
}

func (s *shapes) of(ctx context.Context, conn *pgx.Conn, t *table) (*shape, error) {
	s.mu.Lock()
	known := s.all[t]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	rows, err := conn.Query(ctx, `SELECT c.reltype, a.attname::text, a.atttypid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.oid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, t.name)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, c := range t.columns {
		at[c] = i
	}
	found := &shape{}
	var name string
	var oid uint32
	_, err = pgx.ForEachRow(rows, []any{&found.oid, &name, &oid}, func() error {
		i, ok := at[name]
		if !ok {
			i = -1
		}
		found.columns = append(found.columns, shapeColumn{oid, i})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*table]*shape{}
	}
	s.all[t] = found
	return found, nil
}

func (s *shapes) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// take lends a buffer; give takes it back.
func (s *shapes) take() (buf []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf, s.buf = s.buf, nil
	return buf[:0]
}

func (s *shapes) give(buf []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = buf
}

// postgresWrite sends the rows as one array, in one statement: the server has
// all of it before it begins, so that a process that is stopped in the middle
// of sending holds nothing up. An array of whole rows costs the server a third
// less than one array a column.
func postgresWrite(s *session, t *table, how *statements, rows []*row) error {
	if len(rows) == 0 {
		return nil
	}
	err := s.conn.Raw(func(driver any) error {
		conn := driver.(*stdlib.Conn).Conn()
		shape, err := s.db.shapes.of(s.ctx, conn, t)
		if err != nil {
			return err
		}
		// Named after itself: prepared once a connection.
		query, err := conn.Prepare(s.ctx, how.array, how.array)
		if err != nil {
			return err
		}
		buf, err := shape.encode(s.db.shapes.take(), t, rows)
		if err != nil {
			return err
		}
		defer s.db.shapes.give(buf)
		return conn.PgConn().ExecPrepared(s.ctx, query.Name, [][]byte{buf}, []int16{1}, nil).Read().Err
	})
	if err != nil {
		s.db.shapes.forget()
	}
	return s.db.fail("write", err)
}

// encode appends rows as an array of Postgres's binary form.
func (sh *shape) encode(b []byte, t *table, rows []*row) ([]byte, error) {
	number := binary.BigEndian.AppendUint32
	for _, n := range []uint32{1, 0, sh.oid, uint32(len(rows)), 1} { // dimensions, no NULLs, type, length, first index
		b = number(b, n)
	}
	args := make([]any, 0, len(t.columns))
	for _, r := range rows {
		args = t.args(args[:0], r)
		size := len(b)
		b = number(number(b, 0), uint32(len(sh.columns)))
		for _, c := range sh.columns {
			var v any
			if c.arg >= 0 {
				v = args[c.arg]
			}
			var err error
			if b, err = appendValue(number(b, c.oid), c.oid, v); err != nil {
				return b, err
			}
		}
		binary.BigEndian.PutUint32(b[size:], uint32(len(b)-size-4))
	}
	return b, nil
}

// The numbers of Postgres's types of numbers.
const (
	oidInt8 = 20
	oidInt4 = 23
	oidInt2 = 21
)

// appendValue appends the length of a value and the value.
func appendValue(b []byte, oid uint32, v any) ([]byte, error) {
	number := binary.BigEndian.AppendUint32
	switch v := v.(type) {
	case nil:
		return append(b, 0xff, 0xff, 0xff, 0xff), nil
	case []byte:
		if v == nil {
			return append(b, 0xff, 0xff, 0xff, 0xff), nil
		}
		return append(number(b, uint32(len(v))), v...), nil
	case string:
		return append(number(b, uint32(len(v))), v...), nil
	case bool:
		is := byte(0)
		if v {
			is = 1
		}
		return append(number(b, 1), is), nil
	case int64:
		switch oid {
		case oidInt8:
			return binary.BigEndian.AppendUint64(number(b, 8), uint64(v)), nil
		case oidInt4:
			return number(number(b, 4), uint32(v)), nil
		case oidInt2:
			return binary.BigEndian.AppendUint16(number(b, 2), uint16(v)), nil
		}
	}
	return b, fmt.Errorf("a %T for a column of type %d", v, oid)
}

func (t *table) postgresInsert() string {
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ",") + ") SELECT " + strings.Join(t.columns, ",") + " FROM unnest($1::" + t.name + "[])"
}
