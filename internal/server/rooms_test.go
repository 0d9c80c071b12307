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

// ask makes one call and returns its answer as a room.
func (w *world) ask(c *api.Client, method, path string, in any) (room api.Room, err error) {
	return room, c.Do(context.Background(), method, path, in, &room)
}

func TestARoomFromItsBeginningToItsEnd(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("outsider")
		outsider, local := w.users["outsider"].ID.String(), w.users["local"].ID.String()
		room, err := w.ask(c, "POST", "rooms", api.NewRoom{Name: "#Harbour", Topic: "Boats", Type: "private", People: []string{outsider}, Nonce: "nonce-of-harbour"})
		w.must(err)
		if room.Name != "Harbour" || !room.Member || room.Members != 2 || room.Owner != w.users["member"].ID.String() || !slices.Contains(room.May, "delete") || !room.MayPost {
			t.Errorf("%+v", room)
		}
		path := "rooms/" + room.ID
		name, open := "Marina", "open"
		got, err := w.ask(c, "PATCH", path, api.RoomEdit{Name: &name})
		w.must(err)
		if got.Name != name || got.Topic != "Boats" {
			t.Errorf("%+v", got)
		}
		_, err = w.ask(c, "PATCH", path, api.RoomEdit{Type: &open})
		if !chat.IsKind(err, chat.Conflict) || !strings.Contains(err.Error(), "people") {
			t.Errorf("unconfirmed: %v", err)
		}
		got, err = w.ask(c, "POST", path+"/members", api.People{People: []string{local}})
		w.must(err)
		if got.Members != 3 {
			t.Errorf("%d members", got.Members)
		}
		w.must(c.Do(t.Context(), "PUT", path+"/members/"+local, api.MemberRole{Admin: true}, nil))
		w.must(c.Do(t.Context(), "DELETE", path+"/members/"+outsider, nil, nil))
		_, err = other.Room(t.Context(), room.ID)
		allowed(t, "read after being taken out", err, false)
		w.must(c.Do(t.Context(), "PUT", path+"/owner", api.Owner{Person: local}, nil))
		w.must(c.Do(t.Context(), "PUT", path+"/mine", map[string]any{"star": true, "notify": "none"}, nil))
		w.must(c.Do(t.Context(), "PUT", "order", api.Order{Rooms: []string{room.ID, w.roomID("open")}}, nil))
		s, err := c.Start(t.Context())
		w.must(err)
		i := slices.IndexFunc(s.Rooms, func(r api.Room) bool { return r.ID == room.ID })
		if r := s.Rooms[i]; !r.Star || r.Notify != "none" || r.Order != 1 {
			t.Errorf("%+v", r)
		}
		_, err = w.ask(c, "PATCH", path, api.RoomEdit{Type: &open, Confirm: true})
		w.must(err)
		joined, err := w.ask(other, "PUT", path+"/members/me", nil)
		w.must(err)
		if !joined.Member || joined.Members != 3 {
			t.Errorf("%+v", joined)
		}
		w.must(other.Do(t.Context(), "DELETE", path+"/members/me", nil, nil))
		w.must(other.Do(t.Context(), "DELETE", path+"/members/me", nil, nil))
		for _, state := range []string{"archived", "archived", "", "deleted", "deleted"} {
			w.must(c.Do(t.Context(), "PUT", path+"/state", api.RoomState{State: state}, nil))
		}
		_, err = c.Room(t.Context(), room.ID)
		allowed(t, "read a deleted room", err, false)
		var gone api.AdminRooms
		w.must(w.as("admin").Do(t.Context(), "GET", "admin/rooms?state=deleted&q=MARI", nil, &gone))
		if len(gone.Rooms) != 1 || gone.Rooms[0].Ends == 0 || gone.Rooms[0].Members != 2 || gone.Rooms[0].Owner != local {
			t.Errorf("%+v", gone)
		}
		w.must(w.as("admin").Do(t.Context(), "PUT", "rooms/"+room.ID+"/state", api.RoomState{}, nil))
		if _, err = c.Room(t.Context(), room.ID); err != nil {
			t.Errorf("restored: %v", err)
		}
		h, err := c.History(t.Context(), room.ID, "", 50)
		w.must(err)
		var types []string
		for _, m := range h.Messages {
			types = append(types, m.Type)
		}
		if len(types) != 13 || types[0] != "system" || types[1] != "topic" {
			t.Errorf("%d messages: %q", len(types), types)
		}
	})
}

