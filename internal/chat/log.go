package chat

import (
	"context"
	"strconv"
	"strings"
)

// State is what a place is doing. Every write checks it.
type State string

const (
	Open      State = "open"      // people write
	Receiving State = "receiving" // only a mover's Apply writes
	Frozen    State = "frozen"    // nobody writes for a moment; see Head.Lease
	Retired   State = "retired"   // it has moved
	Standby   State = "standby"   // the old place after a cutover, kept current by Apply
)

// Head is the end of the log.
type Head struct {
	LogID Key      // of this place, for ever
	Epoch Key      // of this run of the writer: positions after its start may be new ones
	Pos   Position // of the last change
	State State
	Lease Time // until when State holds, if that is Frozen
}

// Cursor is a place in a log.
type Cursor struct {
	LogID Key      `json:"log"`
	Epoch Key      `json:"epoch"`
	Pos   Position `json:"pos"`
}

// String writes a cursor as ParseCursor reads it.
func (c Cursor) String() string {
	return c.LogID.String() + "/" + c.Epoch.String() + "/" + strconv.FormatInt(int64(c.Pos), 10)
}

// ParseCursor reads what Cursor.String wrote; "" is the zero Cursor. It fails
// with Invalid.
func ParseCursor(text string) (c Cursor, err error) {
	if text == "" {
		return c, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return c, Errorf(Invalid, "%q is not a place in a log", text)
	}
	pos, err := strconv.ParseInt(parts[2], 10, 64)
	if err == nil {
		c.Pos = Position(pos)
		if c.LogID, err = ParseKey(parts[0]); err == nil {
			c.Epoch, err = ParseKey(parts[1])
		}
	}
	if err != nil {
		return Cursor{}, Errorf(Invalid, "%q is not a place in a log", text)
	}
	return c, nil
}

// Store keeps the log and the state it adds up to. All of it may be called
// at once from many goroutines.
type Store interface {
	// View runs fn on one snapshot.
	View(ctx context.Context, fn func(Reader) error) error

	// Update locks the head, runs fn, and commits all of what it wrote or,
	// if it fails, none. It returns after the commit is durable. Updates that
	// wait at the same time share one commit; one that fails does not harm the
	// others. fn may run more than once. It fails with Unavailable if the place
	// is not open, and because of a Closed; in a place that is receiving, only secrets (someone signs in
	// to look) and audit entries can be put. Rings the Doorbell after the commit.
	Update(ctx context.Context, fn func(Tx) error) error

	// SetState moves the place from one state to another. It fails with
	// Conflict if it is in a third, or in a Pair that is not over. It waits for writes under way, and none
	// that is not allowed in the new state can follow.
	SetState(ctx context.Context, from, to State) (Position, error)

	Governor
	Mover
	Exporter
	Desk
	Searcher

	// Arriving lists the rooms that moves bring or go on with which have not
	// ended: those of their sources that are here already.
	Arriving(ctx context.Context) ([]RoomID, error)

	// Doorbell returns a channel that is closed after the next change of this
	// process or, at the latest, when the store notices another's.
	Doorbell() <-chan struct{}

	Close() error
}

// Reader reads one snapshot. Deleted objects (tombstones) are returned by Get
// and Changes, and left out by everything else unless asked for.
type Reader interface {
	Head() (Head, error)
	Get(Kind, Key) (Object, error) // NotFound
	GetAll(Kind, []Key) (map[Key]Object, error)
	List(Query) ([]Object, error)
	History(HistoryQuery) ([]*Message, error)

	// Changes returns the changes after a position, in order, at most limit,
	// and the position to go on from: that of the last one, or the head if
	// there are no more; of some kinds, or of all if none is named. Objects of
	// a secret kind are never among them.
	Changes(after Position, limit int, kinds ...Kind) ([]Change, Position, error)

	// Count counts what is there. It counts rows; nothing is kept in step.
	Count() (Totals, error)

	// Spans says from when to when there are messages in each of some rooms,
	// and, if asked to, counts them. Rooms without messages are left out.
	Spans(rooms []RoomID, count bool) (map[RoomID]Span, error)

	// Members counts the people in each of some rooms: who is there by two
	// identities (see Match) counts once. Rooms with nobody in are left out.
	Members(rooms []RoomID) (map[RoomID]int64, error)

	// Threads says what there is of replies to some messages, deleted ones left
	// out. Messages without replies are left out.
	Threads(roots []MessageID) (map[MessageID]Thread, error)

	// Sources names the sources that were imported from, the oldest first.
	Sources() ([]string, error)

	Follower
}

// Follower answers what those ask who follow a log.
type Follower interface {
	// Follows reports whether the log goes on from a cursor: whether what is
	// after its position now is all that its holder has not seen. It does not
	// after a database was set back, or was another one.
	Follows(Cursor) (bool, error)
	// Fresh is Changes without what a mover brought and nobody has changed
	// since; people, rooms, members, emoticons, settings and matches are among
	// it all the same. It costs nothing for what is left out.
	Fresh(after Position, limit int) ([]Change, Position, error)
	// Brought names rooms into whose history a mover has brought messages
	// between two positions, at most so many; or says that there are more.
	Brought(after, to Position, most int) (rooms []RoomID, all bool, err error)
	// Unread counts what a person has not read, in each of some rooms; rooms
	// without anything are left out. It counts rows, up to a bound.
	Unread(UnreadQuery) (map[RoomID]Unread, error)
}

