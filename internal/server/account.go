package server

import (
	"strings"

	"github.com/mileusna/useragent"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// accountCalls are what people do with their own account. They work also for
// those who must set up a second factor before anything else.
func (s *Server) accountCalls() map[string]call {
	return map[string]call{
		"GET account":                  s.account,
		"PATCH account":                s.editAccount,
		"PUT account/password":         s.changePassword,
		"GET account/preferences":      s.preferences,
		"PATCH account/preferences":    s.setPreferences,
		"GET account/sessions":         s.sessions,
		"DELETE account/sessions":      s.endOthers,
		"DELETE account/sessions/{id}": s.endSession,
		"POST account/codes":           s.offerCodes,
		"PUT account/codes":            s.setCodes,
		"DELETE account/codes":         s.removeCodes,
		"POST account/recovery":        s.newRecovery,
		"POST account/passkeys/new":    s.offerPasskey,
		"POST account/passkeys":        s.addPasskey,
		"PATCH account/passkeys/{id}":  s.namePasskey,
		"DELETE account/passkeys/{id}": s.removePasskey,
		"GET account/push":             s.pushKey,
		"POST account/push":            s.addPush,
		"DELETE account/push":          s.removePush,
	}
}

// person makes sure that a person asks, not a program.
func (r *request) person() error {
	if r.actor.User == nil || r.actor.Session == nil {
		return chat.Errorf(chat.Denied, "only a person who is signed in has an account")
	}
	return nil
}

// account answers how the one who asks signs in.
func (s *Server) account(r *request) (any, error) {
	if err := r.person(); err != nil {
		return nil, err
	}
	out := api.Account{Me: meOf(r.actor), Passkeys: []api.Passkey{}, Limited: r.actor.Limited, Trouble: s.passkeyTrouble(r.Request)}
	out.Required = s.Service.FactorRequired(r.actor)
	if at := s.public(); at != nil {
		out.Host = at.Hostname()
	}
	second, left, err := s.Service.Factors(r.Context(), r.actor, r.actor.User.ID)
	if err != nil {
		return nil, err
	}
	if second != nil {
		out.Codes, out.Recovery = second.Codes, left
		for _, p := range second.Passkeys {
			out.Passkeys = append(out.Passkeys, passkeyOf(p))
		}
	}
	out.Password, err = s.Service.HasPassword(r.Context(), r.actor.User.ID)
	return out, err
}

func profileOf(in api.Profile) chat.Profile {
	p := chat.Profile{Name: in.Name, Mention: in.Mention, Title: in.Title, Zone: in.Zone, Email: in.Email}
	if in.Role != nil {
		role := chat.Role(*in.Role)
		p.Role = &role
	}
	return p
}

// editAccount changes what one says of oneself.
func (s *Server) editAccount(r *request) (any, error) {
	var in api.Profile
	if err := r.person(); err != nil {
		return nil, err
	}
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if in.Email != nil || in.Role != nil || in.Off != nil {
		return nil, chat.Errorf(chat.Denied, "only an administrator changes e-mail addresses and roles").WithHint("administrators do it in the list of people")
	}
	user, err := s.Service.SetProfile(r.Context(), r.actor, r.actor.User.ID, profileOf(in))
	if err != nil {
		return nil, err
	}
	r.actor.User = user
	return meOf(r.actor), nil
}

// changePassword asks for the old one, and counts tries as signing in does.
func (s *Server) changePassword(r *request) (any, error) {
	var in api.ChangePassword
	if err := r.person(); err != nil {
		return nil, err
	}
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if err := s.tried(r); err != nil {
		return nil, err
	}
	return empty{}, s.Service.ChangePassword(r.Context(), r.actor, in.Old, in.Password)
}

// tried counts a try with a password of the one who is signed in.
func (s *Server) tried(r *request) error {
	if wait, ok := s.tries.take(s.client(r.Request), "confirm "+r.actor.User.ID.String()); !ok {
		r.retry = wait
		return errTries()
	}
	return nil
}

// confirmed reads a body that has the password once more, and checks it.
func (s *Server) confirmed(r *request) error {
	var in api.Confirm
	if err := r.person(); err != nil {
		return err
	}
	if err := r.read(&in); err != nil {
		return err
	}
	if err := s.tried(r); err != nil {
		return err
	}
	err := s.Service.Confirm(r.Context(), r.actor, in.Password)
	if err == nil {
		s.tries.forgive(s.client(r.Request), "confirm "+r.actor.User.ID.String())
	}
	return err
}

func (s *Server) preferences(r *request) (any, error) {
	chosen, other, err := s.Service.Preferences(r.Context(), r.actor)
	return api.Preferences{Values: chosen, Other: other}, err
}

func (s *Server) setPreferences(r *request) (any, error) {
	var in api.Preferences
	if err := r.read(&in); err != nil {
		return nil, err
	}
	chosen, err := s.Service.SetPreferences(r.Context(), r.actor, in.Values)
	return api.Preferences{Values: chosen}, err
}

// sessions lists where one is signed in, the newest first.
func (s *Server) sessions(r *request) (any, error) {
	if err := r.person(); err != nil {
		return nil, err
	}
	list, err := s.Service.Sessions(r.Context(), r.actor, r.actor.User.ID)
	return api.Sessions{Sessions: sessionsOf(r.actor, list)}, err
}

func sessionsOf(a *chat.Actor, list []*chat.Session) []api.Session {
	out := make([]api.Session, len(list))
	for i, o := range list {
		agent, phone := agentWords(o.Agent)
		out[i] = api.Session{
			ID: o.ID.String(), Agent: agent, Phone: phone, Created: int64(o.Created), Used: int64(max(o.Used, o.Created)), Factor: o.Factor,
			Here: a.Session != nil && a.Session.ID == o.ID,
		}
	}
	return out
}

// agentWords says in words what a browser calls itself.
func agentWords(agent string) (words string, phone bool) {
	ua := useragent.Parse(agent)
	name := ua.Name
	switch {
	case agent == "":
		return "Unknown", false
	case name == "" || ua.Bot && name != useragent.HeadlessChrome || ua.OS == "":
		name, _, _ = strings.Cut(agent, " ")
		if name, _, _ = strings.Cut(name, "/"); name == "" || len(name) > 40 {
			return "Unknown", false
		}
		return name, false
	}
	return strings.TrimPrefix(name, "Headless ") + " on " + ua.OS, ua.Mobile || ua.Tablet
}

// endSession ends one session: what is connected for it is cut.
func (s *Server) endSession(r *request) (any, error) {
	session, err := id[chat.Session](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.EndSession(r.Context(), r.actor, session)
}

func (s *Server) endOthers(r *request) (any, error) {
	n, err := s.Service.EndOtherSessions(r.Context(), r.actor)
	return api.Ended{Ended: n}, err
}

// offerCodes begins to set up an authenticator app.
func (s *Server) offerCodes(r *request) (any, error) {
	if err := s.confirmed(r); err != nil {
		return nil, err
	}
	c, err := s.Service.OfferCodes(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	picture, err := codePicture(c.Address)
	return api.NewCodes{Secret: c.Secret, Address: c.Address, Picture: picture, Ticket: c.Ticket}, err
}

func (s *Server) setCodes(r *request) (any, error) {
	var in api.SetCodes
	if err := r.person(); err != nil {
		return nil, err
	}
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if err := s.tried(r); err != nil {
		return nil, err
	}
	recovery, err := s.Service.SetCodes(r.Context(), r.actor, in.Ticket, in.Code)
	return api.Recovery{Codes: recovery}, err
}

func (s *Server) removeCodes(r *request) (any, error) {
	if err := s.confirmed(r); err != nil {
		return nil, err
	}
	return empty{}, s.Service.RemoveCodes(r.Context(), r.actor)
}

func (s *Server) newRecovery(r *request) (any, error) {
	if err := s.confirmed(r); err != nil {
		return nil, err
	}
	recovery, err := s.Service.NewRecovery(r.Context(), r.actor)
	return api.Recovery{Codes: recovery}, err
}

// renew notes that a session is in use.
func (s *Server) renew(r *request) error {
	longer, err := s.Service.Renew(r.Context(), r.actor)
	if longer {
		r.setCookie(s.cookie(r.Request))
	}
	return err
}
