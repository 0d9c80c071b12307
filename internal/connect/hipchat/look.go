package hipchat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// look is the first look: it reads people, rooms and emoticons, and stops as
// soon as it has them.
type look struct {
	s                       *Source
	p                       *people
	users, rooms, emoticons bool // found
	paths, listed           bool // avatars are paths; emoticons.json is an object
	canonical               bool // rooms have canonical names
	bad                     int
}

func (l *look) run(ctx context.Context) error {
	c := l.s.c
	var err error
	if c.dir {
		c.wrapper, err = findWrapper(c.path)
	} else {
		l.s.about.Artefact, err = c.artefact()
	}
	if err != nil {
		return err
	}
	if err := l.walk(ctx); err != nil {
		return l.s.at(err)
	}
	if !l.users && !l.rooms {
		return chat.Errorf(chat.Invalid, "%s is not a HipChat export: neither users.json nor rooms.json is in it", c.path).
			WithHint("give the file as HipChat made it, or the directory that it unpacks to")
	}
	if l.isStride() {
		return chat.Errorf(chat.Invalid, "%s is an export of Stride, which Godwit does not read", c.path).
			WithHint("its people have UUIDs for IDs; exports of HipChat Server, Data Center and Cloud are read")
	}
	if c.dir {
		if l.s.about.Artefact, err = l.dirArtefact(); err != nil {
			return err
		}
	}
	l.p.arrange()
	l.describe()
	return nil
}

func (l *look) walk(ctx context.Context) error {
	w, err := l.s.c.open()
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // only read
	for ctx.Err() == nil {
		e, err := w.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		role, id := l.role(e)
		if err := l.entry(role, nativeID(id), e); err != nil {
			return err
		}
		switch role {
		case roleRoomHistory, roleUserHistory, roleAttachment, rolePicture, roleAvatar:
			// A directory's other files cost nothing to pass by, and its
			// auto-joins come late.
			if l.users && l.rooms && !l.s.c.dir {
				return nil
			}
		}
	}
	return ctx.Err()
}

// role classifies an entry, and finds the directory that everything is in if
// there is one.
func (l *look) role(e *entry) (r role, id string) {
	r, id = classify(e.path)
	c := l.s.c
	if r != roleUnknown || c.wrapper != "" || l.users || l.rooms || c.dir {
		return r, id
	}
	top, rest, _ := strings.Cut(e.path, "/")
	if rest == "users.json" || rest == "rooms.json" {
		c.wrapper = top
		return classify(rest)
	}
	return r, id
}

func (l *look) entry(r role, id nativeID, e *entry) error {
	switch r {
	case roleUsers:
		l.users = true
		return each(e.body, `User":`, l.user)
	case roleRooms:
		l.rooms = true
		return each(e.body, `Room":`, l.room)
	case roleEmoticons:
		l.emoticons = true
		_, listed, _, err := readEmoticons(e.body)
		l.listed = listed
		return err
	case roleAutojoins:
		f := file{role: r, path: e.path, id: id}
		raw, bad, err := readWhole(e.body)
		if err == nil && bad == "" {
			l.p.remember(f, raw)
		}
		return err
	}
	return nil
}

// each calls fn with every whole element of an array.
func each(r io.Reader, mark string, fn func(raw []byte) bool) error {
	sp := newSplitter(withoutBOM(r), mark)
	for {
		e, err := sp.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.bad == "" && e.note == "" {
			fn(e.raw)
		}
	}
}

func (l *look) user(raw []byte) bool {
	rec, _, err := read[wireUser](raw)
	if err != nil {
		l.bad++
		return false
	}
	w := &rec.value
	u, _, _, err := l.p.user(w)
	if err != nil || l.p.users[w.ID] != nil {
		l.bad++
		return false
	}
	path, isPath := avatarPath(w.Avatar)
	if isPath {
		l.paths = true
		l.p.pictures[contentPath(path)] = fmt.Sprintf("the avatar of %s", u.Name)
	}
	l.p.users[w.ID] = u
	if name := strings.ToLower(u.Mention); name != "" && name != "all" && name != "here" {
		if _, taken := l.p.byMention[name]; taken {
			u = nil
		}
		l.p.byMention[name] = u
	}
	l.p.order = append(l.p.order, w.ID)
	return true
}

func (l *look) room(raw []byte) bool {
	rec, _, err := read[wireRoom](raw)
	if err != nil || rec.value.ID == "" || l.p.rooms[rec.value.ID] != nil {
		l.bad++
		return false
	}
	w := &rec.value
	r := &room{id: l.p.roomID(w.ID), native: w.ID, private: w.Privacy != "public", members: map[nativeID]bool{}, digest: roomDigest(w)}
	r.created, _ = parseCreated(w.Created)
	for _, list := range [][]reference{w.Members, w.Admins, w.Participants} {
		for _, ref := range list {
			r.members[ref.id] = true
		}
	}
	l.p.rooms[w.ID] = r
	l.p.roomList = append(l.p.roomList, w.ID)
	l.canonical = l.canonical || w.Canonical != ""
	name := w.Canonical
	if name == "" {
		name = slug(w.Name)
	}
	if _, taken := l.p.bySlug[name]; taken {
		l.p.bySlug[name] = nil
	} else {
		l.p.bySlug[name] = r
	}
	return true
}

