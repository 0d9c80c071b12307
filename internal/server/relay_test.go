package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// moved carries all to the second place, and lets the first one retire.
func (c *couple) moved() {
	c.t.Helper()
	c.carry(c.from, c.to)
	c.retire()
	c.from.until(c.relays)
}

// relays reports whether the retired place has noticed that it is one: it
// refuses what was passed on too often.
func (c *couple) relays() bool {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.from.url+"/api/v1/start", nil)
	c.must(err)
	req.Header.Set("Godwit-Hops", "3")
	resp, err := http.DefaultClient.Do(req)
	c.must(err)
	resp.Body.Close() //nolint:errcheck // only read
	return resp.StatusCode == http.StatusLoopDetected
}

func TestAFeedGoesOnAtThePlaceThatFollowsWithoutBeginningAnew(t *testing.T) {
	c := pairUp(t)
	c.carry(c.from, c.to)
	member := c.from.as("member")
	e := c.from.ears("member", "open")
	first, err := member.Post(t.Context(), c.from.roomID("private"), "before the freeze", "nonce-before")
	c.must(err)
	e.text("before the freeze")
	c.moved()
	_, code := e.ended()
	if code != api.FeedRestart {
		t.Fatalf("the feed ended with %d", code)
	}
	// The same address, the same cursor.
	again := c.from.listen(member, e.cursor, "open")
	for _, v := range again.heard {
		if v.Type == "afresh" || v.Type == "message" {
			t.Errorf("%+v", v)
		}
	}
	m, err := member.Post(t.Context(), c.from.roomID("private"), "after the switch", "nonce-after")
	c.must(err)
	again.text("after the switch")
	if m.Sent <= first.Sent {
		t.Error("time went back")
	}
	// Whoever posts the same again, whose answer got lost, posts nothing.
	if same, err := member.Post(t.Context(), c.from.roomID("private"), "before the freeze", "nonce-before"); err != nil || same.ID != first.ID {
		t.Errorf("%v %v", same.ID, err)
	}
	if c.standing(c.to).State != chat.Open {
		t.Error("the other place did not open")
	}
}

func TestTheOtherPlaceAsksForItsTurnItself(t *testing.T) {
	c := pairUp(t)
	c.moved()
	comesTrue(t, "opening", func() bool { return c.standing(c.to).State == chat.Open })
}

func TestAnUploadBegunBeforeTheSwitchGoesOnAfterIt(t *testing.T) {
	c := pairUp(t)
	ctx := t.Context()
	member := c.from.as("member")
	data := bytes.Repeat([]byte("a tidal flat "), 100_000)
	half := len(data) / 2
	u := c.from.began(member, "flats.txt", int64(len(data)))
	part := func(from, to int) error {
		u.Offset = int64(from)
		_, err := member.UploadPart(ctx, u, bytes.NewReader(data[from:to]))
		return err
	}
	c.must(part(0, half))
	whole := c.from.upload(member, "whole.txt", data[:1000])
	c.carry(c.from, c.to)
	c.freeze(time.Minute)
	if err := part(half, half+10); err != nil {
		t.Errorf("parts do not arrive during the freeze: %v", err)
	}
	c.moved()
	half += 10
	var now api.Upload
	c.must(member.Do(ctx, http.MethodGet, "uploads/"+u.ID, nil, &now))
	if now.Offset != int64(half) {
		t.Fatalf("%d bytes are there, not %d", now.Offset, half)
	}
	c.must(part(half, len(data)))
	if _, err := finish(member, u); err != nil {
		t.Fatal(err)
	}
	m, err := member.PostFiles(ctx, c.from.roomID("open"), "both", "nonce-of-both", u.ID, whole.ID)
	c.must(err)
	for i, want := range [][]byte{data, data[:1000]} {
		if resp, body := c.from.get(member, m.Files[i].URL); resp.StatusCode != 200 || !bytes.Equal(body, want) {
			t.Errorf("%d: %d, %d bytes", i, resp.StatusCode, len(body))
		}
	}
	t.Run("somebody else's is not taken over", func(t *testing.T) {
		other := c.from.as("local")
		kind(t, "another's", other.Do(ctx, http.MethodGet, "uploads/"+whole.ID, nil, nil), chat.NotFound)
	})
}

