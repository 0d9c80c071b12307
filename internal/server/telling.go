package server

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// watchers says who is there now: the feed knows.
type watchers interface {
	// present reports whether somebody is at one of their devices.
	present(user chat.UserID) bool
	// reading reports whether a room is shown on a device that somebody is at.
	reading(user chat.UserID, room chat.RoomID) bool
	// tell shows something on the open pages of somebody.
	tellPerson(user chat.UserID, told api.Told)
}

// teller tells people of messages: at once on their open pages and by push,
// and by mail of what they missed.
type teller struct {
	server   *Server
	there    watchers
	audience chat.Audience
	pushes   chan pushed
	again    time.Duration // before a push is tried again
	born     chat.Position // of the log when the server started: what is older is not pushed

	mu      sync.Mutex
	pending map[chat.UserID]*pending
	marked  chat.Position // of the bookmark
	problem string        // of mail, for the overview
}

// pending is what somebody may have missed.
type pending struct {
	messages []chat.MessageID
	since    time.Time // when they were last there, or the oldest came
	tries    int
}

const (
	tellAtOnce    = 500
	mostPending   = 200            // messages of one person that a mail counts
	tellYoung     = 24 * time.Hour // older messages are told to nobody
	pushYoung     = 5 * time.Minute
	mostText      = 300 // characters of a message in a notification
	pushesWaiting = 2000
	pushesAtOnce  = 8
	mailBookmark  = "mail"
)

func newTeller(s *Server) *teller {
	t := &teller{server: s, there: s.hub, pushes: make(chan pushed, pushesWaiting), pending: map[chat.UserID]*pending{}, again: pushPause}
	if s.Away > 0 {
		t.again = s.Away / 10
	}
	t.audience = chat.Audience{Service: s.Service, Present: func(u chat.UserID) bool { return t.there.present(u) }}
	return t
}

// Run tells until ctx ends.
func (t *teller) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.follow(ctx) })
	g.Go(func() error { return t.mails(ctx) })
	for range pushesAtOnce {
		g.Go(func() error { return t.sendPushes(ctx) })
	}
	return g.Wait()
}

// follow reads the log from where mail was told of last.
func (t *teller) follow(ctx context.Context) error {
	s := t.server
	var at chat.Position
	for {
		mark, h, err := s.Service.Bookmark(ctx, mailBookmark)
		if err == nil {
			if at, t.born = mark, h.Pos; mark == 0 {
				at = h.Pos
			}
			t.mu.Lock()
			t.marked = mark
			t.mu.Unlock()
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		s.Log.Error("find out what was told", "err", err)
		if !pause(ctx, retryAfter) {
			return nil
		}
	}
	for {
		bell := s.Service.Store.Doorbell()
		next, err := t.read(ctx, at)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.Log.Error("tell people of messages", "err", err)
			if !pause(ctx, retryAfter) {
				return nil
			}
			continue
		case next != at:
			at = next
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-bell:
		}
	}
}

// read takes in what is new in the log, and returns how far it came.
func (t *teller) read(ctx context.Context, at chat.Position) (next chat.Position, err error) {
	var changes []chat.Change
	var state chat.State
	err = t.server.Service.Store.View(ctx, func(r chat.Reader) error {
		h, err := r.Head()
		if err != nil {
			return err
		}
		if state = h.State; h.Pos < at { // the database was set back
			t.audience.Forget()
			next = h.Pos
			return nil
		}
		changes, next, err = r.Changes(at, tellAtOnce)
		return err
	})
	if err != nil {
		return at, err
	}
	if state == chat.Frozen {
		return at, nil // told when it is known where people go on
	}
	began := t.server.gate.began()
	for _, c := range changes {
		t.audience.Follow(c)
		m, ok := c.Object.(*chat.Message)
		if !ok || !chat.WrittenHere(m.ID) || time.Since(m.Sent.Std()) > tellYoung {
			continue
		}
		// What is written at the other place is told there, but for mails, which
		// this one sends if it has the turn when they are due.
		if err := t.message(ctx, c.Pos, m, state == chat.Open && c.Pos > began); err != nil {
			return at, err
		}
	}
	return next, nil
}

