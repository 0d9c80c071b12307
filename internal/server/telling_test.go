package server_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// browser is a push service with one browser behind it.
type browser struct {
	*httptest.Server
	key    *ecdh.PrivateKey
	auth   []byte
	got    chan string
	mu     sync.Mutex
	status []int // of the next answers; 201 when there are no more
}

func newBrowser(t *testing.T) *browser {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{key: key, auth: bytes.Repeat([]byte{4}, 16), got: make(chan string, 100)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		status := http.StatusCreated
		if len(b.status) > 0 {
			status, b.status = b.status[0], b.status[1:]
		}
		b.mu.Unlock()
		plain, err := b.open(body)
		if err != nil || r.Header.Get("Content-Encoding") != "aes128gcm" || !strings.HasPrefix(r.Header.Get("Authorization"), "vapid t=") {
			t.Errorf("%v %v", err, r.Header)
		}
		w.WriteHeader(status)
		b.got <- fmt.Sprint(status, " ", string(plain))
	}))
	t.Cleanup(b.Close)
	return b
}

// open decrypts what was pushed (RFC 8291 and 8188).
func (b *browser) open(body []byte) ([]byte, error) {
	if len(body) < 86 {
		return nil, errors.New("too short")
	}
	salt, theirs := body[:16], body[21:86]
	point, err := ecdh.P256().NewPublicKey(theirs)
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(point)
	if err != nil {
		return nil, err
	}
	info := append(append([]byte("WebPush: info\x00"), b.key.PublicKey().Bytes()...), theirs...)
	ikm, _ := hkdf.Key(sha256.New, shared, b.auth, string(info), 32)
	key, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	plain, err := gcm.Open(nil, nonce, body[86:], nil)
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(bytes.TrimRight(plain, "\x00"), "\x02"), nil
}

func (b *browser) subscription() api.PushSubscription {
	return api.PushSubscription{Endpoint: b.URL + "/push/secret", Keys: api.PushKeys{
		P256dh: base64.RawURLEncoding.EncodeToString(b.key.PublicKey().Bytes()), Auth: base64.RawURLEncoding.EncodeToString(b.auth),
	}}
}

// next is what comes next, which must come.
func (b *browser) next(t *testing.T) string {
	t.Helper()
	select {
	case text := <-b.got:
		return text
	case <-time.After(time.Minute):
		t.Fatal("nothing was pushed")
		return ""
	}
}

func (b *browser) answers(status ...int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

var spoken int

// speak posts a message under a nonce of its own.
func (w *world) speak(as, room, text string) {
	w.t.Helper()
	spoken++
	_, err := w.as(as).Post(w.t.Context(), w.roomID(room), text, fmt.Sprintf("nonce-of-telling-%d", spoken))
	w.must(err)
}

func TestPush(t *testing.T) {
	w := sqlite(t)
	w.serve(server.Config{FetchAllow: loopback, Away: time.Second})
	w.room("pair", chat.RoomDirect, chat.RoomActive, "member", "outsider")
	b := newBrowser(t)
	c := w.as("outsider")
	var key api.PushKey
	w.must(c.Do(t.Context(), http.MethodGet, "account/push", nil, &key))
	if again := (api.PushKey{}); c.Do(t.Context(), http.MethodGet, "account/push", nil, &again) != nil || again != key || len(key.Key) < 80 {
		t.Errorf("the key is %q, and then %q", key, again)
	}
	w.must(c.Do(t.Context(), http.MethodPost, "account/push", b.subscription(), nil))
	w.room("witness", chat.RoomDirect, chat.RoomActive, "member", "local")
	witness := newBrowser(t)
	w.must(w.as("local").Do(t.Context(), http.MethodPost, "account/push", witness.subscription(), nil))
	w.say("pair", "member", "imported: nobody is told")
	w.speak("outsider", "pair", "my own")
	w.speak("member", "pair", "**hello** there")
	got := b.next(t)
	var told api.Told
	if err := json.Unmarshal([]byte(strings.TrimPrefix(got, "201 ")), &told); err != nil || told.Text != "hello there" || told.Title != "The member" || told.Why != "direct" || told.Room != w.roomID("pair") {
		t.Errorf("%s: %+v %v", got, told, err)
	}
	t.Run("a service that stumbles is asked again, and no more than thrice", func(t *testing.T) {
		b.answers(500, 429)
		w.speak("member", "pair", "second")
		for _, want := range []string{"500", "429", "201"} {
			if got := b.next(t); !strings.HasPrefix(got, want) || !strings.Contains(got, "second") {
				t.Errorf("%s, want %s", got, want)
			}
		}
		b.answers(500, 500, 500)
		w.speak("member", "pair", "third")
		for range 3 {
			b.next(t)
		}
	})
	t.Run("the text is left out if that is wanted", func(t *testing.T) {
		w.must(c.Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: map[string]string{"preview": "off"}}, nil))
		w.speak("member", "pair", "a secret plan")
		if got := b.next(t); strings.Contains(got, "plan") || strings.Contains(got, "The member") {
			t.Error(got)
		}
	})
	t.Run("nothing comes in quiet hours", func(t *testing.T) {
		set := func(v string) {
			w.must(c.Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: map[string]string{"pause": v, "preview": "on"}}, nil))
		}
		set("9000000000000000")
		w.speak("member", "pair", "while it is quiet")
		w.speak("member", "witness", "looked at after that")
		witness.next(t)
		set("")
		w.speak("member", "pair", "and loud again")
		if got := b.next(t); !strings.Contains(got, "and loud again") {
			t.Error(got)
		}
	})
	t.Run("a browser that the service does not know any more is forgotten", func(t *testing.T) {
		b.answers(410)
		w.speak("member", "pair", "gone")
		b.next(t)
		w.until(func() bool {
			list, err := w.service.Pushes(t.Context(), w.users["outsider"].ID)
			return err == nil && len(list) == 0
		})
	})
	t.Run("it ends with the session", func(t *testing.T) {
		w.must(c.Do(t.Context(), http.MethodPost, "account/push", b.subscription(), nil))
		w.must(c.SignOut(t.Context()))
		list, err := w.service.Pushes(t.Context(), w.users["outsider"].ID)
		if err != nil || len(list) != 0 {
			t.Error(list, err)
		}
	})
}

