package chat

// Kind is a kind of object.
type Kind uint8

// The kinds of objects. The numbers are stored: they are never reused.
const (
	KindUser        Kind = 1
	KindRoom        Kind = 2
	KindMember      Kind = 3
	KindMessage     Kind = 4
	KindFile        Kind = 5
	KindContent     Kind = 6
	KindEmoticon    Kind = 7
	KindReaction    Kind = 8
	KindPin         Kind = 9
	KindReadMark    Kind = 10
	KindPreferences Kind = 11
	KindIntegration Kind = 12
	KindDirectory   Kind = 13
	KindSetting     Kind = 14
	KindAudit       Kind = 15
	KindMatch       Kind = 16
	KindPurge       Kind = 17
	KindErase       Kind = 18
	KindRevision    Kind = 19
	KindSaved       Kind = 20
	KindFollow      Kind = 27
	KindTold        Kind = 25
	KindBookmark    Kind = 26

	KindLinkCard Kind = 21

	// Secrets: never in the feed, never in a page, in archives only on request.
	KindCredential Kind = 64
	KindSession    Kind = 65
	KindToken      Kind = 66
	KindWebhook    Kind = 67
	KindPushKey    Kind = 68
	KindLink       Kind = 69
	KindUpload     Kind = 74
	KindCodes      Kind = 70
	KindPasskey    Kind = 71
	KindSealed     Kind = 72
	KindSpent      Kind = 73
)

type kindInfo struct {
	name string
	make func() Object
}

var kinds = map[Kind]kindInfo{
	KindUser:        {"user", func() Object { return new(User) }},
	KindRoom:        {"room", func() Object { return new(Room) }},
	KindMember:      {"member", func() Object { return new(Member) }},
	KindMessage:     {"message", func() Object { return new(Message) }},
	KindFile:        {"file", func() Object { return new(File) }},
	KindContent:     {"content", func() Object { return new(Content) }},
	KindEmoticon:    {"emoticon", func() Object { return new(Emoticon) }},
	KindReaction:    {"reaction", func() Object { return new(Reaction) }},
	KindPin:         {"pin", func() Object { return new(Pin) }},
	KindReadMark:    {"read mark", func() Object { return new(ReadMark) }},
	KindPreferences: {"preferences", func() Object { return new(Preferences) }},
	KindIntegration: {"integration", func() Object { return new(Integration) }},
	KindDirectory:   {"directory", func() Object { return new(Directory) }},
	KindSetting:     {"setting", func() Object { return new(Setting) }},
	KindAudit:       {"audit entry", func() Object { return new(Audit) }},
	KindMatch:       {"match", func() Object { return new(Match) }},
	KindPurge:       {"purge", func() Object { return new(Purge) }},
	KindErase:       {"erasure", func() Object { return new(Erase) }},
	KindRevision:    {"revision", func() Object { return new(Revision) }},
	KindSaved:       {"saved message", func() Object { return new(Saved) }},
	KindFollow:      {"followed thread", func() Object { return new(Follow) }},
	KindTold:        {"told mark", func() Object { return new(Told) }},
	KindBookmark:    {"bookmark", func() Object { return new(Bookmark) }},
	KindLinkCard:    {"link card", func() Object { return new(LinkCard) }},
	KindCredential:  {"credential", func() Object { return new(Credential) }},
	KindSession:     {"session", func() Object { return new(Session) }},
	KindToken:       {"token", func() Object { return new(Token) }},
	KindWebhook:     {"webhook", func() Object { return new(Webhook) }},
	KindPushKey:     {"push key", func() Object { return new(PushKey) }},
	KindLink:        {"link", func() Object { return new(Link) }},
	KindUpload:      {"upload", func() Object { return new(Upload) }},
	KindCodes:       {"second factor", func() Object { return new(Codes) }},
	KindPasskey:     {"passkey", func() Object { return new(Passkey) }},
	KindSealed:      {"sealed setting", func() Object { return new(Sealed) }},
	KindSpent:       {"used challenge", func() Object { return new(Spent) }},
}

// Kinds lists all kinds in the order of their numbers.
func Kinds() []Kind {
	var list []Kind
	for k := range Kind(255) {
		if _, ok := kinds[k]; ok {
			list = append(list, k)
		}
	}
	return list
}

// String returns the word for the kind that people see.
func (k Kind) String() string {
	if info, ok := kinds[k]; ok {
		return info.name
	}
	return unknownKind
}

// unknownKind is the word for kind 0: what a note is about that is about none.
const unknownKind = "unknown kind"

// MarshalText returns the word for the kind.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the word for a kind. It fails with Invalid.
func (k *Kind) UnmarshalText(b []byte) error {
	if string(b) == unknownKind {
		*k = 0
		return nil
	}
	for kind, info := range kinds {
		if info.name == string(b) {
			*k = kind
			return nil
		}
	}
	return Errorf(Invalid, "%q is not a kind of object", b)
}

// Secret reports whether objects of the kind may never reach a screen.
func (k Kind) Secret() bool { return k >= KindCredential }

// Digested reports whether objects of the kind count in digests. Read marks
// do not: they are coalesced, and differ between two places that are equal;
// neither do the marks of what was told, which follow them, nor bookmarks,
// which are places in one log.
func (k Kind) Digested() bool { return k != KindReadMark && k != KindTold && k != KindBookmark }

// Mirrored reports whether objects of the kind go with a place that moves as a
// whole. Uploads under way end where they began; bookmarks are places in one
// log.
func (k Kind) Mirrored() bool { return k != KindUpload && k != KindBookmark }

// New returns an empty object of the kind, or nil if there is no such kind.
func (k Kind) New() Object {
	if info, ok := kinds[k]; ok {
		return info.make()
	}
	return nil
}

// An Object is a pointer to one of the types of this package that have an
// identity: *User, *Room, *Message and so on.
type Object interface {
	Kind() Kind
	Key() Key
	Index() Index // what the store finds it by
	Deleted() bool
}

// Index is what an object can be found by, beside its ID. The meaning of A
// and B is in the object's comment.
type Index struct {
	A, B Key
	Name string // exact, folded
	Find string // words that people search for, folded
}
