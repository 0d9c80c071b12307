package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Apply makes a batch so, all or none.
func (db *DB) Apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	turn := db.company.bites()
	if err := turn.begin(ctx); err != nil {
		return chat.Applied{}, err
	}
	defer turn.end()
	rows, err := encodeAll(&b)
	if err != nil {
		return chat.Applied{}, err
	}
	a := &applier{batch: &b, rows: rows, known: &db.known, states: make(map[ref]state, len(rows)), damaged: map[ref]bool{}, seen: -1}
	switch {
	case b.Mirror:
		if err := a.split(); err != nil {
			return chat.Applied{}, err
		}
	case !b.Mend:
		db.agreed.pick(b.Items, rows)
	}
	err = db.applyOnce(ctx, a)
	if errors.Is(err, errKnown) {
		db.known.forget(false)
		a.seen = -1
		err = db.applyOnce(ctx, a)
	}
	if err != nil {
		return chat.Applied{}, err
	}
	db.known.wrote(a.write, a.pos)
	db.agreed.learn(a.equal, a.write)
	if b.Done {
		db.known.forget(false)
		db.agreed.forget()
	}
	db.company.applied(a.pos)
	return chat.Applied{Counts: a.counts, Conflicts: a.conflicts, Pos: a.pos, Held: a.held, Shared: db.company.here()}, nil
}

func (db *DB) applyOnce(ctx context.Context, a *applier) error {
	clear(a.states)
	if pos, ok := db.known.new(a.rows); ok {
		a.seen = pos
	} else if db.d.shared {
		// What is there is read before the lock, and is right under it if the
		// log has not moved.
		if err := db.glance(ctx, a); err != nil {
			return err
		}
	}
	durable, err := db.lockedLate(ctx, a.apply)
	a.held = time.Since(a.locked)
	if err != nil {
		return err
	}
	return db.fail("make a batch durable", durable())
}

