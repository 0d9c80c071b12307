package main

import (
	"os"
	"strings"
	"syscall"
)

// armed is the program with a trap: GODWIT_TRAP=STEP:SIGNAL:FILE sends a signal
// to the process whose number is in the file, or to itself if that is empty,
// when a move comes to the step first. The file is removed then, so that a
// trap springs once.
func armed() {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if trap := strings.SplitN(os.Getenv("GODWIT_TRAP"), ":", 3); len(trap) == 3 {
		a.step = func(name string) error {
			if name == trap[0] {
				spring(trap[1], trap[2])
			}
			return nil
		}
	}
	os.Exit(a.run(os.Args[1:]))
}

func spring(signal, file string) {
	data, err := os.ReadFile(file) //nolint:gosec // the test's own
	if err != nil || os.Remove(file) != nil {
		return // it has sprung
	}
	pid := os.Getpid()
	if text := strings.TrimSpace(string(data)); text != "" {
		pid = pidOf(text)
	}
	_ = syscall.Kill(pid, map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP}[signal])
	if pid == os.Getpid() {
		select {} // until the signal is there
	}
}
