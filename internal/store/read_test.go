package store_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestHistory(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		var objects []chat.Object
		var want []chat.MessageID
		for i := range 200 {
			m := messageN(i, 1)
			m.Sent = start + chat.Time(i/3)*second // three at each moment
			m.Gone = i%10 == 9
			objects = append(objects, m, messageN(10000+i, 2))
			want = append(want, m.ID)
		}
		put(t, db, objects...)
		slices.SortFunc(want, func(a, b chat.MessageID) int {
			x, y := get(t, db, a), get(t, db, b)
			if x.Sent != y.Sent {
				return int(x.Sent - y.Sent)
			}
			return slices.Compare(a[:], b[:])
		})
		page := func(q chat.HistoryQuery) (list []*chat.Message) {
			t.Helper()
			q.Room, q.Limit = roomN(1).ID, 7
			if err := db.View(ctx(t), func(r chat.Reader) (err error) { list, err = r.History(q); return err }); err != nil {
				t.Fatal(err)
			}
			return list
		}
		var down, up []chat.MessageID
		for q := (chat.HistoryQuery{}); ; {
			list := page(q)
			if len(list) == 0 {
				break
			}
			for _, m := range slices.Backward(list) {
				down = append(down, m.ID)
			}
			q.Before = &chat.Anchor{Sent: list[0].Sent, ID: list[0].ID}
		}
		slices.Reverse(down)
		for q := (chat.HistoryQuery{After: &chat.Anchor{}}); ; {
			list := page(q)
			if len(list) == 0 {
				break
			}
			for _, m := range list {
				up = append(up, m.ID)
			}
			last := list[len(list)-1]
			q.After = &chat.Anchor{Sent: last.Sent, ID: last.ID}
		}
		if !slices.Equal(down, want) || !slices.Equal(up, want) {
			t.Errorf("paging gives %d upwards and %d downwards of %d, or in another order", len(down), len(up), len(want))
		}
		at := start + 10*second
		if list := page(chat.HistoryQuery{After: &chat.Anchor{Sent: at}}); list[0].ID != want[30] {
			t.Error("a page after a time without an ID begins with the messages of that time")
		}
		if list := page(chat.HistoryQuery{Before: &chat.Anchor{Sent: at}}); list[6].ID != want[29] {
			t.Error("a page before a time without an ID ends before the messages of that time")
		}
	})
}

func TestPlans(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		r := rand.New(rand.NewPCG(1, 1))
		var objects []chat.Object
		for i := range 20_000 {
			m := benchMessage(r, i)
			if i%10 == 0 && i > 0 {
				m.Room, m.Thread, m.Shown = roomN(1).ID, chat.MessageID(key("root", i/1000)), i%100 == 0
			}
			objects = append(objects, m)
		}
		for i := range 5000 {
			objects = append(objects, &chat.Member{Room: roomN(i % 100).ID, User: userN(i).ID}, userN(i),
				&chat.Session{ID: chat.ID[chat.Session](key("session", i)), Hash: fmt.Sprint(i)})
		}
		m.apply(objects...)
		if path[0] == 'p' {
			mustExec(t, path, `ANALYZE`)
		}
		// Every row is read by an index; none of a history is sorted.
		whole := regexp.MustCompile(`(?i)seq scan|^SCAN |\nSCAN `)
		sorted := regexp.MustCompile(`(?i)sort|temp b-tree`)
		check := func(name, plan string, err error) {
			t.Helper()
			if err != nil || plan == "" || whole.MatchString(plan) || strings.Contains(plan, "history") && sorted.MatchString(plan) {
				t.Errorf("%s: %v\n%s", name, err, plan)
			}
		}
		anchor := &chat.Anchor{Sent: start + 1000*second}
		for name, q := range map[string]chat.HistoryQuery{"newest": {}, "before": {Before: anchor}, "after": {After: anchor}} {
			q.Room, q.Limit = roomN(1).ID, 50
			plan, err := db.PlanHistory(ctx(t), q)
			check(name, plan, err)
			if !strings.Contains(plan, "messages_history") {
				t.Errorf("%s: not by the index of history:\n%s", name, plan)
			}
		}
		for name, q := range map[string]chat.HistoryQuery{"newest of a thread": {}, "before in a thread": {Before: anchor}, "after in a thread": {After: anchor}} {
			q.Thread, q.Limit = chat.MessageID(key("root", 7)), 50
			plan, err := db.PlanHistory(ctx(t), q)
			check(name, plan, err)
			if !strings.Contains(plan, "messages_thread") || sorted.MatchString(plan) {
				t.Errorf("%s: not by the index of threads, in its order:\n%s", name, plan)
			}
		}
		plan, err := db.PlanThreads(ctx(t), []chat.MessageID{chat.MessageID(key("root", 1)), chat.MessageID(key("root", 2))})
		check("replies to some messages", plan, err)
		// Postgres may sort what it found: it does so quickly.
		if !strings.Contains(plan, "messages_thread") || path[0] != 'p' && (!strings.Contains(plan, "messages_thread_by") || sorted.MatchString(plan)) {
			t.Errorf("replies are not added up by an index, in its order:\n%s", plan)
		}
		for name, q := range map[string]chat.Query{
			"members of a room":   {Kind: chat.KindMember, Index: chat.Index{A: roomN(1).Key()}, Limit: 50},
			"rooms of a user":     {Kind: chat.KindMember, Index: chat.Index{B: userN(1).Key()}, Limit: 50},
			"a user by e-mail":    {Kind: chat.KindUser, Index: chat.Index{Name: "user.1@example.org"}, Limit: 50},
			"the next users":      {Kind: chat.KindUser, After: userN(1).Key(), Limit: 50},
			"a room by its look":  {Kind: chat.KindRoom, Index: chat.Index{B: chat.LookKey("x")}, Limit: 50},
			"a room of guests":    {Kind: chat.KindRoom, Index: chat.Index{A: chat.LookKey("x")}, Limit: 50},
			"guests of a room":    {Kind: chat.KindUser, Index: chat.Index{A: roomN(1).Key()}, Limit: 50},
			"a session by secret": {Kind: chat.KindSession, Index: chat.Index{Name: "x"}, Limit: 50},
		} {
			plan, err := db.PlanList(ctx(t), q)
			check(name, plan, err)
		}
		plan, err = db.PlanList(ctx(t), chat.Query{Kind: chat.KindMember, In: []chat.Key{roomN(1).Key(), roomN(2).Key()}})
		check("members of some rooms", plan, err)
		if !strings.Contains(plan, "objects_a") {
			t.Errorf("members of some rooms are looked for among all:\n%s", plan)
		}
	})
}

