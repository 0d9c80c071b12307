package store

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

// errMoved says that a second connection sees another state than the first.
var errMoved = errors.New("the log has moved between two looks")

// tallyMirror adds up the place as it is, all as of one moment.
func (db *DB) tallyMirror(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	for try := 0; ; try++ {
		t := &mirrorTaller{q: &q, alone: try >= 10}
		err := db.view(ctx, t.all)
		if !errors.Is(err, errMoved) {
			return t.inv, err
		}
	}
}

// mirrorTaller adds up what a place is, for a mirror of it.
type mirrorTaller struct {
	q     *chat.TallyQuery
	own   own
	alone bool // reads all of it on one connection
	inv   chat.Inventory
}

func (t *mirrorTaller) all(s *session) (err error) {
	t.inv = chat.Inventory{
		Kinds: map[chat.Kind]chat.Tally{}, Rooms: map[chat.RoomID]chat.Tally{},
		Days: map[chat.RoomID]map[chat.Day]chat.Tally{}, Lists: map[chat.RoomID]map[chat.Key]uint64{}, Each: map[chat.Kind]map[chat.Key]uint64{},
	}
	h, err := s.Head()
	if err != nil {
		return err
	}
	t.inv.At = chat.Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: h.Pos}
	if t.own, err = s.own(); err != nil {
		return err
	}
	part := t.q.Part
	if part == nil || part.Rooms {
		if err := t.messages(s); err != nil {
			return err
		}
	}
	if err := t.kinds(s); err != nil {
		return err
	}
	for _, room := range t.q.Days {
		err = errors.Join(err, t.days(s, room))
	}
	for _, l := range t.q.Lists {
		err = errors.Join(err, t.list(s, l))
	}
	for _, kind := range t.q.Kinds {
		err = errors.Join(err, t.each(s, kind))
	}
	return err
}

// sums adds up stored digests without overflowing.
const sums = `count(*), sum(digest & 4294967295), sum((digest >> 32) & 4294967295)`

// messages adds messages up by room.
func (t *mirrorTaller) messages(s *session) error {
	where, args := t.own.not(), []any(nil)
	if p := t.q.Part; p != nil {
		if !p.From.IsZero() {
			args = append(args, p.From[:])
			where += ` AND room >= $` + itoa(len(args))
		}
		if !p.Until.IsZero() {
			args = append(args, p.Until[:])
			where += ` AND room < $` + itoa(len(args))
		}
	}
	if t.q.Level <= chat.L1 && s.db.d.shared {
		return s.each(func(rows *sql.Rows) error {
			var room chat.RoomID
			var n chat.Tally
			err := rows.Scan((*keyColumn)(&room), &n.Count, &n.Low, &n.High)
			t.inv.Rooms[room] = n
			return err
		}, `SELECT room, `+sums+` FROM messages WHERE 1 = 1`+where+` GROUP BY room`, args...)
	}
	if len(args) > 0 || t.alone || !s.db.tally.TryLock() {
		return t.eachRoom(s, t.add, where, args...)
	}
	defer s.db.tally.Unlock()
	return t.parts(s, where)
}

// eachRoom calls fn with the room and the digest of messages: as it is stored,
// or made again. SQLite groups by room in the order of an index, and looks each
// row up for it: reading all in their order is three times as fast.
func (t *mirrorTaller) eachRoom(s *session, fn func(chat.RoomID, uint64), where string, args ...any) error {
	if t.q.Level > chat.L1 {
		return eachDigest(s, func(m *chat.Message, digest uint64) { fn(m.Room, digest) }, where, args...)
	}
	var room chat.RoomID
	var digest int64
	dest := []any{(*keyColumn)(&room), &digest}
	return s.each(func(rows *sql.Rows) error {
		err := rows.Scan(dest...)
		fn(room, uint64(digest))
		return err
	}, `SELECT room, digest FROM messages WHERE 1 = 1`+where, args...)
}

func (t *mirrorTaller) add(room chat.RoomID, digest uint64) {
	n := t.inv.Rooms[room]
	n.Add(digest)
	t.inv.Rooms[room] = n
}

// parts adds all messages up on all processors.
func (t *mirrorTaller) parts(s *session, where string) error {
	parts, err := s.db.d.parts(s, min(runtime.GOMAXPROCS(0), readers-1))
	if err != nil {
		return err
	}
	sums := make([]map[chat.RoomID]*chat.Tally, len(parts))
	one := func(s *session, i int) error {
		sums[i] = map[chat.RoomID]*chat.Tally{}
		return t.eachRoom(s, func(room chat.RoomID, digest uint64) {
			n := sums[i][room]
			if n == nil {
				n = &chat.Tally{}
				sums[i][room] = n
			}
			n.Add(digest)
		}, where+parts[i].condition)
	}
	if len(parts) == 1 {
		err = one(s, 0)
	} else {
		g, ctx := errgroup.WithContext(s.ctx)
		for i := range parts {
			g.Go(func() error {
				return s.db.view(ctx, func(s *session) error {
					if err := s.sees(parts[i], t.inv.At.Pos); err != nil {
						return err
					}
					return one(s, i)
				})
			})
		}
		err = g.Wait()
	}
	for _, rooms := range sums {
		for room, n := range rooms {
			sum := t.inv.Rooms[room]
			sum.Merge(*n)
			t.inv.Rooms[room] = sum
		}
	}
	return err
}

// sees makes the session see what the one does that cut the parts. It fails
// with errMoved if it sees something else.
func (s *session) sees(p part, pos chat.Position) error {
	if p.before != "" {
		return s.exec(p.before)
	}
	h, err := s.Head()
	if err == nil && h.Pos != pos {
		err = errMoved
	}
	return err
}