// deedsOn are all calls that change a room, with bodies that make sense.
func (w *world) deedsOn(id string) map[string]any {
	outsider := w.users["outsider"].ID.String()
	name, topic := "Another name", "Another topic"
	return map[string]any{
		"PATCH rooms/" + id + " name": api.RoomEdit{Name: &name}, "PATCH rooms/" + id + " topic": api.RoomEdit{Topic: &topic},
		"POST rooms/" + id + "/members":               api.People{People: []string{outsider}},
		"PUT rooms/" + id + "/members/me":             nil,
		"PUT rooms/" + id + "/members/" + outsider:    api.MemberRole{Admin: true},
		"DELETE rooms/" + id + "/members/" + outsider: nil,
		"PUT rooms/" + id + "/owner":                  api.Owner{Person: outsider},
		"PUT rooms/" + id + "/mine":                   map[string]any{"star": true},
		"GET rooms/" + id + "/guest":                  nil, "PUT rooms/" + id + "/guest": nil, "POST rooms/" + id + "/guest": nil, "DELETE rooms/" + id + "/guest": nil,
		"GET rooms/" + id: nil, "GET rooms/" + id + "/messages": nil,
		"POST rooms/" + id + "/messages": api.NewMessage{Text: "hello", Nonce: "a-nonce-of-mine"},
		"PUT rooms/" + id + "/state":     api.RoomState{State: "archived"},
	}
}

func TestAHiddenRoomCannotBeToldFromAnAbsentOne(t *testing.T) {
	w := sqlite(t)
	absent := key("room", "absent").String()
	for _, who := range []string{"outsider", "guest", "admin", "owner"} {
		c := w.as(who)
		for _, room := range []string{"private", "privatearchived", "privatedeleted", "direct", "group", "directdeleted"} {
			for call, in := range w.deedsOn(w.roomID(room)) {
				method, path, _ := strings.Cut(call, " ")
				path, _, _ = strings.Cut(path, " ")
				if place := who == "admin" || who == "owner"; place && strings.HasPrefix(room, "private") && (strings.HasSuffix(path, "/state") || strings.HasSuffix(path, "/owner")) {
					continue // administrators of the place know of them
				}
				err := c.Do(t.Context(), method, path, in, nil)
				none := c.Do(t.Context(), method, strings.Replace(path, w.roomID(room), absent, 1), in, nil)
				if err == nil || none == nil || err.Error() != none.Error() || chat.KindOf(err) != chat.KindOf(none) {
					t.Errorf("%s: %s of %s says %q, of an absent room %q", who, call, room, err, none)
				}
			}
		}
	}
}