// until waits until something has come about.
func (w *world) until(so func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		bell := w.db.Doorbell()
		if so() {
			return
		}
		select {
		case <-bell:
		case <-time.After(50 * time.Millisecond):
		}
	}
	w.t.Fatal("it did not come about")
}

func TestPushReachesNoInnerAddress(t *testing.T) {
	w := sqlite(t)
	c := w.as("member")
	b := newBrowser(t)
	for name, endpoint := range map[string]string{
		"this machine": "https://127.0.0.1/x", "its name": "https://localhost/x", "a private network": "https://10.1.2.3/x", "IPv6 of this machine": "https://[::1]/x",
		"mapped": "https://[::ffff:192.168.1.1]/x", "the cloud's own": "https://169.254.169.254/latest/meta-data", "plain http": "http://push.example.org/x",
		"a file": "file:///etc/passwd", "with a password": "https://a:b@push.example.org/x", "NAT64 of a private one": "https://[64:ff9b::a00:1]/x", "nothing": "",
		"carrier's": "https://100.64.0.1/x", "unspecified": "https://0.0.0.0/x", "very long": "https://push.example.org/" + strings.Repeat("x", 3000),
	} {
		in := b.subscription()
		in.Endpoint = endpoint
		if err := c.Do(t.Context(), http.MethodPost, "account/push", in, nil); !chat.IsKind(err, chat.Denied) && !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, keys := range map[string]api.PushKeys{"none": {}, "short": {P256dh: "AAAA", Auth: "AAAA"}, "no point": {P256dh: base64.RawURLEncoding.EncodeToString(make([]byte, 65)), Auth: b.subscription().Keys.Auth}} {
		in := api.PushSubscription{Endpoint: "https://push.example.org/x", Keys: keys}
		if err := c.Do(t.Context(), http.MethodPost, "account/push", in, nil); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("keys, %s: %v", name, err)
		}
	}
	t.Run("also if one was kept before, or its name leads there later", func(t *testing.T) {
		w.serve(server.Config{Away: time.Second})
		w.room("pair", chat.RoomDirect, chat.RoomActive, "member", "outsider")
		keys, _ := json.Marshal(b.subscription().Keys)
		outsider := &chat.Actor{User: w.users["outsider"], Session: &chat.Session{}}
		w.must(w.service.AddPush(t.Context(), outsider, b.subscription().Endpoint, string(keys)))
		w.must(w.service.AddPush(t.Context(), outsider, strings.Replace(b.subscription().Endpoint, "127.0.0.1", "localhost", 1), string(keys)))
		w.speak("member", "pair", "into the inner network")
		w.until(func() bool { return strings.Count(w.logged(), "a push service refused") >= 2 })
		if len(b.got) > 0 {
			t.Error(<-b.got)
		}
	})
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// postOffice is a mail server.
type postOffice struct {
	addr   string
	mails  chan string
	mu     sync.Mutex
	refuse []*smtp.SMTPError // the next mails
	hold   chan struct{}     // no other mail is taken until it is closed; nil if none waits
	held   chan struct{}     // gets one for each mail that waits for that
}

type postSession struct{ o *postOffice }

func (postSession) Reset()                                 {}
func (postSession) Logout() error                          { return nil }
func (s postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.Contains(to, "nobody") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such person here"}
	}
	return nil
}

