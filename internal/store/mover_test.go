package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestApply(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		a := m.apply(userN(1), userN(2), roomN(1), messageN(1, 1), messageN(2, 1))
		if a.Counts[chat.KindUser].Written != 2 || a.Counts[chat.KindMessage].Written != 2 || a.Pos != 5 {
			t.Fatal(a)
		}
		m.done()
		t.Run("the same again: nothing written, the head stays", func(t *testing.T) {
			m = begin(t, db, "one")
			a := m.apply(userN(1), userN(2), roomN(1), messageN(1, 1), messageN(2, 1))
			if a.Counts[chat.KindUser] != (chat.Count{Unchanged: 2}) || a.Counts[chat.KindMessage] != (chat.Count{Unchanged: 2}) || head(t, db).Pos != 5 {
				t.Error(a, head(t, db))
			}
			m.done()
		})
		t.Run("only what the source changed is written, and what people did stays", func(t *testing.T) { laterExport(t, db) })
		t.Run("a second copy is applied only if the first is not there", func(t *testing.T) { copies(t, db) })
		t.Run("two states of one object in one run: the first stays, in every run", func(t *testing.T) { twoStates(t, db) })
		t.Run("what was made here is not the source's to change", func(t *testing.T) {
			put(t, db, userN(70))
			u := userN(70)
			u.Title = "the source's"
			m := begin(t, db, "local")
			if a := m.apply(u); a.Counts[chat.KindUser].Conflict != 1 || get(t, db, u.ID).Title != "" {
				t.Error(a)
			}
		})
	})
}

func laterExport(t *testing.T, db chat.Store) {
	edited, deleted, both := messageN(1, 1), messageN(2, 1), userN(1)
	edited.Text = "edited at the source"
	deleted.Text, deleted.Gone = "", true
	both.Title = "here"
	put(t, db, deleted, both)
	local := head(t, db).Pos
	m := begin(t, db, "two")
	theirs := userN(1)
	theirs.Title = "there"
	changed := messageN(2, 1)
	changed.Text = "edited at the source after it was deleted here"
	a := m.apply(theirs, userN(2), edited, changed)
	if a.Counts[chat.KindUser] != (chat.Count{Conflict: 1, Unchanged: 1}) || a.Counts[chat.KindMessage] != (chat.Count{Conflict: 1, Written: 1}) {
		t.Error(a.Counts)
	}
	if head(t, db).Pos != local+1 || len(a.Conflicts) != 2 {
		t.Error(head(t, db), a.Conflicts)
	}
	if get(t, db, both.ID).Title != "here" || !get(t, db, deleted.ID).Gone || get(t, db, edited.ID).Text != "edited at the source" {
		t.Error("the wrong side won")
	}
	m.done()
	notes, next, err := db.Notes(ctx(t), "move", 0, 10)
	if err != nil || len(notes) != 2 || next != 0 || notes[0].Kind != chat.NoteConflict {
		t.Error(notes, next, err)
	}
	m = begin(t, db, "two")
	if a := m.apply(theirs, userN(2), edited, changed); a.Counts[chat.KindUser].Unchanged != 2 || a.Counts[chat.KindMessage].Unchanged != 2 {
		t.Error("listed once, a conflict is known:", a.Counts)
	}
	m.done()
}

func copies(t *testing.T, db chat.Store) {
	mine, theirs := messageN(50, 1), messageN(50, 1)
	theirs.Text = "the recipient's copy"
	for run, artefact := range []string{"copies", "copies", "copies again"} {
		m := begin(t, db, artefact)
		a := m.send(m.batch([]chat.Incoming{{Object: theirs, Copy: true}}))
		b := m.send(m.batch([]chat.Incoming{{Object: mine, Copied: true}, {Object: theirs, Copy: true}}))
		m.done()
		n := a.Counts
		n.Add(b.Counts)
		want := chat.Count{Written: 2, Deduplicated: 1}
		if run > 0 {
			want = chat.Count{Unchanged: 1, Deduplicated: 2}
		}
		if n[chat.KindMessage] != want || get(t, db, mine.ID).Text != mine.Text {
			t.Errorf("run %d: %+v", run, n)
		}
	}
}

