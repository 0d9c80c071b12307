package store

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// tellEvery is how often what a mover says is stored: it says it several times
// a second, and who asks this process gets the newest all the same.
const tellEvery = 3 * time.Second

// desk is what was told to this process.
type desk struct {
	mu     sync.Mutex
	told   map[string]chat.MoveStatus
	stored map[string]chat.Time
}

// Tell keeps how a move goes.
func (db *DB) Tell(ctx context.Context, move string, status []byte, after int64) (orders []chat.Order, err error) {
	now := chat.TimeOf(time.Now())
	d := &db.desk
	d.mu.Lock()
	if d.told == nil {
		d.told, d.stored = map[string]chat.MoveStatus{}, map[string]chat.Time{}
	}
	d.told[move] = chat.MoveStatus{Status: append([]byte(nil), status...), At: now}
	due := now-d.stored[move] >= chat.Time(tellEvery/time.Microsecond)
	if due {
		d.stored[move] = now
	}
	d.mu.Unlock()
	if due {
		_, err := db.write.ExecContext(ctx, db.d.bind(`INSERT INTO told (move, status, at) VALUES ($1, $2, $3)
			ON CONFLICT (move) DO UPDATE SET status = excluded.status, at = excluded.at`), move, string(status), int64(now))
		if err != nil {
			return nil, db.fail("keep how the move goes", err)
		}
	}
	err = db.view(ctx, func(s *session) error {
		orders, err = s.orders(`WHERE move = $1 AND n > $2 ORDER BY n`, move, after)
		return err
	})
	return orders, err
}

// Told returns what was told last of a move, to this process or another.
func (db *DB) Told(ctx context.Context, move string) (st chat.MoveStatus, err error) {
	found := false
	err = db.view(ctx, func(s *session) error {
		return s.each(func(rows *sql.Rows) error {
			found = true
			return rows.Scan(&st.Status, (*int64)(&st.At))
		}, `SELECT status, at FROM told WHERE move = $1`, move)
	})
	if err != nil {
		return st, err
	}
	db.desk.mu.Lock()
	defer db.desk.mu.Unlock()
	if here, ok := db.desk.told[move]; ok && here.At >= st.At {
		st, found = here, true
	}
	if !found {
		err = chat.Errorf(chat.NotFound, "no mover has said how the move %s goes", move)
	}
	return st, err
}

// Order gives the mover of a move an order.
func (db *DB) Order(ctx context.Context, move, who, word, args string) (o chat.Order, err error) {
	o = chat.Order{Who: who, At: chat.TimeOf(time.Now()), Word: word, Args: args}
	err = db.locked(ctx, func(s *session, _ *head) error {
		if err := s.row(`SELECT COALESCE(max(n), 0) + 1 FROM orders`).Scan(&o.N); err != nil {
			return db.fail("count the orders", err)
		}
		return s.exec(`INSERT INTO orders (n, move, who, at, word, args) VALUES ($1, $2, $3, $4, $5, $6)`, o.N, move, clean(who), int64(o.At), clean(word), clean(args))
	})
	return o, err
}

// Orders lists what was ordered of a move, newest first.
func (db *DB) Orders(ctx context.Context, move string, limit int) (list []chat.Order, err error) {
	err = db.view(ctx, func(s *session) error {
		list, err = s.orders(`WHERE move = $1 ORDER BY n DESC LIMIT $2`, move, limit)
		return err
	})
	return list, err
}

func (s *session) orders(where string, args ...any) (list []chat.Order, err error) {
	err = s.each(func(rows *sql.Rows) error {
		var o chat.Order
		err := rows.Scan(&o.N, &o.Who, (*int64)(&o.At), &o.Word, &o.Args)
		list = append(list, o)
		return err
	}, `SELECT n, who, at, word, args FROM orders `+where, args...)
	return list, err
}
