package slack_test

import (
	"archive/zip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/slack"
	"github.com/godwit-chat/godwit/internal/testkit"
)

const small = "testdata/small"

// zipped writes a directory into a zip file as Slack does: names in UTF-8, and
// no word that they are.
func zipped(t testing.TB, dir, prefix string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "export.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	err = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: prefix + p, Method: zip.Deflate, NonUTF8: true})
		if err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, p))
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
	for _, e := range []error{err, z.Close(), f.Close()} {
		if e != nil {
			t.Fatal(e)
		}
	}
	return path
}

func TestSource(t *testing.T) {
	t.Run("a directory", func(t *testing.T) {
		testkit.CheckSource(t, "slack:"+small, slack.Connector, connect.Options{})
	})
	t.Run("a zip", func(t *testing.T) {
		testkit.CheckSource(t, "slack:"+zipped(t, small, ""), slack.Connector, connect.Options{})
	})
	t.Run("a zip with a directory around everything", func(t *testing.T) {
		testkit.CheckSource(t, "slack:"+zipped(t, small, "My Export/"), slack.Connector, connect.Options{})
	})
}

// export is all that a source gave.
type export struct {
	source   *slack.Source
	users    map[string]*chat.User    // by name
	rooms    map[string]*chat.Room    // by name, or else ID
	messages map[string]*chat.Message // by text
	byTime   map[chat.Time][]*chat.Message
	objects  []chat.Object
	notes    []chat.Note
	read     map[chat.Kind]int64
}

func load(t testing.TB, path string, o connect.Options) *export {
	t.Helper()
	s, err := slack.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return readAll(t, s)
}

func readAll(t testing.TB, s *slack.Source) *export {
	t.Helper()
	e := &export{source: s, users: map[string]*chat.User{}, rooms: map[string]*chat.Room{}, messages: map[string]*chat.Message{}, byTime: map[chat.Time][]*chat.Message{}, read: map[chat.Kind]int64{}}
	for item, err := range s.Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if item.Note != nil {
			e.notes = append(e.notes, *item.Note)
		}
		if item.Object == nil {
			continue
		}
		if !item.Made {
			e.read[item.Object.Kind()]++
		}
		e.objects = append(e.objects, item.Object)
		switch o := item.Object.(type) {
		case *chat.User:
			e.users[o.Name] = o
		case *chat.Room:
			e.rooms[o.Name] = o
		case *chat.Message:
			if !item.Duplicate {
				e.messages[o.Text] = o
				e.byTime[o.Sent] = append(e.byTime[o.Sent], o)
			}
		}
	}
	return e
}

// held is the last state of everything but bytes.
func (e *export) held() map[chat.Key]chat.Object {
	all := map[chat.Key]chat.Object{}
	for _, o := range e.objects {
		if o.Kind() != chat.KindContent {
			all[o.Key()] = o
		}
	}
	return all
}

func (e *export) noted(kind chat.NoteKind, object chat.Kind, words string) bool {
	return slices.ContainsFunc(e.notes, func(n chat.Note) bool {
		return n.Kind == kind && n.Object == object && strings.Contains(n.Where+": "+n.Reason, words)
	})
}

