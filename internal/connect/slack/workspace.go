package slack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/markup"
)

// workspace is what is known of an export's people and conversations after
// the first look. It does not change afterwards.
type workspace struct {
	source   string
	team     string
	users    map[string]*person // by U… and, for bots, by B…
	order    []*person
	rooms    map[string]*room // by ID
	list     []*room          // in the order in which they are read
	services map[string]string
	uploads  map[string]*entry // files whose bytes are here, by F…
	avatars  map[string]*entry // likewise, by U…
	base     []connect.Item    // notes of the first look
	raw      map[string]int64
}

// person is a user of the export.
type person struct {
	user   *chat.User
	avatar string // address of the picture, "" if it is none of their own
}

// room is a conversation: a channel, a group, a 1-1.
type room struct {
	id      string // C…, G…, D…; of a lost one the folder
	native  *chat.Room
	members []*person
	pins    []*chat.Pin
	pinned  map[chat.Time]bool
	days    []*entry
	lost    bool // it has history and no record
}

func newWorkspace() *workspace {
	return &workspace{
		users: map[string]*person{}, rooms: map[string]*room{}, services: map[string]string{},
		uploads: map[string]*entry{}, avatars: map[string]*entry{}, raw: map[string]int64{},
	}
}

func (w *workspace) key(kind string, native ...string) chat.Key {
	return chat.DeriveKey(0, w.source, kind, native...)
}

func (w *workspace) userID(id string) chat.UserID { return chat.UserID(w.key("user", id)) }

func (w *workspace) messageID(room string, at chat.Time) chat.MessageID {
	return chat.OriginMessage(w.source, room, at, tsOf(at))
}

// tsOf writes a time as Slack does.
func tsOf(at chat.Time) string { return fmt.Sprintf("%d.%06d", at/1_000_000, at%1_000_000) }

// contentID names the bytes of a file, wherever it is shared.
func (w *workspace) contentID(file string) chat.ContentID {
	return chat.ContentID(w.key("content", file))
}

// avatarID names a picture of a person: another picture is another content.
func (w *workspace) avatarID(user, hash string) chat.ContentID {
	return chat.ContentID(w.key("content", "avatar", user, hash))
}

// user turns a record into a person.
func (w *workspace) user(u *wireUser) (*person, error) {
	if u.ID == "" {
		return nil, fmt.Errorf("the user has no id")
	}
	p := &person{user: &chat.User{ID: w.userID(u.ID), Mention: u.Name, Email: u.Profile.Email, Title: u.Profile.Title, Zone: u.Zone, Role: w.role(u), Off: u.Deleted}}
	p.user.Name = nameOf(u.Profile.RealName, u.RealName, u.Profile.DisplayName, u.Name, "User "+u.ID)
	if p.user.Role == chat.RolePlaceholder {
		p.user.Off = true
	}
	if p.avatar = ownPicture(&u.Profile); w.avatars[u.ID] != nil {
		p.avatar = ""
	}
	if hash := u.Profile.AvatarHash; p.avatar != "" || w.avatars[u.ID] != nil {
		p.user.Avatar = w.avatarID(u.ID, hash)
	}
	return p, nil
}

func nameOf(names ...string) string {
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			return n
		}
	}
	return ""
}

// role never makes more of somebody than the export proves. Who belongs to
// another workspace cannot sign in here.
func (w *workspace) role(u *wireUser) chat.Role {
	switch {
	case u.Bot || u.Workflow || u.ID == slackbot:
		return chat.RoleBot
	case u.Stranger || w.team != "" && u.Team != "" && u.Team != w.team:
		return chat.RolePlaceholder
	case u.Restricted || u.UltraRestricted:
		return chat.RoleGuest
	case u.Primary || u.Owner:
		return chat.RoleOwner
	case u.Admin:
		return chat.RoleAdmin
	}
	return chat.RoleMember
}

const slackbot = "USLACKBOT"

// ownPicture is the address of a person's picture, unless Slack or Gravatar
// drew it.
func ownPicture(p *wireProfile) string {
	for _, a := range []string{p.Image512, p.Image192, p.Original, p.Image72} {
		if a != "" && !strings.Contains(a, "gravatar.com") && !strings.Contains(a, "/ava_0") {
			return a
		}
	}
	return ""
}

