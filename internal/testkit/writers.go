package testkit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// Writers are clients that write all the time and remember what was
// acknowledged. Each writes one message after the other into one room, under a
// nonce, and sends what was not acknowledged again under the same one, as
// Godwit's own clients do.
type Writers struct {
	Clients []*api.Client // signed in; each its own writer
	Rooms   []string      // writer i writes into room i modulo their number
	Every   time.Duration // between two messages of one writer
	Again   time.Duration // before what failed is sent again; 0 is 20 ms

	mu     sync.Mutex
	acked  map[string][]Ack  // by room, in the order of the acknowledgements of each writer
	last   map[int]time.Time // of a writer: its last acknowledgement
	gaps   []time.Duration   // of each writer since the last call of Gaps: the longest
	slow   []time.Duration   // of each writer since the last call of Slowest: its slowest post
	failed map[string]int    // what went wrong, by its kind
}

// Ack is a message that a server acknowledged.
type Ack struct {
	Writer, N int
	ID, Text  string
	At        time.Time
	Took      time.Duration // from the first try to the acknowledgement
}

// Run writes until the context ends. It returns after the last writer has.
func (w *Writers) Run(ctx context.Context) {
	w.mu.Lock()
	w.acked, w.last, w.failed = map[string][]Ack{}, map[int]time.Time{}, map[string]int{}
	w.gaps, w.slow = make([]time.Duration, len(w.Clients)), make([]time.Duration, len(w.Clients))
	w.mu.Unlock()
	var wg sync.WaitGroup
	for i := range w.Clients {
		wg.Go(func() { w.write(ctx, i) })
	}
	wg.Wait()
}

func (w *Writers) write(ctx context.Context, i int) {
	room := w.Rooms[i%len(w.Rooms)]
	// Spread over one interval, so that they do not all write at once.
	if !wait(ctx, w.Every*time.Duration(i)/time.Duration(len(w.Clients))) {
		return
	}
	for n := 0; ; n++ {
		began := time.Now()
		text := fmt.Sprintf("writer %d, message %d", i, n)
		for {
			m, err := w.Clients[i].Post(ctx, room, text, fmt.Sprintf("writer-%d-%d", i, n))
			if err == nil {
				w.note(room, Ack{Writer: i, N: n, ID: m.ID, Text: text, At: time.Now(), Took: time.Since(began)})
				break
			}
			if ctx.Err() != nil {
				return
			}
			w.fail(err)
			if !wait(ctx, max(w.Again, 20*time.Millisecond)) {
				return
			}
		}
		if !wait(ctx, time.Until(began.Add(w.Every))) {
			return
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (w *Writers) note(room string, a Ack) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, ok := w.last[a.Writer]; ok {
		gap := a.At.Sub(last)
		w.gaps[a.Writer] = max(w.gaps[a.Writer], gap)
	}
	w.last[a.Writer], w.slow[a.Writer] = a.At, max(w.slow[a.Writer], a.Took)
	w.acked[room] = append(w.acked[room], a)
}

func (w *Writers) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed[chat.KindOf(err).String()]++
}

// Acked counts the messages that were acknowledged so far.
func (w *Writers) Acked() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.acked {
		n += len(list)
	}
	return n
}

// Gaps returns the longest time that each writer went without an
// acknowledgement since the last call, the shortest first.
func (w *Writers) Gaps() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.gaps
	w.gaps = make([]time.Duration, len(w.Clients))
	slices.Sort(list)
	return list
}

// Slowest returns how long the slowest post of each writer took since the last
// call, from the first try to its acknowledgement; the quickest of them first.
func (w *Writers) Slowest() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.slow
	w.slow = make([]time.Duration, len(w.Clients))
	slices.Sort(list)
	return list
}

// Failed says how often a server answered with an error, by its kind.
func (w *Writers) Failed() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.failed)
}

// Check walks the rooms with a client and compares them with what was
// acknowledged: each message once, as it was, in the order in which its writer
// wrote. Messages whose acknowledgement got lost may be there; they too only
// once. It returns what is wrong, in words.
func (w *Writers) Check(ctx context.Context, c *api.Client) (wrong []string, err error) {
	w.mu.Lock()
	acked := maps.Clone(w.acked)
	w.mu.Unlock()
	for room, acks := range acked {
		texts, ids, err := written(ctx, c, room)
		if err != nil {
			return nil, err
		}
		seen, byText, last := map[string]int{}, map[string]string{}, map[int]int{}
		for k, text := range texts {
			var i, n int
			if _, err := fmt.Sscanf(text, "writer %d, message %d", &i, &n); err != nil {
				continue
			}
			seen[text]++
			byText[text] = ids[k]
			if before, ok := last[i]; ok && n <= before {
				wrong = append(wrong, fmt.Sprintf("room %s: %q stands after message %d of the same writer", room, text, before))
			}
			last[i] = n
		}
		for _, a := range acks {
			switch {
			case seen[a.Text] == 0:
				wrong = append(wrong, fmt.Sprintf("room %s: %q was acknowledged as %s at %s and is lost", room, a.Text, a.ID, a.At.Format(time.StampMilli)))
			case byText[a.Text] != a.ID:
				wrong = append(wrong, fmt.Sprintf("room %s: %q was acknowledged as %s and is %s", room, a.Text, a.ID, byText[a.Text]))
			}
		}
		for text, n := range seen {
			if n > 1 {
				wrong = append(wrong, fmt.Sprintf("room %s: %q is there %d times", room, text, n))
			}
		}
	}
	return wrong, nil
}

// written returns the texts of a room's messages and their IDs, in order.
func written(ctx context.Context, c *api.Client, room string) (texts, ids []string, err error) {
	var pages [][]api.Message
	err = c.Walk(ctx, room, func(h api.History) error {
		pages = append(pages, h.Messages)
		return nil
	})
	slices.Reverse(pages)
	for _, page := range pages {
		for _, m := range page {
			texts, ids = append(texts, markup.Words(m.Tree)), append(ids, m.ID)
		}
	}
	return texts, ids, err
}
