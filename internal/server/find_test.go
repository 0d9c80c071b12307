package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestSearch(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.room("Tidal flats", chat.RoomOpen, chat.RoomActive)
		w.users["member"].Name = "Ann Oystercatcher"
		w.put(w.users["member"])
		for _, m := range []struct{ room, author, text string }{
			{"Tidal flats", "member", "Forty godwits on the north bank"},                // 15 July 2017, as all
			{"Tidal flats", "owner", "The bank north of here: https://example.org/map"}, //
			{"private", "member", "godwits nest here"},
			{"private", "imported", "and curlews, too"},
			{"openarchived", "local", "Godwits of old, and GÖDWITS"},
			{"opendeleted", "member", "godwits that were deleted"},
			{"open", "member", "干潟のシギ"},
		} {
			w.say(m.room, m.author, m.text)
		}
		w.attach("open", "godwits.txt", []byte("x"))
		w.indexed()
		for _, c := range []struct{ who, query, want string }{
			{"member", "godwits", "3"}, {"outsider", "godwits", "2"}, {"local", "godwits", "3"}, {"guest", "godwits", "0"}, {"member", "GODWITS north", "1"},
			{"member", "godw", "3"}, {"member", "godw ", "0"}, {"member", `"north bank"`, "1"}, {"member", `north bank`, "2"}, {"member", `"bank north" map`, "1"},
			{"member", "from:owner", "1"}, {"member", "from:@Owner bank", "1"}, {"member", `from:"Ann Oystercatcher" godwits`, "2"},
			{"member", "from:ann oystercatcher godwits", "2"}, {"member", "from:me godwits", "2"}, {"member", "from:nobody godwits", `0 Nobody here is called "nobody".`},
			{"member", "from:local", "2"}, {"outsider", "from:imported", "1"},
			{"member", "in:private godwits", "1"}, {"outsider", "in:private godwits", `0 You can read no room called "private".`},
			{"outsider", "in:nowhere godwits", `0 You can read no room called "nowhere".`}, {"member", "in:tidal flats godwits", "1"}, {"member", `in:"Tidal Flats"`, "3"},
			{"member", "in:#open has:file", "1"}, {"member", "has:link", "1"}, {"member", "has:wings godwits", `3 "has:wings" is not something a message can have; known are has:file and has:link.`},
			{"member", "godwits before:2017-07-14", "0"}, {"member", "godwits after:2017-07-13", "3"}, {"member", "godwits on:2017-07-14", "3"},
			{"member", "godwits after:2017", "0"}, {"member", "godwits before:2017-08", "3"}, {"member", "godwits on:2017", "3"}, {"member", "godwits before:soon", `3 "before:soon" has no date; write it like 2018-03-25, 2018-03, 2018, today or yesterday.`},
			{"member", "colour:red godwits", `3 "colour:red" is not something to search by; it was left out. Known are from: in: before: after: on: has:`},
			{"member", "https://example.org/map", "1"}, {"member", "干潟", "1"}, {"member", "godwits from:owner from:me", "2"},
			{"member", "", "0 Type a word, or who wrote it, or where."}, {"member", "!!!", "0 Type a word, or who wrote it, or where."}, {"member", `"`, "0 Type a word, or who wrote it, or where."},
			{"outsider", "from:member@example.org godwits", `0 Nobody here is called "member@example.org".`}, {"owner", "from:member@example.org godwits", "1"},
		} {
			f, err := w.as(c.who).Search(t.Context(), c.query, "")
			if err != nil {
				t.Errorf("%s: %q: %v", c.who, c.query, err)
				continue
			}
			got := strings.TrimSpace(fmt.Sprint(len(f.Hits), " ", strings.Join(f.Notes, " ")))
			if got != c.want {
				t.Errorf("%s looks for %q: %s, want %s", c.who, c.query, got, c.want)
			}
		}
	})
}

