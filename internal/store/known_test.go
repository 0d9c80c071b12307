package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestWhatOthersWroteDuringAnImportIsNotTakenForNew(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		m := begin(t, db, "one")
		m.apply(userN(1), messageN(1, 1))
		t.Run("by way of the store", func(t *testing.T) {
			other := db
			if strings.HasPrefix(path, "postgres") {
				other = open(t, path)
			}
			put(t, other, messageN(2, 1))
			mine := messageN(2, 1)
			mine.Text = "the source's"
			a := m.apply(messageN(3, 1), mine, messageN(4, 1))
			if a.Counts[chat.KindMessage] != (chat.Count{Written: 2, Conflict: 1}) || get(t, db, mine.ID).Text == mine.Text {
				t.Error(a.Counts)
			}
		})
		t.Run("behind its back", func(t *testing.T) {
			from, to := messageN(4, 1).ID, messageN(5, 1).ID
			mustExec(t, path, fmt.Sprintf(`UPDATE messages SET id = %s WHERE id = %s`, literal(path, to), literal(path, from)))
			a := m.apply(messageN(5, 1), messageN(6, 1))
			if a.Counts[chat.KindMessage] != (chat.Count{Written: 1, Conflict: 1}) {
				t.Error(a.Counts)
			}
			if a := m.apply(messageN(6, 1), messageN(7, 1)); a.Counts[chat.KindMessage] != (chat.Count{Written: 1, Unchanged: 1}) {
				t.Error(a.Counts)
			}
		})
		t.Run("and what it wrote itself is known", func(t *testing.T) {
			changed := messageN(1, 1)
			changed.Text = "again"
			a := m.apply(messageN(1, 1), messageN(8, 1), messageN(8, 1), messageN(3, 1), changed)
			if a.Counts[chat.KindMessage] != (chat.Count{Written: 1, Unchanged: 3, Conflict: 1}) {
				t.Error(a.Counts)
			}
		})
	})
}

func literal(path string, id chat.MessageID) string {
	if strings.HasPrefix(path, "postgres") {
		return fmt.Sprintf(`'\x%x'`, id[:])
	}
	return fmt.Sprintf(`x'%x'`, id[:])
}

func TestABatchThatWasPreparedIsAppliedAsAnyOther(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		prepare := db.Prepare
		m := begin(t, db, "one")
		b := m.batch(incoming(userN(1), messageN(1, 1), messageN(2, 1)))
		prepare(&b)
		if a := m.send(b); a.Counts[chat.KindMessage].Written != 2 || a.Counts[chat.KindUser].Written != 1 || get(t, db, messageN(2, 1).ID).Text != messageN(2, 1).Text {
			t.Error(a.Counts)
		}
		bad := messageN(3, 1)
		bad.Text = "a NUL\x00"
		b = m.batch(incoming(bad))
		prepare(&b)
		if _, err := db.Apply(ctx(t), b); !chat.IsKind(err, chat.Invalid) {
			t.Error("a text that cannot be stored gives", err)
		}
		b = m.batch(incoming(messageN(2, 1), messageN(4, 1)))
		prepare(&b)
		b.From = "elsewhere"
		if _, err := db.Apply(ctx(t), b); !chat.IsKind(err, chat.Conflict) {
			t.Error("a batch from elsewhere gives", err)
		}
		b = m.batch(b.Items)
		prepare(&b)
		if a := m.send(b); a.Counts[chat.KindMessage] != (chat.Count{Written: 1, Unchanged: 1}) {
			t.Error(a.Counts)
		}
	})
}
