package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/godwit-chat/godwit/internal/chat"
)

// askPassword returns a func that finds the password of an export, once: from
// a file, from the environment, or from the person at the terminal. A flag's
// value would be seen by everybody on the machine.
func (a *app) askPassword(file string) func(context.Context) ([]byte, error) {
	return a.asking(file, "GODWIT_PASSWORD", "Password of the export: ",
		chat.Errorf(chat.Unknown, "the export is encrypted, and there is no password").
			WithHint("put it into a file and add --password-file FILE, or set GODWIT_PASSWORD"))
}

// asking is askPassword for any secret; none is what it fails with.
func (a *app) asking(file, env, question string, none error) func(context.Context) ([]byte, error) {
	var mu sync.Mutex
	var known []byte
	return func(ctx context.Context) (_ []byte, err error) {
		mu.Lock()
		defer mu.Unlock()
		if known == nil {
			known, err = a.findSecret(ctx, file, env, question, none)
		}
		return known, err
	}
}

func (a *app) findSecret(ctx context.Context, file, env, question string, none error) ([]byte, error) {
	if file != "" {
		return readSecret(file)
	}
	if p, ok := os.LookupEnv(env); ok && p != "" {
		return []byte(p), nil
	}
	fd := int(a.in.Fd())
	if !term.IsTerminal(fd) {
		return nil, none
	}
	return a.prompt(ctx, fd, question)
}

// prompt asks without echo. A signal ends it and leaves the terminal as it was.
func (a *app) prompt(ctx context.Context, fd int, question string) ([]byte, error) {
	state, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("ask for the password: %w", err)
	}
	type answer struct {
		password []byte
		err      error
	}
	answers := make(chan answer, 1)
	fmt.Fprint(a.err, question)
	go func() {
		p, err := term.ReadPassword(fd)
		answers <- answer{p, err}
	}()
	select {
	case <-ctx.Done():
		err = errors.Join(ctx.Err(), term.Restore(fd, state))
		fmt.Fprintln(a.err)
		return nil, err
	case got := <-answers:
		fmt.Fprintln(a.err)
		if got.err != nil {
			return nil, fmt.Errorf("ask for the password: %w", got.err)
		}
		return got.password, nil
	}
}

// readSecret reads a password or token from a file; the end of the line is
// not part of it.
func readSecret(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the file with the secret cannot be read: %w", err).
			WithHint("name a file that you may read and that holds it in its only line")
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 {
		return nil, chat.Errorf(chat.Invalid, "%s is empty; it should hold the secret in its only line", file).WithHint("write it there with an editor, so that no shell keeps it")
	}
	return data, nil
}

// token returns the token for a running server, or "" if none was given.
func token(file string) (string, error) {
	if file == "" {
		return strings.TrimSpace(os.Getenv("GODWIT_TOKEN")), nil
	}
	data, err := readSecret(file)
	return strings.TrimSpace(string(data)), err
}
