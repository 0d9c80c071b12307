package main

import (
	"fmt"
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
