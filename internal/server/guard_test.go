package server_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

func TestCookies(t *testing.T) {
	w := sqlite(t)
	body := `{"login":"member","password":"` + password + `"}`
	signIn := func(r *http.Request) *http.Cookie {
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, r)
		if rec.Code != 200 || len(rec.Result().Cookies()) != 1 {
			t.Fatalf("%d %s %v", rec.Code, rec.Body, rec.Result().Cookies())
		}
		return rec.Result().Cookies()[0]
	}
	plain := signIn(httptest.NewRequest(http.MethodPost, "/api/v1/session", strings.NewReader(body)))
	if plain.Name != "godwit" || plain.Secure || !plain.HttpOnly || plain.SameSite != http.SameSiteLaxMode || plain.Path != "/" || plain.Domain != "" {
		t.Errorf("over http: %+v", plain)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/session", strings.NewReader(body))
	r.TLS = &tls.ConnectionState{}
	safe := signIn(r)
	if safe.Name != "__Host-godwit" || !safe.Secure || !safe.HttpOnly || safe.SameSite != http.SameSiteLaxMode || safe.Path != "/" || safe.Domain != "" {
		t.Errorf("over https: %+v", safe)
	}
	r = httptest.NewRequest(http.MethodPost, "/api/v1/session", strings.NewReader(body))
	r.Header.Set("X-Forwarded-Proto", "https")
	if c := signIn(r); c.Name != "godwit" || c.Secure {
		t.Errorf("from somebody who only says that they came by https: %+v", c)
	}
	for _, from := range []string{"127.0.0.1:4711", "10.1.2.3:80", "[::ffff:10.1.2.3]:80"} {
		w.serve(server.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		r = httptest.NewRequest(http.MethodPost, "/api/v1/session", strings.NewReader(body))
		r.RemoteAddr = from
		r.Header.Set("X-Forwarded-Proto", "https")
		if c := signIn(r); c.Name != "__Host-godwit" || !c.Secure {
			t.Errorf("behind a proxy at %s: %+v", from, c)
		}
	}
	t.Run("over https the plain cookie, which others can set, is not looked at", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/start", nil)
		r.TLS = &tls.ConnectionState{}
		r.AddCookie(plain)
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, r)
		if rec.Code != http.StatusUnauthorized {
			t.Error(rec.Code)
		}
	})
}

func TestOtherSitesAreRefused(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	for _, h := range []struct {
		name, key, value string
		want             int
	}{
		{"another site", "Sec-Fetch-Site", "cross-site", 403}, {"another host of the same site", "Sec-Fetch-Site", "same-site", 403},
		{"another origin", "Origin", "https://evil.example.org", 403}, {"no origin", "Origin", "null", 403},
		{"our own page", "Sec-Fetch-Site", "same-origin", 200}, {"our own origin", "Origin", w.url, 200}, {"a program", "X-None", "", 200},
	} {
		for _, path := range []string{"rooms/" + w.roomID("open") + "/messages", "session"} {
			in := `{"text":"hi","nonce":"nonce of ` + h.name + `"}`
			if path == "session" {
				in = `{"login":"member","password":"` + password + `"}`
			}
			req, _ := http.NewRequest(http.MethodPost, w.url+"/api/v1/"+path, strings.NewReader(in))
			req.Header.Set(h.key, h.value)
			resp, err := c.HTTP.Do(req)
			w.must(err)
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != h.want {
				t.Errorf("%s, %s: %d %s", h.name, path, resp.StatusCode, answer)
			}
		}
	}
}

func TestThePublicAddress(t *testing.T) {
	for _, bad := range []string{"chat.example.org", "ftp://x", "https://", "https://x/path", "https://x?q", ":"} {
		if _, err := server.New(server.Config{Address: bad}); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w := sqlite(t)
	problems := func() string {
		o, err := w.as("owner").Overview(t.Context())
		w.must(err)
		return strings.Join(o.Problems, "\n")
	}
	if p := problems(); !strings.Contains(p, "public address is not set") {
		t.Errorf("without an address: %s", p)
	}
	w.serve(server.Config{Address: "http://chat.example.org"})
	p := problems()
	if !strings.Contains(p, "People come by http") || !strings.Contains(p, `"127.0.0.1:`) {
		t.Errorf("with another address: %s", p)
	}
	var l api.ResetLink
	w.must(w.as("owner").Do(t.Context(), http.MethodPost, "admin/people/"+w.users["member"].ID.String()+"/link", struct{}{}, &l))
	if !strings.HasPrefix(l.URL, "http://chat.example.org/link/") {
		t.Error(l.URL)
	}
}
