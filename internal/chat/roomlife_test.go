package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestNamesAreCleanedOrRefused(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	n := 0
	create := func(name string) (*chat.RoomView, error) {
		n++
		return p.s.CreateRoom(ctx, p.as("ann"), chat.NewRoom{Name: name, Type: chat.RoomOpen, Nonce: fmt.Sprintf("the nonce %d", n)})
	}
	for in, want := range map[string]string{
		"  Tidal   flats\t\n": "Tidal flats", "#general": "general", "a\x00b": "ab", "evil\u202egnp.exe": "evilgnp.exe", "zero\u200bwidth": "zerowidth",
		"soft\u00adhyphen\ufeff": "softhyphen", "e\u0301tude": "étude", "z\u0300\u0301\u0302\u0303\u0304\u0305algo": "z\u0300\u0301\u0302algo",
		"می\u200cخواهم": "می\u200cخواهم", "ab\u200dc": "abc", "lists 👩\u200d🚀 1": "lists 👩\u200d🚀 1", "東京": "東京", "\xff\xfebytes": "bytes",
		"private\ue000use": "privateuse", "tag\U000e0041s": "tags", "blank\u3164letter": "blank letter", "line\u2028two": "line two",
		strings.Repeat("x", 80): strings.Repeat("x", 80), "\u2067isolate\u2069": "isolate",
	} {
		v, err := create(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if v.Name != want {
			t.Errorf("%q became %q, want %q", in, v.Name, want)
		}
	}
	for what, in := range map[string]string{
		"nothing": "", "blanks": " \t\u00a0\u2003", "only NUL": "\x00\x00", "only zero width": "\u200b\u200d\ufeff", "only direction": "\u202e\u2066",
		"only emoji": "🎉🎉", "only signs": "--- !!", "10,000 letters": strings.Repeat("n", 10_000), "81 letters": strings.Repeat("é", 81), "only a mark": "\u0301",
		"only blank letters": "\u3164\u115f",
	} {
		_, err := create(in)
		wantKind(t, what, err, chat.Invalid)
	}
}

func TestNamesThatLookTheSameAreOne(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	n := 0
	create := func(name string) error {
		n++
		_, err := p.s.CreateRoom(ctx, p.as("ann"), chat.NewRoom{Name: name, Type: chat.RoomPrivate, Nonce: fmt.Sprintf("a nonce %d", n)})
		return err
	}
	p.must(create("Support team"))
	for _, same := range []string{
		"support team", "SUPPORT  TEAM", "Süpport team", "Support\u200bteam", "Support-team", "support_team", "Ѕupport team", "Suppоrt team", "Ｓｕｐｐｏｒｔ team", "\u202esupport team", "#Support team",
	} {
		wantKind(t, same, create(same), chat.Conflict)
	}
	for _, other := range []string{"Support teams", "modem", "modern", "Team 1", "Team l", "Поддержка"} {
		if err := create(other); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
	wantKind(t, "the same in another script", create("Поддержкa"), chat.Conflict)
	t.Run("a deleted room gives its name away, and cannot come back then", func(t *testing.T) {
		id := p.room("Short lived", chat.RoomOpen, "")
		p.must(p.s.SetRoomState(ctx, p.as("ann"), id, chat.RoomArchived))
		wantKind(t, "an archived one keeps it", create("short lived"), chat.Conflict)
		p.must(p.s.SetRoomState(ctx, p.as("ann"), id, chat.RoomDeleted))
		p.must(create("short lived"))
		wantKind(t, "restore", p.s.SetRoomState(ctx, p.as("boss"), id, chat.RoomActive), chat.Conflict)
	})
	t.Run("a rename to what it is called, in other case, is none of a conflict", func(t *testing.T) {
		id := p.room("Lower case", chat.RoomOpen, "")
		name := "LOWER Case"
		v, err := p.s.EditRoom(ctx, p.as("ann"), id, chat.RoomEdit{Name: &name})
		if err != nil || v.Name != name {
			t.Error(v, err)
		}
		name = "Support Team"
		_, err = p.s.EditRoom(ctx, p.as("ann"), id, chat.RoomEdit{Name: &name})
		wantKind(t, "another's", err, chat.Conflict)
	})
}

func TestTwoWhoMakeARoomOfOneNameAtOnceMakeOne(t *testing.T) {
	bothPlaces(t, func(t *testing.T, p *place) {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			a, name := p.as([]string{"ann", "ben"}[i%2]), []string{"Harbour", "harbour", "Hаrbour", "HARBOUR"}[i%4]
			wg.Go(func() {
				_, errs[i] = p.s.CreateRoom(context.Background(), a, chat.NewRoom{Name: name, Type: chat.RoomOpen, Nonce: fmt.Sprintf("nonce of try %d", i)})
			})
		}
		wg.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				wantKind(t, "the others", err, chat.Conflict)
			}
		}
		if made != 1 {
			t.Errorf("%d rooms: %v", made, errs)
		}
	})
}

