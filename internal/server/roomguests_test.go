package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// guestOf switches a room's guests on and lets one in.
func (w *world) guestOf(room, name string) (c *api.Client, secret string, who api.Guest) {
	w.t.Helper()
	var address api.GuestAddress
	w.must(w.as("member").Do(w.t.Context(), "PUT", "rooms/"+w.roomID(room)+"/guest", nil, &address))
	secret = address.URL[strings.LastIndexByte(address.URL, '/')+1:]
	c = api.NewClient(w.url)
	w.must(c.Do(w.t.Context(), "POST", "guests/"+secret, api.GuestName{Name: name}, &who))
	return c, secret, who
}

// keeps makes "member" look after a room.
func (w *world) keeps(room string) {
	w.put(&chat.Member{Room: w.rooms[room].ID, User: w.users["member"].ID, Admin: true})
}

func TestAGuestComesInByTheAddressOfARoom(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.keeps("private")
		c, secret, who := w.guestOf("private", " Vic\u202etor\x00 ")
		if who.Me.Name != "Victor (guest)" || who.Me.Role != "guest" || who.Me.Admin || who.Room != w.roomID("private") {
			t.Errorf("%+v", who)
		}
		s, err := c.Start(t.Context())
		w.must(err)
		if len(s.Rooms) != 1 || s.Rooms[0].ID != w.roomID("private") {
			t.Errorf("rooms: %+v", s.Rooms)
		}
		m, err := c.Post(t.Context(), w.roomID("private"), "hello @local @owner", "nonce-of-a-guest")
		w.must(err)
		if tree := string(encoded(m.Tree)); !strings.Contains(tree, w.users["local"].ID.String()) && !strings.Contains(tree, w.users["imported"].ID.String()) {
			t.Logf("nobody is mentioned: %s", tree) // the other is in the room by another identity
		} else if strings.Contains(tree, w.users["owner"].ID.String()) {
			t.Errorf("somebody elsewhere is mentioned: %s", tree)
		}
		var room api.GuestRoom
		w.must(api.NewClient(w.url).Do(t.Context(), "GET", "guests/"+secret, nil, &room))
		if room.Room != "private" {
			t.Errorf("%+v", room)
		}
		member := w.as("member")
		t.Run("on again is the same address, renewed it is another", func(t *testing.T) {
			var again, other, told api.GuestAddress
			w.must(member.Do(t.Context(), "PUT", "rooms/"+w.roomID("private")+"/guest", nil, &again))
			w.must(member.Do(t.Context(), "GET", "rooms/"+w.roomID("private")+"/guest", nil, &told))
			w.must(member.Do(t.Context(), "POST", "rooms/"+w.roomID("private")+"/guest", nil, &other))
			if !strings.HasSuffix(again.URL, secret) || told != again || other == again {
				t.Errorf("%s, %s, %s", again, told, other)
			}
			if err := api.NewClient(w.url).Do(t.Context(), "POST", "guests/"+secret, api.GuestName{Name: "Eve"}, nil); !chat.IsKind(err, chat.NotFound) {
				t.Errorf("by the old address: %v", err)
			}
			if _, err := c.Start(t.Context()); err != nil {
				t.Errorf("who is in stays: %v", err)
			}
		})
		t.Run("off sends them away at once", func(t *testing.T) {
			w.must(member.Do(t.Context(), "DELETE", "rooms/"+w.roomID("private")+"/guest", nil, nil))
			if _, err := c.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
				t.Errorf("start: %v", err)
			}
			if _, err := c.Post(t.Context(), w.roomID("private"), "still here", "another-nonce"); !chat.IsKind(err, chat.Unknown) {
				t.Errorf("post: %v", err)
			}
			room, err := member.Room(t.Context(), w.roomID("private"))
			w.must(err)
			if slices.Contains(room.People, who.Me.ID) || room.Guests {
				t.Errorf("%+v", room)
			}
			var off api.GuestAddress
			w.must(member.Do(t.Context(), "GET", "rooms/"+w.roomID("private")+"/guest", nil, &off))
			if off.URL != "" {
				t.Error(off)
			}
		})
	})
}