// eachDigest calls fn with messages whose extra parts are not decoded, and
// their digests made again from the rows.
func eachDigest(s *session, fn func(*chat.Message, uint64), where string, args ...any) error {
	m := &chat.Message{}
	var extra sql.RawBytes
	dest := messageDest(m, &extra)
	return s.each(func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		fn(m, m.DigestWith(extra))
		return nil
	}, `SELECT `+messageColumns+` FROM messages WHERE 1 = 1`+where, args...)
}

// counts says whether a kind is added up.
func (t *mirrorTaller) counts(k chat.Kind) bool {
	return k != chat.KindMessage && k.Mirrored() && (t.q.Part == nil || slices.Contains(t.q.Part.Kinds, k)) && (!k.Secret() || t.q.Keyed != nil)
}

// kinds adds up everything but messages.
func (t *mirrorTaller) kinds(s *session) error {
	for _, table := range []string{"objects", "secrets"} {
		var numbers []string
		for _, k := range chat.Kinds() {
			if t.counts(k) && tableOf(k).name == table {
				numbers = append(numbers, itoa(int(k)))
			}
		}
		if len(numbers) == 0 {
			continue
		}
		where := ` WHERE kind IN (` + strings.Join(numbers, ",") + `)` + t.own.not()
		var err error
		if t.q.Level <= chat.L1 && table == "objects" {
			err = s.each(func(rows *sql.Rows) error {
				var kind uint8
				var n chat.Tally
				err := rows.Scan(&kind, &n.Count, &n.Low, &n.High)
				t.inv.Kinds[chat.Kind(kind)] = n
				return err
			}, `SELECT kind, `+sums+` FROM objects`+where+` GROUP BY kind`)
		} else {
			err = t.bodies(s, table, where, func(kind chat.Kind, _ chat.Key, digest uint64) {
				n := t.inv.Kinds[kind]
				n.Add(digest)
				t.inv.Kinds[kind] = n
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bodies calls fn with digests made again from the rows. What cannot be read
// has 0, which no object has: the row counts, and differs.
func (t *mirrorTaller) bodies(s *session, table, where string, fn func(chat.Kind, chat.Key, uint64), args ...any) error {
	return s.each(func(rows *sql.Rows) error {
		var kind uint8
		var id chat.Key
		var body sql.RawBytes
		if err := rows.Scan(&kind, (*keyColumn)(&id), &body); err != nil {
			return err
		}
		digest := uint64(0)
		if o, err := chat.DecodeBody(chat.Kind(kind), body); err == nil {
			if digest = chat.Digest(o); o.Kind().Secret() {
				digest = t.q.Keyed(o)
			}
		}
		fn(chat.Kind(kind), id, digest)
		return nil
	}, `SELECT kind, id, body FROM `+table+where, args...)
}

func (t *mirrorTaller) days(s *session, room chat.RoomID) error {
	days := map[chat.Day]chat.Tally{}
	t.inv.Days[room] = days
	if t.q.Level <= chat.L1 {
		return s.each(func(rows *sql.Rows) error {
			var day int64
			var n chat.Tally
			err := rows.Scan(&day, &n.Count, &n.Low, &n.High)
			days[chat.Day(day)] = n
			return err
		}, `SELECT sent / $2, `+sums+` FROM messages WHERE room = $1`+t.own.not()+` GROUP BY sent / $2`, room[:], int64(dayLength))
	}
	return eachDigest(s, func(m *chat.Message, digest uint64) {
		n := days[m.Sent.Day()]
		n.Add(digest)
		days[m.Sent.Day()] = n
	}, t.own.not()+` AND room = $1`, room[:])
}

func (t *mirrorTaller) list(s *session, of chat.RoomDay) error {
	list := t.inv.Lists[of.Room]
	if list == nil {
		list = map[chat.Key]uint64{}
		t.inv.Lists[of.Room] = list
	}
	from, to := timesOf(of)
	where, args := t.own.not()+` AND room = $1 AND sent >= $2 AND sent < $3`, []any{of.Room[:], from, to}
	if t.q.Level <= chat.L1 {
		return s.each(func(rows *sql.Rows) error {
			var id chat.Key
			var sent, digest int64
			err := rows.Scan((*keyColumn)(&id), &sent, &digest)
			if err == nil && chat.Time(sent).Day() == of.Day {
				list[id] = uint64(digest)
			}
			return err
		}, `SELECT id, sent, digest FROM messages WHERE 1 = 1`+where, args...)
	}
	return eachDigest(s, func(m *chat.Message, digest uint64) {
		if m.Sent.Day() == of.Day {
			list[m.Key()] = digest
		}
	}, where, args...)
}

func (t *mirrorTaller) each(s *session, kind chat.Kind) error {
	each := map[chat.Key]uint64{}
	t.inv.Each[kind] = each
	if kind == chat.KindMessage || !kind.Mirrored() || kind.Secret() && t.q.Keyed == nil {
		return nil
	}
	table, where := tableOf(kind).name, ` WHERE kind = $1`+t.own.not()
	if t.q.Level <= chat.L1 && !kind.Secret() {
		return s.each(func(rows *sql.Rows) error {
			var id chat.Key
			var digest int64
			err := rows.Scan((*keyColumn)(&id), &digest)
			each[id] = uint64(digest)
			return err
		}, `SELECT id, digest FROM `+table+where, int64(kind))
	}
	return t.bodies(s, table, where, func(_ chat.Kind, id chat.Key, digest uint64) { each[id] = digest }, int64(kind))
}
