package chat

import (
	"errors"
	"fmt"
)

// ErrorKind says what a caller can do about an error. HTTP statuses and exit
// codes are looked up by it, each in one table.
type ErrorKind uint8

const (
	Internal    ErrorKind = iota // a bug or a broken machine: tell the operator
	Invalid                      // the request or the input makes no sense: mend it
	Unknown                      // nobody is signed in, or the secret is wrong
	Denied                       // the actor may not: ask someone who may
	NotFound                     // there is no such thing, or the actor may not know of it
	Conflict                     // it changed meanwhile, or someone else is at it: look again
	Unavailable                  // writes are paused, or a part is out of reach: try again later
	TooMany                      // a limit was reached: wait
	Damaged                      // stored or imported data is broken
	Full                         // no space is left
)

var errorKinds = [...]string{"internal", "invalid", "unknown", "denied", "not-found", "conflict", "unavailable", "too-many", "damaged", "full"}

func (k ErrorKind) String() string { return errorKinds[k] }

// Error is an error meant for a person.
type Error struct {
	Kind ErrorKind
	Text string // what happened, to what
	Hint string // what to do next; may be empty
	Err  error  // the cause, if there is one; not shown by Text
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// WithHint sets what the person can do next and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Closed is the cause of an error that says that nothing can be written now.
// Whoever has to hold a request, or to relay it, tells by it.
type Closed struct {
	State State
	Lease Time // until when it is Frozen, by the database's clock
}

func (c *Closed) Error() string { return "the place is " + string(c.State) }

// Errorf makes an error of a kind. A %w verb keeps the cause.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Text: err.Error(), Err: errors.Unwrap(err)}
}

// KindOf returns the kind of the first chat.Error in err's chain; Internal if
// there is none.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// IsKind reports whether err is an error of a kind. One without a kind is
// Internal.
func IsKind(err error, kind ErrorKind) bool { return err != nil && KindOf(err) == kind }
