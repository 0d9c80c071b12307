package testkit

import (
	"fmt"
	"slices"
	"time"
)

// History is what happened while something was broken, as clients saw it.
type History struct {
	Acked   []Ack // with their rooms in Rooms
	Rooms   []string
	Readers []Saw
}

// Saw is what one reader saw.
type Saw struct {
	Reader  string
	Live    map[string][]Said // by room: what its feed told, in that order
	Loaded  map[string][]Said // by room: what is there when it is loaded anew
	Losses  int               // times that its feed was lost
	Fetches int               // times that it had to fetch all anew
	Away    []time.Duration   // how long each time, until it heard again
	Revoked map[string]time.Time
}

// Said is a message as a reader saw it.
type Said struct {
	ID, Text string
	At       time.Time // when it came
}

// Bounds are what Check measures against; zero is not looked at.
type Bounds struct {
	Back    time.Duration // a reader is back within this time
	Revoked time.Duration // whoever was put out of a room hears no more of it after this time
}

// Check returns what is wrong with a history, in words: an acknowledged message
// that somebody did not see, one that is there twice, an order that is another
// one for somebody, a reader that was away for too long or fetched everything
// more than once for a loss, and a message that came to somebody who may not
// see it.
func (h *History) Check(b Bounds) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	order := map[string][]string{} // of each room, as the first reader loaded it
	for _, r := range h.Readers {
		for _, room := range sortedKeys(r.Loaded) {
			list := r.Loaded[room]
			ids := idsOf(list)
			for _, text := range doubled(list) {
				say("%s: %q is in room %s twice", r.Reader, text, room)
			}
			if first, ok := order[room]; !ok {
				order[room] = ids
			} else if !slices.Equal(first, ids) {
				say("%s: room %s is loaded in another order, or with other messages, than by the first reader", r.Reader, room)
			}
		}
	}
	for _, r := range h.Readers {
		for _, room := range sortedKeys(r.Live) {
			checkLive(say, r, room, order[room], b)
		}
		if r.Fetches > r.Losses {
			say("%s: all was fetched %d times for %d losses", r.Reader, r.Fetches, r.Losses)
		}
		for _, d := range r.Away {
			if b.Back > 0 && d > b.Back {
				say("%s: away for %s", r.Reader, d)
			}
		}
	}
	return append(wrong, h.lost()...)
}

// checkLive compares what a feed told with what is there.
func checkLive(say func(string, ...any), r Saw, room string, order []string, b Bounds) {
	place, last := map[string]int{}, -1
	for i, id := range order {
		place[id] = i
	}
	for _, text := range doubled(r.Live[room]) {
		say("%s: %q came twice in room %s", r.Reader, text, room)
	}
	for _, m := range firsts(r.Live[room]) {
		if at, ok := r.Revoked[room]; ok && b.Revoked > 0 && m.At.Sub(at) > b.Revoked {
			say("%s: %q of room %s came %s after they were put out", r.Reader, m.Text, room, m.At.Sub(at))
		}
		i, there := place[m.ID]
		switch {
		case len(order) == 0:
		case !there:
			say("%s: %q came in room %s and is not there", r.Reader, m.Text, room)
		case i < last:
			say("%s: %q came in room %s after a later one", r.Reader, m.Text, room)
		}
		last = max(last, i)
	}
}

// lost finds acknowledged messages that a reader did not see.
func (h *History) lost() (wrong []string) {
	for _, r := range h.Readers {
		live, loaded := set(r.Live), set(r.Loaded)
		for i, a := range h.Acked {
			room := h.Rooms[i]
			if _, out := r.Revoked[room]; out {
				continue
			}
			if r.Loaded[room] != nil && !loaded[a.ID] {
				wrong = append(wrong, fmt.Sprintf("%s: %q was acknowledged in room %s and is lost", r.Reader, a.Text, room))
			}
			if r.Live[room] != nil && r.Fetches == 0 && !live[a.ID] {
				wrong = append(wrong, fmt.Sprintf("%s: %q was acknowledged in room %s and was never told", r.Reader, a.Text, room))
			}
		}
	}
	return wrong
}

func set(rooms map[string][]Said) map[string]bool {
	ids := map[string]bool{}
	for _, list := range rooms {
		for _, m := range list {
			ids[m.ID] = true
		}
	}
	return ids
}

func idsOf(list []Said) (ids []string) {
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids
}

// firsts are the messages as they came first: they come again when they are
// edited, or when a feed goes on, which changes nothing.
func firsts(list []Said) (out []Said) {
	seen := map[string]bool{}
	for _, m := range list {
		if !seen[m.ID] {
			seen[m.ID], out = true, append(out, m)
		}
	}
	return out
}

// doubled are the texts that several messages have: writers never write the
// same twice.
func doubled(list []Said) (texts []string) {
	ids := map[string]string{}
	for _, m := range firsts(list) {
		if id, ok := ids[m.Text]; ok && id != m.ID {
			texts = append(texts, m.Text)
		}
		ids[m.Text] = m.ID
	}
	return texts
}

func sortedKeys(m map[string][]Said) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