func (s postSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.o.mu.Lock()
	if len(s.o.refuse) > 0 {
		defer s.o.mu.Unlock()
		e := s.o.refuse[0]
		s.o.refuse = s.o.refuse[1:]
		return e
	}
	hold := s.o.hold
	s.o.mu.Unlock()
	if hold != nil {
		s.o.held <- struct{}{}
		<-hold
	}
	s.o.mails <- string(b)
	return nil
}

func newPostOffice(t *testing.T) *postOffice {
	o := &postOffice{mails: make(chan string, 100), held: make(chan struct{}, 100)}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return postSession{o}, nil }))
	s.Domain = "mail.test"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = s.Close() // nothing is lost with it
		<-done
	})
	return o
}

func (o *postOffice) next(t testing.TB) (m *mail.Message, text, html string) {
	t.Helper()
	select {
	case raw := <-o.mails:
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err, raw)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if params["boundary"] == "" {
			b, _ := io.ReadAll(quotedprintable.NewReader(m.Body))
			return m, string(b), ""
		}
		for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
			part, err := parts.NextPart() // decodes quoted-printable
			if err != nil {
				return m, text, html
			}
			b, _ := io.ReadAll(part)
			if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
				html = string(b)
			} else {
				text = string(b)
			}
		}
	case <-time.After(time.Minute):
		t.Fatal("no mail came")
		return nil, "", ""
	}
}

// useMail sets the place up to send mail.
func (w *world) useMail(o *postOffice) {
	w.t.Helper()
	host, port, _ := net.SplitHostPort(o.addr)
	w.must(w.service.SetSettings(context.Background(), chat.Operator(), map[string]string{
		"mail-host": host, "mail-port": port, "mail-tls": "none", "mail-from": "chat@example.org", "name": "Estuary Watch", "address": "https://chat.example.org",
	}))
}

// away has a server tell by mail of what was missed for a moment. It is the
// only one: two could overtake each other.
func (w *world) away(o *postOffice) {
	w.t.Helper()
	w.end()
	w.useMail(o)
	w.serve(server.Config{Away: 300 * time.Millisecond})
}

// witness writes to somebody who is mailed of nothing else, and waits for that
// mail: all that was written before was looked at, and is mailed now or waits.
func (w *world) witness(o *postOffice) {
	w.t.Helper()
	if w.rooms["witness"] == nil {
		w.room("witness", chat.RoomDirect, chat.RoomActive, "member", "local")
	}
	w.speak("member", "witness", "for the witness")
	if m, text, _ := o.next(w.t); !strings.Contains(m.Header.Get("To"), "local@") {
		w.t.Errorf("a mail came to %s: %s", m.Header.Get("To"), text)
	}
}

// none makes sure that nobody else is mailed of what was written up to now:
// who is due with the first mail to the witness is so before its second.
func (w *world) none(o *postOffice) {
	w.t.Helper()
	w.witness(o)
	w.witness(o)
}

