package server

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

func emoticonOf(a *chat.Actor, p *chat.Roster, e *chat.Emoticon) api.Emoticon {
	out := api.Emoticon{ID: e.ID.String(), Shortcut: e.Shortcut, URL: pictureURL(p, e.Content), Created: int64(e.Created)}
	if !e.By.IsZero() {
		out.By = e.By.String()
	}
	out.Mine = a.Admin() || out.By != "" && a.Is(e.By) && chat.MayAddEmoticons(a)
	return out
}

// emoji answers the standard ones, which are others only with another version.
func (s *Server) emoji(r *request) (any, error) {
	r.w.Header().Set("Cache-Control", aWhile)
	return api.Emoji{List: markup.EmojiList}, nil
}

// emoticons answers the place's own.
func (s *Server) emoticons(r *request) (any, error) {
	p := r.actor.Roster
	out := api.Emoticons{Emoticons: make([]api.Emoticon, 0, len(p.Emoticons)), MayAdd: chat.MayAddEmoticons(r.actor), Admins: p.Setting(chat.SettingEmoticons) == chat.EmoticonsAdmins}
	for _, e := range p.Emoticons {
		out.Emoticons = append(out.Emoticons, emoticonOf(r.actor, p, e))
	}
	slices.SortFunc(out.Emoticons, func(x, y api.Emoticon) int {
		return cmp.Or(strings.Compare(chat.Fold(x.Shortcut), chat.Fold(y.Shortcut)), strings.Compare(x.ID, y.ID))
	})
	return out, nil
}

// emoticonRule says who may add some.
func (s *Server) emoticonRule(r *request) (any, error) {
	var in api.EmoticonRule
	if err := r.read(&in); err != nil {
		return nil, err
	}
	value := ""
	if in.Admins {
		value = chat.EmoticonsAdmins
	}
	return empty{}, s.Service.SetSetting(r.Context(), r.actor, chat.SettingEmoticons, value)
}

// newEmoticon takes a picture, which is made anew; what moves goes on moving.
func (s *Server) newEmoticon(r *request) (any, error) {
	shortcut, err := s.Service.CheckEmoticon(r.actor, r.URL.Query().Get("shortcut"))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, chat.MostEmoticonBytes+1))
	if err != nil || len(data) > chat.MostEmoticonBytes {
		return nil, chat.Errorf(chat.Invalid, "the picture has more than %d kB", chat.MostEmoticonBytes>>10).WithHint("make it smaller: it is drawn in the height of a line")
	}
	picture, err := s.keepPicture(r.Context(), data, emoticonUse)
	if err != nil {
		return nil, err
	}
	e, err := s.Service.AddEmoticon(r.Context(), r.actor, shortcut, chat.Content{Hash: picture.Hash, Size: picture.Size, Type: picture.Type, Width: picture.Width, Height: picture.Height})
	if err != nil {
		return nil, err
	}
	p, err := s.Service.Roster(r.Context())
	if err != nil {
		return nil, err
	}
	return emoticonOf(r.actor, p, e), nil
}

func (s *Server) deleteEmoticon(r *request) (any, error) {
	e, err := id[chat.Emoticon](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.DeleteEmoticon(r.Context(), r.actor, e)
}
