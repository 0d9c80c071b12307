package server_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

func ptr[T any](v T) *T { return &v }

func TestPreferences(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("local")
		w.put(&chat.Preferences{User: w.users["imported"].ID, Values: map[string]string{
			"theme": "dark", "chatView": "classic", "density": "normal", "nameDisplay": "mentions", "notifications.sound": "true", "videoQuality": "best",
		}})
		var p api.Preferences
		w.must(c.Do(t.Context(), http.MethodGet, "account/preferences", nil, &p))
		for name, want := range map[string]string{"theme": "dark", "view": "names", "density": "comfortable", "names": "mention", "sound": "on", "mail": "on", "quiet": ""} {
			if p.Values[name] != want {
				t.Errorf("%s is %q, want %q", name, p.Values[name], want)
			}
		}
		if p.Other["videoQuality"] != "best" || len(p.Other) != 1 {
			t.Errorf("what means nothing here: %v", p.Other)
		}
		w.must(c.Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: map[string]string{"theme": "light", "quiet": "22:00-07:00"}}, &p))
		if p.Values["theme"] != "light" || p.Values["view"] != "names" || p.Values["quiet"] != "22:00-07:00" {
			t.Errorf("after a change: %v", p.Values)
		}
		for _, bad := range []map[string]string{{"theme": "pink"}, {"nothing": "x"}, {"quiet": "25:00-07:00"}, {"quiet": "22-7"}, {"quiet-on": "xx"}, {"pause": "soon"}, {"theme": "dark\x00"}, {"theme": "light", "density": "none"}} {
			if err := c.Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: bad}, nil); !chat.IsKind(err, chat.Invalid) {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

func TestQuietHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	nights := chat.Chosen{"quiet": "22:00-07:00", "quiet-on": "mo tu we th fr sa su"}
	for _, c := range []struct {
		name, at string
		chosen   chat.Chosen
		want     bool
	}{
		{"before they begin", "2026-11-24T20:59:59Z", nights, false},
		{"when they begin", "2026-11-24T21:00:00Z", nights, true},
		{"past midnight", "2026-11-25T03:00:00Z", nights, true},
		{"when they end", "2026-11-25T06:00:00Z", nights, false},
		{"in the hour that is left out in spring", "2026-03-29T01:30:00Z", nights, true},
		{"they end by the new clock in spring", "2026-03-29T05:00:00Z", nights, false},
		{"they have not ended by the old clock in autumn", "2026-10-25T05:30:00Z", nights, true},
		{"they end by the new clock in autumn", "2026-10-25T06:00:00Z", nights, false},
		{"within a day", "2026-11-24T11:30:00Z", chat.Chosen{"quiet": "12:00-13:00", "quiet-on": "tu"}, true},
		{"on another day", "2026-11-25T11:30:00Z", chat.Chosen{"quiet": "12:00-13:00", "quiet-on": "tu"}, false},
		{"the morning belongs to the evening before", "2026-11-25T03:00:00Z", chat.Chosen{"quiet": "22:00-07:00", "quiet-on": "tu"}, true},
		{"and not to its own day", "2026-11-24T03:00:00Z", chat.Chosen{"quiet": "22:00-07:00", "quiet-on": "tu"}, false},
		{"a pause", "2026-11-24T12:00:00Z", chat.Chosen{"pause": "9000000000000000"}, true},
		{"a pause that is over", "2026-11-24T12:00:00Z", chat.Chosen{"pause": "1"}, false},
		{"none", "2026-11-24T23:00:00Z", chat.Chosen{}, false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.chosen.Quiet(at, berlin); got != c.want {
			t.Errorf("%s (%s): %v", c.name, at.In(berlin), got)
		}
	}
}

func TestProfile(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		edit := func(p api.Profile) error { return c.Do(t.Context(), http.MethodPatch, "account", p, nil) }
		w.must(edit(api.Profile{Name: ptr("  Ada\nLovelace\u202e "), Title: ptr("Engine"), Zone: ptr("Europe/London"), Mention: ptr("@Ada")}))
		s, err := c.Start(t.Context())
		w.must(err)
		if s.Me.Name != "Ada Lovelace" || s.Me.Title != "Engine" || s.Me.Zone != "Europe/London" || s.Me.Mention != "Ada" {
			t.Errorf("%+v", s.Me)
		}
		for name, bad := range map[string]api.Profile{
			"no name": {Name: ptr(" \u202e")}, "a very long name": {Name: ptr(strings.Repeat("a", 81))}, "an odd zone": {Zone: ptr("../../etc/passwd")},
			"a zone that is not": {Zone: ptr("Mars/Olympus")}, "this machine's zone": {Zone: ptr("Local")}, "a blank in a mention name": {Mention: ptr("a b")},
			"two scripts": {Mention: ptr("оwner")}, "everybody": {Mention: ptr("ALL")}, "a long mention name": {Mention: ptr(strings.Repeat("x", 51))}, "a dot at the end": {Mention: ptr("ada.")},
			"an invisible letter": {Mention: ptr("ad\u200ba")},
		} {
			if err := edit(bad); !chat.IsKind(err, chat.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.user("scope", chat.RoleMember)
		for name, taken := range map[string]string{"another's": "OUTSIDER", "with an accent": "öutsider", "in Cyrillic": "ѕсоре"} {
			if err := edit(api.Profile{Mention: ptr(taken)}); !chat.IsKind(err, chat.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, mine := range map[string]api.Profile{"e-mail": {Email: ptr("x@example.org")}, "role": {Role: ptr("owner")}, "off": {Off: ptr(true)}} {
			if err := edit(mine); !chat.IsKind(err, chat.Denied) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPeopleAreManaged(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		owner, admin, member := w.as("owner"), w.as("admin"), w.as("member")
		edit := func(c *api.Client, who string, p api.Profile) error {
			return c.Do(t.Context(), http.MethodPatch, "admin/people/"+w.users[who].ID.String(), p, nil)
		}
		denied := func(name string, err error) {
			t.Helper()
			if !chat.IsKind(err, chat.Denied) {
				t.Errorf("%s: %v", name, err)
			}
		}
		denied("a member edits somebody", edit(member, "outsider", api.Profile{Title: ptr("x")}))
		denied("a member makes themselves an administrator", edit(member, "member", api.Profile{Role: ptr("admin")}))
		denied("an administrator makes an owner", edit(admin, "member", api.Profile{Role: ptr("owner")}))
		denied("an administrator edits an owner", edit(admin, "owner", api.Profile{Email: ptr("a@example.org")}))
		denied("the last owner steps down", edit(owner, "owner", api.Profile{Role: ptr("member")}))
		denied("one deactivates oneself", edit(owner, "owner", api.Profile{Off: ptr(true)}))
		denied("a placeholder gets a role", edit(owner, "ghost", api.Profile{Role: ptr("member")}))
		if err := edit(owner, "member", api.Profile{Role: ptr("king")}); !chat.IsKind(err, chat.Invalid) {
			t.Error(err)
		}
		if err := edit(admin, "member", api.Profile{Email: ptr("OUTSIDER@example.org")}); !chat.IsKind(err, chat.Conflict) {
			t.Error(err)
		}
		w.must(edit(owner, "member", api.Profile{Off: ptr(true)}))
		if _, err := member.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("one who was deactivated: %v", err)
		}
		w.must(edit(owner, "member", api.Profile{Off: ptr(false)}))
		_ = w.as("member")
		w.must(edit(owner, "admin", api.Profile{Role: ptr("owner")}))
		w.must(edit(owner, "owner", api.Profile{Role: ptr("admin")}))
		denied("the other is the last owner now", edit(admin, "admin", api.Profile{Role: ptr("admin")}))
		var out api.AuditLog
		w.must(admin.Do(t.Context(), http.MethodGet, "admin/audit?q=activate+member", nil, &out))
		if len(out.Entries) != 2 || out.Entries[1].Target != "The member" || out.Entries[1].Name != "The owner" {
			t.Errorf("%+v", out)
		}
		if err := w.as("member").Do(t.Context(), http.MethodGet, "admin/audit", nil, nil); !chat.IsKind(err, chat.Denied) {
			t.Error(err)
		}
	})
}

func TestTheAuditLogIsReadPageByPage(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		var entries []chat.Object
		for i := range 650 {
			action := "odd deed"
			if i%2 == 0 {
				action = "even deed"
			}
			entries = append(entries, &chat.Audit{ID: chat.ID[chat.Audit](chat.NewKey(start+chat.Time(i)*second, [10]byte{byte(i), byte(i >> 8)})), At: start + chat.Time(i)*second, Action: action})
		}
		w.put(entries...)
		c := w.as("owner")
		for query, want := range map[string][]int{"deed": {100, 100, 100, 100, 100, 100, 50}, "odd": {100, 100, 100, 25}, "nothing like it": {0}} {
			var got []int
			last, before := int64(1<<62), ""
			for {
				var out api.AuditLog
				w.must(c.Do(t.Context(), http.MethodGet, "admin/audit?"+url.Values{"q": {query}, "before": {before}}.Encode(), nil, &out))
				got = append(got, len(out.Entries))
				for _, e := range out.Entries {
					if e.At >= last {
						t.Fatalf("%q: %d after %d", query, e.At, last)
					}
					last = e.At
				}
				if before = out.Next; before == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: pages of %v, want %v", query, got, want)
			}
		}
	})
}

func TestSessionsAreSeenAndEnded(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		here, there, third := w.as("member"), w.as("member"), w.as("member")
		list := func() (all []api.Session) {
			var out api.Sessions
			w.must(here.Do(t.Context(), http.MethodGet, "account/sessions", nil, &out))
			return out.Sessions
		}
		all := list()
		n := 0
		other := ""
		for _, s := range all {
			if s.Here {
				n++
			} else {
				other = s.ID
			}
			if s.Agent != "Go-http-client" || s.Used == 0 {
				t.Errorf("%+v", s)
			}
		}
		if len(all) != 3 || n != 1 {
			t.Fatalf("%+v", all)
		}
		if err := w.as("outsider").Do(t.Context(), http.MethodDelete, "account/sessions/"+other, nil, nil); !chat.IsKind(err, chat.NotFound) {
			t.Errorf("another's: %v", err)
		}
		w.must(here.Do(t.Context(), http.MethodDelete, "account/sessions/"+other, nil, nil))
		w.must(here.Do(t.Context(), http.MethodDelete, "account/sessions/"+other, nil, nil))
		if len(list()) != 2 {
			t.Error("it did not end")
		}
		var ended api.Ended
		w.must(here.Do(t.Context(), http.MethodDelete, "account/sessions", nil, &ended))
		if ended.Ended != 1 {
			t.Error(ended)
		}
		for _, c := range []*api.Client{there, third} {
			if _, err := c.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
				t.Error(err)
			}
		}
	})
}

