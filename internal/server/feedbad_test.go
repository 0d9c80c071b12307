package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

func (e *ear) say(said any) {
	e.w.t.Helper()
	data, err := json.Marshal(said)
	e.w.must(err)
	e.w.must(e.conn.Write(context.Background(), websocket.MessageText, data))
}

// narrow makes connections that take little before somebody reads.
func narrow(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		err = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	return c, err
}

func TestAClientThatNeverReadsIsCutOffAndCostsNobodyElseAnything(t *testing.T) {
	w := sqlite(t)
	s, err := w.as("owner").Start(t.Context())
	w.must(err)
	deaf := w.as("owner")
	deaf.HTTP.Transport = &http.Transport{DialContext: narrow}
	conn, _, err := w.dial(deaf, s.Cursor, nil, "open")
	w.must(err)
	good := w.ears("member")
	c := w.as("member")
	text := strings.Repeat("the tide is rising 潮が満ちる。", 350) // 10 MB in all: more than the buffers of systems hold
	slowest := time.Duration(0)
	const posts = 800
	for i := range posts {
		from := time.Now()
		_, err := c.Post(t.Context(), w.roomID("open"), text+strconv.Itoa(i), nonce())
		w.must(err)
		good.text(text + strconv.Itoa(i))
		slowest = max(slowest, time.Since(from))
	}
	if slowest > 8*time.Second { // a write to the one that is deaf is given up after ten
		t.Errorf("a message took %s to somebody who reads", slowest)
	}
	// It was told to come back, if it ever reads on; at any rate it is cut off
	// before it has all.
	e := &ear{w: w, conn: conn, raw: &strings.Builder{}}
	all, code := e.ended()
	if len(all) >= posts || code != api.FeedSlow && code != -1 {
		t.Errorf("it got %d messages, and was closed with %d", len(all), code)
	}
}

