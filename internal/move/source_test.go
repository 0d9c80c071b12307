package move_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// invented is a source made of numbers: people, rooms, files and messages that
// are the same each time, with what an export of a kind has in it.
type invented struct {
	name     string
	artefact string
	people   int
	rooms    int
	messages int
	files    int
	bad      int                 // records that cannot be understood
	change   func(o chat.Object) // applied to every object: what the source changed since
	failAt   int                 // item that is an error
	pause    func(n int)         // called before each item
	extra    int                 // newer messages
	rawLess  int64               // records that the raw count does not see
	gone     bool                // the last message is not there any more

	reads atomic.Int64 // items given by Changes
}

const second = chat.Time(1_000_000)

var began = chat.Time(1_400_000_000) * second

func (s *invented) user(i int) *chat.User {
	at := began + chat.Time(i)*second
	return &chat.User{ID: chat.UserID(chat.DeriveKey(at, s.name, "user", strconv.Itoa(i))), Name: fmt.Sprintf("Person %d", i), Mention: fmt.Sprintf("p%d", i), Email: fmt.Sprintf("Person%d@%s.example", i, s.name), Role: chat.RoleMember, Created: at}
}

func (s *invented) room(i int) *chat.Room {
	at := began + chat.Time(i)*second
	return &chat.Room{ID: chat.RoomID(chat.DeriveKey(at, s.name, "room", strconv.Itoa(i))), Type: chat.RoomOpen, Name: fmt.Sprintf("Room %d", i), Created: at}
}

func (s *invented) message(i int) *chat.Message {
	at := began + chat.Time(i)*977*second + chat.Time(i%1000)
	return &chat.Message{
		ID:   chat.MessageID(chat.DeriveKey(at, s.name, "message", strconv.Itoa(i))),
		Room: s.room(i % s.rooms * (i % 3) % s.rooms).ID, Author: s.user(i % s.people).ID, Sent: at,
		Text: fmt.Sprintf("message %d says %s", i, strings.Repeat("word ", i%17)),
	}
}

func (s *invented) bytes(i int) []byte {
	return bytes.Repeat([]byte{byte(i), byte(i >> 8), 'x'}, 100+i)
}

func (s *invented) contentID(i int) chat.ContentID {
	return chat.ContentID(chat.DeriveKey(0, s.name, "content", strconv.Itoa(i)))
}

func (s *invented) file(i int) *chat.File {
	m := s.message(i)
	return &chat.File{ID: chat.FileID(chat.DeriveKey(m.Sent, s.name, "file", strconv.Itoa(i))), Room: m.Room, Message: m.ID, Name: fmt.Sprintf("file %d.bin", i), Sent: m.Sent, Origin: fmt.Sprintf("files/%d", i), Contents: []chat.ContentID{s.contentID(i)}}
}

// items gives everything in order; the fourth of five messages comes twice.
func (s *invented) items() iter.Seq[connect.Item] {
	return func(yield func(connect.Item) bool) {
		give := func(o chat.Object, more ...func(*connect.Item)) bool {
			if s.change != nil {
				s.change(o)
			}
			it := connect.Item{}
			it.Object = o
			for _, f := range more {
				f(&it)
			}
			return yield(it)
		}
		for i := range s.people {
			if !give(s.user(i)) {
				return
			}
		}
		for i := range s.rooms {
			if !give(s.room(i)) {
				return
			}
		}
		for i := range s.files {
			data := s.bytes(i)
			withBytes := func(it *connect.Item) { it.Bytes, it.Size = bytes.NewReader(data), int64(len(data)) }
			if !give(s.file(i)) || !give(&chat.Content{ID: s.contentID(i)}, withBytes) {
				return
			}
		}
		for i := range s.bad {
			note := &chat.Note{Kind: chat.NoteQuarantine, Object: chat.KindMessage, Where: fmt.Sprintf("rooms/1/history.json, record %d", i), Reason: "sender is missing", Raw: []byte(`{"UserMessage":{}}`)}
			if !yield(connect.Item{Note: note}) {
				return
			}
		}
		count := s.messages + s.extra
		if s.gone {
			count--
		}
		for i := range count {
			if !give(s.message(i)) {
				return
			}
			if i%5 == 3 && !give(s.message(i), func(it *connect.Item) { it.Duplicate = true }) {
				return
			}
		}
	}
}

