package hipchat

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// people is what is known of an export's people, rooms and emoticons after
// the first look. It does not change afterwards.
type people struct {
	source   string
	users    map[nativeID]*chat.User
	rooms    map[nativeID]*room
	bySlug   map[string]*room        // as auto-joins name them; nil for names that two rooms have
	pictures map[string]string       // paths of avatars and emoticons that should be there, and whose they are
	order    []nativeID              // of users, as they stand in the export
	joins    map[nativeID][]wireJoin // what people open at start, where the first look met it
	// byMention has people by their mention names in lower case, nil for names
	// that two have.
	byMention map[string]*chat.User
	sidebar   map[place]int // where they have it, from 1
	roomList  []nativeID
}

// place is a room in someone's sidebar.
type place struct {
	room chat.RoomID
	user nativeID
}

// room is what is kept of a room.
type room struct {
	id      chat.RoomID
	native  nativeID
	private bool
	created chat.Time
	digest  uint64
	members map[nativeID]bool // who is in it
	unknown bool              // it has a history and no record
}

func newPeople(source string) *people {
	return &people{source: source, users: map[nativeID]*chat.User{}, rooms: map[nativeID]*room{}, bySlug: map[string]*room{}, pictures: map[string]string{}, joins: map[nativeID][]wireJoin{}, sidebar: map[place]int{}, byMention: map[string]*chat.User{}}
}

func (p *people) key(at chat.Time, kind string, native ...string) chat.Key {
	return chat.DeriveKey(at, p.source, kind, native...)
}

func (p *people) userID(id nativeID) chat.UserID { return chat.UserID(p.key(0, "user", string(id))) }
func (p *people) roomID(id nativeID) chat.RoomID { return chat.RoomID(p.key(0, "room", string(id))) }

// pair names a 1-1 by the two who are in it, in either order.
func pair(a, b nativeID) [2]nativeID {
	if b < a {
		a, b = b, a
	}
	return [2]nativeID{a, b}
}

func (p *people) directID(who [2]nativeID) chat.RoomID {
	return chat.RoomID(p.key(0, "room", "1-1", string(who[0]), string(who[1])))
}

func (p *people) contentID(path string) chat.ContentID {
	return chat.ContentID(p.key(0, "content", contentPath(path)))
}

// user turns a record into a user, and the picture that stands in it, if one
// does. The notes say what was mended or left out.
func (p *people) user(w *wireUser) (u *chat.User, avatar []byte, notes []string, err error) {
	if w.ID == "" {
		return nil, nil, nil, fmt.Errorf("the user has no id")
	}
	u = &chat.User{ID: p.userID(w.ID), Name: w.Name, Mention: strings.TrimPrefix(w.Mention, "@"), Email: w.Email, Title: w.Title, Zone: w.Timezone, Role: roleOf(w), Off: w.Deleted}
	if u.Name == "" {
		u.Name = "User " + string(w.ID)
		notes = append(notes, "the user has no name")
	}
	var ok bool
	if u.Created, ok = parseCreated(w.Created); !ok {
		notes = append(notes, fmt.Sprintf("the time of creation %q is not one", w.Created))
	}
	switch path, isPath := avatarPath(w.Avatar); {
	case w.Avatar == "":
	case isPath:
		u.Avatar = p.contentID(path)
	default:
		if avatar, ok = decodeAvatar(w.Avatar); ok {
			u.Avatar = chat.ContentID(p.key(0, "content", "avatar", string(w.ID)))
		} else {
			notes = append(notes, "the avatar is no picture and was left out")
		}
	}
	return u, avatar, notes, nil
}

func roleOf(w *wireUser) chat.Role {
	has := func(role string) bool { return w.Account == role || slices.Contains(w.Roles, role) }
	switch {
	case has("owner"):
		return chat.RoleOwner
	case has("admin"):
		return chat.RoleAdmin
	case has("guest"):
		return chat.RoleGuest
	}
	return chat.RoleMember
}

// avatarPath recognises the form of the migration tool: a path of which the
// third part is the user and the fourth the file.
func avatarPath(s string) (string, bool) {
	if len(s) > 1024 || !strings.Contains(s, "/") {
		return "", false
	}
	if parts := strings.Split(strings.TrimPrefix(s, "/"), "/"); len(parts) == 4 && strings.Contains(parts[3], ".") {
		if parts[0] == "users" && parts[2] == "avatars" {
			return strings.Join(parts, "/"), true
		}
		return "users/" + parts[2] + "/avatars/" + parts[3], true
	}
	return "", false
}