func TestMailOfWhatWasMissed(t *testing.T) {
	w := sqlite(t)
	o := newPostOffice(t)
	w.away(o)
	w.room("pair", chat.RoomDirect, chat.RoomActive, "member", "outsider")
	w.room("Nest <sites>", chat.RoomPrivate, chat.RoomActive, "member", "outsider")
	quiet := func(until string) {
		t.Helper()
		w.must(w.as("outsider").Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: map[string]string{"pause": until}}, nil))
	}
	quiet("9000000000000000") // so that all goes into one mail afterwards
	w.speak("member", "pair", "are you there? <b>")
	w.speak("member", "Nest <sites>", "look @outsider")
	w.speak("member", "Nest <sites>", "of no concern")
	w.none(o)
	quiet("")
	m, text, html := o.next(t)
	header := m.Header
	if header.Get("Subject") != "2 messages for you in Estuary Watch" || header.Get("To") != `"The outsider" <outsider@Example.org>` || header.Get("Auto-Submitted") != "auto-generated" ||
		header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || header.Get("References") == "" || header.Get("References") != header.Get("In-Reply-To") ||
		!strings.Contains(header.Get("Message-ID"), "@chat.example.org>") {
		t.Errorf("%v", header)
	}
	for _, want := range []string{"Nest <sites>", "look @outsider", "are you there?", "https://chat.example.org/room/" + w.roomID("pair")} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(text, "no concern") || !strings.Contains(html, "Nest &lt;sites&gt;") || strings.Contains(html, "<sites>") {
		t.Errorf("%s\n%s", text, html)
	}
	first := header.Get("References")

	t.Run("once, also across a new start", func(t *testing.T) {
		w.away(o)
		w.speak("member", "pair", "and another")
		m, text, _ := o.next(t)
		if m.Header.Get("References") != first || strings.Contains(text, "are you there") || !strings.Contains(text, "and another") {
			t.Errorf("%v %s", m.Header, text)
		}
		w.none(o)
	})
	t.Run("not of what was read meanwhile, or deleted", func(t *testing.T) {
		quiet("9000000000000000")
		w.speak("member", "pair", "read soon")
		w.put(&chat.ReadMark{Room: w.rooms["pair"].ID, User: w.users["outsider"].ID, Read: chat.TimeOf(time.Now().Add(time.Hour))})
		w.speak("member", "Nest <sites>", "@outsider come")
		quiet("")
		_, text, _ := o.next(t)
		if strings.Contains(text, "read soon") || !strings.Contains(text, "come") {
			t.Error(text)
		}
		w.put(&chat.ReadMark{Room: w.rooms["pair"].ID, User: w.users["outsider"].ID, Gone: true})
	})
	t.Run("in the language that its receiver chose", func(t *testing.T) {
		w.must(w.as("outsider").Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: map[string]string{"language": "de"}}, nil))
		w.speak("member", "pair", "auf Deutsch")
		m, text, html := o.next(t)
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != "1 Nachricht für dich in Estuary Watch" || !strings.Contains(text, "The outsider, du hast in Estuary Watch 1 Nachricht verpasst.") ||
			!strings.Contains(text, "Diese Mails abbestellen: https://") || !strings.Contains(html, `<html lang="de">`) || strings.Contains(text+html, "you ") {
			t.Errorf("%q %v\n%s\n%s", subject, err, text, html)
		}
		w.must(w.as("outsider").Do(t.Context(), http.MethodPatch, "account/preferences", api.Preferences{Values: map[string]string{"language": "fr"}}, nil))
		w.speak("member", "pair", "en français")
		if m, _, _ := o.next(t); m.Header.Get("Subject") != "1 message for you in Estuary Watch" {
			t.Errorf("in a language without words here: %v", m.Header)
		}
	})
	t.Run("a link in it stops the mails", func(t *testing.T) {
		link := strings.Trim(header.Get("List-Unsubscribe"), "<>")
		path := strings.TrimPrefix(link, "https://chat.example.org")
		resp, err := http.Post(w.url+path, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Error(resp.Status, link)
		}
		resp, err = http.Post(w.url+path[:len(path)-4], "text/plain", nil)
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != 404 {
			t.Errorf("a link that was cut: %s", resp.Status)
		}
		w.speak("member", "pair", "unheard")
		w.none(o)
	})
}

func TestWhatIsWrittenWhileAMailIsSentIsMailedToo(t *testing.T) {
	w := sqlite(t)
	o := newPostOffice(t)
	o.hold = make(chan struct{})
	w.end()
	w.useMail(o)
	w.serve(server.Config{FetchAllow: loopback, Away: 300 * time.Millisecond})
	w.room("pair", chat.RoomDirect, chat.RoomActive, "member", "outsider")
	w.room("witness", chat.RoomDirect, chat.RoomActive, "member", "local")
	witness := newBrowser(t)
	w.must(w.as("local").Do(t.Context(), http.MethodPost, "account/push", witness.subscription(), nil))
	w.speak("member", "pair", "before")
	<-o.held
	w.speak("member", "pair", "meanwhile")
	w.speak("member", "witness", "pushed after that was taken in")
	witness.next(t)
	close(o.hold)
	if _, text, _ := o.next(t); !strings.Contains(text, "before") || strings.Contains(text, "meanwhile") {
		t.Error(text)
	}
	for {
		m, text, _ := o.next(t)
		if strings.Contains(m.Header.Get("To"), "local@") {
			continue
		}
		if !strings.Contains(text, "meanwhile") || strings.Contains(text, "before") {
			t.Error(text)
		}
		return
	}
}