// UnreadQuery asks for messages that were written here, by somebody else.
type UnreadQuery struct {
	Of    []UserID        // the identities of the one who reads
	After map[RoomID]Time // up to when each room was read
	Most  int             // messages that are counted in a room
}

// Unread is how much of a room somebody has not read.
type Unread struct {
	Messages int // replies left out that stand only in their threads
	Mentions int // of the person or of everybody, there too
}

// Thread is what there is of replies to a message.
type Thread struct {
	Count int64
	Last  Time                // when the newest was sent
	By    map[UserID]ThreadBy // those who wrote them
}

// ThreadBy is what one person wrote in a thread.
type ThreadBy struct {
	Count int64
	Last  Time
}

// Tx is a transaction that may write. What it has put is seen by its Get and
// List, and by no other method before the commit.
type Tx interface {
	Reader

	// Now is the log's clock: never before the last commit's.
	Now() Time
	// NewKey makes an ID from the same clock (see NewKey).
	NewKey() Key
	// Put makes the objects so. An object put again unchanged gets no position.
	Put(...Object) error
	// Once returns the message that author sent with the nonce before, or, if
	// there is none, remembers that it is id, and returns id.
	Once(author UserID, nonce string, id MessageID) (MessageID, error)
}

// Query asks for objects of one kind by what they are found by: every field
// of Index that is set must be equal, but Find, of which the words must occur.
// The result is ordered by key.
type Query struct {
	Kind   Kind
	Index  Index
	In     []Key // if it is not nil, Index.A must be one of them; without After and Limit
	After  Key   // only keys after it
	Before Key   // only keys before it
	Newest bool  // the last keys first; not in a transaction
	Limit  int   // 0 is all
	Gone   bool
}

// Span is what there is of a room's messages, deleted ones included in the
// times but not in the count.
type Span struct {
	First, Last Time
	Count       int64
}

// HistoryQuery asks for a page of a room in the order (Sent, ID). Exactly one
// of Before and After may be set; neither means the newest. The result is
// always oldest first. Deleted messages are among it, as tombstones; replies
// that are aside are not, unless a thread is asked for: then they alone are.
type HistoryQuery struct {
	Room   RoomID
	Thread MessageID // all replies to this message instead; Room does not count
	Before *Anchor
	After  *Anchor
	Limit  int
}

// Anchor is a place in a room's history. A zero ID with a time is before all
// messages of that time.
type Anchor struct {
	Sent Time
	ID   MessageID
}

// Totals are counts of a place.
type Totals struct {
	Kinds    map[Kind]int64 `json:"kinds"`    // objects that are not deleted
	Archived int64          `json:"archived"` // rooms among them that are archived
	Deleted  int64          `json:"deleted"`  // rooms among them that are deleted but can be restored
	Direct   int64          `json:"direct"`   // rooms among them that are 1-1 or group
	Off      int64          `json:"off"`      // users among them that are deactivated or placeholders
	Bytes    int64          `json:"bytes"`    // of contents, each hash once
	First    Time           `json:"first"`    // the oldest message
	Last     Time           `json:"last"`     // the newest message
	Database int64          `json:"database"` // bytes on disk
}

// Get reads the object of an ID. It fails with NotFound.
func Get[T any, P interface {
	*T
	Object
}](r Reader, id ID[T]) (P, error) {
	o, err := r.Get(P(new(T)).Kind(), Key(id))
	if err != nil {
		return nil, err
	}
	return o.(P), nil
}

// List reads the objects of a type that a query asks for; its Kind is set.
func List[T any, P interface {
	*T
	Object
}](r Reader, q Query) ([]P, error) {
	q.Kind = P(new(T)).Kind()
	list, err := r.List(q)
	out := make([]P, len(list))
	for i, o := range list {
		out[i] = o.(P)
	}
	return out, err
}

// Searcher finds messages by words. It is built behind the writes, by Index,
// and its failure never takes chat down.
type Searcher interface {
	// Search returns what matches and is visible, newest first.
	Search(ctx context.Context, q SearchQuery) ([]*Message, error)
	// Index indexes messages not yet indexed, at most limit, and reports how
	// many it did: zero means that all is searchable. One process does it at a
	// time; the others report zero.
	Index(ctx context.Context, limit int) (done int, err error)
	// Indexed reports how many messages are not yet searchable.
	Unindexed(ctx context.Context) (int64, error)
	// Reindex drops the index; Index builds it again.
	Reindex(ctx context.Context) error
}

// SearchQuery says what to search for. All that is set must hold.
type SearchQuery struct {
	Viewer  UserID   // only rooms that this user may read: open ones and those they are in
	Also    []UserID // other identities of the viewer (see Match)
	Guest   bool     // the viewer sees no open rooms but those they are in
	Terms   []string // from Terms(text, true); all must occur
	Prefix  bool     // the last term may be the beginning of a word
	Room    RoomID
	Author  UserID
	From    Time // not before
	Until   Time // before
	HasFile bool
	HasLink bool
	Older   *Anchor // only messages before it, to page on
	Limit   int
}
