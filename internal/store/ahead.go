package store

import (
	"database/sql"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
)

// ahead guesses where in the log the messages stand that an import looks for:
// an export gives them in the order in which it gave them the first time, and
// reading them in their order is several times as fast as looking each up.
// What the guess misses is looked up, so that it only saves work.
type ahead struct {
	mu    sync.Mutex
	pos   chat.Position // behind the last that was found in order
	hits  int           // how many that were
	wrong int           // how often in a row it was no help
	skip  int           // how often not to try
}

// fewKeys are not worth a guess.
const fewKeys = 500

// states reads the states of messages.
func (a *ahead) states(s *session, keys []chat.Key, into map[ref]state) error {
	if len(keys) < fewKeys {
		return s.states(chat.KindMessage, keys, into)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	left := keys
	if a.pos > 0 && a.skip == 0 {
		var err error
		if left, err = a.inOrder(s, keys, into); err != nil {
			return err
		}
	}
	a.skip = max(a.skip-1, 0)
	if err := s.states(chat.KindMessage, left, into); err != nil {
		return err
	}
	if len(left)*4 <= len(keys)*3 {
		a.wrong = 0
		return nil
	}
	// It helped with less than a quarter: the last one says where to go on.
	a.wrong = min(a.wrong+1, 8)
	a.skip = a.wrong * (a.wrong - 1)
	for i := len(keys) - 1; i >= 0; i-- {
		if st, there := into[ref{chat.KindMessage, keys[i]}]; there {
			a.pos, a.hits = st.pos, len(keys)
			break
		}
	}
	return nil
}

// inOrder reads on from where the last batch ended, and returns the keys that
// it did not meet.
func (a *ahead) inOrder(s *session, keys []chat.Key, into map[ref]state) (left []chat.Key, err error) {
	from := a.pos
	err = s.eachState(into, `SELECT id, digest, src, source, pos FROM messages WHERE pos > $1 ORDER BY pos LIMIT $2`,
		int64(from), min(len(keys), a.hits)*5/4+fewKeys)
	if err != nil {
		return nil, err
	}
	a.hits = 0
	for _, k := range keys {
		st, there := into[ref{chat.KindMessage, k}]
		if !there {
			left = append(left, k)
			continue
		}
		a.hits++
		a.pos = max(a.pos, st.pos)
	}
	return left, nil
}

// eachState reads messages' states.
func (s *session) eachState(into map[ref]state, query string, args ...any) error {
	return s.each(func(rows *sql.Rows) error {
		id, st, err := scanState(rows)
		into[ref{chat.KindMessage, id}] = st
		return err
	}, query, args...)
}

func scanState(rows *sql.Rows) (id chat.Key, st state, err error) {
	err = rows.Scan((*keyColumn)(&id), &st.digest, &st.src, &st.source, (*int64)(&st.pos))
	return id, st, err
}

// forget starts over.
func (a *ahead) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pos, a.hits, a.wrong, a.skip = 0, 0, 0, 0
}
