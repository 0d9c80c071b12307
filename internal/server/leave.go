package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// A place that moved to another name hands the people who still come by the
// old one over to it: with a code that is good once and for a minute, so that
// they are signed in there.

const (
	codeLength  = time.Minute
	codePurpose = "code to another name"
)

// handoverCode is sealed: it says nothing to whoever sees it.
type handoverCode struct {
	Secret  string    `json:"secret"` // of the session
	Expires chat.Time `json:"expires"`
	Once    string    `json:"once"`
}

// movedTo returns the address that the place has now, if a request came by
// another name of it: by the old place of a move.
func (s *Server) movedTo(r *http.Request) string {
	v, at := vouchedOf(r), s.public()
	if v == nil || at == nil || v.Host == "" || strings.EqualFold(v.Host, at.Host) {
		return ""
	}
	return at.String()
}

// offerHandover makes a code for the one who asks.
func (s *Server) offerHandover(r *request) (any, error) {
	to := s.movedTo(r.Request)
	if to == "" {
		return nil, chat.Errorf(chat.Conflict, "this place is at the address that you use")
	}
	if err := r.person(); err != nil {
		return nil, err
	}
	if s.Service.Sealer == nil {
		return nil, chat.Errorf(chat.Unavailable, "this server has no key to make codes with")
	}
	text, err := json.Marshal(handoverCode{s.cookie(r.Request), chat.TimeOf(time.Now().Add(codeLength)), s.Service.NewID()})
	if err != nil {
		return nil, fmt.Errorf("make a code: %w", err)
	}
	return api.Handover{Address: to, Code: base64.RawURLEncoding.EncodeToString([]byte(s.Service.Sealer.Seal(text, codePurpose)))}, nil
}

// useHandover gives a browser the session that a code is of.
func (s *Server) useHandover(r *request) (any, error) {
	var in api.UseHandover
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if wait, ok := s.tries.take(s.client(r.Request), "code"); !ok {
		r.retry = wait
		return nil, errTries()
	}
	// Whoever is signed in already stays who they are, whatever link they followed.
	if a, err := s.Service.Authenticate(r.Context(), s.cookie(r.Request)); err == nil {
		return api.SignedIn{Me: meOf(a), Again: true}, nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(in.Code)
	if err != nil || s.Service.Sealer == nil {
		return nil, errCode()
	}
	text, err := s.Service.Sealer.Open(string(sealed), codePurpose)
	var code handoverCode
	if err != nil || json.Unmarshal(text, &code) != nil || code.Expires < chat.TimeOf(time.Now()) {
		return nil, errCode()
	}
	a, err := s.Service.Authenticate(r.Context(), code.Secret)
	if err != nil {
		return nil, errCode()
	}
	if err := s.Service.Spend(r.Context(), code.Once, code.Expires.Std()); err != nil {
		return nil, err
	}
	s.tries.forgive(s.client(r.Request), "code")
	r.setCookie(code.Secret)
	return api.SignedIn{Me: meOf(a)}, nil
}

func errCode() error {
	return chat.Errorf(chat.Unknown, "this code is not good any more").WithHint("sign in; your account is the same")
}