func TestAgentsInWords(t *testing.T) {
	w := sqlite(t)
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36":                         "Chrome on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1": "Safari on iOS",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36":                           "Chrome on Linux",
		"curl/8.5.0": "curl", "": "Unknown", strings.Repeat("x", 300): "Unknown",
	} {
		c := w.as("member")
		req, _ := http.NewRequest(http.MethodPost, w.url+"/api/v1/session", strings.NewReader(`{"login":"member","password":"`+password+`"}`))
		req.Header.Set("User-Agent", agent)
		resp, err := c.HTTP.Do(req)
		w.must(err)
		resp.Body.Close()
		var out api.Sessions
		w.must(c.Do(t.Context(), http.MethodGet, "account/sessions", nil, &out))
		found := ""
		for _, s := range out.Sessions {
			if s.Here {
				found = s.Agent
			}
		}
		if found != want {
			t.Errorf("%q is %q, want %q", agent, found, want)
		}
	}
}

func TestASessionThatIsTakenOverIsNotKept(t *testing.T) {
	w := sqlite(t)
	c := w.as("outsider")
	u := mustURL(w.url)
	before := c.HTTP.Jar.Cookies(u)[0].Value
	_, err := c.SignIn(t.Context(), "member", password)
	w.must(err)
	after := c.HTTP.Jar.Cookies(u)[0].Value
	if before == after {
		t.Error("the secret of before was kept")
	}
	old := api.NewClient(w.url)
	old.HTTP.Jar.SetCookies(u, []*http.Cookie{{Name: "godwit", Value: before}})
	if _, err := old.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("the session of before: %v", err)
	}
	fixed := api.NewClient(w.url)
	fixed.HTTP.Jar.SetCookies(u, []*http.Cookie{{Name: "godwit", Value: "chosen-by-somebody-else"}})
	_, err = fixed.SignIn(t.Context(), "member", password)
	w.must(err)
	if got := fixed.HTTP.Jar.Cookies(u)[0].Value; got == "chosen-by-somebody-else" {
		t.Error("a secret that was planted became a session's")
	}
}

