package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// ear is a client that listens to the feed.
type ear struct {
	w      *world
	conn   *websocket.Conn
	cursor string
	heard  []api.Event // not yet asked for
	raw    *strings.Builder
}

// dial opens a feed; open are names of rooms that it shows.
func (w *world) dial(c *api.Client, cursor string, header http.Header, open ...string) (*websocket.Conn, *http.Response, error) {
	ids := make([]string, len(open))
	for i, name := range open {
		ids[i] = w.roomID(name)
	}
	return w.dialWith(c, cursor, header, ids)
}

func (w *world) dialTo(c *api.Client, cursor string, open ...string) (*websocket.Conn, *http.Response, error) {
	return w.dialWith(c, cursor, nil, open)
}

func (w *world) dialWith(c *api.Client, cursor string, header http.Header, open []string) (*websocket.Conn, *http.Response, error) {
	q := url.Values{"cursor": {cursor}, "open": open}
	conn, resp, err := websocket.Dial(context.Background(), w.url+"/api/v1/feed?"+q.Encode(), &websocket.DialOptions{HTTPClient: c.HTTP, HTTPHeader: header})
	if err == nil {
		conn.SetReadLimit(8 << 20)
		w.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, resp, err
}

// listen opens the feed from a cursor, and waits until it has begun.
func (w *world) listen(c *api.Client, cursor string, open ...string) *ear {
	w.t.Helper()
	conn, _, err := w.dial(c, cursor, nil, open...)
	w.must(err)
	e := &ear{w: w, conn: conn, raw: &strings.Builder{}}
	first := e.until(func(v api.Event) bool { return v.Type == "presence" && v.Whole })
	e.heard = first[:len(first)-1]
	return e
}

// ears opens the feed of somebody from now on.
func (w *world) ears(who string, open ...string) *ear {
	w.t.Helper()
	c := w.as(who)
	s, err := c.Start(context.Background())
	w.must(err)
	return w.listen(c, s.Cursor, open...)
}

func (e *ear) frame() (f api.Frame, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, data, err := e.conn.Read(ctx)
	if err != nil {
		return f, err
	}
	e.raw.Write(data)
	if err := json.Unmarshal(data, &f); err != nil {
		return f, err
	}
	e.cursor = f.Cursor
	return f, nil
}

// until returns all events up to the one that is looked for.
func (e *ear) until(is func(api.Event) bool) (all []api.Event) {
	e.w.t.Helper()
	for {
		for i, v := range e.heard {
			if all = append(all, v); is(v) {
				e.heard = e.heard[i+1:]
				return all
			}
		}
		f, err := e.frame()
		if err != nil {
			e.w.t.Fatalf("%v; heard %+v", err, all)
		}
		e.heard = f.Events
	}
}

// next waits for the next event of a type.
func (e *ear) next(typ string) api.Event {
	e.w.t.Helper()
	all := e.until(func(v api.Event) bool { return v.Type == typ })
	return all[len(all)-1]
}

// text waits for a message with a text, and returns all that came before it.
func (e *ear) text(text string) (before []api.Event) {
	e.w.t.Helper()
	all := e.until(func(v api.Event) bool {
		return v.Type == "message" && strings.Contains(strings.Join(words([]api.Message{*v.Message}), ""), text)
	})
	return all[:len(all)-1]
}

// ended waits for the end of the feed.
func (e *ear) ended() (all []api.Event, code int) {
	e.w.t.Helper()
	for {
		f, err := e.frame()
		if err != nil {
			return all, int(websocket.CloseStatus(err))
		}
		all = append(all, f.Events...)
	}
}

func TestFeedTellsWhatIsNew(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		member, owner := w.ears("member"), w.ears("owner", "open")
		m, err := w.as("owner").Post(t.Context(), w.roomID("open"), "hello **all**", nonce())
		w.must(err)
		if got := member.next("message").Message; got.ID != m.ID || got.Room != w.roomID("open") || len(got.Tree) == 0 {
			t.Errorf("%+v", got)
		}
		owner.text("hello")
		t.Run("an edit and a deletion are the message as it is now", func(t *testing.T) {
			edited := w.message(m.ID)
			edited.Text, edited.Edited = "hello some", edited.Sent+1
			w.put(edited)
			if got := member.next("message").Message; got.ID != m.ID || got.Edited == 0 {
				t.Errorf("%+v", got)
			}
			w.put(&chat.Message{ID: edited.ID, Room: edited.Room, Author: edited.Author, Sent: edited.Sent, Gone: true})
			if got := member.next("message").Message; !got.Gone || len(got.Tree) > 0 {
				t.Errorf("%+v", got)
			}
		})
		t.Run("a file that arrives later draws its message anew", func(t *testing.T) {
			f := w.attach("open", "later.txt", []byte("bytes"))
			for {
				got := member.next("message").Message
				if len(got.Files) == 1 && got.Files[0].ID == f.ID.String() && !got.Files[0].Missing {
					break
				}
			}
		})
		t.Run("people, pictures and the place", func(t *testing.T) {
			u := *w.users["outsider"]
			u.Title = "Warden"
			w.put(&u)
			if got := member.next("person").Person; got.Title != "Warden" {
				t.Errorf("%+v", got)
			}
			w.put(&chat.Setting{Name: chat.SettingName, Value: "Mudflats"})
			if got := member.next("place").Place; got.Name != "Mudflats" || got.State != "open" {
				t.Errorf("%+v", got)
			}
			_, err := w.db.SetState(t.Context(), chat.Open, chat.Frozen)
			w.must(err)
			if got := member.next("place").Place; got.State != "frozen" {
				t.Errorf("%+v", got)
			}
			_, err = w.db.SetState(t.Context(), chat.Frozen, chat.Open)
			w.must(err)
		})
	})
}

