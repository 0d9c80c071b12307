//go:build soak

package move_test

const killRounds = 100

const everyKill = true
