package server

import (
	"strings"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// sorts are the sorts of files that one can ask for.
var sorts = map[string]func(*chat.Content) bool{
	"":         func(*chat.Content) bool { return true },
	"pictures": func(c *chat.Content) bool { return hasPreview(c.Type) },
	"media":    func(c *chat.Content) bool { return isMedia(c.Type) },
	"other":    func(c *chat.Content) bool { return !hasPreview(c.Type) && !isMedia(c.Type) },
}

// isMedia reports whether a type is of what is heard or runs.
func isMedia(typ string) bool {
	return strings.HasPrefix(typ, "audio/") || strings.HasPrefix(typ, "video/") || typ == "application/ogg"
}

// roomFiles answers files of a room.
func (s *Server) roomFiles(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	fits, ok := sorts[q.Get("type")]
	before, after := q.Get("before"), q.Get("after")
	if !ok || before != "" && after != "" {
		return nil, chat.Errorf(chat.Invalid, "files are pictures, media or other, before or after one")
	}
	at, err := optionalID[chat.File](before + after)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Service.RoomFiles(r.Context(), r.actor, room, at, after != "", fits)
	if err != nil {
		return nil, err
	}
	out := api.RoomFiles{Files: make([]api.RoomFile, len(list))}
	for i, f := range list {
		out.Files[i] = api.RoomFile{File: fileOf(f.FileView), Message: f.In.ID.String(), Sent: int64(f.In.Sent), Label: f.In.Label}
		if !f.In.Author.IsZero() {
			out.Files[i].Author = f.In.Author.String()
		}
	}
	if !next.IsZero() {
		out.Next = next.String()
	}
	return out, nil
}
