package server

import (
	"net/url"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// roomCalls are what one can do with rooms, their people and conversations.
func (s *Server) roomCalls() map[string]call {
	return map[string]call{
		"POST rooms":                         s.newRoom,
		"PATCH rooms/{id}":                   s.editRoom,
		"PUT rooms/{id}/state":               s.setState,
		"POST rooms/{id}/members":            s.inviteToRoom,
		"PUT rooms/{id}/members/me":          s.join,
		"DELETE rooms/{id}/members/me":       s.leave,
		"PUT rooms/{id}/members/{person}":    s.setRole,
		"DELETE rooms/{id}/members/{person}": s.removeMember,
		"PUT rooms/{id}/owner":               s.setOwner,
		"PUT rooms/{id}/mine":                s.setMine,
		"PUT order":                          s.setOrder,
		"POST conversations":                 s.converse,
		"GET rooms/{id}/guest":               s.guestAddress,
		"PUT rooms/{id}/guest":               s.guestSwitch(true, false),
		"POST rooms/{id}/guest":              s.guestSwitch(true, true),
		"DELETE rooms/{id}/guest":            s.guestSwitch(false, false),
		"GET admin/rooms":                    s.adminRooms,
		"GET admin/rooms/{id}/people":        s.adminRoomPeople,
	}
}

// ids reads IDs of a body. What is none is nobody.
func ids[T any](list []string) ([]chat.ID[T], error) {
	out := make([]chat.ID[T], len(list))
	for i, text := range list {
		id, err := chat.ParseID[T](text)
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "%q is not an ID", text)
		}
		out[i] = id
	}
	return out, nil
}

// body reads the ID in the path, and the body.
func body[T any](r *request) (room chat.RoomID, in T, err error) {
	if room, err = id[chat.Room](r); err == nil {
		err = r.read(&in)
	}
	return room, in, err
}

// wholly answers a room as one sees it who has just done something with it.
func wholly(v *chat.RoomView, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wholeRoom(v), nil
}

func (s *Server) newRoom(r *request) (any, error) {
	var in api.NewRoom
	if err := r.read(&in); err != nil {
		return nil, err
	}
	people, err := ids[chat.User](in.People)
	if err != nil {
		return nil, err
	}
	return wholly(s.Service.CreateRoom(r.Context(), r.actor, chat.NewRoom{Name: in.Name, Topic: in.Topic, Type: chat.RoomType(in.Type), People: people, Nonce: in.Nonce}))
}

func (s *Server) editRoom(r *request) (any, error) {
	room, in, err := body[api.RoomEdit](r)
	if err != nil {
		return nil, err
	}
	return wholly(s.Service.EditRoom(r.Context(), r.actor, room, chat.RoomEdit{Name: in.Name, Topic: in.Topic, Type: (*chat.RoomType)(in.Type), Confirm: in.Confirm}))
}

