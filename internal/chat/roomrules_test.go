package chat_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

// whoMay is the table of docs/rooms.md for a room of ann's that ben looks
// after and cid, the guest and dee (by an identity that was imported) are in.
// "open" rooms can be read by all but guests; boss and admin are the place's.
var whoMay = map[chat.RoomType]map[chat.Act]string{
	chat.RoomOpen: {
		chat.ActTopic: "admin ann ben boss cid dee", chat.ActInvite: "admin ann ben boss cid dee",
		chat.ActRename: "admin ann ben boss", chat.ActRemove: "admin ann ben boss", chat.ActRoles: "admin ann ben boss",
		chat.ActType: "admin ann ben boss", chat.ActGuests: "admin ann ben boss", chat.ActArchive: "admin ann ben boss",
		chat.ActDelete: "admin ann ben boss", chat.ActOwner: "admin ann boss", chat.ActLeave: "ann ben cid dee guest", chat.ActJoin: "admin boss eve",
	},
	chat.RoomPrivate: {
		chat.ActTopic: "ann ben cid dee", chat.ActInvite: "ann ben cid dee",
		chat.ActRename: "ann ben", chat.ActRemove: "ann ben", chat.ActRoles: "ann ben",
		chat.ActType: "ann ben", chat.ActGuests: "ann ben", chat.ActArchive: "ann ben",
		chat.ActDelete: "ann ben", chat.ActOwner: "ann", chat.ActLeave: "ann ben cid dee guest", chat.ActJoin: "",
	},
}

func TestWhoMayDoWhatWithARoom(t *testing.T) {
	ctx := context.Background()
	for typ, acts := range whoMay {
		p := sqlitePlace(t)
		p.user("eve", chat.RoleMember)
		id := p.room("Tides", typ, "ben! cid guest")
		p.put(&chat.Member{Room: id, User: p.id("old")})
		for who := range p.users {
			if who == "old" {
				continue
			}
			v, err := p.s.Room(ctx, p.as(who), id)
			if err != nil {
				if typ == chat.RoomOpen && who != "guest" || !chat.IsKind(err, chat.NotFound) {
					t.Errorf("%s reads the %s room: %v", who, typ, err)
				}
				v = &chat.RoomView{}
			}
			for act, may := range acts {
				if want := slices.Contains(strings.Fields(may), who); slices.Contains(v.May, act) != want {
					t.Errorf("%s, %s, %s: %v", typ, act, who, v.May)
				}
			}
		}
	}
}

// deeds are what each act is, so that what is offered and what is allowed
// cannot come apart.
func deeds(p *place, id chat.RoomID) map[chat.Act]func(*chat.Actor) error {
	ctx := context.Background()
	edit := func(e chat.RoomEdit) func(*chat.Actor) error {
		return func(a *chat.Actor) error { _, err := p.s.EditRoom(ctx, a, id, e); return err }
	}
	name, topic, typ := "Other", "A topic", chat.RoomPrivate
	return map[chat.Act]func(*chat.Actor) error{
		chat.ActRename: edit(chat.RoomEdit{Name: &name}), chat.ActTopic: edit(chat.RoomEdit{Topic: &topic}), chat.ActType: edit(chat.RoomEdit{Type: &typ}),
		chat.ActInvite:  func(a *chat.Actor) error { _, err := p.s.Invite(ctx, a, id, p.ids("cid")); return err },
		chat.ActRemove:  func(a *chat.Actor) error { return p.s.RemoveMember(ctx, a, id, p.id("ben")) },
		chat.ActRoles:   func(a *chat.Actor) error { return p.s.SetMemberAdmin(ctx, a, id, p.id("ben"), true) },
		chat.ActGuests:  func(a *chat.Actor) error { _, err := p.s.SetGuests(ctx, a, id, true, false); return err },
		chat.ActArchive: func(a *chat.Actor) error { return p.s.SetRoomState(ctx, a, id, chat.RoomArchived) },
		chat.ActDelete:  func(a *chat.Actor) error { return p.s.SetRoomState(ctx, a, id, chat.RoomDeleted) },
		chat.ActOwner:   func(a *chat.Actor) error { return p.s.SetRoomOwner(ctx, a, id, p.id("ben")) },
		chat.ActJoin:    func(a *chat.Actor) error { _, err := p.s.Join(ctx, a, id); return err },
		chat.ActLeave:   func(a *chat.Actor) error { return p.s.Leave(ctx, a, id) },
	}
}

