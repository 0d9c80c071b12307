package hipchat_test

import (
	"fmt"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

func TestACleanSampleGivesNoNotes(t *testing.T) {
	for _, flavour := range []string{"B", "C"} {
		for seed := range uint64(6) {
			for _, name := range []string{"x.tar.gz", "x"} {
				o := hipchat.SampleOptions{Seed: seed, Users: 40 + 60*int(seed%2), Rooms: 25, Messages: 3000, Files: 60, Flavour: flavour, Later: seed > 3}
				items, err := all(t, write(t, name, o), connect.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range items {
					if i.Note != nil {
						t.Errorf("flavour %s, seed %d, %s: %s %s: %s", flavour, seed, name, i.Note.Kind, i.Note.Where, i.Note.Reason)
					}
				}
			}
		}
	}
}

// members are by room and user.
func members(items []connect.Item) map[string]int {
	names, orders := map[chat.Key]string{}, map[string]int{}
	for _, i := range items {
		switch o := i.Object.(type) {
		case *chat.User:
			names[o.Key()] = o.Name
		case *chat.Room:
			names[o.Key()] = o.Name
		}
	}
	for _, i := range items {
		if m, ok := i.Object.(*chat.Member); ok {
			orders[fmt.Sprintf("%s: %s", names[chat.Key(m.Room)], names[chat.Key(m.User)])] = m.Order
		}
	}
	return orders
}

func TestAutoJoinsGiveTheOrderOfTheSidebar(t *testing.T) {
	users := `[{"User":{"id":1,"name":"Ada"}},{"User":{"id":2,"name":"Ben"}}]`
	rooms := `[{"Room":{"id":7,"name":"Ops","privacy":"public","members":[]}},{"Room":{"id":8,"name":"Secret Plans","privacy":"private","members":[1,2]}}]`
	joins := `[{"jid":"1_ops@conf.btf.hipchat.com"},{"jid":"1_2@chat.btf.hipchat.com"},{"jid":"1_secret_plans@conf.btf.hipchat.com"}]`
	direct := `[{"PrivateUserMessage":{"id":"a","message":"hi","sender":{"id":1},"receiver":{"id":2},"timestamp":"2018-03-25T00:51:24Z"}}]`
	want := map[string]int{"Ops: Ada": 1, ": Ada": 2, ": Ben": 0, "Secret Plans: Ada": 3, "Secret Plans: Ben": 0}
	check := func(items []connect.Item, err error, want map[string]int, notes int) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := members(items); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
		for _, i := range items {
			if i.Note != nil {
				notes--
			}
		}
		if notes != 0 {
			t.Errorf("%d notes too few", notes)
		}
	}
	early := tarOf("users.json", users, "rooms.json", rooms, "users/1/autojoin.json", joins, "users/1/history.json", direct)
	items, err := all(t, put(t, "x", early), connect.Options{})
	check(items, err, want, 0)
	everybody := tarOf("users.json", users, "rooms.json", rooms, "autojoins.json", `{"pref:autoJoin:1":`+joins+`,"pref:autoJoin:2":"None"}`, "users/1/history.json", direct)
	items, err = all(t, put(t, "x", everybody), connect.Options{})
	check(items, err, want, 0)
	// Behind the histories the order would change what was given: it is lost,
	// and said to be.
	late := tarOf("users.json", users, "rooms.json", rooms, "users/1/history.json", direct, "users/1/autojoin.json", joins)
	items, err = all(t, put(t, "x", late), connect.Options{})
	check(items, err, map[string]int{"Ops: Ada": 0, ": Ada": 0, ": Ben": 0, "Secret Plans: Ada": 0, "Secret Plans: Ben": 0}, 1)
}
