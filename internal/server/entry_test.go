package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestSignIn(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, login := range []string{"member", "MEMBER", "@member", " Member@EXAMPLE.org ", "imported"} {
			if _, err := api.NewClient(w.url).SignIn(t.Context(), login, password); err != nil {
				t.Errorf("%q: %v", login, err)
			}
		}
		for _, c := range []struct{ name, login, password string }{
			{"a wrong password", "owner", "something else"}, {"nobody", "nobody@example.org", password}, {"nothing", "", ""},
			{"a password in other case", "owner", strings.ToUpper(password)}, {"one who left", "left", password}, {"a placeholder", "ghost", password},
			{"a very long password", "owner", strings.Repeat("x", 100_000)}, {"a part of a name", "own", password}, {"NUL", "owner\x00", password},
		} {
			_, err := api.NewClient(w.url).SignIn(t.Context(), c.login, c.password)
			if !chat.IsKind(err, chat.Unknown) || !strings.Contains(err.Error(), "do not belong together") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	})
}

func TestSignInTakesAsLongForNobody(t *testing.T) {
	w := sqlite(t)
	took := func(login string) time.Duration {
		best := time.Hour
		for range 3 {
			from := time.Now()
			_, _, err := w.service.SignIn(t.Context(), login, "not the password", "")
			if !chat.IsKind(err, chat.Unknown) {
				t.Fatal(err)
			}
			best = min(best, time.Since(from))
		}
		return best
	}
	// What else the machine does makes single rounds differ; without the work
	// of a hash, all would.
	var known, unknown time.Duration
	for range 10 {
		if known, unknown = took("member"), took("nobody"); unknown >= known/2 && known >= unknown/3 {
			return
		}
	}
	t.Errorf("%v for somebody, %v for nobody", known, unknown)
}

func TestTooManyTries(t *testing.T) {
	w := sqlite(t)
	var err error
	tries := 0
	for ; tries < 50 && !chat.IsKind(err, chat.TooMany); tries++ {
		_, err = api.NewClient(w.url).SignIn(t.Context(), "owner", "wrong")
	}
	if tries > 20 {
		t.Errorf("%d tries were possible", tries)
	}
	body, _ := json.Marshal(api.SignIn{Login: "owner", Password: "wrong"})
	resp, err := http.Post(w.url+"/api/v1/session", "application/json", bytes.NewReader(body))
	w.must(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	t.Run("somebody else is not kept out", func(t *testing.T) { w.as("member") })
}

func TestSessions(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		_, err := c.Start(t.Context())
		w.must(err)
		w.must(c.SignOut(t.Context()))
		_, err = c.Start(t.Context())
		if !chat.IsKind(err, chat.Unknown) {
			t.Errorf("after signing out: %v", err)
		}
		t.Run("one that has expired is none", func(t *testing.T) {
			c := w.as("member")
			w.ageSessions(-time.Minute)
			_, err := c.Start(t.Context())
			if !chat.IsKind(err, chat.Unknown) {
				t.Error(err)
			}
			_, err = c.Post(t.Context(), w.roomID("open"), "hello", "nonce-1234")
			if !chat.IsKind(err, chat.Unknown) {
				t.Error(err)
			}
			state := func(from, to chat.State) {
				_, err := w.store.SetState(t.Context(), from, to)
				w.must(err)
			}
			state(chat.Open, chat.Receiving)
			n, err := w.service.Sweep(t.Context())
			if err != nil || n != 0 {
				t.Errorf("a place that becomes like another swept %d by itself, %v", n, err)
			}
			state(chat.Receiving, chat.Open)
			n, err = w.service.Sweep(t.Context())
			if err != nil || n == 0 {
				t.Errorf("swept %d, %v", n, err)
			}
		})
		t.Run("one that is half over is renewed", func(t *testing.T) {
			c := w.as("member")
			w.ageSessions(24 * time.Hour)
			_, err := c.Start(t.Context())
			w.must(err)
			list, err := w.service.Sessions(t.Context(), chat.Operator(), w.users["member"].ID)
			w.must(err)
			if len(list) != 1 || time.Until(list[0].Expires.Std()) < 29*24*time.Hour {
				t.Errorf("%+v", list)
			}
		})
		t.Run("somebody's sessions can be ended by them and by administrators, and by nobody else", func(t *testing.T) {
			c := w.as("member")
			outsider := &chat.Actor{User: w.users["outsider"]}
			if _, err := w.service.EndSessions(t.Context(), outsider, w.users["member"].ID); !chat.IsKind(err, chat.Denied) {
				t.Error(err)
			}
			if _, err := w.service.Sessions(t.Context(), outsider, w.users["member"].ID); !chat.IsKind(err, chat.Denied) {
				t.Error(err)
			}
			n, err := w.service.EndSessions(t.Context(), chat.Operator(), w.users["member"].ID)
			if err != nil || n != 2 {
				t.Errorf("%d, %v", n, err)
			}
			if _, err := c.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
				t.Error(err)
			}
		})
	})
}

