// Package api holds the wire types and the Go client of the HTTP API; the
// TypeScript types are made from it.
package api

import "github.com/godwit-chat/godwit/internal/markup"

//go:generate go run ./tsgen ../../web/src/api.gen.ts api.go accounts.go feed.go files.go flight.go messages.go origin.go rooms.go ../markup/tree.go
//go:generate go run ./tsgen ../../web/src/move.gen.ts ../move/status.go

// All addresses begin with /api/v1. Times are microseconds since 1970 UTC.
// IDs are UUIDs as text. An answer that is not 2xx has an Error as its body.

// Error is what went wrong, for a person and for a program.
type Error struct {
	Kind string `json:"kind"` // invalid, unknown, denied, not-found, conflict, unavailable, too-many, damaged, full, internal
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// SignIn is the body of POST /session. Login is an e-mail address or a
// mention name. The answer is SignedIn, and a cookie. DELETE /session signs
// out.
type SignIn struct {
	Login    string         `json:"login"`
	Password string         `json:"password"`
	Code     string         `json:"code,omitempty"` // of an authenticator app, or a recovery code
	Passkey  *PasskeyAnswer `json:"passkey,omitempty"`
}

// LinkInfo is the answer of GET /links/{secret}: whom a link is for.
type LinkInfo struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// NewPassword is the body of POST /links/{secret}: sets the password, uses up
// the link, signs in, and answers SignedIn.
type NewPassword struct {
	Password string `json:"password"`
}

// Person is someone as others see them.
type Person struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Mention string `json:"mention,omitempty"`
	Title   string `json:"title,omitempty"`
	Role    string `json:"role"`             // owner admin member guest bot placeholder
	Avatar  string `json:"avatar,omitempty"` // address of the picture; none: draw initials
	Off     bool   `json:"off,omitempty"`    // deactivated or deleted
	Same    string `json:"same,omitempty"`   // ID of the person that this one is the same as
}

// Me is the one who is signed in.
type Me struct {
	Person
	Email string `json:"email"`
	Zone  string `json:"zone"`
	Admin bool   `json:"admin"` // may see the administrators' pages
}

// Start is the answer of GET /start: what a client needs first.
type Start struct {
	Me          Me                `json:"me"`
	Place       string            `json:"place"`           // name of the place
	Address     string            `json:"address"`         // the public address, empty if not set
	State       string            `json:"state"`           // open, receiving, frozen, retired, standby; or archive
	Cursor      string            `json:"cursor"`          // for GET /feed
	Now         int64             `json:"now"`             // the server's clock
	Rooms       []Room            `json:"rooms"`           // those in the sidebar
	People      []Person          `json:"people"`          // all of them
	Emoticons   map[string]string `json:"emoticons"`       // folded shortcut to the picture's address
	Preferences map[string]string `json:"preferences"`     // one's own, as in Preferences.Values
	Client      string            `json:"client"`          // the version of the web client that is served here
	Moved       string            `json:"moved,omitempty"` // the address that the place has now: POST /session/handover leads there

	Announcement *Announcement `json:"announcement,omitempty"`
}

