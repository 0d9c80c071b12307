package move

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Inspection says what is in a source.
type Inspection struct {
	Version     int              `json:"version"`
	From        string           `json:"from"`
	Title       string           `json:"title"`
	Flavour     string           `json:"flavour,omitempty"`
	Program     string           `json:"program,omitempty"` // version of what wrote it
	Source      string           `json:"source"`
	Artefact    string           `json:"artefact"`
	Written     time.Time        `json:"written,omitzero"`
	Bytes       int64            `json:"bytes"`
	Objects     map[string]int64 `json:"objects"`  // by kind, second copies left out
	Messages    map[string]int64 `json:"messages"` // by type
	Copies      int64            `json:"copies"`   // second copies
	First       time.Time        `json:"first,omitzero"`
	Last        time.Time        `json:"last,omitzero"`
	FileBytes   int64            `json:"file_bytes"`
	Largest     int64            `json:"largest_file"`
	Rooms       []RoomSize       `json:"biggest_rooms"`
	RoomTypes   map[string]int64 `json:"room_types"`
	Off         int64            `json:"deactivated"` // people, placeholders among them
	Oddities    []string         `json:"oddities,omitempty"`
	NotCarried  []string         `json:"not_carried,omitempty"`
	Quarantine  []Quarantined    `json:"quarantine"` // the first of them
	Quarantined int64            `json:"quarantined"`
	Repaired    int64            `json:"repaired"`
	Skipped     int64            `json:"skipped"`
	Raw         map[string]int64 `json:"records,omitempty"` // by type, counted without being read
	Seconds     float64          `json:"seconds"`
}

// RoomSize is a room and how many messages it has.
type RoomSize struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Messages int64  `json:"messages"`
}

type inspector struct {
	*Inspection
	rooms  map[chat.RoomID]*chat.Room
	counts map[chat.RoomID]int64
	people map[chat.UserID]string
	pairs  map[chat.RoomID][]chat.UserID
}