func TestOnlyTheOtherPlaceCanVouch(t *testing.T) {
	c := pairUp(t)
	c.moved()
	member := c.from.as("member")
	now := chat.TimeOf(time.Now())
	st := c.standing(c.from)
	good := chat.Vouch{At: now, Method: "GET", Path: "/api/v1/start", From: "192.0.2.7", Host: "old.example.org"}
	make := func(v chat.Vouch) string {
		text, err := c.ruleFrom.Vouch(&st, v)
		c.must(err)
		return text
	}
	ask := func(text string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.to.url+"/api/v1/start", nil)
		c.must(err)
		req.Header.Set("Godwit-Vouch", text)
		resp, err := member.HTTP.Do(req)
		c.must(err)
		return resp.StatusCode
	}
	if got := ask(make(good)); got != 200 && got != 401 { // cookies do not go by port
		t.Errorf("a good one: %d", got)
	}
	old, other, nowhere := good, good, good
	old.At = now - chat.Time(10*time.Minute/time.Microsecond)
	other.Path = "/api/v1/rooms"
	nowhere.From = "nowhere"
	raw, err := base64.RawURLEncoding.DecodeString(make(good))
	c.must(err)
	var forged chat.Vouch
	c.must(json.Unmarshal(raw, &forged))
	forged.From = "198.51.100.1"
	text, err := json.Marshal(forged)
	c.must(err)
	own, err := c.ruleTo.Vouch(new(c.standing(c.to)), good)
	c.must(err)
	for what, bad := range map[string]string{
		"too old": make(old), "of another request": make(other), "of no address": make(nowhere), "forged": base64.RawURLEncoding.EncodeToString(text),
		"no word at all": "%%%", "its own word": own,
	} {
		if got := ask(bad); got != http.StatusForbidden {
			t.Errorf("%s: %d", what, got)
		}
	}
	t.Run("who is nobody's other place is asked nothing", func(t *testing.T) {
		for _, path := range []string{"greet", "uploads/" + c.from.roomID("open"), "uploads/" + c.from.roomID("open") + "/bytes"} {
			method := http.MethodGet
			if path == "greet" {
				method = http.MethodPost
			}
			req, err := http.NewRequestWithContext(t.Context(), method, c.to.url+"/api/v1/pair/"+path, strings.NewReader("{}"))
			c.must(err)
			resp, err := http.DefaultClient.Do(req)
			c.must(err)
			resp.Body.Close() //nolint:errcheck // only read
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	})
}

func TestLimitsCountPeopleAndNotTheRelay(t *testing.T) {
	c := pairUp(t, func(conf *server.Config) { conf.Proxies = nil })
	c.moved()
	try := func(from string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.from.url+"/api/v1/session", strings.NewReader(`{"login":"member","password":"wrong"}`))
		c.must(err)
		req.Header.Set("X-Forwarded-For", from) // this machine is a proxy that is known
		resp, err := http.DefaultClient.Do(req)
		c.must(err)
		resp.Body.Close() //nolint:errcheck // only read
		return resp.StatusCode
	}
	// A slow machine checks passwords about as slowly as tries come back.
	got := 0
	for n := 0; n < 100 && got != http.StatusTooManyRequests; n++ {
		got = try("192.0.2.7")
	}
	if got != http.StatusTooManyRequests {
		t.Errorf("after a hundred tries: %d", got)
	}
	if got = try("198.51.100.9"); got != http.StatusUnauthorized {
		t.Errorf("somebody else: %d", got)
	}
}