func (w *world) message(id string) *chat.Message {
	w.t.Helper()
	key, err := chat.ParseID[chat.Message](id)
	w.must(err)
	var m *chat.Message
	w.must(w.db.View(context.Background(), func(r chat.Reader) (err error) {
		m, err = chat.Get[chat.Message](r, key)
		return err
	}))
	return m
}

func TestFeedGoesOnWhereItEnded(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		e := w.ears("member")
		c := w.as("owner")
		_, err := c.Post(t.Context(), w.roomID("open"), "before the fall", nonce())
		w.must(err)
		e.text("before the fall")
		_ = e.conn.CloseNow()
		m, err := c.Post(t.Context(), w.roomID("open"), "a first draft", nonce())
		w.must(err)
		_, err = c.Post(t.Context(), w.roomID("open"), "while nobody listened", nonce())
		w.must(err)
		edited := w.message(m.ID)
		edited.Text = "a second draft"
		w.put(edited)
		again := w.listen(w.as("member"), e.cursor)
		var got []string
		for _, v := range again.heard {
			if v.Type == "message" {
				got = append(got, words([]api.Message{*v.Message})...)
			}
		}
		if strings.Join(got, ", ") != "while nobody listened, a second draft" {
			t.Errorf("missed: %q", got)
		}
		t.Run("a cursor that means nothing here starts afresh", func(t *testing.T) {
			for name, cursor := range map[string]string{"none": "", "nonsense": "§%", "of another place": strings.Repeat("A", 54)} {
				conn, _, err := w.dial(w.as("member"), cursor, nil)
				w.must(err)
				all, code := (&ear{w: w, conn: conn, raw: &strings.Builder{}}).ended()
				if len(all) != 1 || all[0].Type != "afresh" || code != api.FeedSlow {
					t.Errorf("%s: %+v, %d", name, all, code)
				}
			}
		})
		t.Run("one who missed too much starts afresh", func(t *testing.T) {
			var many []chat.Object
			for range 2100 {
				w.n++
				sent := start + chat.Time(w.n)*second
				many = append(many, &chat.Message{ID: chat.MessageID(chat.NewKey(sent, [10]byte{byte(w.n), byte(w.n >> 8)})), Room: w.rooms["open"].ID, Sent: sent, Text: "x"})
			}
			w.put(many...)
			conn, _, err := w.dial(w.as("member"), e.cursor, nil)
			w.must(err)
			if all, code := (&ear{w: w, conn: conn, raw: &strings.Builder{}}).ended(); len(all) != 1 || all[0].Type != "afresh" || code != api.FeedSlow {
				t.Errorf("%+v, %d", all, code)
			}
		})
	})
}

