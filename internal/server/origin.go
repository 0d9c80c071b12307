package server

import (
	"net/url"
	"strings"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// treeOptions says what the words of a message mean here.
func treeOptions(p *chat.Roster, files map[chat.FileID]*chat.FileView, m *chat.Message) markup.Options {
	return markup.Options{
		Mentions: m.Mentions,
		Emoticon: func(shortcut string) (string, bool) {
			e := p.Emoticons[chat.Fold(shortcut)]
			if e == nil {
				return "", false
			}
			u := pictureURL(p, e.Content)
			return u, u != ""
		},
		Name: func(id chat.UserID) string {
			if u := p.Users[p.Root(id)]; u != nil {
				return u.Name
			}
			return ""
		},
		Room: func(id string) (string, string) { return linkToRoom(p, id) },
		Link: func(address string) string { return linkHere(p, files, m, address) },
	}
}

// linkToRoom finds a room that an imported text names. The name of one that
// not everybody may see is not told: what the text itself says is shown.
func linkToRoom(p *chat.Roster, id string) (address, name string) {
	r := p.Imported(id)
	if r == nil {
		return "", ""
	}
	if r.Type == chat.RoomOpen && r.State != chat.RoomDeleted {
		name = r.Name
	}
	return "/room/" + r.ID.String(), name
}

// linkHere returns where a link to the place that a message came from leads
// here, or "". It leads to the old address, which finds out who may read what
// stands there; so it tells nothing but that a room of this ID came here.
func linkHere(p *chat.Roster, files map[chat.FileID]*chat.FileView, m *chat.Message, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	slack := strings.HasSuffix(host, ".slack.com")
	if !slack && !strings.Contains(host, "hipchat") {
		return ""
	}
	if parts := strings.Split(strings.Trim(u.Path, "/"), "/"); slack && parts[0] == "files" {
		return ownFile(files, m, u)
	}
	old := chat.ReadOldAddress(u.Path, u.Query())
	if old == nil || p.Imported(old.Room) == nil {
		return ""
	}
	here := u.EscapedPath()
	if u.RawQuery != "" {
		here += "?" + u.RawQuery
	}
	return here
}

// ownFile finds the file of the same message that an address names.
func ownFile(files map[chat.FileID]*chat.FileView, m *chat.Message, u *url.URL) string {
	for _, id := range m.Files {
		v := files[id]
		if v == nil || v.Content == nil {
			continue
		}
		if origin, err := url.Parse(v.Origin); err == nil && origin.Host == u.Host && origin.Path == u.Path {
			return "/api/v1/files/" + id.String()
		}
	}
	return ""
}

func (s *Server) originCalls() map[string]call { return map[string]call{"GET moved": s.moved} }

// moved answers where what an old address led to is now.
func (s *Server) moved(r *request) (any, error) {
	u, err := url.Parse(r.URL.Query().Get("address"))
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the address cannot be read")
	}
	to, err := s.Service.OldAddress(r.Context(), r.actor, u.Path, u.Query())
	if err != nil {
		return nil, err
	}
	out := api.Moved{Room: to.Room.String()}
	if !to.Message.IsZero() {
		out.Message = to.Message.String()
	}
	return out, nil
}