func TestRequestsDoNotGoInCircles(t *testing.T) {
	c := pairUp(t)
	c.moved()
	for hops, want := range map[string]int{"2": http.StatusUnauthorized, "3": http.StatusLoopDetected, "-1": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.from.url+"/api/v1/start", nil)
		c.must(err)
		req.Header.Set("Godwit-Hops", hops)
		resp, err := http.DefaultClient.Do(req)
		c.must(err)
		resp.Body.Close() //nolint:errcheck // only read
		if resp.StatusCode != want {
			t.Errorf("after %s places: %s", hops, resp.Status)
		}
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	for what, hold := range map[string]server.Hold{
		"in number": {Requests: 3, Time: time.Minute}, "in bytes": {Bytes: 300, Time: time.Minute}, "in time": {Time: 50 * time.Millisecond},
	} {
		t.Run(what, func(t *testing.T) {
			c := pairUp(t, func(conf *server.Config) { conf.Hold = hold })
			member := c.from.as("member")
			c.freeze(time.Minute)
			codes := make(chan *http.Response, 8)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					body := `{"text":"` + strings.Repeat("x", 50) + `","nonce":"nonce-number-` + string(rune('a'+i)) + `"}`
					resp, err := member.HTTP.Post(c.from.url+"/api/v1/rooms/"+c.from.roomID("open")+"/messages", "application/json", strings.NewReader(body)) //nolint:noctx,bodyclose // closed below
					if err != nil {
						t.Error(err)
						return
					}
					codes <- resp
				})
			}
			most := 8
			if hold.Requests > 0 || hold.Bytes > 0 {
				most = 5 // with 86 bytes each, three fit into 300
			}
			refused := 0
			for refused < most {
				resp := <-codes
				if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
					t.Errorf("%s, %q", resp.Status, resp.Header.Get("Retry-After"))
				}
				resp.Body.Close() //nolint:errcheck // only read
				refused++
			}
			if got := c.from.server.Load().Held; got > 8-most {
				t.Errorf("%d are held", got)
			}
			c.freeze(0)
			wg.Wait()
			close(codes)
			for resp := range codes {
				if resp.StatusCode != http.StatusOK {
					t.Errorf("one that waited: %s", resp.Status)
				}
				resp.Body.Close() //nolint:errcheck // only read
			}
		})
	}
}

