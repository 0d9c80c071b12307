package chat

import (
	"bytes"
	"encoding/json"
)

type (
	UserID        = ID[User]
	RoomID        = ID[Room]
	MemberID      = ID[Member]
	MessageID     = ID[Message]
	FileID        = ID[File]
	ContentID     = ID[Content]
	EmoticonID    = ID[Emoticon]
	IntegrationID = ID[Integration]
)

// Role is what a person may do in the whole place.
type Role string

const (
	RoleOwner       Role = "owner"
	RoleAdmin       Role = "admin"
	RoleMember      Role = "member"
	RoleGuest       Role = "guest"
	RoleBot         Role = "bot"
	RolePlaceholder Role = "placeholder" // wrote messages at a source that no longer knows them; cannot sign in
)

// User is a person, or something that writes like one. Found by Name: the
// folded e-mail address. A: the room they visit. Find: name, mention name,
// e-mail.
type User struct {
	ID      UserID    `json:"id"`
	Name    string    `json:"name"`
	Mention string    `json:"mention,omitempty"` // without the @
	Email   string    `json:"email,omitempty"`
	Title   string    `json:"title,omitempty"`
	Zone    string    `json:"zone,omitempty"` // IANA name of the time zone
	Role    Role      `json:"role"`
	Avatar  ContentID `json:"avatar,omitzero"`
	Created Time      `json:"created,omitempty"`
	Visits  RoomID    `json:"visits,omitzero"` // came as a guest by this room's address, and is nowhere else
	Off     bool      `json:"off,omitempty"`   // deactivated: keeps the messages, cannot sign in
	Gone    bool      `json:"gone,omitempty"`  // deleted
}

func (u *User) Kind() Kind    { return KindUser }
func (u *User) Key() Key      { return Key(u.ID) }
func (u *User) Deleted() bool { return u.Gone }
func (u *User) Index() Index {
	return Index{A: Key(u.Visits), Name: Fold(u.Email), Find: Fold(u.Name + "\n" + u.Mention + "\n" + u.Email)}
}

// RoomType says who may read a room.
type RoomType string

const (
	RoomOpen    RoomType = "open"    // everybody but guests
	RoomPrivate RoomType = "private" // members
	RoomDirect  RoomType = "direct"  // its two members, or one who writes to themselves
	RoomGroup   RoomType = "group"   // its members, and it has no name of its own
)

// RoomState is where a room is in its life.
type RoomState string

const (
	RoomActive   RoomState = ""
	RoomArchived RoomState = "archived" // read only, findable
	RoomDeleted  RoomState = "deleted"  // hidden; an administrator can restore it
)

// Room is a place for messages: a room, a 1-1, a group. Found by Name: the
// folded name. A: the guest address. B: what looks like the name. Find: name
// and topic.
type Room struct {
	ID      RoomID    `json:"id"`
	Type    RoomType  `json:"type"`
	State   RoomState `json:"state,omitempty"`
	Name    string    `json:"name,omitempty"`
	Topic   string    `json:"topic,omitempty"`
	Owner   UserID    `json:"owner,omitzero"`
	Guest   string    `json:"guest,omitempty"` // address under which guests come in
	Created Time      `json:"created,omitempty"`
	Ends    Time      `json:"ends,omitempty"` // when a deleted room is purged; 0: never by itself
	Gone    bool      `json:"gone,omitempty"` // purged for good
}

func (r *Room) Kind() Kind    { return KindRoom }
func (r *Room) Key() Key      { return Key(r.ID) }
func (r *Room) Deleted() bool { return r.Gone }
func (r *Room) Index() Index {
	return Index{A: GuestKey(r.Guest), B: LookKey(r.Name), Name: Fold(r.Name), Find: Fold(r.Name + "\n" + r.Topic)}
}

// NotifyLevel says what a member is told of.
type NotifyLevel string

const (
	NotifyDefault  NotifyLevel = ""
	NotifyAll      NotifyLevel = "all"
	NotifyMentions NotifyLevel = "mentions"
	NotifyNone     NotifyLevel = "none"
)

