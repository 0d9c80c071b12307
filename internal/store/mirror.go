package store

import (
	"github.com/godwit-chat/godwit/internal/chat"
)

// sourceOwn is the source of what a place writes itself while it receives:
// who signs in to look, and what an administrator does. It is the place's own,
// and no part of the move.
const sourceOwn = -1

// own says what is a place's own in a move, and not the other place's too.
type own struct {
	some bool
	upTo chat.Position // of what was made here
}

// not is the condition that a row is not the place's own.
func (o own) not() string {
	if !o.some {
		return ""
	}
	return ` AND NOT (source = ` + itoa(sourceOwn) + ` OR source = 0 AND pos <= ` + itoa(int(o.upTo)) + `)`
}

// own reads what is the place's own just now: something only in the place that
// was there before another one's history came.
func (s *session) own() (own, error) {
	p, _, err := s.pair()
	if err != nil || p.Move == "" || p.Over || p.Even {
		return own{}, err
	}
	return own{some: true, upTo: p.Own}, nil
}

// welcome checks that a batch may be applied here now.
func (a *applier) welcome(s *session, h *head) error {
	p, _, err := s.pair()
	if err != nil {
		return err
	}
	paired := p.Move != "" && !p.Over
	switch {
	case a.batch.Mirror && (!paired || p.Move != a.batch.Move):
		return chat.Errorf(chat.Conflict, "this place is in no move %s", a.batch.Move).WithHint("pair the places first: godwit sync FROM TO")
	case a.batch.Mirror && p.Was != nil:
		return chat.Errorf(chat.Conflict, "the two places of the move %s are not paired yet", p.Move).WithHint("run `godwit sync` again: it goes on where it stopped")
	case a.batch.Mirror && (p.Mine() || h.State != chat.Receiving && h.State != chat.Standby):
		return chat.Errorf(chat.Conflict, "this place is %s and takes writes itself: it does not become like the other one", h.State)
	case a.batch.Mirror && p.Theirs < p.Turn:
		// It may have been set back to before its turn: what is here is then the
		// only whole copy.
		return chat.Errorf(chat.Unavailable, "the other place has not said that it has turn %d: nothing is taken from it before", p.Turn).
			WithHint("the two places have to meet; a mover that reaches both lets them")
	case a.batch.Mirror:
		return nil
	case paired && !p.Mine():
		return chat.Errorf(chat.Conflict, "this place becomes like another one in the move %s: nothing else can be imported here", p.Move).
			WithHint("import it at the other place, or after the move")
	}
	switch h.State {
	case chat.Open, chat.Receiving, chat.Standby:
		return nil
	}
	return chat.Errorf(chat.Unavailable, "nothing can be imported here now: the place is %s", h.State)
}

// split takes out of a batch that mirrors what is no object.
func (a *applier) split() error {
	items, rows := make([]chat.Incoming, 0, len(a.rows)), make([]*row, 0, len(a.rows))
	for i, item := range a.batch.Items {
		if item.Nonce != nil {
			if a.nonces == nil {
				a.nonces = map[nonceKey]chat.MessageID{}
			}
			a.nonces[nonceKey{item.Nonce.Author, clean(item.Nonce.Nonce)}] = item.Nonce.Message
			continue
		}
		if item.Absent != nil {
			a.absent = append(a.absent, ref{item.Absent.Kind, item.Absent.Key})
			continue
		}
		if !a.rows[i].kind.Mirrored() {
			return chat.Errorf(chat.Invalid, "a %s is no part of a move of a place", a.rows[i].kind)
		}
		items, rows = append(items, item), append(rows, a.rows[i])
	}
	b := *a.batch
	b.Items = items
	a.batch, a.rows = &b, rows
	return nil
}

// mirror decides about a batch that makes the place what another one is.
func (a *applier) mirror(s *session) error {
	a.counts, a.place, a.write = chat.Counts{}, map[ref]int{}, nil
	numbers := map[string]int32{"": 0}
	for i, r := range a.rows {
		name := a.batch.Items[i].Source
		number, known := numbers[name]
		if !known {
			var err error
			if number, err = s.sourceNumber(name); err != nil {
				return err
			}
			numbers[name] = number
		}
		r.source, r.fresh = number, false
		id, c := ref{r.kind, r.key}, a.counts[r.kind]
		old, there := a.states[id]
		if there && !a.damaged[id] && old.digest == r.digest && old.src == r.src && old.source == r.source {
			c.Unchanged++
		} else {
			delete(a.damaged, id)
			r.fresh = !there
			a.put(id, r)
			c.Written++
		}
		a.counts[r.kind] = c
	}
	return nil
}

// sourceNumber finds or makes the number of a source of which only the name
// is known.
func (s *session) sourceNumber(name string) (int32, error) {
	return s.knowSource(chat.MoveSpec{Source: name})
}

// mirrorRest writes what is no object.
func (a *applier) mirrorRest(s *session, h *head) error {
	if err := s.mirrorNonces(h, a.nonces, len(a.write) > 0); err != nil {
		return err
	}
	gone, removed := map[chat.Kind]int64{}, false
	for _, r := range a.absent {
		query, args := `DELETE FROM `+tableOf(r.kind).name+` WHERE id = $1`, []any{r.key[:]}
		if r.kind != chat.KindMessage {
			query, args = query+` AND kind = $2`, append(args, int64(r.kind))
		}
		n, err := s.execCount(query, args...)
		if err != nil {
			return err
		}
		gone[r.kind] += n
		removed = removed || n > 0
	}
	for kind, n := range gone {
		c := a.counts[kind]
		c.Written += n
		a.counts[kind] = c
	}
	if !removed {
		return nil
	}
	// No row tells those who follow the log: for them it is another one.
	h.Pos++
	return s.newEpoch(h, 0)
}

// newEpoch starts an epoch: positions after its beginning may not be those
// that were given out before.
func (s *session) newEpoch(h *head, from chat.Position) error {
	h.Epoch = randomKey()
	return s.exec(`INSERT INTO epochs (id, pos, started) VALUES ($1, $2, $3)`, bytesOf(h.Epoch), int64(from), int64(h.tick()))
}

// mirrorNonces makes nonces so, at the position of what was written with them.
func (s *session) mirrorNonces(h *head, nonces map[nonceKey]chat.MessageID, wrote bool) error {
	if len(nonces) == 0 {
		return nil
	}
	pos := h.Pos
	if !wrote {
		pos++
	}
	const atOnce = 500
	args, changed := make([]any, 0, 4*atOnce), int64(0)
	send := func() error {
		n, err := s.execCount(`INSERT INTO nonces (author, nonce, message, pos) VALUES `+tuples(len(args)/4, 4)+
			` ON CONFLICT (author, nonce) DO UPDATE SET message = excluded.message, pos = excluded.pos WHERE nonces.message <> excluded.message`, args...)
		changed += n
		args = args[:0]
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
		if err := send(); err != nil {
			return err
		}
	}
	if changed > 0 {
		h.Pos = pos
	}
	return nil
}
