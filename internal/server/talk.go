package server

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// start answers what a client needs first.
func (s *Server) start(r *request) (any, error) {
	if err := s.renew(r); err != nil {
		return nil, err
	}
	rooms, at, state, err := s.Service.Sidebar(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	chosen, _, err := s.Service.Preferences(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	p := r.actor.Roster
	out := api.Start{Preferences: chosen,
		Me: meOf(r.actor), Place: s.place(p), Address: s.publicText(), State: s.stateText(state), Cursor: encodeCursor(at), Now: int64(chat.TimeOf(time.Now())),
		Rooms: make([]api.Room, len(rooms)), People: peopleOf(r.actor), Emoticons: emoticonsOf(p),
	}
	out.Client, out.Moved, out.Announcement = s.clientVersion(), s.movedTo(r.Request), announcementOf(p)
	for i, v := range rooms {
		out.Rooms[i] = roomOf(v)
	}
	return out, nil
}

func announcementOf(p *chat.Roster) *api.Announcement {
	a := p.Announcement()
	if a == nil {
		return nil
	}
	return &api.Announcement{ID: a.ID, Text: a.Text, At: int64(a.At)}
}

// clientVersion names the version of the web client that is served here.
func (s *Server) clientVersion() string {
	if s.web == nil {
		return ""
	}
	return s.web.index.etag
}

// place returns what the place is called.
func (s *Server) place(p *chat.Roster) string {
	if name := p.Setting(chat.SettingName); name != "" {
		return name
	}
	return s.Name
}

// rooms answers the directory.
func (s *Server) rooms(r *request) (any, error) {
	q := r.URL.Query()
	after, err := optionalID[chat.Room](q.Get("after"))
	if err != nil {
		return nil, err
	}
	list, more, err := s.Service.Directory(r.Context(), r.actor, chat.DirectoryQuery{Words: q.Get("q"), Only: chat.Only(q.Get("only")), Archived: q.Get("archived") != "", After: after})
	if err != nil {
		return nil, err
	}
	out := api.Rooms{Rooms: make([]api.Room, len(list))}
	for i, v := range list {
		out.Rooms[i] = roomOf(v)
	}
	if more {
		out.Next = list[len(list)-1].ID.String()
	}
	return out, nil
}

func optionalID[T any](text string) (id chat.ID[T], err error) {
	if text == "" {
		return id, nil
	}
	return chat.ParseID[T](text)
}

// room answers all that is known of a room.
func (s *Server) room(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	v, err := s.Service.Room(r.Context(), r.actor, room)
	if err != nil {
		return nil, err
	}
	return wholeRoom(v), nil
}

// history answers a page of a room.
func (s *Server) history(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	where, err := r.where()
	if err != nil {
		return nil, err
	}
	limit, err := r.number("limit")
	if err != nil {
		return nil, err
	}
	page, err := s.Service.History(r.Context(), r.actor, room, where, int(min(limit, chat.MostPage)))
	if err != nil {
		return nil, err
	}
	out := api.History{Messages: r.messages(page), Older: cursor(page.Older), Newer: cursor(page.Newer), Saved: savedOf(page.Saved, page.Messages)}
	if !page.Thread.IsZero() {
		out.Thread = page.Thread.String()
	}
	return out, nil
}

// where reads which page is meant.
func (r *request) where() (w chat.Where, err error) {
	q := r.URL.Query()
	set := 0
	for name, read := range map[string]func(string) error{
		"before": func(v string) (err error) { w.Before, err = anchor(v); return err },
		"after":  func(v string) (err error) { w.After, err = anchor(v); return err },
		"at":     func(v string) (err error) { w.At, err = r.actor.Midnight(v); return err },
		"around": func(v string) (err error) { w.Around, err = chat.ParseID[chat.Message](v); return err },
	} {
		v := q.Get(name)
		if v == "" {
			continue
		}
		if set++; set > 1 {
			return w, chat.Errorf(chat.Invalid, "a page is before, after, at or around something: only one of them")
		}
		if err := read(v); err != nil {
			return w, err
		}
	}
	return w, nil
}

// cursor writes a place in a history so that clients can hand it back.
func cursor(a *chat.Anchor) string {
	if a == nil {
		return ""
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(a.Sent))
	return base64.RawURLEncoding.EncodeToString(append(b, a.ID[:]...))
}

// anchor reads what cursor wrote.
func anchor(text string) (*chat.Anchor, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 8+16 {
		return nil, chat.Errorf(chat.Invalid, "%q is no cursor", text).WithHint("cursors come with the pages of a history")
	}
	return &chat.Anchor{Sent: chat.Time(binary.BigEndian.Uint64(b)), ID: chat.MessageID(b[8:])}, nil
}

// post adds a message.
func (s *Server) post(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	var in api.NewMessage
	if err := r.read(&in); err != nil {
		return nil, err
	}
	thread, err := optionalID[chat.Message](in.Thread)
	if err != nil {
		return nil, err
	}
	d := chat.Draft{Room: room, Text: in.Text, Nonce: in.Nonce, Thread: thread, Shown: in.Shown}
	for _, text := range in.Files {
		upload, err := chat.ParseID[chat.Upload](text)
		if err != nil {
			return nil, err
		}
		d.Files = append(d.Files, upload)
	}
	if err := s.adoptFor(r, d.Files); err != nil {
		return nil, err
	}
	began := time.Now()
	m, p, err := s.Service.Post(r.Context(), s.cookie(r.Request), d)
	if err != nil {
		return nil, err
	}
	s.pulse.note(time.Now(), time.Since(began))
	s.askCards(m)
	files, err := s.Service.FilesOf(r.Context(), m)
	if err != nil {
		return nil, err
	}
	return messageOf(p, &chat.Details{Files: files}, m), nil
}

// search answers what is found.
func (s *Server) search(r *request) (any, error) {
	q := r.URL.Query()
	var older *chat.Anchor
	if text := q.Get("older"); text != "" {
		var err error
		if older, err = anchor(text); err != nil {
			return nil, err
		}
	}
	const longestQuery = 1000
	if len(q.Get("q")) > longestQuery {
		return nil, chat.Errorf(chat.Invalid, "the query is longer than %d bytes", longestQuery)
	}
	f, err := s.Service.Find(r.Context(), r.actor, q.Get("q"), older)
	if err != nil {
		return nil, err
	}
	out := api.Found{Hits: []api.Hit{}, Older: cursor(f.Older), Unindexed: f.Unindexed, Terms: f.Terms, Notes: f.Notes}
	for _, m := range f.Messages {
		if v := f.Rooms[m.Room]; v != nil {
			out.Hits = append(out.Hits, api.Hit{Message: messageOf(f.Roster, &f.Details, m), Room: roomOf(v)})
		}
	}
	return out, nil
}
