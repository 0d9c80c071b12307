package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Govern lets fn decide about the state of the place, under the lock of the
// head: writes under way are over, and none follows before the commit.
func (db *DB) Govern(ctx context.Context, fn func(*chat.Standing) error) error {
	var pos chat.Position
	wrote := false
	err := db.locked(ctx, func(s *session, h *head) error {
		st, stored, err := s.standing(h)
		if err != nil {
			return err
		}
		if err := fn(&st); err != nil {
			return err
		}
		if st.State != h.State || st.Lease != h.Lease {
			h.State, h.Lease, h.since = st.State, st.Lease, 0
			if h.State == chat.Frozen {
				h.since = st.Now
			}
		}
		pos = h.Pos
		body, err := json.Marshal(st.Pair)
		if err != nil || string(body) == stored || stored == "" && st.Pair.Move == "" {
			return err
		}
		wrote = true
		return s.exec(`INSERT INTO pair (one, body) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET body = excluded.body`, string(body))
	})
	if err == nil && wrote {
		db.bell.ring(pos)
	}
	return err
}

// Standing looks at how the place stands.
func (db *DB) Standing(ctx context.Context) (st chat.Standing, err error) {
	err = db.view(ctx, func(s *session) error {
		h, err := s.readHead("")
		if err == nil {
			st, _, err = s.standing(h)
		}
		return err
	})
	return st, err
}

// standing reads what belongs to a head that was read before, and the text of
// the pair as it is stored.
func (s *session) standing(h *head) (st chat.Standing, stored string, err error) {
	st.Head = h.Head
	if st.Now, err = s.now(); err != nil {
		return st, "", err
	}
	if st.Pair, stored, err = s.pair(); err != nil || st.Pair.Move == "" {
		return st, stored, err
	}
	err = s.row(`SELECT reached FROM moves WHERE name = $1`, st.Pair.Move).Scan(&st.Reached)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return st, stored, s.db.fail("read the state of the move", err)
	}
	st.Alike, err = s.alike(h)
	return st, stored, err
}

// mostAlike is how many epochs are looked at: each start of the place is one.
const mostAlike = 32

// alike lists the newest epochs in which the position of the head means what
// it means now: no position up to it was given out again after them.
func (s *session) alike(h *head) (list []chat.Key, err error) {
	err = s.each(func(rows *sql.Rows) error {
		var k chat.Key
		err := rows.Scan((*keyColumn)(&k))
		list = append(list, k)
		return err
	}, `SELECT e.id FROM epochs e WHERE NOT EXISTS (SELECT 1 FROM epochs n WHERE n.started > e.started AND n.pos < $1)
		ORDER BY e.started DESC LIMIT $2`, int64(h.Pos), mostAlike)
	return list, err
}

// pair reads the pair; zero if there never was one.
func (s *session) pair() (p chat.Pair, stored string, err error) {
	err = s.row(`SELECT body FROM pair`).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return p, "", nil
	}
	if err != nil {
		return p, "", s.db.fail("read the pair", err)
	}
	if err := json.Unmarshal([]byte(stored), &p); err != nil {
		return p, "", chat.Errorf(chat.Damaged, "what is stored of the other place of the move cannot be read: %w", err)
	}
	return p, stored, nil
}

// now is the clock that leases go by: the database's, which all processes of a
// place share.
func (s *session) now() (chat.Time, error) {
	if s.db.clock != nil || s.db.d.clock == "" {
		return chat.TimeOf(s.db.wall()), nil
	}
	var t int64
	err := s.row(s.db.d.clock).Scan(&t)
	return chat.Time(t), s.db.fail("read the database's clock", err)
}

func (db *DB) wall() time.Time {
	if db.clock != nil {
		return db.clock()
	}
	return time.Now()
}

// slack is how far a clock may be set back without ending a freeze.
const slack = chat.Time(time.Second / time.Microsecond)

// lapsed reports whether a freeze is over, of which nobody has said so. It is,
// too, if the clock was set back to before it began: otherwise a wrong clock
// could stop people for a year.
func (h *head) lapsed(now chat.Time) bool {
	if h.State != chat.Frozen || h.Lease == 0 || h.Lease == chat.Unasked {
		return false
	}
	return now >= h.Lease || h.since != 0 && now < h.since-slack
}

// expire rings when the freeze has lapsed: nobody else tells those who wait.
func (db *DB) expire(h *head, now chat.Time) {
	db.lapse.Lock()
	defer db.lapse.Unlock()
	if db.lapse.timer != nil {
		db.lapse.timer.Stop()
		db.lapse.timer = nil
	}
	if h.State == chat.Frozen && h.Lease != 0 && h.Lease != chat.Unasked {
		pos := h.Pos
		db.lapse.timer = time.AfterFunc(time.Duration(h.Lease-now)*time.Microsecond+time.Millisecond, func() { db.bell.ring(pos) })
	}
}

// governed fails with Conflict if a state may only be left by the rules of a
// move between two places.
func (s *session) governed(h *head) error {
	p, _, err := s.pair()
	if err != nil || p.Move == "" || p.Over && (h.State == chat.Open || h.State == chat.Receiving) {
		return err
	}
	return chat.Errorf(chat.Conflict, "this place is %s, within the move %s", h.State, p.Move).
		WithHint("`godwit admin pair` shows how it stands")
}
