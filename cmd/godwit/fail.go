package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// The exit codes of all commands; help/godwit.txt lists them for people.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitLosses      = 3
	exitInterrupted = 130
)

var outcomeCodes = map[move.Outcome]int{
	move.Failed: exitFailed,
	move.Whole:  exitOK,
	move.Losses: exitLosses,
}

// finished is the error of a command that did what it was asked to, and has
// an exit code of its own.
type finished struct{ code int }

func (f finished) Error() string { return fmt.Sprintf("exit %d", f.code) }

// reported is an error whose JSON was printed already, with a result.
type reported struct{ error }

// Unwrap returns the error itself.
func (r reported) Unwrap() error { return r.error }

// fail says what went wrong, and returns the exit code.
func (a *app) fail(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if f, ok := errors.AsType[finished](err); ok {
		return f.code
	}
	text, hint := err.Error(), ""
	if e, ok := errors.AsType[*chat.Error](err); ok {
		hint = e.Hint
	}
	_, printed := errors.AsType[reported](err)
	if a.json && !printed {
		_ = writeJSON(a.out, map[string]any{"error": map[string]string{"kind": chat.KindOf(err).String(), "text": text, "hint": hint}})
	}
	fmt.Fprintln(a.err, "godwit:", text)
	if hint != "" {
		fmt.Fprintln(a.err, "hint:", hint)
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case chat.IsKind(err, chat.Invalid):
		return exitUsage
	default:
		return exitFailed
	}
}

// result prints what a command found out: as JSON if that was asked for, else
// by text.
func (a *app) result(v any, text func(io.Writer) error) error {
	if a.json {
		return writeJSON(a.out, v)
	}
	return text(a.out)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
