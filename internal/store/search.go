package store

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
)

// entry is what the index of words has of a message. One without terms is
// found by none.
type entry struct {
	id    chat.MessageID
	room  chat.RoomID
	sent  chat.Time
	terms []string
}

// hit is an entry that was found.
type hit struct {
	id   chat.MessageID
	room chat.RoomID
	sent chat.Time
	row  int64 // its place in SQLite's index
}

// wordQuery asks the index for a part of what matches.
type wordQuery struct {
	terms  []string // all must be there
	prefix string   // a word that begins so must be there
	any    []string // one of them must be there
	from   chat.Time
	until  chat.Time
	older  *chat.Anchor
	after  *hit // the last one of the part before
	limit  int
}

// Terms of what people filter by, beside words: no word has a colon.
func roomTerm(id chat.RoomID) string { return "room:" + compact(id.Key()) }
func byTerm(id chat.UserID) string   { return "by:" + compact(id.Key()) }

const (
	fileTerm = "has:file"
	linkTerm = "has:link"
)

func compact(k chat.Key) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 32)
	for _, c := range k {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return string(b)
}

// fewRooms is up to how many rooms are asked for by name: those who may see
// few would otherwise have to look through all that they may not see.
const fewRooms = 64

// Search finds messages by words, newest first.
func (db *DB) Search(ctx context.Context, q chat.SearchQuery) (found []*chat.Message, err error) {
	if q.Limit <= 0 {
		return nil, chat.Errorf(chat.Invalid, "no limit for how many messages to find")
	}
	err = db.view(ctx, func(s *session) error {
		visible, err := s.visible(q)
		if err != nil || len(visible) == 0 {
			return err
		}
		w := wordsOf(q, visible)
		for w.limit = 2*q.Limit + 20; ; w.limit = min(w.limit*4, 8000) {
			var hits []hit
			err := db.d.words.reading(s, func(index *session) (err error) {
				hits, err = db.d.words.find(index, w)
				return err
			})
			if err != nil {
				return err
			}
			more, err := s.live(hits, visible, &q)
			if err != nil {
				return err
			}
			found = append(found, more...)
			if len(found) >= q.Limit || len(hits) < w.limit {
				return nil
			}
			w.after = &hits[len(hits)-1]
		}
	})
	slices.SortFunc(found, func(a, b *chat.Message) int { return after(b.Sent, b.ID, a.Sent, a.ID) })
	return found[:min(len(found), q.Limit)], err
}

// after compares two places in the order of history.
func after(s chat.Time, id chat.MessageID, t chat.Time, other chat.MessageID) int {
	switch {
	case s < t:
		return -1
	case s > t:
		return 1
	}
	return slices.Compare(id[:], other[:])
}

func wordsOf(q chat.SearchQuery, visible map[chat.RoomID]bool) *wordQuery {
	w := &wordQuery{terms: slices.Clone(q.Terms), from: q.From, until: q.Until, older: q.Older}
	if n := len(w.terms); q.Prefix && n > 0 {
		w.terms, w.prefix = w.terms[:n-1], w.terms[n-1]
	}
	if w.until == 0 {
		w.until = math.MaxInt64
	}
	if w.from == 0 {
		w.from = math.MinInt64
	}
	if !q.Room.IsZero() {
		w.terms = append(w.terms, roomTerm(q.Room))
	} else if len(visible) <= fewRooms {
		for id := range visible {
			w.any = append(w.any, roomTerm(id))
		}
		slices.Sort(w.any)
	}
	if !q.Author.IsZero() {
		w.terms = append(w.terms, byTerm(q.Author))
	}
	if q.HasFile {
		w.terms = append(w.terms, fileTerm)
	}
	if q.HasLink {
		w.terms = append(w.terms, linkTerm)
	}
	return w
}

// live reads those messages that were found and may be seen, as they are now.
func (s *session) live(hits []hit, visible map[chat.RoomID]bool, q *chat.SearchQuery) ([]*chat.Message, error) {
	var list []*chat.Message
	for len(hits) > 0 && len(list) < q.Limit {
		var keys []chat.Key
		var last chat.Time
		// Those of one moment are read together: they are put in order later.
		for len(hits) > 0 && (len(keys) < q.Limit+20 || hits[0].sent == last) {
			if last = hits[0].sent; visible[hits[0].room] {
				keys = append(keys, hits[0].id.Key())
			}
			hits = hits[1:]
		}
		all, err := s.GetAll(chat.KindMessage, keys)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			m := o.(*chat.Message)
			if m.Gone || !visible[m.Room] || q.Older != nil && after(m.Sent, m.ID, q.Older.Sent, q.Older.ID) >= 0 {
				continue
			}
			if m.Sent < q.From || q.Until != 0 && m.Sent >= q.Until {
				continue
			}
			list = append(list, m)
		}
	}
	return list, nil
}

// roomCache knows which rooms are open, as of a position.
type roomCache struct {
	mu   sync.Mutex
	at   chat.Cursor
	open map[chat.RoomID]bool // of those that may be seen at all: for everybody?
}

// roomStates returns which rooms may be seen, and which of them by everybody.
func (s *session) roomStates() (map[chat.RoomID]bool, error) {
	h, err := s.Head()
	if err != nil {
		return nil, err
	}
	c, at := &s.db.rooms, chat.Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: h.Pos}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open != nil && c.at == at {
		return c.open, nil
	}
	query, args := `SELECT body FROM objects WHERE kind = $1`, []any{int64(chat.KindRoom)}
	open := map[chat.RoomID]bool{}
	if c.open != nil && c.at.Epoch == h.Epoch && h.Pos-c.at.Pos < 10000 && h.Pos > c.at.Pos {
		query, args = query+` AND pos > $2 AND pos <= $3`, append(args, int64(c.at.Pos), int64(h.Pos))
		for id, o := range c.open {
			open[id] = o
		}
	}
	changed := false
	err = s.each(func(rows *sql.Rows) error {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return err
		}
		o, err := chat.DecodeBody(chat.KindRoom, body)
		if err != nil {
			return err
		}
		r := o.(*chat.Room)
		changed = true
		if r.Gone || r.State == chat.RoomDeleted {
			delete(open, r.ID)
		} else {
			open[r.ID] = r.Type == chat.RoomOpen
		}
		return nil
	}, query, args...)
	if err != nil {
		return nil, err
	}
	if h.Pos >= c.at.Pos { // an older snapshot than the one kept is for this call only
		c.at = at
		if changed || c.open == nil {
			c.open = open // a new map: others read the old one
		}
	}
	return open, nil
}

// visible returns the rooms of which the viewer may read.
func (s *session) visible(q chat.SearchQuery) (map[chat.RoomID]bool, error) {
	open, err := s.roomStates()
	if err != nil {
		return nil, err
	}
	visible := make(map[chat.RoomID]bool, len(open))
	add := func(id chat.RoomID) {
		if q.Room.IsZero() || q.Room == id {
			visible[id] = true
		}
	}
	if !q.Guest {
		for id, everybody := range open {
			if everybody {
				add(id)
			}
		}
	}
	for _, viewer := range append([]chat.UserID{q.Viewer}, q.Also...) {
		if viewer.IsZero() {
			continue
		}
		in, err := chat.List[chat.Member](s, chat.Query{Index: chat.Index{B: viewer.Key()}})
		if err != nil {
			return nil, err
		}
		for _, m := range in {
			if _, there := open[m.Room]; there {
				add(m.Room)
			}
		}
	}
	return visible, nil
}