// Member says that a user is in a room. Found by A: room, B: user.
type Member struct {
	Room   RoomID      `json:"room"`
	User   UserID      `json:"user"`
	Admin  bool        `json:"admin,omitempty"`
	Order  int         `json:"order,omitempty"` // place in the sidebar; 0 is by name
	Star   bool        `json:"star,omitempty"`  // a favourite
	Notify NotifyLevel `json:"notify,omitempty"`
	Joined Time        `json:"joined,omitempty"`
	Hidden Time        `json:"hidden,omitempty"` // when a conversation was put out of the sidebar: until something is newer
	Gone   bool        `json:"gone,omitempty"`   // left, or was taken out
}

func (m *Member) Kind() Kind    { return KindMember }
func (m *Member) Key() Key      { return PairKey(Key(m.Room), Key(m.User)) }
func (m *Member) Deleted() bool { return m.Gone }
func (m *Member) Index() Index  { return Index{A: Key(m.Room), B: Key(m.User)} }

// PairKey is the key of an object that there is once for two others, and for
// one word: a member, a read mark, a reaction.
func PairKey(a, b Key, word ...string) Key {
	return DeriveKey(0, string(a[:]), "pair", append([]string{string(b[:])}, word...)...)
}

// File is a file as people see it: a name in a message. Its bytes are the
// first of Contents that exists; none existing means that the bytes are
// missing. Found by A: room, B: message.
type File struct {
	ID       FileID      `json:"id"`
	Room     RoomID      `json:"room"`
	Message  MessageID   `json:"message"`
	Author   UserID      `json:"author,omitzero"`
	Name     string      `json:"name"`             // as it was given; data, never a path
	Size     int64       `json:"size,omitempty"`   // bytes, as the source claims
	Sent     Time        `json:"sent,omitempty"`   // when it was sent
	Origin   string      `json:"origin,omitempty"` // where the source kept it, for reports
	Contents []ContentID `json:"contents"`
	Gone     bool        `json:"gone,omitempty"`
}

func (f *File) Kind() Kind    { return KindFile }
func (f *File) Key() Key      { return Key(f.ID) }
func (f *File) Deleted() bool { return f.Gone }
func (f *File) Index() Index  { return Index{A: Key(f.Room), B: Key(f.Message)} }

// Content says which bytes stand behind a file, an avatar or an emoticon.
// Found by Name: the hash.
type Content struct {
	ID     ContentID `json:"id"`
	Hash   string    `json:"hash"` // SHA-256 of the bytes, 64 hex digits
	Size   int64     `json:"size"`
	Type   string    `json:"type,omitempty"` // media type, found in the bytes
	Width  int       `json:"width,omitempty"`
	Height int       `json:"height,omitempty"`
	Gone   bool      `json:"gone,omitempty"`
}

func (c *Content) Kind() Kind    { return KindContent }
func (c *Content) Key() Key      { return Key(c.ID) }
func (c *Content) Deleted() bool { return c.Gone }
func (c *Content) Index() Index  { return Index{Name: c.Hash} }

// Emoticon is a custom picture for a word in parentheses. Found by Name: the
// folded shortcut.
type Emoticon struct {
	ID       EmoticonID `json:"id"`
	Shortcut string     `json:"shortcut"` // without parentheses
	Content  ContentID  `json:"content,omitzero"`
	By       UserID     `json:"by,omitzero"` // who added it here
	Created  Time       `json:"created,omitempty"`
	Gone     bool       `json:"gone,omitempty"`
}

func (e *Emoticon) Kind() Kind    { return KindEmoticon }
func (e *Emoticon) Key() Key      { return Key(e.ID) }
func (e *Emoticon) Deleted() bool { return e.Gone }
func (e *Emoticon) Index() Index  { return Index{Name: Fold(e.Shortcut)} }

// Reaction is a person's emoji on a message: the emoji itself, or, for one of
// the place's own, its shortcut between colons. Found by A: message, B: user.
type Reaction struct {
	Message MessageID `json:"message"`
	User    UserID    `json:"user"`
	Emoji   string    `json:"emoji"`
	At      Time      `json:"at,omitempty"`
	Gone    bool      `json:"gone,omitempty"`
}

