package api

// Reaction is an emoji on a message, with who put it there, oldest first.
type Reaction struct {
	Emoji  string   `json:"emoji"`         // itself, or :shortcut:
	URL    string   `json:"url,omitempty"` // of the picture of a custom one
	People []string `json:"people"`
}

// Replies is what there is of replies to a message.
type Replies struct {
	Count int64    `json:"count"`
	Last  int64    `json:"last"`
	Faces []string `json:"faces"` // those who wrote last, at most five
}

// React is the body of POST /messages/{id}/reactions, which answers the
// Message.
type React struct {
	Emoji string `json:"emoji"`
	On    bool   `json:"on"`
}

// Edit is the body of PATCH /messages/{id}, which answers the Message. DELETE
// /messages/{id} answers what is left of it. GET /messages/{id}/source answers
// an Edit: the text as it was written.
type Edit struct {
	Text string `json:"text"`
}

// Correction is the body of POST /rooms/{id}/corrections: replaces a text in
// one's last message there, and answers the Message.
type Correction struct {
	Old    string `json:"old"`
	New    string `json:"new"`
	All    bool   `json:"all,omitempty"`
	Thread string `json:"thread,omitempty"`
}

// Revisions is the answer of GET /messages/{id}/revisions: what it said
// before, oldest first.
type Revisions struct {
	Revisions []Message `json:"revisions"` // Sent is since when it said so, Edited until when
}

// Thread is the answer of GET /messages/{id}/thread, of a message or of one of
// its replies, with the query of History.
type Thread struct {
	Root      Message   `json:"root"`
	Messages  []Message `json:"messages"`
	Older     string    `json:"older,omitempty"`
	Newer     string    `json:"newer,omitempty"`
	Following bool      `json:"following"`
	Read      int64     `json:"read"` // up to when one has read it, if one follows it
	Saved     []string  `json:"saved,omitempty"`
}

// POST /messages/{id}/unread makes a message the first unread one of its room,
// and answers an Event "read".

// Follow is the answer of PUT and DELETE /messages/{id}/follow, and of POST
// /messages/{id}/read with a ReadThread.
type Follow struct {
	Thread    string `json:"thread"`
	Room      string `json:"room"`
	Following bool   `json:"following"`
	Read      int64  `json:"read"`
}

// ReadThread says up to when one has read a thread.
type ReadThread struct {
	Read int64 `json:"read"`
}

// Threads is the answer of GET /threads?unread=1&skip=N: those that one
// follows, the newest reply first. With ids=1 it also names all of them.
type Threads struct {
	Threads   []FollowedThread `json:"threads"`
	Unread    int              `json:"unread"` // of all
	More      bool             `json:"more,omitempty"`
	Saved     []string         `json:"saved,omitempty"`
	Following []string         `json:"following,omitempty"` // IDs of all, at most 5,000
}

// FollowedThread is a thread in that list, with its last replies.
type FollowedThread struct {
	Room   Room      `json:"room"`
	Root   Message   `json:"root"`
	Newest []Message `json:"newest"`
	Read   int64     `json:"read"`
	Unread bool      `json:"unread,omitempty"`
}

// Pins is the answer of GET /rooms/{id}/pins, the newest pin first. PUT and
// DELETE /messages/{id}/pin answer the Message.
type Pins struct {
	Pins  []Pin    `json:"pins"`
	Saved []string `json:"saved,omitempty"`
}

// Pin is a pinned message.
type Pin struct {
	Message Message `json:"message"`
	By      string  `json:"by,omitempty"`
	At      int64   `json:"at,omitempty"`
}

// SavedMessages is the answer of GET /saved?skip=N, what was saved last first.
// PUT and DELETE /messages/{id}/saved answer the Message.
type SavedMessages struct {
	Saved []SavedMessage `json:"saved"`
	More  bool           `json:"more,omitempty"`
}

// SavedMessage is a message that one keeps.
type SavedMessage struct {
	Message Message `json:"message"`
	Room    Room    `json:"room"`
	At      int64   `json:"at"`
}

// Emoticon is one of the place's own. POST /emoticons?shortcut= takes the
// bytes of a picture and answers it; DELETE /emoticons/{id} removes it.
type Emoticon struct {
	ID       string `json:"id"`
	Shortcut string `json:"shortcut"`
	URL      string `json:"url"`
	By       string `json:"by,omitempty"`
	Created  int64  `json:"created,omitempty"`
	Mine     bool   `json:"mine,omitempty"` // one may delete it
}

// Emoticons is the answer of GET /emoticons, ordered by shortcut.
type Emoticons struct {
	Emoticons []Emoticon `json:"emoticons"`
	MayAdd    bool       `json:"may_add"`
	Admins    bool       `json:"admins"` // only administrators may add some
}

// EmoticonRule is the body of PUT /emoticons: who may add some.
type EmoticonRule struct {
	Admins bool `json:"admins"`
}

// Emoji is the answer of GET /emoji: the standard ones, one line each, fields
// parted by tabs: group, the emoji, "s" if it takes a skin tone, shortcodes,
// words to find it by.
type Emoji struct {
	List string `json:"list"`
}
