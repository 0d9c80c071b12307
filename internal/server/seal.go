package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/godwit-chat/godwit/internal/chat"
)

// KeyLength is how long the key is that secrets are sealed with, in bytes.
const KeyLength = 32

// sealed is what every sealed text begins with.
const sealed = "v1."

// sealer seals with AES-256-GCM, under a key of its own for each purpose, so
// that what was sealed for one cannot be put in the place of another.
type sealer struct{ key []byte }

// NewSealer makes a sealer of a key. It fails with Invalid if the key is not
// KeyLength bytes.
func NewSealer(key []byte) (chat.Sealer, error) {
	if len(key) != KeyLength {
		return nil, chat.Errorf(chat.Invalid, "the key has %d bytes; it must have %d", len(key), KeyLength)
	}
	return sealer{key}, nil
}

func (s sealer) aead(purpose string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, s.key, nil, "godwit seal "+purpose, KeyLength)
	if err != nil {
		panic(err) // the length is one that HKDF can make
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is one of AES
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return gcm
}

// Seal returns the sealed form of plain.
func (s sealer) Seal(plain []byte, purpose string) string {
	return sealed + base64.RawURLEncoding.EncodeToString(s.aead(purpose).Seal(nil, nil, plain, nil))
}

// Open returns what was sealed. It fails with Damaged.
func (s sealer) Open(text, purpose string) ([]byte, error) {
	if len(text) > len(sealed) && text[:len(sealed)] == sealed {
		if b, err := base64.RawURLEncoding.DecodeString(text[len(sealed):]); err == nil {
			if plain, err := s.aead(purpose).Open(nil, nil, b, nil); err == nil {
				return plain, nil
			}
		}
	}
	return nil, chat.Errorf(chat.Damaged, "a secret cannot be opened: it was sealed with another key, or changed").
		WithHint("start the server with the key file that it had before")
}

// KeyPrint is what a key is known by where it must not be found out.
func KeyPrint(key []byte) string {
	b, err := hkdf.Key(sha256.New, key, nil, "godwit key print", 16)
	if err != nil {
		panic(err) // the length is one that HKDF can make
	}
	return hex.EncodeToString(b)
}

// NewKey makes a key for NewSealer.
func NewKey() []byte {
	key := make([]byte, KeyLength)
	rand.Read(key) //nolint:errcheck // never fails
	return key
}

// ParseKey reads a key as it stands in a key file: base64, with or without
// padding. It fails with Invalid.
func ParseKey(text string) ([]byte, error) {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := enc.DecodeString(text); err == nil && len(key) == KeyLength {
			return key, nil
		}
	}
	return nil, chat.Errorf(chat.Invalid, "this is no key: it is %d bytes in base64", KeyLength).WithHint("make one with: openssl rand -base64 32")
}

// FormatKey writes what ParseKey reads.
func FormatKey(key []byte) string { return fmt.Sprintln(base64.StdEncoding.EncodeToString(key)) }
