package store

import (
	"database/sql"
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
)

type ref struct {
	kind chat.Kind
	key  chat.Key
}

func refOf(o chat.Object) ref { return ref{o.Kind(), o.Key()} }

type nonceKey struct {
	author chat.UserID
	nonce  string
}

// overlay is what the updates of one commit have written, on top of the
// database: nothing is sent to it before all have run.
type overlay struct {
	s       *session
	h       *head
	before  chat.Time // its clock, before
	careful bool      // look every nonce up, instead of finding out at the end
	cache   *cache
	state   map[ref]chat.Object
	order   []ref
	rows    map[ref]*row
	nonces  map[nonceKey]chat.MessageID
	fresh   map[chat.Key]bool // made by NewKey: cannot be in the database
	broken  error             // the transaction is of no more use
}

// tx is one update.
type tx struct {
	*overlay
	now   chat.Time
	put   map[ref]chat.Object
	order []ref
	rows  map[ref]*row
	once  map[nonceKey]chat.MessageID
	made  map[chat.Key]bool
}

var _ chat.Tx = (*tx)(nil)

func (t *tx) Now() chat.Time { return t.now }

func (t *tx) NewKey() chat.Key {
	k := chat.NewKey(t.now, randomBytes())
	t.made[k] = true
	return k
}

// check remembers an error after which Postgres refuses the transaction.
func (g *overlay) check(err error) error {
	if err != nil && !chat.IsKind(err, chat.NotFound) && !chat.IsKind(err, chat.Invalid) {
		g.broken = err
	}
	return err
}

func (t *tx) Head() (chat.Head, error) { return t.h.Head, nil }

func (t *tx) History(q chat.HistoryQuery) ([]*chat.Message, error) {
	list, err := t.s.History(q)
	return list, t.check(err)
}

func (t *tx) Changes(after chat.Position, limit int, kinds ...chat.Kind) ([]chat.Change, chat.Position, error) {
	list, pos, err := t.s.Changes(after, limit, kinds...)
	return list, pos, t.check(err)
}

func (t *tx) Count() (chat.Totals, error) {
	totals, err := t.s.Count()
	return totals, t.check(err)
}

// Put makes the objects so when the update is committed.
func (t *tx) Put(objects ...chat.Object) error {
	for _, o := range objects {
		if t.h.State == chat.Receiving && !o.Kind().Secret() && o.Kind() != chat.KindAudit {
			return notOpen(t.h.Head)
		}
		// Encoded now: what the caller does to it later must not count.
		r, err := encodeRow(o)
		if err != nil {
			return err
		}
		if r.obj, err = copyOf(r); err != nil {
			return err
		}
		id := refOf(o)
		if _, again := t.put[id]; !again {
			t.order = append(t.order, id)
		}
		if t.rows == nil {
			t.rows = map[ref]*row{}
		}
		t.put[id], t.rows[id] = r.obj, r
	}
	return nil
}

// copyOf makes an object that shares nothing with the caller's.
func copyOf(r *row) (chat.Object, error) {
	if m, ok := r.obj.(*chat.Message); ok {
		own := *m
		own.Extra = chat.Extra{}
		return &own, own.DecodeExtra([]byte(r.body))
	}
	return chat.DecodeBody(r.kind, []byte(r.body))
}

func (t *tx) buffered(id ref) chat.Object {
	if o := t.put[id]; o != nil {
		return o
	}
	return t.state[id]
}

// Get reads an object as this update sees it.
func (t *tx) Get(kind chat.Kind, key chat.Key) (chat.Object, error) {
	all, err := t.GetAll(kind, []chat.Key{key})
	if err != nil {
		return nil, err
	}
	if o := all[key]; o != nil {
		return o, nil
	}
	return nil, notFound(kind, key)
}

// GetAll reads objects as this update sees them.
func (t *tx) GetAll(kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Object, error) {
	all := make(map[chat.Key]chat.Object, len(keys))
	var ask []chat.Key
	for _, k := range keys {
		if o := t.buffered(ref{kind, k}); o != nil {
			r, err := encodeRow(o)
			if err == nil {
				all[k], err = copyOf(r)
			}
			if err != nil {
				return nil, err
			}
			continue
		}
		if t.made[k] || t.fresh[k] {
			continue
		}
		o, known, err := t.cache.get(ref{kind, k})
		if err != nil {
			return nil, err
		}
		if !known {
			ask = append(ask, k)
		} else if o != nil {
			all[k] = o
		}
	}
	if len(ask) == 0 {
		return all, nil
	}
	found, err := t.cache.load(t.s, kind, ask)
	for k, o := range found {
		all[k] = o
	}
	return all, t.check(err)
}

// List reads what a query asks for as this update sees it.
func (t *tx) List(q chat.Query) ([]chat.Object, error) {
	limit, buffered := q.Limit, len(t.put)+len(t.state)
	if limit > 0 {
		q.Limit += buffered // so many of those found may be overwritten
	}
	found, err := t.s.List(q)
	if err != nil {
		return nil, t.check(err)
	}
	list := slices.DeleteFunc(found, func(o chat.Object) bool { return t.buffered(refOf(o)) != nil })
	add := func(m map[ref]chat.Object, hidden map[ref]chat.Object) {
		for id, o := range m {
			if hidden[id] == nil && matches(o, q) {
				if r, err := encodeRow(o); err == nil {
					o, _ = copyOf(r)
				}
				list = append(list, o)
			}
		}
	}
	add(t.put, nil)
	add(t.state, t.put)
	slices.SortFunc(list, func(a, b chat.Object) int {
		x, y := a.Key(), b.Key()
		return slices.Compare(x[:], y[:])
	})
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, nil
}

// Once finds what was sent with the nonce before.
func (t *tx) Once(author chat.UserID, nonce string, id chat.MessageID) (chat.MessageID, error) {
	n := nonceKey{author, clean(nonce)}
	if old, ok := t.once[n]; ok {
		return old, nil
	}
	if old, ok := t.nonces[n]; ok {
		return old, nil
	}
	if t.careful {
		var old chat.MessageID
		err := t.s.row(`SELECT message FROM nonces WHERE author = $1 AND nonce = $2`, author[:], n.nonce).Scan((*keyColumn)(&old))
		if err == nil {
			return old, nil
		}
		if err != sql.ErrNoRows { //nolint:errorlint // database/sql promises it bare
			return old, t.check(t.s.db.fail("look a nonce up", err))
		}
	}
	t.once[n] = id
	return id, nil
}

// keep takes what the update wrote over into the group's.
func (t *tx) keep() {
	g := t.overlay
	if g.rows == nil {
		g.rows = map[ref]*row{}
	}
	for _, id := range t.order {
		if _, again := g.state[id]; !again {
			g.order = append(g.order, id)
		}
		g.state[id], g.rows[id] = t.put[id], t.rows[id]
	}
	for n, id := range t.once {
		g.nonces[n] = id
	}
	for k := range t.made {
		g.fresh[k] = true
	}
}
