package chat

import (
	"context"
	"encoding/json"
	"time"
)

// Fence orders the movers of one move: an Apply with an older one is refused.
type Fence int64

// MoveSpec names a move into this place.
type MoveSpec struct {
	Name        string   // of the move: a-z 0-9 - _
	Source      string   // name of the source; IDs are derived from it
	Fingerprint []string // a few stable objects of the source, as "kind id created"
	Artefact    string   // identity of this very export: another one starts a new run
}

// MoveState is how far a move into this place has come.
type MoveState struct {
	MoveSpec
	Fence    Fence
	Run      int             // counts the runs of this name, from 1
	Cursor   string          // the source's words for how far it was read
	Done     bool            // the run has ended; Begin starts the next
	Start    Position        // of the log when the run began
	Started  Time            // when the run began
	Ended    Time            // when it was done
	Counts   Counts          // of the run
	Progress json.RawMessage // whatever the mover keeps with the cursor
}

// Count says what became of the records of one kind in a run.
type Count struct {
	Read         int64 `json:"read"`         // objects that the source gave
	Written      int64 `json:"written"`      // new or changed at the target
	Unchanged    int64 `json:"unchanged"`    // the target had them so
	Deduplicated int64 `json:"deduplicated"` // second copies
	Repaired     int64 `json:"repaired"`     // mended while read; counted in one of the others too
	Quarantined  int64 `json:"quarantined"`  // could not be understood; kept raw
	Skipped      int64 `json:"skipped"`      // left out, for a reason that is listed
	Conflict     int64 `json:"conflict"`     // changed at both ends; the target's state stays
}

// Counts are by kind.
type Counts map[Kind]Count

// Add adds other to c.
func (c Counts) Add(other Counts) {
	for k, o := range other {
		n := c[k]
		n.Read += o.Read
		n.Written += o.Written
		n.Unchanged += o.Unchanged
		n.Deduplicated += o.Deduplicated
		n.Repaired += o.Repaired
		n.Quarantined += o.Quarantined
		n.Skipped += o.Skipped
		n.Conflict += o.Conflict
		c[k] = n
	}
}

// Incoming is an object from a source.
type Incoming struct {
	Object Object
	// Copy says that this is a second copy of something whose first copy
	// decides: it is applied only if the object is not there yet.
	Copy bool
	// Copied says that a Copy of this may have come before: it may replace
	// what the same run wrote. Otherwise two states of one object in one run
	// are a conflict, and the first stays.
	Copied bool
	// Digest is the object's, where the source has made it already; 0 is not
	// known. It saves making it again.
	Digest uint64

	// What a mirror carries beside the object.
	Source string   // the source that it came from before, "" if it was made in a Godwit
	Src    uint64   // digest of the state that source had last
	Pos    Position // in the log that is mirrored
	Sealed []byte   // a secret object under the move's key, in Object's place
	Nonce  *Nonce   // a nonce, in Object's place
	Absent *Ref     // what the other place has not got, not even deleted, in Object's place: its row goes
}

// Ref names an object.
type Ref struct {
	Kind Kind `json:"kind"`
	Key  Key  `json:"key"`
}

// Nonce says that a message was sent with a nonce.
type Nonce struct {
	Author  UserID    `json:"author"`
	Nonce   string    `json:"nonce"`
	Message MessageID `json:"message"`
}

// NoteKind says what a note is about.
type NoteKind string

const (
	NoteQuarantine NoteKind = "quarantine" // a record that could not be understood, with its raw bytes
	NoteRepair     NoteKind = "repair"     // a record that was mended, with its raw bytes
	NoteSkip       NoteKind = "skip"       // a record left out
	NoteLoss       NoteKind = "loss"       // something that the target cannot hold
	NoteConflict   NoteKind = "conflict"   // changed at both ends
)

// Note is a line for the report that must not get lost.
type Note struct {
	Kind   NoteKind `json:"kind"`
	Object Kind     `json:"object"`
	Where  string   `json:"where"`         // path in the source and number of the record
	Reason string   `json:"reason"`        // for a person
	Raw    []byte   `json:"raw,omitempty"` // at most 64 KiB of it
	Run    int      `json:"run,omitempty"` // set by the store
}

// Batch is what a mover applies at once.
type Batch struct {
	Move     string
	Fence    Fence
	From, To string // cursor before and after; From must be what the place has
	Items    []Incoming
	Notes    []Note
	Counts   Counts // what the mover counted itself: read, deduplicated, repaired, quarantined, skipped
	Progress json.RawMessage
	Done     bool // the last batch of the run
	// Mend says that the batch repairs what a verify found damaged: an object
	// whose row no longer fits its own stored digest is written again, though
	// the source's state is the one applied last.
	Mend bool
	// Mirror says that the place becomes what the other one of its Pair is:
	// every object is made so, with the source and the digest of that source's
	// last state that it has there, deletions too, and whatever is here gives
	// way. It fails with Conflict unless the place is in the pair of this move,
	// and the turn is not its own.
	Mirror bool
	// Prepared is what a target made of the items before the batch's turn.
	Prepared any
}

// Applied says what became of a batch. Its counts and conflicts are stored
// with it.
type Applied struct {
	Counts    Counts // written, unchanged, deduplicated, conflict
	Conflicts []Note
	Pos       Position
	Held      time.Duration // for so long nobody else could write
	Shared    bool          // others wrote here lately: they had to wait so long
}

