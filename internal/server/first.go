package server

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
	"sync"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// firstRun holds the code that lets somebody in who makes themselves the owner
// of an empty place.
type firstRun struct {
	mu   sync.Mutex
	code string
}

// FirstCode returns the code that the first person of an empty place must
// show; it is for the terminal of whoever started the server.
func (s *Server) FirstCode() string {
	s.first.mu.Lock()
	defer s.first.mu.Unlock()
	if s.first.code == "" {
		var b [10]byte
		rand.Read(b[:]) //nolint:errcheck // never fails
		code := base32.StdEncoding.EncodeToString(b[:])
		s.first.code = code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
	}
	return s.first.code
}

// askFirst says whether nobody is here yet.
func (s *Server) askFirst(r *request) (any, error) {
	p, err := s.Service.Roster(r.Context())
	if err != nil {
		return nil, err
	}
	arriving := s.gate.copying(r.Context())
	return api.First{Empty: len(p.Users) == 0 && !arriving, Place: p.Setting(chat.SettingName), Arriving: arriving}, nil
}

// makeFirst makes the owner of an empty place, and signs them in.
func (s *Server) makeFirst(r *request) (any, error) {
	var in api.FirstOwner
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if wait, ok := s.tries.take(s.client(r.Request), "first"); !ok {
		r.retry = wait
		return nil, errTries()
	}
	given := strings.ToUpper(strings.TrimSpace(in.Code))
	if subtle.ConstantTimeCompare([]byte(given), []byte(s.FirstCode())) != 1 {
		return nil, chat.Errorf(chat.Denied, "this is not the code").WithHint("it is on the terminal, or in the log, of the server: look for \"code\"")
	}
	a, secret, err := s.Service.MakeFirst(r.Context(), chat.User{Name: in.Name, Email: in.Email, Mention: in.Mention}, in.Password, in.Place, r.UserAgent())
	if err != nil {
		return nil, err
	}
	s.first.mu.Lock()
	s.first.code = ""
	s.first.mu.Unlock()
	r.setCookie(secret)
	return api.SignedIn{Me: meOf(a)}, nil
}