// message tells of one message: now, by a mail later, or both.
func (t *teller) message(ctx context.Context, pos chat.Position, m *chat.Message, atOnce bool) error {
	list, p, err := t.audience.Of(ctx, m)
	if err != nil || len(list) == 0 {
		return err
	}
	now := time.Now()
	first := chat.Position(0)
	for i := range list {
		h := &list[i]
		if t.there.reading(h.User.ID, m.Room) {
			continue
		}
		t.mu.Lock()
		if t.later(h, pos, m, now) {
			first = pos
		}
		t.mu.Unlock()
		if !atOnce || pos <= t.born || now.Sub(m.Sent.Std()) > pushYoung || h.QuietFor(now) {
			continue
		}
		told := t.toldOf(p, h, m)
		if h.Chosen.On(chat.PrefDesktop) {
			t.there.tellPerson(h.User.ID, told)
		}
		if h.Chosen.On(chat.PrefPush) && !h.Present {
			t.push(pushed{h.User.ID, told})
		}
	}
	if first != 0 {
		t.mark(ctx, first-1)
	}
	return nil
}

// later notes what a mail may tell, and reports whether it is the first of
// all that wait.
func (t *teller) later(h *chat.Heard, pos chat.Position, m *chat.Message, now time.Time) bool {
	if !h.Chosen.On(chat.PrefMail) || h.User.Email == "" {
		return false
	}
	empty := len(t.pending) == 0
	p := t.pending[h.User.ID]
	if p == nil {
		p = &pending{since: now}
		if sent := m.Sent.Std(); sent.Before(now) {
			p.since = sent
		}
		t.pending[h.User.ID] = p
	}
	if h.Present {
		p.since = now
	}
	if len(p.messages) < mostPending {
		p.messages = append(p.messages, m.ID)
	}
	return empty
}

// mark keeps up to where everything was told, so that the next start goes on
// there. It is written only when something begins to wait, or nothing does any
// more.
func (t *teller) mark(ctx context.Context, at chat.Position) {
	t.mu.Lock()
	known := t.marked
	t.mu.Unlock()
	if at <= known {
		return
	}
	err := t.server.Service.SetBookmark(ctx, mailBookmark, at)
	if err != nil {
		if !chat.IsKind(err, chat.Unavailable) && ctx.Err() == nil {
			t.server.Log.Error("note what was told", "err", err)
		}
		return
	}
	t.mu.Lock()
	t.marked = at
	t.mu.Unlock()
}

// toldOf is what somebody reads of a message in a notification.
func (t *teller) toldOf(p *chat.Roster, h *chat.Heard, m *chat.Message) api.Told {
	told := api.Told{Room: m.Room.String(), Message: m.ID.String(), Why: string(h.Why), Title: authorOf(p, m, lettersFor(h.Chosen)), Sound: h.Chosen.On(chat.PrefSound)}
	if room := p.Rooms[m.Room]; room != nil && room.Name != "" && h.Why != chat.WhyDirect {
		told.Title += " · " + room.Name
	}
	if h.Chosen.On(chat.PrefPreview) {
		told.Text = textOf(m)
	} else {
		told.Title = t.server.place(p)
	}
	return told
}

func authorOf(p *chat.Roster, m *chat.Message, words *letterWords) string {
	if u := p.Users[p.Root(m.Author)]; u != nil && u.Name != "" {
		return u.Name
	}
	if m.Label != "" {
		return m.Label
	}
	return words.somebody
}

// textOf is the beginning of a message, in one line.
func textOf(m *chat.Message) string {
	text := strings.Join(strings.Fields(markup.Words(markup.Tree(m.Format, m.Text, markup.Options{}))), " ")
	if utf8.RuneCountInString(text) > mostText {
		text = string([]rune(text)[:mostText]) + "…"
	}
	if text == "" && len(m.Files) > 0 {
		text = "📎"
	}
	return text
}
