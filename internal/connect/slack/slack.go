// Package slack reads Slack's workspace exports.
package slack

import (
	"context"
	"strings"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Connector reads Slack exports.
var Connector = connect.Connector{
	Schemes: []string{"slack"},
	Help:    "slack:PATH  a Slack export: the zip, or the directory that it unpacks to",
	OpenSource: func(ctx context.Context, url string, o connect.Options) (connect.Source, error) {
		return Open(ctx, url, o)
	},
}

// Source is an opened export. Changes and Inventory may be called any number
// of times, and at once.
type Source struct {
	c     *container
	o     connect.Options
	w     *workspace
	fetch *fetcher // nil if nothing is to be fetched
	about connect.Description

	mu     sync.Mutex
	passed *tallier // of a Changes that ran from the start to the end
}

// Open finds out what is at path ("slack:PATH" or only the path), and reads
// people and conversations. It fails with Invalid if it is no export that is
// read here, and with Damaged if the zip is cut short.
func Open(ctx context.Context, path string, o connect.Options) (*Source, error) {
	path = strings.TrimPrefix(path, "slack:")
	c, err := open(path)
	if err != nil {
		return nil, err
	}
	s := &Source{c: c, o: o, w: newWorkspace(), about: connect.Description{Path: path}}
	s.w.source = o.Name
	s.fetch = newFetcher(o)
	if err = s.fetch.check(ctx); err == nil {
		err = (&look{s: s, w: s.w}).run(ctx)
	}
	if err != nil {
		_ = c.close() // only read
		return nil, err
	}
	return s, nil
}

// Describe returns what the first look found.
func (s *Source) Describe() connect.Description { return s.about }

// Close closes the zip or the directory.
func (s *Source) Close() error { return s.c.close() }

// made says that an item was made up for what others name.
func made(o chat.Object, note *chat.Note) connect.Item {
	return connect.Item{Incoming: chat.Incoming{Object: o, Copy: true}, Made: true, Note: note}
}