// Mover is the store's side of moves into this place.
type Mover interface {
	// Begin starts a run of a move, or goes on with one that has not ended and
	// is of the same artefact. The fence is new: an older mover's Apply is
	// refused with Conflict from now on. A source whose fingerprint does not
	// fit the one stored under its name is refused with Conflict.
	Begin(ctx context.Context, spec MoveSpec) (MoveState, error)

	// Apply makes a batch so, all or none, together with cursor, counts and
	// notes. For each object: not there: written. The source's state is the one
	// applied last: unchanged, whatever people did to it here since. Otherwise
	// written, if it was not changed here; else a conflict, and what is here
	// stays. A deletion or deactivation made here always stays.
	// It fails with Conflict if the fence is old or From is not the cursor.
	Apply(ctx context.Context, b Batch) (Applied, error)

	// Move reads the state of a move. It fails with NotFound.
	Move(ctx context.Context, name string) (MoveState, error)
	// Moves lists all moves, newest first.
	Moves(ctx context.Context) ([]MoveState, error)
	// Notes pages through the notes of a move's last run, in order, after a
	// number (0 at first); it returns the number to go on after, 0 at the end.
	Notes(ctx context.Context, name string, after int64, limit int) ([]Note, int64, error)

	// Tally adds up what came from a source and is still as it came or was
	// changed here since (then what came counts). L1 uses stored digests; from
	// L2 on the digest of every unchanged object is recomputed from its row.
	Tally(ctx context.Context, q TallyQuery) (Inventory, error)

	// MissingFiles lists files of a source of which no content is here, in the
	// order of their keys.
	MissingFiles(ctx context.Context, source string, after Key, limit int) ([]*File, error)

	// Join makes those who wrote in a source's open rooms since its last run
	// began members of them, where the source does not say who was in a room
	// (administrators of the room aside). Who has left stays out. It reports how
	// many it added; again adds none.
	Join(ctx context.Context, source string) (int64, error)
}

// Exporter is the store's side of moves out of this place.
type Exporter interface {
	// Export returns what changed after a position, in order, at most about
	// limit, and the position to go on from; done says that this was the head
	// when it was read. All that was read up to a page that is done, each later
	// state over an earlier one, is the place as it was at that moment.
	// Secrets and nonces are among it; kinds that are not Mirrored are not.
	Export(ctx context.Context, after Position, limit int) (list []Incoming, next Position, done bool, err error)

	// Stand says how some objects are just now: the digest of each, made from
	// its row, and its position. What is not there has none.
	Stand(ctx context.Context, kind Kind, keys []Key) (map[Key]Stand, error)
}

// Stand is how an object is.
type Stand struct {
	Digest uint64   `json:"digest"`
	Pos    Position `json:"pos"`
}

// Level says how thoroughly to compare.
type Level int

const (
	L1 Level = 1 // stored digests
	L2 Level = 2 // digests recomputed from rows
	L3 Level = 3 // and the bytes of files
)

// Tally adds up objects in any order: equal tallies mean equal objects.
type Tally struct {
	Count int64  `json:"count"`
	Low   uint64 `json:"low"`  // sum of the lower halves of the digests
	High  uint64 `json:"high"` // sum of the upper halves
}

// Add counts one object.
func (t *Tally) Add(digest uint64) {
	t.Count++
	t.Low += digest & 0xffffffff
	t.High += digest >> 32
}

// Merge adds another tally.
func (t *Tally) Merge(o Tally) {
	t.Count += o.Count
	t.Low += o.Low
	t.High += o.High
}

// TallyQuery asks for an inventory.
type TallyQuery struct {
	Source string
	Level  Level
	Days   []RoomID  // also by day, for these rooms
	Lists  []RoomDay // also the messages one by one, for these
	Kinds  []Kind    // also the objects one by one, for these kinds; not messages

	// Mirror asks for all that is here whatever its source (Source is ignored),
	// as it is now, but what is the place's own (Pair.Own), secrets, and kinds
	// that are not Mirrored. Read marks are added up too.
	Mirror bool
	// Part narrows a Mirror, so that a large place is gone through bit by bit.
	Part *TallyPart
	// Keyed makes digests of secrets that say nothing to who has not got a key:
	// with it, secrets are added up too.
	Keyed func(Object) uint64 `json:"-"`
}

// TallyPart is a part of a place. Days, Lists and Kinds of the query are
// answered whatever the part is.
type TallyPart struct {
	Rooms       bool   // messages are added up, of the rooms
	From, Until RoomID // whose ID is not before From, and before Until if that is not zero
	Kinds       []Kind // these kinds of other objects are added up, and no others; secrets too
}

// RoomDay is one day of a room.
type RoomDay struct {
	Room RoomID `json:"room"`
	Day  Day    `json:"day"`
}

// Inventory is what a source holds, or what a target holds of it.
type Inventory struct {
	Kinds map[Kind]Tally            `json:"kinds"` // all kinds with digests but messages
	Rooms map[RoomID]Tally          `json:"rooms"` // messages
	Days  map[RoomID]map[Day]Tally  `json:"days,omitempty"`
	Lists map[RoomID]map[Key]uint64 `json:"lists,omitempty"`
	Each  map[Kind]map[Key]uint64   `json:"each,omitempty"`
	Since int64                     `json:"since,omitempty"` // objects changed at the target since they came
	Raw   map[string]int64          `json:"raw,omitempty"`   // source only: records by type, counted by a scanner that does not decode them
	Bad   []string                  `json:"bad,omitempty"`   // L3: contents whose bytes are missing or differ
	At    Cursor                    `json:"at,omitzero"`     // Mirror only: the head of the one snapshot that was added up
}
