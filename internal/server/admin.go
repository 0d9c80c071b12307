package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// overview counts what is in the place.
func (s *Server) overview(r *request) (any, error) {
	t, h, err := s.Service.CountAll(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	unindexed, err := s.Service.Store.Unindexed(r.Context())
	if err != nil {
		return nil, err
	}
	moves, err := s.Service.Store.Moves(r.Context())
	if err != nil {
		return nil, err
	}
	out := api.Overview{
		Version: s.Version, State: string(h.State), Place: s.place(r.actor.Roster), Address: s.publicText(), Started: s.started.UnixMicro(), Database: s.Database,
		People: t.Kinds[chat.KindUser], Off: t.Off, Messages: t.Kinds[chat.KindMessage], Unindexed: unindexed,
		Files: t.Kinds[chat.KindFile], FileBytes: t.Bytes, Emoticons: t.Kinds[chat.KindEmoticon],
		First: int64(t.First), Last: int64(t.Last), DBBytes: t.Database, Moves: movesOf(moves),
	}
	countRooms(r.actor.Roster, &out)
	out.Problems, err = s.problems(r, h.State, moves)
	return out, err
}

// countRooms counts each room once: as deleted, as a 1-1 or group, as
// archived, or as in use.
func countRooms(p *chat.Roster, out *api.Overview) {
	for _, room := range p.Rooms {
		switch {
		case room.State == chat.RoomDeleted:
			out.Deleted++
		case room.Type == chat.RoomDirect || room.Type == chat.RoomGroup:
			out.Direct++
		case room.State == chat.RoomArchived:
			out.Archived++
		default:
			out.Rooms++
		}
	}
}

const (
	longestToken = 1000    // days
	leastFree    = 2 << 30 // bytes on the disk of the files
	lately       = 24 * time.Hour
)

// problems says what an administrator should look at, and what to do.
func (s *Server) problems(r *request, state chat.State, moves []chat.MoveState) (list []string, err error) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch state {
	case chat.Receiving:
		add("People cannot write: an import into this place has not been verified to its end. Run it again with the same line.")
	case chat.Frozen, chat.Retired, chat.Standby:
		add("People cannot write: the place is %s.", state)
	case chat.Open:
		if text := s.gate.relayedText(time.Now()); text != "" {
			add("%s Names and load balancers, and the addresses in scripts, still lead there.", text)
		}
	}
	for _, m := range moves {
		if !m.Done {
			add("The move %q has not ended. If nobody is running it, run it again with the same line: it goes on where it stopped.", m.Name)
		}
	}
	at := s.public()
	switch {
	case at == nil:
		add("The public address is not set, so links that are sent to people name the address that you use now. Set it in the settings, or start the server with --address https://…")
	case at.Scheme == "http" && !isLocal(at.Hostname()):
		add("People come by http: everybody on the way can read along, and browsers keep back passkeys, notifications while no tab is open, and the clipboard. Put the server behind https, or start it with --tls-acme, and set the public address to it.")
	}
	if at != nil {
		for _, host := range s.host.since(time.Now().Add(-lately)) {
			if host != at.Host {
				add("Somebody came by the name %q, but the public address is %s. If both are meant, nothing is wrong.", host, at)
			}
		}
	}
	if wrong := s.teller.wrong(); wrong != "" {
		add("%s", wrong)
	}
	free, err := s.Files.Free()
	if err == nil && free < leastFree {
		add("The disk of the files has only %d MB left.", free>>20)
	}
	return list, err
}

// people answers a page of the administrators' list.
func (s *Server) people(r *request) (any, error) {
	after, err := optionalID[chat.User](r.URL.Query().Get("after"))
	if err != nil {
		return nil, err
	}
	list, total, more, err := s.Service.People(r.Context(), r.actor, r.URL.Query().Get("q"), after)
	if err != nil {
		return nil, err
	}
	out := api.AdminPeople{People: make([]api.AdminPerson, len(list)), Total: total}
	for i, u := range list {
		out.People[i] = adminPersonOf(r.actor.Roster, u)
	}
	if more {
		out.Next = list[len(list)-1].ID.String()
	}
	return out, nil
}

