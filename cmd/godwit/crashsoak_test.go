//go:build soak

package main

import "slices"

// crashes are all steps, with each of the three killed, both databases in
// turn.
func crashes() (list []crash) {
	presync := []string{"before pairing", "offered", "answered", "paired", "before apply", "after apply", "presynced", "round"}
	handing := []string{"before freeze", "frozen", "delta done", "before retire", "retired", "opened", "passed"}
	for _, command := range []string{"sync", "cutover", "rollback"} {
		steps := handing
		if command == "sync" {
			steps = presync
		}
		for _, step := range steps {
			for _, victim := range []string{"source", "mover", "target"} {
				places := [][2]string{{"sqlite", "sqlite"}, {"sqlite", "postgres"}, {"postgres", "sqlite"}}
				at := places[len(list)%len(places)]
				list = append(list, crash{at[0], at[1], command, trap{step, "kill", victim}})
			}
		}
	}
	return slices.Clip(list)
}