// ageSessions makes all sessions end after a while from now.
func (w *world) ageSessions(left time.Duration) {
	w.t.Helper()
	w.must(w.db.Update(context.Background(), func(tx chat.Tx) error {
		list, err := chat.List[chat.Session](tx, chat.Query{})
		for _, s := range list {
			s.Expires = chat.TimeOf(time.Now().Add(left))
			if err := tx.Put(s); err != nil {
				return err
			}
		}
		return err
	}))
}

func TestLinks(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		admin := w.as("admin")
		link := func(who string) string {
			var l api.ResetLink
			w.must(admin.Do(t.Context(), http.MethodPost, "admin/people/"+w.users[who].ID.String()+"/link", struct{}{}, &l))
			base, secret, _ := strings.Cut(l.URL, "/link/")
			if base != w.url || len(secret) < 40 {
				t.Fatalf("the link is %q", l.URL)
			}
			return secret
		}
		old := w.as("member")
		secret := link("member")
		var info api.LinkInfo
		w.must(api.NewClient(w.url).Do(t.Context(), http.MethodGet, "links/"+secret, nil, &info))
		if info.Name != "The member" {
			t.Error(info)
		}
		c := api.NewClient(w.url)
		if _, err := c.UseLink(t.Context(), secret, "too short"); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("a short password: %v", err)
		}
		const fresh = "forty godwits on the bank"
		me, err := c.UseLink(t.Context(), secret, fresh)
		w.must(err)
		if me.ID != w.users["member"].ID.String() {
			t.Error(me)
		}
		_, err = c.Start(t.Context())
		w.must(err)
		if _, err = old.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("the sessions of before: %v", err)
		}
		if _, err = api.NewClient(w.url).SignIn(t.Context(), "member", password); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("the old password: %v", err)
		}
		_, err = api.NewClient(w.url).SignIn(t.Context(), "member", fresh)
		w.must(err)

		bad := func(name, secret string) {
			if _, err := api.NewClient(w.url).UseLink(t.Context(), secret, fresh); !chat.IsKind(err, chat.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if err := api.NewClient(w.url).Do(t.Context(), http.MethodGet, "links/"+secret, nil, nil); !chat.IsKind(err, chat.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		bad("a link that was used", secret)
		bad("a link that never was", strings.Repeat("x", 43))
		first := link("member")
		link("member")
		bad("a link that was followed by another", first)
		expired := link("outsider")
		w.must(w.db.Update(t.Context(), func(tx chat.Tx) error {
			list, err := chat.List[chat.Link](tx, chat.Query{Index: chat.Index{A: w.users["outsider"].ID.Key()}})
			list[0].Expires = 1
			_ = err
			return tx.Put(list[0])
		}))
		bad("a link that has expired", expired)
		t.Run("two at once: one wins", func(t *testing.T) {
			secret := link("outsider")
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() { _, errs[i] = api.NewClient(w.url).UseLink(t.Context(), secret, fresh) })
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !chat.IsKind(err, chat.NotFound) {
					t.Error(err)
				}
			}
			if won != 1 {
				t.Errorf("%d used it", won)
			}
		})
	})
}

func TestInvitations(t *testing.T) {
	w := sqlite(t)
	for _, name := range []string{"new1", "new2"} {
		w.user(name, chat.RoleMember)
		w.put(&chat.Credential{User: w.users[name].ID, Type: "password", Gone: true})
	}
	w.put(&chat.Credential{User: w.users["imported"].ID, Type: "password", Gone: true})
	var out api.Invitations
	w.must(w.as("owner").Do(t.Context(), http.MethodPost, "admin/invitations", struct{}{}, &out))
	if len(out.People) != 2 || out.People[0].Person.Mention != "new1" || out.People[1].Person.Mention != "new2" {
		t.Fatalf("%+v", out)
	}
	_, secret, _ := strings.Cut(out.People[1].Link.URL, "/link/")
	if _, err := api.NewClient(w.url).UseLink(t.Context(), secret, "another long password"); err != nil {
		t.Fatal(err)
	}
	again, err := w.service.InviteAll(t.Context(), chat.Operator())
	w.must(err)
	if len(again) != 1 || again[0].User.Mention != "new1" {
		t.Errorf("invited again: %d", len(again))
	}
}