// linkOf draws a link to set a password, below the public address or the one
// that the administrator uses.
func (s *Server) linkOf(r *request, i *chat.Invite) api.ResetLink {
	return api.ResetLink{URL: LinkURL(s.base(r), i.Secret), Expires: int64(i.Expires)}
}

// base is what addresses that are given to people begin with.
func (s *Server) base(r *request) string {
	if base := s.publicText(); base != "" {
		return base
	}
	scheme := "http"
	if s.secure(r.Request) {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// LinkURL returns where a link to set a password leads, below the address of
// a server.
func LinkURL(address, secret string) string {
	for len(address) > 0 && address[len(address)-1] == '/' {
		address = address[:len(address)-1]
	}
	return address + "/link/" + secret
}

// resetLink makes a link for somebody.
func (s *Server) resetLink(r *request) (any, error) {
	user, err := id[chat.User](r)
	if err != nil {
		return nil, err
	}
	invite, err := s.Service.ResetLink(r.Context(), r.actor, user)
	if err != nil {
		return nil, err
	}
	return s.linkOf(r, invite), nil
}

// newPerson adds somebody, and makes a link for them.
func (s *Server) newPerson(r *request) (any, error) {
	var in api.NewPerson
	if err := r.read(&in); err != nil {
		return nil, err
	}
	user, err := s.Service.CreateUser(r.Context(), r.actor, chat.User{Name: in.Name, Mention: in.Mention, Email: in.Email, Role: chat.Role(in.Role)})
	if err != nil {
		return nil, err
	}
	invite, err := s.Service.ResetLink(r.Context(), r.actor, user.ID)
	if err != nil {
		return nil, err
	}
	return s.invitation(r, invite), nil
}

func (s *Server) invitation(r *request, i *chat.Invite) api.Invitation {
	return api.Invitation{Person: adminPersonOf(r.actor.Roster, chat.AdminUser{User: i.User}), Link: s.linkOf(r, i)}
}

// invite makes a link for everybody without a password.
func (s *Server) invite(r *request) (any, error) {
	list, err := s.Service.InviteAll(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	out := api.Invitations{People: make([]api.Invitation, len(list))}
	for i, one := range list {
		out.People[i] = s.invitation(r, one)
	}
	return out, nil
}

// newToken makes a token for a program.
func (s *Server) newToken(r *request) (any, error) {
	var in api.NewToken
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if in.Days < 1 || in.Days > longestToken {
		return nil, chat.Errorf(chat.Invalid, "a token is good for 1 to %d days", longestToken)
	}
	scopes := make([]chat.Scope, len(in.Scopes))
	for i, x := range in.Scopes {
		scopes[i] = chat.Scope(x)
	}
	secret, t, err := s.Service.NewToken(r.Context(), r.actor, in.Name, scopes, time.Duration(in.Days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	return api.Token{Secret: secret, Expires: int64(t.Expires)}, nil
}

// moveReport finds the report of a move.
func (s *Server) moveReport(r *request) (Report, error) {
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may see reports")
	}
	if s.Report == nil {
		return nil, chat.Errorf(chat.NotFound, "this server keeps no reports")
	}
	return s.Report(r.Context(), r.PathValue("name"))
}

// report answers the report of a move, as JSON.
func (s *Server) report(r *request) (any, error) {
	report, err := s.moveReport(r)
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Content-Type", jsonTyped)
	r.w.Header().Set("Cache-Control", noStore)
	return nil, report.WriteJSON(r.w)
}

// reportPolicy lets the report, which is one page with its style in it, be
// drawn, and nothing else: names of files and people are in it.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// reportPage answers the report of a move, as a page.
func (s *Server) reportPage(r *request) (any, error) {
	report, err := s.moveReport(r)
	if err != nil {
		return nil, err
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", noStore)
	h.Set("Content-Security-Policy", reportPolicy)
	r.w.WriteHeader(http.StatusOK)
	return nil, report.WriteHTML(r.w)
}
