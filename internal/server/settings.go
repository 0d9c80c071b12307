package server

import (
	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// adminCalls are what administrators do with the place and its people.
func (s *Server) adminCalls() map[string]call {
	return map[string]call{
		"GET admin/settings":                s.settings,
		"PATCH admin/settings":              s.setSettings,
		"POST admin/mail-test":              s.mailTest,
		"GET admin/audit":                   s.auditLog,
		"GET admin/flight":                  s.flight,
		"POST admin/flight/orders":          s.orderFlight,
		"GET admin/people/{id}":             s.adminAccount,
		"PATCH admin/people/{id}":           s.editPerson,
		"DELETE admin/people/{id}/sessions": s.endAllOf,
		"DELETE admin/people/{id}/factors":  s.resetFactors,
	}
}

// settings answers the settings of the place. Secrets are only said to be set.
func (s *Server) settings(r *request) (any, error) {
	held, err := s.Service.SettingValues(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	out := api.Settings{}
	for _, d := range chat.Settings() {
		out.Settings = append(out.Settings, api.Setting{
			Name: d.Name, Type: string(d.Type), Value: held[d.Name], Default: d.Default, Choices: d.Choices, Min: d.Min, Max: d.Max,
		})
	}
	return out, nil
}

func (s *Server) setSettings(r *request) (any, error) {
	var in api.SettingsChange
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if err := s.Service.SetSettings(r.Context(), r.actor, in.Values); err != nil {
		return nil, err
	}
	// The one who set the address sees it work at once.
	if err := s.lookAtPlace(r.Context()); err != nil {
		return nil, err
	}
	return s.settings(r)
}

// auditLog answers a page of what was done, newest first.
func (s *Server) auditLog(r *request) (any, error) {
	before, err := optionalID[chat.Audit](r.URL.Query().Get("before"))
	if err != nil {
		return nil, err
	}
	list, more, err := s.Service.AuditLog(r.Context(), r.actor, r.URL.Query().Get("q"), before)
	if err != nil {
		return nil, err
	}
	out := api.AuditLog{Entries: make([]api.AuditEntry, len(list))}
	p := r.actor.Roster
	for i, e := range list {
		one := api.AuditEntry{ID: e.ID.String(), At: int64(e.At), Action: e.Action, Target: e.Target, Note: e.Note}
		if u := p.Users[e.Actor]; u != nil {
			one.Actor, one.Name = e.Actor.String(), u.Name
		}
		if k, err := chat.ParseKey(e.Target); err == nil {
			one.Target = nameOf(p, k)
		}
		out.Entries[i] = one
	}
	if more {
		out.Next = list[len(list)-1].ID.String()
	}
	return out, nil
}

// nameOf names what a key is of, if it is a person or a room that
// administrators may know of.
func nameOf(p *chat.Roster, k chat.Key) string {
	if u := p.Users[chat.UserID(k)]; u != nil {
		return u.Name
	}
	if room := p.Rooms[chat.RoomID(k)]; room != nil && room.Type == chat.RoomOpen {
		return room.Name
	}
	return ""
}

// adminAccount answers how somebody signs in.
func (s *Server) adminAccount(r *request) (any, error) {
	of, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may see how others sign in")
	}
	sessions, err := s.Service.Sessions(r.Context(), r.actor, of)
	if err != nil {
		return nil, err
	}
	second, _, err := s.Service.Factors(r.Context(), r.actor, of)
	if err != nil {
		return nil, err
	}
	u := r.actor.Roster.Users[of]
	if u == nil || u.Gone {
		return nil, chat.Errorf(chat.NotFound, "there is no such person")
	}
	has, err := s.Service.HasPassword(r.Context(), of)
	out := api.AdminAccount{Person: adminPersonOf(r.actor.Roster, chat.AdminUser{User: u, Password: has}), Title: u.Title, Zone: u.Zone, Sessions: sessionsOf(r.actor, sessions)}
	if second != nil {
		out.Codes, out.Passkeys = second.Codes, len(second.Passkeys)
	}
	return out, err
}

// editPerson changes what is said of somebody, their role, and whether they
// may come in.
func (s *Server) editPerson(r *request) (any, error) {
	of, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	var in api.Profile
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may change others")
	}
	var user *chat.User
	if p := profileOf(in); p != (chat.Profile{}) || in.Off == nil {
		if user, err = s.Service.SetProfile(r.Context(), r.actor, of, p); err != nil {
			return nil, err
		}
	}
	if in.Off != nil {
		if user, err = s.Service.SetOff(r.Context(), r.actor, of, *in.Off); err != nil {
			return nil, err
		}
	}
	has, err := s.Service.HasPassword(r.Context(), of)
	return adminPersonOf(r.actor.Roster, chat.AdminUser{User: user, Password: has}), err
}

func (s *Server) endAllOf(r *request) (any, error) {
	of, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	n, err := s.Service.EndSessions(r.Context(), r.actor, of)
	return api.Ended{Ended: n}, err
}

func (s *Server) resetFactors(r *request) (any, error) {
	of, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.ResetFactors(r.Context(), r.actor, of)
}
