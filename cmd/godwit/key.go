package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// keyName is the file in the data directory that holds the key with which
// secrets in the database are sealed.
const keyName = "godwit.key"

// key finds the key: in GODWIT_KEY, in the file that was named, or in the
// data directory, where it is made if it is not there.
func (p *place) key() ([]byte, error) {
	if text := strings.TrimSpace(os.Getenv("GODWIT_KEY")); text != "" {
		key, err := server.ParseKey(text)
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "GODWIT_KEY: %w", err).WithHint("make one with: openssl rand -base64 32")
		}
		return key, nil
	}
	file := cmp.Or(p.keyFile, os.Getenv("GODWIT_KEY_FILE"))
	named := file != ""
	if !named {
		file = filepath.Join(p.dir(), keyName)
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		data, err = makeKey(file)
	}
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the key file cannot be read: %w", err).WithHint("it holds what secrets are sealed with; make one with: openssl rand -base64 32")
	}
	key, err := server.ParseKey(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "%s: %w", file, err).WithHint("put back the file that was there, or secrets that it sealed are lost")
	}
	return key, nil
}

// makeKey makes a key file that only its owner can read. If another process
// is quicker, its key counts.
func makeKey(file string) ([]byte, error) {
	text := []byte(server.FormatKey(server.NewKey()))
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, keyName+"-*") // of mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // linked, or worthless
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	if err := os.Link(f.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	return os.ReadFile(file)
}