func TestEveryTrapOfTheSmallExportIsAccountedFor(t *testing.T) {
	e := load(t, small, connect.Options{})
	var skipped, quarantined int64
	for _, n := range e.notes {
		if n.Object == chat.KindMessage && n.Kind == chat.NoteSkip {
			skipped++
		}
		if n.Object == chat.KindMessage && n.Kind == chat.NoteQuarantine {
			quarantined++
		}
	}
	inv, err := e.source.Inventory(t.Context(), chat.TallyQuery{Level: chat.L1})
	if err != nil {
		t.Fatal(err)
	}
	if raw := inv.Raw["message"]; raw != e.read[chat.KindMessage]+skipped+quarantined {
		t.Errorf("%d raw records are %d messages, %d skipped, %d quarantined", raw, e.read[chat.KindMessage], skipped, quarantined)
	}
	for _, want := range []struct {
		kind   chat.NoteKind
		object chat.Kind
		words  string
	}{
		{chat.NoteQuarantine, chat.KindUser, "users.json, record 8: the user has no id"},
		{chat.NoteSkip, chat.KindUser, "record 9: it is there twice, and equal"},
		{chat.NoteQuarantine, chat.KindUser, "record 10: it is there twice, and not equal"},
		{chat.NoteQuarantine, chat.KindRoom, "channels.json, record 9"},
		{chat.NoteSkip, chat.KindRoom, "the one that shows it to fewer people stays"},
		{chat.NoteRepair, chat.KindRoom, "does not say that it is one: it is private here"},
		{chat.NoteRepair, chat.KindRoom, "2 conversations are called so"},
		{chat.NoteRepair, chat.KindRoom, "F0CANVAS:plans: no list names the conversation"},
		{chat.NoteRepair, chat.KindRoom, "1 of its members are not in users.json"},
		{chat.NoteLoss, chat.KindPin, "a pinned file (F0FILE1)"},
		{chat.NoteLoss, chat.KindIntegration, "the log of integrations (1 entries)"},
		{chat.NoteSkip, chat.KindContent, "canvases.json: canvases are links"},
		{chat.NoteSkip, chat.KindContent, "canvas_in_the_conversation.json, record 1: it is no message"},
		{chat.NoteSkip, chat.KindContent, "notes.txt"},
		{chat.NoteRepair, chat.KindMessage, "thread 1709000000.000000 in C0GENERAL"},
		{chat.NoteLoss, chat.KindReaction, "3 more people reacted with :tada:"},
		{chat.NoteLoss, chat.KindFile, "the file F0GONE had been deleted"},
		{chat.NoteLoss, chat.KindFile, "hides the file F0LIMIT"},
		{chat.NoteRepair, chat.KindMessage, `its subtype "brand_new_thing"`},
		{chat.NoteSkip, chat.KindMessage, "an earlier state of a message"},
		{chat.NoteSkip, chat.KindMessage, "which stands in the history all the same"},
		{chat.NoteSkip, chat.KindMessage, "it only says that a thread has a reply"},
		{chat.NoteLoss, chat.KindMessage, "Slack withheld the text"},
		{chat.NoteRepair, chat.KindMessage, "its blocks cannot be understood"},
		{chat.NoteQuarantine, chat.KindMessage, "message 1710000061.000300 in C0GENERAL: it is there twice"},
		{chat.NoteQuarantine, chat.KindMessage, `2024-03-10.json, record 3: "" is no time`},
		{chat.NoteQuarantine, chat.KindMessage, `record 4: "not a time" is no time`},
		{chat.NoteQuarantine, chat.KindMessage, "2024-03-10.json, record 5"},
		{chat.NoteQuarantine, chat.KindMessage, `record 9: "presence" is not a type`},
		{chat.NoteQuarantine, chat.KindMessage, `record 10: "/text" is of the wrong type`},
		{chat.NoteRepair, chat.KindMessage, "the message does not say who wrote it"},
		{chat.NoteRepair, chat.KindMessage, "2024-03-11.json, record 1: what is no character became"},
		{chat.NoteRepair, chat.KindMessage, "2024-03-11.json, record 2: a NUL was dropped"},
		{chat.NoteQuarantine, chat.KindMessage, "2024-03-11.json, record 3"},
		{chat.NoteQuarantine, chat.KindMessage, "2024-03-11.json, record 4: the record has no end"},
		{chat.NoteQuarantine, chat.KindMessage, "2024-03-12.json, record 1: the file is not a JSON array"},
		{chat.NoteQuarantine, chat.KindMessage, "2024-03-13.json, record 1: the file is empty"},
		{chat.NoteQuarantine, chat.KindMessage, "2024-03-14.json, record 2: there is something behind the end"},
		{chat.NoteLoss, chat.KindMessage, "conversation C0GENERAL: 1 replies"},
	} {
		if !e.noted(want.kind, want.object, want.words) {
			t.Errorf("no note says %s %s %q", want.kind, want.object, want.words)
		}
	}
	if t.Failed() {
		for _, n := range e.notes {
			t.Logf("%s %s %s: %s", n.Kind, n.Object, n.Where, n.Reason)
		}
	}
}