// glance reads what is there on a connection that writes: its settings keep
// Postgres from reading the whole table instead of looking 5,000 keys up.
func (db *DB) glance(ctx context.Context, a *applier) error {
	tx, err := db.begin(ctx, db.write, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return db.fail("read", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	s := &session{ctx: ctx, db: db, tx: tx}
	h, err := s.Head()
	if err != nil {
		return err
	}
	a.seen = h.Pos
	return a.look(s, h.Pos)
}

// applier decides what becomes of the objects of a batch.
type applier struct {
	batch *chat.Batch
	rows  []*row
	known *known
	move  *move

	seen    chat.Position // of the log when states were read
	states  map[ref]state
	refused map[refusal]int64 // the state that was kept instead
	damaged map[ref]bool      // rows that do not fit their digest, looked for only to mend them

	write     []*row
	place     map[ref]int                 // in write
	agreed    []*row                      // of which only src changes
	refuse    []*row                      // second states of this run
	equal     []*row                      // second copies that are equal to what is here
	nonces    map[nonceKey]chat.MessageID // of a mirror
	absent    []ref                       // of a mirror: rows that go
	counts    chat.Counts
	conflicts []chat.Note
	pos       chat.Position
	locked    time.Time // when nobody else could write any more
	held      time.Duration
}

type refusal struct {
	ref
	digest int64
}

// look reads what is there of the objects of the batch.
func (a *applier) look(s *session, pos chat.Position) (err error) {
	keys := map[chat.Kind][]chat.Key{}
	for _, r := range a.rows {
		if !r.agreed {
			keys[r.kind] = append(keys[r.kind], r.key)
		}
	}
	if keys[chat.KindMessage], err = a.known.possible(s, pos, keys[chat.KindMessage]); err != nil {
		return err
	}
	for kind, list := range keys {
		if kind == chat.KindMessage {
			err = s.db.ahead.states(s, list, a.states)
		} else {
			err = s.states(kind, list, a.states)
		}
		if err != nil {
			return err
		}
		if !a.batch.Mend {
			continue
		}
		actual, err := s.digests(kind, list)
		if err != nil {
			return err
		}
		for k, d := range actual {
			a.damaged[ref{kind, k}] = int64(d) != a.states[ref{kind, k}].digest
		}
	}
	return nil
}

// apply runs under the lock of the head.
func (a *applier) apply(s *session, h *head) (err error) {
	a.locked = time.Now()
	s.db.company.look(h.Pos)
	if err := a.welcome(s, h); err != nil {
		return err
	}
	if a.move, err = s.move(a.batch.Move); err != nil {
		return err
	}
	if err := a.allowed(); err != nil {
		return err
	}
	if a.seen != h.Pos || h.doubted {
		clear(a.states)
		if err := a.look(s, h.Pos); err != nil {
			return err
		}
	}
	if err := a.decide(s); err != nil {
		return err
	}
	if h.State == chat.Receiving && !a.batch.Done {
		if err := s.db.d.hurry(s); err != nil {
			return err
		}
	}
	a.pos = h.Pos
	for _, r := range a.write {
		h.Pos++
		r.pos = h.Pos
	}
	if err := s.upsert(a.write); err != nil {
		return err
	}
	if a.batch.Mirror {
		if err := a.mirrorRest(s, h); err != nil {
			return err
		}
	}
	if h.Pos != a.pos {
		h.tick()
	}
	a.pos = h.Pos
	if err := a.mark(s); err != nil {
		return err
	}
	return a.advance(s)
}

func (a *applier) allowed() error {
	m, b := a.move, a.batch
	switch {
	case m.Fence != b.Fence:
		return chat.Errorf(chat.Conflict, "another mover has taken over the move %s", m.Name).
			WithHint("let it go on, or stop it and start again")
	case m.Done:
		return chat.Errorf(chat.Conflict, "run %d of the move %s is over", m.Run, m.Name).WithHint("begin the next one")
	case m.Cursor != b.From:
		return chat.Errorf(chat.Conflict, "the move %s is at %q, not at %q", m.Name, m.Cursor, b.From).
			WithHint("start again: it goes on where it is")
	}
	return nil
}

func (a *applier) decide(s *session) error {
	if a.batch.Mirror {
		return a.mirror(s)
	}
	a.counts, a.place = chat.Counts{}, map[ref]int{}
	a.write, a.agreed, a.refuse, a.equal, a.conflicts = nil, nil, nil, nil, nil
	if err := a.readRefused(s); err != nil {
		return err
	}
	for i, r := range a.rows {
		c := a.counts[r.kind]
		a.one(&c, a.batch.Items[i], r)
		a.counts[r.kind] = c
	}
	return nil
}

// one decides about one object.
func (a *applier) one(c *chat.Count, in chat.Incoming, r *row) {
	id := ref{r.kind, r.key}
	r.source, r.fresh = a.move.source, false
	old, there := a.states[id]
	thisRun := old.pos > a.move.Start
	switch {
	case r.agreed:
		c.Unchanged++
	case !there, a.damaged[id] && (!in.Copy || old.src == r.src):
		delete(a.damaged, id)
		r.fresh = !there
		a.put(id, r)
		c.Written++
	case in.Copy:
		c.Deduplicated++
		if old.source == r.source && old.src == r.src {
			a.equal = append(a.equal, r)
		}
	case old.source == r.source && old.src == r.src:
		c.Unchanged++
	case old.source != r.source:
		if old.digest == r.digest {
			c.Unchanged++
			return
		}
		c.Conflict++
		a.note(r, "it was made here, or came from another source: what is here stays")
	case old.digest == r.digest: // both ends came to the same
		c.Unchanged++
		a.agree(id, r, old)
	case old.digest != old.src:
		c.Conflict++
		a.note(r, "it was changed at both ends: what is here stays")
		a.agree(id, r, old)
	case thisRun && !in.Copied, a.refused[refusal{id, r.digest}] == old.src && a.refused != nil:
		c.Conflict++
		a.note(r, "the source has a second state of it: the first stays")
		r.pos = chat.Position(old.src) // what was kept
		a.refuse = append(a.refuse, r)
	default:
		a.put(id, r)
		c.Written++
	}
}

func (a *applier) put(id ref, r *row) {
	if i, again := a.place[id]; again {
		r.fresh = a.write[i].fresh
		a.write[i] = r
	} else {
		a.place[id] = len(a.write)
		a.write = append(a.write, r)
	}
	// Its position comes later; it only must be after the start of the run.
	a.states[id] = state{r.digest, r.src, r.source, a.move.Start + 1}
}

// agree remembers what the source has, without touching what is here.
func (a *applier) agree(id ref, r *row, old state) {
	a.agreed = append(a.agreed, r)
	old.src = r.src
	a.states[id] = old
}

func (a *applier) note(r *row, reason string) {
	a.conflicts = append(a.conflicts, chat.Note{Kind: chat.NoteConflict, Object: r.kind, Where: fmt.Sprintf("%s %s", r.kind, r.key), Reason: reason, Run: a.move.Run})
}

// readRefused reads second states that earlier runs refused, if there are any.
func (a *applier) readRefused(s *session) error {
	var ask []chat.Key
	for i, r := range a.rows {
		old, there := a.states[ref{r.kind, r.key}]
		if there && old.src != r.src && !a.batch.Items[i].Copy {
			ask = append(ask, r.key)
		}
	}
	a.refused = map[refusal]int64{}
	return s.eachKey(ask, func(rows *sql.Rows) error {
		var kind uint8
		var k refusal
		var kept int64
		err := rows.Scan(&kind, (*keyColumn)(&k.key), &k.digest, &kept)
		k.kind = chat.Kind(kind)
		a.refused[k] = kept
		return err
	}, `SELECT kind, id, digest, kept FROM refused WHERE source = $1 AND `, "id", a.move.source)
}

// mark stores what was decided beside what is written.
func (a *applier) mark(s *session) error {
	for _, r := range a.agreed {
		query, args := `UPDATE `+tableOf(r.kind).name+` SET src = $1 WHERE id = $2`, []any{r.src, r.key[:]}
		if r.kind != chat.KindMessage {
			query, args = query+` AND kind = $3`, append(args, int64(r.kind))
		}
		if err := s.exec(query, args...); err != nil {
			return err
		}
	}
	for _, r := range a.refuse {
		err := s.exec(`INSERT INTO refused (source, kind, id, digest, kept) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (source, kind, id, digest) DO UPDATE SET kept = excluded.kept`, r.source, int64(r.kind), r.key[:], r.digest, int64(r.pos))
		if err != nil {
			return err
		}
	}
	return nil
}

// advance moves the cursor, with the counts and notes.
func (a *applier) advance(s *session) error {
	m, b := a.move, a.batch
	m.Counts.Add(b.Counts)
	m.Counts.Add(a.counts)
	m.Cursor = b.To
	if b.Progress != nil {
		m.Progress = b.Progress
	}
	if b.Done {
		m.Done, m.Ended = true, chat.TimeOf(time.Now())
	}
	if err := s.addNotes(m, append(b.Notes[:len(b.Notes):len(b.Notes)], a.conflicts...)); err != nil {
		return err
	}
	return s.saveMove(m)
}
