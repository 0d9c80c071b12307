package server

import (
	"errors"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const longestLogin = 320

// signIn starts a session.
func (s *Server) signIn(r *request) (any, error) {
	var in api.SignIn
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if len(in.Login) > longestLogin {
		in.Login = in.Login[:longestLogin]
	}
	from := s.client(r.Request)
	if wait, ok := s.tries.take(from, in.Login); !ok {
		r.retry = wait
		return nil, chat.Errorf(chat.TooMany, "there were too many tries to sign in").WithHint("wait a minute; an administrator can send you a link to set a new password")
	}
	proof := chat.Proof{Login: in.Login, Password: in.Password, Code: in.Code}
	if in.Passkey != nil {
		var err error
		if proof.Passkey, err = s.checkPasskey(r, in.Passkey, toSecond); err != nil {
			return nil, err
		}
	}
	out, err := s.enter(r, proof)
	if err == nil {
		s.tries.forgive(from, in.Login)
	}
	return out, err
}

// enter starts a session, or says what else must be shown.
func (s *Server) enter(r *request, proof chat.Proof) (any, error) {
	proof.Agent = r.UserAgent()
	e, err := s.Service.Enter(r.Context(), proof)
	if err != nil {
		if chat.IsKind(err, chat.Unknown) {
			s.Log.Info("a try to sign in with something wrong", "from", s.client(r.Request))
		}
		return nil, err
	}
	if e.Second != nil {
		return api.SignedIn{Second: &api.SecondFactor{Codes: e.Second.Codes, Passkey: s.challengeFor(r, e.Second)}}, nil
	}
	if err := s.mayLook(r.Context(), e.Actor); err != nil {
		return nil, errors.Join(err, s.Service.SignOut(r.Context(), e.Secret))
	}
	// Another session that this browser had is nobody's any more.
	if old := s.cookie(r.Request); old != "" {
		if err := s.Service.SignOut(r.Context(), old); err != nil && !chat.IsKind(err, chat.Unavailable) {
			return nil, err
		}
	}
	r.setCookie(e.Secret)
	return api.SignedIn{Me: meOf(e.Actor)}, nil
}

// signOut ends the session. The cookie goes even if nothing may be written.
func (s *Server) signOut(r *request) (any, error) {
	secret := s.cookie(r.Request)
	r.setCookie("")
	if secret == "" {
		return empty{}, nil
	}
	return empty{}, s.Service.SignOut(r.Context(), secret)
}

// link says whom a link is for.
func (s *Server) link(r *request) (any, error) {
	user, err := s.Service.Link(r.Context(), r.PathValue("secret"))
	if err != nil {
		return nil, err
	}
	return api.LinkInfo{Name: user.Name, Email: user.Email}, nil
}

// useLink sets a password and signs in.
func (s *Server) useLink(r *request) (any, error) {
	var in api.NewPassword
	if err := r.read(&in); err != nil {
		return nil, err
	}
	a, secret, err := s.Service.UseLink(r.Context(), r.PathValue("secret"), in.Password, r.UserAgent())
	if err != nil {
		return nil, err
	}
	if a == nil {
		return api.SignedIn{Again: true}, nil
	}
	r.setCookie(secret)
	return api.SignedIn{Me: meOf(a)}, nil
}