func twoStates(t *testing.T, db chat.Store) {
	one, two := messageN(60, 1), messageN(60, 1)
	two.Text = "another"
	three, four := messageN(61, 1), messageN(61, 1)
	four.Text = "in the same batch"
	for run := range 3 {
		m := begin(t, db, "states")
		a := m.apply(one, three, four)
		b := m.apply(two)
		m.done()
		a.Counts.Add(b.Counts)
		want := chat.Count{Written: 2, Conflict: 2}
		if run > 0 {
			want = chat.Count{Unchanged: 2, Conflict: 2}
		}
		if a.Counts[chat.KindMessage] != want || get(t, db, one.ID).Text != one.Text || get(t, db, three.ID).Text != three.Text {
			t.Errorf("run %d: %+v", run, a.Counts)
		}
	}
}

func TestMend(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		objects := []chat.Object{userN(1), messageN(1, 1), messageN(2, 1), messageN(3, 1)}
		m.apply(objects...)
		local := messageN(3, 1)
		local.Text = "edited here"
		put(t, db, local)
		mustExec(t, path, `UPDATE messages SET text = 'damaged' WHERE pos = 2`)
		mustExec(t, path, `UPDATE objects SET body = '{' WHERE pos = 1`)
		if a := m.apply(objects...); a.Counts[chat.KindMessage].Unchanged != 3 || a.Counts[chat.KindUser].Unchanged != 1 {
			t.Error(a.Counts)
		}
		b := m.batch(incoming(objects...))
		b.Mend = true
		if a := m.send(b); a.Counts[chat.KindMessage] != (chat.Count{Written: 1, Unchanged: 2}) || a.Counts[chat.KindUser] != (chat.Count{Written: 1}) {
			t.Error(a.Counts)
			t.Error(a.Counts)
		}
		if get(t, db, messageN(1, 1).ID).Text != messageN(1, 1).Text || get(t, db, userN(1).ID).Name != userN(1).Name || get(t, db, local.ID).Text != local.Text {
			t.Error("not mended, or too much")
		}
	})
}

func TestMoves(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		t.Run("a run goes on at its cursor, and an older mover is refused", func(t *testing.T) {
			old := begin(t, db, "one")
			b := old.batch(incoming(userN(1)))
			b.Counts = chat.Counts{chat.KindUser: {Read: 1, Repaired: 1}}
			b.Progress = []byte(`{"phase":"users"}`)
			b.Notes = []chat.Note{{Kind: chat.NoteRepair, Object: chat.KindUser, Where: "users.json 1", Reason: "a NUL", Raw: make([]byte, 100<<10)}}
			old.send(b)
			again := begin(t, db, "one")
			s := again.state
			if s.Run != 1 || s.Cursor != b.To || s.Counts[chat.KindUser] != (chat.Count{Read: 1, Repaired: 1, Written: 1}) || string(s.Progress) != `{"phase":"users"}` {
				t.Errorf("%+v", s)
			}
			if _, err := db.Apply(ctx(t), old.batch(incoming(userN(2)))); !chat.IsKind(err, chat.Conflict) {
				t.Error("the older mover was not refused:", err)
			}
			wrong := again.batch(nil)
			wrong.From = "elsewhere"
			if _, err := db.Apply(ctx(t), wrong); !chat.IsKind(err, chat.Conflict) {
				t.Error("a wrong cursor was not refused:", err)
			}
			if notes, _, err := db.Notes(ctx(t), "move", 0, 5); err != nil || len(notes) != 1 || len(notes[0].Raw) != 64<<10 || notes[0].Run != 1 {
				t.Error(len(notes), err)
			}
			again.done()
			if _, err := db.Apply(ctx(t), again.batch(nil)); !chat.IsKind(err, chat.Conflict) {
				t.Error("a run that is over took a batch:", err)
			}
		})
		t.Run("the next run starts afresh", func(t *testing.T) {
			if s := begin(t, db, "one").state; s.Run != 2 || s.Cursor != "" || s.Done || len(s.Counts) != 0 {
				t.Errorf("%+v", s)
			}
			if s := begin(t, db, "two").state; s.Run != 3 {
				t.Errorf("another artefact goes on with a run: %+v", s)
			}
		})
		t.Run("another server under the same source name is refused", func(t *testing.T) {
			_, err := db.Begin(ctx(t), chat.MoveSpec{Name: "other", Source: "hq", Artefact: "x", Fingerprint: []string{"user 1 2016"}})
			if !chat.IsKind(err, chat.Conflict) {
				t.Error(err)
			}
			if _, err := db.Begin(ctx(t), chat.MoveSpec{Name: "move", Source: "else", Artefact: "x"}); !chat.IsKind(err, chat.Conflict) {
				t.Error("a move changed its source:", err)
			}
			if moves, err := db.Moves(ctx(t)); err != nil || len(moves) != 1 || moves[0].Name != "move" {
				t.Error(moves, err)
			}
			if _, err := db.Move(ctx(t), "none"); !chat.IsKind(err, chat.NotFound) {
				t.Error(err)
			}
		})
		t.Run("a batch is applied whole or not at all", func(t *testing.T) {
			m := begin(t, db, "three")
			before := head(t, db)
			bad := messageN(9, 1)
			bad.Text = "\xff"
			if _, err := db.Apply(ctx(t), m.batch(incoming(userN(9), bad))); !chat.IsKind(err, chat.Invalid) {
				t.Error(err)
			}
			stopped, cancel := context.WithCancel(ctx(t))
			cancel()
			if _, err := db.Apply(stopped, m.batch(incoming(userN(9)))); err == nil {
				t.Error("a cancelled batch was applied")
			}
			if head(t, db) != before {
				t.Error(before, head(t, db))
			}
		})
	})
}