func TestChangePassword(t *testing.T) {
	w := sqlite(t)
	here, there := w.as("member"), w.as("member")
	change := func(old, fresh string) error {
		return here.Do(t.Context(), http.MethodPut, "account/password", api.ChangePassword{Old: old, Password: fresh}, nil)
	}
	if err := change("not it", "forty godwits on the bank"); !chat.IsKind(err, chat.Invalid) {
		t.Error(err)
	}
	if err := change(password, "short"); !chat.IsKind(err, chat.Invalid) {
		t.Error(err)
	}
	w.must(change(password, "forty godwits on the bank"))
	if _, err := here.Start(t.Context()); err != nil {
		t.Errorf("the present session: %v", err)
	}
	if _, err := there.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("another session: %v", err)
	}
	var err error
	tries := 0
	for ; tries < 50 && !chat.IsKind(err, chat.TooMany); tries++ {
		err = change("not it", "forty godwits on the bank")
	}
	if tries > 20 {
		t.Errorf("%d tries were possible", tries)
	}
}

// withCodes sets up an authenticator app, and returns its secret and the
// recovery codes.
func (w *world) withCodes(c *api.Client) (secret string, recovery []string) {
	w.t.Helper()
	var offer api.NewCodes
	w.must(c.Do(w.t.Context(), http.MethodPost, "account/codes", api.Confirm{Password: password}, &offer))
	if !strings.HasPrefix(offer.Picture, "data:image/png;base64,") || !strings.HasPrefix(offer.Address, "otpauth://totp/") {
		w.t.Fatalf("%+v", offer)
	}
	if err := c.Do(w.t.Context(), http.MethodPut, "account/codes", api.SetCodes{Ticket: offer.Ticket, Code: "000000"}, nil); !chat.IsKind(err, chat.Invalid) {
		w.t.Error(err)
	}
	var out api.Recovery
	w.must(c.Do(w.t.Context(), http.MethodPut, "account/codes", api.SetCodes{Ticket: offer.Ticket, Code: codeOf(w.t, offer.Secret, 0)}, &out))
	return offer.Secret, out.Codes
}