func TestWhoIsNotSignedInCanDoNothingWithRooms(t *testing.T) {
	w := sqlite(t)
	c := api.NewClient(w.url)
	for _, call := range w.server.Calls() {
		method, path, _ := strings.Cut(call, " ")
		if strings.HasPrefix(path, "guests/") || strings.HasPrefix(path, "links/") || path == "session" || strings.HasPrefix(path, "rooms/{id}/messages") {
			continue
		}
		if !strings.Contains(path, "room") && !strings.HasPrefix(path, "order") && !strings.HasPrefix(path, "conversations") {
			continue
		}
		path = strings.NewReplacer("{id}", w.roomID("open"), "{person}", w.users["member"].ID.String()).Replace(path)
		if err := c.Do(t.Context(), method, path, map[string]any{}, nil); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestConversationsOverTheAPI(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	imported, outsider := w.users["imported"].ID.String(), w.users["outsider"].ID.String()
	direct, err := w.ask(c, "POST", "conversations", api.People{People: []string{imported}})
	w.must(err)
	if direct.ID != w.roomID("direct") {
		t.Errorf("the imported 1-1 was not found: %+v", direct)
	}
	w.must(c.Do(t.Context(), "PUT", "rooms/"+direct.ID+"/mine", map[string]any{"hidden": true}, nil))
	hidden := func() bool {
		s, err := c.Start(t.Context())
		w.must(err)
		i := slices.IndexFunc(s.Rooms, func(r api.Room) bool { return r.ID == direct.ID })
		return s.Rooms[i].Hidden >= s.Rooms[i].Last
	}
	if !hidden() {
		t.Error("it is not hidden")
	}
	_, err = w.as("local").Post(t.Context(), direct.ID, "something new", "nonce-of-local")
	w.must(err)
	if hidden() {
		t.Error("something new does not show it again")
	}
	group, err := w.ask(c, "POST", "rooms/"+direct.ID+"/members", api.People{People: []string{outsider}})
	w.must(err)
	if group.Type != "group" || len(group.With) != 2 {
		t.Errorf("%+v", group)
	}
	if _, err := w.as("outsider").Room(t.Context(), direct.ID); !chat.IsKind(err, chat.NotFound) {
		t.Errorf("the new one reads the 1-1: %v", err)
	}
	for what, people := range map[string][]string{"nobody": {key("user", "x").String()}, "no ID": {"x"}} {
		if _, err := w.ask(c, "POST", "conversations", api.People{People: people}); !chat.IsKind(err, chat.NotFound) && !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheDirectoryHasFilters(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		list := func(who, query string) string {
			var r api.Rooms
			w.must(w.as(who).Do(t.Context(), http.MethodGet, "rooms?"+query, nil, &r))
			var names []string
			for _, room := range r.Rooms {
				names = append(names, room.Name)
				if room.Members == 0 {
					t.Errorf("%s has no members", room.Name)
				}
			}
			return strings.Join(names, " ")
		}
		for _, c := range []struct{ who, query, want string }{
			{"member", "only=mine", "guests open private"}, {"member", "only=open", "open"}, {"member", "only=archived", "openarchived privatearchived"},
			{"outsider", "only=mine", ""}, {"outsider", "only=open&archived=1", "open openarchived"}, {"guest", "only=open", ""}, {"local", "only=mine", "open private"},
		} {
			if got := list(c.who, c.query); got != c.want {
				t.Errorf("%s, %s: %q, want %q", c.who, c.query, got, c.want)
			}
		}
		if err := w.as("member").Do(t.Context(), http.MethodGet, "rooms?only=secret", nil, nil); !chat.IsKind(err, chat.Invalid) {
			t.Error(err)
		}
		t.Run("who is in a room by two identities counts once", func(t *testing.T) {
			w.put(&chat.Member{Room: w.rooms["open"].ID, User: w.users["local"].ID})
			var r api.Rooms
			w.must(w.as("member").Do(t.Context(), http.MethodGet, "rooms?only=open", nil, &r))
			if r.Rooms[0].Members != 2 {
				t.Errorf("%d members", r.Rooms[0].Members)
			}
		})
	})
}

func TestWhatAdministratorsSeeOfPrivateRooms(t *testing.T) {
	w := sqlite(t)
	private := *w.rooms["private"]
	private.Topic = "a very private topic"
	w.put(&private)
	admin := w.as("admin")
	_, body := w.get(admin, "/api/v1/admin/rooms")
	if !strings.Contains(string(body), `"name":"private"`) || strings.Contains(string(body), "very private") || strings.Contains(string(body), w.roomID("direct")) {
		t.Errorf("%s", body)
	}
	var people api.RoomPeople
	w.must(admin.Do(t.Context(), "GET", "admin/rooms/"+w.roomID("private")+"/people", nil, &people))
	if len(people.People) != 2 {
		t.Errorf("%+v", people)
	}
	w.must(admin.Do(t.Context(), "PUT", "rooms/"+w.roomID("private")+"/owner", api.Owner{Person: w.users["member"].ID.String()}, nil))
	_, err := admin.Room(t.Context(), w.roomID("private"))
	allowed(t, "read it", err, false)
	for _, path := range []string{"admin/rooms", "admin/rooms?state=deleted", "admin/rooms/" + w.roomID("private") + "/people"} {
		for _, who := range []string{"member", "outsider", "guest"} {
			if err := w.as(who).Do(t.Context(), "GET", path, nil, nil); !chat.IsKind(err, chat.Denied) {
				t.Errorf("%s: %s: %v", who, path, err)
			}
		}
	}
	for _, room := range []string{"direct", "group"} {
		if err := admin.Do(t.Context(), "GET", "admin/rooms/"+w.roomID(room)+"/people", nil, nil); !chat.IsKind(err, chat.NotFound) {
			t.Errorf("%s: %v", room, err)
		}
	}
}