// Inspect reads a source to its end, and says what is in it.
func Inspect(ctx context.Context, from string, s connect.Source) (*Inspection, error) {
	d := s.Describe()
	in := inspector{
		Inspection: &Inspection{
			Version: 1, From: from, Title: d.Title, Flavour: d.Flavour, Program: d.Version, Source: d.Name, Artefact: d.Artefact,
			Bytes: d.Bytes, Oddities: d.Oddities, Objects: map[string]int64{}, Messages: map[string]int64{}, RoomTypes: map[string]int64{},
			Quarantine: []Quarantined{},
		},
		rooms: map[chat.RoomID]*chat.Room{}, counts: map[chat.RoomID]int64{}, people: map[chat.UserID]string{}, pairs: map[chat.RoomID][]chat.UserID{},
	}
	if d.Written != 0 {
		in.Written = d.Written.Std()
	}
	for _, l := range d.Losses {
		in.NotCarried = append(in.NotCarried, l.Reason)
	}
	began := time.Now()
	for item, err := range s.Changes(ctx, "") {
		if err != nil {
			return nil, err
		}
		in.item(item)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	inv, err := s.Inventory(ctx, chat.TallyQuery{Source: d.Name, Level: chat.L1})
	if err != nil {
		return nil, err
	}
	in.settle(inv)
	in.biggest()
	in.Seconds = time.Since(began).Seconds()
	return in.Inspection, nil
}

func (in *inspector) item(item connect.Item) {
	if n := item.Note; n != nil {
		switch n.Kind {
		case chat.NoteQuarantine:
			in.Quarantined++
			if len(in.Quarantine) < 20 {
				in.Quarantine = append(in.Quarantine, Quarantined{Where: n.Where, Reason: n.Reason, Object: n.Object})
			}
		case chat.NoteRepair:
			in.Repaired++
		case chat.NoteSkip, chat.NoteLoss:
			in.Skipped++
		}
	}
	if item.Object == nil {
		return
	}
	if !item.Duplicate {
		in.object(item)
	} else {
		in.Copies++
	}
}

// settle takes the numbers from the inventory that it knows better: two copies
// of a message that are far apart or not equal are one.
func (in *inspector) settle(inv chat.Inventory) {
	clear(in.counts)
	var messages int64
	for room, t := range inv.Rooms {
		in.counts[room] = t.Count
		messages += t.Count
	}
	in.Copies += in.Objects[chat.KindMessage.String()] - messages
	in.Objects[chat.KindMessage.String()] = messages
	for k, t := range inv.Kinds {
		in.Objects[k.String()] = t.Count
	}
	in.Raw = inv.Raw
}

func (in *inspector) object(item connect.Item) {
	in.Objects[item.Object.Kind().String()]++
	switch o := item.Object.(type) {
	case *chat.Message:
		typ, _ := o.Type.MarshalText() // never fails
		in.Messages[string(typ)]++
		in.counts[o.Room]++
		if at := o.Sent.Std(); o.Sent > 0 {
			if in.First.IsZero() || at.Before(in.First) {
				in.First = at
			}
			if at.After(in.Last) {
				in.Last = at
			}
		}
	case *chat.Room:
		if in.rooms[o.ID] == nil {
			in.RoomTypes[string(o.Type)]++
			if o.State != chat.RoomActive {
				in.RoomTypes[string(o.State)]++
			}
		}
		in.rooms[o.ID] = o
	case *chat.User:
		in.people[o.ID] = o.Name
		if o.Off || o.Role == chat.RolePlaceholder {
			in.Off++
		}
	case *chat.Member:
		if r := in.rooms[o.Room]; r != nil && r.Type == chat.RoomDirect {
			in.pairs[o.Room] = append(in.pairs[o.Room], o.User)
		}
	case *chat.Content:
		in.FileBytes += max(item.Size, o.Size)
		in.Largest = max(in.Largest, item.Size, o.Size)
	}
}

// biggest lists the rooms with the most messages.
func (in *inspector) biggest() {
	in.Rooms = []RoomSize{}
	for id, n := range in.counts {
		s := RoomSize{Messages: n, Name: "(unknown room)"}
		if r := in.rooms[id]; r != nil {
			s.Name, s.Type = r.Name, string(r.Type)
		}
		if pair := in.pairs[id]; s.Name == "" && len(pair) > 0 {
			s.Name = in.people[pair[0]]
			for _, u := range pair[1:] {
				s.Name += ", " + in.people[u]
			}
		}
		in.Rooms = append(in.Rooms, s)
	}
	slices.SortFunc(in.Rooms, func(a, b RoomSize) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	in.Rooms = in.Rooms[:min(len(in.Rooms), 10)]
}

// WriteJSON writes the inspection as indented JSON.
func (in *Inspection) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(in)
}

// WriteText writes the inspection for a person.
func (in *Inspection) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line(in.Title, "%s, %s", in.From, size(in.Bytes))
	line("source", "%s", in.Source)
	if !in.Written.IsZero() {
		line("written", "%s", in.Written.Format(time.DateTime))
	}
	for _, k := range chat.Kinds() {
		if n := in.Objects[k.String()]; n > 0 {
			line(plural(k, n), "%s", number(n))
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(in.Messages)) {
		line("  "+typ, "%s", number(in.Messages[typ]))
	}
	for _, typ := range slices.Sorted(maps.Keys(in.RoomTypes)) {
		line("rooms, "+typ, "%s", number(in.RoomTypes[typ]))
	}
	line("second copies", "%s", number(in.Copies))
	line("from", "%s to %s", in.First.Format(time.DateOnly), in.Last.Format(time.DateOnly))
	line("files", "%s, the largest %s", size(in.FileBytes), size(in.Largest))
	for _, r := range in.Rooms {
		line("  "+orElse(r.Name, "(no name)"), "%s messages", number(r.Messages))
	}
	line("quarantined", "%s; mended %s; skipped %s", number(in.Quarantined), number(in.Repaired), number(in.Skipped))
	for _, q := range in.Quarantine {
		line("  "+q.Where, "%s", q.Reason)
	}
	for _, s := range in.NotCarried {
		line("not in it", "%s", s)
	}
	for _, s := range in.Oddities {
		line("odd", "%s", s)
	}
	return t.Flush()
}