func (s *Server) setState(r *request) (any, error) {
	room, in, err := body[api.RoomState](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.SetRoomState(r.Context(), r.actor, room, chat.RoomState(in.State))
}

func (s *Server) inviteToRoom(r *request) (any, error) {
	room, in, err := body[api.People](r)
	if err != nil {
		return nil, err
	}
	people, err := ids[chat.User](in.People)
	if err != nil {
		return nil, err
	}
	return wholly(s.Service.Invite(r.Context(), r.actor, room, people))
}

func (s *Server) converse(r *request) (any, error) {
	var in api.People
	if err := r.read(&in); err != nil {
		return nil, err
	}
	people, err := ids[chat.User](in.People)
	if err != nil {
		return nil, err
	}
	return wholly(s.Service.Converse(r.Context(), r.actor, people))
}

func (s *Server) join(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	return wholly(s.Service.Join(r.Context(), r.actor, room))
}

func (s *Server) leave(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.Leave(r.Context(), r.actor, room)
}

// whom reads the ID of somebody in the path. What is none is nobody.
func (r *request) whom() (chat.UserID, error) {
	k, err := chat.ParseID[chat.User](r.PathValue("person"))
	if err != nil {
		return k, chat.Errorf(chat.NotFound, "there is no such person")
	}
	return k, nil
}

func (s *Server) setRole(r *request) (any, error) {
	room, in, err := body[api.MemberRole](r)
	if err != nil {
		return nil, err
	}
	who, err := r.whom()
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.SetMemberAdmin(r.Context(), r.actor, room, who, in.Admin)
}

func (s *Server) removeMember(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	who, err := r.whom()
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.RemoveMember(r.Context(), r.actor, room, who)
}

func (s *Server) setOwner(r *request) (any, error) {
	room, in, err := body[api.Owner](r)
	if err != nil {
		return nil, err
	}
	who, err := chat.ParseID[chat.User](in.Person)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.SetRoomOwner(r.Context(), r.actor, room, who)
}

func (s *Server) setMine(r *request) (any, error) {
	room, in, err := body[api.Mine](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.SetMine(r.Context(), r.actor, room, chat.Mine{Star: in.Star, Notify: (*chat.NotifyLevel)(in.Notify), Hidden: in.Hidden})
}

func (s *Server) setOrder(r *request) (any, error) {
	var in api.Order
	if err := r.read(&in); err != nil {
		return nil, err
	}
	rooms, err := ids[chat.Room](in.Rooms)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.SetOrder(r.Context(), r.actor, rooms)
}

func (s *Server) guestAddress(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	secret, err := s.Service.GuestAddress(r.Context(), r.actor, room)
	if err != nil {
		return nil, err
	}
	return s.guestURL(r, secret), nil
}

func (s *Server) guestSwitch(on, renew bool) call {
	return func(r *request) (any, error) {
		room, err := id[chat.Room](r)
		if err != nil {
			return nil, err
		}
		secret, err := s.Service.SetGuests(r.Context(), r.actor, room, on, renew)
		if err != nil {
			return nil, err
		}
		return s.guestURL(r, secret), nil
	}
}

// guestURL writes a guest address below the address of the place.
func (s *Server) guestURL(r *request, secret string) api.GuestAddress {
	if secret == "" {
		return api.GuestAddress{}
	}
	return api.GuestAddress{URL: s.base(r) + "/guest/" + url.PathEscape(secret)}
}

// adminRooms answers a page of the administrators' list of rooms.
func (s *Server) adminRooms(r *request) (any, error) {
	q := r.URL.Query()
	after, err := optionalID[chat.Room](q.Get("after"))
	if err != nil {
		return nil, err
	}
	list, more, err := s.Service.AdminRooms(r.Context(), r.actor, q.Get("q"), chat.RoomState(q.Get("state")), after)
	if err != nil {
		return nil, err
	}
	out := api.AdminRooms{Rooms: make([]api.AdminRoom, len(list))}
	for i, v := range list {
		out.Rooms[i] = api.AdminRoom{ID: v.ID.String(), Name: v.Name, Type: string(v.Type), State: string(v.State), Members: v.Members, Ends: int64(v.Ends),
			Member: v.Member != nil || v.Type == chat.RoomOpen}
		if !v.Owner.IsZero() {
			out.Rooms[i].Owner = r.actor.Roster.Root(v.Owner).String()
		}
	}
	if more {
		out.Next = list[len(list)-1].ID.String()
	}
	return out, nil
}

func (s *Server) adminRoomPeople(r *request) (any, error) {
	room, err := id[chat.Room](r)
	if err != nil {
		return nil, err
	}
	people, admins, err := s.Service.RoomPeople(r.Context(), r.actor, room)
	if err != nil {
		return nil, err
	}
	return api.RoomPeople{People: texts(people), Admins: texts(admins)}, nil
}

// messages draws a page. A guest knows only those who are in the room now: of
// others who wrote in it, they are told the name.
func (r *request) messages(page *chat.Page) []api.Message {
	list := messagesOf(page)
	for i, m := range page.Messages {
		if u := page.Roster.Users[page.Roster.Root(m.Author)]; u != nil && !m.Gone && list[i].Label == "" && !r.actor.Sees(u.ID) {
			list[i].Label = u.Name
		}
	}
	return list
}