func TestList(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		odd := userN(100)
		odd.Name, odd.Email = `100% \odd_ name`, "O'Brien@example.org"
		gone := userN(101)
		gone.Gone = true
		put(t, db, userN(1), userN(2), odd, gone)
		for find, want := range map[string]int{"user": 2, "user 1": 1, "example u2": 1, "100%": 1, `\odd_`: 1, "%": 1, "_": 1, "o'b": 1, "nobody": 0, "": 3} {
			q := chat.Query{Index: chat.Index{Find: find}}
			if got := listed[chat.User](t, db, q); len(got) != want {
				t.Errorf("%q: %d found, want %d", find, len(got), want)
			}
		}
		if got := listed[chat.User](t, db, chat.Query{Gone: true}); len(got) != 4 {
			t.Error("the deleted ones were not there when asked for")
		}
		put(t, db, messageN(1, 1), messageN(2, 2), messageN(3, 3))
		for _, gone := range []bool{false, true} {
			q := chat.Query{In: []chat.Key{roomN(1).Key(), roomN(3).Key(), roomN(4).Key()}, Gone: gone}
			if got := listed[chat.Message](t, db, q); len(got) != 2 {
				t.Errorf("messages in some rooms: %d", len(got))
			}
		}
		first := listed[chat.User](t, db, chat.Query{Limit: 2})
		rest := listed[chat.User](t, db, chat.Query{After: first[1].Key()})
		if len(first) != 2 || len(rest) != 1 {
			t.Error(len(first), len(rest))
		}
	})
}

