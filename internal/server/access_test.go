package server_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

var everybody = []string{"owner", "admin", "member", "outsider", "guest", "local"}

// access says who may do what in which room.
var access = map[string]struct{ read, post, search string }{
	"open":            {"owner admin member outsider local", "owner admin member outsider local", "owner admin member outsider local"},
	"openarchived":    {"owner admin member outsider local", "", "owner admin member outsider local"},
	"opendeleted":     {"owner admin", "", ""},
	"private":         {"member local", "member local", "member local"},
	"privatearchived": {"member local", "", "member local"},
	"privatedeleted":  {"", "", ""},
	"direct":          {"member local", "member local", "member local"},
	"directarchived":  {"member local", "", "member local"},
	"directdeleted":   {"", "", ""},
	"group":           {"member local", "member local", "member local"},
	"grouparchived":   {"member local", "", "member local"},
	"groupdeleted":    {"", "", ""},
	"guests":          {"guest member", "guest member", "guest member"},
}

func TestWhoMayDoWhatInWhichRoom(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		files, pictures := map[string]string{}, map[string]string{}
		for room := range access {
			files[room] = w.attach(room, room+".txt", []byte("bytes of "+room)).ID.String()
			pictures[room] = w.attach(room, room+".png", picture(900, 30)).ID.String()
		}
		w.indexed()
		for _, who := range everybody {
			t.Run(who, func(t *testing.T) {
				c := w.as(who)
				found := w.everything(c)
				for room, may := range access {
					id := w.roomID(room)
					can := func(list string) bool { return slices.Contains(strings.Fields(list), who) }
					_, err := c.Room(t.Context(), id)
					allowed(t, "look at "+room, err, can(may.read))
					h, err := c.History(t.Context(), id, "", 50)
					allowed(t, "read "+room, err, can(may.read))
					if err == nil && len(h.Messages) < 3 { // others of this test have posted
						t.Errorf("%s has %d messages", room, len(h.Messages))
					}
					around := h.Messages
					if len(around) > 0 {
						_, err = c.History(t.Context(), id, "around="+around[0].ID, 50)
						allowed(t, "read around a message of "+room, err, true)
					}
					allowed(t, "fetch a file of "+room, c.Do(t.Context(), http.MethodGet, "files/"+files[room], nil, nil), can(may.read))
					allowed(t, "fetch a preview of "+room, c.Do(t.Context(), http.MethodGet, "previews/"+pictures[room], nil, nil), can(may.read))
					if found[id] != can(may.search) {
						t.Errorf("found in %s: %v", room, found[id])
					}
				}
				for room, may := range access {
					_, err := c.Post(t.Context(), w.roomID(room), "hello", who+"-nonce-"+room)
					if slices.Contains(strings.Fields(may.read), who) && !slices.Contains(strings.Fields(may.post), who) {
						if !chat.IsKind(err, chat.Denied) {
							t.Errorf("post to %s: %v", room, err)
						}
						continue
					}
					allowed(t, "post to "+room, err, slices.Contains(strings.Fields(may.post), who))
				}
			})
		}
	})
}

// allowed checks that somebody could do something, or was told that there is
// no such thing.
func allowed(t *testing.T, what string, err error, may bool) {
	t.Helper()
	if may && err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if !may && !chat.IsKind(err, chat.NotFound) {
		t.Errorf("%s: %v, want not-found", what, err)
	}
}

func (w *world) indexed() {
	w.t.Helper()
	for {
		// The server's own goroutine may be at it, too.
		if _, err := w.db.Index(context.Background(), 10_000); err != nil {
			w.t.Fatal(err)
		}
		n, err := w.db.Unindexed(context.Background())
		w.must(err)
		if n == 0 {
			return
		}
	}
}

// everything returns in which rooms somebody finds messages.
func (w *world) everything(c *api.Client) map[string]bool {
	w.t.Helper()
	rooms := map[string]bool{}
	for older := ""; ; {
		f, err := c.Search(context.Background(), "secret", older)
		w.must(err)
		for _, h := range f.Hits {
			if h.Room.ID != h.Message.Room {
				w.t.Errorf("a hit in %s is said to be in %s", h.Message.Room, h.Room.ID)
			}
			rooms[h.Message.Room] = true
		}
		if older = f.Older; older == "" {
			return rooms
		}
	}
}

