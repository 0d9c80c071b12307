package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// outward is how the server fetches what strangers name: addresses in
// messages, of push services, of webhooks. A name is resolved once, every
// address that it has must be one that anybody in the world could reach, and
// the connection goes to that very address; each redirect is looked at again.
type outward struct {
	allow  []netip.Prefix // also these, at any port
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

func newOutward(allow []netip.Prefix) *outward {
	return &outward{allow: allow, lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}}
}

const (
	mostRedirects = 4
	connectTime   = 4 * time.Second
	headersTime   = 6 * time.Second
	mostHeaders   = 64 << 10
)

// closed are the networks that belong to nobody in the world: within one
// machine, one house, one company, or none. Of IPv6, all but 2000::/3 is
// closed, too: NAT64, mapped and local forms are among it.
var closed = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",                                     // what machines of one large cloud ask about themselves
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // Teredo and other tunnels, documents, 6to4
)

var global = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, p := range list {
		all[i] = netip.MustParsePrefix(p)
	}
	return all
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// open reports whether an address may be connected to.
func (o *outward) open(a netip.AddrPort) bool {
	ip := a.Addr()
	if ip.Zone() != "" {
		return false
	}
	plain := ip.Unmap()
	if within(plain, o.allow) {
		return true
	}
	if a.Port() != 80 && a.Port() != 443 || ip.Is4In6() || within(plain, closed) {
		return false
	}
	return plain.Is4() || global.Contains(plain)
}

func errClosed(what string) error {
	return chat.Errorf(chat.Denied, "%s is not an address that this server fetches from", what).WithHint("--fetch-allow can allow networks of your own")
}

// check looks at an address before anything is asked about it.
func check(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return errClosed(u.Redacted())
	}
	return nil
}

// dial connects to a name: once resolved, and to nothing but what it resolved to.
func (o *outward) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	addrs := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, ip)
	} else if addrs, err = o.lookup(ctx, host); err != nil {
		return nil, err
	}
	for _, ip := range addrs {
		if !o.open(netip.AddrPortFrom(ip, uint16(n))) {
			return nil, errClosed(host)
		}
	}
	d := net.Dialer{Timeout: connectTime, Control: o.control}
	err = errClosed(host)
	for _, ip := range addrs {
		var c net.Conn
		if c, err = d.DialContext(ctx, network, netip.AddrPortFrom(ip, uint16(n)).String()); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// control looks once more, at what is really connected to.
func (o *outward) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !o.open(a) {
		return errClosed(address)
	}
	return nil
}

// client makes an HTTP client that goes nowhere else: not through a proxy of
// the environment, and without cookies. Whatever it does ends after a time.
func (o *outward) client(limit time.Duration) *http.Client {
	return &http.Client{
		Timeout: limit,
		Transport: &http.Transport{
			DialContext: o.dial, TLSHandshakeTimeout: connectTime, ResponseHeaderTimeout: headersTime,
			MaxResponseHeaderBytes: mostHeaders, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > mostRedirects {
				return chat.Errorf(chat.Denied, "%s leads on and on", via[0].URL.Redacted())
			}
			r.Header.Del("Referer")
			return check(r.URL)
		},
	}
}

// fetched is what came from elsewhere.
type fetched struct {
	url  *url.URL // after redirects
	typ  string   // what the other side says it is
	data []byte   // at most as much as was asked for
	more bool     // there would have been more
}

// fetch reads the beginning of what is at an address.
func (o *outward) fetch(ctx context.Context, address, accept string, most int64, limit time.Duration) (*fetched, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errClosed(address)
	}
	if err := check(u); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "Mozilla/5.0 (compatible; Godwit; link preview)")
	resp, err := o.client(limit).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return nil, chat.Errorf(chat.NotFound, "%s answers %d", u.Host, resp.StatusCode)
	}
	// What is compressed is decompressed on the way: the limit is of what comes out.
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	f := &fetched{url: resp.Request.URL, typ: resp.Header.Get("Content-Type"), data: data}
	if int64(len(data)) > most {
		f.data, f.more = data[:most], true
	}
	return f, nil
}