func encoded(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func TestNobodyComesInAsAGuestWhereNoneMay(t *testing.T) {
	w := sqlite(t)
	w.keeps("private")
	_, secret, _ := w.guestOf("private", "Vic")
	imported := *w.rooms["open"]
	imported.Guest = "https://chat.example.org/g1a2b3c4d"
	w.put(&imported)
	enter := func(secret, name string) error {
		return api.NewClient(w.url).Do(t.Context(), "POST", "guests/"+secret, api.GuestName{Name: name}, nil)
	}
	for what, secret := range map[string]string{"none": "x", "a guess": strings.Repeat("A", 43), "a source's address": "g1a2b3c4d", "longer": secret + "A", "shorter": secret[:42], "other signs": strings.Repeat("%25", 43)} {
		if err := enter(secret, "Eve"); !chat.IsKind(err, chat.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, name := range map[string]string{"no name": "", "blanks": "  ", "only marks": "\u202e\u200b", "only emoji": "🎉", "a long name": strings.Repeat("n", 61), "10,000 letters": strings.Repeat("n", 10_000)} {
		if err := enter(secret, name); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	private := *w.rooms["private"]
	w.must(w.as("member").Do(t.Context(), "PUT", "rooms/"+private.ID.String()+"/state", api.RoomState{State: "archived"}, nil))
	if err := enter(secret, "Eve"); !chat.IsKind(err, chat.NotFound) {
		t.Errorf("into an archived room: %v", err)
	}
	t.Run("who tries too often has to wait", func(t *testing.T) {
		var err error
		for range 12 {
			err = enter("guess", "Eve")
		}
		if !chat.IsKind(err, chat.TooMany) {
			t.Error(err)
		}
	})
	t.Run("members see no address", func(t *testing.T) {
		for _, who := range []string{"local", "outsider", "guest", "admin"} {
			err := w.as(who).Do(t.Context(), "GET", "rooms/"+w.roomID("private")+"/guest", nil, nil)
			if !chat.IsKind(err, chat.Denied) && !chat.IsKind(err, chat.NotFound) {
				t.Errorf("%s: %v", who, err)
			}
		}
	})
}

func TestAGuestIsOfOneRoomAlone(t *testing.T) {
	w := sqlite(t)
	w.keeps("private")
	c, _, who := w.guestOf("private", "Vic")
	member := w.as("member")
	if err := member.Do(t.Context(), "POST", "rooms/"+w.roomID("guests")+"/members", api.People{People: []string{who.Me.ID}}, nil); !chat.IsKind(err, chat.Denied) {
		t.Errorf("invited elsewhere: %v", err)
	}
	if err := member.Do(t.Context(), "POST", "conversations", api.People{People: []string{who.Me.ID}}, nil); !chat.IsKind(err, chat.Denied) {
		t.Errorf("a 1-1: %v", err)
	}
	if err := member.Do(t.Context(), "POST", "rooms", api.NewRoom{Name: "With a guest", Type: "private", People: []string{who.Me.ID}, Nonce: "nonce-of-a-room"}, nil); !chat.IsKind(err, chat.Denied) {
		t.Errorf("a new room: %v", err)
	}
	w.must(member.Do(t.Context(), "DELETE", "rooms/"+w.roomID("private")+"/members/"+who.Me.ID, nil, nil))
	if _, err := c.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("after being taken out: %v", err)
	}
	t.Run("one who leaves is gone", func(t *testing.T) {
		c, _, _ := w.guestOf("private", "Val")
		w.must(c.Do(t.Context(), "DELETE", "rooms/"+w.roomID("private")+"/members/me", nil, nil))
		if _, err := c.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
			t.Error(err)
		}
	})
	t.Run("one whose session is over is swept out", func(t *testing.T) {
		_, _, who := w.guestOf("private", "Van")
		id, _ := chat.ParseID[chat.User](who.Me.ID)
		n, err := w.service.SweepRooms(t.Context())
		if n != 0 || err != nil {
			t.Fatalf("%d went too early: %v", n, err)
		}
		list, err := w.service.Sessions(t.Context(), chat.Operator(), id)
		w.must(err)
		if left := time.Until(list[0].Expires.Std()); left > chat.GuestLength {
			t.Errorf("the session lasts %s", left)
		}
		list[0].Expires = 1
		w.put(list[0])
		n, err = w.service.SweepRooms(t.Context())
		if n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		room, err := member.Room(t.Context(), w.roomID("private"))
		w.must(err)
		if slices.Contains(room.People, who.Me.ID) {
			t.Error("still in the room")
		}
	})
}

// TestNoCallTellsAGuestOfWhatIsNotInTheirRoom asks for everything that the API
// has, also what is added later, and looks through the answers.
func TestNoCallTellsAGuestOfWhatIsNotInTheirRoom(t *testing.T) {
	w := sqlite(t)
	w.keeps("private")
	file := w.attach("private", "mine.txt", []byte("x"))
	elsewhere := w.attach("group", "theirs.png", picture(9, 9))
	face := w.attach("open", "face.png", picture(8, 8))
	u := *w.users["owner"]
	u.Avatar = face.Contents[0]
	w.put(&u)
	w.say("private", "outsider", "a word of one who is not in the room any more")
	w.indexed()
	c, secret, who := w.guestOf("private", "Vic")
	// What a guest may not see: other rooms, who is not in theirs, addresses.
	var hidden []string
	for name, u := range w.users {
		if name != "member" && name != "imported" && name != "local" && name != "outsider" {
			hidden = append(hidden, u.ID.String(), u.Name)
		}
		hidden = append(hidden, u.Email, strings.ToLower(u.Email))
	}
	hidden = append(hidden, w.users["outsider"].ID.String()+`","name"`, elsewhere.ID.String(), "theirs.png")
	for name, r := range w.rooms {
		if name != "private" {
			hidden = append(hidden, r.ID.String(), "a secret of "+name+`"`)
		}
	}
	person := w.users["owner"].ID.String()
	asked := 0
	for _, room := range []string{"private", "open", "group", "opendeleted"} {
		names := strings.NewReplacer("{id}", w.roomID(room), "{person}", person, "{secret}", secret, "{name}", "flight", "{message}", elsewhere.Message.String(), "{emoji}", "x")
		for _, call := range w.server.Calls() {
			method, path, _ := strings.Cut(call, " ")
			if path == "session" || path == "wait" || path == "feed" || strings.HasPrefix(path, "session") || method == "DELETE" && strings.HasSuffix(path, "/me") || strings.HasPrefix(path, "links/") || strings.HasPrefix(path, "guests/") {
				continue // ends the session, waits, or is for who is not signed in
			}
			for _, query := range []string{"", "?q=e&only=open", "?q=from:owner", "?q=secret", "?q=in:open+secret", "?q=from:owner@example.org"} {
				if query != "" && method != http.MethodGet {
					continue
				}
				asked++
				req, err := http.NewRequest(method, w.url+"/api/v1/"+names.Replace(path)+query, bytes.NewReader([]byte(`{}`)))
				w.must(err)
				resp, err := c.HTTP.Do(req)
				w.must(err)
				body, err := io.ReadAll(resp.Body)
				w.must(err)
				resp.Body.Close()
				if resp.StatusCode == http.StatusInternalServerError {
					t.Errorf("%s: %d %s", call, resp.StatusCode, body)
				}
				for _, word := range hidden {
					if strings.Contains(string(body), word) && !strings.Contains(names.Replace(path)+query, word) && !strings.Contains(query, strings.TrimPrefix(word, "The ")) {
						t.Errorf("%s%s tells a guest of %q: %s", call, query, word, body)
					}
				}
				if strings.HasPrefix(path, "admin/") && resp.StatusCode < 400 {
					t.Errorf("%s: %d", call, resp.StatusCode)
				}
			}
		}
	}
	if asked < 100 {
		t.Errorf("only %d calls", asked)
	}
	h, err := c.History(t.Context(), w.roomID("private"), "", 50)
	w.must(err)
	if !slices.ContainsFunc(h.Messages, func(m api.Message) bool { return m.Label == "The outsider" }) {
		t.Error("who wrote and left has no name")
	}
	for path, want := range map[string]int{
		"files/" + file.ID.String(): 200, "files/" + elsewhere.ID.String(): 404, "previews/" + elsewhere.ID.String(): 404,
		"contents/" + face.Contents[0].String(): 404,
	} {
		if resp, _ := w.get(c, "/api/v1/"+path); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if resp, _ := w.get(w.as("outsider"), "/api/v1/contents/"+face.Contents[0].String()); resp.StatusCode != 200 {
		t.Errorf("others see the face: %d", resp.StatusCode)
	}
	for call, in := range map[string]any{
		"POST rooms":         api.NewRoom{Name: "Mine", Type: "open", Nonce: "nonce-of-a-guest"},
		"POST conversations": api.People{People: []string{w.users["member"].ID.String()}},
		"POST rooms/" + w.roomID("private") + "/members": api.People{People: []string{w.users["member"].ID.String()}},
		"PUT rooms/" + w.roomID("private") + "/state":    api.RoomState{State: "archived"},
		"PATCH rooms/" + w.roomID("private"):             map[string]any{"topic": "x"},
		"GET rooms/" + w.roomID("private") + "/guest":    nil,
		"PATCH account": map[string]any{"name": "The owner"},
	} {
		method, path, _ := strings.Cut(call, " ")
		if err := c.Do(t.Context(), method, path, in, nil); !chat.IsKind(err, chat.Denied) {
			t.Errorf("%s: %v", call, err)
		}
	}
	_ = who
}
