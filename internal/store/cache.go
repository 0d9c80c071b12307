package store

import (
	"database/sql"

	"github.com/godwit-chat/godwit/internal/chat"
)

// cacheSize is how many objects the group remembers.
const cacheSize = 20000

// forgetAtOnce is how many changes of others are followed one by one.
const forgetAtOnce = 1000

// cache remembers objects other than messages between commits, as they are
// under the lock at a position, so that the rules of a post read nothing.
// Bodies are kept, not objects: whoever gets one may change it. It belongs to
// the goroutine that commits.
type cache struct {
	pos  chat.Position
	rows map[ref]*cached
}

type cached struct {
	state
	there bool
	body  string
}

// state is what a stored row is compared by.
type state struct {
	digest, src int64
	source      int32
	pos         chat.Position
}

func (c *cache) clear() { c.rows, c.pos = nil, -1 }

func (c *cache) get(id ref) (o chat.Object, known bool, err error) {
	r := c.rows[id]
	if r == nil {
		return nil, false, nil
	}
	if !r.there {
		return nil, true, nil
	}
	o, err = chat.DecodeBody(id.kind, []byte(r.body))
	return o, true, err
}

// load reads objects, and remembers them and which were not there.
func (c *cache) load(s *session, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Object, error) {
	if kind == chat.KindMessage {
		return s.GetAll(kind, keys)
	}
	all := make(map[chat.Key]chat.Object, len(keys))
	found := make(map[chat.Key]*cached, len(keys))
	err := s.eachKey(keys, func(rows *sql.Rows) error {
		r := &cached{there: true}
		var id chat.Key
		if err := rows.Scan((*keyColumn)(&id), &r.body, &r.digest, &r.src, &r.source, (*int64)(&r.pos)); err != nil {
			return err
		}
		found[id] = r
		o, err := chat.DecodeBody(kind, []byte(r.body))
		all[id] = o
		return err
	}, `SELECT id, body, digest, src, source, pos FROM `+tableOf(kind).name+` WHERE kind = $1 AND `, "id", int64(kind))
	if err != nil {
		return nil, err
	}
	if c.rows == nil || len(c.rows)+len(keys) > cacheSize {
		c.rows = make(map[ref]*cached, cacheSize)
	}
	for _, k := range keys {
		r := found[k]
		if r == nil {
			r = &cached{}
		}
		c.rows[ref{kind, k}] = r
	}
	return all, nil
}

// learn takes in what was committed.
func (c *cache) learn(written []*row, pos chat.Position) {
	for _, r := range written {
		if r.kind != chat.KindMessage && c.rows != nil {
			c.rows[ref{r.kind, r.key}] = &cached{there: true, body: r.body, state: state{r.digest, r.src, r.source, r.pos}}
		}
	}
	c.pos = pos
}

// forget drops what others changed up to a position.
func (c *cache) forget(s *session, pos chat.Position) error {
	n := 0
	for _, table := range []string{"objects", "secrets"} {
		if len(c.rows) == 0 {
			break
		}
		err := s.each(func(rows *sql.Rows) error {
			var kind uint8
			var id chat.Key
			n++
			err := rows.Scan(&kind, (*keyColumn)(&id))
			delete(c.rows, ref{chat.Kind(kind), id})
			return err
		}, `SELECT kind, id FROM `+table+` WHERE pos > $1 ORDER BY pos LIMIT $2`, int64(c.pos), forgetAtOnce)
		if err != nil {
			return err
		}
		if n >= forgetAtOnce {
			c.clear()
		}
	}
	c.pos = pos
	return nil
}

// states reads what rows of one kind are compared by.
func (s *session) states(kind chat.Kind, keys []chat.Key, into map[ref]state) error {
	query, args := `SELECT id, digest, src, source, pos FROM `+tableOf(kind).name+` WHERE `, []any(nil)
	if kind != chat.KindMessage {
		query, args = query+`kind = $1 AND `, []any{int64(kind)}
	}
	return s.eachKey(keys, func(rows *sql.Rows) error {
		id, st, err := scanState(rows)
		into[ref{kind, id}] = st
		return err
	}, query, "id", args...)
}

// flush gives positions to what the updates of a group changed, and writes it.
func (g *overlay) flush() ([]*row, error) {
	there, err := g.there()
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, id := range g.order {
		r := g.rows[id]
		if old, ok := there[id]; ok {
			if old.digest == r.digest {
				continue
			}
			r.src, r.source = old.src, old.source
		}
		if g.h.State == chat.Receiving && r.source == 0 {
			r.source = sourceOwn
		}
		g.h.Pos++
		r.pos = g.h.Pos
		rows = append(rows, r)
	}
	if len(rows)+len(g.nonces) == 0 {
		g.h.clock = g.before // nothing that bears the time was written
		return nil, nil
	}
	if len(rows) == 0 {
		g.h.Pos++ // of the nonces: who follows the log may have seen all up to the one before
	}
	if err := g.s.upsert(rows); err != nil {
		return nil, err
	}
	return rows, g.s.remember(g.nonces, g.h.Pos)
}

// there finds out about what is overwritten.
func (g *overlay) there() (map[ref]state, error) {
	there := map[ref]state{}
	ask := map[chat.Kind][]chat.Key{}
	for _, id := range g.order {
		if g.fresh[id.key] {
			continue
		}
		if c := g.cache.rows[id]; c != nil {
			if c.there {
				there[id] = c.state
			}
			continue
		}
		ask[id.kind] = append(ask[id.kind], id.key)
	}
	for kind, keys := range ask {
		if err := g.s.states(kind, keys, there); err != nil {
			return nil, err
		}
	}
	return there, nil
}

// remember stores nonces, all at one position. It fails with errSeen if one
// was known.
func (s *session) remember(nonces map[nonceKey]chat.MessageID, pos chat.Position) error {
	const atOnce = 64
	args := make([]any, 0, 4*atOnce)
	send := func() error {
		n := len(args) / 4
		done, err := s.execCount(`INSERT INTO nonces (author, nonce, message, pos) VALUES `+tuples(n, 4)+` ON CONFLICT (author, nonce) DO NOTHING`, args...)
		args = args[:0]
		if err == nil && int(done) < n {
			err = errSeen
		}
		return err
	}
	for n, id := range nonces {
		if args = append(args, n.author[:], n.nonce, id[:], int64(pos)); len(args) == cap(args) {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(args) > 0 {
		return send()
	}
	return nil
}

// tuples writes the placeholders of n tuples.
func tuples(n, width int) string {
	var b []byte
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '(')
		for j := range width {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, '$')
			b = append(b, itoa(i*width+j+1)...)
		}
		b = append(b, ')')
	}
	return string(b)
}