func TestWhatIsOfferedIsAllowedAndNothingElseIs(t *testing.T) {
	ctx := context.Background()
	for _, typ := range []chat.RoomType{chat.RoomOpen, chat.RoomPrivate} {
		for _, who := range []string{"boss", "ann", "ben", "cid", "dee", "guest"} {
			for _, act := range []chat.Act{chat.ActRename, chat.ActTopic, chat.ActType, chat.ActInvite, chat.ActRemove, chat.ActRoles, chat.ActGuests, chat.ActArchive, chat.ActDelete, chat.ActOwner, chat.ActJoin, chat.ActLeave} {
				if act == chat.ActRemove && who == "ben" {
					continue // it is ben who is taken out
				}
				p := sqlitePlace(t)
				id := p.room("Tides", typ, "ben guest")
				v, readErr := p.s.Room(ctx, p.as(who), id)
				err := deeds(p, id)[act](p.as(who))
				switch {
				case readErr != nil && !p.as(who).Admin():
					wantKind(t, who+" does "+string(act)+" in a hidden room", err, chat.NotFound)
				case readErr != nil:
					// The place's administrators may do three things with private rooms.
					if may := act == chat.ActArchive || act == chat.ActDelete || act == chat.ActOwner; may && err != nil || !may && !chat.IsKind(err, chat.NotFound) {
						t.Errorf("%s does %s in a private room: %v", who, act, err)
					}
				case slices.Contains(v.May, act) && err != nil:
					t.Errorf("%s may %s in an %s room, and cannot: %v", who, act, typ, err)
				case !slices.Contains(v.May, act) && err == nil && !(act == chat.ActJoin && v.Member != nil) && !(act == chat.ActLeave && v.Member == nil):
					t.Errorf("%s may not %s in an %s room, and can", who, act, typ)
				case err != nil:
					wantKind(t, who+" "+string(act), err, chat.Denied)
				}
				if err == nil {
					if err := deeds(p, id)[act](p.as(who)); err != nil && act != chat.ActOwner && !chat.IsKind(err, chat.NotFound) && !chat.IsKind(err, chat.Conflict) && !chat.IsKind(err, chat.Denied) {
						t.Errorf("%s does %s twice: %v", who, act, err)
					}
				}
			}
		}
	}
}

func TestNothingCanBeDoneInARoomThatOneMayNotKnowOf(t *testing.T) {
	p := sqlitePlace(t)
	hidden := p.room("Hidden", chat.RoomPrivate, "ben")
	absent := chat.RoomID(chat.DeriveKey(0, "test", "room", "absent"))
	for act, deed := range deeds(p, hidden) {
		at, of := deed(p.as("dee")), deeds(p, absent)[act](p.as("dee"))
		if at == nil || of == nil || at.Error() != of.Error() {
			t.Errorf("%s: a hidden room says %q, an absent one %q", act, at, of)
		}
	}
	ctx := context.Background()
	for _, id := range []chat.RoomID{hidden, absent} {
		yes := true
		wantKind(t, "star", p.s.SetMine(ctx, p.as("dee"), id, chat.Mine{Star: &yes}), chat.NotFound)
		wantKind(t, "restore", p.s.SetRoomState(ctx, p.as("dee"), id, chat.RoomActive), chat.NotFound)
		_, err := p.s.GuestAddress(ctx, p.as("dee"), id)
		wantKind(t, "guest address", err, chat.NotFound)
	}
	if got := p.members(hidden); got != "ann! ben" {
		t.Errorf("in it now: %s", got)
	}
}

func TestConversationsHaveNothingToLookAfter(t *testing.T) {
	ctx := context.Background()
	p := sqlitePlace(t)
	v, err := p.s.Converse(ctx, p.as("ann"), p.ids("ben"))
	p.must(err)
	for act, deed := range deeds(p, v.ID) {
		err := deed(p.as("ann"))
		if act == chat.ActInvite {
			if err != nil {
				t.Errorf("inviting into a 1-1 begins a group: %v", err)
			}
			continue
		}
		wantKind(t, string(act), err, chat.Denied)
	}
	if len(v.May) != 0 {
		t.Errorf("offered: %v", v.May)
	}
	wantKind(t, "the place's administrator", p.s.SetRoomState(ctx, p.as("boss"), v.ID, chat.RoomDeleted), chat.NotFound)
}
