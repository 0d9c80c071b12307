package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"slices"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// nonceLength is how long after a message its nonce goes with it: no client
// sends a message again that is older.
const nonceLength = 30 * 24 * time.Hour

// mostWindow bounds how many positions are looked through at once where the
// log has holes.
const mostWindow = 1 << 30

// Export returns what changed after a position. A page is one snapshot. What
// is the place's own in a move (see chat.Pair) is left out.
func (db *DB) Export(ctx context.Context, after chat.Position, limit int) (list []chat.Incoming, next chat.Position, done bool, err error) {
	if limit <= 0 {
		return nil, after, false, chat.Errorf(chat.Invalid, "no limit for how many changes to read")
	}
	err = db.view(ctx, func(s *session) error {
		h, err := s.Head()
		if err != nil {
			return err
		}
		x := &exporter{s: s, oldest: chat.TimeOf(time.Now().Add(-nonceLength))}
		if x.sources, err = s.sourceNames(); err != nil {
			return err
		}
		if x.own, err = s.own(); err != nil {
			return err
		}
		list = make([]chat.Incoming, 0, limit)
		next = after
		// No more rows than positions are in a window; where many rows have
		// moved on there are fewer, and the next window is wider.
		for window := chat.Position(limit); next < h.Pos && len(list) < limit; window = min(window*4, mostWindow) {
			end := min(next+window, h.Pos)
			if list, next, err = x.window(list, next, end, limit-len(list)); err != nil {
				return err
			}
		}
		done = next >= h.Pos
		next = max(next, after)
		return nil
	})
	return list, next, done, err
}

// exporter reads the rows of one page.
type exporter struct {
	s       *session
	sources map[int32]string
	own     own
	oldest  chat.Time
}

// window appends what is between two positions, at most about limit items, and
// returns how far it came.
func (x *exporter) window(list []chat.Incoming, after, end chat.Position, limit int) ([]chat.Incoming, chat.Position, error) {
	from := len(list)
	for _, read := range []func(*[]chat.Incoming, chat.Position, chat.Position, int) error{x.messages, x.objects, x.secrets} {
		n := len(list)
		if err := read(&list, after, end, limit); err != nil {
			return list, after, err
		}
		if len(list)-n >= limit { // there may be more of these: the others only up to here
			end = list[len(list)-1].Pos
		}
	}
	if err := x.nonces(&list, after, end); err != nil {
		return list, after, err
	}
	page := list[from:]
	slices.SortStableFunc(page, func(a, b chat.Incoming) int { return int(a.Pos - b.Pos) })
	for len(page) > 0 && page[len(page)-1].Pos > end {
		page = page[:len(page)-1]
	}
	return list[:from+len(page)], end, nil
}

func (x *exporter) messages(list *[]chat.Incoming, after, end chat.Position, limit int) error {
	var extra sql.RawBytes
	var pos, src int64
	var source int32
	return x.s.each(func(rows *sql.Rows) error {
		m := &chat.Message{}
		if err := rows.Scan(messageDest(m, &extra, &pos, &src, &source)...); err != nil {
			return err
		}
		*list = append(*list, chat.Incoming{Object: m, Source: x.sources[source], Src: uint64(src), Pos: chat.Position(pos)})
		if len(extra) == 0 {
			return nil
		}
		return m.DecodeExtra(extra)
	}, `SELECT `+messageColumns+`, pos, src, source FROM messages WHERE pos > $1 AND pos <= $2`+x.own.not()+` ORDER BY pos LIMIT $3`, int64(after), int64(end), limit)
}

func (x *exporter) objects(list *[]chat.Incoming, after, end chat.Position, limit int) error {
	return x.table("objects", list, after, end, limit)
}

func (x *exporter) secrets(list *[]chat.Incoming, after, end chat.Position, limit int) error {
	return x.table("secrets", list, after, end, limit)
}

func (x *exporter) table(name string, list *[]chat.Incoming, after, end chat.Position, limit int) error {
	return x.s.each(func(rows *sql.Rows) error {
		var kind uint8
		var body sql.RawBytes
		var pos, src int64
		var source int32
		if err := rows.Scan(&kind, &body, &pos, &src, &source); err != nil {
			return err
		}
		o, err := chat.DecodeBody(chat.Kind(kind), body)
		*list = append(*list, chat.Incoming{Object: o, Source: x.sources[source], Src: uint64(src), Pos: chat.Position(pos)})
		return err
	}, `SELECT kind, body, pos, src, source FROM `+name+` WHERE pos > $1 AND pos <= $2`+unmirrored+x.own.not()+` ORDER BY pos LIMIT $3`, int64(after), int64(end), limit)
}

// unmirrored leaves out the kinds that do not go with a place. The plus keeps
// SQLite from looking through all of a kind.
var unmirrored = func() string {
	condition := ""
	for _, k := range chat.Kinds() {
		if !k.Mirrored() {
			condition += ` AND +kind <> ` + itoa(int(k))
		}
	}
	return condition
}()

// nonces reads those of messages that are not old. Several may have one
// position, so that they are never cut.
func (x *exporter) nonces(list *[]chat.Incoming, after, end chat.Position) error {
	return x.s.each(func(rows *sql.Rows) error {
		n := &chat.Nonce{}
		var pos int64
		if err := rows.Scan((*keyColumn)(&n.Author), &n.Nonce, (*keyColumn)(&n.Message), &pos); err != nil {
			return err
		}
		if madeAt(n.Message.Key()) >= x.oldest {
			*list = append(*list, chat.Incoming{Nonce: n, Pos: chat.Position(pos)})
		}
		return nil
	}, `SELECT author, nonce, message, pos FROM nonces WHERE pos > $1 AND pos <= $2 ORDER BY pos, author, nonce`, int64(after), int64(end))
}

// madeAt is the moment that an ID bears, to the millisecond.
func madeAt(k chat.Key) chat.Time {
	return chat.Time(binary.BigEndian.Uint64(k[:8])>>16) * 1000
}

// sourceNames are the names of sources by their numbers.
func (s *session) sourceNames() (map[int32]string, error) {
	names := map[int32]string{}
	err := s.each(func(rows *sql.Rows) error {
		var id int32
		var name string
		err := rows.Scan(&id, &name)
		names[id] = name
		return err
	}, `SELECT id, name FROM sources`)
	return names, err
}

// Stand says how some objects are just now.
func (db *DB) Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Stand, error) {
	stands := make(map[chat.Key]chat.Stand, len(keys))
	err := db.view(ctx, func(s *session) error {
		digests, err := s.digests(kind, keys)
		if err != nil {
			return err
		}
		states := make(map[ref]state, len(keys))
		if err := s.states(kind, keys, states); err != nil {
			return err
		}
		for k, digest := range digests {
			stands[k] = chat.Stand{Digest: digest, Pos: states[ref{kind, k}].pos}
		}
		return nil
	})
	return stands, err
}
