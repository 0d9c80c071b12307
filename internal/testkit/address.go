package testkit

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// FreeAddress returns an address of this machine that nobody listens at. Its
// port is below those that systems give to connections by themselves, which
// other tests make all the time: so nobody takes it before it is used.
func FreeAddress() (string, error) {
	var wrong error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(15_000+rand.IntN(15_000))) //nolint:gosec // nobody gains by guessing
		l, err := net.Listen("tcp", address)
		if err == nil {
			return address, l.Close()
		}
		wrong = errors.Join(wrong, err)
	}
	return "", wrong
}
