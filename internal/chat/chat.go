// Package chat holds the domain: its types, its rules, and the change log
// that records everything that happens.
//
// Everything that happens is a change: the new state of one object. Edits and
// deletions are states too, so applying a change twice is the same as once.
package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Position numbers a change. Later changes have higher positions. A change
// that is the last state of an object keeps its position until the next one.
type Position int64

// Time is a moment in microseconds since 1970 UTC. Zero means not known.
type Time int64

// TimeOf returns t in microseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Std returns t as the standard library's time, in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Day numbers the days since 1970-01-01 UTC.
type Day int32

const dayLength = Time(24 * time.Hour / time.Microsecond)

// Day returns the day that t is in. Times before 1970 belong to day 0 or
// earlier, rounded towards day 0, as both databases divide.
func (t Time) Day() Day { return Day(t / dayLength) }

// Start returns the first moment of the day.
func (d Day) Start() Time { return Time(d) * dayLength }

// String returns the day as YYYY-MM-DD.
func (d Day) String() string { return d.Start().Std().Format(time.DateOnly) }

// Key is an ID whose type of object is known from elsewhere.
type Key [16]byte

// IsZero reports whether the key names nothing.
func (k Key) IsZero() bool { return k == Key{} }

// String returns the key in the form of a UUID.
func (k Key) String() string {
	var b [36]byte
	encodeUUID(b[:], k)
	return string(b[:])
}

// MarshalText returns the key in the form of a UUID.
func (k Key) MarshalText() ([]byte, error) {
	b := make([]byte, 36)
	encodeUUID(b, k)
	return b, nil
}

// UnmarshalText reads the form of a UUID. It fails with Invalid.
func (k *Key) UnmarshalText(b []byte) error { return decodeUUID((*[16]byte)(k), b) }

// ID is the identity of one T: a UUID. An imported object's is derived from
// where it came from (see DeriveKey); a new object's is made by the server.
type ID[T any] [16]byte

// IsZero reports whether the ID names nothing.
func (id ID[T]) IsZero() bool { return id == ID[T]{} }

// Key returns the ID without its type.
func (id ID[T]) Key() Key { return Key(id) }

// String returns the ID in the form of a UUID.
func (id ID[T]) String() string { return Key(id).String() }

// MarshalText returns the ID in the form of a UUID.
func (id ID[T]) MarshalText() ([]byte, error) { return Key(id).MarshalText() }

// UnmarshalText reads the form of a UUID. It fails with Invalid.
func (id *ID[T]) UnmarshalText(b []byte) error { return decodeUUID((*[16]byte)(id), b) }

// ParseID reads the form of a UUID. It fails with Invalid.
func ParseID[T any](s string) (id ID[T], err error) { return id, id.UnmarshalText([]byte(s)) }

// ParseKey reads the form of a UUID. It fails with Invalid.
func ParseKey(s string) (k Key, err error) { return k, k.UnmarshalText([]byte(s)) }

func encodeUUID(dst []byte, k [16]byte) {
	hex.Encode(dst, k[:4])
	dst[8] = '-'
	hex.Encode(dst[9:], k[4:6])
	dst[13] = '-'
	hex.Encode(dst[14:], k[6:8])
	dst[18] = '-'
	hex.Encode(dst[19:], k[8:10])
	dst[23] = '-'
	hex.Encode(dst[24:], k[10:])
}

func decodeUUID(k *[16]byte, b []byte) error {
	var digits [32]byte
	n := 0
	if len(b) == 36 {
		for i, c := range b {
			dash := i == 8 || i == 13 || i == 18 || i == 23
			if dash != (c == '-') {
				break
			}
			if !dash {
				digits[n] = c
				n++
			}
		}
	}
	if n == 32 {
		var out [16]byte
		if _, err := hex.Decode(out[:], digits[:]); err == nil {
			*k = out
			return nil
		}
	}
	return Errorf(Invalid, "%q is not an ID", b)
}

// DeriveKey makes the ID of an imported object from where it came from: the
// name of its source, its kind there, and what names it there. The same
// object always gets the same ID, so that importing it again finds it. The
// result is a UUID of version 8 (RFC 9562 section 5.8): 48 bits of at in
// milliseconds, floored to the second because exports of one server differ
// below that, and then 74 bits of a SHA-256. Objects without a time of their
// own pass zero. Parts may hold any bytes; their lengths are hashed with them.
func DeriveKey(at Time, source, kind string, native ...string) Key {
	buf := make([]byte, 0, 128)
	buf = appendString(buf, source)
	buf = appendString(buf, kind)
	for _, part := range native {
		buf = appendString(buf, part)
	}
	sum := sha256.Sum256(buf)
	var k Key
	copy(k[6:], sum[:10])
	ms := int64(max(at, 0)) / 1_000_000 * 1000
	putMillis(&k, ms)
	k[6] = k[6]&0x0f | 0x80
	k[8] = k[8]&0x3f | 0x80
	return k
}

// NewKey makes the ID of a new object: a UUID of version 7 (RFC 9562 section
// 5.7) of the moment now, with the given random bytes. The store calls it
// under its lock with a clock that never goes back.
func NewKey(now Time, random [10]byte) Key {
	var k Key
	copy(k[6:], random[:])
	putMillis(&k, int64(now)/1000)
	k[6] = k[6]&0x0f | 0x70
	k[8] = k[8]&0x3f | 0x80
	return k
}

func putMillis(k *Key, ms int64) {
	for i := range 6 {
		k[i] = byte(ms >> (8 * (5 - i)))
	}
}

func appendString(buf []byte, s string) []byte {
	n := uint32(len(s))
	buf = append(buf, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(buf, s...)
}

// A Change is the new state of one object, at the position it was written.
type Change struct {
	Pos    Position
	Object Object
}

func (c Change) String() string {
	return fmt.Sprintf("%d %s %s", c.Pos, c.Object.Kind(), c.Object.Key())
}
