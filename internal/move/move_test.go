package move_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// place is a target of a test.
type place struct {
	path   string // of the database
	store  *store.DB
	files  *blob.Dir
	target connect.Target
}

func openPlace(t testing.TB, path, files string) *place {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := blob.OpenDir(files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), dir.Close()); err != nil {
			t.Error(err)
		}
	})
	return &place{path: path, store: db, files: dir, target: live.NewDirect("test", db, dir, "test")}
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, fresh func() *place)) {
	t.Run("SQLite", func(t *testing.T) {
		test(t, func() *place {
			dir := t.TempDir()
			return openPlace(t, filepath.Join(dir, "godwit.db"), filepath.Join(dir, "files"))
		})
	})
	t.Run("Postgres", func(t *testing.T) {
		test(t, func() *place { return openPlace(t, testkit.Postgres(t), t.TempDir()) })
	})
}

func small() *invented {
	return &invented{name: "hq", artefact: "one", people: 12, rooms: 9, messages: 700, files: 40}
}

func job(t testing.TB, s connect.Source, to connect.Target) *move.Job {
	return &move.Job{Name: "hq", Dir: filepath.Join(t.TempDir(), "hq.godwit"), From: "invented:hq", To: "here", Source: s, Target: to, Options: move.Options{BatchSize: 50}}
}

func importAll(t testing.TB, j *move.Job) *move.Report {
	t.Helper()
	r, err := j.Import(t.Context())
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return r
}

// holds is everything that can be read in a place, without positions and what
// a run's number or time is in.
type holds struct {
	Objects map[string]uint64
	Totals  map[chat.Kind]int64
	Tally   chat.Inventory
	State   chat.State
	Joined  int
}

func look(t testing.TB, p *place, source string) holds {
	t.Helper()
	h := holds{Objects: map[string]uint64{}}
	err := p.store.View(t.Context(), func(r chat.Reader) error {
		for after := chat.Position(0); ; {
			changes, next, err := r.Changes(after, 1000)
			if err != nil {
				return err
			}
			for _, c := range changes {
				h.Objects[c.Object.Kind().String()+c.Object.Key().String()] = chat.Digest(c.Object)
			}
			if len(changes) == 0 {
				break
			}
			after = next
		}
		head, err := r.Head()
		if err != nil {
			return err
		}
		h.State = head.State
		totals, err := r.Count()
		h.Totals = totals.Kinds
		return err
	})
	if err == nil {
		h.Tally, err = p.store.Tally(t.Context(), chat.TallyQuery{Source: source, Level: chat.L2})
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func same(t testing.TB, got, want holds) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the places differ:\n%d objects, %v, %s\n%d objects, %v, %s", len(got.Objects), got.Totals, got.State, len(want.Objects), want.Totals, want.State)
	}
}

func TestImport(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		s := small()
		r := importAll(t, job(t, s, p.target))
		if r.Outcome() != move.Whole {
			t.Errorf("the outcome is %v: %+v", r.Outcome(), r)
		}
		if c := r.Counts[chat.KindMessage]; c.Read != 840 || c.Written != 700 || c.Deduplicated != 140 {
			t.Errorf("messages: %+v", c)
		}
		if r.Verify.Messages != 700 || r.Verify.Differences != 0 || r.Verify.Level != "L2" {
			t.Errorf("verify: %+v", r.Verify)
		}
		h := look(t, p, "hq")
		if h.State != chat.Open {
			t.Errorf("the place is %s", h.State)
		}
		if r.Joined == 0 || h.Totals[chat.KindMember] != r.Joined {
			t.Errorf("%d joined, %d members", r.Joined, h.Totals[chat.KindMember])
		}
		for i := range s.files {
			var c *chat.Content
			err := p.store.View(t.Context(), func(r chat.Reader) (err error) { c, err = chat.Get[chat.Content](r, s.contentID(i)); return err })
			if err == nil {
				err = p.files.Check(t.Context(), c.Hash)
			}
			if err != nil {
				t.Fatalf("file %d: %v", i, err)
			}
		}
		if left, err := p.store.Unindexed(t.Context()); left != 0 || err != nil {
			t.Errorf("%d messages are not searchable: %v", left, err)
		}
		kept, err := move.Recorded(t.Context(), p.store, "hq")
		if err != nil || !kept.OK || kept.Counts[chat.KindMessage].Written != 700 {
			t.Errorf("the target keeps %+v: %v", kept, err)
		}
	})
}

func TestAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		importAll(t, job(t, small(), p.target))
		before := look(t, p, "hq")
		var pos chat.Position
		head := func() (h chat.Head) {
			err := p.store.View(t.Context(), func(r chat.Reader) (err error) { h, err = r.Head(); return err })
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		pos = head().Pos
		r := importAll(t, job(t, small(), p.target))
		same(t, look(t, p, "hq"), before)
		if now := head().Pos; now != pos {
			t.Errorf("the log went from %d to %d", pos, now)
		}
		if c := r.Counts[chat.KindMessage]; c.Written != 0 || c.Unchanged != 700 {
			t.Errorf("messages: %+v", c)
		}
	})
}