func TestTheSameNonceMakesARoomOnce(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	n := chat.NewRoom{Name: "Once", Topic: "only", Type: chat.RoomPrivate, People: p.ids("ben dee old"), Nonce: "nonce-of-once"}
	first, err := p.s.CreateRoom(ctx, p.as("ann"), n)
	p.must(err)
	n.Name = "Twice"
	again, err := p.s.CreateRoom(ctx, p.as("ann"), n)
	p.must(err)
	if again.ID != first.ID || again.Name != "Once" {
		t.Errorf("%+v", again.Room)
	}
	if got := p.members(first.ID); got != "ann! ben dee" {
		t.Errorf("in it: %s", got)
	}
	want := []string{"system ann: made this room", "topic ann: only", "system ann: invited ben and dee"}
	if got := p.history(first.ID); !slices.Equal(got, want) {
		t.Errorf("history: %q", got)
	}
	_, err = p.s.CreateRoom(ctx, p.as("guest"), n)
	wantKind(t, "a guest", err, chat.Denied)
	_, err = p.s.CreateRoom(ctx, p.as("operator"), n)
	wantKind(t, "nobody", err, chat.Denied)
	p.put(&chat.Setting{Name: chat.SettingRoomsBy, Value: chat.ByAdmins})
	n.Nonce = "nonce-of-a-member"
	_, err = p.s.CreateRoom(ctx, p.as("ann"), n)
	wantKind(t, "a member where administrators make rooms", err, chat.Denied)
	if _, err = p.s.CreateRoom(ctx, p.as("admin"), chat.NewRoom{Name: "By one of them", Type: chat.RoomOpen, Nonce: "nonce-of-admin"}); err != nil {
		t.Errorf("an administrator: %v", err)
	}
	p.put(&chat.Setting{Name: chat.SettingRoomsBy, Gone: true})
	n.Type, n.Nonce = chat.RoomDirect, "nonce-of-another"
	_, err = p.s.CreateRoom(ctx, p.as("ann"), n)
	wantKind(t, "a 1-1 by hand", err, chat.Invalid)
	n.Type, n.Nonce = chat.RoomOpen, "short"
	_, err = p.s.CreateRoom(ctx, p.as("ann"), n)
	wantKind(t, "a short nonce", err, chat.Invalid)
}