func TestFirstOwner(t *testing.T) {
	w := sqlite(t)
	owner, made, err := w.service.EnsureOwner(t.Context(), chat.User{Name: "X", Email: "x@example.org"})
	if err != nil || made || owner.ID != w.users["owner"].ID {
		t.Errorf("%v %v %v", owner, made, err)
	}
	for _, bad := range []chat.User{{Email: "a@b"}, {Name: "A"}, {Name: "A", Email: "no address"}, {Name: "A", Mention: "a b"}, {Name: "A", Mention: "x", Role: "king"}} {
		if _, err := w.service.CreateUser(t.Context(), chat.Operator(), bad); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, taken := range []chat.User{{Name: "A", Email: "MEMBER@example.ORG"}, {Name: "A", Mention: "@Member"}} {
		if _, err := w.service.CreateUser(t.Context(), chat.Operator(), taken); !chat.IsKind(err, chat.Conflict) {
			t.Errorf("%+v: %v", taken, err)
		}
	}
}

func TestTokens(t *testing.T) {
	w := sqlite(t)
	token := func(scope chat.Scope, length time.Duration) string {
		secret, _, err := w.service.NewToken(t.Context(), chat.Operator(), "x", []chat.Scope{scope}, length)
		w.must(err)
		return secret
	}
	get := func(path, secret string) int {
		req, _ := http.NewRequest(http.MethodGet, w.url+"/api/v1/"+path, nil)
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		w.must(err)
		resp.Body.Close()
		return resp.StatusCode
	}
	move, admin := token(chat.ScopeMove, chat.LongestMoveToken), token(chat.ScopeAdmin, time.Hour)
	for _, c := range []struct {
		name, path, secret string
		want               int
	}{
		{"a mover's", "move/place", move, 200}, {"an administrator's for a move", "move/place", admin, 403}, {"none", "move/place", "nothing", 401},
		{"an administrator's", "admin/overview", admin, 200}, {"a mover's for people", "admin/overview", move, 403}, {"a mover's for rooms", "start", move, 403},
		{"one that has expired", "move/place", token(chat.ScopeMove, time.Microsecond), 401},
	} {
		if got := get(c.path, c.secret); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	list, err := w.service.Tokens(t.Context(), chat.Operator())
	w.must(err)
	for _, one := range list {
		w.must(w.service.EndToken(t.Context(), chat.Operator(), one.ID))
	}
	if got := get("move/place", move); got != 401 {
		t.Errorf("one that was ended: %d", got)
	}
	t.Run("a session's cookie is no token", func(t *testing.T) {
		if err := w.as("owner").Do(t.Context(), http.MethodGet, "move/place", nil, nil); !chat.IsKind(err, chat.Unknown) {
			t.Error(err)
		}
	})
	t.Run("one that belonged to somebody who left", func(t *testing.T) {
		secret, _, err := w.service.NewToken(t.Context(), &chat.Actor{User: w.users["owner"]}, "x", []chat.Scope{chat.ScopeMove}, time.Hour)
		w.must(err)
		if got := get("move/place", secret); got != 200 {
			t.Errorf("before: %d", got)
		}
		off := *w.users["owner"]
		off.Off = true
		w.put(&off)
		if got := get("move/place", secret); got != 401 {
			t.Errorf("after: %d", got)
		}
	})
}

func TestATokenForAMoveIsAnOwnersActExpiresAndIsInTheAuditLog(t *testing.T) {
	w := sqlite(t)
	make := func(who string, scope chat.Scope, length time.Duration) error {
		_, _, err := w.service.NewToken(t.Context(), &chat.Actor{User: w.users[who]}, "for the autumn", []chat.Scope{scope}, length)
		return err
	}
	for _, c := range []struct {
		name, who string
		scope     chat.Scope
		length    time.Duration
		want      chat.ErrorKind
	}{
		{"an administrator makes none for a move", "admin", chat.ScopeMove, time.Hour, chat.Denied},
		{"an administrator makes one for administrators", "admin", chat.ScopeAdmin, time.Hour, 0},
		{"a member makes none", "member", chat.ScopeMove, time.Hour, chat.Denied},
		{"none is for ever", "owner", chat.ScopeMove, 0, chat.Invalid},
		{"none is for years", "owner", chat.ScopeMove, chat.LongestMoveToken + time.Hour, chat.Invalid},
		{"an owner makes one", "owner", chat.ScopeMove, time.Hour, 0},
	} {
		err := make(c.who, c.scope, c.length)
		if c.want == 0 && err != nil || c.want != 0 && !chat.IsKind(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	list, _, err := w.service.AuditLog(t.Context(), chat.Operator(), "make a token", chat.ID[chat.Audit]{})
	w.must(err)
	notes := map[chat.UserID]string{} // of the same millisecond, either may come first
	for _, e := range list {
		notes[e.Actor] = e.Note
	}
	if len(list) != 2 || len(notes) != 2 || notes[w.users["admin"].ID] == "" || !strings.Contains(notes[w.users["owner"].ID], "for the autumn · move · until ") {
		t.Errorf("the audit log has %d entries: %v", len(list), notes)
	}
}
