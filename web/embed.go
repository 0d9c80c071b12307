// Package web embeds the built web client.
package web

import (
	"embed"
	"errors"
	"io/fs"
)

// all: because the folder holds only a dot file before the client is built.
//
//go:embed all:dist
var dist embed.FS

// ErrNotBuilt says that this binary was built without the web client.
var ErrNotBuilt = errors.New("this binary has no web client: run `make bin/godwit`, which builds web/dist first")

// Dist returns the files of the web client: index.html at the root, the rest
// under assets with names that change with their contents. Beside each text
// file lie the same ones compressed, with .br and .gz at the end of their names.
// It fails with ErrNotBuilt.
func Dist() (fs.FS, error) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(sub, "index.html"); err != nil {
		return nil, ErrNotBuilt
	}
	return sub, nil
}
