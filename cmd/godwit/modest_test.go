package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

const stepsBack = "GODWIT_TEST_STEPS_BACK"

// TestAMoverAmongPeopleGivesWayWithAllItsThreads runs itself once more: what
// has stepped back cannot come forward again.
func TestAMoverAmongPeopleGivesWayWithAllItsThreads(t *testing.T) {
	if os.Getenv(stepsBack) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), stepsBack+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	stepBack()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("there are no threads to look at: ", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		// The system call answers 20 minus the priority.
		if got, err := unix.Getpriority(unix.PRIO_PROCESS, id); err != nil || 20-got != leastPriority {
			t.Error(fmt.Sprint("thread ", id, " has the priority "), 20-got, err)
		}
	}
}
