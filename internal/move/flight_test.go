package move_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// spot is a place in use of a test.
type spot struct {
	db    *store.DB
	files *blob.Dir
	party connect.Party
	path  string
	dir   string // of the files

	sealer chat.Sealer
}

func openSpot(t testing.TB, path string) *spot {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files, err := blob.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := server.NewSealer(server.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), files.Close()); err != nil {
			t.Error(err)
		}
	})
	p := &spot{files: files, dir: dir, sealer: sealer}
	return p.with(db, path)
}

// with is the spot with another database.
func (p *spot) with(db *store.DB, path string) *spot {
	return &spot{db: db, files: p.files, path: path, dir: p.dir, sealer: p.sealer, party: live.NewDirect("test", db, p.files, "test").Seals(p.sealer)}
}

// between runs a test over pairs of databases.
func between(t *testing.T, test func(t *testing.T, from, to *spot)) {
	lite := func(t *testing.T) *spot { return openSpot(t, filepath.Join(t.TempDir(), "godwit.db")) }
	post := func(t *testing.T) *spot { return openSpot(t, testkit.Postgres(t)) }
	t.Run("SQLite to SQLite", func(t *testing.T) { test(t, lite(t), lite(t)) })
	t.Run("SQLite to Postgres", func(t *testing.T) { test(t, lite(t), post(t)) })
	t.Run("Postgres to SQLite", func(t *testing.T) { test(t, post(t), lite(t)) })
}

func lites(t testing.TB) (from, to *spot) {
	return openSpot(t, filepath.Join(t.TempDir(), "from.db")), openSpot(t, filepath.Join(t.TempDir(), "to.db"))
}

func key(kind string, n int) chat.Key {
	return chat.DeriveKey(0, "flight", kind, fmt.Sprint(n))
}

func userN(n int) chat.UserID { return chat.UserID(key("user", n)) }
func roomN(n int) chat.RoomID { return chat.RoomID(key("room", n)) }

const (
	people = 8
	rooms  = 5
)