func (s *invented) Describe() connect.Description {
	d := connect.Description{Title: "invented source", Name: s.name, Artefact: s.artefact, Rooms: s.rooms, Bytes: int64(s.messages) * 100}
	for i := range s.people {
		u := s.user(i)
		if s.change != nil {
			s.change(u)
		}
		d.People = append(d.People, u)
		if i < 5 {
			d.Fingerprint = append(d.Fingerprint, fmt.Sprintf("user %d %d", i, s.user(i).Created)+s.name)
		}
	}
	return d
}

func (s *invented) Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error] {
	return func(yield func(connect.Item, error) bool) {
		from := 0
		if rest, ok := strings.CutPrefix(after, s.artefact+" "); ok {
			from, _ = strconv.Atoi(rest)
		}
		n := 0
		for item := range s.items() {
			if ctx.Err() != nil {
				yield(connect.Item{}, ctx.Err())
				return
			}
			if n++; n <= from {
				continue
			}
			if s.pause != nil {
				s.pause(n)
			}
			if s.failAt == n {
				yield(connect.Item{}, chat.Errorf(chat.Damaged, "the source ends in the middle of record %d", n))
				return
			}
			s.reads.Add(1)
			item.Input = int64(n) * 100
			if n%7 == 0 {
				item.Cursor = fmt.Sprintf("%s %d", s.artefact, n)
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (s *invented) Inventory(_ context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	inv := chat.Inventory{Kinds: map[chat.Kind]chat.Tally{}, Rooms: map[chat.RoomID]chat.Tally{}, Days: map[chat.RoomID]map[chat.Day]chat.Tally{}, Lists: map[chat.RoomID]map[chat.Key]uint64{}, Each: map[chat.Kind]map[chat.Key]uint64{}, Raw: map[string]int64{"UserMessage": int64(s.bad) - s.rawLess}}
	for _, r := range q.Days {
		inv.Days[r] = map[chat.Day]chat.Tally{}
	}
	listed := map[chat.RoomDay]bool{}
	for _, d := range q.Lists {
		listed[d] = true
	}
	for _, k := range q.Kinds {
		inv.Each[k] = map[chat.Key]uint64{}
	}
	for item := range s.items() {
		if item.Object == nil {
			continue
		}
		m, isMessage := item.Object.(*chat.Message)
		if isMessage {
			inv.Raw["UserMessage"]++
		}
		if item.Duplicate {
			continue
		}
		if c, ok := item.Object.(*chat.Content); ok {
			if err := connect.ReadContent(c, item.Bytes, io.Discard); err != nil {
				return inv, err
			}
		}
		d := chat.Digest(item.Object)
		if !isMessage {
			k := item.Object.Kind()
			t := inv.Kinds[k]
			t.Add(d)
			inv.Kinds[k] = t
			if each := inv.Each[k]; each != nil {
				each[item.Object.Key()] = d
			}
			continue
		}
		t := inv.Rooms[m.Room]
		t.Add(d)
		inv.Rooms[m.Room] = t
		if days := inv.Days[m.Room]; days != nil {
			t := days[m.Sent.Day()]
			t.Add(d)
			days[m.Sent.Day()] = t
		}
		if listed[chat.RoomDay{Room: m.Room, Day: m.Sent.Day()}] {
			if inv.Lists[m.Room] == nil {
				inv.Lists[m.Room] = map[chat.Key]uint64{}
			}
			inv.Lists[m.Room][m.Key()] = d
		}
	}
	return inv, nil
}

func (s *invented) Close() error { return nil }

// strange is another server under the same name.
type strange struct{ *invented }

func (s *strange) Describe() connect.Description {
	d := s.invented.Describe()
	for i := range d.Fingerprint {
		d.Fingerprint[i] = fmt.Sprintf("user %d 99", i+100)
	}
	return d
}