func TestWhoMayReadWhatFailsClosed(t *testing.T) {
	e := load(t, small, connect.Options{})
	for name, want := range map[string]chat.RoomType{
		"general": chat.RoomOpen, "old-news": chat.RoomOpen, "shared": chat.RoomOpen, "twin": chat.RoomPrivate, "hidden": chat.RoomPrivate,
		"converted": chat.RoomPrivate, "secret": chat.RoomPrivate, "F0CANVAS:plans": chat.RoomPrivate,
	} {
		if r := e.rooms[name]; r == nil || r.Type != want {
			t.Errorf("%s is %+v, want it %s", name, r, want)
		}
	}
	members := map[chat.RoomID]int{}
	for _, o := range e.objects {
		if m, ok := o.(*chat.Member); ok {
			members[m.Room]++
		}
	}
	for text, want := range map[string]struct {
		typ     chat.RoomType
		members int
	}{"just us": {chat.RoomDirect, 2}, "note to self": {chat.RoomDirect, 1}, "hi all": {chat.RoomGroup, 3}, "secret": {chat.RoomPrivate, 2}, "whose?": {chat.RoomPrivate, 0}} {
		room := e.messages[text].Room
		i := slices.IndexFunc(e.objects, func(o chat.Object) bool { r, ok := o.(*chat.Room); return ok && r.ID == room })
		if r := e.objects[i].(*chat.Room); r.Type != want.typ || members[room] != want.members {
			t.Errorf("%q is in a %s room of %d, want %s of %d", text, r.Type, members[room], want.typ, want.members)
		}
	}
	for name, want := range map[string]chat.User{
		"Ada Lovelace": {Role: chat.RoleOwner}, "Bob Ross": {Role: chat.RoleMember}, "Gus Guest": {Role: chat.RoleGuest}, "Gone Girl": {Role: chat.RoleMember, Off: true},
		"Deploy Bot": {Role: chat.RoleBot}, "Otto of Otherco": {Role: chat.RolePlaceholder, Off: true}, "Slackbot": {Role: chat.RoleBot}, "Lefty": {Role: chat.RolePlaceholder, Off: true},
		"Incoming WebHooks": {Role: chat.RoleBot, Off: true},
	} {
		if u := e.users[name]; u == nil || u.Role != want.Role || u.Off != want.Off {
			t.Errorf("%s is %+v", name, u)
		}
	}
}

func TestMessagesMeanWhatTheyMeantInSlack(t *testing.T) {
	e := load(t, small, connect.Options{})
	root, reply := e.messages["deploy *done* &lt;3 <@U0BOB>"], e.messages["nice"]
	if root == nil || reply == nil || reply.Thread != root.ID || !reply.Shown || e.messages["thanks"].Shown || !root.Thread.IsZero() {
		t.Errorf("the thread is %+v and %+v", root, reply)
	}
	if root.Edited != 1710000001_000000 || root.Sent != 1710000000_000100 || len(root.Card) != 0 {
		t.Errorf("the root is %+v", root)
	}
	if len(root.Mentions) != 1 || root.Mentions[0] != (chat.Mention{Name: "U0BOB", User: e.users["Bob Ross"].ID}) {
		t.Errorf("it mentions %v", root.Mentions)
	}
	if gone := e.byTime[1709000000_000000]; len(gone) != 1 || !gone[0].Gone || gone[0].Author != e.users["Gone Girl"].ID || e.messages["another answer"].Thread != gone[0].ID {
		t.Errorf("what stands for a missing root is %+v", gone)
	}
	if m := e.byTime[1710000064_000000][0]; !m.Gone || m.Text != "" || e.messages["still here"].Thread != m.ID {
		t.Errorf("a tombstone is %+v", m)
	}
	if m := e.byTime[1709999999_000000]; len(m) != 1 || !m[0].Gone {
		t.Errorf("a deleted message is %+v", m)
	}
	for text, want := range map[string]chat.MessageType{
		"has joined the channel": chat.MessageSystem, "has left the channel": chat.MessageSystem, "all &amp; sundry": chat.MessageTopic, "archived the channel": chat.MessageSystem,
		"/me waves": chat.MessagePlain, "build ok": chat.MessageNotification, "from nowhere": chat.MessageNotification, "what is this": chat.MessagePlain, "I was here": chat.MessagePlain,
	} {
		if m := e.messages[text]; m == nil || m.Type != want || m.Format != chat.FormatSlack {
			t.Errorf("%q is %+v, want type %d", text, m, want)
		}
	}
	hook := e.byTime[1710000071_000000][0]
	if hook.Author != e.users["Incoming WebHooks"].ID || hook.Label != "Nagios" || !strings.Contains(string(hook.Card), `"CPU"`) {
		t.Errorf("a program's message is %+v", hook)
	}
	if m := e.messages["from nowhere"]; !m.Author.IsZero() || m.Label != "Old Script" {
		t.Errorf("a nameless program's message is %+v", m)
	}
	if m := e.byTime[1710000077_000000][0]; m.Author != e.users["Bob Ross"].ID || len(m.Files) != 0 {
		t.Errorf("a comment on a file is %+v", m)
	}
	if m := e.byTime[1710000078_000000][0]; m.Author != e.users["Bob Ross"].ID || m.Type != chat.MessageSystem {
		t.Errorf("a call is %+v", m)
	}
	if m := e.byTime[1710000084_000000][0]; m.Everyone != chat.EveryoneHere {
		t.Errorf("@here calls %q", m.Everyone)
	}
	for _, text := range []string{"build ok", "list"} {
		if len(e.messages[text].Card) == 0 {
			t.Errorf("the blocks of %q are lost", text)
		}
	}
	checkAttached(t, e, root)
}

