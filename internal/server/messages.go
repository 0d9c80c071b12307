package server

import (
	"cmp"
	"slices"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// messageCalls are the calls about single messages, and about what hangs on
// them.
func (s *Server) messageCalls() map[string]call {
	return map[string]call{
		"GET messages/{id}":            s.message,
		"GET messages/{id}/source":     s.source,
		"GET messages/{id}/revisions":  s.revisions,
		"GET messages/{id}/thread":     s.thread,
		"PATCH messages/{id}":          s.edit,
		"DELETE messages/{id}":         s.deleteMessage,
		"POST messages/{id}/reactions": s.react,
		"PUT messages/{id}/pin":        s.pin(true),
		"DELETE messages/{id}/pin":     s.pin(false),
		"PUT messages/{id}/saved":      s.save(true),
		"DELETE messages/{id}/saved":   s.save(false),
		"POST messages/{id}/unread":    s.markUnread,
		"PUT messages/{id}/follow":     s.setFollow(true),
		"DELETE messages/{id}/follow":  s.setFollow(false),
		"POST messages/{id}/read":      s.readThread,
		"POST rooms/{id}/corrections":  s.correct,
		"GET rooms/{id}/pins":          s.pins,
		"GET rooms/{id}/read":          s.unread,
		"GET saved":                    s.savedMessages,
		"GET threads":                  s.threads,
		"GET emoji":                    s.emoji,
		"GET emoticons":                s.emoticons,
		"POST emoticons":               s.newEmoticon,
		"PUT emoticons":                s.emoticonRule,
		"DELETE emoticons/{id}":        s.deleteEmoticon,
	}
}

const mostFaces = 5

// repliesOf says what there is of replies.
func repliesOf(p *chat.Roster, t chat.Thread) *api.Replies {
	if t.Count == 0 {
		return nil
	}
	last := map[chat.UserID]chat.Time{}
	for id, by := range t.By {
		id = p.Root(id)
		last[id] = max(last[id], by.Last)
	}
	faces := make([]chat.UserID, 0, len(last))
	for id := range last {
		if !id.IsZero() {
			faces = append(faces, id)
		}
	}
	slices.SortFunc(faces, func(x, y chat.UserID) int { return cmp.Or(cmp.Compare(last[y], last[x]), slices.Compare(x[:], y[:])) })
	return &api.Replies{Count: t.Count, Last: int64(t.Last), Faces: append([]string{}, texts(faces[:min(len(faces), mostFaces)])...)}
}

// reactionsOf gathers reactions by emoji, in the order in which each was first
// put there.
func reactionsOf(p *chat.Roster, list []*chat.Reaction) []api.Reaction {
	var out []api.Reaction
	for _, r := range list {
		i := slices.IndexFunc(out, func(o api.Reaction) bool { return o.Emoji == r.Emoji })
		if i < 0 {
			i = len(out)
			out = append(out, api.Reaction{Emoji: r.Emoji, URL: emojiURL(p, r.Emoji)})
		}
		if id := p.Root(r.User).String(); !slices.Contains(out[i].People, id) {
			out[i].People = append(out[i].People, id)
		}
	}
	return out
}

func emojiURL(p *chat.Roster, emoji string) string {
	if n := len(emoji); n > 2 && emoji[0] == ':' && emoji[n-1] == ':' {
		if e := p.Emoticons[chat.Fold(emoji[1:n-1])]; e != nil {
			return pictureURL(p, e.Content)
		}
	}
	return ""
}

// savedOf lists which of some messages are saved.
func savedOf(saved map[chat.MessageID]bool, list []*chat.Message) []string {
	var out []string
	for _, m := range list {
		if saved[m.ID] {
			out = append(out, m.ID.String())
		}
	}
	return out
}

// one answers the message of a page of one.
func one(p *chat.Page, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return messageOf(p.Roster, &p.Details, p.Messages[0]), nil
}

func (s *Server) message(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	return one(s.Service.Message(r.Context(), r.actor, m))
}

// source answers what a message says as it was written.
func (s *Server) source(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	p, err := s.Service.Message(r.Context(), r.actor, m)
	if err != nil {
		return nil, err
	}
	return api.Edit{Text: p.Messages[0].Text}, nil
}

// revisions answers what a message said before.
func (s *Server) revisions(r *request) (any, error) {
	mid, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	list, p, err := s.Service.Revisions(r.Context(), r.actor, mid)
	if err != nil {
		return nil, err
	}
	out := api.Revisions{Revisions: make([]api.Message, len(list))}
	for i, v := range list {
		m := *p.Messages[0]
		m.Sent, m.Edited, m.Format, m.Text, m.Extra = v.Since, v.Until, v.Format, v.Text, chat.Extra{}
		if v.Extra != nil {
			m.Extra = *v.Extra
		}
		out.Revisions[i] = messageOf(p.Roster, nil, &m)
	}
	return out, nil
}

func (s *Server) edit(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	var in api.Edit
	if err := r.read(&in); err != nil {
		return nil, err
	}
	p, err := s.Service.Edit(r.Context(), r.actor, m, in.Text)
	if err == nil {
		s.askCards(p.Messages[0])
	}
	return one(p, err)
}

func (s *Server) correct(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	var in api.Correction
	if err := r.read(&in); err != nil {
		return nil, err
	}
	thread, err := optionalID[chat.Message](in.Thread)
	if err != nil {
		return nil, err
	}
	p, err := s.Service.Correct(r.Context(), r.actor, chat.Correction{Room: room, Thread: thread, Old: in.Old, New: in.New, All: in.All})
	if err == nil {
		s.askCards(p.Messages[0])
	}
	return one(p, err)
}

func (s *Server) deleteMessage(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	return one(s.Service.Delete(r.Context(), r.actor, m))
}

func (s *Server) react(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	var in api.React
	if err := r.read(&in); err != nil {
		return nil, err
	}
	return one(s.Service.React(r.Context(), r.actor, m, in.Emoji, in.On))
}

func (s *Server) pin(on bool) call {
	return func(r *request) (any, error) {
		m, err := id[chat.Message](r)
		if err != nil {
			return nil, err
		}
		return one(s.Service.SetPin(r.Context(), r.actor, m, on))
	}
}

func (s *Server) pins(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	p, err := s.Service.Pins(r.Context(), r.actor, room)
	if err != nil {
		return nil, err
	}
	out := api.Pins{Pins: make([]api.Pin, len(p.List)), Saved: savedOf(p.Saved, p.Messages)}
	for i, pin := range p.List {
		out.Pins[i] = api.Pin{Message: messageOf(p.Roster, &p.Details, p.Messages[i]), At: int64(pin.At)}
		if !pin.User.IsZero() {
			out.Pins[i].By = pin.User.String()
		}
	}
	return out, nil
}

func (s *Server) save(on bool) call {
	return func(r *request) (any, error) {
		m, err := id[chat.Message](r)
		if err != nil {
			return nil, err
		}
		return one(s.Service.Save(r.Context(), r.actor, m, on))
	}
}

// markUnread makes a message the first unread one of its room.
func (s *Server) markUnread(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	p, err := s.Service.Message(r.Context(), r.actor, m)
	if err != nil {
		return nil, err
	}
	if r.actor.User != nil {
		s.hub.marks.drop(r.actor, p.Messages[0].Room)
	}
	room, err := s.Service.MarkUnread(r.Context(), r.actor, m)
	if err != nil {
		return nil, err
	}
	return s.readEvent(r, room)
}

// unread counts what somebody has not read of a room: a client asks for it
// when an unread message was deleted.
func (s *Server) unread(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	return s.readEvent(r, room)
}

func (s *Server) readEvent(r *request, room chat.RoomID) (any, error) {
	v, err := s.Service.Unread(r.Context(), r.actor, room)
	if err != nil {
		return nil, err
	}
	return api.Event{Type: "read", ID: room.String(), Read: int64(v.Read), Unread: v.Unread.Messages, Mentions: v.Unread.Mentions, Last: int64(v.Span.Last), Back: true}, nil
}

func (s *Server) savedMessages(r *request) (any, error) {
	skip, err := r.number("skip")
	if err != nil {
		return nil, err
	}
	p, err := s.Service.SavedMessages(r.Context(), r.actor, int(min(skip, 1<<30)))
	if err != nil {
		return nil, err
	}
	out := api.SavedMessages{Saved: []api.SavedMessage{}, More: p.More}
	for i, o := range p.List {
		m := p.Messages[i]
		if v := p.Rooms[m.Room]; v != nil {
			out.Saved = append(out.Saved, api.SavedMessage{Message: messageOf(p.Roster, &p.Details, m), Room: roomOf(v), At: int64(o.At)})
		}
	}
	return out, nil
}
