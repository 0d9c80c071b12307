package store_test

import (
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestTheFirstCopyIsNotLookedForWhereTheSecondWasEqual(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		own, changed := messageN(1, 1), messageN(1, 1)
		changed.Text = "edited at the source"
		second := func(m *chat.Message) []chat.Incoming { return []chat.Incoming{{Object: m, Copy: true}} }
		first := func(m *chat.Message) []chat.Incoming { return []chat.Incoming{{Object: m, Copied: true}} }
		run := func(artefact string, items ...[]chat.Incoming) chat.Count {
			m, n := begin(t, db, artefact), chat.Counts{}
			for _, i := range items {
				n.Add(m.send(m.batch(i)).Counts)
			}
			m.done()
			return n[chat.KindMessage]
		}
		if n := run("one", second(own), first(own)); n != (chat.Count{Written: 1, Unchanged: 1}) {
			t.Error("at first:", n)
		}
		pos := head(t, db).Pos
		if n := run("one", second(own), first(own)); n != (chat.Count{Deduplicated: 1, Unchanged: 1}) || head(t, db).Pos != pos {
			t.Error("again:", n)
		}
		if n := run("two", second(own), first(changed), first(changed)); n != (chat.Count{Deduplicated: 1, Written: 1, Unchanged: 1}) {
			t.Error("the first copy is another:", n)
		}
		if n := run("three", second(own), first(own)); n != (chat.Count{Deduplicated: 1, Written: 1}) || get(t, db, own.ID).Text != own.Text {
			t.Error("back again:", n)
		}
		here := messageN(1, 1)
		here.Text = "edited here"
		put(t, db, here)
		if n := run("three", second(own), first(own)); n != (chat.Count{Deduplicated: 1, Unchanged: 1}) || get(t, db, own.ID).Text != here.Text {
			t.Error("edited here:", n)
		}
		if n := run("four", second(own), first(own), first(changed)); n != (chat.Count{Deduplicated: 1, Unchanged: 1, Conflict: 1}) || get(t, db, own.ID).Text != here.Text {
			t.Error("edited at both ends:", n)
		}
	})
}

func TestMessagesAreFoundWhateverOrderTheyComeIn(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		const n, batch = 6000, 1000
		order := func(i int) int { return i }
		run := func(artefact string) (sum chat.Count) {
			m, counts := begin(t, db, artefact), chat.Counts{}
			for i := 0; i < n; i += batch {
				var list []chat.Object
				for k := range batch {
					list = append(list, messageN(order(i+k), 1))
				}
				counts.Add(m.apply(list...).Counts)
			}
			m.done()
			return counts[chat.KindMessage]
		}
		if c := run("one"); c != (chat.Count{Written: n}) {
			t.Fatal(c)
		}
		edited := messageN(900, 1)
		edited.Text = "edited here, and so at the end of the log"
		put(t, db, edited)
		pos := head(t, db).Pos
		for name, o := range map[string]func(i int) int{
			"the same":           func(i int) int { return i },
			"backwards":          func(i int) int { return n - 1 - i },
			"all over the place": func(i int) int { return i * 2999 % n },
			"every other twice":  func(i int) int { return i / 2 },
		} {
			order = o
			if c := run("one"); c != (chat.Count{Unchanged: n}) || head(t, db).Pos != pos {
				t.Error(name, c)
			}
		}
	})
}