func TestReadingGoesOnDuringAFreeze(t *testing.T) {
	c := pairUp(t)
	member := c.from.as("member")
	e := c.from.ears("member", "open")
	c.freeze(time.Minute)
	if v := e.until(func(v api.Event) bool { return v.Type == "place" && v.Place.State == "frozen" }); v == nil {
		t.Error("nobody is told")
	}
	if _, err := member.Start(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := member.History(t.Context(), c.from.roomID("open"), "", 10); err != nil {
		t.Error(err)
	}
}

func TestALeaseThatRunsOutLetsPostsThrough(t *testing.T) {
	c := pairUp(t)
	member := c.from.as("member")
	c.freeze(300 * time.Millisecond)
	if _, err := member.Post(t.Context(), c.from.roomID("open"), "after the lease", "nonce-of-lease"); err != nil {
		t.Error(err)
	}
}

func TestPeopleAreHandedOverToANewName(t *testing.T) {
	c := pairUp(t, func(conf *server.Config) { conf.Address = "http://new.example.org" })
	c.moved()
	member := c.from.as("member")
	start, err := member.Start(t.Context())
	c.must(err)
	if start.Moved != "http://new.example.org" {
		t.Fatalf("%q", start.Moved)
	}
	var h api.Handover
	c.must(member.Do(t.Context(), http.MethodPost, "session/handover", struct{}{}, &h))
	if h.Address != "http://new.example.org" || h.Code == "" {
		t.Fatalf("%+v", h)
	}
	fresh := api.NewClient(c.to.url)
	var in api.SignedIn
	c.must(fresh.Do(t.Context(), http.MethodPut, "session/handover", api.UseHandover{Code: h.Code}, &in))
	if in.ID != start.Me.ID {
		t.Errorf("%+v", in)
	}
	if at, err := fresh.Start(t.Context()); err != nil || at.Me.ID != start.Me.ID || at.Moved != "" {
		t.Errorf("%+v %v", at.Me, err)
	}
	t.Run("a code is good once", func(t *testing.T) {
		err := api.NewClient(c.to.url).Do(t.Context(), http.MethodPut, "session/handover", api.UseHandover{Code: h.Code}, nil)
		kind(t, "again", err, chat.Unknown)
	})
	t.Run("who is signed in stays who they are", func(t *testing.T) {
		local := c.to.as2("local")
		var same api.SignedIn
		c.must(member.Do(t.Context(), http.MethodPost, "session/handover", struct{}{}, &h))
		c.must(local.Do(t.Context(), http.MethodPut, "session/handover", api.UseHandover{Code: h.Code}, &same))
		if same.ID == start.Me.ID {
			t.Error("signed in as somebody else by a link")
		}
	})
	t.Run("who came by the present name needs none", func(t *testing.T) {
		kind(t, "at the new name", fresh.Do(t.Context(), http.MethodPost, "session/handover", struct{}{}, nil), chat.Conflict)
	})
	t.Run("what is no code is refused", func(t *testing.T) {
		for _, code := range []string{"", "x", base64.RawURLEncoding.EncodeToString([]byte("sealed by nobody"))} {
			kind(t, code, api.NewClient(c.to.url).Do(t.Context(), http.MethodPut, "session/handover", api.UseHandover{Code: code}, nil), chat.Unknown)
		}
	})
}

// as2 signs somebody in who came here by a move.
func (w *world) as2(name string) *api.Client {
	w.t.Helper()
	c := api.NewClient(w.url)
	_, err := c.SignIn(context.Background(), name, password)
	w.must(err)
	return c
}

func TestAPlaceThatIsBeingFilledIsShownToThoseWhoWereAsked(t *testing.T) {
	c := pairUp(t)
	c.must(c.from.service.SetSetting(t.Context(), chat.Operator(), chat.SettingTesters, "LOCAL@example.org, @outsider"))
	c.carry(c.from, c.to)
	var first api.First
	c.must(api.NewClient(c.to.url).Do(t.Context(), http.MethodGet, "first", nil, &first))
	if first.Empty || !first.Arriving {
		t.Errorf("%+v", first)
	}
	for _, who := range []string{"owner", "admin", "local", "outsider"} {
		one := c.to.as2(who)
		if start, err := one.Start(t.Context()); err != nil || start.State != "receiving" {
			t.Errorf("%s: %q %v", who, start.State, err)
		}
		_, err := one.Post(t.Context(), c.from.roomID("open"), "does not last", "nonce-of-"+who)
		kind(t, who+" writes", err, chat.Unavailable)
	}
	_, err := api.NewClient(c.to.url).SignIn(t.Context(), "member", password)
	kind(t, "who was not asked", err, chat.Unavailable)
	// What they did is no part of the move.
	c.moved()
	if _, err := c.from.as("member").Start(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnAnnouncementReachesEverybody(t *testing.T) {
	w := sqlite(t)
	e := w.ears("member")
	owner := w.as("owner")
	c := map[string]string{chat.SettingAnnouncement: "We move on Saturday.", chat.SettingAnnouncementAt: "2026-11-28T20:00:00Z"}
	w.must(owner.Do(t.Context(), http.MethodPatch, "admin/settings", api.SettingsChange{Values: c}, nil))
	all := e.until(func(v api.Event) bool {
		return v.Type == "place" && v.Place.Announcement != nil && v.Place.Announcement.At != 0
	})
	a := all[len(all)-1].Place.Announcement
	if a.Text != "We move on Saturday." || a.At != time.Date(2026, 11, 28, 20, 0, 0, 0, time.UTC).UnixMicro() || a.ID == "" {
		t.Errorf("%+v", a)
	}
	member := w.as("member")
	start, err := member.Start(t.Context())
	w.must(err)
	if start.Announcement == nil || *start.Announcement != *a {
		t.Errorf("%+v", start.Announcement)
	}
	w.must(member.Do(t.Context(), http.MethodPatch, "account/preferences", map[string]any{"values": map[string]string{"put-away": a.ID}}, nil))
	for _, bad := range []string{"tomorrow", "2026-11-28"} {
		err := owner.Do(t.Context(), http.MethodPatch, "admin/settings", api.SettingsChange{Values: map[string]string{chat.SettingAnnouncementAt: bad}}, nil)
		kind(t, bad, err, chat.Invalid)
	}
	kind(t, "a member announces", member.Do(t.Context(), http.MethodPatch, "admin/settings", api.SettingsChange{Values: c}, nil), chat.Denied)
}

func TestADownloadAndAFeedGoThroughTheRelayAsTheyAre(t *testing.T) {
	c := pairUp(t)
	data := bytes.Repeat([]byte{0, 1, 2, 3, 255}, 200_000)
	f := c.from.attach("open", "big.bin", data)
	c.moved()
	member := c.from.as("member")
	resp, body := c.from.get(member, "/api/v1/files/"+f.ID.String())
	if resp.StatusCode != 200 || !bytes.Equal(body, data) {
		t.Errorf("%s, %d bytes", resp.Status, len(body))
	}
	for _, name := range []string{"Godwit-Vouch", "Godwit-Hops"} {
		if resp.Header.Get(name) != "" {
			t.Errorf("%s reaches the client", name)
		}
	}
	if got := resp.Header.Values("X-Content-Type-Options"); len(got) != 1 {
		t.Errorf("headers are doubled: %v", got)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.from.url+"/api/v1/files/"+f.ID.String(), nil)
	c.must(err)
	req.Header.Set("Range", "bytes=5-9")
	part, err := member.HTTP.Do(req)
	c.must(err)
	some, err := io.ReadAll(part.Body)
	c.must(err)
	c.must(part.Body.Close())
	if part.StatusCode != http.StatusPartialContent || !bytes.Equal(some, data[5:10]) {
		t.Errorf("%s %v", part.Status, some)
	}
	// A feed of another site is refused by the place that follows.
	conn, bad, err := c.from.dial(member, "", http.Header{"Origin": {"https://evil.example.org"}})
	if err == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "")
		t.Error("another site opened a feed")
	} else if bad == nil || bad.StatusCode != http.StatusForbidden {
		t.Errorf("%v", bad)
	}
	good, _, err := c.from.dial(member, "", http.Header{"Origin": {c.from.url}})
	c.must(err)
	_ = good.CloseNow()
}

func TestOnlyThePlaceThatHasTheTurnLooksAtLinks(t *testing.T) {
	c := pairUp(t, func(conf *server.Config) { conf.FetchAllow = loopback })
	url, asked := site(t)
	c.moved()
	member := c.from.as("member")
	_, err := member.Start(t.Context()) // opens it
	c.must(err)
	m, err := member.Post(t.Context(), c.from.roomID("open"), "see `"+url+"`", "nonce-of-link")
	c.must(err)
	o := &chat.Message{ID: must(chat.ParseID[chat.Message](m.ID)), Room: c.from.rooms["open"].ID, Format: chat.FormatMarkdown, Text: "see <" + url + "/tide>"}
	c.must(c.from.server.Cards(t.Context(), o))
	if n := asked.Load(); n != 0 {
		t.Errorf("the place that has retired asked %d times", n)
	}
	c.must(c.to.server.Cards(t.Context(), o))
	if asked.Load() == 0 {
		t.Error("the place that follows did not ask")
	}
}