// placeholder stands for somebody who wrote, and whom users.json does not
// have. It reports whether the record says who that is.
func (w *workspace) placeholder(id string, m *wireMessage) (u *chat.User, named bool) {
	u = &chat.User{ID: w.userID(id), Role: chat.RolePlaceholder, Off: true}
	var names []string
	if strings.HasPrefix(id, "B") || id == slackbot {
		u.Role = chat.RoleBot
		if m != nil && m.BotProfile != nil && m.BotProfile.ID == id {
			names = append(names, m.BotProfile.Name)
		}
		names = append(names, w.services[id])
		if m != nil && m.BotID == id {
			names = append(names, m.Username)
		}
		if id == slackbot {
			names = append(names, "Slackbot")
		}
	} else if m != nil && m.Profile != nil && m.User == id {
		names = append(names, m.Profile.RealName, m.Profile.DisplayName, m.Profile.Name)
		u.Mention = m.Profile.Name
	}
	if u.Name = nameOf(names...); u.Name != "" {
		return u, true
	}
	u.Name = "User " + id
	if u.Role == chat.RoleBot {
		u.Name = "Bot " + id
	}
	return u, false
}

// openList is the only list whose conversations may be open to all.
const openList = "channels.json"

// room turns a record into a conversation. Whatever is not proved to be
// public is not.
func (w *workspace) room(list string, c *wireChannel) (*room, []string, error) {
	if c.ID == "" {
		return nil, nil, fmt.Errorf("the conversation has no id")
	}
	r := &room{id: c.ID, native: &chat.Room{ID: chat.OriginRoom(w.source, c.ID), Name: c.Name, Topic: markup.Text(chat.FormatSlack, orElse(c.Topic.Value, c.Purpose.Value)), Created: c.Created.seconds()}}
	var notes []string
	seen := map[string]bool{}
	var unknown int
	for _, id := range c.Members {
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		if p := w.users[id]; p != nil {
			r.members = append(r.members, p)
		} else {
			unknown++
		}
	}
	if unknown > 0 {
		notes = append(notes, fmt.Sprintf("%d of its members are not in users.json: people of other workspaces, who cannot come along", unknown))
	}
	r.native.Type = chat.RoomPrivate
	switch {
	case list == "dms.json" || c.IM:
		r.native.Type = chat.RoomDirect
		if len(seen) > 2 || len(r.members) == 0 {
			r.native.Type = chat.RoomGroup
		}
		r.native.Name, r.native.Topic = "", ""
	case list == "mpims.json" || c.MPIM:
		r.native.Type = chat.RoomGroup
		r.native.Name, r.native.Topic = "", ""
	case list == openList && !c.Private && !c.Group && strings.HasPrefix(c.ID, "C"):
		r.native.Type = chat.RoomOpen
	case list == openList:
		notes = append(notes, "it stands among the public channels, and its record does not say that it is one: it is private here")
	}
	if c.Archived {
		r.native.State = chat.RoomArchived
	}
	if r.native.Name == "" && r.native.Type != chat.RoomDirect && r.native.Type != chat.RoomGroup {
		r.native.Name = "Room " + c.ID
		notes = append(notes, "the channel has no name")
	}
	if p := w.users[c.Creator]; p != nil && r.native.Type != chat.RoomDirect && r.native.Type != chat.RoomGroup {
		r.native.Owner = p.user.ID
	}
	w.pins(r, c)
	return r, notes, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (w *workspace) pins(r *room, c *wireChannel) {
	r.pinned = map[chat.Time]bool{}
	for _, pin := range c.Pins {
		at, err := stamp(string(pin.ID))
		if err != nil || pin.Type == "F" {
			w.note(loss(chat.KindPin, "channel "+c.ID, "a pinned file (%s) is not a message: it is not pinned here", pin.ID))
			continue
		}
		if r.pinned[at] {
			continue
		}
		r.pinned[at] = true
		p := &chat.Pin{Room: r.native.ID, Message: w.messageID(c.ID, at), At: pin.Created.seconds()}
		if u := w.users[pin.User]; u != nil {
			p.User = u.user.ID
		}
		r.pins = append(r.pins, p)
	}
}

func (w *workspace) note(n *chat.Note) { w.base = append(w.base, connect.Item{Note: n}) }

// fingerprint names a few objects that every export of the same workspace has.
func (w *workspace) fingerprint() []string {
	var users, rooms []string
	for id, p := range w.users {
		if p.user.ID == w.userID(id) && id != slackbot {
			users = append(users, "user "+id+" 0") // no export says when they came
		}
	}
	for _, r := range w.list {
		if !r.lost {
			rooms = append(rooms, fmt.Sprintf("room %s %d", r.id, r.native.Created))
		}
	}
	slices.Sort(users)
	slices.Sort(rooms)
	return append(users[:min(20, len(users))], rooms[:min(20, len(rooms))]...)
}
