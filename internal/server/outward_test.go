package server

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func TestOnlyAddressesOfTheWholeWorldAreFetchedFrom(t *testing.T) {
	o := newOutward(nil)
	for address, want := range map[string]bool{
		"93.184.216.34:443": true, "8.8.8.8:80": true, "[2606:4700::1111]:443": true,
		"93.184.216.34:22": false, "93.184.216.34:8080": false, "93.184.216.34:0": false,
		"127.0.0.1:80": false, "127.8.8.8:80": false, "0.0.0.0:80": false, "10.1.2.3:80": false, "172.16.0.1:80": false, "172.31.255.255:443": false, "192.168.1.1:80": false,
		"169.254.169.254:80": false, "168.63.129.16:80": false, "100.100.100.200:80": false, "100.64.0.1:80": false, "224.0.0.1:80": false, "255.255.255.255:80": false, "192.0.2.1:80": false, "198.18.0.1:80": false,
		"[::1]:80": false, "[::]:80": false, "[::ffff:127.0.0.1]:80": false, "[::ffff:8.8.8.8]:80": false, "[::127.0.0.1]:80": false, "[64:ff9b::7f00:1]:80": false, "[64:ff9b:1::a00:1]:80": false,
		"[2002:7f00:1::]:80": false, "[2001:0:7f00:1::]:80": false, "[fd00:ec2::254]:80": false, "[fe80::1]:80": false, "[fe80::1%25eth0]:80": false, "[ff02::1]:80": false, "[2001:db8::1]:80": false, "[fec0::1]:80": false,
	} {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			continue // no address at all
		}
		if o.open(a) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
	if !newOutward(here).open(netip.MustParseAddrPort("127.0.0.1:9999")) {
		t.Error("what is allowed is refused")
	}
}

func TestAddressesThatAreNotFetched(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer s.Close()
	u, _ := url.Parse(s.URL)
	t.Setenv("HTTP_PROXY", s.URL)
	t.Setenv("http_proxy", s.URL)
	o := newOutward(nil)
	o.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		switch host {
		case "both.example":
			return []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("127.0.0.1")}, nil
		case "none.example":
			return nil, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, address := range []string{
		s.URL, "http://localhost:" + u.Port(), "http://rebound.example/", "http://both.example/", "http://none.example/", "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://[::1]/",
		"http://user:secret@example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://x/", "http:///x", "http:example.org", "//example.org", "http://[::ffff:7f00:1]/", "javascript:alert(1)", "http://\x00/",
	} {
		if _, err := o.fetch(t.Context(), address, "*/*", 10, time.Second); err == nil {
			t.Errorf("%q was fetched", address)
		}
	}
	if asked != 0 {
		t.Errorf("it was asked %d times", asked)
	}
}

func TestANameIsResolvedOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }))
	defer s.Close()
	u, _ := url.Parse(s.URL)
	o := newOutward(here)
	n := 0
	o.lookup = func(context.Context, string) ([]netip.Addr, error) {
		if n++; n > 1 {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil // rebound
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	f, err := o.fetch(t.Context(), "http://changing.example:"+u.Port()+"/", "*/*", 100, time.Minute)
	if err != nil || string(f.data) != "changing.example:"+u.Port() || n != 1 {
		t.Errorf("%v, resolved %d times", err, n)
	}
}

func TestAnswersThatHaveNoEnd(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/secret", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://user:pass@"+r.Host+"/", http.StatusFound)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1000 {
			if _, err := z.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/wrong", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s := httptest.NewServer(mux)
	defer s.Close()
	o := newOutward(here)
	for path, fine := range map[string]bool{"/loop": false, "/inside": false, "/file": false, "/secret": false, "/endless": true, "/bomb": true, "/headers": false, "/silent": false, "/wrong": false} {
		limit := time.Minute
		if path == "/silent" {
			limit = 200 * time.Millisecond
		}
		f, err := o.fetch(t.Context(), s.URL+path, "*/*", 1000, limit)
		if (err == nil) != fine {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if fine && (len(f.data) != 1000 || !f.more) {
			t.Errorf("%s: %d bytes, more: %v", path, len(f.data), f.more)
		}
	}
}

func TestWhatAPageSaysOfItself(t *testing.T) {
	for name, c := range map[string]struct {
		page, typ string
		want      pageHead
	}{
		"OpenGraph": {`<html><head><title>No</title><meta property="og:title" content="Tide &amp; time"><meta property="og:description" content="About"><meta property="og:site_name" content="Bay"><meta property="og:image" content="/a.png"></head>`, "text/html",
			pageHead{"Tide & time", "About", "Bay", "/a.png"}},
		"what every page has": {`<!doctype html><TITLE>Plain
			page</TITLE><META NAME=Description CONTENT='Words'><body><title>Other</title>`, "text/html", pageHead{"Plain\n\t\t\tpage", "Words", "", ""}},
		"Twitter":                 {`<meta name="twitter:title" content="T"><meta name="twitter:image" content="https://x/y.jpg">`, "", pageHead{"T", "", "", "https://x/y.jpg"}},
		"the first one":           {`<meta property="og:title" content=""><meta property="og:title" content="One"><meta property="og:title" content="Two">`, "", pageHead{title: "One"}},
		"Latin 1 by its header":   {"<title>caf\xe9</title>", "text/html; charset=iso-8859-1", pageHead{title: "café"}},
		"Shift JIS by its meta":   {"<meta charset=shift_jis><title>\x93\x8c\x8b\x9e</title>", "text/html", pageHead{title: "東京"}},
		"a title in a drawing":    {`<head><title>Mine</title></head><svg><title>Not mine</title></svg>`, "", pageHead{title: "Mine"}},
		"nothing":                 {"", "", pageHead{}},
		"tags without an end":     {strings.Repeat("<meta ", 50_000), "", pageHead{}},
		"an unknown kind of text": {"<title>x</title>", "text/html; charset=klingon", pageHead{title: "x"}},
	} {
		if got := readHead([]byte(c.page), c.typ); got != c.want {
			t.Errorf("%s: %+q", name, got)
		}
	}
	page, _ := url.Parse("https://bay.example/a/b")
	for picture, want := range map[string]string{"/a.png": "https://bay.example/a.png", "//cdn.example/x": "https://cdn.example/x", "javascript:alert(1)": "", "data:image/png;base64,AA": "", "http://u:p@x/": "", "": "", "%zz": ""} {
		if got := (pageHead{picture: picture}).pictureOf(page); got != want {
			t.Errorf("%q: %q", picture, got)
		}
	}
}

func FuzzPageHead(f *testing.F) {
	f.Add([]byte(`<title>x</title><meta property="og:title" content="y"><meta charset=utf-16>`), "text/html; charset=latin1")
	f.Fuzz(func(t *testing.T, page []byte, typ string) {
		h := readHead(page, typ)
		base, _ := url.Parse("https://example.org/")
		if at := h.pictureOf(base); at != "" {
			if u, err := url.Parse(at); err != nil || check(u) != nil {
				t.Fatal(at, err)
			}
		}
	})
}

func FuzzOutward(f *testing.F) {
	for _, a := range []string{"http://127.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://0/", "http://x@127.0.0.1/"} {
		f.Add(a)
	}
	o := newOutward(nil)
	o.lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, io.EOF }
	f.Fuzz(func(t *testing.T, address string) {
		u, err := url.Parse(address)
		if err != nil || check(u) != nil {
			return
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if err == nil && (ip.Unmap().IsLoopback() || ip.Unmap().IsPrivate() || ip.Unmap().IsLinkLocalUnicast()) && o.open(netip.AddrPortFrom(ip, 80)) {
			t.Fatal(address)
		}
	})
}

// Cards waits for the previews of one message.
func (s *Server) Cards(ctx context.Context, m *chat.Message) error { return s.cardsFor(ctx, m) }