func TestWhatHappensToARoomStandsInItsHistory(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	id := p.room("Flats", chat.RoomPrivate, "ben")
	edit := func(who string, e chat.RoomEdit) {
		t.Helper()
		_, err := p.s.EditRoom(ctx, p.as(who), id, e)
		p.must(err)
	}
	name, topic, open, private := "Mudflats", "  Mud,\nand birds ", chat.RoomOpen, chat.RoomPrivate
	for range 2 { // the second time nothing happens
		edit("ann", chat.RoomEdit{Name: &name})
		edit("ben", chat.RoomEdit{Topic: &topic})
		edit("ann", chat.RoomEdit{Type: &open, Confirm: true})
	}
	edit("ann", chat.RoomEdit{Type: &private})
	p.must(p.s.SetMemberAdmin(ctx, p.as("ann"), id, p.id("ben"), true))
	p.must(p.s.SetMemberAdmin(ctx, p.as("ann"), id, p.id("ben"), true))
	for range 2 {
		_, err := p.s.Invite(ctx, p.as("ben"), id, p.ids("cid dee"))
		p.must(err)
		p.must(p.s.RemoveMember(ctx, p.as("ben"), id, p.id("cid")))
		p.must(p.s.SetRoomOwner(ctx, p.as("boss"), id, p.id("ben")))
		p.must(p.s.SetMemberAdmin(ctx, p.as("ben"), id, p.id("ann"), false))
	}
	p.must(p.s.Leave(ctx, p.as("dee"), id))
	p.must(p.s.SetRoomState(ctx, p.as("ben"), id, chat.RoomArchived))
	p.must(p.s.SetRoomState(ctx, p.as("ben"), id, chat.RoomActive))
	p.must(p.s.SetRoomState(ctx, p.as("ben"), id, chat.RoomDeleted))
	p.must(p.s.SetRoomState(ctx, p.as("ben"), id, chat.RoomActive))
	want := []string{
		"system ann: made this room", "system ann: invited ben", "system ann: renamed the room from “Flats” to “Mudflats”", "topic ben: Mud, and birds",
		"system ann: made the room open: everybody here can find and read it", "system ann: made the room private: only its members can find and read it",
		"system ann: made ben an administrator of the room", "system ben: invited cid and dee", "system ben: took cid out of the room", "system boss: made ben the owner of the room",
		"system ben: ann is no longer an administrator of the room",
		"system ben: invited cid", "system ben: took cid out of the room", // the second round: cid was out again
		"system dee: left the room", "system ben: archived the room", "system ben: opened the room again", "system ben: deleted the room", "system ben: restored the room",
	}
	if got := p.history(id); !slices.Equal(got, want) {
		t.Errorf("history:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantAudits := []string{"create room", "rename room", "make room open", "make room private", "make room administrator", "remove from room", "hand room over",
		"unmake room administrator", "remove from room", "archive room", "open room again", "delete room", "restore room"}
	got := p.audits()
	slices.Sort(got)
	slices.Sort(wantAudits)
	if !slices.Equal(got, wantAudits) {
		t.Errorf("written down: %q\nwant %q", got, wantAudits)
	}
	if got := p.members(id); got != "ann ben!" {
		t.Errorf("in it: %s", got)
	}
}

func TestAPrivateRoomBecomesOpenOnlyWhenConfirmed(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	id := p.room("Board", chat.RoomPrivate, "ben")
	open := chat.RoomOpen
	_, err := p.s.EditRoom(ctx, p.as("ann"), id, chat.RoomEdit{Type: &open})
	wantKind(t, "unconfirmed", err, chat.Conflict)
	// Guests and the imported half of dee are nobody's audience.
	if err == nil || !strings.Contains(err.Error(), "6 people, 2 messages") {
		t.Errorf("the audience is not named: %v", err)
	}
	_, err = p.s.EditRoom(ctx, p.as("ben"), id, chat.RoomEdit{Type: &open})
	wantKind(t, "one who may not", err, chat.Denied)
	if p.get(id).Type != chat.RoomPrivate {
		t.Fatal("it is open")
	}
	v, err := p.s.EditRoom(ctx, p.as("ann"), id, chat.RoomEdit{Type: &open, Confirm: true})
	p.must(err)
	if v.Type != chat.RoomOpen || p.members(id) != "ann! ben" {
		t.Errorf("%s, %s", v.Type, p.members(id))
	}
	private := chat.RoomPrivate
	_, err = p.s.EditRoom(ctx, p.as("ann"), id, chat.RoomEdit{Type: &private})
	p.must(err)
	if p.members(id) != "ann! ben" {
		t.Errorf("in the private room: %s", p.members(id))
	}
}

func TestAnOwnerWhoLeavesLeavesTheRoomToSomebody(t *testing.T) {
	ctx := context.Background()
	for members, want := range map[string]string{"cid ben! guest": "ben", "guest": "", "cid guest": "cid"} {
		p := sqlitePlace(t)
		id := p.room("Heirs", chat.RoomPrivate, members)
		p.must(p.s.Leave(ctx, p.as("ann"), id))
		p.must(p.s.Leave(ctx, p.as("cid"), p.room("Heirs of nobody", chat.RoomOpen, ""))) // nobody can leave what they are not in
		owner := p.get(id).Owner
		if want == "" && !owner.IsZero() || want != "" && owner != p.id(want) {
			t.Errorf("with %s: %s", members, owner)
		}
		if strings.Contains(p.members(id), "ann") {
			t.Error("ann is still in")
		}
	}
	p := sqlitePlace(t)
	id := p.room("Stays", chat.RoomPrivate, "ben!")
	wantKind(t, "the owner is taken out", p.s.RemoveMember(ctx, p.as("ben"), id, p.id("ann")), chat.Denied)
	wantKind(t, "the owner is no administrator", p.s.SetMemberAdmin(ctx, p.as("ben"), id, p.id("ann"), false), chat.Denied)
	wantKind(t, "a guest is the owner", p.s.SetRoomOwner(ctx, p.as("ann"), id, p.id("guest")), chat.NotFound)
	_, err := p.s.Invite(ctx, p.as("ann"), id, p.ids("guest"))
	p.must(err)
	wantKind(t, "a guest is the owner", p.s.SetRoomOwner(ctx, p.as("ann"), id, p.id("guest")), chat.Denied)
	wantKind(t, "a guest is administrator", p.s.SetMemberAdmin(ctx, p.as("ann"), id, p.id("guest"), true), chat.Denied)
}

func TestWhoIsTwoIsInARoomOnce(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	id := p.room("Twins", chat.RoomPrivate, "")
	p.put(&chat.Member{Room: id, User: p.id("old")})
	_, err := p.s.Invite(ctx, p.as("ann"), id, p.ids("dee old"))
	p.must(err)
	if got := p.members(id); got != "ann! old" {
		t.Errorf("invited: %s", got)
	}
	p.must(p.s.SetMemberAdmin(ctx, p.as("ann"), id, p.id("dee"), true))
	if got := p.members(id); got != "ann! old!" {
		t.Errorf("administrator: %s", got)
	}
	p.put(&chat.Member{Room: id, User: p.id("dee")})
	v, err := p.s.Room(ctx, p.as("dee"), id)
	p.must(err)
	if v.Members != 2 || len(v.Admins) != 2 {
		t.Errorf("%d members, %d administrators", v.Members, len(v.Admins))
	}
	p.must(p.s.RemoveMember(ctx, p.as("ann"), id, p.id("old")))
	if got := p.members(id); got != "ann!" {
		t.Errorf("after removing: %s", got)
	}
	_, err = p.s.Room(ctx, p.as("dee"), id)
	wantKind(t, "read", err, chat.NotFound)
}

func TestInvitingSomebodyWhoCannotCome(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	id := p.room("Inn", chat.RoomPrivate, "")
	off := *p.users["cid"]
	off.Off = true
	p.put(&off)
	for what, c := range map[string]struct {
		who  chat.UserID
		kind chat.ErrorKind
	}{
		"one who left": {p.id("cid"), chat.Invalid}, "nobody": {chat.UserID{1}, chat.NotFound}, "a placeholder": {p.user("ghost", chat.RolePlaceholder).ID, chat.Invalid},
	} {
		_, err := p.s.Invite(ctx, p.as("ann"), id, []chat.UserID{p.id("ben"), c.who})
		wantKind(t, what, err, c.kind)
	}
	if got := p.members(id); got != "ann!" {
		t.Errorf("half of them came: %s", got)
	}
	_, err := p.s.Invite(ctx, p.as("ann"), id, make([]chat.UserID, 501))
	wantKind(t, "too many", err, chat.Invalid)
}

func TestOneWhoIsTakenOutCannotPostAnyMore(t *testing.T) {
	bothPlaces(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		id := p.room("Door", chat.RoomPrivate, "ben")
		p.put(&chat.Credential{User: p.id("ben"), Type: "password", Secret: "plain:a long password"})
		_, secret, err := p.s.SignIn(ctx, "ben", "a long password", "test")
		p.must(err)
		var wg sync.WaitGroup
		out := make(chan struct{})
		posted := 0
		wg.Go(func() {
			for i := 0; ; i++ {
				_, _, err := p.s.Post(ctx, secret, chat.Draft{Room: id, Text: "knock", Nonce: fmt.Sprintf("nonce-%d-of-ben", i)})
				if err != nil {
					wantKind(t, "post", err, chat.NotFound)
					return
				}
				if posted++; posted == 3 {
					close(out)
				}
			}
		})
		<-out
		p.must(p.s.RemoveMember(ctx, p.as("ann"), id, p.id("ben")))
		wg.Wait()
		if last := p.last(id); last != "system ann: took ben out of the room" {
			t.Errorf("after that: %s", last)
		}
	})
}