// Room is a room, a 1-1 or a group.
type Room struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`            // open private direct group
	State    string   `json:"state,omitempty"` // archived, deleted
	Name     string   `json:"name"`            // empty for direct and group: drawn from With
	Topic    string   `json:"topic,omitempty"`
	With     []string `json:"with,omitempty"` // the others of a direct or group
	Star     bool     `json:"star,omitempty"`
	Order    int      `json:"order,omitempty"`
	Member   bool     `json:"member"`
	Members  int64    `json:"members,omitempty"`  // in answers about one room, and in the directory
	Messages int64    `json:"messages,omitempty"` // in answers about one room
	First    int64    `json:"first,omitempty"`    // time of the oldest message, in answers about one room
	Last     int64    `json:"last,omitempty"`     // time of the newest message
	MayPost  bool     `json:"may_post"`
	People   []string `json:"people,omitempty"`   // members' IDs, in answers about one room
	Admins   []string `json:"admins,omitempty"`   // those who look after it, in answers about one room
	Owner    string   `json:"owner,omitempty"`    // in answers about one room
	May      []string `json:"may,omitempty"`      // join leave topic invite rename remove roles type guests archive open delete owner; in answers about one room
	Notify   string   `json:"notify,omitempty"`   // what one is told of: all mentions none; empty is the usual
	Hidden   int64    `json:"hidden,omitempty"`   // when one put it out of the sidebar: it is back when something is newer
	Guests   bool     `json:"guests,omitempty"`   // guests can come in by its guest address
	Arriving bool     `json:"arriving,omitempty"` // a move that brings its history has not ended
	Ends     int64    `json:"ends,omitempty"`     // when it is removed for good, if it is deleted

	// Of rooms in the sidebar: up to when one has read them, and what is newer.
	Read     int64 `json:"read,omitempty"`
	Unread   int   `json:"unread,omitempty"`   // counted up to 100
	Mentions int   `json:"mentions,omitempty"` // of oneself, of @all and @here
}

// Rooms is the answer of GET /rooms?q=&only=&archived=1&after=: rooms that
// one can find, ordered by name. Only is mine, open or archived; without it,
// archived=1 adds those. Next goes into after; empty at the end. GET
// /rooms/{id} answers one Room.
type Rooms struct {
	Rooms []Room `json:"rooms"`
	Next  string `json:"next,omitempty"`
}

// Message is one message as it is drawn.
type Message struct {
	ID     string        `json:"id"`
	Room   string        `json:"room"`
	Author string        `json:"author,omitempty"`
	Label  string        `json:"label,omitempty"` // the author's name where that is no person
	Sent   int64         `json:"sent"`
	Type   string        `json:"type"` // plain notification topic system guest
	Edited int64         `json:"edited,omitempty"`
	Gone   bool          `json:"gone,omitempty"`
	Color  string        `json:"color,omitempty"` // yellow green red purple gray
	Tree   []markup.Node `json:"tree,omitempty"`
	Files  []File        `json:"files,omitempty"`
	Cards  []Card        `json:"cards,omitempty"` // of its links

	Thread    string     `json:"thread,omitempty"`   // ID of the message that it answers
	Shown     bool       `json:"shown,omitempty"`    // a reply that was also sent to the room; others are left out of its history
	Everyone  string     `json:"everyone,omitempty"` // all or here: whom the text calls
	Replies   *Replies   `json:"replies,omitempty"`  // none: there are none
	Reactions []Reaction `json:"reactions,omitempty"`
	Pinned    bool       `json:"pinned,omitempty"`
	Calls     []string   `json:"calls,omitempty"` // IDs of those whom it mentions by name, or by @here
}

// File is a file in a message.
type File struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Type    string `json:"type,omitempty"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	Missing bool   `json:"missing,omitempty"` // the bytes did not arrive
	URL     string `json:"url,omitempty"`     // the bytes, as a download
	Preview string `json:"preview,omitempty"` // a picture of at most 720 px
}

// History is the answer of GET /rooms/{id}/messages?limit=50 with one of
// before=CURSOR, after=CURSOR, at=YYYY-MM-DD (the page that starts there),
// around=MESSAGE, or none (the newest). Messages are oldest first. Older and
// Newer are cursors for before and after; empty means that there are no more.
type History struct {
	Messages []Message `json:"messages"`
	Older    string    `json:"older,omitempty"`
	Newer    string    `json:"newer,omitempty"`
	Thread   string    `json:"thread,omitempty"` // what around names is in this message's thread, and not in the room's history
	Saved    []string  `json:"saved,omitempty"`  // those of the messages that one has saved
}

// NewMessage is the body of POST /rooms/{id}/messages, which answers the
// Message. The same nonce again answers the message posted first.
type NewMessage struct {
	Text   string   `json:"text"`
	Nonce  string   `json:"nonce"`            // chosen by the client, 8 to 64 characters, once for each message
	Files  []string `json:"files,omitempty"`  // IDs of uploads that are done; with some, the text may be empty
	Thread string   `json:"thread,omitempty"` // ID of the message that it answers
	Shown  bool     `json:"shown,omitempty"`  // also send a reply to the room
}