// roomDigest tells two records of one room apart.
func roomDigest(w *wireRoom) uint64 {
	h := sha256.New()
	fmt.Fprintf(h, "%q", fmt.Sprint(*w))
	var d uint64
	for _, b := range h.Sum(nil)[:8] {
		d = d<<8 | uint64(b)
	}
	return d
}

// isStride reports whether all people have UUIDs for IDs.
func (l *look) isStride() bool {
	for _, id := range l.p.order {
		if len(id) != 36 || strings.Count(string(id), "-") != 4 {
			return false
		}
	}
	return len(l.p.order) > 0
}

func (l *look) describe() {
	d := &l.s.about
	d.Flavour = "B"
	if l.paths || l.listed || l.canonical {
		d.Flavour = "C"
	}
	d.Title = l.s.title(d.Flavour)
	d.Fingerprint = l.p.fingerprint()
	d.Rooms = len(l.p.roomList)
	for _, id := range l.p.order {
		d.People = append(d.People, l.p.users[id])
	}
	d.Losses = losses(d.Flavour)
	odd := func(format string, args ...any) { d.Oddities = append(d.Oddities, fmt.Sprintf(format, args...)) }
	if !l.users {
		odd("users.json is missing: everybody who wrote becomes a placeholder")
	}
	if !l.rooms {
		odd("rooms.json is missing: rooms are private and named after their numbers")
	}
	if !l.emoticons {
		odd("emoticons.json is missing or behind the histories; the export of HipChat Server 2.2.9 has none")
	}
	if l.s.c.wrapper != "" {
		odd("everything is in a directory %q", l.s.c.wrapper)
	}
	if l.bad > 0 {
		odd("%d records of people and rooms cannot be used; the report lists them", l.bad)
	}
	l.sameEmails(odd)
}

// sameEmails reports people who share an address.
func (l *look) sameEmails(odd func(string, ...any)) {
	by := map[string]int{}
	for _, u := range l.p.users {
		if u.Email != "" {
			by[chat.Fold(u.Email)]++
		}
	}
	n := 0
	for _, k := range by {
		if k > 1 {
			n++
		}
	}
	if n > 0 {
		odd("%d e-mail addresses belong to more than one person", n)
	}
}

// losses lists what no export of a flavour has.
func losses(flavour string) []chat.Note {
	list := []chat.Note{
		{Kind: chat.NoteLoss, Object: chat.KindCredential, Where: "HipChat export", Reason: "exports have no passwords: people get a link to set one (godwit admin invite)"},
		{Kind: chat.NoteLoss, Object: chat.KindToken, Where: "HipChat export", Reason: "exports have no API tokens"},
		{Kind: chat.NoteLoss, Object: chat.KindIntegration, Where: "HipChat export", Reason: "exports have no integrations and webhooks"},
		{Kind: chat.NoteLoss, Object: chat.KindMember, Where: "HipChat export", Reason: "exports do not say who was in an open room: those who wrote there become its members"},
	}
	if flavour == "B" {
		list = append(list, chat.Note{Kind: chat.NoteLoss, Object: chat.KindPreferences, Where: "HipChat export", Reason: "standard exports have no preferences and auto-joins"})
	}
	return list
}

// filesRoot finds the directory with attachments: dir, or the one in it, where
// a person named its parent. Two of them are for the person to choose from.
func filesRoot(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return "", chat.Errorf(chat.NotFound, "%s is not a directory", dir).WithHint("--files-from names the directory with the attachments")
	}
	if hasFiles(dir) {
		return dir, nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", dir, err)
	}
	found := ""
	for _, e := range list {
		if !e.IsDir() || !hasFiles(filepath.Join(dir, e.Name())) {
			continue
		}
		if found != "" {
			return "", chat.Errorf(chat.Invalid, "%s and %s in %s both hold attachments", found, e.Name(), dir).WithHint("name one of them with --files-from")
		}
		found = e.Name()
	}
	return filepath.Join(dir, found), nil
}

// hasFiles reports whether a directory holds attachments as an export does.
// They may also lie by their own paths, which look like nothing.
func hasFiles(dir string) bool {
	for _, pattern := range []string{"users/files/*", "users/*/files/*", "rooms/*/files/*"} {
		if list, err := filepath.Glob(filepath.Join(globbed.Replace(dir), pattern)); err == nil && len(list) > 0 {
			return true
		}
	}
	return false
}

// globbed writes a path so that it means itself in a pattern.
var globbed = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// findWrapper finds the directory within dir that the export is in.
func findWrapper(dir string) (string, error) {
	has := func(sub string) bool {
		for _, name := range []string{"users.json", "rooms.json"} {
			if _, err := os.Stat(filepath.Join(dir, sub, name)); err == nil {
				return true
			}
		}
		return false
	}
	if has("") {
		return "", nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range list {
		if e.IsDir() && has(e.Name()) {
			return e.Name(), nil
		}
	}
	return "", nil
}

// dirArtefact is the identity of a directory: its people and rooms, and the
// size of everything in it.
func (l *look) dirArtefact() (string, error) {
	h := sha256.New()
	w, err := l.s.c.open()
	if err != nil {
		return "", err
	}
	defer w.Close() //nolint:errcheck // only read
	var total int64
	for {
		e, err := w.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		total += e.size
		fmt.Fprintf(h, "%q %d\n", e.name, e.size)
		if r, _ := classify(e.path); slices.Contains([]role{roleUsers, roleRooms}, r) {
			if _, err := io.Copy(h, e.body); err != nil {
				return "", err
			}
		}
	}
	l.s.about.Bytes = total
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}
