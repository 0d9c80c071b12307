package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// inbound is the move into the place that follows: the only way by which
// anything of a flight is written there. Its methods may be called at once.
type inbound struct {
	mu     sync.Mutex
	name   string
	to     connect.Party
	state  chat.MoveState
	kept   kept
	cursor chat.Cursor // of state, read
}

// kept is what a flight keeps at the place that follows, with the cursor.
// Report is for that place's console.
type kept struct {
	Version int  `json:"version"`
	Passed  bool `json:"passed"` // the source was read to its end once
	// Mark is a place in this place's own log before which all has come from
	// the other one, if that one gives the turn away as Turn.
	Mark   string    `json:"mark,omitempty"`
	Turn   chat.Turn `json:"turn,omitempty"`
	Report *Report   `json:"report,omitempty"`
}

// begin takes the place for this mover: every other one is refused from now on.
func (in *inbound) begin(ctx context.Context, name string, w way) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	log := w.writer.at.LogID.String()
	st, err := w.follower.party.Begin(ctx, chat.MoveSpec{Name: name, Source: "place " + log, Artefact: log})
	if err != nil {
		return err
	}
	in.name, in.to, in.state, in.kept = name, w.follower.party, st, kept{Version: journalVersion}
	if len(st.Progress) > 0 && st.Cursor != "" {
		if err := json.Unmarshal(st.Progress, &in.kept); err != nil {
			return chat.Errorf(chat.Damaged, "what the move %s keeps at the place %q cannot be read: %w", name, w.follower.name, err).
				WithHint("a newer version of Godwit may have written it; use that version")
		}
		if err := knownVersion(in.kept.Version, "what the move keeps at the place "+w.follower.name); err != nil {
			return err
		}
	}
	in.kept.Version = journalVersion
	in.cursor, err = chat.ParseCursor(st.Cursor)
	return err
}

// apply makes a batch so, with the cursor.
func (in *inbound) apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	progress, err := json.Marshal(in.kept)
	if err != nil {
		return chat.Applied{}, err
	}
	b.Move, b.Fence, b.From, b.Progress, b.Mirror = in.name, in.state.Fence, in.state.Cursor, progress, true
	if b.To == "" {
		b.To = b.From
	}
	to, err := chat.ParseCursor(b.To)
	if err != nil {
		return chat.Applied{}, err
	}
	// A batch whose turn has come is finished: half of it does not exist.
	ctx, cancel := graceful(ctx)
	defer cancel()
	applied, err := in.to.Apply(ctx, b)
	if err != nil {
		return applied, in.refused(err)
	}
	in.state.Cursor, in.cursor = b.To, to
	counts := maps.Clone(in.state.Counts)
	if counts == nil {
		counts = chat.Counts{}
	}
	counts.Add(b.Counts)
	counts.Add(applied.Counts)
	in.state.Counts = counts
	return applied, nil
}

// errTaken says that this mover was replaced.
var errTaken = errors.New("another mover has taken over")

func (in *inbound) refused(err error) error {
	if !chat.IsKind(err, chat.Conflict) {
		return err
	}
	return fmt.Errorf("%w: %w", errTaken, err)
}

func (in *inbound) at() chat.Cursor {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.cursor
}

func (in *inbound) words() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.state.Cursor
}

func (in *inbound) counts() chat.Counts {
	in.mu.Lock()
	defer in.mu.Unlock()
	return maps.Clone(in.state.Counts)
}

func (in *inbound) edit(fn func(*kept)) {
	in.mu.Lock()
	defer in.mu.Unlock()
	fn(&in.kept)
}

func (in *inbound) keeps() kept {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.kept
}

// mark notes, at the place that follows, where its own log is before the turn
// passes to it: what comes after that is what the other place will have to
// take. It may be noted too early, never too late.
func (f *Flight) mark(ctx context.Context) error {
	at, err := f.way.follower.party.Standing(ctx)
	if err != nil {
		return err
	}
	f.in.edit(func(k *kept) {
		k.Mark, k.Turn = chat.Cursor{LogID: at.LogID, Epoch: at.Epoch, Pos: at.Pos}.String(), f.way.turn+1
	})
	_, err = f.in.apply(ctx, chat.Batch{})
	return err
}

// skip lets the place that gave the turn away begin where the other one began
// to write: all before came from itself.
func (f *Flight) skip(ctx context.Context) error {
	if f.way.turn == 0 {
		return nil
	}
	st, err := f.way.writer.party.Move(ctx, f.Name)
	if err != nil {
		if chat.IsKind(err, chat.NotFound) {
			return nil
		}
		return err
	}
	var k kept
	if len(st.Progress) == 0 {
		return nil
	}
	if err := json.Unmarshal(st.Progress, &k); err != nil {
		return chat.Errorf(chat.Damaged, "what the move %s keeps at the place %q cannot be read: %w", f.Name, f.way.writer.name, err)
	}
	if err := knownVersion(k.Version, "what the move keeps at the place "+f.way.writer.name); err != nil {
		return err
	}
	mark, err := chat.ParseCursor(k.Mark)
	now := f.in.at()
	if err != nil || k.Turn != f.way.turn || mark.LogID != f.way.writer.at.LogID || now.LogID == mark.LogID && now.Pos >= mark.Pos {
		return err
	}
	f.in.edit(func(k *kept) { k.Passed = true })
	_, err = f.in.apply(ctx, chat.Batch{To: k.Mark})
	return err
}