// decodeAvatar reads base64, whatever its line ends and padding, and looks
// whether it is a picture.
func decodeAvatar(s string) ([]byte, bool) {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, s)
	if _, rest, ok := strings.Cut(s, ";base64,"); ok && strings.HasPrefix(s, "data:") {
		s = rest
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || !strings.HasPrefix(http.DetectContentType(b), "image/") {
		return nil, false
	}
	return b, true
}

// room turns a record into a room and its members.
func (p *people) room(w *wireRoom) (r *chat.Room, members []*chat.Member, notes []string, err error) {
	if w.ID == "" {
		return nil, nil, nil, fmt.Errorf("the room has no id")
	}
	r = &chat.Room{ID: p.roomID(w.ID), Name: w.Name, Topic: w.Topic, Guest: w.GuestURL, Type: chat.RoomPrivate}
	if r.Name == "" {
		r.Name = "Room " + string(w.ID)
		notes = append(notes, "the room has no name")
	}
	switch w.Privacy {
	case "public":
		r.Type = chat.RoomOpen
	case "private":
	default:
		notes = append(notes, fmt.Sprintf("the privacy %q is unknown: the room is private here", w.Privacy))
	}
	switch {
	case w.Deleted:
		r.State = chat.RoomDeleted
	case w.Archived:
		r.State = chat.RoomArchived
	}
	var ok bool
	if r.Created, ok = parseCreated(w.Created); !ok {
		notes = append(notes, fmt.Sprintf("the time of creation %q is not one", w.Created))
	}
	if o := w.Owner.id; o != "" && o != "0" {
		if u := p.users[o]; u != nil {
			r.Owner = u.ID
		} else {
			notes = append(notes, fmt.Sprintf("its owner, user %s, is not in users.json", o))
		}
	}
	members, unknown := p.members(r, w)
	if len(unknown) > 0 {
		notes = append(notes, fmt.Sprintf("it names members who are not in users.json: %s", strings.Join(unknown, ", ")))
	}
	return r, members, notes, nil
}

// members lists who is in a room, each once, in the order of the record.
func (p *people) members(r *chat.Room, w *wireRoom) (list []*chat.Member, unknown []string) {
	seen := map[nativeID]*chat.Member{}
	add := func(refs []reference, admin bool) {
		for _, ref := range refs {
			if m := seen[ref.id]; m != nil {
				m.Admin = m.Admin || admin
				continue
			}
			if ref.id == "" || ref.id == "0" {
				continue
			}
			u := p.users[ref.id]
			m := &chat.Member{Room: r.ID, Admin: admin, Order: p.sidebar[place{r.ID, ref.id}]}
			seen[ref.id] = m
			if u == nil {
				if len(unknown) < 20 {
					unknown = append(unknown, string(ref.id))
				}
				continue
			}
			m.User = u.ID
			list = append(list, m)
		}
	}
	add(w.Members, false)
	add(w.Admins, true)
	if r.Type == chat.RoomOpen {
		add(w.Participants, false)
	}
	return list, unknown
}

// emoticonPath says where the bytes of an emoticon are, by the form of the
// list: the standard export has a path from the top, the migration tool one
// from a directory of its own.
func emoticonPath(path string, listed bool) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "./"), "/")
	if listed && !strings.HasPrefix(path, "files/img/emoticons/") {
		return "files/img/emoticons/" + path
	}
	if !listed && !strings.HasPrefix(path, "emoticons/") && !strings.HasPrefix(path, "files/") {
		return "emoticons/" + path
	}
	return path
}

func (p *people) emoticon(w *wireEmoticon, listed bool) (*chat.Emoticon, string, error) {
	shortcut := strings.TrimSuffix(strings.TrimPrefix(w.Shortcut, "("), ")")
	if shortcut == "" {
		return nil, "", fmt.Errorf("the emoticon has no shortcut")
	}
	e := &chat.Emoticon{ID: chat.EmoticonID(p.key(0, "emoticon", shortcut))}
	e.Shortcut = shortcut
	path := ""
	if w.Path != "" {
		path = emoticonPath(w.Path, listed)
		e.Content = p.contentID(path)
	}
	return e, path, nil
}

// slug is the name by which a room's address on the old server named it.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' || r > 127 {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}
