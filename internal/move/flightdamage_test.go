package move_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// sabotage applies what a faulty mover might.
func (p *spot) sabotage(t testing.TB, from *spot, items ...chat.Incoming) {
	t.Helper()
	st, err := from.party.Standing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log := st.LogID.String()
	m, err := p.party.Begin(t.Context(), chat.MoveSpec{Name: "hq", Source: "place " + log, Artefact: log})
	if err == nil {
		_, err = p.party.Apply(t.Context(), chat.Batch{Move: "hq", Fence: m.Fence, From: m.Cursor, To: m.Cursor, Mirror: true, Items: items})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any, P interface {
	*T
	chat.Object
}](t testing.TB, p *spot, id chat.ID[T]) P {
	t.Helper()
	var out P
	err := p.db.View(t.Context(), func(r chat.Reader) (err error) {
		out, err = chat.Get[T, P](r, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func find(t testing.TB, p *spot, kind chat.Kind, key chat.Key) chat.Object {
	t.Helper()
	var out chat.Object
	err := p.db.View(t.Context(), func(r chat.Reader) (err error) {
		out, err = r.Get(kind, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// messageN is the n-th message that furnish makes.
func messageN(n int) chat.MessageID {
	sent := chat.Time(1577836800000000) + chat.Time(n)*1_000_000
	return chat.MessageID(chat.DeriveKey(sent, "flight", "message", fmt.Sprint(n)))
}

func of(objects ...chat.Object) (list []chat.Incoming) {
	for _, o := range objects {
		list = append(list, chat.Incoming{Object: o})
	}
	return list
}

func gone(kind chat.Kind, key chat.Key) []chat.Incoming {
	return []chat.Incoming{{Absent: &chat.Ref{Kind: kind, Key: key}}}
}

// damages are the classes of damage that a verification must find, and how
// many differences each makes.
var damages = []struct {
	name   string
	differ int64
	level  chat.Level
	do     func(t testing.TB, from, to *spot)
}{
	{"a missing message", 1, chat.L1, func(t testing.TB, from, to *spot) {
		to.sabotage(t, from, gone(chat.KindMessage, chat.Key(messageN(41)))...)
	}},
	{"a changed letter", 1, chat.L1, func(t testing.TB, from, to *spot) {
		m := *get(t, to, messageN(42))
		m.Text = strings.Replace(m.Text, "m", "n", 1)
		to.sabotage(t, from, of(&m)...)
	}},
	{"a letter that was changed in the database", 1, chat.L2, func(t testing.TB, _, to *spot) {
		to.exec(t, `UPDATE messages SET text = 'nessage 43' WHERE text = 'message 43'`)
	}},
	{"a doubled message", 1, chat.L1, func(t testing.TB, from, to *spot) {
		m := *get(t, to, messageN(44))
		m.ID[15] ^= 1
		to.sabotage(t, from, of(&m)...)
	}},
	{"two messages that were swapped", 2, chat.L1, func(t testing.TB, from, to *spot) {
		a, b := *get(t, to, messageN(46)), *get(t, to, messageN(51))
		a.Sent, b.Sent = b.Sent, a.Sent
		to.sabotage(t, from, of(&a, &b)...)
	}},
	{"a wrong author", 1, chat.L1, func(t testing.TB, from, to *spot) {
		m := *get(t, to, messageN(48))
		m.Author = userN(7)
		to.sabotage(t, from, of(&m)...)
	}},
	{"a lost reaction", 1, chat.L1, func(t testing.TB, from, to *spot) {
		r := &chat.Reaction{Message: messageN(43), User: userN(1), Emoji: "👍"}
		to.sabotage(t, from, gone(chat.KindReaction, r.Key())...)
	}},
	{"a member too many", 1, chat.L1, func(t testing.TB, from, to *spot) {
		to.sabotage(t, from, of(&chat.Member{Room: roomN(1), User: userN(7)})...)
	}},
	{"a private room that became open", 1, chat.L1, func(t testing.TB, from, to *spot) {
		r := *get(t, to, roomN(1))
		r.Type = chat.RoomOpen
		to.sabotage(t, from, of(&r)...)
	}},
	{"a room too many", 1, chat.L1, func(t testing.TB, from, to *spot) {
		to.sabotage(t, from, of(&chat.Room{ID: roomN(99), Type: chat.RoomOpen, Name: "Not from there"})...)
	}},
	{"a lost token", 1, chat.L1, func(t testing.TB, from, to *spot) {
		to.sabotage(t, from, gone(chat.KindToken, key("token", 3))...)
	}},
	{"another password", 1, chat.L1, func(t testing.TB, from, to *spot) {
		c := *find(t, to, chat.KindCredential, chat.CredentialKey(userN(2), "password")).(*chat.Credential)
		c.Secret = "$argon2id$mine"
		to.sabotage(t, from, of(&c)...)
	}},
	{"a wrong read mark", 1, chat.L1, func(t testing.TB, from, to *spot) {
		r := *find(t, to, chat.KindReadMark, chat.PairKey(chat.Key(roomN(0)), chat.Key(userN(2)))).(*chat.ReadMark)
		r.Read += 1000
		to.sabotage(t, from, of(&r)...)
	}},
	{"a missing file", 1, chat.L3, func(t testing.TB, _, to *spot) {
		if err := os.Remove(to.bytesOf(t, 45)); err != nil {
			t.Fatal(err)
		}
	}},
	{"a truncated file", 1, chat.L3, func(t testing.TB, _, to *spot) {
		path := to.bytesOf(t, 65)
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 5); err != nil {
			t.Fatal(err)
		}
	}},
}

// bytesOf finds the file with the bytes of the file of message n.
func (p *spot) bytesOf(t testing.TB, n int) (path string) {
	t.Helper()
	want := []byte(fmt.Sprintf("bytes of the file of message %d", n))
	err := filepath.WalkDir(p.dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(at)
		if bytes.Equal(data, want) {
			path = at
		}
		return err
	})
	if err != nil || path == "" {
		t.Fatal("no such file", err)
	}
	return path
}

// exec changes one row of the database behind the store's back.
func (p *spot) exec(t testing.TB, query string) {
	t.Helper()
	if n := p.raw(t, query); n != 1 {
		t.Fatalf("%d rows were changed", n)
	}
}

// raw runs a statement behind the store's back.
func (p *spot) raw(t testing.TB, query string) (rows int64) {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(p.path, "postgres:") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, p.path)
	if err == nil {
		var res sql.Result
		if res, err = db.Exec(query); err == nil {
			rows, _ = res.RowsAffected()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestEveryClassOfDamageIsFoundAndRepaired(t *testing.T) {
	each := map[string]string{"SQLite": filepath.Join(t.TempDir(), "to.db"), "Postgres": testkit.Postgres(t)}
	for name, path := range each {
		t.Run(name, func(t *testing.T) {
			everyDamage(t, openSpot(t, filepath.Join(t.TempDir(), "from.db")), openSpot(t, path))
		})
	}
}

func everyDamage(t *testing.T, from, to *spot) {
	from.furnish(t, 200)
	r := fly(t, flight(t, from, to))
	r.reach(move.StageFollow)
	until(t, "the first round is clean", func() bool { return r.Status().Verify.Clean != nil })
	r.end()
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			d.do(t, from, to)
			for level := chat.L1; level < d.level; level++ {
				if n := verify(t, from, to, level, false).Verify.Differences; n != 0 {
					t.Errorf("L%d finds %d differences, and cannot see it", level, n)
				}
			}
			if n := verify(t, from, to, d.level, false).Verify.Differences; n != d.differ {
				t.Errorf("L%d finds %d differences, not %d", d.level, n, d.differ)
			}
			mended := verify(t, from, to, d.level, true)
			if mended.Verify.Differences != 0 || mended.Verify.Repaired != d.differ || !mended.OK {
				t.Errorf("of %d differences %d were repaired, and %d are left", d.differ, mended.Verify.Repaired, mended.Verify.Differences)
			}
			if n := verify(t, from, to, chat.L3, false); n.Verify.Differences != 0 || len(n.Verify.Classes) == 0 {
				t.Errorf("after the repair: %+v", n.Verify)
			}
		})
	}
}

func TestAWrongDigestAtTheSourceStopsNobody(t *testing.T) {
	from, to := lites(t)
	from.furnish(t, 100)
	for _, kind := range []string{"objects WHERE kind = 3", "messages"} {
		table, where, _ := strings.Cut(kind, " WHERE ")
		if where == "" {
			where = "1 = 1"
		}
		from.exec(t, `UPDATE `+table+` SET digest = digest + 1 WHERE id = (SELECT min(id) FROM `+table+` WHERE `+where+`) AND `+where)
	}
	r := following(t, flight(t, from, to))
	until(t, "it says so", func() bool {
		for _, l := range r.Status().Log {
			if strings.Contains(l.Text, "wrong digest") {
				return true
			}
		}
		return false
	})
	r.do(move.OrderCutover)
	if s := to.state(t); s != chat.Open {
		t.Errorf("the new place is %s", s)
	}
}

func verify(t testing.TB, from, to *spot, level chat.Level, repair bool) *move.Report {
	t.Helper()
	r, err := flight(t, from, to).Verify(context.Background(), level, repair)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
