// Package hipchat reads, and writes samples of, HipChat's export archives.
package hipchat

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Connector reads HipChat exports.
var Connector = connect.Connector{
	Schemes: []string{"hipchat"},
	Help:    "hipchat:PATH  a HipChat export: .tar.gz.aes, .tar.gz, .tar, or a directory",
	OpenSource: func(ctx context.Context, url string, o connect.Options) (connect.Source, error) {
		return Open(ctx, url, o)
	},
}

// Source is an opened export. Changes and Inventory may be called any number
// of times, and at once.
type Source struct {
	c     *container
	o     connect.Options
	p     *people
	about connect.Description

	mu     sync.Mutex
	passed *tallier         // of a Changes that ran from the start to the end
	raw    map[string]int64 // of the same
}

// Open finds out what is at path ("hipchat:PATH" or only the path), proves the
// password, and reads people, rooms and emoticons. It fails with Invalid if
// it is no export that is read here, with Unknown if the password does not
// fit, and with Damaged if the file is cut short where that can be seen at
// once.
func Open(ctx context.Context, path string, o connect.Options) (*Source, error) {
	path = strings.TrimPrefix(path, "hipchat:")
	c, err := probe(ctx, path, o)
	if err != nil {
		return nil, err
	}
	if o.FilesFrom != "" {
		if o.FilesFrom, err = filesRoot(o.FilesFrom); err != nil {
			return nil, err
		}
	}
	s := &Source{c: c, o: o}
	group, written := fromName(filepath.Base(path))
	name := o.Name
	if name == "" {
		name = "hipchat"
		if group != "" {
			name += "-" + group
		}
	}
	s.about = connect.Description{Path: path, Name: name, Bytes: c.size, Written: written}
	s.p = newPeople(name)
	l := &look{s: s, p: s.p}
	if err := l.run(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

var exportName = regexp.MustCompile(`^hipchat(?:-(\d+))?-(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)`)

// fromName reads the group and the time out of the name that HipChat gives
// its exports.
func fromName(base string) (group string, written chat.Time) {
	m := exportName.FindStringSubmatch(base)
	if m == nil {
		return "", 0
	}
	if t, err := time.Parse("2006-01-02_15-04-05", m[2]); err == nil {
		written = chat.TimeOf(t)
	}
	return m[1], written
}

// Describe returns what the first look found.
func (s *Source) Describe() connect.Description { return s.about }

// Close forgets the source. It holds nothing open between calls.
func (s *Source) Close() error { return nil }

// at puts the path of the export before an error.
func (s *Source) at(err error) error {
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || errors.Is(err, context.Canceled) {
		return err
	}
	if strings.Contains(e.Text, s.c.path) {
		return err
	}
	return &chat.Error{Kind: e.Kind, Text: s.c.path + ": " + e.Text, Hint: e.Hint, Err: err}
}

// title says for a person what the export is.
func (s *Source) title(flavour string) string {
	kind := "standard"
	if flavour == "C" {
		kind = "migration tool"
	}
	how := ""
	switch {
	case s.c.dir:
		how = ", unpacked"
	case s.c.secret != nil:
		how = ", encrypted (" + s.c.secret.name + ")"
	}
	return fmt.Sprintf("HipChat export (%s)%s", kind, how)
}

// fingerprint names a few objects that every export of the same server has.
func (p *people) fingerprint() []string {
	var list []string
	users, rooms := slices.Clone(p.order), slices.Clone(p.roomList)
	slices.SortFunc(users, compareIDs)
	slices.SortFunc(rooms, compareIDs)
	for _, id := range users[:min(20, len(users))] {
		list = append(list, fmt.Sprintf("user %s %d", id, p.users[id].Created))
	}
	for _, id := range rooms[:min(20, len(rooms))] {
		list = append(list, fmt.Sprintf("room %s %d", id, p.rooms[id].created))
	}
	return list
}

// compareIDs puts numbers in their order.
func compareIDs(a, b nativeID) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(string(a), string(b))
}