func TestTally(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		objects := []chat.Object{userN(1), roomN(1), roomN(2), &chat.ReadMark{Room: roomN(1).ID, User: userN(1).ID, Read: 5}}
		for i := range 300 {
			objects = append(objects, messageN(i*700, i%2+1))
		}
		early := messageN(5000, 1)
		early.Sent = -5
		objects = append(objects, early)
		m.apply(objects...)
		put(t, db, userN(50), messageN(9999, 1)) // made here: does not count
		local := messageN(700, 2)
		local.Text = "edited here"
		put(t, db, local)
		q := chat.TallyQuery{Source: "hq", Days: []chat.RoomID{roomN(1).ID}, Kinds: []chat.Kind{chat.KindUser},
			Lists: []chat.RoomDay{{Room: roomN(1).ID, Day: 0}, {Room: roomN(2).ID, Day: start.Day()}}}
		want := sum(objects, q)
		want.Since = 1
		for _, level := range []chat.Level{chat.L1, chat.L2, chat.L3} {
			q.Level = level
			got, err := db.Tally(ctx(t), q)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("L%d:\n%v\nwant\n%v", level, got, want)
			}
		}
		t.Run("a damaged row is found by L2, not by L1", func(t *testing.T) {
			mustExec(t, path, `UPDATE messages SET text = 'damaged' WHERE pos = 30`)
			mustExec(t, path, `UPDATE objects SET body = '{' WHERE pos = 1`)
			for level, same := range map[chat.Level]bool{chat.L1: true, chat.L2: false} {
				got, err := db.Tally(ctx(t), chat.TallyQuery{Source: "hq", Level: level})
				if err != nil {
					t.Fatal(err)
				}
				if (fmt.Sprint(got.Rooms) == fmt.Sprint(want.Rooms)) != same || (got.Kinds[chat.KindUser] == want.Kinds[chat.KindUser]) != same {
					t.Errorf("L%d: same is not %v", level, same)
				}
			}
		})
	})
}

