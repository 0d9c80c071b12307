package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// canaries plants a secret of each kind, and returns the words of which none
// may ever come out.
func canaries(w *world) []string {
	id := w.users["member"].ID
	session, _, err := w.service.NewToken(w.t.Context(), chat.Operator(), "spare", []chat.Scope{chat.ScopeMove}, time.Hour)
	w.must(err)
	link, err := w.service.ResetLink(w.t.Context(), chat.Operator(), w.users["outsider"].ID)
	w.must(err)
	w.put(
		&chat.Session{ID: chat.ID[chat.Session](key("canary", "session")), User: id, Hash: "canary-of-session", Expires: 1 << 60, Agent: "spare/1"},
		&chat.Token{ID: chat.ID[chat.Token](key("canary", "token")), User: id, Name: "canary-of-token-name", Hash: "canary-of-token", Scopes: []chat.Scope{"move"}},
		&chat.Webhook{Integration: chat.IntegrationID(key("canary", "webhook")), Hash: "canary-of-webhook", Secret: "canary-of-webhook-secret"},
		&chat.PushKey{ID: chat.ID[chat.PushKey](key("canary", "push")), User: id, Endpoint: "canary-of-push", Keys: "canary-of-push-keys"},
		&chat.Link{ID: chat.ID[chat.Link](key("canary", "link")), User: id, Hash: "canary-of-link", Expires: 1 << 60},
		&chat.Credential{User: id, Type: "other", Secret: "canary-of-credential"},
		&chat.Codes{User: w.users["imported"].ID, Secret: "canary-of-codes", Recovery: []string{"canary-of-recovery"}},
		&chat.Passkey{ID: chat.ID[chat.Passkey](key("canary", "passkey")), User: w.users["imported"].ID, Credential: "canary-of-passkey", Data: "canary-of-key-data", Name: "canary-of-key-name"},
		&chat.Sealed{Name: chat.SettingMailPassword, Value: "canary-of-sealed"},
		&chat.Spent{ID: chat.ID[chat.Spent](key("canary", "spent")), Expires: 1 << 60},
	)
	return []string{"canary", w.hash[len(w.hash)-20:], "argon2id", session, link.Secret}
}

// calls are all addresses that can be read.
func (w *world) calls(file, picture string) []string {
	list := []string{"start", "rooms", "rooms?archived=1&q=e", "search?q=secret", "search?q=canary", "search?q=argon2id", "files/" + file, "previews/" + picture,
		"admin/overview", "admin/people", "admin/people?q=canary", "admin/moves/flight", "admin/moves/flight/report.html", "move/place", "links/x",
		"account", "account/sessions", "account/preferences", "admin/settings", "admin/audit", "admin/people/" + w.users["member"].ID.String(), "first"}
	for _, r := range w.rooms {
		list = append(list, "rooms/"+r.ID.String(), "rooms/"+r.ID.String()+"/messages?limit=200")
	}
	return list
}

func TestNoSecretComesOut(t *testing.T) {
	w := sqlite(t)
	file, preview := w.attach("open", "a.txt", []byte("x")), w.attach("open", "b.png", picture(9, 9))
	words := canaries(w)
	w.indexed()
	for _, who := range append(everybody, "") {
		c := api.NewClient(w.url)
		if who != "" {
			c = w.as(who)
		}
		for _, path := range w.calls(file.ID.String(), preview.ID.String()) {
			resp, body := w.get(c, "/api/v1/"+path)
			head, _ := json.Marshal(resp.Header)
			for _, word := range words {
				if strings.Contains(string(body)+string(head), word) && !strings.Contains(path, "q="+word) {
					t.Errorf("%s: %s has %q in it: %s", who, path, word, body)
				}
			}
			if path == "search?q=canary" && strings.Contains(string(body), "canary-of") {
				t.Errorf("%s finds %s", who, body)
			}
		}
	}
	t.Run("nor a message to one who may not read it", func(t *testing.T) {
		for _, who := range everybody {
			c := w.as(who)
			for _, path := range w.calls(file.ID.String(), preview.ID.String()) {
				_, body := w.get(c, "/api/v1/"+path)
				for room, may := range access {
					if strings.Contains(string(body), `a secret of `+room+`"`) && !strings.Contains(" "+may.read+" ", " "+who+" ") {
						t.Errorf("%s: %s tells of %s", who, path, room)
					}
				}
			}
		}
	})
	t.Run("nor over the feed, neither now nor for those who come later", func(t *testing.T) {
		before := map[string]string{}
		ears := map[string]*ear{}
		for _, who := range everybody {
			s, err := w.as(who).Start(t.Context())
			w.must(err)
			before[who] = s.Cursor
			ears[who] = w.listen(w.as(who), s.Cursor, "open", "private", "direct")
		}
		words := append(canaries(w), words...)
		for room := range access {
			w.say(room, "member", "a secret of "+room)
		}
		ears["guest"].text("a secret of guests") // before a change of the room makes them start afresh
		w.put(&chat.User{ID: chat.UserID(key("user", "last")), Name: "last of all", Role: chat.RoleMember},
			&chat.Member{Room: w.rooms["guests"].ID, User: w.users["guest"].ID, Star: true})
		for _, who := range everybody {
			e := ears[who]
			e.until(func(v api.Event) bool {
				return v.Type == "person" && v.Person.Name == "last of all" || who == "guest" && (v.Type == "room" || v.Type == "afresh")
			})
			heard := e.raw.String()
			if who != "guest" {
				heard += w.listen(w.as(who), before[who], "open", "private", "direct").raw.String()
			}
			for _, word := range words {
				if strings.Contains(heard, word) {
					t.Errorf("%s hears %q: %s", who, word, heard)
				}
			}
			for room, may := range access {
				can := slices.Contains(strings.Fields(may.read), who)
				if strings.Contains(heard, `a secret of `+room+`"`) && !can {
					t.Errorf("%s hears of %s", who, room)
				}
			}
			if !strings.Contains(heard, "a secret of") {
				t.Errorf("%s heard nothing at all: %s", who, heard)
			}
		}
	})
	t.Run("nor into the log", func(t *testing.T) {
		c := w.as("member")
		_, _ = c.UseLink(t.Context(), "a-secret-of-a-link-that-is-not-there", "a long password of mine")
		_, _ = api.NewClient(w.url).SignIn(t.Context(), "member", "a long password of mine")
		for _, word := range append(words, password, "a long password", "a-secret-of-a-link", "a secret of") {
			if strings.Contains(w.logged(), word) {
				t.Errorf("%q is in the log: %s", word, w.logged())
			}
		}
	})
}