func (r *Reaction) Kind() Kind    { return KindReaction }
func (r *Reaction) Key() Key      { return PairKey(Key(r.Message), Key(r.User), r.Emoji) }
func (r *Reaction) Deleted() bool { return r.Gone }
func (r *Reaction) Index() Index  { return Index{A: Key(r.Message), B: Key(r.User)} }

// Pin is a message held up in its room. Found by A: room, B: message.
type Pin struct {
	Room    RoomID    `json:"room"`
	Message MessageID `json:"message"`
	User    UserID    `json:"user,omitzero"`
	At      Time      `json:"at,omitempty"`
	Gone    bool      `json:"gone,omitempty"`
}

func (p *Pin) Kind() Kind    { return KindPin }
func (p *Pin) Key() Key      { return PairKey(Key(p.Room), Key(p.Message)) }
func (p *Pin) Deleted() bool { return p.Gone }
func (p *Pin) Index() Index  { return Index{A: Key(p.Room), B: Key(p.Message)} }

// ReadMark says up to when a person has read a room. Found by A: room, B: user.
type ReadMark struct {
	Room RoomID `json:"room"`
	User UserID `json:"user"`
	Read Time   `json:"read"`
	Back bool   `json:"back,omitempty"` // was set back by hand, to be read again
	Gone bool   `json:"gone,omitempty"`
}

func (r *ReadMark) Kind() Kind    { return KindReadMark }
func (r *ReadMark) Key() Key      { return PairKey(Key(r.Room), Key(r.User)) }
func (r *ReadMark) Deleted() bool { return r.Gone }
func (r *ReadMark) Index() Index  { return Index{A: Key(r.Room), B: Key(r.User)} }

// Preferences are what a person has set; one object a person. Found by A: user.
type Preferences struct {
	User   UserID            `json:"user"`
	Values map[string]string `json:"values"`
	Gone   bool              `json:"gone,omitempty"`
}

func (p *Preferences) Kind() Kind    { return KindPreferences }
func (p *Preferences) Key() Key      { return Key(p.User) }
func (p *Preferences) Deleted() bool { return p.Gone }
func (p *Preferences) Index() Index  { return Index{A: Key(p.User)} }

// Integration is a program that writes or listens. Found by A: room, B: user
// that it writes as.
type Integration struct {
	ID      IntegrationID `json:"id"`
	Room    RoomID        `json:"room,omitzero"`
	User    UserID        `json:"user,omitzero"`
	Type    string        `json:"type"`
	Name    string        `json:"name"`
	URL     string        `json:"url,omitempty"`
	Events  []string      `json:"events,omitempty"`
	Created Time          `json:"created,omitempty"`
	Gone    bool          `json:"gone,omitempty"`
}

func (i *Integration) Kind() Kind    { return KindIntegration }
func (i *Integration) Key() Key      { return Key(i.ID) }
func (i *Integration) Deleted() bool { return i.Gone }
func (i *Integration) Index() Index  { return Index{A: Key(i.Room), B: Key(i.User), Find: Fold(i.Name)} }

// Directory is where people come from: LDAP, Crowd, OIDC. Found by Name.
type Directory struct {
	ID     ID[Directory]     `json:"id"`
	Type   string            `json:"type"`
	Name   string            `json:"name"`
	Values map[string]string `json:"values,omitempty"` // no secrets
	Gone   bool              `json:"gone,omitempty"`
}

func (d *Directory) Kind() Kind    { return KindDirectory }
func (d *Directory) Key() Key      { return Key(d.ID) }
func (d *Directory) Deleted() bool { return d.Gone }
func (d *Directory) Index() Index  { return Index{Name: Fold(d.Name)} }

// Setting is one setting of the place. Found by Name: the setting's.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Gone  bool   `json:"gone,omitempty"`
}

func (s *Setting) Kind() Kind    { return KindSetting }
func (s *Setting) Key() Key      { return SettingKey(s.Name) }
func (s *Setting) Deleted() bool { return s.Gone }
func (s *Setting) Index() Index  { return Index{Name: s.Name} }

// SettingKey is the key of the setting of a name.
func SettingKey(name string) Key { return DeriveKey(0, "", "setting", name) }

