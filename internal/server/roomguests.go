package server

import (
	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// guestCalls are for those who come by a guest address.
func (s *Server) guestCalls() map[string]call {
	return map[string]call{
		"GET guests/{secret}":  s.guestRoom,
		"POST guests/{secret}": s.enterAsGuest,
	}
}

// guestTry counts a try to come in as a guest: by who tries, and by address.
func (s *Server) guestTry(r *request) error {
	if wait, ok := s.tries.take(s.client(r.Request), "guest "+r.PathValue("secret")); !ok {
		r.retry = wait
		return chat.Errorf(chat.TooMany, "there were too many tries to come in as a guest").WithHint("wait a minute, then try again")
	}
	return nil
}

// guestRoom says which room a guest address opens.
func (s *Server) guestRoom(r *request) (any, error) {
	if err := s.guestTry(r); err != nil {
		return nil, err
	}
	room, err := s.Service.GuestRoom(r.Context(), r.PathValue("secret"))
	if err != nil {
		return nil, err
	}
	p, err := s.Service.Roster(r.Context())
	if err != nil {
		return nil, err
	}
	return api.GuestRoom{Place: s.place(p), Room: room.Name}, nil
}

// enterAsGuest makes one a guest of the room, and signs in.
func (s *Server) enterAsGuest(r *request) (any, error) {
	if err := s.guestTry(r); err != nil {
		return nil, err
	}
	var in api.GuestName
	if err := r.read(&in); err != nil {
		return nil, err
	}
	a, secret, err := s.Service.EnterAsGuest(r.Context(), r.PathValue("secret"), in.Name, r.UserAgent())
	if err != nil {
		return nil, err
	}
	r.setCookie(secret)
	return api.Guest{Me: meOf(a), Room: a.User.Visits.String()}, nil
}