func codeOf(t testing.TB, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enter signs in with a code.
func (w *world) enter(login, code string) (*api.Client, *api.SecondFactor, error) {
	c := api.NewClient(w.url)
	var out api.SignedIn
	err := c.Do(w.t.Context(), http.MethodPost, "session", api.SignIn{Login: login, Password: password, Code: code}, &out)
	return c, out.Second, err
}

func TestCodes(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("member")
		if err := c.Do(t.Context(), http.MethodPost, "account/codes", api.Confirm{Password: "not it"}, nil); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("without the password: %v", err)
		}
		secret, recovery := w.withCodes(c)
		if len(recovery) != 10 {
			t.Fatal(recovery)
		}
		if _, err := other.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("a session of before: %v", err)
		}
		c2, second, err := w.enter("member", "")
		w.must(err)
		if second == nil || !second.Codes {
			t.Fatalf("the password was enough: %+v", second)
		}
		if _, err := c2.Start(t.Context()); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("signed in by the password alone: %v", err)
		}
		if _, _, err := w.enter("member", codeOf(t, secret, 0)); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("the code that set it up: %v", err)
		}
		next := codeOf(t, secret, 1)
		c3, _, err := w.enter("member", next)
		w.must(err)
		_, err = c3.Start(t.Context())
		w.must(err)
		if _, _, err := w.enter("member", next); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("the same code again: %v", err)
		}
		if _, _, err := w.enter("member", codeOf(t, secret, -1)); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("an older code: %v", err)
		}
		c4, _, err := w.enter("member", " "+strings.ToUpper(recovery[3])+" ")
		w.must(err)
		if _, _, err := w.enter("member", recovery[3]); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("a recovery code again: %v", err)
		}
		var a api.Account
		w.must(c4.Do(t.Context(), http.MethodGet, "account", nil, &a))
		if !a.Codes || a.Recovery != 9 {
			t.Errorf("%+v", a)
		}
		t.Run("what is stored says nothing", func(t *testing.T) {
			w.must(w.db.View(t.Context(), func(r chat.Reader) error {
				o, err := r.Get(chat.KindCodes, w.users["member"].ID.Key())
				if body := string(chat.EncodeBody(o)); strings.Contains(body, secret) || strings.Contains(body, recovery[0]) {
					t.Error(body)
				}
				return err
			}))
		})
		t.Run("a link sets the password, and is not enough", func(t *testing.T) {
			i, err := w.service.ResetLink(t.Context(), chat.Operator(), w.users["member"].ID)
			w.must(err)
			n := api.NewClient(w.url)
			var out api.SignedIn
			w.must(n.Do(t.Context(), http.MethodPost, "links/"+i.Secret, api.NewPassword{Password: password}, &out))
			if _, err := n.Start(t.Context()); !out.Again || !chat.IsKind(err, chat.Unknown) {
				t.Errorf("%+v %v", out, err)
			}
		})
		t.Run("an administrator resets it, and not an owner's", func(t *testing.T) {
			admin := w.as("admin")
			if err := admin.Do(t.Context(), http.MethodDelete, "admin/people/"+w.users["owner"].ID.String()+"/factors", nil, nil); !chat.IsKind(err, chat.Denied) {
				t.Error(err)
			}
			w.must(admin.Do(t.Context(), http.MethodDelete, "admin/people/"+w.users["member"].ID.String()+"/factors", nil, nil))
			_ = w.as("member")
		})
	})
}