func TestAMoverGivesWayWherePeopleAre(t *testing.T) {
	p := openPlace(t, filepath.Join(t.TempDir(), "godwit.db"), t.TempDir())
	for run, want := range []int{0, 1} {
		j, calls := job(t, small(), p.target), 0
		j.Modest = func() { calls++ }
		importAll(t, j)
		if calls != want {
			t.Errorf("run %d: it stepped back %d times, want %d", run+1, calls, want)
		}
	}
}

func TestLaterExport(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		s := small()
		importAll(t, job(t, s, p.target))
		// People at the target edit one message, delete another, and take
		// someone's access away.
		err := p.store.Update(t.Context(), func(tx chat.Tx) error {
			edited, deleted, off := s.message(10), s.message(11), s.user(3)
			edited.Text, edited.Edited = "edited here", tx.Now()
			deleted.Text, deleted.Gone = "", true
			off.Off = true
			return tx.Put(edited, deleted, off)
		})
		if err != nil {
			t.Fatal(err)
		}
		later := small()
		later.artefact, later.extra = "two", 25
		later.change = func(o chat.Object) {
			switch o := o.(type) {
			case *chat.Room:
				if o.ID == s.room(2).ID {
					o.Name = "Renamed"
				}
			case *chat.Message:
				if o.ID == s.message(20).ID || o.ID == s.message(10).ID {
					o.Text = "edited at the source"
				}
			}
		}
		r := importAll(t, job(t, later, p.target))
		if c := r.Counts[chat.KindMessage]; c.Written != 26 || c.Conflict != 1 {
			t.Errorf("messages: %+v", c)
		}
		if c := r.Counts[chat.KindRoom]; c.Written != 1 || c.Unchanged != 8 {
			t.Errorf("rooms: %+v", c)
		}
		if r.Verify.Differences != 0 || len(r.Conflicts) != 1 || r.Outcome() != move.Losses {
			t.Errorf("verify %+v, conflicts %v", r.Verify, r.Conflicts)
		}
		err = p.store.View(t.Context(), func(r chat.Reader) error {
			edited, err1 := chat.Get[chat.Message](r, s.message(10).ID)
			deleted, err2 := chat.Get[chat.Message](r, s.message(11).ID)
			off, err3 := chat.Get[chat.User](r, s.user(3).ID)
			if err := errors.Join(err1, err2, err3); err != nil {
				return err
			}
			if edited.Text != "edited here" || !deleted.Gone || !off.Off {
				t.Errorf("what people did was undone: %q %v %v", edited.Text, deleted.Gone, off.Off)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestGoneAtTheSource(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		importAll(t, job(t, small(), p.target))
		later := small()
		later.artefact, later.gone = "two", true
		r := importAll(t, job(t, later, p.target))
		if r.Verify.Kept != 1 || r.Outcome() != move.Whole {
			t.Errorf("outcome %v, verify %+v", r.Outcome(), r.Verify)
		}
	})
}

func TestQuarantine(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		s := small()
		s.bad = 30
		j := job(t, s, p.target)
		r := importAll(t, j)
		if r.Outcome() != move.Losses || len(r.Quarantine) != 30 || r.Counts[chat.KindMessage].Quarantined != 30 {
			t.Errorf("outcome %v, %d quarantined", r.Outcome(), len(r.Quarantine))
		}
		data, err := os.ReadFile(filepath.Join(j.Dir, "quarantine.jsonl"))
		if err != nil || bytes.Count(data, []byte("\n")) != 30 {
			t.Errorf("quarantine.jsonl: %d lines, %v", bytes.Count(data, []byte("\n")), err)
		}
		read, err := move.ReadReport(j.Dir)
		if err != nil || read.Counts[chat.KindMessage] != r.Counts[chat.KindMessage] {
			t.Errorf("the report does not read back: %v", err)
		}

		strict := small()
		strict.name, strict.bad = "strict", 30
		j = job(t, strict, p.target)
		j.Name, j.Quarantine = "strict", move.Budget{Count: 10}
		if _, err := j.Import(t.Context()); !chat.IsKind(err, chat.TooMany) || !strings.Contains(err.Error(), "11 of") {
			t.Errorf("over the budget: %v", err)
		}
	})
}

func TestRecordsThatVanish(t *testing.T) {
	p := openPlace(t, filepath.Join(t.TempDir(), "godwit.db"), t.TempDir())
	s := small()
	s.rawLess = -3 // the source has three records that it never gives
	r := importAll(t, job(t, s, p.target))
	if r.Outcome() != move.Losses || r.Verify.Records[0].Raw-r.Verify.Records[0].Known != 3 {
		t.Errorf("outcome %v: %+v", r.Outcome(), r.Verify.Records)
	}
}