// sum is what a source would say that it holds.
func sum(objects []chat.Object, q chat.TallyQuery) chat.Inventory {
	inv := chat.Inventory{Kinds: map[chat.Kind]chat.Tally{}, Rooms: map[chat.RoomID]chat.Tally{}, Days: map[chat.RoomID]map[chat.Day]chat.Tally{},
		Lists: map[chat.RoomID]map[chat.Key]uint64{}, Each: map[chat.Kind]map[chat.Key]uint64{}}
	for _, r := range q.Days {
		inv.Days[r] = map[chat.Day]chat.Tally{}
	}
	for _, l := range q.Lists {
		inv.Lists[l.Room] = map[chat.Key]uint64{}
	}
	for _, k := range q.Kinds {
		inv.Each[k] = map[chat.Key]uint64{}
	}
	for _, o := range objects {
		d := chat.Digest(o)
		m, ok := o.(*chat.Message)
		if !ok {
			if o.Kind().Digested() {
				n := inv.Kinds[o.Kind()]
				n.Add(d)
				inv.Kinds[o.Kind()] = n
			}
			if each := inv.Each[o.Kind()]; each != nil {
				each[o.Key()] = d
			}
			continue
		}
		n := inv.Rooms[m.Room]
		n.Add(d)
		inv.Rooms[m.Room] = n
		if days := inv.Days[m.Room]; days != nil {
			n := days[m.Sent.Day()]
			n.Add(d)
			days[m.Sent.Day()] = n
		}
		for _, l := range q.Lists {
			if l == (chat.RoomDay{Room: m.Room, Day: m.Sent.Day()}) {
				inv.Lists[m.Room][m.Key()] = d
			}
		}
	}
	return inv
}

func TestFiles(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		content := func(n int) chat.ContentID { return chat.ContentID(key("content", n)) }
		var objects []chat.Object
		for i := range 30 {
			objects = append(objects, &chat.File{ID: chat.FileID(key("file", i)), Room: roomN(1).ID, Message: messageN(i, 1).ID, Name: "../../etc/passwd",
				Contents: []chat.ContentID{content(100 + i), content(i)}})
			if i%3 != 0 {
				objects = append(objects, &chat.Content{ID: content(i), Hash: fmt.Sprint(i % 2), Size: 100})
			}
		}
		m.apply(objects...)
		seen := 0
		var after chat.Key
		for {
			list, err := db.MissingFiles(ctx(t), "hq", after, 4)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			seen += len(list)
			after = list[len(list)-1].Key()
		}
		if seen != 10 {
			t.Errorf("%d files miss their bytes, want 10", seen)
		}
		err := db.View(ctx(t), func(r chat.Reader) error {
			n, err := r.Count()
			if n.Kinds[chat.KindFile] != 30 || n.Kinds[chat.KindContent] != 20 || n.Bytes != 200 || n.Database <= 0 {
				t.Errorf("%+v", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestJoin(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		placeholder := userN(2)
		placeholder.Role = chat.RolePlaceholder
		private := roomN(3)
		private.Type = chat.RoomPrivate
		m.apply(userN(0), userN(1), placeholder, roomN(1), roomN(2), private, &chat.Member{Room: roomN(2).ID, User: userN(9).ID},
			&chat.Member{Room: roomN(1).ID, User: userN(8).ID, Admin: true}) // who leads a room does not say who is in it
		for i := range 30 {
			m.apply(messageN(i, i%3+1), messageN(100+i, 1))
		}
		for want := int64(2); want >= 0; want -= 2 {
			if n, err := db.Join(ctx(t), "hq"); err != nil || n != want {
				t.Errorf("%d joined, want %d, %v", n, want, err)
			}
		}
		if in := listed[chat.Member](t, db, chat.Query{Index: chat.Index{A: roomN(1).Key()}}); len(in) != 3 {
			t.Error(in)
		}
		left := &chat.Member{Room: roomN(1).ID, User: userN(0).ID, Gone: true}
		if err := db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(left) }); err != nil {
			t.Fatal(err)
		}
		m.done()
		m = begin(t, db, "one")
		m.apply(userN(4), messageN(500, 1))
		if n, err := db.Join(ctx(t), "hq"); err != nil || n != 0 {
			t.Errorf("%d joined who were there, or had left, %v", n, err)
		}
		newcomer := messageN(501, 1)
		newcomer.Author = userN(4).ID
		m.apply(newcomer)
		if n, err := db.Join(ctx(t), "hq"); err != nil || n != 1 {
			t.Errorf("%d joined of one who wrote for the first time, %v", n, err)
		}
	})
}