func TestAFloodOfCodes(t *testing.T) {
	w := sqlite(t)
	_, recovery := w.withCodes(w.as("member"))
	wrong := 0
	var err error
	for ; wrong < 30; wrong++ {
		// As if each came from another machine: the rules count by person.
		_, err = w.service.Enter(t.Context(), chat.Proof{Login: "member", Password: password, Code: "123456"})
		if chat.IsKind(err, chat.TooMany) {
			break
		}
		if !chat.IsKind(err, chat.Unknown) {
			t.Fatal(err)
		}
	}
	if wrong < 5 || wrong > 8 {
		t.Errorf("%d wrong codes were looked at", wrong)
	}
	if _, err = w.service.Enter(t.Context(), chat.Proof{Login: "member", Password: password, Code: recovery[0]}); !chat.IsKind(err, chat.TooMany) {
		t.Errorf("a right one in the flood: %v", err)
	}
	if _, err = w.service.Enter(t.Context(), chat.Proof{Login: "member", Password: password, Code: strings.Repeat("9", 100_000)}); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("a very long code: %v", err)
	}
	if _, err = w.service.Enter(t.Context(), chat.Proof{Login: "outsider", Password: password}); err != nil {
		t.Errorf("somebody else meanwhile: %v", err)
	}
}

func TestASecondFactorIsRequired(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		admin, member := w.as("admin"), w.as("member")
		_, before, err := w.enter("owner", "")
		if err != nil || before != nil {
			t.Fatal(before, err)
		}
		w.must(w.as("owner").Do(t.Context(), http.MethodPatch, "admin/settings", api.SettingsChange{Values: map[string]string{"second-factor": "admins"}}, nil))
		if _, err := admin.Start(t.Context()); !chat.IsKind(err, chat.Denied) {
			t.Errorf("an administrator without one: %v", err)
		}
		if _, err := admin.Post(t.Context(), w.roomID("open"), "hello", "nonce-limited"); !chat.IsKind(err, chat.Denied) {
			t.Errorf("posts: %v", err)
		}
		if _, err := member.Start(t.Context()); err != nil {
			t.Errorf("a member: %v", err)
		}
		var a api.Account
		w.must(admin.Do(t.Context(), http.MethodGet, "account", nil, &a))
		if !a.Limited || !a.Required {
			t.Errorf("%+v", a)
		}
		w.withCodes(admin)
		_, err = admin.Start(t.Context())
		w.must(err)
		w.must(admin.Do(t.Context(), http.MethodDelete, "account/codes", api.Confirm{Password: password}, nil))
		if _, err := admin.Start(t.Context()); !chat.IsKind(err, chat.Denied) {
			t.Errorf("an administrator who removed it again: %v", err)
		}
		w.must(w.service.SetSetting(t.Context(), chat.Operator(), chat.SettingSecondFactor, "everybody"))
		if _, err := member.Start(t.Context()); !chat.IsKind(err, chat.Denied) {
			t.Errorf("everybody: %v", err)
		}
	})
}