func TestFeedTellsOfRoomsThatOneGainsAndLoses(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		outsider, member := w.ears("outsider"), w.ears("member", "private")
		in := &chat.Member{Room: w.rooms["private"].ID, User: w.users["outsider"].ID}
		w.put(in)
		if got := outsider.next("room").Room; got.ID != w.roomID("private") || !got.Member || got.Last == 0 {
			t.Errorf("%+v", got)
		}
		if got := member.next("member"); got.ID != w.roomID("private") || got.Who != w.users["outsider"].ID.String() || got.Gone {
			t.Errorf("%+v", got)
		}
		w.say("private", "member", "welcome")
		outsider.text("welcome")
		in.Gone = true
		w.put(in)
		w.say("private", "member", "they are gone")
		w.say("open", "member", "to all of you")
		if got := member.next("member"); !got.Gone {
			t.Errorf("%+v", got)
		}
		if got := outsider.next("drop"); got.ID != w.roomID("private") {
			t.Errorf("%+v", got)
		}
		w.put(&chat.Member{Room: w.rooms["open"].ID, User: w.users["outsider"].ID})
		w.say("open", "member", "the end")
		for _, v := range outsider.text("the end") {
			if v.Message != nil && v.Message.Room == w.roomID("private") {
				t.Errorf("after they were taken out they heard %+v", v.Message)
			}
		}
		t.Run("a room that is made private is dropped by those who are not in it and look at it", func(t *testing.T) {
			admin := w.ears("admin", "open")
			closed := *w.rooms["open"]
			closed.Type = chat.RoomPrivate
			w.put(&closed)
			if got := admin.next("drop"); got.ID != w.roomID("open") {
				t.Errorf("%+v", got)
			}
			w.say("open", "member", "among ourselves")
			w.say("openarchived", "member", "x")
			outsider.text("among ourselves")
			w.put(&chat.User{ID: chat.UserID(key("user", "new")), Name: "new", Role: chat.RoleMember})
			for _, v := range admin.until(func(v api.Event) bool { return v.Type == "person" }) {
				if v.Type == "message" {
					t.Errorf("they heard %+v", v.Message)
				}
			}
		})
	})
}

func TestFeedEndsWithTheSession(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		out, off, stays := w.ears("owner"), w.ears("outsider"), w.ears("member")
		_, err := w.service.EndSessions(t.Context(), chat.Operator(), w.users["owner"].ID)
		w.must(err)
		from := time.Now()
		if _, code := out.ended(); code != api.FeedEnded {
			t.Errorf("closed with %d", code)
		}
		u := *w.users["outsider"]
		u.Off = true
		w.put(&u)
		if _, code := off.ended(); code != api.FeedEnded {
			t.Errorf("closed with %d", code)
		}
		if took := time.Since(from); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		w.say("open", "member", "still here")
		stays.text("still here")
	})
}

func TestFeedIsForOurOwnPages(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for origin, may := range map[string]bool{"https://evil.example": false, w.url: true, "null": false} {
		conn, resp, err := w.dial(c, "", http.Header{"Origin": {origin}})
		if may != (err == nil) || !may && resp.StatusCode != http.StatusForbidden {
			t.Errorf("from %s: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
	_, resp, err := w.dial(api.NewClient(w.url), "", nil)
	if err == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: %v", err)
	}
}

func TestReadMarksAreInStepOnAllDevices(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		one, two := w.ears("member"), w.ears("member")
		owner := w.as("owner")
		room := func() api.Room {
			s, err := w.as("member").Start(t.Context())
			w.must(err)
			for _, r := range s.Rooms {
				if r.ID == w.roomID("open") {
					return r
				}
			}
			t.Fatal("the room is not there")
			return api.Room{}
		}
		if r := room(); r.Unread != 0 {
			t.Errorf("what was imported is unread: %d", r.Unread)
		}
		var last api.Message
		for _, text := range []string{"one", "two @member", "three", "@all four"} {
			var err error
			last, err = owner.Post(t.Context(), w.roomID("open"), text, nonce())
			w.must(err)
		}
		_, err := w.as("member").Post(t.Context(), w.roomID("open"), "my own @member", nonce())
		w.must(err)
		if r := room(); r.Unread != 4 || r.Mentions != 2 {
			t.Errorf("%d unread, %d mentions; want 4 and 2", r.Unread, r.Mentions)
		}
		w.must(w.as("member").Do(t.Context(), http.MethodPost, "rooms/"+w.roomID("open")+"/read", api.Read{Time: last.Sent}, nil))
		for _, e := range []*ear{one, two} {
			if got := e.next("read"); got.ID != w.roomID("open") || got.Read != last.Sent || got.Unread != 0 || got.Mentions != 0 || got.Last <= last.Sent {
				t.Errorf("%+v", got)
			}
		}
		if r := room(); r.Unread != 0 || r.Read != last.Sent {
			t.Errorf("%+v", r)
		}
	})
}
