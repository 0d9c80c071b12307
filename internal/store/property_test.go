package store_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// pair is the same place in both databases.
type pair struct {
	t      *rapid.T
	tb     testing.TB
	dbs    [2]*store.DB
	movers [2]*mover
	run    int
}

// The same random operations on both databases leave the same, positions
// included.
func TestBothAgree(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		p := &pair{t: rt, tb: t}
		p.dbs = [2]*store.DB{open(t, filepath.Join(dir, fmt.Sprint(n, ".db"))), open(t, testkit.Postgres(t))}
		defer func() {
			for _, db := range p.dbs {
				db.Close()
			}
		}()
		p.begin()
		rt.Repeat(map[string]func(*rapid.T){
			"put":    p.put,
			"apply":  p.apply,
			"begin":  func(*rapid.T) { p.begin() },
			"index":  func(*rapid.T) { p.each(func(db *store.DB) any { indexAll(t, db); return nil }) },
			"search": p.search,
			"read":   p.read,
			"join": func(*rapid.T) {
				p.each(func(db *store.DB) any { n, err := db.Join(ctx(t), "hq"); return fmt.Sprint(n, err) })
			},
			"": p.compare,
		})
	})
}

// each does the same in both, and compares what it gives.
func (p *pair) each(do func(*store.DB) any) {
	p.t.Helper()
	one, two := do(p.dbs[0]), do(p.dbs[1])
	if !reflect.DeepEqual(one, two) {
		p.t.Fatalf("SQLite:\n%v\nPostgres:\n%v", one, two)
	}
}

func (p *pair) begin() {
	p.run++
	artefact := fmt.Sprint(p.run)
	for i, db := range p.dbs {
		p.movers[i] = begin(p.tb, db, artefact)
	}
}

// draw makes a random object of few, so that they meet again.
func draw(t *rapid.T) chat.Object {
	n := rapid.IntRange(0, 5).Draw(t, "n")
	word := rapid.SampledFrom([]string{"", "red", "blue fish", "RÉD \"x", "赤い魚", "a_b %", "\\", "x\x01y", "it's"}).Draw(t, "word")
	gone := rapid.IntRange(0, 9).Draw(t, "gone") == 0
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0:
		u := userN(n)
		u.Title, u.Gone, u.Name = word, gone, u.Name+word
		return u
	case 1:
		r := roomN(n % 3)
		r.Topic = word
		r.Type = rapid.SampledFrom([]chat.RoomType{chat.RoomOpen, chat.RoomPrivate}).Draw(t, "type")
		r.State = rapid.SampledFrom([]chat.RoomState{chat.RoomActive, chat.RoomArchived, chat.RoomDeleted}).Draw(t, "state")
		return r
	case 2:
		return &chat.Member{Room: roomN(n % 3).ID, User: userN(n).ID, Star: word == "", Gone: gone}
	case 3:
		return &chat.Token{ID: chat.ID[chat.Token](key("token", n)), Name: word, Hash: fmt.Sprint(n), Scopes: []chat.Scope{chat.ScopeMove}, Gone: gone}
	case 4:
		return &chat.Revision{ID: chat.ID[chat.Revision](key("revision", n)), Message: messageN(n*5000, n%3).ID, Text: word, Extra: &chat.Extra{Label: word}, Gone: gone}
	case 5:
		return &chat.Saved{User: userN(n % 2).ID, Message: messageN(n*5000, n%3).ID, At: start, Gone: gone}
	case 6:
		return &chat.Follow{Thread: messageN(n*5000, n%3).ID, User: userN(n % 2).ID, Room: roomN(n % 3).ID, Read: start + chat.Time(n), Gone: gone}
	}
	m := messageN(n*5000, n%3)
	m.Text, m.Gone = word, gone
	if n > 2 && rapid.Bool().Draw(t, "reply") {
		m.Thread, m.Shown = messageN((n-3)*5000, n%3).ID, rapid.Bool().Draw(t, "shown")
	}
	if word == "red" {
		m.Extra = chat.Extra{Label: "bot", Color: "green", Card: []byte(`{"a":[1,2]}`), Files: []chat.FileID{{1}}, Shown: m.Shown, Everyone: chat.EveryoneHere}
	}
	return m
}

func (p *pair) put(t *rapid.T) {
	objects := rapid.SliceOfN(rapid.Custom(draw), 1, 4).Draw(t, "objects")
	fail := rapid.IntRange(0, 5).Draw(t, "fail") == 0
	p.each(func(db *store.DB) any {
		err := db.Update(ctx(p.tb), func(tx chat.Tx) error {
			if err := tx.Put(objects...); err != nil {
				return err
			}
			if fail {
				return chat.Errorf(chat.Denied, "no")
			}
			list, err := tx.List(chat.Query{Kind: objects[0].Kind(), Limit: 3})
			if err != nil || len(list) > 3 {
				p.t.Error(list, err)
			}
			return err
		})
		return fmt.Sprint(err)
	})
}

