package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Tally adds up what came from a source, or, for a mirror, the whole place.
func (db *DB) Tally(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	if q.Mirror {
		return db.tallyMirror(ctx, q)
	}
	t := &taller{q: q, bites: db.company.bites(), inv: chat.Inventory{
		Kinds: map[chat.Kind]chat.Tally{}, Rooms: map[chat.RoomID]chat.Tally{},
		Days: map[chat.RoomID]map[chat.Day]chat.Tally{}, Lists: map[chat.RoomID]map[chat.Key]uint64{}, Each: map[chat.Kind]map[chat.Key]uint64{},
	}}
	if err := t.bites.begin(ctx); err != nil {
		return t.inv, err
	}
	defer t.bites.end()
	err := db.view(ctx, func(s *session) error {
		err := s.row(`SELECT id FROM sources WHERE name = $1`, q.Source).Scan(&t.source)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // nothing came from it
		}
		if err != nil {
			return db.fail("look the source up", err)
		}
		if q.Level <= chat.L1 {
			return t.stored(s)
		}
		return t.recomputed(s)
	})
	return t.inv, err
}

// taller adds up an inventory.
type taller struct {
	q      chat.TallyQuery
	source int32
	inv    chat.Inventory
	bites  *bites
}

// halves adds up digests without overflowing. What counts is what came: that
// is src, whether it was changed here since or not.
const halves = `count(*), sum(src & 4294967295), sum((src >> 32) & 4294967295), sum(CASE WHEN digest <> src THEN 1 ELSE 0 END)`

func (t *taller) scan(rows *sql.Rows, keys ...any) (chat.Tally, error) {
	var n chat.Tally
	var since int64
	err := rows.Scan(append(keys, &n.Count, &n.Low, &n.High, &since)...)
	t.inv.Since += since
	return n, err
}

// stored is L1: sums of what is stored.
func (t *taller) stored(s *session) error {
	err := s.each(func(rows *sql.Rows) error {
		var room chat.RoomID
		n, err := t.scan(rows, (*keyColumn)(&room))
		t.inv.Rooms[room] = n
		return err
	}, `SELECT room, `+halves+` FROM messages WHERE source = $1 GROUP BY room`, t.source)
	for _, table := range []string{"objects", "secrets"} {
		err = errors.Join(err, s.each(func(rows *sql.Rows) error {
			var kind uint8
			n, err := t.scan(rows, &kind)
			if chat.Kind(kind).Digested() {
				t.inv.Kinds[chat.Kind(kind)] = n
			}
			return err
		}, `SELECT kind, `+halves+` FROM `+table+` WHERE source = $1 AND kind <> $2 GROUP BY kind`, t.source, int64(chat.KindReadMark)))
	}
	since := t.inv.Since // the rest counts the same rows again
	for _, room := range t.q.Days {
		err = errors.Join(err, t.days(s, room))
	}
	for _, list := range t.q.Lists {
		err = errors.Join(err, t.list(s, list))
	}
	for _, kind := range t.q.Kinds {
		err = errors.Join(err, t.each(s, kind))
	}
	t.inv.Since = since
	return err
}

// dayLength in microseconds: both databases round quotients towards zero.
const dayLength = 86_400_000_000

func (t *taller) days(s *session, room chat.RoomID) error {
	days := map[chat.Day]chat.Tally{}
	t.inv.Days[room] = days
	return s.each(func(rows *sql.Rows) error {
		var day int64
		n, err := t.scan(rows, &day)
		days[chat.Day(day)] = n
		return err
	}, `SELECT sent / $3, `+halves+` FROM messages WHERE room = $1 AND source = $2 GROUP BY sent / $3`, room[:], t.source, int64(dayLength))
}

func (t *taller) list(s *session, of chat.RoomDay) error {
	list := t.inv.Lists[of.Room]
	if list == nil {
		list = map[chat.Key]uint64{}
		t.inv.Lists[of.Room] = list
	}
	from, to := timesOf(of)
	return s.each(func(rows *sql.Rows) error {
		var id chat.Key
		var sent, src int64
		err := rows.Scan((*keyColumn)(&id), &sent, &src)
		if err == nil && chat.Time(sent).Day() == of.Day {
			list[id] = uint64(src)
		}
		return err
	}, `SELECT id, sent, src FROM messages WHERE room = $1 AND sent >= $2 AND sent < $3 AND source = $4`, of.Room[:], from, to, t.source)
}

// timesOf is within which times all messages of a day are.
func timesOf(of chat.RoomDay) (from, to int64) {
	from, to = int64(of.Day.Start()), int64((of.Day + 1).Start())
	if of.Day <= 0 {
		from -= dayLength - 1 // day 0 begins early, by the same rounding
	}
	return from, to
}

func (t *taller) each(s *session, kind chat.Kind) error {
	each := map[chat.Key]uint64{}
	t.inv.Each[kind] = each
	return s.each(func(rows *sql.Rows) error {
		var id chat.Key
		var src int64
		err := rows.Scan((*keyColumn)(&id), &src)
		each[id] = uint64(src)
		return err
	}, `SELECT id, src FROM `+tableOf(kind).name+` WHERE kind = $1 AND source = $2`, int64(kind), t.source)
}

// recomputed is L2: the digest of every row that was not changed here is made
// again from the row.
func (t *taller) recomputed(s *session) error {
	for _, room := range t.q.Days {
		t.inv.Days[room] = map[chat.Day]chat.Tally{}
	}
	for _, l := range t.q.Lists {
		t.inv.Lists[l.Room] = map[chat.Key]uint64{}
	}
	for _, k := range t.q.Kinds {
		t.inv.Each[k] = map[chat.Key]uint64{}
	}
	if err := t.messages(s); err != nil {
		return err
	}
	for _, table := range []string{"objects", "secrets"} {
		if err := t.objects(s, table); err != nil {
			return err
		}
	}
	return nil
}

