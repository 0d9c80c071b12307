package hipchat

import (
	"archive/tar"
	"context"
	"fmt"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Trap is one thing in a sample with Traps that readers stumble over, and
// what a report must say about it.
type Trap struct {
	Name   string        // for a person
	Note   chat.NoteKind // of the line in the report; empty: no line, it is just read
	Object chat.Kind     // of the line, or of what is read
	Where  string        // is part of the line's Where
	Reason string        // is part of the line's Reason
	Text   string        // without a line: the text of a message that must be there
}

// The rooms and users of traps have numbers of their own.
const (
	trapRoom      = 900001
	trapGhost     = 900009 // a room without a record
	trapBroken    = 900010 // its history is no array
	trapMerged    = 900011 // its history is two arrays
	trapUser      = 910001
	trapStranger  = 919999 // nobody in users.json
	trapTimestamp = "2018-03-25T00:51:24Z 000123"
)

// trapMessage is a message that stands in the trap room.
type trapMessage struct {
	Trap
	raw string
}

func userMessage(n int, text, more string) string {
	return fmt.Sprintf(`{"UserMessage":{"id":"00000000-0000-4000-8000-%012d","message":"%s","sender":{"id":1,"mention_name":"AdaByte","name":"Ada Byte"},"timestamp":"2018-03-25T00:%02d:%02dZ 000123"%s}}`,
		n, text, n/60, n%60, more)
}

func trapMessages() []trapMessage {
	const m = chat.KindMessage
	bad := func(name, reason, raw string) trapMessage {
		return trapMessage{Trap{Name: name, Note: chat.NoteQuarantine, Object: m, Reason: reason}, raw}
	}
	mended := func(name, reason, raw string) trapMessage {
		return trapMessage{Trap{Name: name, Note: chat.NoteRepair, Object: m, Reason: reason}, raw}
	}
	fine := func(name, text, raw string) trapMessage {
		return trapMessage{Trap{Name: name, Object: m, Text: text}, raw}
	}
	return []trapMessage{
		mended("a lone surrogate", "surrogate", userMessage(1, `half \ud83d a rocket`, "")),
		mended("a NUL", "NUL", userMessage(2, `nothing\u0000 here`, "")),
		mended("a byte that is not UTF-8", "UTF-8", userMessage(3, "caf\xe9", "")),
		mended("a raw line end in a string", "control character", userMessage(4, "two\nlines", "")),
		bad("a key twice", "duplicate", userMessage(5, "first", `,"message":"second"`)),
		bad("a record of an unknown kind", "GuestUserMessage", strings.Replace(userMessage(6, "who?", ""), "UserMessage", "GuestUserMessage", 1)),
		bad("a record with two keys", "more than one key", `{"UserMessage":{"id":"x","message":"m","sender":{"id":1},"timestamp":"`+trapTimestamp+`"},"Other":1}`),
		bad("a record that is no object", "object with one key", `"just a string"`),
		bad("a record without a key", "no key", `{}`),
		bad("a text that is a number", "message", strings.Replace(userMessage(10, "@", ""), `"@"`, `5`, 1)),
		bad("no timestamp", "timestamp", `{"UserMessage":{"id":"n","message":"when?","sender":{"id":1,"name":"Ada Byte"}}}`),
		bad("a timestamp that is none", "timestamp", strings.Replace(userMessage(12, "when?", ""), "2018-03-25", "2018-13-45", 1)),
		bad("no sender", "no sender", `{"UserMessage":{"id":"s","message":"who?","timestamp":"`+trapTimestamp+`"}}`),
		bad("a 1-1 message in a room", "1-1 message", strings.Replace(userMessage(14, "secret", ""), "UserMessage", "PrivateUserMessage", 1)),
		bad("a sender that is a list", "sender", strings.Replace(userMessage(15, "x", ""), `"sender":{`, `"sender":[{"a":]`, 1)),
		mended("an attachment whose path climbs out", "climbs out", userMessage(16, "look", `,"attachment":{"name":"passwd","path":"../../../etc/passwd","size":1}`)),
		fine("a timestamp without microseconds", "to the second", strings.Replace(userMessage(20, "to the second", ""), "Z 000123", "Z", 1)),
		fine("a timestamp with few digits", "five micros", strings.Replace(userMessage(21, "five micros", ""), "Z 000123", "Z 5", 1)),
		fine("a timestamp with a fraction", "a fraction", strings.Replace(userMessage(22, "a fraction", ""), "Z 000123", ".527568Z", 1)),
		fine("an id that is missing", "without an id", `{"UserMessage":{"message":"without an id","sender":{"id":1,"name":"Ada Byte"},"timestamp":"`+trapTimestamp+`"}}`),
		fine("a sender who is in no list", "from a stranger", strings.Replace(userMessage(24, "from a stranger", ""), `"id":1,`, fmt.Sprintf(`"id":%d,`, trapStranger), 1)),
		fine("an attachment that is an empty object", "no file here", userMessage(25, "no file here", `,"attachment":{},"attachment_path":null`)),
		fine("an attachment whose bytes are missing", "bytes are gone", userMessage(26, "bytes are gone", `,"attachment":{"name":"gone.png","path":"dead/gone.png","size":77}`)),
		fine("an attachment called history.json", "an innocent file", userMessage(27, "an innocent file", `,"attachment":{"name":"history.json","path":"trap1/history.json","size":1}`)),
		fine("an attachment called users.json", "another innocent file", userMessage(28, "another innocent file", `,"attachment":{"name":"users.json","path":"trap2/users.json","size":1},"attachment_path":"trap2/users.json"`)),
		fine("an attachment in the shared tree", "shared tree", userMessage(29, "shared tree", `,"attachment":{"name":"shared.txt","path":"trap3/shared.txt","size":1}`)),
		fine("an attachment with a strange name", "strange name", userMessage(30, "strange name", `,"attachment":{"name":" ünï %20+#.txt","path":"trap4/ u\u0308ni\u0308 %20+#.txt","size":1}`)),
		fine("a notification whose sender is an object", "from an object", `{"NotificationMessage":{"color":"random","id":"no1","message":"from an object","message_format":"html","sender":{"id":0,"name":"CI"},"timestamp":"`+trapTimestamp+`"}}`),
		fine("a notification with a card", "a card", `{"NotificationMessage":{"card":"{\"style\":\"link\",\"title\":\"<b>\"}","color":"green","id":"no2","message":"a card","message_format":"text","sender":"CI","timestamp":"`+trapTimestamp+`"}}`),
		fine("a guest access message whose sender is a string", "guests may come", `{"GuestAccessMessage":{"id":"ga1","message":"guests may come","sender":"HipChat","timestamp":"`+trapTimestamp+`"}}`),
		fine("a mention that is the beginning of another", "@AdaBytes and @AdaByte", userMessage(34, "@AdaBytes and @AdaByte", `,"mentions":[1]`)),
		fine("mentions as strings", "@AdaByte as a string", userMessage(35, "@AdaByte as a string", `,"mentions":["1"]`)),
		fine("Stride's extra keys", "extra keys", userMessage(36, "extra keys", `,"message_attachment":null,"unknown":{"deep":[1,2,{"x":null}]}`)),
		{Trap{Name: "a message that is there twice", Object: m, Text: "twice"}, userMessage(37, "twice", "") + "," + userMessage(37, "twice", "")},
		fine("text as old as the log", "1970", strings.Replace(userMessage(38, "1970", ""), "2018-03-25", "1970-01-02", 1)),
		fine("a very long message", "long", userMessage(39, "long"+strings.Repeat(" word", 2000), "")),
	}
}

// Traps lists what is in a sample with Traps.
func Traps() []Trap {
	room := fmt.Sprintf("rooms/%d/", trapRoom)
	var list []Trap
	for _, m := range trapMessages() {
		if m.Note != "" {
			m.Where = room
		}
		list = append(list, m.Trap)
	}
	note := func(name string, kind chat.NoteKind, object chat.Kind, where, reason string) {
		list = append(list, Trap{Name: name, Note: kind, Object: object, Where: where, Reason: reason})
	}
	note("a history that is no array", chat.NoteQuarantine, chat.KindMessage, fmt.Sprintf("rooms/%d/", trapBroken), "not a JSON array")
	note("a history that ends in the middle", chat.NoteQuarantine, chat.KindMessage, fmt.Sprintf("users/%d/", trapUser), "no end")
	note("a room without a record", chat.NoteRepair, chat.KindRoom, fmt.Sprintf("rooms/%d/", trapGhost), "not in rooms.json")
	note("a user without an id", chat.NoteQuarantine, chat.KindUser, "users.json", "no id")
	note("a user who is there twice", chat.NoteQuarantine, chat.KindUser, "users.json", "twice")
	note("an avatar that is no picture", chat.NoteRepair, chat.KindUser, "users.json", "avatar")
	note("a privacy that is unknown", chat.NoteRepair, chat.KindRoom, "rooms.json", "privacy")
	note("an owner and a member who are in no list", chat.NoteRepair, chat.KindRoom, "rooms.json", "members")
	note("a file that no export has", chat.NoteSkip, chat.KindContent, "notes/readme.txt", "no file of an export")
	note("a name that climbs out", chat.NoteQuarantine, chat.KindContent, "../evil.txt", "climbs out")
	note("an absolute name", chat.NoteQuarantine, chat.KindContent, "/etc/evil.txt", "absolute")
	note("a symbolic link", chat.NoteQuarantine, chat.KindContent, "rooms/900001/files/link", "link")
	note("a hard link", chat.NoteQuarantine, chat.KindContent, "rooms/900001/files/hard", "link")
	note("a device", chat.NoteQuarantine, chat.KindContent, "dev/null", "device")
	for _, text := range []string{"in the first array", "in the second array", "only the receiver has it", "to myself", "in a room without a record", "seen by both"} {
		list = append(list, Trap{Name: "a message that must be read: " + text, Object: chat.KindMessage, Text: text})
	}
	return list
}

func trapUsers() []byte {
	return []byte(fmt.Sprintf(`{"User":{"account_type":"user","email":"noid@example.org","mention_name":"NoID","name":"No ID"}},`+
		`{"User":{"account_type":"user","avatar":"bm90IGEgcGljdHVyZQ==","created":"2014-05-06T07:08:09+00:00","email":"Trap@Example.org","id":%d,"is_deleted":false,"mention_name":"Trap","name":"Trap Door","roles":["user"],"rooms":[],"timezone":"UTC","title":""}},`+
		`{"User":{"account_type":"admin","created":"2014-05-06T07:08:09+00:00","email":"other@example.org","id":%d,"is_deleted":false,"mention_name":"Trap2","name":"Trap Twice","timezone":"UTC","title":""}},`, trapUser, trapUser))
}

func trapRooms() []byte {
	return []byte(fmt.Sprintf(`{"Room":{"created":"2017-05-01T10:00:00+00:00","guest_access_url":null,"id":%d,"is_archived":false,"members":[{"id":1,"room_roles":["room_member"]},"2",%d],"name":"Traps / #1 'quoted' ☂","owner":%d,"participants":[],"privacy":"secret","room_admins":[1],"topic":""}},`+
		`{"Room":{"created":"2017-05-01T10:00:00+00:00","id":%d,"is_archived":true,"members":[],"name":"Broken history","owner":1,"privacy":"public","topic":""}},`+
		`{"Room":{"created":"2017-05-01T10:00:00+00:00","id":%d,"is_archived":true,"members":[],"name":"Merged history","owner":1,"privacy":"public","topic":""}},`,
		trapRoom, trapStranger, trapStranger, trapBroken, trapMerged))
}

func trapEmoticons() []byte {
	return []byte(`{"Emoticon":{"id":99,"path":"emoticons/missing.png","shortcut":"missing"}},`)
}

func private(n, from, to int, text string) string {
	return fmt.Sprintf(`{"PrivateUserMessage":{"attachment":null,"attachment_path":null,"id":"00000000-0000-4000-9000-%012d","mentions":[],"message":"%s","receiver":{"id":%d,"name":"User %d"},"sender":{"id":%d,"name":"User %d"},"timestamp":"2018-04-01T10:00:%02dZ 000000","type":"private"}}`,
		n, text, to, to, from, from, n)
}

// writeTraps writes the files of the traps, behind everything else: some
// attachments before the history that names them.
func (g *sampler) writeTraps(context.Context) error {
	dir := fmt.Sprintf("rooms/%d/", trapRoom)
	var messages []string
	for _, m := range trapMessages() {
		messages = append(messages, m.raw)
	}
	me := fmt.Sprintf("users/%d/history.json", trapUser)
	files := [][2]string{
		{dir + "files/trap1/history.json", `[{"UserMessage":{"id":"trap","message":"I am no message","timestamp":"x"}}]`},
		{dir + "files/trap2/users.json", `[{"User":{"id":1,"name":"I am nobody"}}]`},
		{sharedFiles + "trap3/shared.txt", "shared\n"},
		{dir + "files/trap4/ ünï %20+#.txt", "strange\n"},
		{dir + "history.json", "[" + strings.Join(messages, ",\n") + "]"},
		{fmt.Sprintf("rooms/%d/history.json", trapBroken), `{"error":"export failed"}`},
		{fmt.Sprintf("rooms/%d/history.json", trapGhost), "[" + userMessage(50, "in a room without a record", "") + "]"},
		{fmt.Sprintf("rooms/%d/history.json", trapMerged), "[" + userMessage(51, "in the first array", "") + "]\n[" + userMessage(52, "in the second array", "") + "]"},
		{me, "[" + private(1, trapStranger, trapUser, "only the receiver has it") + "," + private(2, trapUser, trapUser, "to myself") + "," +
			private(3, trapUser, trapStranger, "seen by both") + "," + private(4, trapUser, 1, "this one is cut")[:120]},
		{fmt.Sprintf("users/%d/history.json", trapStranger), "[" + private(3, trapUser, trapStranger, "seen by both") + "]"},
		{"notes/readme.txt", "what is this?\n"},
	}
	for _, f := range files {
		if err := g.out.add(f[0], []byte(f[1])); err != nil {
			return err
		}
	}
	if g.out.tar == nil {
		return nil // a directory cannot hold the others
	}
	for _, name := range []string{"../evil.txt", "/etc/evil.txt"} {
		if err := g.out.add(name, []byte("evil\n")); err != nil {
			return err
		}
	}
	for _, h := range []*tar.Header{
		{Name: dir + "files/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: dir + "files/hard", Typeflag: tar.TypeLink, Linkname: "users.json"},
		{Name: "dev/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
	} {
		if err := g.out.header(h); err != nil {
			return err
		}
	}
	return nil
}
