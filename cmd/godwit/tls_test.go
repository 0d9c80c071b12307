package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/godwit-chat/godwit/internal/chat"
)

// certificate writes a certificate for a name, and its key, into files.
func certificate(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func at(address string) func() *url.URL {
	return func() *url.URL {
		if address == "" {
			return nil
		}
		u, err := url.Parse(address)
		if err != nil {
			panic(err)
		}
		return u
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestACertificateThatChangesIsReadAnew(t *testing.T) {
	dir := t.TempDir()
	var f tlsFlags
	f.Cert, f.Key = certificate(t, dir, "old.example.org")
	s, err := f.secure(dir, at(""), "443", quiet())
	if err != nil {
		t.Fatal(err)
	}
	name := func() string {
		c, err := s.config.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.DNSNames[0]
	}
	if name() != "old.example.org" {
		t.Error(name())
	}
	certificate(t, dir, "new.example.org")
	later := time.Now().Add(time.Minute)
	for _, file := range []string{f.Cert, f.Key} {
		if err := os.Chtimes(file, later, later); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return name() == "new.example.org" })
	if err := os.WriteFile(f.Cert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	looked := time.Now().Add(lookAtCert)
	until(t, func() bool { return name() != "" && time.Now().After(looked) })
	if name() != "new.example.org" {
		t.Errorf("after files that are broken: %s", name())
	}
	if _, err := f.secure(dir, at(""), "443", quiet()); !chat.IsKind(err, chat.Invalid) {
		t.Errorf("broken at the start: %v", err)
	}
}

func until(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); {
		if time.Now().After(end) {
			t.Fatal("it did not come about")
		}
		time.Sleep(20 * time.Millisecond) // files tell nobody that they changed
	}
}

func TestHTTPLeadsToHTTPS(t *testing.T) {
	for _, c := range []struct{ name, public, port, host, target, want string }{
		{"at the public address", "https://chat.example.org", "443", "10.0.0.1", "/room/x?y=1", "https://chat.example.org/room/x?y=1"},
		{"at a public address with a port", "https://chat.example.org:8443", "8443", "chat.example.org", "/", "https://chat.example.org:8443/"},
		{"without one, at the name they came by", "", "443", "box.lan:80", "/a", "https://box.lan/a"},
		{"and the port that https is at", "", "8443", "box.lan", "/a", "https://box.lan:8443/a"},
		{"to no other place", "https://chat.example.org", "443", "chat.example.org", "//evil.example.org/x", "https://chat.example.org//evil.example.org/x"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://x/", nil)
		r.Host = c.host
		r.URL, _ = url.Parse("http://x" + c.target)
		w := httptest.NewRecorder()
		redirector(at(c.public), c.port).ServeHTTP(w, r)
		if w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != c.want {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Header().Get("Location"))
		}
	}
	w := httptest.NewRecorder()
	redirector(at(""), "443").ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://x/api/v1/session", strings.NewReader("a password")))
	if w.Code != http.StatusBadRequest {
		t.Errorf("what is sent in the open is led on: %d", w.Code)
	}
}

func TestFlagsOfTLS(t *testing.T) {
	for name, f := range map[string]tlsFlags{
		"two ways": {ACME: true, Cert: "a", Key: "b"}, "a certificate without a key": {Cert: "a"}, "a key without a certificate": {Key: "a"},
		"a mail without ACME": {Email: "a@example.org"}, "leading to nothing": {Plain: ":80"},
	} {
		listen := defaultListen
		if err := f.check(&listen); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	listen, f := defaultListen, tlsFlags{ACME: true}
	if err := f.check(&listen); err != nil || listen != ":443" || f.Plain != ":80" {
		t.Error(listen, f.Plain, err)
	}
	listen, f = "127.0.0.1:8443", tlsFlags{ACME: true}
	if err := f.check(&listen); err != nil || listen != "127.0.0.1:8443" || f.Plain != "" {
		t.Error(listen, f.Plain, err)
	}
	if _, err := f.secure(t.TempDir(), at(""), "443", quiet()); !chat.IsKind(err, chat.Invalid) {
		t.Errorf("ACME without a name: %v", err)
	}
}

func TestAPortThatCannotBeBound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, hint := range map[string]string{l.Addr().String(): "another program listens there", "192.0.2.1:80": "give another address", "nonsense": "give another address"} {
		_, err := bind(address, "--listen")
		e, ok := err.(*chat.Error)
		if !ok || e.Kind != chat.Invalid || !strings.Contains(e.Hint, hint) || !strings.Contains(e.Hint, "--listen") {
			t.Errorf("%s: %v, %+v", address, err, e)
		}
	}
}

// names answers every question for an address with this machine's.
func names(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m) // who asked is gone
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.ActivateAndServe() // ends with Shutdown
	}()
	t.Cleanup(func() {
		_ = s.Shutdown() // nothing is lost with it
		<-done
	})
	return l.Addr().String()
}

func TestACMEGetsACertificate(t *testing.T) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	t.Setenv("PEBBLE_AUTHZREUSE", "0")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(said, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the usual"}})
	front := wfe.New(said, store, va.New(said, 1, l.Addr().(*net.TCPAddr).Port, true, names(t), store), authority, []string{"pebble.test"}, true, false, 1, 1)
	service := httptest.NewTLSServer(front.Handler())
	defer service.Close()

	dir := t.TempDir()
	f := tlsFlags{ACME: true, Email: "admin@example.org", Directory: service.URL + wfe.DirectoryPath}
	m := f.manager(dir, at("https://chat.example.org"))
	m.Client.HTTPClient = service.Client()
	config := m.TLSConfig()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = tls.Server(conn, config).Handshake() // the other side says how it went
			}()
		}
	}()
	get := func(name string) (*x509.Certificate, error) {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0], nil
	}
	c, err := get("chat.example.org")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.DNSNames) != 1 || c.DNSNames[0] != "chat.example.org" || !strings.Contains(c.Issuer.CommonName, "Pebble") {
		t.Errorf("%v %v", c.DNSNames, c.Issuer)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "certificates", "chat.example.org*")); err != nil || len(files) == 0 {
		t.Errorf("it is not kept: %v %v", files, err)
	}
	if _, err := get("other.example.org"); err == nil {
		t.Error("a certificate was got for a name that is not ours")
	}
}
