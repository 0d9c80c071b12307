package api

// NewRoom is the body of POST /rooms, which answers the Room. The same nonce
// again answers the room made first.
type NewRoom struct {
	Name   string   `json:"name"`
	Topic  string   `json:"topic,omitempty"`
	Type   string   `json:"type"` // open, private
	People []string `json:"people,omitempty"`
	Nonce  string   `json:"nonce"` // chosen by the client, 8 to 64 characters, once for each room
}

// RoomEdit is the body of PATCH /rooms/{id}, which answers the Room. What is
// not named stays. A private room becomes open only with Confirm; without, the
// error (conflict) says who would read what.
type RoomEdit struct {
	Name    *string `json:"name,omitempty"`
	Topic   *string `json:"topic,omitempty"`
	Type    *string `json:"type,omitempty"`
	Confirm bool    `json:"confirm,omitempty"`
}

// RoomState is the body of PUT /rooms/{id}/state: "" for in use, archived, or
// deleted.
type RoomState struct {
	State string `json:"state"`
}

// People is the body of POST /rooms/{id}/members, which invites them and
// answers the Room; in a 1-1 or a group that is another one, with these people
// too. It is also the body of POST /conversations, which answers the 1-1 or
// group of exactly these people, and makes it if there is none.
//
// PUT /rooms/{id}/members/me joins an open room and answers it, DELETE
// /rooms/{id}/members/me leaves it, DELETE /rooms/{id}/members/{person} takes
// somebody out.
type People struct {
	People []string `json:"people"`
}

// MemberRole is the body of PUT /rooms/{id}/members/{person}.
type MemberRole struct {
	Admin bool `json:"admin"`
}

// Owner is the body of PUT /rooms/{id}/owner.
type Owner struct {
	Person string `json:"person"`
}

// Mine is the body of PUT /rooms/{id}/mine: how one has a room that one is in.
// What is not named stays.
type Mine struct {
	Star   *bool   `json:"star,omitempty"`
	Notify *string `json:"notify,omitempty"` // all, mentions, none, or "" for the usual
	Hidden *bool   `json:"hidden,omitempty"` // a 1-1 or group, until something is new
}

// Order is the body of PUT /order: rooms of the sidebar from top to bottom.
// Those that are not named keep their places.
type Order struct {
	Rooms []string `json:"rooms"`
}

// GuestAddress is the answer of GET, PUT (switch on), POST (renew) and DELETE
// (switch off) /rooms/{id}/guest. URL is empty while guests cannot come in.
type GuestAddress struct {
	URL string `json:"url"`
}

// GuestRoom is the answer of GET /guests/{secret}: what a guest address opens.
type GuestRoom struct {
	Place string `json:"place"`
	Room  string `json:"room"` // its name
}

// GuestName is the body of POST /guests/{secret}, which makes one a guest of
// the room, signs in, and answers a Guest.
type GuestName struct {
	Name string `json:"name"`
}

// Guest is who one is as a guest, and in which room.
type Guest struct {
	Me   Me     `json:"me"`
	Room string `json:"room"` // its ID
}

// AdminRoom is a room as administrators see it in lists.
type AdminRoom struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	State   string `json:"state,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Members int64  `json:"members"`
	Ends    int64  `json:"ends,omitempty"` // when a deleted one is removed for good; 0: not by itself
	Member  bool   `json:"member"`         // whether one may open it: one is in it, or it is open
}

// AdminRooms is the answer of GET /admin/rooms?q=&state=&after=: rooms in one
// state ("" is in use), ordered by name.
type AdminRooms struct {
	Rooms []AdminRoom `json:"rooms"`
	Next  string      `json:"next,omitempty"`
}

// RoomPeople is the answer of GET /admin/rooms/{id}/people: who can be made
// its owner.
type RoomPeople struct {
	People []string `json:"people"`
	Admins []string `json:"admins,omitempty"`
}
