package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/semaphore"

	"github.com/godwit-chat/godwit/internal/chat"
)

// NewService makes the rules of a place, with passwords kept by argon2id.
func NewService(store chat.Store) *chat.Service {
	p := passwords{semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0)))}
	return &chat.Service{Store: store, Hash: p.hash, Check: p.check, Codes: codes{}}
}

// passwords hashes few at a time: each takes 19 MiB and a processor.
type passwords struct{ few *semaphore.Weighted }

// The cost that OWASP gives for argon2id.
const (
	argonTime   = 2
	argonMemory = 19 << 10 // KiB
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
	// mostMemory and mostTime bound what hashes from elsewhere may ask for.
	mostMemory = 256 << 10
	mostTime   = 16
)

func (p passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.few.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer p.few.Release(1)
	var salt [argonSalt]byte
	rand.Read(salt[:]) //nolint:errcheck // never fails
	key := argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonLanes, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, b64.EncodeToString(salt[:]), b64.EncodeToString(key)), nil
}

// check reports whether a password fits. Nobody's, the empty stored form,
// takes the time of somebody's.
func (p passwords) check(ctx context.Context, stored, password string) (bool, error) {
	if err := p.few.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer p.few.Release(1)
	if stored == "" {
		argon2.IDKey([]byte(password), make([]byte, argonSalt), argonTime, argonMemory, argonLanes, argonKey)
		return false, nil
	}
	if strings.HasPrefix(stored, "$2") { // bcrypt, from other services
		err := bcrypt.CompareHashAndPassword([]byte(stored), []byte(password))
		if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) || errors.Is(err, bcrypt.ErrPasswordTooLong) {
			return false, nil
		}
		return err == nil, err
	}
	var version, memory, time int
	var lanes uint8
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, chat.Errorf(chat.Damaged, "a stored password is in a form that is not known")
	}
	_, err1 := fmt.Sscanf(parts[2], "v=%d", &version)
	_, err2 := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes)
	salt, err3 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err4 := base64.RawStdEncoding.DecodeString(parts[5])
	err := errors.Join(err1, err2, err3, err4)
	if err != nil || version != argon2.Version || memory < 8 || memory > mostMemory || time < 1 || time > mostTime || lanes < 1 || len(want) < 16 {
		return false, chat.Errorf(chat.Damaged, "a stored password cannot be read: %w", err)
	}
	got := argon2.IDKey([]byte(password), salt, uint32(time), uint32(memory), lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
