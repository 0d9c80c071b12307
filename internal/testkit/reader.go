package testkit

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// Reader is a client that follows the feed, comes back when it is lost, as
// Godwit's own clients do, and records what it saw.
type Reader struct {
	Name   string
	Client *api.Client
	Rooms  []string // that it shows

	mu     sync.Mutex
	saw    Saw
	cursor string
	lost   time.Time // zero while it hears
	heard  bool
}

const (
	readerPause = 250 * time.Millisecond
	readerDeaf  = 65 * time.Second
)

// Run follows the feed until the context ends.
func (r *Reader) Run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := readerPause/2 + rand.N(readerPause) //nolint:gosec // nobody gains by guessing
		if err := r.once(ctx); err != nil {
			if e, ok := errors.AsType[websocket.CloseError](err); ok && e.Code == api.FeedRestart {
				seconds, _ := strconv.ParseFloat(e.Reason, 64)                          //nolint:errcheck // 0 is at once
				pause = rand.N(time.Duration(max(0.5, seconds) * float64(time.Second))) //nolint:gosec // as above
			}
		}
		r.mu.Lock()
		if r.lost.IsZero() && r.heard && ctx.Err() == nil {
			r.lost = time.Now()
			r.saw.Losses++
		}
		r.mu.Unlock()
		wait(ctx, pause)
	}
}

// once follows one connection to its end.
func (r *Reader) once(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	q := url.Values{"cursor": {r.cursor}, "open": r.Rooms}
	dial, cancel := context.WithTimeout(ctx, 10*time.Second)
	conn, _, err := websocket.Dial(dial, r.Client.URL+"/api/v1/feed?"+q.Encode(), &websocket.DialOptions{HTTPClient: r.Client.HTTP})
	cancel()
	if err != nil {
		return err
	}
	defer conn.CloseNow() //nolint:errcheck // it is the end
	conn.SetReadLimit(8 << 20)
	for {
		next, cancel := context.WithTimeout(ctx, readerDeaf)
		_, data, err := conn.Read(next)
		cancel()
		if err != nil {
			return err
		}
		var f api.Frame
		if err := json.Unmarshal(data, &f); err != nil {
			return err
		}
		if !r.take(f) {
			return nil // all is fetched anew
		}
	}
}

// begin fetches all, if there is no cursor to go on from.
func (r *Reader) begin(ctx context.Context) error {
	if r.cursor != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := r.Client.Start(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor = s.Cursor
	if r.heard {
		r.saw.Fetches++
	}
	return nil
}

// take records a frame, and reports whether the feed goes on.
func (r *Reader) take(f api.Frame) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.saw.Live == nil {
		r.saw.Live = map[string][]Said{}
		for _, room := range r.Rooms {
			r.saw.Live[room] = []Said{}
		}
	}
	for _, e := range f.Events {
		switch {
		case e.Type == "afresh":
			r.cursor = ""
			return false
		case e.Type == "presence" && e.Whole: // the connection has begun
			r.heard = true
			if !r.lost.IsZero() {
				r.saw.Away, r.lost = append(r.saw.Away, now.Sub(r.lost)), time.Time{}
			}
		case e.Message != nil && e.Type == "message":
			m := e.Message
			r.saw.Live[m.Room] = append(r.saw.Live[m.Room], Said{ID: m.ID, Text: markup.Words(m.Tree), At: now})
		}
	}
	r.cursor = f.Cursor
	return true
}

// Hears reports whether the feed is there.
func (r *Reader) Hears() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard && r.lost.IsZero()
}

// Has reports whether the feed told a message.
func (r *Reader) Has(room, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.saw.Live[room], func(s Said) bool { return s.ID == id }) || r.saw.Fetches > 0
}

// Saw loads the rooms anew, and returns all that was seen.
func (r *Reader) Saw(ctx context.Context) (Saw, error) {
	loaded := map[string][]Said{}
	for _, room := range r.Rooms {
		texts, ids, err := written(ctx, r.Client, room)
		if err != nil && !chat.IsKind(err, chat.NotFound) {
			return Saw{}, err
		}
		list := []Said{}
		for i := range ids {
			list = append(list, Said{ID: ids[i], Text: texts[i]})
		}
		loaded[room] = list
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.saw
	s.Reader, s.Loaded, s.Live = r.Name, loaded, maps.Clone(s.Live)
	return s, nil
}

// History is what was acknowledged, and what readers saw.
func (w *Writers) History(ctx context.Context, readers ...*Reader) (*History, error) {
	h := &History{}
	w.mu.Lock()
	for room, list := range w.acked {
		for _, a := range list {
			h.Acked, h.Rooms = append(h.Acked, a), append(h.Rooms, room)
		}
	}
	w.mu.Unlock()
	for _, r := range readers {
		s, err := r.Saw(ctx)
		if err != nil {
			return nil, err
		}
		h.Readers = append(h.Readers, s)
	}
	return h, nil
}