func TestSearchGoesOnPageByPage(t *testing.T) {
	w := sqlite(t)
	for i := range 95 {
		w.say("open", "member", fmt.Sprintf("the tide %d is high", i))
		w.say("open", "owner", "the high tide")
	}
	w.indexed()
	c := w.as("member")
	for query, want := range map[string]int{"tide high": 190, `"high tide"`: 95, `"is high"`: 95, "tide from:owner from:member": 190, `"no such phrase tide"`: 0} {
		seen, last, pages := map[string]bool{}, int64(1<<62), 0
		for older := ""; ; pages++ {
			f, err := c.Search(t.Context(), query, older)
			w.must(err)
			for _, h := range f.Hits {
				if seen[h.Message.ID] || h.Message.Sent > last {
					t.Fatalf("%s: %s comes twice or too late", query, h.Message.ID)
				}
				seen[h.Message.ID], last = true, h.Message.Sent
			}
			if older = f.Older; older == "" || pages > 50 {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d found on %d pages, want %d", query, len(seen), pages+1, want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, q := range []string{`from:"a b" in:x "phrase`, "has:file before:2018 :: from: in:", "a:b:c", `"""`, "in:\x00 \xff"} {
		f.Add(q)
	}
	w := sqlite(f)
	c, err := w.service.Roster(f.Context())
	w.must(err)
	actor := &chat.Actor{User: w.users["member"], Roster: c}
	f.Fuzz(func(t *testing.T, q string) {
		if _, err := w.service.Find(t.Context(), actor, q, nil); err != nil && !chat.IsKind(err, chat.Invalid) {
			t.Error(err)
		}
	})
}

func TestAdministratorsFindPeople(t *testing.T) {
	w := sqlite(t)
	c := w.as("admin")
	find := func(q string) (api.AdminPeople, string) {
		var p api.AdminPeople
		w.must(c.Do(t.Context(), "GET", "admin/people?q="+q, nil, &p))
		var names []string
		for _, one := range p.People {
			names = append(names, one.Mention)
		}
		return p, strings.Join(names, " ")
	}
	for q, want := range map[string]string{"OUTSID": "outsider", "%40EXAMPLE.org+own": "owner", "the+gu": "guest", "nobody": "", "example.org+member": "member"} {
		if _, got := find(q); got != want {
			t.Errorf("%s: %q, want %q", q, got, want)
		}
	}
	if p, _ := find("ghost"); len(p.People) != 1 || p.People[0].Role != "placeholder" || p.People[0].Email != "ghost@Example.org" || !p.People[0].Password {
		t.Errorf("%+v", p)
	}
	for i := range 130 {
		w.put(&chat.User{ID: chat.UserID(key("user", fmt.Sprint("many", i))), Name: fmt.Sprintf("Many %d", i%7), Role: chat.RoleMember})
	}
	seen, after := map[string]bool{}, ""
	for {
		p, _ := find("many&after=" + after)
		if p.Total != 130 {
			t.Fatalf("%d in all", p.Total)
		}
		for _, one := range p.People {
			if seen[one.ID] {
				t.Fatalf("%s comes twice", one.ID)
			}
			seen[one.ID] = true
		}
		if after = p.Next; after == "" {
			break
		}
	}
	if len(seen) != 130 {
		t.Errorf("%d seen", len(seen))
	}
}

func TestOverviewCountsWhatIsThere(t *testing.T) {
	w := sqlite(t)
	w.attach("open", "x", []byte("12345"))
	w.must(w.db.Update(t.Context(), func(tx chat.Tx) error { return tx.Put(&chat.Setting{Name: chat.SettingName, Value: "Estuary"}) }))
	w.indexed()
	o, err := w.as("owner").Overview(t.Context())
	w.must(err)
	if o.People != 9 || o.Off != 2 || o.Rooms != 3 || o.Archived != 2 || o.Deleted != 4 || o.Direct != 4 || o.Messages != 14 || o.Files != 1 || o.FileBytes != 5 || o.Place != "Estuary" || o.State != "open" || o.Version != "test" {
		t.Errorf("%+v", o)
	}
}