func TestServerThatEndsTellsClientsToComeBackOneAfterTheOther(t *testing.T) {
	w := sqlite(t)
	e := w.ears("member")
	w.end()
	conn := e.conn
	_, _, err := conn.Read(t.Context())
	var closed websocket.CloseError
	if !asClose(err, &closed) || closed.Code != api.FeedRestart {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(closed.Reason); err != nil || n < 1 {
		t.Errorf("they come back within %q seconds", closed.Reason)
	}
	w.serve(server.Config{Floods: true})
	w.say("open", "member", "after the restart")
	again := w.listen(w.as("member"), e.cursor)
	again.text("after the restart")
}

func asClose(err error, to *websocket.CloseError) bool {
	code := websocket.CloseStatus(err)
	if code == -1 {
		return false
	}
	*to = websocket.CloseError{Code: code}
	if _, reason, ok := strings.Cut(err.Error(), `reason = "`); ok {
		to.Reason, _, _ = strings.Cut(reason, `"`)
	}
	return true
}

func TestWhatCannotBeUnderstoodEndsTheFeed(t *testing.T) {
	w := sqlite(t)
	for name, data := range map[string]string{"no JSON": "hello", "another type": `{"type":1}`, "an array": `[]`, "much too much": `{"type":"` + strings.Repeat("x", 8<<10) + `"}`} {
		e := w.ears("member")
		w.must(e.conn.Write(t.Context(), websocket.MessageText, []byte(data)))
		if _, code := e.ended(); code != api.FeedPolicy && code != int(websocket.StatusMessageTooBig) {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	t.Run("and so does saying too much", func(t *testing.T) {
		e := w.ears("member", "open")
		go func() {
			for range 2000 {
				if e.conn.Write(context.Background(), websocket.MessageText, []byte(`{"type":"typing","room":"`+w.roomID("open")+`"}`)) != nil {
					return
				}
			}
		}()
		if _, code := e.ended(); code != api.FeedPolicy {
			t.Errorf("closed with %d", code)
		}
	})
	t.Run("but not what is unknown, or about rooms that one may not know of", func(t *testing.T) {
		e, other := w.ears("outsider"), w.ears("member", "private")
		private := w.roomID("private")
		for _, said := range []any{
			api.Said{Type: "dance"}, api.Said{Type: "typing", Room: private}, api.Said{Type: "typing", Room: "x"}, api.Said{Type: "read", Room: private, Time: 1 << 60},
			api.Said{Type: "open", Rooms: []string{private, private, "x", w.roomID("direct")}}, api.Said{Type: "read", Room: w.roomID("open"), Time: -5},
		} {
			e.say(said)
		}
		w.say("private", "member", "not for them")
		w.say("open", "member", "for all")
		_ = other.text("not for them")
		w.put(&chat.User{ID: chat.UserID(key("user", "n")), Name: "n", Role: chat.RoleMember})
		for _, v := range e.until(func(v api.Event) bool { return v.Type == "person" }) {
			if v.Type == "message" {
				t.Errorf("they heard %+v", v.Message)
			}
		}
		for _, v := range other.until(func(v api.Event) bool { return v.Type == "person" }) {
			if v.Type == "typing" {
				t.Errorf("one who may not write there is said to write: %+v", v)
			}
		}
	})
}

func TestOneWhoWritesTooMuchIsToldToWait(t *testing.T) {
	w := sqlite(t)
	w.serve(server.Config{})
	c := w.as("member")
	post := func(room, nonce string) *http.Response {
		req, _ := http.NewRequest(http.MethodPost, w.url+"/api/v1/rooms/"+room+"/messages", strings.NewReader(`{"text":"flood","nonce":"`+nonce+`"}`))
		resp, err := c.HTTP.Do(req)
		if err != nil {
			t.Error(err)
			return nil
		}
		resp.Body.Close()
		return resp
	}
	first := post(w.roomID("open"), "flood-nonce")
	if first == nil || first.StatusCode != http.StatusOK || first.Header.Get("RateLimit") == "" || first.Header.Get("RateLimit-Policy") == "" {
		t.Fatalf("nothing says how much is left: %+v", first)
	}
	// What is refused for another reason counts, and is quick even where the
	// machine is slow.
	var refused atomic.Pointer[http.Response]
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := 0; i < 500 && refused.Load() == nil && !t.Failed(); i++ {
				if resp := post("00000000-0000-7000-8000-000000000000", "flood-nonce"); resp != nil && resp.StatusCode == http.StatusTooManyRequests {
					refused.Store(resp)
				}
			}
		})
	}
	wg.Wait()
	if last := refused.Load(); last == nil || last.Header.Get("Retry-After") == "" {
		t.Fatalf("%+v", last)
	}
	if _, err := w.as("owner").Post(t.Context(), w.roomID("open"), "somebody else", nonce()); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := c.Start(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
}

func TestAClockThatIsWrongHarmsNobody(t *testing.T) {
	w := sqlite(t)
	c, e := w.as("member"), w.ears("member")
	m, err := w.as("owner").Post(t.Context(), w.roomID("open"), "now", nonce())
	w.must(err)
	if off := time.Since(chat.Time(m.Sent).Std()); off < -time.Second || off > time.Minute {
		t.Errorf("sent %s ago", off)
	}
	for name, body := range map[string]string{"a time": `{"text":"x","nonce":"nonce-0001","sent":1}`, "an ID": `{"text":"x","nonce":"nonce-0001","id":"00000000-0000-7000-8000-000000000001"}`, "an author": `{"text":"x","nonce":"nonce-0001","author":"x"}`} {
		var in json.RawMessage = []byte(body)
		if err := c.Do(t.Context(), http.MethodPost, "rooms/"+w.roomID("open")+"/messages", in, nil); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	// A mark in the future, of a client that believes to be there, is one of now:
	// what comes after it is unread.
	e.say(api.Said{Type: "read", Room: w.roomID("open"), Time: int64(chat.TimeOf(time.Now().Add(5 * time.Hour)))})
	if got := e.next("read"); got.Read > int64(chat.TimeOf(time.Now())) || got.Unread != 0 {
		t.Errorf("%+v", got)
	}
	_, err = w.as("owner").Post(t.Context(), w.roomID("open"), "later", nonce())
	w.must(err)
	s, err := c.Start(t.Context())
	w.must(err)
	for _, r := range s.Rooms {
		if r.ID == w.roomID("open") && r.Unread != 1 {
			t.Errorf("%d unread", r.Unread)
		}
	}
	if off := time.Since(chat.Time(s.Now).Std()); off < -time.Second || off > time.Minute {
		t.Errorf("the server's clock is said to be %s off", off)
	}
}

func TestAnImportIntoAPlaceInUseIsNoNews(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		e, owner := w.ears("member", "open"), w.as("owner")
		from := e.cursor
		state, err := w.db.Begin(t.Context(), chat.MoveSpec{Name: "flood", Source: "elsewhere", Artefact: "1"})
		w.must(err)
		const batches, atOnce = 12, 1000
		cursor := ""
		for b := range batches {
			batch := chat.Batch{Move: "flood", Fence: state.Fence, From: cursor, To: strconv.Itoa(b), Done: b == batches-1}
			for i := range atOnce {
				sent := start + chat.Time(b*atOnce+i)*second
				id := chat.MessageID(chat.DeriveKey(sent, "elsewhere", "message", fmt.Sprint(b*atOnce+i)))
				batch.Items = append(batch.Items, chat.Incoming{Object: &chat.Message{ID: id, Room: w.rooms["open"].ID, Author: w.users["owner"].ID, Sent: sent, Text: "flood"}})
			}
			_, err := w.db.Apply(t.Context(), batch)
			w.must(err)
			cursor = batch.To
		}
		_, err = owner.Post(t.Context(), w.roomID("open"), "in the middle of it", nonce())
		w.must(err)
		heard := e.text("in the middle of it")
		isHistory := func(v api.Event) bool { return v.Type == "history" }
		if !slices.ContainsFunc(heard, isHistory) { // it is told every now and then, before or after
			heard = append(heard, e.until(isHistory)...)
		}
		for _, v := range heard {
			if v.Type == "message" || v.Type == "afresh" || v.Type == "history" && v.ID != w.roomID("open") {
				t.Fatalf("they heard %+v", v)
			}
		}
		s, err := w.as("member").Start(t.Context())
		w.must(err)
		for _, r := range s.Rooms {
			if r.ID == w.roomID("open") && r.Unread != 1 {
				t.Errorf("%d unread", r.Unread)
			}
		}
		t.Run("one who was away is told that history was filled in, and no more", func(t *testing.T) {
			again := w.listen(w.as("member"), from, "open")
			all := again.until(func(v api.Event) bool { return v.Type == "message" })
			if len(all) != 2 || all[0].Type != "history" {
				t.Errorf("%+v", all)
			}
		})
		t.Run("what is changed here afterwards is news", func(t *testing.T) {
			id := chat.DeriveKey(start, "elsewhere", "message", "0")
			m := w.message(id.String())
			m.Text, m.Edited = "flood no more", m.Sent+1
			w.put(m)
			e.text("flood no more")
		})
	})
}