func TestDeletedRoomsArePurgedWhenTheirTimeIsOver(t *testing.T) {
	bothPlaces(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		id, kept, other := p.room("Doomed", chat.RoomPrivate, "ben"), p.room("Spared", chat.RoomPrivate, ""), p.room("Other", chat.RoomOpen, "")
		var first chat.MessageID
		for i := range 450 {
			m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(chat.Time(i)*1e6, "test", "m", fmt.Sprint(i))), Room: id, Author: p.id("ben"), Sent: chat.Time(i+1) * 1e6, Text: "canary"}
			if i == 0 {
				first = m.ID
				m.Files = []chat.FileID{{7}}
				p.put(&chat.File{ID: chat.FileID{7}, Room: id, Message: m.ID, Name: "canary.txt"}, &chat.Reaction{Message: m.ID, User: p.id("ann"), Emoji: "👍"}, &chat.Pin{Room: id, Message: m.ID},
					&chat.Revision{ID: chat.ID[chat.Revision]{8}, Message: m.ID, Text: "an older canary"}, &chat.Follow{Thread: m.ID, User: p.id("ann")}, &chat.Saved{User: p.id("ann"), Message: m.ID})
			}
			p.put(m)
		}
		p.must(p.s.SetRoomState(ctx, p.as("ann"), id, chat.RoomDeleted))
		p.must(p.s.SetRoomState(ctx, p.as("ann"), kept, chat.RoomDeleted))
		room := p.get(id)
		if left := time.Until(room.Ends.Std()); left < 29*24*time.Hour || left > 30*24*time.Hour {
			t.Errorf("it goes in %s", left)
		}
		sweep := func() int {
			t.Helper()
			n, err := p.s.SweepRooms(ctx)
			p.must(err)
			return n
		}
		if n := sweep(); n != 0 || p.get(id).Gone {
			t.Fatalf("%d went too early", n)
		}
		room.Ends = chat.TimeOf(time.Now().Add(-time.Minute))
		p.put(room)
		wantKind(t, "restore it too late", p.s.SetRoomState(ctx, p.as("boss"), id, chat.RoomActive), chat.Conflict)
		if n := sweep(); n != 453 { // and made, invited, deleted
			t.Errorf("%d messages went", n)
		}
		if n := sweep(); n != 0 {
			t.Errorf("again: %d", n)
		}
		p.must(p.db.View(ctx, func(r chat.Reader) error {
			room, err := chat.Get[chat.Room](r, id)
			p.must(err)
			if !room.Gone || room.Name != "" {
				t.Errorf("the room: %+v", room)
			}
			m, err := chat.Get[chat.Message](r, first)
			p.must(err)
			if !m.Gone || m.Text != "" || len(m.Files) != 0 {
				t.Errorf("a message: %+v", m)
			}
			purges, err := chat.List[chat.Purge](r, chat.Query{Index: chat.Index{A: chat.Key(id)}})
			if err != nil || len(purges) != 1 {
				t.Errorf("purges: %v, %v", purges, err)
			}
			changes, _, err := r.Changes(0, 10_000)
			for _, c := range changes {
				if strings.Contains(string(chat.EncodeBody(c.Object)), "canary") {
					t.Errorf("left: %s", c)
				}
			}
			return err
		}))
		if p.members(id) != "" {
			t.Errorf("in it: %s", p.members(id))
		}
		p.must(p.s.SetRoomState(ctx, p.as("boss"), kept, chat.RoomActive))
		if p.get(kept).State != chat.RoomActive || p.get(kept).Ends != 0 || len(p.history(other)) != 1 {
			t.Error("something else was touched")
		}
		wantKind(t, "restore what is gone", p.s.SetRoomState(ctx, p.as("boss"), id, chat.RoomActive), chat.NotFound)
	})
}

