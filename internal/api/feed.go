package api

// GET /feed?cursor=CURSOR&open=ROOM is a WebSocket. The server sends Frames;
// the client sends Said. The cursor is that of Start, or of the last frame.
// After a lost connection the same address with the newest cursor goes on
// where the last one ended, or says "afresh".
//
// An event says what something is like now, so applying one twice is the same
// as once. To add a kind of event: give it a name and its fields here, type
// "make gen", give eventsOf in internal/server/feedevents.go its case, and
// apply in web/src/apply.ts another.

// Frame is what the server sends. The cursor is opaque, and stands for the
// end of the frame.
type Frame struct {
	Cursor string  `json:"cursor"`
	Events []Event `json:"events,omitempty"`
}

// Event is one thing that is otherwise than it was. What it carries depends
// on its type:
//
//	message     message: new, edited, deleted, or with other files, link cards, reactions or pins
//	room        room: as one sees it now; also one that is new to the sidebar
//	drop        id: of a room that one may no longer see
//	member      id: of a room that one has open; who came (or, with gone, left)
//	history     id: of a room whose history was filled in in many places; empty: of any
//	read        id, read, unread, mentions: one's own mark, from all devices; last: the newest message that was counted; back
//	follow      id: of the message that a thread hangs on, which one follows (or, with gone, no more); read
//	saved       id: of a message that one has saved (or, with gone, no more)
//	person      person
//	emoticon    emoticon: its shortcut folded, its address empty if it is gone
//	place       place
//	typing      id: of a room that one has open; who writes
//	presence    people: who is otherwise present than before; with whole: all who are
//	told        told: what one wants to be told of now, and is to be shown by the browser
//	preferences one's own preferences are others: ask for them
//	opened      id: of a room that one said is open: from here on, its events come
//	afresh      fetch /start again, then connect with its cursor
type Event struct {
	Type     string            `json:"type"`
	Message  *Message          `json:"message,omitempty"`
	Room     *Room             `json:"room,omitempty"`
	ID       string            `json:"id,omitempty"`
	Who      string            `json:"who,omitempty"`
	Gone     bool              `json:"gone,omitempty"`
	Read     int64             `json:"read,omitempty"`
	Back     bool              `json:"back,omitempty"` // the mark was set back, to be read again
	Unread   int               `json:"unread,omitempty"`
	Mentions int               `json:"mentions,omitempty"`
	Last     int64             `json:"last,omitempty"`
	Person   *Person           `json:"person,omitempty"`
	Emoticon *Emoticon         `json:"emoticon,omitempty"`
	Place    *Place            `json:"place,omitempty"`
	People   map[string]string `json:"people,omitempty"` // ID to online, away or offline
	Whole    bool              `json:"whole,omitempty"`
	Told     *Told             `json:"told,omitempty"`
}

// Place is what a place is called, and what it is doing.
type Place struct {
	Name         string        `json:"name"`
	Address      string        `json:"address"`
	State        string        `json:"state"`
	Client       string        `json:"client"`          // the version of the web client that is served here
	Moved        string        `json:"moved,omitempty"` // as in Start, when a feed begins
	Announcement *Announcement `json:"announcement,omitempty"`
}

// Announcement is what administrators have to say to everybody.
type Announcement struct {
	ID   string `json:"id"` // another one for another text or time
	Text string `json:"text"`
	At   int64  `json:"at,omitempty"` // the time that it is about
}

// Said is what a client says over its feed:
//
//	open      rooms: those that it shows now, in place of those that it showed before
//	typing    room
//	active    on: whether somebody is there
//	read      room, time: up to which message (by its time) it was read
type Said struct {
	Type  string   `json:"type"`
	Rooms []string `json:"rooms,omitempty"`
	Room  string   `json:"room,omitempty"`
	On    bool     `json:"on,omitempty"`
	Time  int64    `json:"time,omitempty"`
	From  *int64   `json:"from,omitempty"` // as in Read
}

// Read is the body of POST /rooms/{id}/read: up to which message, by its
// time, the room was read. A mark never goes back. The answer is empty, and
// comes before the mark is stored, which takes up to two seconds. From is the
// mark that the client knows of: if another one was set back by hand
// meanwhile, this one is too late and moves nothing.
type Read struct {
	Time int64  `json:"time"`
	From *int64 `json:"from,omitempty"`
}

// Reasons for which the server closes a feed.
const (
	FeedRestart = 1012 // the server ends: come back after up to so many seconds as the reason says
	FeedSlow    = 1013 // the client did not read: come back at once, with the last cursor
	FeedPolicy  = 1008 // the client said too much, or what cannot be understood: come back later
	FeedEnded   = 4001 // nobody is signed in any more
)