func TestWhoIsThereAndWhoWrites(t *testing.T) {
	w := sqlite(t)
	member := w.ears("member", "private")
	local := w.ears("local", "private")
	local.say(api.Said{Type: "active", On: true})
	me := w.users["local"].ID.String()
	is := func(e *ear, want string) {
		t.Helper()
		e.until(func(v api.Event) bool { return v.Type == "presence" && v.People[me] == want })
	}
	is(member, "online")
	t.Run("any device counts", func(t *testing.T) {
		second := w.ears("local")
		second.say(api.Said{Type: "active", On: true})
		local.say(api.Said{Type: "active"})
		second.say(api.Said{Type: "active"})
		is(member, "away")
		second.say(api.Said{Type: "active", On: true})
		is(member, "online")
		_ = second.conn.CloseNow()
		is(member, "away")
	})
	t.Run("one who comes later is told who is there", func(t *testing.T) {
		s, err := w.as("owner").Start(t.Context())
		w.must(err)
		conn, _, err := w.dial(w.as("owner"), s.Cursor, nil)
		w.must(err)
		e := &ear{w: w, conn: conn, raw: &strings.Builder{}}
		if got := e.next("presence"); !got.Whole || got.People[me] != "away" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a guest is told only of those whom they know", func(t *testing.T) {
		guest := w.ears("guest")
		if strings.Contains(guest.raw.String(), me) {
			t.Errorf("the guest hears of %s", guest.raw)
		}
	})
	t.Run("writing is told to those who look, not to oneself", func(t *testing.T) {
		local.say(api.Said{Type: "typing", Room: w.roomID("private")})
		if got := member.next("typing"); got.ID != w.roomID("private") || got.Who != me {
			t.Errorf("%+v", got)
		}
		w.say("private", "member", "ping")
		for _, v := range local.text("ping") {
			if v.Type == "typing" {
				t.Errorf("%+v", v)
			}
		}
	})
	t.Run("@here calls those who are there", func(t *testing.T) {
		local.say(api.Said{Type: "active", On: true})
		is(member, "online")
		m, err := w.as("member").Post(t.Context(), w.roomID("private"), "@here the scope is up", nonce())
		w.must(err)
		if m.Everyone != "here" || len(m.Calls) != 1 || m.Calls[0] != me {
			t.Errorf("%+v", m)
		}
		s, err := w.as("local").Start(t.Context())
		w.must(err)
		for _, r := range s.Rooms {
			if r.ID == w.roomID("private") && r.Mentions != 1 {
				t.Errorf("%d mentions", r.Mentions)
			}
		}
	})
}

func TestTooManyWindowsOfOnePersonAreRefused(t *testing.T) {
	w := sqlite(t)
	for range 50 {
		w.ears("member")
	}
	c := w.as("member")
	_, resp, err := w.dial(c, "", nil)
	if err == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the next one: %v", err)
	}
	if _, _, err := w.dial(w.as("owner"), "", nil); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

func TestAFeedIsNoPage(t *testing.T) {
	w := sqlite(t)
	resp, body := w.get(w.as("member"), "/api/v1/feed?"+url.Values{"cursor": {"x"}}.Encode())
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
