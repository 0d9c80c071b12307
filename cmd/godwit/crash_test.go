package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// A crash is a place and a moment at which a move is interrupted.
type crash struct {
	from, to string // databases
	command  string // that is on its way: sync, cutover or rollback
	trap
}

func (c crash) String() string {
	return fmt.Sprintf("%s to %s, %s of the %s at %q of %s", c.from, c.to, c.signal, c.victim, c.step, c.command)
}

// Whatever is killed at whatever step, while people write: the same line again
// goes on, nothing is lost or doubled, and one place takes writes.
func TestAMoveSurvivesWhateverIsKilled(t *testing.T) {
	for _, c := range crashes() {
		t.Run(c.String(), func(t *testing.T) {
			f := newFleet(t, c.from, c.to, few)
			f.people(100 * time.Millisecond)
			open, other := f.from, f.to
			for _, command := range []string{"sync", "cutover", "rollback"} {
				args := []string{command, "crossing"}
				if command == "sync" {
					args = []string{"sync", f.from.address, f.to.address, "--name=crossing", "--once"}
				}
				tr := trap{}
				if c.command == command {
					tr = c.trap
				}
				code, out := f.mover(tr, args...)
				if tr.step != "" && !f.sprung() {
					t.Fatalf("the move never came to %q:\n%s", tr.step, out)
				}
				for try := 0; code != exitOK; try++ {
					if try == 3 {
						t.Fatalf("%s ended with %d:\n%s", command, code, out)
					}
					if command != "sync" && other.state() == chat.Open {
						break // it was done, and the answer was lost
					}
					code, out = f.mover(trap{}, args...)
				}
				if command != "sync" {
					open, other = other, open
				}
				if command == c.command && command != "sync" {
					break
				}
			}
			f.whole(open, other)
		})
	}
}

// The old place is not bound for ever to a new one that is gone.
func TestAMoveIsGivenUpWhenTheNewPlaceIsGone(t *testing.T) {
	f := newFleet(t, "sqlite", "sqlite", few)
	if code, out := f.mover(trap{}, "sync", f.from.address, f.to.address, "--name=crossing", "--once"); code != exitOK {
		t.Fatal(out)
	}
	for range 2 { // again does nothing
		if code, out := f.mover(trap{}, "abort", "crossing", "--target-is-gone"); code != exitOK {
			t.Fatal(out)
		}
	}
	if s := f.from.state(); s != chat.Open {
		t.Errorf("the old place is %s", s)
	}
	third := f.ship("third", "sqlite")
	third.start()
	third.token = strings.TrimSpace(f.run(append([]string{"admin", "token", "--for=move"}, third.at...)...))
	f.to = third
	if code, out := f.mover(trap{}, "sync", f.from.address, third.address, "--name=again", "--once"); code != exitOK {
		t.Error(out)
	}
}
