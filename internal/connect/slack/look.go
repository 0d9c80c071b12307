package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// indexes are the files that say who and what there is, in the order in which
// they are read: a conversation that two lists name is what the most private of
// them says.
var indexes = []string{"users.json", "org_users.json", "integration_logs.json", "dms.json", "mpims.json", "groups.json", "channels.json"}

// notCarried are files of an export that hold nothing that is carried.
var notCarried = map[string]string{
	"canvases.json":      "canvases are links to Slack: their text is not in the export",
	"lists.json":         "Slack's lists are not carried",
	"content_flags.json": "flags on messages are not carried",
	"huddle_transcripts": "transcripts of calls are not carried",
}

// look is the first look: it sorts the files and reads people and
// conversations.
type look struct {
	s       *Source
	w       *workspace
	lists   map[string][]*entry // by the name of the index
	folders map[folder][]*entry
	byName  map[folder][]*room
	roots   []string
	bad     int
}

// folder is a directory of messages: of a workspace, by name.
type folder struct{ root, name string }

func (l *look) run(ctx context.Context) error {
	c := l.s.c
	l.lists, l.folders, l.byName = map[string][]*entry{}, map[folder][]*entry{}, map[folder][]*room{}
	l.findRoots()
	if len(l.roots) == 0 {
		return chat.Errorf(chat.Invalid, "%s is not a Slack export: neither users.json nor channels.json is in it", c.path).
			WithHint("give the zip as Slack made it, or the directory that it unpacks to")
	}
	for _, e := range c.entries {
		l.sort(e)
	}
	if err := l.findTeam(ctx); err != nil {
		return err
	}
	for _, name := range indexes {
		for _, e := range l.lists[name] {
			if err := l.index(ctx, name, e); err != nil {
				return err
			}
		}
	}
	l.join()
	for _, b := range c.bad {
		l.w.note(&chat.Note{Kind: chat.NoteQuarantine, Object: chat.KindContent, Where: printable(b.name), Reason: b.why})
	}
	l.s.about.Artefact = c.artefact()
	l.describe()
	return nil
}

func printable(name string) string { return strings.ToValidUTF8(name, "\ufffd") }

