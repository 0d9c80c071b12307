package chat_test

import (
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestWhoIsToldOfAMessage(t *testing.T) {
	here := chat.MessageID(chat.NewKey(1_700_000_000_000_000, [10]byte{1}))
	imported := chat.MessageID(chat.DeriveKey(1_700_000_000_000_000, "hipchat", "message", "1"))
	ann, bob, also := chat.UserID{1}, chat.UserID{2}, chat.UserID{3}
	room := func(typ chat.RoomType) *chat.Room { return &chat.Room{ID: chat.RoomID{9}, Type: typ} }
	type hearer struct {
		level   chat.NotifyLevel
		pref    string
		out     bool // not a member
		guest   bool
		off     bool
		follows bool
		present bool
	}
	plain := chat.Message{ID: here, Author: bob, Text: "hello"}
	with := func(change func(*chat.Message)) chat.Message {
		m := plain
		change(&m)
		return m
	}
	mention := with(func(m *chat.Message) { m.Mentions = []chat.Mention{{Name: "ann", User: ann}} })
	old := with(func(m *chat.Message) { m.Mentions = []chat.Mention{{Name: "ann", User: also}} })
	all := with(func(m *chat.Message) { m.Everyone = chat.EveryoneAll })
	present := with(func(m *chat.Message) { m.Everyone = chat.EveryoneHere })
	reply := with(func(m *chat.Message) { m.Thread = chat.MessageID{5} })
	shown := with(func(m *chat.Message) { m.Thread, m.Shown = chat.MessageID{5}, true })
	archived := room(chat.RoomOpen)
	archived.State = chat.RoomArchived
	for _, c := range []struct {
		name string
		m    chat.Message
		room *chat.Room
		h    hearer
		want chat.Why
	}{
		{"a message in a room, by default", plain, room(chat.RoomOpen), hearer{}, ""},
		{"every message is wanted everywhere", plain, room(chat.RoomOpen), hearer{pref: "all"}, chat.WhyRoom},
		{"every message is wanted here", plain, room(chat.RoomPrivate), hearer{level: chat.NotifyAll}, chat.WhyRoom},
		{"mentions only, here, of one who wants all elsewhere", plain, room(chat.RoomOpen), hearer{pref: "all", level: chat.NotifyMentions}, ""},
		{"a 1-1", plain, room(chat.RoomDirect), hearer{pref: "none"}, chat.WhyDirect},
		{"a group", plain, room(chat.RoomGroup), hearer{}, chat.WhyDirect},
		{"a 1-1 that is silenced", plain, room(chat.RoomDirect), hearer{level: chat.NotifyNone}, ""},
		{"a group where only mentions count", plain, room(chat.RoomGroup), hearer{level: chat.NotifyMentions}, ""},
		{"a mention", mention, room(chat.RoomOpen), hearer{}, chat.WhyMention},
		{"a mention of what the person was called elsewhere", old, room(chat.RoomOpen), hearer{}, chat.WhyMention},
		{"a mention where nothing is wanted", mention, room(chat.RoomOpen), hearer{level: chat.NotifyNone}, ""},
		{"a mention of one who wants nothing anywhere", mention, room(chat.RoomOpen), hearer{pref: "none"}, ""},
		{"a mention of one who is not in an open room", mention, room(chat.RoomOpen), hearer{out: true}, chat.WhyMention},
		{"a mention of one who is not in a private room", mention, room(chat.RoomPrivate), hearer{out: true}, ""},
		{"a mention of a guest who is not in the room", mention, room(chat.RoomOpen), hearer{out: true, guest: true}, ""},
		{"a mention of one who is deactivated", mention, room(chat.RoomOpen), hearer{off: true}, ""},
		{"@all", all, room(chat.RoomOpen), hearer{}, chat.WhyEveryone},
		{"@all where nothing is wanted", all, room(chat.RoomOpen), hearer{level: chat.NotifyNone}, ""},
		{"@all to one who is not in the room", all, room(chat.RoomOpen), hearer{out: true, pref: "all"}, ""},
		{"@here to one who was there", with(func(m *chat.Message) { m.Everyone, m.Here = chat.EveryoneHere, []chat.UserID{ann} }), room(chat.RoomOpen), hearer{}, chat.WhyEveryone},
		{"@here to one who came later", present, room(chat.RoomOpen), hearer{present: true}, ""},
		{"a reply in a thread that is followed", reply, room(chat.RoomOpen), hearer{follows: true}, chat.WhyThread},
		{"a reply in another thread", reply, room(chat.RoomOpen), hearer{level: chat.NotifyAll}, ""},
		{"a reply that was also sent to the room", shown, room(chat.RoomOpen), hearer{level: chat.NotifyAll}, chat.WhyRoom},
		{"a reply where nothing is wanted", reply, room(chat.RoomOpen), hearer{follows: true, level: chat.NotifyNone}, ""},
		{"one's own", with(func(m *chat.Message) { m.Author, m.Mentions = ann, mention.Mentions }), room(chat.RoomOpen), hearer{pref: "all"}, ""},
		{"one's own, by another name", with(func(m *chat.Message) { m.Author = also }), room(chat.RoomDirect), hearer{}, ""},
		{"an imported one", with(func(m *chat.Message) { m.ID, m.Mentions = imported, mention.Mentions }), room(chat.RoomDirect), hearer{pref: "all"}, ""},
		{"one that was edited", with(func(m *chat.Message) { m.Edited, m.Mentions = 1, mention.Mentions }), room(chat.RoomOpen), hearer{}, ""},
		{"one that was deleted", with(func(m *chat.Message) { m.Gone = true }), room(chat.RoomDirect), hearer{}, ""},
		{"a new topic", with(func(m *chat.Message) { m.Type = chat.MessageTopic }), room(chat.RoomOpen), hearer{pref: "all"}, ""},
		{"a notification by a program", with(func(m *chat.Message) { m.Type = chat.MessageNotification }), room(chat.RoomOpen), hearer{pref: "all"}, chat.WhyRoom},
		{"an archived room", mention, archived, hearer{pref: "all"}, ""},
	} {
		h := &chat.Hearer{
			User: &chat.User{ID: ann, Role: chat.RoleMember, Off: c.h.off}, Also: []chat.UserID{also}, Chosen: chat.Chosen{"notify": strings.TrimSpace(c.h.pref)},
			Member: &chat.Member{Room: c.room.ID, User: ann, Notify: c.h.level}, Follows: c.h.follows, Present: c.h.present,
		}
		if c.h.pref == "" {
			h.Chosen["notify"] = "mentions"
		}
		if c.h.guest {
			h.User.Role = chat.RoleGuest
		}
		if c.h.out {
			h.Member = nil
		}
		if got := chat.Tell(&c.m, c.room, h); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