func TestAFailingMailServerHoldsUpNothing(t *testing.T) {
	w := sqlite(t)
	o := newPostOffice(t)
	o.refuse = []*smtp.SMTPError{{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not now"}, {Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not yet"}}
	o.hold = make(chan struct{})
	w.away(o)
	w.room("pair", chat.RoomDirect, chat.RoomActive, "member", "outsider")
	owner := w.as("owner")
	problems := func() string {
		v, err := owner.Overview(t.Context())
		w.must(err)
		return strings.Join(v.Problems, "\n")
	}
	// heard waits for the mail that tells of a text; others may come before.
	var all string
	heard := func(t *testing.T, what string) {
		t.Helper()
		for !strings.Contains(all, what) {
			_, text, _ := o.next(t)
			all += text
		}
	}
	w.speak("member", "pair", "first")
	w.until(func() bool { return strings.Contains(problems(), "not now") || strings.Contains(problems(), "not yet") })
	close(o.hold)
	w.speak("member", "pair", "second")
	heard(t, "first")
	w.until(func() bool { return !strings.Contains(problems(), "Mail is not sent") })
	t.Run("what is refused for good is not tried for ever", func(t *testing.T) {
		w.user("nobody", chat.RoleMember)
		w.room("void", chat.RoomDirect, chat.RoomActive, "member", "nobody")
		w.speak("member", "void", "hello?")
		w.until(func() bool { return strings.Contains(w.logged(), "a mail was given up") })
		w.speak("member", "pair", "others still hear")
		heard(t, "others still hear")
	})
	for _, what := range []string{"first", "second", "others still hear"} {
		if n := strings.Count(all, what); n != 1 {
			t.Errorf("%q was told %d times: %s", what, n, all)
		}
	}
}

func TestATestMailSaysWhatTheServerAnswered(t *testing.T) {
	w := sqlite(t)
	o := newPostOffice(t)
	c := w.as("admin")
	test := func() (out api.MailTest, err error) {
		return out, c.Do(t.Context(), http.MethodPost, "admin/mail-test", struct{}{}, &out)
	}
	if _, err := test(); !chat.IsKind(err, chat.Unavailable) {
		t.Errorf("without a mail server: %v", err)
	}
	w.useMail(o)
	out, err := test()
	if err != nil || !out.OK || !strings.Contains(out.Text, "OK") {
		t.Errorf("%+v %v", out, err)
	}
	o.next(t)
	o.mu.Lock()
	o.refuse = []*smtp.SMTPError{{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "we do not like you"}}
	o.mu.Unlock()
	if out, err = test(); err != nil || out.OK || !strings.Contains(out.Text, "we do not like you") {
		t.Errorf("%+v %v", out, err)
	}
	w.must(w.service.SetSetting(t.Context(), chat.Operator(), "mail-tls", "starttls"))
	if out, err = test(); err != nil || out.OK || !strings.Contains(strings.ToLower(out.Text), "starttls") {
		t.Errorf("a server without TLS: %+v %v", out, err)
	}
	if err := w.as("member").Do(t.Context(), http.MethodPost, "admin/mail-test", struct{}{}, nil); !chat.IsKind(err, chat.Denied) {
		t.Error(err)
	}
	t.Run("names cannot add lines to its head", func(t *testing.T) {
		w.must(w.service.SetSetting(t.Context(), chat.Operator(), "mail-tls", "none"))
		u := *w.users["admin"]
		u.Name = "Eve\r\nBcc: all@example.org"
		w.put(&u, &chat.Setting{Name: "name", Value: "Place\r\nX-Evil: yes"})
		out, err := test()
		if err != nil || !out.OK {
			t.Fatalf("%+v %v", out, err)
		}
		m, _, _ := o.next(t)
		if m.Header.Get("Bcc") != "" || m.Header.Get("X-Evil") != "" {
			t.Errorf("%v", m.Header)
		}
	})
}
