package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/store"
)

// lookAt opens a place without changing it. One that is not made yet is looked
// at as what an import would find: an empty one, which stands in for it in a
// temporary directory.
func lookAt(ctx context.Context, p place) (connect.Target, error) {
	path, err := p.database()
	if err != nil {
		return nil, err
	}
	made, err := store.Made(ctx, path)
	if err != nil {
		return nil, err
	}
	if made {
		o, err := p.openWith(ctx, store.Options{Text: searchText, Look: true})
		if err != nil {
			return nil, err
		}
		return live.NewDirect(o.title, o.store, o.files, version).OnClose(o.close), nil
	}
	tmp, err := os.MkdirTemp("", "godwit-look-")
	if err != nil {
		return nil, fmt.Errorf("make a directory to look at %s: %w", p.title(), err)
	}
	o, err := (&place{Data: tmp}).open(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(tmp))
	}
	d := live.NewDirect(p.title(), o.store, o.files, version).OnClose(func() error { return errors.Join(o.close(), os.RemoveAll(tmp)) })
	return &vacant{d, p.filesDir()}, nil
}

// vacant is a place that is not made yet.
type vacant struct {
	*live.Direct
	files string // where its files will be
}

// Place says how much room is where the files will be.
func (v *vacant) Place(ctx context.Context) (connect.Place, error) {
	p, err := v.Direct.Place(ctx)
	if err != nil {
		return p, err
	}
	dir, err := filepath.Abs(v.files)
	for err == nil {
		if _, e := os.Stat(dir); e == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	if err == nil {
		p.Free, err = blob.Free(dir)
	}
	return p, err
}