func TestWhatOneHasOfARoom(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	room, other := p.room("Kept", chat.RoomOpen, "ben"), p.room("Also kept", chat.RoomOpen, "ben")
	yes, no, level, bad := true, false, chat.NotifyMentions, chat.NotifyLevel("loud")
	p.must(p.s.SetMine(ctx, p.as("ben"), room, chat.Mine{Star: &yes, Notify: &level}))
	p.must(p.s.SetOrder(ctx, p.as("ben"), []chat.RoomID{other, room, room, {9}}))
	list, _, _, err := p.s.Sidebar(ctx, p.as("ben"))
	p.must(err)
	for _, v := range list {
		if v.ID == room && (!v.Member.Star || v.Member.Notify != level || v.Member.Order != 2) || v.ID == other && v.Member.Order != 1 {
			t.Errorf("%s: %+v", v.Name, v.Member)
		}
	}
	wantKind(t, "an unknown level", p.s.SetMine(ctx, p.as("ben"), room, chat.Mine{Notify: &bad}), chat.Invalid)
	wantKind(t, "a room one is not in", p.s.SetMine(ctx, p.as("cid"), room, chat.Mine{Star: &yes}), chat.Denied)
	wantKind(t, "hiding a room", p.s.SetMine(ctx, p.as("ben"), room, chat.Mine{Hidden: &yes}), chat.Invalid)
	wantKind(t, "too many rooms in order", p.s.SetOrder(ctx, p.as("ben"), make([]chat.RoomID, 5001)), chat.Invalid)
	v, err := p.s.Converse(ctx, p.as("ann"), p.ids("ben"))
	p.must(err)
	for range 2 {
		p.must(p.s.SetMine(ctx, p.as("ben"), v.ID, chat.Mine{Hidden: &yes}))
	}
	list, _, _, err = p.s.Sidebar(ctx, p.as("ben"))
	p.must(err)
	i := slices.IndexFunc(list, func(one *chat.RoomView) bool { return one.ID == v.ID })
	if i < 0 || list[i].Member.Hidden == 0 {
		t.Error("it is not hidden")
	}
	p.must(p.s.SetMine(ctx, p.as("ben"), v.ID, chat.Mine{Hidden: &no}))
	p.must(p.s.SetMine(ctx, p.as("ben"), v.ID, chat.Mine{Hidden: &yes}))
	again, err := p.s.Converse(ctx, p.as("ben"), p.ids("ann"))
	p.must(err)
	if again.ID != v.ID || again.Member.Hidden != 0 {
		t.Errorf("beginning it again shows it: %+v", again.Member)
	}
}