func TestWhatIsSealed(t *testing.T) {
	a, err := server.NewSealer(server.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	b, _ := server.NewSealer(server.NewKey())
	text := a.Seal([]byte("tern"), "codes")
	if plain, err := a.Open(text, "codes"); err != nil || string(plain) != "tern" {
		t.Error(plain, err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(text[3:])
	raw[len(raw)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another key": func() ([]byte, error) { return b.Open(text, "codes") }, "another purpose": func() ([]byte, error) { return a.Open(text, "mail") },
		"changed": func() ([]byte, error) { return a.Open("v1."+base64.RawURLEncoding.EncodeToString(raw), "codes") },
		"cut":     func() ([]byte, error) { return a.Open(text[:8], "codes") }, "nothing": func() ([]byte, error) { return a.Open("", "codes") },
	} {
		if plain, err := open(); !chat.IsKind(err, chat.Damaged) || plain != nil {
			t.Errorf("%s: %q %v", name, plain, err)
		}
	}
	if _, err := server.NewSealer([]byte("short")); !chat.IsKind(err, chat.Invalid) {
		t.Error(err)
	}
	key := server.NewKey()
	if got, err := server.ParseKey(strings.TrimSpace(server.FormatKey(key))); err != nil || string(got) != string(key) {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("admin")
		set := func(values map[string]string) (map[string]string, error) {
			var out api.Settings
			err := c.Do(t.Context(), http.MethodPatch, "admin/settings", api.SettingsChange{Values: values}, &out)
			held := map[string]string{}
			for _, s := range out.Settings {
				held[s.Name] = s.Value
			}
			return held, err
		}
		held, err := set(map[string]string{"name": "Estuary Watch", "address": w.url, "mail-password": "tern over the sound", "file-limit": "50"})
		w.must(err)
		if held["name"] != "Estuary Watch" || held["mail-password"] != "set" || held["file-limit"] != "50" || held["mail-port"] != "587" {
			t.Errorf("%v", held)
		}
		s, err := c.Start(t.Context())
		w.must(err)
		if s.Place != "Estuary Watch" || s.Address != w.url {
			t.Errorf("the place is %q at %q", s.Place, s.Address)
		}
		if held, err = set(map[string]string{"address": ""}); err != nil || held["address"] != "" {
			t.Error(held, err)
		}
		for name, value := range map[string]string{
			"nothing": "x", "rooms-by": "dogs", "file-limit": "many", "mail-port": "70000", "address": "javascript:alert(1)", "mail-host": "a b",
			"mail-from": "a@example.org\r\nBcc: all@example.org", "name": strings.Repeat("x", 81), "mail-user": "a\nb",
		} {
			if _, err := set(map[string]string{"name": "other", name: value}); !chat.IsKind(err, chat.Invalid) {
				t.Errorf("%s = %q: %v", name, value, err)
			}
		}
		if s, _ := c.Start(t.Context()); s.Place != "Estuary Watch" {
			t.Error("one that was refused took others with it")
		}
		var log api.AuditLog
		w.must(c.Do(t.Context(), http.MethodGet, "admin/audit?q=set", nil, &log))
		for _, e := range log.Entries {
			if strings.Contains(e.Note, "tern over") {
				t.Error("the audit log tells the password")
			}
		}
		if len(log.Entries) != 5 {
			t.Errorf("%d entries: %+v", len(log.Entries), log.Entries)
		}
		got, err := w.service.SecretSetting(t.Context(), "mail-password")
		if err != nil || got != "tern over the sound" {
			t.Error(got, err)
		}
		if err := w.as("member").Do(t.Context(), http.MethodGet, "admin/settings", nil, nil); !chat.IsKind(err, chat.Denied) {
			t.Error(err)
		}
	})
}

func TestTheFirstPersonComesIn(t *testing.T) {
	w := sqlite(t)
	var first api.First
	w.must(api.NewClient(w.url).Do(t.Context(), http.MethodGet, "first", nil, &first))
	if first.Empty {
		t.Error("it is not empty")
	}
	err := api.NewClient(w.url).Do(t.Context(), http.MethodPost, "first", api.FirstOwner{Code: w.server.FirstCode(), Name: "Eve", Email: "eve@example.org", Password: "a long password"}, nil)
	if !chat.IsKind(err, chat.Conflict) {
		t.Errorf("a second first one: %v", err)
	}
	e := empty(t)
	w.must(api.NewClient(e.url).Do(t.Context(), http.MethodGet, "first", nil, &first))
	if !first.Empty {
		t.Error("it is empty")
	}
	in := api.FirstOwner{Code: "ABCD-ABCD-ABCD-ABCD", Name: "Ada", Email: "ada@example.org", Password: "a long password", Place: "Estuary"}
	c := api.NewClient(e.url)
	if err := c.Do(t.Context(), http.MethodPost, "first", in, nil); !chat.IsKind(err, chat.Denied) {
		t.Errorf("with a wrong code: %v", err)
	}
	in.Code = " " + strings.ToLower(e.server.FirstCode())
	w.must(c.Do(t.Context(), http.MethodPost, "first", in, nil))
	s, err := c.Start(t.Context())
	w.must(err)
	if s.Me.Role != "owner" || s.Place != "Estuary" {
		t.Errorf("%+v", s.Me)
	}
	if err := api.NewClient(e.url).Do(t.Context(), http.MethodPost, "first", in, nil); !chat.IsKind(err, chat.Denied) {
		t.Errorf("with the code again: %v", err)
	}
}