func TestSearch(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		private, deleted := roomN(2), roomN(3)
		private.Type, deleted.State = chat.RoomPrivate, chat.RoomDeleted
		say := func(n, room int, text string) *chat.Message {
			m := messageN(n, room)
			m.Text, m.Author = text, userN(n%2).ID
			return m
		}
		link, file := say(6, 1, "Lunch? https://menu.example.org"), say(7, 1, "lunch photo")
		file.Files = []chat.FileID{chat.FileID(key("file", 1))}
		put(t, db, roomN(1), private, deleted, roomN(4), &chat.Member{Room: private.ID, User: userN(1).ID},
			say(1, 1, "Lunch at noon"), say(2, 2, "secret lunch"), say(3, 3, "deleted lunch"), say(4, 4, "東京都でランチ"), say(5, 4, "LÜNCH x_1"), link, file)
		if n, err := db.Unindexed(ctx(t)); n != 7 || err != nil {
			t.Error(n, err)
		}
		indexAll(t, db)
		if n, err := db.Unindexed(ctx(t)); n != 0 || err != nil {
			t.Error(n, err)
		}
		q := func(text string) chat.SearchQuery { return chat.SearchQuery{Terms: chat.Terms(text, true)} }
		member, guest, inRoom, by, until, from, older, hasFile, hasLink, prefix, hidden, none :=
			q("lunch"), q("lunch"), q("lunch"), q("lunch"), q("lunch"), q("lunch"), q("lunch"), q("lunch"), chat.SearchQuery{HasLink: true}, q("lun"), q("lunch"), q("lun")
		member.Viewer, guest.Viewer, guest.Guest, inRoom.Room, by.Author = userN(1).ID, userN(1).ID, true, roomN(4).ID, userN(1).ID
		until.Until, from.From, older.Older = file.Sent, file.Sent, &chat.Anchor{Sent: link.Sent, ID: link.ID}
		hasFile.HasFile, prefix.Prefix, hidden.Room = true, true, private.ID
		all := []string{"lunch photo", "Lunch? https://menu.example.org", "LÜNCH x_1", "Lunch at noon"}
		for name, c := range map[string]struct {
			q    chat.SearchQuery
			want []string
		}{
			"one word, in open rooms, newest first": {q("lunch"), all},
			"two words":                             {q("noon lunch"), all[3:]},
			"no message has both":                   {q("noon photo"), nil},
			"a pair of characters":                  {q("東京"), []string{"東京都でランチ"}},
			"a member also finds what is private":   {member, []string{all[0], all[1], all[2], "secret lunch", all[3]}},
			"a guest only that":                     {guest, []string{"secret lunch"}},
			"in a room":                             {inRoom, all[2:3]},
			"in a room that one may not see":        {hidden, nil},
			"from a person":                         {by, []string{all[0], all[2], all[3]}},
			"before":                                {until, all[1:]},
			"after":                                 {from, all[:1]},
			"older than another hit":                {older, all[2:]},
			"with a file":                           {hasFile, all[:1]},
			"with a link, any words":                {hasLink, all[1:2]},
			"the beginning of a word":               {prefix, all},
			"the beginning only when asked for":     {none, nil},
			"signs of query languages are no signs": {q(`"lunch' OR NOT (* : & | \`), nil},
		} {
			if got := searchFor(t, db, c.q); !reflect.DeepEqual(got, append([]string{}, c.want...)) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
		t.Run("an edited message is found by its new words, a deleted one by none", func(t *testing.T) {
			m := say(1, 1, "dinner at noon")
			put(t, db, m)
			link.Text, link.Gone = "", true
			put(t, db, link)
			if got := searchFor(t, db, q("menu")); len(got) != 0 {
				t.Error("a deleted message was found before it was indexed:", got)
			}
			indexAll(t, db)
			if got := searchFor(t, db, q("lunch noon")); len(got) != 0 {
				t.Error(got)
			}
			if got := searchFor(t, db, q("dinner")); len(got) != 1 {
				t.Error(got)
			}
		})
		t.Run("access that was taken away ends at once", func(t *testing.T) {
			put(t, db, &chat.Member{Room: private.ID, User: userN(1).ID, Gone: true})
			if got := searchFor(t, db, guest); len(got) != 0 {
				t.Error(got)
			}
			closed := roomN(4)
			closed.Type = chat.RoomPrivate
			put(t, db, closed)
			if got := searchFor(t, db, q("x_1")); len(got) != 0 {
				t.Error(got)
			}
		})
		t.Run("the index can be built again", func(t *testing.T) {
			if err := db.Reindex(ctx(t)); err != nil {
				t.Fatal(err)
			}
			if got := searchFor(t, db, q("dinner")); len(got) != 0 {
				t.Error(got)
			}
			indexAll(t, db)
			if got := searchFor(t, db, q("dinner")); len(got) != 1 {
				t.Error(got)
			}
		})
	})
}

func TestSearchPages(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		objects := []chat.Object{roomN(1), roomN(2)}
		hide := roomN(2)
		hide.Type = chat.RoomPrivate
		objects[1] = hide
		want := map[string]bool{}
		for i := range 3000 {
			m := messageN(i, 1+i%2)
			m.Sent = start + chat.Time(i/40)*second // many at each moment: places in the index collide
			m.Text = fmt.Sprint("word n", i)
			objects = append(objects, m)
			if i%2 == 0 {
				want[m.Text] = true
			}
		}
		put(t, db, objects...)
		indexAll(t, db)
		q := chat.SearchQuery{Terms: []string{"word"}, Limit: 70}
		var last *chat.Message
		for {
			found, err := db.Search(ctx(t), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range found {
				if !want[m.Text] {
					t.Fatalf("%q was found twice, or is not visible", m.Text)
				}
				if last != nil && (m.Sent > last.Sent || m.Sent == last.Sent && slices.Compare(m.ID[:], last.ID[:]) >= 0) {
					t.Fatalf("%s %d is not before %s %d", m.ID, m.Sent, last.ID, last.Sent)
				}
				delete(want, m.Text)
				last = m
			}
			if len(found) < q.Limit {
				break
			}
			q.Older = &chat.Anchor{Sent: last.Sent, ID: last.ID}
		}
		if len(want) > 0 {
			t.Errorf("%d of 1500 were not found", len(want))
		}
	})
}
