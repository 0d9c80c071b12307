package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// leastPriority is the priority of a mover among people, the lowest: what a
// server on the same machine leaves of the processors is enough for it.
const leastPriority = 19

// stepBack gives way to all other programs of this machine. A priority belongs
// to a thread, and a new thread gets that of the one that makes it: it looks
// again until there was no new one.
func stepBack() {
	for again := true; again; {
		again = false
		threads, _ := os.ReadDir("/proc/self/task")
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if now, e := unix.Getpriority(unix.PRIO_PROCESS, id); err == nil && e == nil && 20-now < leastPriority {
				again = unix.Setpriority(unix.PRIO_PROCESS, id, leastPriority) == nil || again
			}
		}
		if len(threads) == 0 { // elsewhere than on Linux it belongs to the process
			_ = unix.Setpriority(unix.PRIO_PROCESS, 0, leastPriority) // it only makes others slower
		}
	}
}
