package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	tlsListen  = ":443"
	plainPort  = ":80"
	lookAtCert = time.Second // how often files of certificates are looked at, at most
)

// tlsFlags say how the server speaks https itself.
type tlsFlags struct {
	ACME      bool   `name:"tls-acme" env:"GODWIT_TLS_ACME"`
	Email     string `name:"tls-email" placeholder:"MAIL" env:"GODWIT_TLS_EMAIL"`
	Directory string `name:"tls-directory" placeholder:"URL" env:"GODWIT_TLS_DIRECTORY"`
	Cert      string `name:"tls-cert" placeholder:"FILE" env:"GODWIT_TLS_CERT"`
	Key       string `name:"tls-key" placeholder:"FILE" env:"GODWIT_TLS_KEY"`
	Plain     string `name:"redirect" placeholder:"ADDR" env:"GODWIT_REDIRECT"`
}

func (t *tlsFlags) on() bool { return t.ACME || t.Cert != "" }

// check looks at the flags; it changes the address to listen on where none was
// given.
func (t *tlsFlags) check(listen *string) error {
	switch {
	case t.ACME && t.Cert != "":
		return chat.Errorf(chat.Invalid, "--tls-acme and --tls-cert cannot go together").WithHint("ACME gets certificates by itself; --tls-cert names files that you keep")
	case (t.Cert == "") != (t.Key == ""):
		return chat.Errorf(chat.Invalid, "--tls-cert and --tls-key go together").WithHint("one holds the certificate and those that vouch for it, the other its private key")
	case !t.ACME && (t.Email != "" || t.Directory != ""):
		return chat.Errorf(chat.Invalid, "--tls-email and --tls-directory are for --tls-acme")
	case !t.on() && t.Plain != "":
		return chat.Errorf(chat.Invalid, "--redirect leads to https, which this server does not speak").WithHint("add --tls-acme, or --tls-cert and --tls-key")
	}
	if t.on() && *listen == defaultListen {
		*listen = tlsListen
		t.Plain = cmp.Or(t.Plain, plainPort)
	}
	return nil
}

// bind listens, or says why it cannot.
func bind(address, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	e := chat.Errorf(chat.Invalid, "cannot listen on %s: %w", address, err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, e.WithHint("another program listens there: end it, or give another address and port with %s", flag)
	case errors.Is(err, syscall.EACCES):
		return nil, e.WithHint("ports below 1024 need a right: run `setcap cap_net_bind_service=+ep` on this program, or give a higher port with %s", flag)
	}
	return nil, e.WithHint("give another address and port with %s", flag)
}

// secured is how the server speaks https: what its listener needs, and what
// answers on the plain one.
type secured struct {
	config *tls.Config
	plain  http.Handler
}

// secure makes what the flags ask for; nil if they ask for nothing. Host says
// what the public address is now.
func (t *tlsFlags) secure(dir string, at func() *url.URL, port string, log *slog.Logger) (*secured, error) {
	redirect := redirector(at, port)
	switch {
	case t.Cert != "":
		files := &certFiles{cert: t.Cert, key: t.Key, log: log}
		if err := files.load(); err != nil {
			return nil, err
		}
		return &secured{&tls.Config{GetCertificate: files.get, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}, redirect}, nil
	case t.ACME:
		if at() == nil {
			return nil, chat.Errorf(chat.Invalid, "--tls-acme needs to know the name that certificates are for").WithHint("add --address https://chat.example.org")
		}
		m := t.manager(dir, at)
		config := m.TLSConfig()
		config.MinVersion = tls.VersionTLS12
		config.GetCertificate = logged(m.GetCertificate, log)
		return &secured{config, m.HTTPHandler(redirect)}, nil
	}
	return nil, nil //nolint:nilnil // as the comment says
}

// manager gets certificates by ACME for the public address alone, and keeps
// them in the data directory.
func (t *tlsFlags) manager(dir string, at func() *url.URL) *autocert.Manager {
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Email: t.Email, Cache: autocert.DirCache(filepath.Join(dir, "certificates")),
		Client: &acme.Client{DirectoryURL: cmp.Or(t.Directory, autocert.DefaultACMEDirectory), UserAgent: "godwit"},
		HostPolicy: func(_ context.Context, name string) error {
			if u := at(); u == nil || !strings.EqualFold(name, u.Hostname()) {
				return chat.Errorf(chat.Denied, "no certificate is got for %q: the public address is %v", name, u)
			}
			return nil
		},
	}
}

// logged says in the log why there is no certificate: browsers do not.
func logged(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), log *slog.Logger) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	var last time.Time
	return func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(h)
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			if time.Since(last) > time.Minute {
				last = time.Now()
				log.Error("get a certificate", "name", h.ServerName, "err", err)
			}
		}
		return c, err
	}
}

// redirector sends browsers that came by http to the same page by https: at
// the public address, if that is known, or else at the name they came by and
// the port that https is at.
func redirector(at func() *url.URL, port string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "this place is at https", http.StatusBadRequest)
			return
		}
		name := r.Host
		if only, _, err := net.SplitHostPort(name); err == nil {
			name = only
		}
		if u := at(); u != nil && u.Scheme == "https" {
			name = u.Host
		} else if port != "443" {
			name = net.JoinHostPort(strings.Trim(name, "[]"), port)
		}
		to := url.URL{Scheme: "https", Host: name, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
	})
}

// certFiles is a certificate in files, which are read anew when they change.
// New files that cannot be read are reported, and the old certificate stays.
type certFiles struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	held   *tls.Certificate
	stamp  [2]time.Time
	looked time.Time
}

func (f *certFiles) stamps() (s [2]time.Time, err error) {
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = info.ModTime()
	}
	return s, nil
}

// load reads the files. It fails with Invalid.
func (f *certFiles) load() error {
	s, err := f.stamps()
	var c tls.Certificate
	if err == nil {
		c, err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	if err != nil {
		return chat.Errorf(chat.Invalid, "the certificate cannot be used: %w", err).WithHint("--tls-cert and --tls-key name files in PEM form that belong together")
	}
	f.held, f.stamp = &c, s
	return nil
}

func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) >= lookAtCert {
		f.looked = now
		if s, err := f.stamps(); err != nil || s != f.stamp {
			if err := f.load(); err != nil {
				f.log.Error("read the new certificate", "err", err)
			} else {
				f.log.Info("the certificate was read anew", "until", f.held.Leaf.NotAfter)
			}
		}
	}
	return f.held, nil
}