func (p *pair) apply(t *rapid.T) {
	items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chat.Incoming {
		how := rapid.IntRange(0, 4).Draw(t, "how")
		return chat.Incoming{Object: draw(t), Copy: how == 0, Copied: how == 1}
	}), 0, 12).Draw(t, "items")
	one, two := p.movers[0].send(p.movers[0].batch(items)), p.movers[1].send(p.movers[1].batch(items))
	one.Held, two.Held, one.Shared, two.Shared = 0, 0, false, false
	if !reflect.DeepEqual(one, two) {
		t.Fatalf("SQLite:\n%+v\nPostgres:\n%+v", one, two)
	}
}

func (p *pair) search(t *rapid.T) {
	q := chat.SearchQuery{Limit: rapid.IntRange(1, 5).Draw(t, "limit"), Terms: chat.Terms(rapid.SampledFrom([]string{"red", "blue", "fish blue", "赤い", "a_b", "x", "s", ""}).Draw(t, "words"), true),
		Prefix: rapid.Bool().Draw(t, "prefix"), Guest: rapid.Bool().Draw(t, "guest"), Viewer: userN(rapid.IntRange(0, 5).Draw(t, "viewer")).ID,
		HasFile: rapid.IntRange(0, 4).Draw(t, "file") == 0}
	if rapid.Bool().Draw(t, "in") {
		q.Room = roomN(rapid.IntRange(0, 2).Draw(t, "room")).ID
	}
	if rapid.Bool().Draw(t, "older") {
		q.Older = &chat.Anchor{Sent: messageN(rapid.IntRange(0, 5).Draw(t, "anchor")*5000, 0).Sent}
	}
	p.each(func(db *store.DB) any { return searchFor(p.tb, db, q) })
}

func (p *pair) read(t *rapid.T) {
	page := chat.HistoryQuery{Room: roomN(rapid.IntRange(0, 2).Draw(t, "room")).ID, Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
	anchor := &chat.Anchor{Sent: messageN(rapid.IntRange(0, 5).Draw(t, "anchor")*5000, 0).Sent}
	switch rapid.IntRange(0, 2).Draw(t, "way") {
	case 0:
		page.Before = anchor
	case 1:
		page.After = anchor
	}
	thread := page
	thread.Thread = messageN(rapid.IntRange(0, 2).Draw(t, "thread")*5000, 0).ID
	list := chat.Query{Kind: rapid.SampledFrom([]chat.Kind{chat.KindUser, chat.KindRoom, chat.KindMember, chat.KindMessage, chat.KindRevision, chat.KindSaved, chat.KindFollow}).Draw(t, "kind"), Gone: rapid.Bool().Draw(t, "gone"), Limit: rapid.IntRange(0, 3).Draw(t, "most")}
	list.Index.Find = rapid.SampledFrom([]string{"", "red", "user blue", "%", `\`, "_b", "it's"}).Draw(t, "find")
	after := chat.Position(rapid.IntRange(0, 30).Draw(t, "after"))
	p.each(func(db *store.DB) any {
		var all []any
		err := db.View(ctx(p.tb), func(r chat.Reader) error {
			h, err1 := r.History(page)
			replies, err4 := r.History(thread)
			threads, err5 := r.Threads([]chat.MessageID{messageN(0, 0).ID, messageN(5000, 0).ID, messageN(10000, 0).ID})
			all = append(all, show(replies), fmt.Sprint(threads), err4, err5)
			l, err2 := r.List(list)
			c, next, err3 := r.Changes(after, 7)
			all = append(all, show(h), show(l), fmt.Sprint(c, next), err1, err2, err3)
			return nil
		})
		return append(all, err)
	})
}

func show[T chat.Object](list []T) (lines []string) {
	for _, o := range list {
		lines = append(lines, fmt.Sprintf("%s %x", o.Key(), chat.Digest(o)))
	}
	return lines
}

// compare looks at all that can be read.
func (p *pair) compare(t *rapid.T) {
	p.each(func(db *store.DB) any {
		list, next := changes(p.tb, db, 0, 10_000)
		var log []string
		for _, c := range list {
			log = append(log, fmt.Sprintf("%s %x", c, chat.Digest(c.Object)))
		}
		tallies := [2]string{}
		q := chat.TallyQuery{Source: "hq", Days: []chat.RoomID{roomN(0).ID}, Lists: []chat.RoomDay{{Room: roomN(1).ID, Day: start.Day()}}, Kinds: []chat.Kind{chat.KindUser, chat.KindToken}}
		for i := range tallies {
			q.Level = chat.Level(i + 1)
			inv, err := db.Tally(ctx(p.tb), q)
			tallies[i] = fmt.Sprint(inv, err)
		}
		if tallies[0] != tallies[1] {
			t.Fatalf("what is stored differs from what was recomputed:\n%s\n%s", tallies[0], tallies[1])
		}
		var totals chat.Totals
		err := db.View(ctx(p.tb), func(r chat.Reader) (err error) { totals, err = r.Count(); return err })
		totals.Database = 0
		state, merr := db.Move(ctx(p.tb), "move")
		notes, _, nerr := db.Notes(ctx(p.tb), "move", 0, 1000)
		tokens := listed[chat.Token](p.tb, db, chat.Query{Gone: true})
		return fmt.Sprint(slices.Concat(log, tallies[:]), next, totals, err, state.Counts, state.Start, state.Run, merr, notes, nerr, show(tokens))
	})
}
