package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/time/rate"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// pagePolicy is what our pages may do: run our scripts, and nothing else.
// Pictures of other servers are only fetched when somebody asks for one.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: http: https:; media-src 'self' blob:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// dataPolicy is for answers that are no pages, whatever a browser takes them
// for.
const dataPolicy = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const feedPath = "/api/v1/feed"

// guard puts around all answers what browsers need to know to keep others
// out, refuses what other sites make browsers send, and compresses.
func (s *Server) guard(next http.Handler) (http.Handler, error) {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes([]string{jsonTyped}))
	if err != nil {
		return nil, err
	}
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(s.answer(func(*request) (any, error) {
		return nil, chat.Errorf(chat.Denied, "another site made your browser send this").WithHint("open this place itself, and do it there")
	}, everybody))
	inner := compress(cross.Handler(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Content-Security-Policy", dataPolicy)
		if at := s.public(); at != nil && at.Scheme == "https" && s.secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		s.host.see(r.Host)
		if strings.HasPrefix(r.URL.Path, api.MovePath) || r.URL.Path == feedPath {
			// Gigabytes go through here, compressed already; or it is no answer.
			cross.Handler(next).ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	}), nil
}

// secure reports whether the browser came by https.
func (s *Server) secure(r *http.Request) bool {
	if v := vouchedOf(r); v != nil {
		return v.Secure
	}
	if r.TLS != nil {
		return true
	}
	if !s.fromProxy(r) {
		return false
	}
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(proto), "https")
}

// Names of the cookie: the first one only https can set, for this host alone.
const (
	safeCookie  = "__Host-godwit"
	plainCookie = "godwit"
)

// cookie returns the secret of the session that a browser shows, or "". Over
// https only the cookie counts that no other host can have set.
func (s *Server) cookie(r *http.Request) string {
	name := plainCookie
	if s.secure(r) {
		name = safeCookie
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie gives a browser the secret of its session; "" takes it away.
func (r *request) setCookie(secret string) {
	c := &http.Cookie{Name: plainCookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(chat.SessionLength / time.Second)}
	if r.server.secure(r.Request) {
		c.Name, c.Secure = safeCookie, true
	}
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(r.w, c)
}

// client returns where a request comes from. What a proxy says of it counts
// only from proxies that are known, and from the other place of a move.
func (s *Server) client(r *http.Request) netip.Addr {
	if v := vouchedOf(r); v != nil {
		a, _ := netip.ParseAddr(v.From) //nolint:errcheck // it was looked at; "" is a socket there
		return a
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{} // a socket of this machine
	}
	addr = addr.Unmap()
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && s.isProxy(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr
}

// fromProxy reports whether a request came by a proxy that is known, or from
// this machine.
func (s *Server) fromProxy(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return err != nil || s.isProxy(at.Addr().Unmap()) // err: a socket of this machine
}

func (s *Server) isProxy(a netip.Addr) bool {
	return a.IsLoopback() || slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// limits counts tries to sign in: by who tries for whom, by who tries, and by
// whom they try for.
type limits struct {
	mu    sync.Mutex
	kinds [3]map[string]*rate.Limiter
}

var limitOf = [3]struct {
	every time.Duration
	burst int
}{{30 * time.Second, 10}, {time.Second, 60}, {10 * time.Second, 100}}

// mostLimits is how many are remembered; when there are more, all begin anew.
const mostLimits = 50_000

func newLimits() *limits { return &limits{} }

func network(a netip.Addr) string {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "here"
	}
	return p.String()
}

// take allows one try, or says how long to wait.
func (l *limits) take(from netip.Addr, login string) (wait time.Duration, ok bool) {
	net, login := network(from), chat.Fold(strings.TrimSpace(login))
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for i, name := range [3]string{net + " " + login, net, login} {
		if l.kinds[i] == nil || len(l.kinds[i]) > mostLimits {
			l.kinds[i] = map[string]*rate.Limiter{}
		}
		one := l.kinds[i][name]
		if one == nil {
			one = rate.NewLimiter(rate.Every(limitOf[i].every), limitOf[i].burst)
			l.kinds[i][name] = one
		}
		if !one.AllowN(now, 1) {
			return limitOf[i].every, false
		}
	}
	return 0, true
}

// forgive forgets the tries of one who got in.
func (l *limits) forgive(from netip.Addr, login string) {
	net, login := network(from), chat.Fold(strings.TrimSpace(login))
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kinds[0], net+" "+login)
}

// hosts remembers by which names people came, for the overview.
type hosts struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (h *hosts) see(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil || len(h.seen) > 100 {
		h.seen = map[string]time.Time{}
	}
	h.seen[host] = time.Now()
}

// since lists the names by which people came lately.
func (h *hosts) since(t time.Time) (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for host, at := range h.seen {
		if at.After(t) {
			list = append(list, host)
		}
	}
	slices.Sort(list)
	return list
}