// Found is the answer of GET /search?q=&older=: q has words and from: in:
// before: after: has:file has:link. Older goes into older; empty at the end.
type Found struct {
	Hits      []Hit    `json:"hits"`
	Older     string   `json:"older,omitempty"`
	Unindexed int64    `json:"unindexed,omitempty"` // messages that cannot be found yet
	Terms     []string `json:"terms,omitempty"`     // folded words, to mark in the text
	Notes     []string `json:"notes,omitempty"`     // what of the query was not understood
}

// Hit is a message that was found.
type Hit struct {
	Message Message `json:"message"`
	Room    Room    `json:"room"`
}

// Overview is the answer of GET /admin/overview. Every number is counted when
// asked for.
type Overview struct {
	Version   string   `json:"version"`
	State     string   `json:"state"`
	Place     string   `json:"place"`
	Address   string   `json:"address"`
	Started   int64    `json:"started"`
	Database  string   `json:"database"` // SQLite or Postgres, with version
	People    int64    `json:"people"`
	Off       int64    `json:"off"`
	Rooms     int64    `json:"rooms"` // open and private, active
	Archived  int64    `json:"archived"`
	Deleted   int64    `json:"deleted"`
	Direct    int64    `json:"direct"`
	Messages  int64    `json:"messages"`
	Unindexed int64    `json:"unindexed"`
	Files     int64    `json:"files"`
	FileBytes int64    `json:"file_bytes"`
	Emoticons int64    `json:"emoticons"`
	First     int64    `json:"first"`
	Last      int64    `json:"last"`
	DBBytes   int64    `json:"db_bytes"`
	Problems  []string `json:"problems,omitempty"` // each says what and what to do
	Moves     []Move   `json:"moves,omitempty"`
}

// Move is a move into this place. GET /admin/moves/{name} answers its report
// (DESIGN section 8) and GET /admin/moves/{name}/report.html the page.
type Move struct {
	Name    string `json:"name"`
	Source  string `json:"source"`
	Done    bool   `json:"done"`
	Started int64  `json:"started"`
	Ended   int64  `json:"ended,omitempty"`
	Written int64  `json:"written"`
	Read    int64  `json:"read"`
}

// AdminPerson is someone as administrators see them.
type AdminPerson struct {
	Person
	Email    string `json:"email,omitempty"`
	Created  int64  `json:"created,omitempty"`
	Password bool   `json:"password"` // has one
}

// AdminPeople is the answer of GET /admin/people?q=&after=: by any part of
// name, mention name, e-mail or domain, in any case.
type AdminPeople struct {
	People []AdminPerson `json:"people"`
	Next   string        `json:"next,omitempty"`
	Total  int64         `json:"total"`
}

// ResetLink is the answer of POST /admin/people/{id}/link.
type ResetLink struct {
	URL     string `json:"url"`
	Expires int64  `json:"expires"`
}

// NewPerson is the body of POST /admin/people, which answers an Invitation.
type NewPerson struct {
	Name    string `json:"name"`
	Mention string `json:"mention,omitempty"`
	Email   string `json:"email"`
	Role    string `json:"role,omitempty"` // member if empty
}

// Invitation is a link by which someone sets their first password.
type Invitation struct {
	Person AdminPerson `json:"person"`
	Link   ResetLink   `json:"link"`
}

// Invitations is the answer of POST /admin/invitations: a link for everybody
// who has no password. Links that they got before no longer work.
type Invitations struct {
	People []Invitation `json:"people"`
}

// NewToken is the body of POST /admin/tokens; the answer is a Token.
type NewToken struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"` // move, admin
	Days   int      `json:"days"`   // until it expires
}

// Token is what a program uses instead of a password. It is shown once.
type Token struct {
	Secret  string `json:"secret"`
	Expires int64  `json:"expires"`
}