// furnish puts a company into a place: something of every kind that a person
// would miss.
func (p *spot) furnish(t testing.TB, messages int) {
	t.Helper()
	start := chat.TimeOf(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	var list []chat.Object
	for i := range people {
		u := userN(i)
		list = append(list,
			&chat.User{ID: u, Name: fmt.Sprintf("Person %d", i), Email: fmt.Sprintf("p%d@example.org", i), Role: chat.RoleMember, Created: start},
			&chat.Credential{User: u, Type: "password", Secret: fmt.Sprintf("$argon2id$%d", i), Set: start},
			&chat.Session{ID: chat.ID[chat.Session](key("session", i)), User: u, Hash: fmt.Sprintf("%064d", i), Created: start, Expires: start * 2},
			&chat.Token{ID: chat.ID[chat.Token](key("token", i)), User: u, Name: "script", Hash: fmt.Sprintf("%064x", 1000+i), Created: start},
			&chat.Preferences{User: u, Values: map[string]string{"theme": fmt.Sprint(i)}})
	}
	for i := range rooms {
		typ := chat.RoomOpen
		if i%2 == 1 {
			typ = chat.RoomPrivate
		}
		list = append(list, &chat.Room{ID: roomN(i), Type: typ, Name: fmt.Sprintf("Room %d", i), Owner: userN(0), Created: start})
		for j := range people {
			if typ == chat.RoomOpen || j < 3 {
				list = append(list, &chat.Member{Room: roomN(i), User: userN(j), Joined: start},
					&chat.ReadMark{Room: roomN(i), User: userN(j), Read: start + chat.Time(j)})
			}
		}
	}
	for i := range messages {
		sent := start + chat.Time(i)*1_000_000
		m := &chat.Message{ID: chat.MessageID(chat.DeriveKey(sent, "flight", "message", fmt.Sprint(i))), Room: roomN(i % rooms), Author: userN(i % people), Sent: sent, Text: fmt.Sprintf("message %d", i), Format: chat.FormatMarkdown}
		list = append(list, m)
		switch i % 20 {
		case 3:
			list = append(list, &chat.Reaction{Message: m.ID, User: userN(1), Emoji: "👍", At: sent})
		case 5:
			list = append(list, p.file(t, m, fmt.Sprintf("bytes of the file of message %d", i))...)
		case 7:
			list = append(list, &chat.Pin{Room: m.Room, Message: m.ID, User: userN(2), At: sent})
		}
	}
	if err := p.files.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(list) > 0 {
		n := min(len(list), 2000)
		if err := p.db.Update(t.Context(), func(tx chat.Tx) error { return tx.Put(list[:n]...) }); err != nil {
			t.Fatal(err)
		}
		list = list[n:]
	}
}

// file makes a file of a message, and stores its bytes.
func (p *spot) file(t testing.TB, m *chat.Message, text string) []chat.Object {
	hash, err := p.files.Put(t.Context(), bytes.NewReader([]byte(text)), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := &chat.Content{ID: chat.ContentID(chat.DeriveKey(0, "flight", "content", hash)), Hash: hash, Size: int64(len(text)), Type: "text/plain"}
	f := &chat.File{ID: chat.FileID(chat.DeriveKey(0, "flight", "file", m.ID.String())), Room: m.Room, Message: m.ID, Author: m.Author, Name: "notes.txt", Size: c.Size, Sent: m.Sent, Contents: []chat.ContentID{c.ID}}
	m.Files = []chat.FileID{f.ID}
	return []chat.Object{c, f}
}

func (p *spot) messages(t testing.TB, fn func(*chat.Message)) {
	t.Helper()
	err := p.db.View(context.Background(), func(r chat.Reader) error {
		for i := range rooms {
			var after *chat.Anchor
			for {
				page, err := r.History(chat.HistoryQuery{Room: roomN(i), After: after, Limit: 1000})
				if err != nil {
					return err
				}
				if after == nil && len(page) > 0 {
					// Neither means the newest: begin at the oldest.
					after = &chat.Anchor{Sent: -1 << 60}
					continue
				}
				if len(page) == 0 {
					break
				}
				for _, m := range page {
					fn(m)
				}
				l := page[len(page)-1]
				after = &chat.Anchor{Sent: l.Sent, ID: l.ID}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *spot) state(t testing.TB) (s chat.State) {
	t.Helper()
	err := p.db.View(context.Background(), func(r chat.Reader) error {
		h, err := r.Head()
		s = h.State
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("after a minute: not yet that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// flown is a flight that runs.
type flown struct {
	*move.Flight
	t      testing.TB
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
	report *move.Report
}

func flight(t testing.TB, from, to *spot) *move.Flight {
	return &move.Flight{Name: "hq", From: "from", To: "to", Source: from.party, Target: to.party, SourceAddress: "http://from", TargetAddress: "http://to",
		FlightOptions: move.FlightOptions{Throttle: "off"}}
}

func fly(t testing.TB, f *move.Flight) *flown {
	ctx, cancel := context.WithCancel(context.Background())
	r := &flown{Flight: f, t: t, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.report, r.err = f.Run(ctx)
	}()
	t.Cleanup(r.end)
	return r
}

func (r *flown) do(word string, args ...string) {
	r.t.Helper()
	o := connect.Order{Word: word}
	if len(args) > 0 {
		o.Args = args[0]
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.Do(ctx, o); err != nil {
		r.t.Fatalf("%s: %v; %+v", word, err, r.Status().Log)
	}
}

func (r *flown) reach(stage move.Stage) {
	r.t.Helper()
	until(r.t, "it is in the stage "+string(stage), func() bool {
		select {
		case <-r.ended:
			if r.Status().Stage != stage {
				r.t.Fatalf("it ended: %v", r.err)
			}
		default:
		}
		return r.Status().Stage == stage
	})
}

func TestAPlaceInUseMovesAndGoesBackAndMovesAgain(t *testing.T) {
	between(t, func(t *testing.T, from, to *spot) {
		from.furnish(t, 400)
		w := scribble(t, 6, 15*time.Millisecond, from, to)
		f := flight(t, from, to)
		f.Dir = filepath.Join(t.TempDir(), "hq.godwit")
		r := fly(t, f)
		r.reach(move.StageFollow)
		r.do(move.OrderCutover)
		r.reach(move.StageReverse)
		w.more(t, 60)
		r.do(move.OrderRollback)
		r.reach(move.StageFollow)
		w.more(t, 60)
		r.do(move.OrderCutover)
		r.reach(move.StageReverse)
		w.more(t, 60)
		w.end()
		r.do(move.OrderComplete)
		<-r.ended
		if r.err != nil {
			t.Fatal(r.err)
		}
		w.check(t, to, from)
		alike(t, from, to)
		if n := len(r.report.Pauses); n != 3 {
			t.Errorf("%d pauses in the report", n)
		}
		if !r.report.OK || r.report.Phase != string(move.StageComplete) {
			t.Errorf("the report: %+v", r.report)
		}
	})
}

// alike compares all of both places by digests made from their rows.
func alike(t testing.TB, a, b *spot) {
	t.Helper()
	q := chat.TallyQuery{Mirror: true, Level: chat.L2}
	one, err := a.db.Tally(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.db.Tally(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(one.Kinds, two.Kinds) || !maps.Equal(one.Rooms, two.Rooms) {
		t.Errorf("the places differ: %+v and %+v", one, two)
	}
}

func (r *flown) end() {
	r.cancel()
	<-r.ended
}