func TestOneWhoPostsToAnOpenRoomBecomesAMember(t *testing.T) {
	w := sqlite(t)
	c := w.as("outsider")
	room, err := c.Room(t.Context(), w.roomID("open"))
	w.must(err)
	if room.Member || slices.Contains(room.People, w.users["outsider"].ID.String()) {
		t.Fatal("in it before")
	}
	_, err = c.Post(t.Context(), w.roomID("open"), "hello", "nonce-123")
	w.must(err)
	room, err = c.Room(t.Context(), w.roomID("open"))
	w.must(err)
	if !room.Member || !slices.Contains(room.People, w.users["outsider"].ID.String()) {
		t.Error("not in it after posting")
	}
	s, err := c.Start(t.Context())
	w.must(err)
	if !slices.ContainsFunc(s.Rooms, func(r api.Room) bool { return r.ID == w.roomID("open") }) {
		t.Error("not in the sidebar")
	}
}

func TestDirectoryListsWhatOneCanFind(t *testing.T) {
	w := sqlite(t)
	list := func(who, words string, archived bool) string {
		r, err := w.as(who).Rooms(t.Context(), words, archived, "")
		w.must(err)
		var names []string
		for _, room := range r.Rooms {
			names = append(names, room.Name)
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct {
		who, words string
		archived   bool
		want       string
	}{
		{"member", "", false, "guests open private"},
		{"member", "", true, "guests open openarchived private privatearchived"},
		{"outsider", "", true, "open openarchived"},
		{"admin", "", true, "open openarchived opendeleted"},
		{"guest", "", true, "guests"},
		{"local", "PRIV", true, "private privatearchived"},
		{"member", "no such thing", true, ""},
	} {
		if got := list(c.who, c.words, c.archived); got != c.want {
			t.Errorf("%s looks for %q: %q, want %q", c.who, c.words, got, c.want)
		}
	}
	for i := range 250 {
		w.room("many "+string(rune('a'+i%26))+strings.Repeat("x", i/26), chat.RoomOpen, chat.RoomActive)
	}
	c, seen := w.as("outsider"), map[string]bool{}
	for after, pages := "", 0; ; pages++ {
		r, err := c.Rooms(t.Context(), "many", false, after)
		w.must(err)
		for _, room := range r.Rooms {
			if seen[room.ID] {
				t.Fatalf("%s comes twice", room.Name)
			}
			seen[room.ID] = true
		}
		if after = r.Next; after == "" {
			if pages != 2 || len(seen) != 250 {
				t.Errorf("%d rooms on %d pages", len(seen), pages+1)
			}
			break
		}
	}
}

func TestSomebodyWhoIsTwoIsOnePerson(t *testing.T) {
	w := sqlite(t)
	c := w.as("local")
	s, err := c.Start(t.Context())
	w.must(err)
	same := ""
	for _, p := range s.People {
		if p.ID == w.users["imported"].ID.String() {
			same = p.Same
		}
	}
	if same != w.users["local"].ID.String() {
		t.Errorf("the imported one is the same as %q", same)
	}
	for _, r := range s.Rooms {
		if slices.Contains(r.With, w.users["imported"].ID.String()) || slices.Contains(r.With, w.users["local"].ID.String()) {
			t.Errorf("in a %s room they see themselves", r.Type)
		}
	}
	room, err := w.as("member").Room(t.Context(), w.roomID("direct"))
	w.must(err)
	if len(room.With) != 1 || room.With[0] != w.users["local"].ID.String() {
		t.Errorf("the other sees %v in the 1-1", room.With)
	}
	t.Run("signing in by the imported name gives the local person", func(t *testing.T) {
		me, err := api.NewClient(w.url).SignIn(t.Context(), "IMPORTED@example.org", password)
		w.must(err)
		if me.ID != w.users["local"].ID.String() {
			t.Error(me.Name)
		}
	})
	t.Run("taking the match back takes the rooms away", func(t *testing.T) {
		w.put(&chat.Match{Imported: w.users["imported"].ID, Local: w.users["local"].ID, Gone: true})
		_, err := c.History(t.Context(), w.roomID("private"), "", 10)
		allowed(t, "read", err, false)
		_, err = c.Post(t.Context(), w.roomID("private"), "hello", "another-nonce")
		allowed(t, "post", err, false)
	})
	t.Run("a role is not raised by a match", func(t *testing.T) {
		w.put(&chat.Match{Imported: w.users["owner"].ID, Local: w.users["outsider"].ID})
		_, err := w.as("outsider").Overview(t.Context())
		if !chat.IsKind(err, chat.Denied) {
			t.Errorf("an administrator by a match: %v", err)
		}
	})
}

func TestAccessThatIsTakenAwayEndsAtOnce(t *testing.T) {
	w := sqlite(t)
	t.Run("one who was taken out of a room", func(t *testing.T) {
		c := w.as("member")
		w.put(&chat.Member{Room: w.rooms["private"].ID, User: w.users["member"].ID, Gone: true})
		_, err := c.History(t.Context(), w.roomID("private"), "", 10)
		allowed(t, "read", err, false)
		_, err = c.Post(t.Context(), w.roomID("private"), "hello", "nonce-of-mine")
		allowed(t, "post", err, false)
	})
	t.Run("one who was deactivated", func(t *testing.T) {
		c := w.as("outsider")
		off := *w.users["outsider"]
		off.Off = true
		w.put(&off)
		_, err := c.Start(t.Context())
		if !chat.IsKind(err, chat.Unknown) {
			t.Errorf("start: %v", err)
		}
		_, err = c.Post(t.Context(), w.roomID("open"), "hello", "nonce-of-mine")
		if !chat.IsKind(err, chat.Unknown) {
			t.Errorf("post: %v", err)
		}
	})
	t.Run("a room that was made private", func(t *testing.T) {
		c := w.as("admin")
		closed := *w.rooms["open"]
		closed.Type = chat.RoomPrivate
		w.put(&closed)
		_, err := c.History(t.Context(), w.roomID("open"), "", 10)
		allowed(t, "read", err, false)
	})
}

func TestWhatOnlyAdministratorsMayDo(t *testing.T) {
	w := sqlite(t)
	calls := map[string]any{
		"GET admin/overview": nil, "GET admin/people": nil, "POST admin/people/" + w.users["member"].ID.String() + "/link": struct{}{},
		"POST admin/people": api.NewPerson{Name: "New", Email: "new@example.org"}, "POST admin/invitations": struct{}{},
		"POST admin/tokens":      api.NewToken{Name: "x", Scopes: []string{"admin"}, Days: 1},
		"GET admin/flight":       nil,
		"GET admin/moves/flight": nil, "GET admin/moves/flight/report.html": nil,
	}
	for _, who := range everybody {
		c := w.as(who)
		admin := who == "owner" || who == "admin"
		for call, in := range calls {
			method, path, _ := strings.Cut(call, " ")
			if who == "owner" && call == "POST admin/people" {
				in = api.NewPerson{Name: "Newer", Email: "newer@example.org"}
			}
			err := c.Do(t.Context(), method, path, in, nil)
			if admin && err != nil || !admin && !chat.IsKind(err, chat.Denied) {
				t.Errorf("%s: %s: %v", who, call, err)
			}
		}
	}
	t.Run("an administrator cannot become an owner", func(t *testing.T) {
		c := w.as("admin")
		err := c.Do(t.Context(), http.MethodPost, "admin/people/"+w.users["owner"].ID.String()+"/link", struct{}{}, nil)
		if !chat.IsKind(err, chat.Denied) {
			t.Errorf("a link for the owner: %v", err)
		}
		err = c.Do(t.Context(), http.MethodPost, "admin/people", api.NewPerson{Name: "X", Email: "x@example.org", Role: "owner"}, nil)
		if !chat.IsKind(err, chat.Denied) {
			t.Errorf("a new owner: %v", err)
		}
		admin, owner := &chat.Actor{User: w.users["admin"]}, &chat.Actor{User: w.users["owner"]}
		if err := w.service.SetPassword(t.Context(), admin, owner.User.ID, "a password of mine"); !chat.IsKind(err, chat.Denied) {
			t.Errorf("the owner's password: %v", err)
		}
		for _, a := range []*chat.Actor{admin, owner} {
			if err := w.service.SetPassword(t.Context(), a, a.User.ID, "a password of mine"); err != nil {
				t.Errorf("one's own password: %v", err)
			}
		}
	})
}