// budgets are how many reads each call may make once the roster is known,
// whatever there is in the place.
var budgets = map[string]int64{
	"start": 12, "rooms": 10, "rooms/ROOM": 10, "rooms/ROOM/messages": 14, "rooms/ROOM/messages?around=MESSAGE": 16, "rooms/ROOM/messages?at=2017-01-01": 15,
	"messages/MESSAGE": 14, "messages/MESSAGE/thread": 17, "messages/MESSAGE/revisions": 15, "rooms/ROOM/pins": 15, "saved": 18, "threads": 36, "emoticons": 6,
	"search?q=secret": 20, "search?q=secret+in:open+from:member": 22, "files/FILE": 10, "previews/FILE": 10, "contents/CONTENT": 6, "admin/overview": 8, "admin/people": 7,
	"rooms?only=mine": 10, "rooms/ROOM/read": 8, "rooms/PRIVATE/guest": 9, "admin/rooms": 8, "admin/rooms?state=deleted": 8, "admin/rooms/ROOM/people": 8,
}

func TestEveryCallHasABudgetOfQueries(t *testing.T) {
	w := sqlite(t)
	f := w.attach("open", "b.png", picture(9, 9))
	u := *w.users["owner"]
	u.Avatar = f.Contents[0]
	w.put(&u)
	for i := range 60 {
		w.room("another"+strings.Repeat("x", i), chat.RoomDirect, chat.RoomActive, "owner", "member")
	}
	w.indexed()
	c := w.as("owner")
	member := w.as("member")
	for i := range 25 {
		root := w.say("open", "owner", "root")
		for range 4 {
			w.must(w.reply(member, root.ID.String(), "open", fmt.Sprint("reply ", i)))
		}
		w.must(c.Do(t.Context(), http.MethodPut, "messages/"+root.ID.String()+"/pin", nil, nil))
		w.must(c.Do(t.Context(), http.MethodPut, "messages/"+root.ID.String()+"/saved", nil, nil))
	}
	_, err := c.Start(t.Context())
	w.must(err)
	w.put(&chat.Member{Room: w.rooms["private"].ID, User: w.users["owner"].ID, Admin: true})
	names := strings.NewReplacer("PRIVATE", w.roomID("private"), "ROOM", w.roomID("open"), "MESSAGE", f.Message.String(), "FILE", f.ID.String(), "CONTENT", f.Contents[0].String())
	for path, most := range budgets {
		reads, writes := int64(1000), int64(1000)
		for try := 0; try < 20 && (try < 3 || reads > most || writes > 0); try++ { // what the server does beside it is not the call's
			w.store.reset()
			w.must(c.Do(t.Context(), http.MethodGet, names.Replace(path), nil, nil))
			reads, writes = min(reads, w.store.reads.Load()), min(writes, w.store.updates.Load())
		}
		if reads > most || reads == 0 {
			t.Errorf("%s: %d reads, at most %d", path, reads, most)
		}
		if writes != 0 {
			t.Errorf("%s: %d writes", path, writes)
		}
	}
	writes := int64(1000)
	for try := 0; try < 20 && writes > 1; try++ {
		w.store.reset()
		_, err := c.Post(t.Context(), w.roomID("open"), "hello", nonce())
		w.must(err)
		writes = min(writes, w.store.updates.Load())
	}
	if writes != 1 {
		t.Errorf("a post: %d writes", writes)
	}
}
