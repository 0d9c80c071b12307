//go:build !soak

package main

// crashes are those around the point of no return; `make soak` has all.
func crashes() []crash {
	return []crash{
		{"sqlite", "sqlite", "cutover", trap{"before retire", "kill", "source"}},
		{"sqlite", "postgres", "cutover", trap{"retired", "kill", "mover"}},
		{"postgres", "sqlite", "rollback", trap{"retired", "kill", "target"}},
	}
}