// Audit says who did what that an administrator answers for. Found by A: actor.
type Audit struct {
	ID     ID[Audit] `json:"id"`
	Actor  UserID    `json:"actor,omitzero"`
	At     Time      `json:"at"`
	Action string    `json:"action"`
	Target string    `json:"target,omitempty"`
	Note   string    `json:"note,omitempty"`
	Gone   bool      `json:"gone,omitempty"`
}

func (a *Audit) Kind() Kind    { return KindAudit }
func (a *Audit) Key() Key      { return Key(a.ID) }
func (a *Audit) Deleted() bool { return a.Gone }
func (a *Audit) Index() Index  { return Index{A: Key(a.Actor)} }

// Match says that an imported user and a local one are the same person.
// Found by A: imported, B: local.
type Match struct {
	Imported UserID `json:"imported"`
	Local    UserID `json:"local"`
	Gone     bool   `json:"gone,omitempty"`
}

func (m *Match) Kind() Kind    { return KindMatch }
func (m *Match) Key() Key      { return Key(m.Imported) }
func (m *Match) Deleted() bool { return m.Gone }
func (m *Match) Index() Index  { return Index{A: Key(m.Imported), B: Key(m.Local)} }

// Purge says that all messages of a room before a time were removed for good.
// Found by A: room.
type Purge struct {
	ID     ID[Purge] `json:"id"`
	Room   RoomID    `json:"room"`
	Before Time      `json:"before"`
	Gone   bool      `json:"gone,omitempty"`
}

func (p *Purge) Kind() Kind    { return KindPurge }
func (p *Purge) Key() Key      { return Key(p.ID) }
func (p *Purge) Deleted() bool { return p.Gone }
func (p *Purge) Index() Index  { return Index{A: Key(p.Room)} }

// Erase says that a person and what they wrote was removed for good. Found
// by A: user.
type Erase struct {
	ID   ID[Erase] `json:"id"`
	User UserID    `json:"user"`
	At   Time      `json:"at"`
	Gone bool      `json:"gone,omitempty"`
}

func (e *Erase) Kind() Kind    { return KindErase }
func (e *Erase) Key() Key      { return Key(e.ID) }
func (e *Erase) Deleted() bool { return e.Gone }
func (e *Erase) Index() Index  { return Index{A: Key(e.User)} }

// Told says up to which moment a person was told by mail of what they missed:
// nothing of before is ever mailed to them again. Found by A: user.
type Told struct {
	User   UserID `json:"user"`
	Mailed Time   `json:"mailed"`
	Gone   bool   `json:"gone,omitempty"`
}

func (t *Told) Kind() Kind    { return KindTold }
func (t *Told) Key() Key      { return Key(t.User) }
func (t *Told) Deleted() bool { return t.Gone }
func (t *Told) Index() Index  { return Index{A: Key(t.User)} }

// Bookmark says how far something has read this log.
type Bookmark struct {
	Name string `json:"name"`
	At   Cursor `json:"at"`
	Gone bool   `json:"gone,omitempty"`
}

func (b *Bookmark) Kind() Kind    { return KindBookmark }
func (b *Bookmark) Key() Key      { return DeriveKey(0, "", "bookmark", b.Name) }
func (b *Bookmark) Deleted() bool { return b.Gone }
func (b *Bookmark) Index() Index  { return Index{Name: b.Name} }

// EncodeBody returns the form in which an object other than a message is
// stored and digested, JSON with the fields in the order of the type: equal
// objects give equal bytes.
func EncodeBody(o Object) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		panic("chat: " + o.Kind().String() + " cannot be encoded: " + err.Error()) // no type of this package holds what JSON cannot
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// DecodeBody reads what EncodeBody wrote. It fails with Damaged.
func DecodeBody(kind Kind, body []byte) (Object, error) {
	o := kind.New()
	if o == nil {
		return nil, Errorf(Damaged, "an object of kind %d, which this version does not know", kind).WithHint("a newer version wrote it; use that version")
	}
	if err := json.Unmarshal(body, o); err != nil {
		return nil, Errorf(Damaged, "a stored %s cannot be read: %w", kind, err)
	}
	return o, nil
}
