package server

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

const contentPath = "/api/v1/contents/"

// pictureURL is where a content is that everybody may see. The address names
// the bytes, so that browsers may keep them for ever.
func pictureURL(p *chat.Roster, id chat.ContentID) string {
	c := p.Pictures[id]
	if c == nil || len(c.Hash) < 16 || c.Type != "" && !isPicture(c.Type) {
		return ""
	}
	return contentPath + id.String() + "?v=" + c.Hash[:16]
}

func personOf(p *chat.Roster, u *chat.User) api.Person {
	out := api.Person{ID: u.ID.String(), Name: u.Name, Mention: u.Mention, Title: u.Title, Role: string(u.Role), Off: u.Off || u.Gone, Avatar: pictureURL(p, u.Avatar)}
	if root := p.Root(u.ID); root != u.ID {
		out.Same = root.String()
	}
	return out
}

// peopleOf lists everybody whom somebody may know of, ordered by name.
func peopleOf(a *chat.Actor) []api.Person {
	p := a.Roster
	list := make([]api.Person, 0, len(p.Users))
	for id, u := range p.Users {
		if a.Sees(id) {
			list = append(list, personOf(p, u))
		}
	}
	slices.SortFunc(list, func(a, b api.Person) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return list
}

func meOf(a *chat.Actor) api.Me {
	if a.User == nil {
		return api.Me{Person: api.Person{Name: "operator", Role: string(chat.RoleOwner)}, Admin: true}
	}
	return api.Me{Person: personOf(a.Roster, a.User), Email: a.User.Email, Zone: a.User.Zone, Admin: a.Admin()}
}

func emoticonsOf(p *chat.Roster) map[string]string {
	out := make(map[string]string, len(p.Emoticons))
	for shortcut, e := range p.Emoticons {
		if u := pictureURL(p, e.Content); u != "" {
			out[shortcut] = u
		}
	}
	return out
}

func texts[T any](ids []chat.ID[T]) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

// roomOf draws a room as it is listed.
func roomOf(v *chat.RoomView) api.Room {
	out := api.Room{
		ID: v.ID.String(), Type: string(v.Type), State: string(v.State), Name: v.Name, Topic: v.Topic, With: texts(v.With),
		Last: int64(v.Span.Last), MayPost: v.MayPost, Member: v.Member != nil, Members: v.Members,
		Guests: !chat.GuestKey(v.Guest).IsZero(), Arriving: v.Arriving, Ends: int64(v.Ends),
		Read: int64(v.Read), Unread: v.Unread.Messages, Mentions: v.Unread.Mentions,
	}
	if v.Member != nil {
		out.Star, out.Order, out.Notify, out.Hidden = v.Member.Star, v.Member.Order, string(v.Member.Notify), int64(v.Member.Hidden)
	}
	if v.May != nil && !v.Owner.IsZero() {
		out.Owner = v.Owner.String()
	}
	for _, act := range v.May {
		out.May = append(out.May, string(act))
	}
	return out
}

// wholeRoom draws a room with all that is known of it.
func wholeRoom(v *chat.RoomView) api.Room {
	out := roomOf(v)
	out.People, out.Admins = texts(v.People), texts(v.Admins)
	out.Messages, out.First = v.Span.Count, int64(v.Span.First)
	return out
}

// messageOf draws a message.
func messageOf(p *chat.Roster, d *chat.Details, m *chat.Message) api.Message {
	typ, _ := m.Type.MarshalText()
	out := api.Message{ID: m.ID.String(), Room: m.Room.String(), Label: m.Label, Sent: int64(m.Sent), Type: string(typ), Edited: int64(m.Edited), Gone: m.Gone, Color: m.Color}
	if !m.Author.IsZero() {
		out.Author = m.Author.String()
	}
	if !m.Thread.IsZero() {
		out.Thread, out.Shown = m.Thread.String(), m.Shown
	}
	if d != nil {
		out.Replies = repliesOf(p, d.Threads[m.ID])
	}
	if m.Gone {
		out.Label, out.Color = "", ""
		return out
	}
	out.Everyone = m.Everyone
	out.Calls = callsOf(p, m)
	var files map[chat.FileID]*chat.FileView
	if d != nil {
		files = d.Files
	}
	if o := treeOptions(p, files, m); m.Format == chat.FormatSlack {
		out.Tree = markup.SlackTree(m.Text, markup.ReadSlackCard(m), o)
	} else {
		out.Tree = markup.Tree(m.Format, m.Text, o)
	}
	if d == nil {
		return out
	}
	for _, id := range m.Files {
		if v := d.Files[id]; v != nil {
			out.Files = append(out.Files, fileOf(v))
		}
	}
	out.Cards = cardsOf(out.Tree, d.Cards[m.ID])
	out.Reactions, out.Pinned = reactionsOf(p, d.Reactions[m.ID]), d.Pinned[m.ID]
	return out
}

// callsOf says whom a message mentions.
func callsOf(p *chat.Roster, m *chat.Message) []string {
	var list []string
	for _, mention := range m.Mentions {
		list = append(list, p.Root(mention.User).String())
	}
	for _, id := range m.Here {
		list = append(list, id.String())
	}
	return list
}

func messagesOf(page *chat.Page) []api.Message {
	list := make([]api.Message, len(page.Messages))
	for i, m := range page.Messages {
		list[i] = messageOf(page.Roster, &page.Details, m)
	}
	return list
}

func fileOf(v *chat.FileView) api.File {
	out := api.File{ID: v.ID.String(), Name: chat.FileName(v.Name), Size: v.Size}
	c := v.Content
	if c == nil {
		out.Missing = true
		return out
	}
	out.Size, out.Type, out.Width, out.Height = c.Size, c.Type, c.Width, c.Height
	out.URL = "/api/v1/files/" + out.ID
	if hasPreview(c.Type) && int64(c.Width)*int64(c.Height) <= mostPixels {
		out.Preview = "/api/v1/previews/" + out.ID
	}
	return out
}

// adminPersonOf draws somebody for administrators.
func adminPersonOf(p *chat.Roster, u chat.AdminUser) api.AdminPerson {
	return api.AdminPerson{Person: personOf(p, u.User), Email: u.Email, Created: int64(u.Created), Password: u.Password}
}

// movesOf draws moves with what they amount to.
func movesOf(list []chat.MoveState) []api.Move {
	out := make([]api.Move, len(list))
	for i, m := range list {
		out[i] = api.Move{Name: m.Name, Source: m.Source, Done: m.Done, Started: int64(m.Started), Ended: int64(m.Ended)}
		for c := range maps.Values(m.Counts) {
			out[i].Written += c.Written
			out[i].Read += c.Read
		}
	}
	return out
}
