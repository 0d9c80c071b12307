package server

import (
	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// thread answers a page of replies.
func (s *Server) thread(r *request) (any, error) {
	m, err := id[chat.Message](r)
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
	t, err := s.Service.Thread(r.Context(), r.actor, m, where, int(min(limit, chat.MostPage)))
	if err != nil {
		return nil, err
	}
	out := api.Thread{
		Root: messageOf(t.Roster, &t.Details, t.Root), Messages: r.messages(&t.Page), Older: cursor(t.Older), Newer: cursor(t.Newer),
		Saved: savedOf(t.Saved, append([]*chat.Message{t.Root}, t.Messages...)),
	}
	if t.Follow != nil {
		out.Following, out.Read = true, int64(t.Follow.Read)
	}
	return out, nil
}

const mostFollowed = 5000 // threads that are named at once

// threads answers the threads that one follows.
func (s *Server) threads(r *request) (any, error) {
	skip, err := r.number("skip")
	if err != nil {
		return nil, err
	}
	t, err := s.Service.Following(r.Context(), r.actor, r.URL.Query().Get("unread") != "", int(min(skip, 1<<30)))
	if err != nil {
		return nil, err
	}
	out := api.Threads{Threads: []api.FollowedThread{}, Unread: t.Unread, More: t.More, Saved: savedOf(t.Saved, t.Messages)}
	if r.URL.Query().Get("ids") != "" {
		out.Following = texts(t.All[:min(len(t.All), mostFollowed)])
	}
	for _, f := range t.List {
		v := t.Rooms[f.Root.Room]
		if v == nil {
			continue
		}
		one := api.FollowedThread{Room: roomOf(v), Root: messageOf(t.Roster, &t.Details, f.Root), Newest: make([]api.Message, len(f.Newest)), Read: int64(f.Read), Unread: f.Unread}
		for i, m := range f.Newest {
			one.Newest[i] = messageOf(t.Roster, &t.Details, m)
		}
		out.Threads = append(out.Threads, one)
	}
	return out, nil
}

func followOf(f *chat.Follow, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return api.Follow{Thread: f.Thread.String(), Room: f.Room.String(), Following: !f.Gone, Read: int64(f.Read)}, nil
}

func (s *Server) setFollow(on bool) call {
	return func(r *request) (any, error) {
		m, err := id[chat.Message](r)
		if err != nil {
			return nil, err
		}
		return followOf(s.Service.SetFollow(r.Context(), r.actor, m, on))
	}
}

func (s *Server) readThread(r *request) (any, error) {
	m, err := id[chat.Message](r)
	if err != nil {
		return nil, err
	}
	var in api.ReadThread
	if err := r.read(&in); err != nil {
		return nil, err
	}
	return followOf(s.Service.ReadThread(r.Context(), r.actor, m, chat.Time(in.Read)))
}