// checkAttached looks at what hangs on messages: reactions, pins, files.
func checkAttached(t *testing.T, e *export, root *chat.Message) {
	t.Helper()
	emoji := map[string]int{}
	var pins []*chat.Pin
	files := map[string]*chat.File{}
	for _, o := range e.objects {
		switch o := o.(type) {
		case *chat.Reaction:
			emoji[o.Emoji]++
		case *chat.Pin:
			pins = append(pins, o)
		case *chat.File:
			files[fmt.Sprint(o.Name, " ", o.Sent)] = o
			if strings.Contains(o.Origin, "xoxe") {
				t.Errorf("%s keeps a secret: %s", o.Name, o.Origin)
			}
		}
	}
	if emoji["🎉"] != 2 || emoji["👏🏽"] != 1 || emoji[":partyparrot:"] != 1 || len(emoji) != 3 {
		t.Errorf("reactions are %v", emoji)
	}
	if len(pins) != 2 || pins[0].Message != root.ID || pins[0].At != 1710000500_000000 || pins[0].User != e.users["Bob Ross"].ID {
		t.Errorf("pins are %v", pins)
	}
	first, again := files["plan.txt 1710000075000000"], files["plan.txt 1710000076000000"]
	if first == nil || again == nil || first.ID == again.ID || first.Contents[0] != again.Contents[0] || first.Size != 6 {
		t.Errorf("one file in two messages is %+v and %+v", first, again)
	}
	if len(files) != 5 {
		t.Errorf("%d files: %v", len(files), files)
	}
	if m := e.messages["files"]; len(m.Files) != 3 || !strings.Contains(string(m.Card), "docs.example.org") || !strings.Contains(string(m.Card), "deleted at Slack") {
		t.Errorf("a message with files is %+v", m)
	}
	if e.read[chat.KindContent] != 2 {
		t.Errorf("%d contents, want those of __uploads and attachments", e.read[chat.KindContent])
	}
}

func TestALaterExportGivesTheSameIDsAndDigests(t *testing.T) {
	first := load(t, small, connect.Options{})
	later := t.TempDir()
	if err := os.CopyFS(later, os.DirFS(small)); err != nil {
		t.Fatal(err)
	}
	// Slack makes the IDs of blocks anew in each export.
	path := filepath.Join(later, "general", "2024-03-09.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(`"a1B"`, `"zZ9"`, `"nice"`, `"nicer"`, "xoxe-secret", "xoxe-other").Replace(string(data))
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	second := load(t, later, connect.Options{})
	was, is := first.held(), second.held()
	var differ []string
	for key, o := range is {
		if before := was[key]; before == nil || chat.Digest(before) != chat.Digest(o) {
			differ = append(differ, fmt.Sprintf("%s %+v", o.Kind(), o))
		}
	}
	if len(differ) != 1 || !strings.Contains(differ[0], "nicer") {
		t.Errorf("one message differs, and these do: %v", differ)
	}
	if !slices.Equal(first.source.Describe().Fingerprint, second.source.Describe().Fingerprint) || first.source.Describe().Artefact == second.source.Describe().Artefact {
		t.Error("a later export of the same workspace has another fingerprint, or the same identity")
	}
	if n := first.source.Describe().Name; n != "slack-t0godwit" {
		t.Errorf("the source is called %q", n)
	}
}

func TestWhatIsNoExportIsRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]chat.ErrorKind{
		filepath.Join(dir, "none.zip"): chat.NotFound, write("text.zip", "hello"): chat.Invalid, write("empty.zip", ""): chat.Damaged, write("cut.zip", "PK\x03\x04abc"): chat.Damaged, t.TempDir(): chat.Invalid,
	} {
		_, err := slack.Open(context.Background(), path, connect.Options{})
		if !chat.IsKind(err, want) || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
