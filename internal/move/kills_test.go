//go:build !soak

package move_test

const killRounds = 5

// everyKill says whether a mover is killed at each step with and without its
// directory, or, to be quick, with it at one and without it at the next.
const everyKill = false