// add counts a message.
func (t *taller) add(m *chat.Message, digest uint64) {
	n := t.inv.Rooms[m.Room]
	n.Add(digest)
	t.inv.Rooms[m.Room] = n
	day := m.Sent.Day()
	if days := t.inv.Days[m.Room]; days != nil {
		n := days[day]
		n.Add(digest)
		days[day] = n
	}
	if list := t.inv.Lists[m.Room]; list != nil && slices.Contains(t.q.Lists, chat.RoomDay{Room: m.Room, Day: day}) {
		list[m.Key()] = digest
	}
}

// messages adds up the messages, on all processors: each reads a part of the
// table, all as of the same moment. Only one may do so at a time: each part
// needs a connection more, and there are few. Among people one reads all.
func (t *taller) messages(s *session) error {
	if t.bites.mine || !s.db.tally.TryLock() {
		return t.part(s, part{})
	}
	defer s.db.tally.Unlock()
	parts, err := s.db.d.parts(s, min(runtime.GOMAXPROCS(0), readers-1))
	if err != nil {
		return err
	}
	if len(parts) == 1 {
		return t.part(s, part{})
	}
	own := make([]*taller, len(parts))
	g, ctx := errgroup.WithContext(s.ctx)
	for i, part := range parts {
		own[i] = &taller{q: t.q, source: t.source, bites: &bites{company: s.db.company}, inv: chat.Inventory{Rooms: map[chat.RoomID]chat.Tally{},
			Days: emptied(t.inv.Days), Lists: emptied(t.inv.Lists)}}
		g.Go(func() error {
			defer own[i].bites.end()
			return s.db.view(ctx, func(s *session) error { return own[i].part(s, part) })
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, o := range own {
		t.inv.Since += o.inv.Since
		for room, n := range o.inv.Rooms {
			sum := t.inv.Rooms[room]
			sum.Merge(n)
			t.inv.Rooms[room] = sum
		}
		for room, days := range o.inv.Days {
			for day, n := range days {
				sum := t.inv.Days[room][day]
				sum.Merge(n)
				t.inv.Days[room][day] = sum
			}
		}
		for room, list := range o.inv.Lists {
			maps.Copy(t.inv.Lists[room], list)
		}
	}
	return nil
}

// emptied is a map with the same keys, and an empty one behind each.
func emptied[K, L comparable, V any](m map[K]map[L]V) map[K]map[L]V {
	out := make(map[K]map[L]V, len(m))
	for k := range m {
		out[k] = map[L]V{}
	}
	return out
}

// partsFrom is how many messages are worth to be cut into parts.
const partsFrom = 20_000

// part is a part of a table: a condition, and what must be said before it.
type part struct{ before, condition string }

func (t *taller) part(s *session, p part) error {
	if p.before != "" {
		if err := s.exec(p.before); err != nil {
			return err
		}
	}
	m := &chat.Message{}
	var extra sql.RawBytes
	var digest, src int64
	dest := messageDest(m, &extra, &digest, &src)
	return s.each(func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		d := uint64(src)
		if digest == src {
			d = m.DigestWith(extra)
		} else {
			t.inv.Since++
		}
		t.add(m, d)
		return t.bites.row(s.ctx)
	}, `SELECT `+messageColumns+`, digest, src FROM messages WHERE source = $1`+p.condition, t.source)
}

func (t *taller) objects(s *session, table string) error {
	return s.each(func(rows *sql.Rows) error {
		var kind uint8
		var body sql.RawBytes
		var id chat.Key
		var digest, src int64
		if err := rows.Scan(&kind, (*keyColumn)(&id), &body, &digest, &src); err != nil {
			return err
		}
		k, d := chat.Kind(kind), uint64(src)
		if !k.Digested() {
			return nil
		}
		if digest == src {
			o, err := chat.DecodeBody(k, body)
			switch {
			case err != nil:
				d = 0 // no object has it: the row counts, and differs
			default:
				d = chat.Digest(o)
			}
		} else {
			t.inv.Since++
		}
		n := t.inv.Kinds[k]
		n.Add(d)
		t.inv.Kinds[k] = n
		if each := t.inv.Each[k]; each != nil {
			each[id] = d
		}
		return t.bites.row(s.ctx)
	}, `SELECT kind, id, body, digest, src FROM `+table+` WHERE source = $1`, t.source)
}

// digests makes the digests of some rows again. What cannot be read has none:
// 0, which no object has.
func (s *session) digests(kind chat.Kind, keys []chat.Key) (map[chat.Key]uint64, error) {
	all := make(map[chat.Key]uint64, len(keys))
	if kind == chat.KindMessage {
		return all, s.eachKey(keys, func(rows *sql.Rows) error {
			m := &chat.Message{}
			var extra []byte
			err := rows.Scan(messageDest(m, &extra)...)
			all[m.Key()] = m.DigestWith(extra)
			return err
		}, `SELECT `+messageColumns+` FROM messages WHERE `, "id")
	}
	return all, s.eachKey(keys, func(rows *sql.Rows) error {
		var id chat.Key
		var body sql.RawBytes
		err := rows.Scan((*keyColumn)(&id), &body)
		all[id] = 0
		if o, err := chat.DecodeBody(kind, body); err == nil {
			all[id] = chat.Digest(o)
		}
		return err
	}, `SELECT id, body FROM `+tableOf(kind).name+` WHERE kind = $1 AND `, "id", int64(kind))
}
