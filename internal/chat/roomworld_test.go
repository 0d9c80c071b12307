package chat_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// place is a place with people, over a real database.
type place struct {
	t     testing.TB
	db    *store.DB
	s     *chat.Service
	users map[string]*chat.User
	n     int
}

func bothPlaces(t *testing.T, test func(*testing.T, *place)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, newPlace(t, filepath.Join(t.TempDir(), "godwit.db"))) })
	t.Run("Postgres", func(t *testing.T) { test(t, newPlace(t, testkit.Postgres(t))) })
}

func sqlitePlace(t testing.TB) *place {
	return newPlace(t, filepath.Join(t.TempDir(), "godwit.db"))
}

func newPlace(t testing.TB, path string) *place {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &place{t: t, db: db, users: map[string]*chat.User{}, s: &chat.Service{
		Store: db,
		Hash:  func(_ context.Context, password string) (string, error) { return "plain:" + password, nil },
		Check: func(_ context.Context, stored, password string) (bool, error) {
			return stored == "plain:"+password, nil
		},
	}}
	for name, role := range map[string]chat.Role{
		"boss": chat.RoleOwner, "admin": chat.RoleAdmin, "ann": chat.RoleMember, "ben": chat.RoleMember, "cid": chat.RoleMember,
		"dee": chat.RoleMember, "old": chat.RoleMember, "guest": chat.RoleGuest,
	} {
		p.user(name, role)
	}
	p.put(&chat.Match{Imported: p.users["old"].ID, Local: p.users["dee"].ID})
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) put(objects ...chat.Object) {
	p.t.Helper()
	p.must(p.db.Update(context.Background(), func(tx chat.Tx) error { return tx.Put(objects...) }))
}

func (p *place) user(name string, role chat.Role) *chat.User {
	u := &chat.User{ID: chat.UserID(chat.DeriveKey(0, "test", "user", name)), Name: name, Mention: name, Email: name + "@example.org", Role: role}
	p.users[name] = u
	p.put(u)
	return u
}

func (p *place) id(name string) chat.UserID { return p.users[name].ID }

func (p *place) ids(names string) (list []chat.UserID) {
	for _, n := range strings.Fields(names) {
		list = append(list, p.id(n))
	}
	return list
}

// as is somebody who asks; "operator" is who has the machine.
func (p *place) as(name string) *chat.Actor {
	p.t.Helper()
	r, err := p.s.Roster(context.Background())
	p.must(err)
	if name == "operator" {
		return &chat.Actor{Operator: true, Roster: r}
	}
	return &chat.Actor{User: r.Users[p.id(name)], Also: r.Identities(p.id(name)), Roster: r}
}

// room makes a room that ann owns, with others in it; "ben!" looks after it.
func (p *place) room(name string, typ chat.RoomType, members string) chat.RoomID {
	p.t.Helper()
	p.n++
	plain := strings.ReplaceAll(members, "!", "")
	v, err := p.s.CreateRoom(context.Background(), p.as("ann"), chat.NewRoom{Name: name, Type: typ, People: p.ids(plain), Nonce: fmt.Sprintf("nonce %d of a room", p.n)})
	p.must(err)
	for _, m := range strings.Fields(members) {
		if who, keeper := strings.CutSuffix(m, "!"); keeper {
			p.must(p.s.SetMemberAdmin(context.Background(), p.as("ann"), v.ID, p.id(who), true))
		}
	}
	return v.ID
}

func (p *place) get(id chat.RoomID) (room *chat.Room) {
	p.t.Helper()
	p.must(p.db.View(context.Background(), func(r chat.Reader) (err error) {
		room, err = chat.Get[chat.Room](r, id)
		return err
	}))
	return room
}

// members says who is in a room, and with a "!" who looks after it.
func (p *place) members(id chat.RoomID) string {
	p.t.Helper()
	var names []string
	p.must(p.db.View(context.Background(), func(r chat.Reader) error {
		list, err := chat.List[chat.Member](r, chat.Query{Index: chat.Index{A: chat.Key(id)}})
		for _, m := range list {
			u, err := chat.Get[chat.User](r, m.User)
			if err != nil {
				return err
			}
			name := u.Name
			if m.Admin {
				name += "!"
			}
			names = append(names, name)
		}
		return err
	}))
	slices.Sort(names)
	return strings.Join(names, " ")
}

// history is what stands in a room, one line a message.
func (p *place) history(id chat.RoomID) []string {
	p.t.Helper()
	var lines []string
	p.must(p.db.View(context.Background(), func(r chat.Reader) error {
		list, err := r.History(chat.HistoryQuery{Room: id, Limit: 1000})
		for _, m := range list {
			typ, _ := m.Type.MarshalText()
			who := "-"
			if u, err := chat.Get[chat.User](r, m.Author); err == nil {
				who = u.Name
			}
			lines = append(lines, fmt.Sprintf("%s %s: %s", typ, who, m.Text))
		}
		return err
	}))
	return lines
}

func (p *place) last(id chat.RoomID) string {
	p.t.Helper()
	h := p.history(id)
	if len(h) == 0 {
		return ""
	}
	return h[len(h)-1]
}

// audits lists what administrators find written down.
func (p *place) audits() (list []string) {
	p.t.Helper()
	p.must(p.db.View(context.Background(), func(r chat.Reader) error {
		all, err := chat.List[chat.Audit](r, chat.Query{})
		for _, a := range all {
			list = append(list, a.Action)
		}
		return err
	}))
	return list
}

func wantKind(t *testing.T, what string, err error, kind chat.ErrorKind) {
	t.Helper()
	if !chat.IsKind(err, kind) {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}
