package move

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	journalFile = "journal.json"
	// journalVersion is of what a flight keeps, in its directory and at the
	// place that follows. A newer one is refused: who does not know what it
	// says must not go on.
	journalVersion = 1
)

// flightJournal is what a mover keeps in its directory. None of it decides
// which place takes writes: that is with the places. It may be lost.
type flightJournal struct {
	Version   int               `json:"version"`
	Move      string            `json:"move"`
	Started   time.Time         `json:"started"`
	Begun     bool              `json:"begun,omitempty"` // the places were paired
	Turn      chat.Turn         `json:"turn"`            // that this mover knows of
	Passed    time.Time         `json:"passed,omitzero"` // when it began
	Orders    map[string]int64  `json:"orders"`          // by place: up to which number they were begun
	Knobs     map[string]string `json:"knobs,omitempty"` // that were set by order
	Paused    bool              `json:"paused,omitempty"`
	SignedOff string            `json:"signed_off,omitempty"`
	Planned   *Planned          `json:"planned,omitempty"` // a cutover that waits
	Pauses    []Pause           `json:"pauses,omitempty"`
	Intent    string            `json:"intent,omitempty"` // what is about to be done
	Clean     *checked          `json:"clean,omitempty"`  // the last round that found nothing
	Round     *checked          `json:"round,omitempty"`  // the one that runs, and has repaired nothing
	Rehearsed *Rehearsal        `json:"rehearsed,omitempty"`
}

// flightLog keeps the journal.
type flightLog struct {
	mu  sync.Mutex
	dir string
	now flightJournal
}

// openFlightLog reads the journal. It fails with Invalid if a newer version
// wrote it.
func openFlightLog(dir, name string) (*flightLog, error) {
	l := &flightLog{dir: dir, now: flightJournal{Version: journalVersion, Move: name, Started: time.Now().UTC(), Orders: map[string]int64{}}}
	if dir == "" {
		return l, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(dir, journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, chat.Errorf(chat.Damaged, "%s cannot be read: %w", filepath.Join(dir, journalFile), err).
			WithHint("remove it: the mover goes on from what the two places say")
	}
	if err := knownVersion(version.Version, filepath.Join(dir, journalFile)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &l.now); err != nil {
		return nil, chat.Errorf(chat.Damaged, "%s cannot be read: %w", filepath.Join(dir, journalFile), err).
			WithHint("remove it: the mover goes on from what the two places say")
	}
	if l.now.Orders == nil {
		l.now.Orders = map[string]int64{}
	}
	return l, nil
}

func knownVersion(version int, what string) error {
	if version <= journalVersion {
		return nil
	}
	return chat.Errorf(chat.Invalid, "%s is of version %d, and this Godwit knows up to %d", what, version, journalVersion).
		WithHint("a newer Godwit began this move: go on with that one")
}

// edit changes the journal, durably.
func (l *flightLog) edit(fn func(*flightJournal)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn(&l.now)
	if l.dir == "" {
		return nil
	}
	data, err := json.MarshalIndent(l.now, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(l.dir, journalFile), data)
}

func (l *flightLog) read() flightJournal {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// checked is how far a round of the verification has come.
type checked struct {
	Began time.Time   `json:"began"`
	Turn  chat.Turn   `json:"turn"`
	From  string      `json:"from"` // what came after this cursor it may not have seen
	Level chat.Level  `json:"level"`
	Next  chat.RoomID `json:"next,omitzero"` // the first room that is not compared yet
}