// findRoots finds the directories that hold a workspace: the top, a directory
// around everything, and in exports of whole organisations one for each team.
func (l *look) findRoots() {
	for _, e := range l.s.c.entries {
		dir, base := path.Split(e.path)
		if slices.Contains(indexes, base) && base != "integration_logs.json" && strings.Count(dir, "/") <= 3 && !strings.Contains(dir, "__MACOSX") && !slices.Contains(l.roots, dir) {
			l.roots = append(l.roots, dir)
		}
	}
	// A channel may have a file of such a name only if somebody made it.
	slices.SortFunc(l.roots, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	kept := l.roots[:0]
	for _, r := range l.roots {
		if len(kept) == 0 || strings.HasPrefix(r, kept[0]+"teams/") && strings.Count(strings.TrimPrefix(r, kept[0]), "/") == 2 {
			kept = append(kept, r)
		}
	}
	l.roots = kept
}

// within splits a path into the workspace that it belongs to and the rest.
func (l *look) within(p string) (root, rest string, ok bool) {
	for i := len(l.roots) - 1; i >= 0; i-- {
		if rest, ok := strings.CutPrefix(p, l.roots[i]); ok {
			return l.roots[i], rest, true
		}
	}
	return "", p, false
}

// sort says what a file is for.
func (l *look) sort(e *entry) {
	root, rest, ok := l.within(e.path)
	parts := strings.Split(rest, "/")
	base := parts[len(parts)-1]
	switch {
	case base == ".DS_Store", base == "Thumbs.db", strings.HasPrefix(base, "._"), slices.Contains(parts, "__MACOSX"):
		// made by the machine that packed it
	case !ok:
		l.skip(e, "it is beside the directory that holds the export")
	case len(parts) == 1 && slices.Contains(indexes, base):
		l.lists[base] = append(l.lists[base], e)
	case len(parts) == 1:
		why := notCarried[base]
		l.skip(e, orElse(why, "no file of an export is known at this path"))
	case parts[0] == "__uploads" && len(parts) == 3:
		l.w.uploads[parts[1]] = e
	case parts[0] == "__avatars" && len(parts) == 3:
		l.w.avatars[parts[1]] = e
	case parts[len(parts)-2] == "attachments" && len(parts) <= 3:
		if id, _, ok := strings.Cut(base, "-"); ok && strings.HasPrefix(id, "F") {
			l.w.uploads[id] = e
			return
		}
		l.skip(e, "no file of an export is known at this path")
	case len(parts) == 2 && strings.HasSuffix(base, ".json"):
		f := folder{root, parts[0]}
		l.folders[f] = append(l.folders[f], e)
	default:
		l.skip(e, "no file of an export is known at this path")
	}
}

func (l *look) skip(e *entry, why string) {
	l.w.note(&chat.Note{Kind: chat.NoteSkip, Object: chat.KindContent, Where: e.path, Reason: why})
}

// each calls fn with every element of an index; what cannot be one is noted.
func (l *look) each(ctx context.Context, e *entry, kind chat.Kind, fn func(where string, raw []byte) *chat.Note) error {
	r, err := l.s.c.read(e)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	sp := newSplitter(r)
	for n := 1; ctx.Err() == nil; n++ {
		el, err := sp.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		where := fmt.Sprintf("%s, record %d", e.path, n)
		var note *chat.Note
		switch {
		case el.note != "":
			note = &chat.Note{Kind: chat.NoteRepair, Object: kind, Where: e.path, Reason: el.note}
		case el.bad != "":
			note = quarantine(kind, where, el.bad, el.raw)
		default:
			note = fn(where, el.raw)
		}
		if note != nil {
			if note.Kind == chat.NoteQuarantine {
				l.bad++
			}
			l.w.note(note)
		}
	}
	return ctx.Err()
}

// findTeam finds the workspace that most people belong to.
func (l *look) findTeam(ctx context.Context) error {
	counts := map[string]int{}
	for _, name := range []string{"users.json", "org_users.json"} {
		for _, e := range l.lists[name] {
			before, bad := len(l.w.base), l.bad
			err := l.each(ctx, e, chat.KindUser, func(_ string, raw []byte) *chat.Note {
				var u struct {
					Team string `json:"team_id"`
				}
				if decode(raw, &u) == nil && u.Team != "" {
					counts[u.Team]++
				}
				return nil
			})
			l.w.base, l.bad = l.w.base[:before], bad // noted when they are read for good
			if err != nil {
				return err
			}
		}
	}
	for team, n := range counts {
		if best := counts[l.w.team]; n > best || n == best && team < l.w.team {
			l.w.team = team
		}
	}
	if len(l.lists["org_users.json"]) > 0 || len(l.roots) > 1 {
		l.w.team = "" // an organisation: people of all its workspaces are its own
	}
	if l.w.source == "" {
		l.w.source = "slack"
		if l.w.team != "" {
			l.w.source += "-" + strings.ToLower(l.w.team)
		}
	}
	return nil
}

func (l *look) index(ctx context.Context, name string, e *entry) error {
	switch name {
	case "users.json", "org_users.json":
		return l.each(ctx, e, chat.KindUser, l.user)
	case "integration_logs.json":
		n := 0
		before := len(l.w.base)
		err := l.each(ctx, e, chat.KindIntegration, func(_ string, raw []byte) *chat.Note {
			var w wireLog
			n++
			if decode(raw, &w) == nil {
				l.service(&w)
			}
			return nil
		})
		l.w.base = l.w.base[:before]
		if n > 0 {
			l.w.note(loss(chat.KindIntegration, e.path, "the log of integrations (%d entries) names programs for the messages that they wrote; the programs themselves must be set up anew", n))
		}
		return err
	}
	root, _, _ := l.within(e.path)
	return l.each(ctx, e, chat.KindRoom, func(where string, raw []byte) *chat.Note { return l.channel(root, name, where, raw) })
}

func (l *look) service(w *wireLog) {
	for _, id := range []string{string(w.Service), w.App} {
		if name := orElse(w.Type, w.AppType); id != "" && name != "" && l.w.services[id] == "" {
			l.w.services[id] = name
		}
	}
}

func (l *look) user(where string, raw []byte) *chat.Note {
	u, did, err := read[wireUser](raw)
	var p *person
	if err == nil {
		p, err = l.w.user(&u)
	}
	if err != nil {
		return quarantine(chat.KindUser, where, explain(err), raw)
	}
	if before := l.w.users[u.ID]; before != nil {
		if chat.Digest(before.user) == chat.Digest(p.user) {
			return &chat.Note{Kind: chat.NoteSkip, Object: chat.KindUser, Where: where, Reason: "it is there twice, and equal"}
		}
		return quarantine(chat.KindUser, where, errTwice.Error(), raw)
	}
	l.w.users[u.ID] = p
	if b := u.Profile.BotID; b != "" && l.w.users[b] == nil {
		l.w.users[b] = p
	}
	l.w.order = append(l.w.order, p)
	return mended(chat.KindUser, where, raw, did)
}

var errTwice = errors.New("it is there twice, and not equal: the first one stays")

func mended(kind chat.Kind, where string, raw []byte, did ...string) *chat.Note {
	did = slices.DeleteFunc(did, func(s string) bool { return s == "" })
	if len(did) == 0 {
		return nil
	}
	n := quarantine(kind, where, strings.Join(did, "; "), raw)
	n.Kind = chat.NoteRepair
	return n
}

func (l *look) channel(root, list, where string, raw []byte) *chat.Note {
	c, did, err := read[wireChannel](raw)
	var r *room
	var notes []string
	if err == nil {
		r, notes, err = l.w.room(list, &c)
	}
	if err != nil {
		return quarantine(chat.KindRoom, where, explain(err), raw)
	}
	if before := l.w.rooms[c.ID]; before != nil {
		return &chat.Note{Kind: chat.NoteSkip, Object: chat.KindRoom, Where: where, Reason: "another record of it came before: the one that shows it to fewer people stays"}
	}
	l.w.rooms[c.ID] = r
	l.w.list = append(l.w.list, r)
	for _, name := range []string{norm.NFC.String(c.Name), c.ID} {
		if f := (folder{root, name}); name != "" && !slices.Contains(l.byName[f], r) {
			l.byName[f] = append(l.byName[f], r)
		}
	}
	return mended(chat.KindRoom, where, raw, append(notes, did)...)
}

// join gives each conversation its days.
func (l *look) join() {
	var folders []folder
	for f := range l.folders {
		folders = append(folders, f)
	}
	slices.SortFunc(folders, func(a, b folder) int { return strings.Compare(a.root+a.name, b.root+b.name) })
	for _, f := range folders {
		days := l.folders[f] // in the order of their names, which are days
		rooms := l.byName[f]
		if len(rooms) == 0 && len(l.roots) > 1 { // what workspaces share stands at the top
			for _, root := range l.roots {
				rooms = append(rooms, l.byName[folder{root, f.name}]...)
			}
		}
		if len(rooms) == 1 {
			rooms[0].days = append(rooms[0].days, days...)
			continue
		}
		why := "no list names the conversation: it is private and archived here"
		if len(rooms) > 1 {
			why = fmt.Sprintf("%d conversations are called so, and whose messages these are is not known: they are in a private, archived room of their own", len(rooms))
		}
		l.lost(f, days, why)
	}
	slices.SortStableFunc(l.w.list, func(a, b *room) int { return strings.Compare(a.id, b.id) })
}

// lost makes a room for messages of which it is not known who may read them.
func (l *look) lost(f folder, days []*entry, why string) {
	id := f.root + f.name
	r := &room{id: id, lost: true, days: days, native: &chat.Room{ID: chat.OriginRoom(l.w.source, id), Type: chat.RoomPrivate, State: chat.RoomArchived, Name: f.name}}
	if l.w.rooms[id] != nil {
		r.native.ID = chat.RoomID(l.w.key("room", "folder", id))
		r.id = "folder " + id
	}
	l.w.rooms[r.id] = r
	l.w.list = append(l.w.list, r)
	l.w.note(&chat.Note{Kind: chat.NoteRepair, Object: chat.KindRoom, Where: id, Reason: why})
}

func (l *look) describe() {
	d, c := &l.s.about, l.s.c
	d.Bytes, d.Rooms, d.Name = c.size, len(l.w.list), l.w.source
	d.Title = "Slack export"
	if c.dir != nil {
		d.Title += ", unpacked"
	}
	if len(l.roots) > 1 {
		d.Title += fmt.Sprintf(" of an organisation (%d workspaces)", len(l.roots)-1)
	}
	d.Flavour = "public"
	if len(l.lists["groups.json"])+len(l.lists["dms.json"])+len(l.lists["mpims.json"]) > 0 {
		d.Flavour = "all conversations"
	}
	d.Fingerprint = l.w.fingerprint()
	emails := 0
	for _, p := range l.w.order {
		d.People = append(d.People, p.user)
		if p.user.Email != "" {
			emails++
		}
	}
	d.Losses = losses(d.Flavour, l.s.fetch != nil)
	odd := func(format string, args ...any) { d.Oddities = append(d.Oddities, fmt.Sprintf(format, args...)) }
	if len(l.lists["users.json"])+len(l.lists["org_users.json"]) == 0 {
		odd("users.json is missing: everybody who wrote becomes a placeholder")
	} else if emails == 0 {
		odd("nobody has an e-mail address: people cannot be matched with those at the target, and sign in by mention name")
	}
	if len(l.lists["channels.json"]) == 0 {
		odd("channels.json is missing: channels are private here")
	}
	if l.roots[0] != "" {
		odd("everything is in a directory %q", strings.TrimSuffix(l.roots[0], "/"))
	}
	if l.bad > 0 {
		odd("%d records of people and conversations cannot be used; the report lists them", l.bad)
	}
	d.Written = l.written()
}

// written is when the newest file of a zip was written.
func (l *look) written() chat.Time {
	var newest time.Time
	for _, e := range l.s.c.entries {
		if e.zf != nil && e.zf.Modified.After(newest) {
			newest = e.zf.Modified
		}
	}
	if newest.Year() < 2013 {
		return 0
	}
	return chat.TimeOf(newest)
}

// losses lists what no export has.
func losses(flavour string, fetched bool) []chat.Note {
	note := func(kind chat.Kind, reason string) chat.Note {
		return chat.Note{Kind: chat.NoteLoss, Object: kind, Where: "Slack export", Reason: reason}
	}
	list := []chat.Note{
		note(chat.KindCredential, "exports have no passwords: people get a link to set one (godwit admin invite)"),
		note(chat.KindToken, "exports have no API tokens"),
		note(chat.KindIntegration, "exports have no apps, workflows and webhooks"),
		note(chat.KindReadMark, "exports do not say what people have read, saved or starred: all of it arrives read"),
		note(chat.KindUser, "phone numbers, statuses and custom fields of profiles have no place here"),
	}
	if flavour == "public" {
		list = append(list, note(chat.KindRoom, "this export has public channels only: private ones and direct messages need Slack's export of all conversations"))
	}
	if !fetched {
		list = append(list, note(chat.KindContent, "exports have no files, avatars and custom emoji, only links to them: --fetch-files gets them from Slack"))
	}
	return list
}

var _ connect.Source = (*Source)(nil)
