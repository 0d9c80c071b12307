package move_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// scribes write into whichever of the places is open, and remember what was
// acknowledged.
type scribes struct {
	places []*spot
	every  time.Duration

	mu    sync.Mutex
	acked map[string]chat.Message // by nonce
	order map[int][]string        // of each scribe
	waits []time.Duration         // of each scribe: the longest for an acknowledgement
	wg    sync.WaitGroup
	stop  context.CancelFunc
	n     atomic.Int64
}

func scribble(t testing.TB, many int, every time.Duration, places ...*spot) *scribes {
	ctx, stop := context.WithCancel(context.Background())
	s := &scribes{places: places, every: every, acked: map[string]chat.Message{}, order: map[int][]string{}, stop: stop, waits: make([]time.Duration, many)}
	for i := range many {
		s.wg.Go(func() { s.write(ctx, i) })
	}
	t.Cleanup(s.end)
	return s
}

func (s *scribes) end() {
	s.stop()
	s.wg.Wait()
}

func (s *scribes) write(ctx context.Context, i int) {
	room := roomN(i % rooms)
	for n := 0; ctx.Err() == nil; n++ {
		nonce, began := fmt.Sprintf("scribe-%d-%d", i, n), time.Now()
		for at := 0; ; at++ {
			m, err := s.post(ctx, s.places[at%len(s.places)], room, userN(i%people), nonce)
			if err == nil {
				s.note(i, nonce, m, time.Since(began))
				break
			}
			if !sleep(ctx, 2*time.Millisecond) {
				return
			}
		}
		if !sleep(ctx, s.every) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (s *scribes) post(ctx context.Context, p *spot, room chat.RoomID, author chat.UserID, nonce string) (m chat.Message, err error) {
	err = p.db.Update(ctx, func(tx chat.Tx) error {
		id := chat.MessageID(tx.NewKey())
		first, err := tx.Once(author, nonce, id)
		if err != nil {
			return err
		}
		if first != id {
			old, err := chat.Get(tx, first)
			if err == nil {
				m = *old
			}
			return err
		}
		m = chat.Message{ID: id, Room: room, Author: author, Sent: tx.Now(), Text: nonce, Format: chat.FormatMarkdown}
		return tx.Put(&m)
	})
	return m, err
}

func (s *scribes) note(i int, nonce string, m chat.Message, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[i] = max(s.waits[i], took)
	s.acked[nonce] = m
	s.order[i] = append(s.order[i], nonce)
	s.n.Add(1)
}

// waited returns how long each scribe waited at most for an acknowledgement
// since the last call, the shortest first.
func (s *scribes) waited() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.waits
	s.waits = make([]time.Duration, len(list))
	slices.Sort(list)
	return list
}

// more waits until so many more messages were acknowledged.
func (s *scribes) more(t testing.TB, n int64) {
	t.Helper()
	want := s.n.Load() + n
	until(t, "people write", func() bool { return s.n.Load() >= want })
}

// check finds every acknowledged message in the place that is open, once, as
// it was, and in the order of who wrote it; and finds one place open.
func (s *scribes) check(t testing.TB, open, shut *spot) {
	t.Helper()
	s.mu.Lock()
	acked := maps.Clone(s.acked)
	s.mu.Unlock()
	if st := open.state(t); st != chat.Open {
		t.Errorf("the place that people went to is %s", st)
	}
	if st := shut.state(t); st == chat.Open {
		t.Error("both places are open")
	}
	seen := map[string]chat.Message{}
	open.messages(t, func(m *chat.Message) {
		if old, twice := seen[m.Text]; twice {
			t.Errorf("%q is there twice, as %s and %s", m.Text, old.ID, m.ID)
		}
		seen[m.Text] = *m
	})
	lost := 0
	for nonce, m := range acked {
		got, ok := seen[nonce]
		switch {
		case !ok:
			if lost++; lost < 5 {
				t.Errorf("%q was acknowledged as %s and is lost", nonce, m.ID)
			}
		case got.ID != m.ID || got.Sent != m.Sent || got.Author != m.Author || got.Room != m.Room:
			t.Errorf("%q was acknowledged as %+v and is %+v", nonce, m, got)
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged messages are lost", lost, len(acked))
	}
	for i, list := range s.order {
		var before chat.Message
		for _, nonce := range list {
			m := seen[nonce]
			if m.Sent < before.Sent || m.Sent == before.Sent && bytes.Compare(m.ID[:], before.ID[:]) < 0 {
				t.Errorf("scribe %d: %q stands before %q", i, m.Text, before.Text)
			}
			before = m
		}
	}
}