func TestAConversationIsOfItsPeople(t *testing.T) {
	bothPlaces(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		begin := func(who, with string) *chat.RoomView {
			t.Helper()
			v, err := p.s.Converse(ctx, p.as(who), p.ids(with))
			p.must(err)
			return v
		}
		direct := begin("ann", "ben")
		if direct.Type != chat.RoomDirect || begin("ben", "ann").ID != direct.ID || begin("ann", "ben ann ben").ID != direct.ID {
			t.Error("not one 1-1")
		}
		group := begin("ann", "ben cid")
		if group.Type != chat.RoomGroup || group.ID == direct.ID || begin("cid", "ben ann").ID != group.ID {
			t.Error("not one group")
		}
		self := begin("ann", "")
		if self.Type != chat.RoomDirect || len(self.With) != 1 || self.With[0] != p.id("ann") || begin("ann", "ann").ID != self.ID {
			t.Errorf("notes to oneself: %+v", self)
		}
		t.Run("the one that was imported is found, whoever is two", func(t *testing.T) {
			old := &chat.Room{ID: chat.RoomID{5}, Type: chat.RoomDirect}
			p.put(old, &chat.Member{Room: old.ID, User: p.id("old")}, &chat.Member{Room: old.ID, User: p.id("ben")})
			if begin("ben", "dee").ID != old.ID || begin("dee", "ben").ID != old.ID || begin("ben", "old").ID != old.ID {
				t.Error("another one")
			}
		})
		t.Run("two at once begin one", func(t *testing.T) {
			ids := make([]chat.RoomID, 8)
			var wg sync.WaitGroup
			for i := range ids {
				a, with := p.as([]string{"boss", "cid"}[i%2]), p.ids([]string{"cid dee", "dee boss"}[i%2])
				wg.Go(func() {
					v, err := p.s.Converse(ctx, a, with)
					if err != nil {
						t.Error(err)
						return
					}
					ids[i] = v.ID
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id != ids[0] {
					t.Fatalf("%v", ids)
				}
			}
		})
		t.Run("one more makes another group, and the first stays", func(t *testing.T) {
			v, err := p.s.Invite(ctx, p.as("ben"), group.ID, p.ids("dee"))
			p.must(err)
			if v.ID == group.ID || v.Type != chat.RoomGroup || len(v.With) != 3 || p.members(group.ID) != "ann ben cid" {
				t.Errorf("%+v; the first has %s", v.With, p.members(group.ID))
			}
		})
		_, err := p.s.Converse(ctx, p.as("guest"), p.ids("ann"))
		wantKind(t, "a guest", err, chat.Denied)
		_, err = p.s.Converse(ctx, p.as("ann"), []chat.UserID{{1}})
		wantKind(t, "nobody", err, chat.NotFound)
		var many string
		for i := range 9 {
			name := fmt.Sprintf("extra%d", i)
			p.user(name, chat.RoleMember)
			many += " " + name
		}
		_, err = p.s.Converse(ctx, p.as("ann"), p.ids(many))
		wantKind(t, "ten people", err, chat.Invalid)
		off := *p.users["cid"]
		off.Off = true
		p.put(&off)
		if begin("ann", "ben cid").ID != group.ID {
			t.Error("a group with one who left is still there")
		}
		_, err = p.s.Converse(ctx, p.as("ann"), p.ids("cid"))
		wantKind(t, "one who left", err, chat.Invalid)
	})
}

func FuzzCleanLine(f *testing.F) {
	for _, s := range []string{"Tidal flats", "\u202eevil\x00", "👩\u200d🚀", "z\u0300\u0301\u0302\u0303", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := chat.CleanLine(s)
		if again := chat.CleanLine(c); again != c {
			t.Fatalf("%q cleans to %q, and that to %q", s, c, again)
		}
		if strings.ContainsAny(c, "\x00\n\r\u202e\u2066\u200b\ufeff") || strings.HasPrefix(c, " ") || strings.HasSuffix(c, " ") || strings.Contains(c, "  ") {
			t.Fatalf("%q", c)
		}
		if chat.LookKey(s) != chat.LookKey(c) && s != "" && c != "" {
			t.Fatalf("%q and %q look different", s, c)
		}
	})
}
