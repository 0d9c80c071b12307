package pilot

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// journal is a log that may be read while it is written.
type journal struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write never fails.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.String()
}

// telling runs a notifier until the end of the test.
func telling(t *testing.T, to Notify) (*Notifier, *journal) {
	t.Helper()
	log := &journal{}
	n, err := NewNotifier(to, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	n.pause = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n, log
}

type posted struct {
	signature string
	body      []byte
}

func webhook(t *testing.T, fails int) (url string, got chan posted) {
	got = make(chan posted, 10)
	tries := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries <= fails {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- posted{r.Header.Get(SignatureHeader), body}
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func next[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("")
	}
}

func secret(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAWebhookIsSignedAndTriedAgain(t *testing.T) {
	url, got := webhook(t, 2)
	n, _ := telling(t, Notify{Webhook: url, SecretFile: secret(t, "sanderling\n")})
	c := &Crew{Notify: n, Log: n.log}
	by := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	e := at(move.EventHuman, move.StageFollow)
	e.Status.Next = move.NextStep{Step: "cut over", Do: move.OrderCutover, By: &by, Then: "the token expires"}
	if err := c.Hear(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	p := next(t, got)
	var m Message
	if err := json.Unmarshal(p.body, &m); err != nil || m.Event != "human" || m.Step != "cut over" || m.By != "2026-11-25T03:00:00Z" || m.State.Move != "autumn" {
		t.Errorf("%v: %s", err, p.body)
	}
	var unix int64
	when, _, _ := strings.Cut(strings.TrimPrefix(p.signature, "t="), ",")
	if err := json.Unmarshal([]byte(when), &unix); err != nil {
		t.Fatal(p.signature)
	}
	if want := Sign([]byte("sanderling"), time.Unix(unix, 0), p.body); p.signature != want {
		t.Errorf("%s, want %s", p.signature, want)
	}
}

func TestPeopleAreToldWhenAPhaseEndsWhenItWaitsAndWhenItFails(t *testing.T) {
	url, got := webhook(t, 0)
	n, _ := telling(t, Notify{Webhook: url, SecretFile: secret(t, "x")})
	c := &Crew{Notify: n, Log: n.log}
	failed := at(move.EventFails, move.StagePresync)
	failed.Error = "the target's disk is full"
	for _, e := range []move.Event{at(move.EventBegins, move.StagePresync), at(move.EventEnds, move.StagePresync), at(move.EventHuman, move.StageFollow), failed} {
		if err := c.Hear(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"after presync ", "human follow ", "fails presync the target's disk is full"} {
		var m Message
		if err := json.Unmarshal(next(t, got).body, &m); err != nil || m.Event+" "+m.Phase+" "+m.Text != want {
			t.Errorf("%v: %+v, want %s", err, m, want)
		}
	}
}

func TestAMoveDoesNotWaitForAWebhookThatIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	n, log := telling(t, Notify{Webhook: "http://" + address, SecretFile: secret(t, "x")})
	c := &Crew{Notify: n, Log: n.log}
	for range notifyQueue + 10 {
		if err := c.Hear(t.Context(), at(move.EventEnds, move.StagePresync)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !strings.Contains(log.text(), "nobody was told") {
		if !pause(ctx, time.Millisecond) {
			t.Fatal("the log does not say that nobody was told")
		}
	}
}

func TestASecretIsAskedFor(t *testing.T) {
	for _, to := range []Notify{{Webhook: "http://127.0.0.1"}, {Webhook: "http://127.0.0.1", SecretFile: "/none"}, {Webhook: "http://127.0.0.1", SecretFile: secret(t, "\n")}} {
		if _, err := NewNotifier(to, slog.New(slog.DiscardHandler)); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%+v: %v", to, err)
		}
	}
	t.Setenv("GODWIT_WEBHOOK_SECRET", "from the environment")
	if _, err := NewNotifier(Notify{Webhook: "http://127.0.0.1"}, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

type mailbox chan string

func (m mailbox) Reset()                               {}
func (m mailbox) Logout() error                        { return nil }
func (m mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (m mailbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (m mailbox) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	m <- string(b)
	return err
}

func TestAMailSaysWhatToDoAndUntilWhen(t *testing.T) {
	box := make(mailbox, 10)
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return box, nil }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = s.Close() // nothing is lost with it
		<-done
	})
	to := Notify{MailTo: []string{"ops@example.org"}, MailFrom: "Godwit <godwit@example.org>", SMTP: "smtp+plain://" + l.Addr().String()}
	if err := to.check(); err != nil {
		t.Fatal(err)
	}
	n, _ := telling(t, to)
	e := at(move.EventHuman, move.StageReverse)
	by := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	e.Status.Next = move.NextStep{Step: "complete the move", By: &by, Then: "the way back is kept on"}
	c := &Crew{Notify: n, Log: n.log}
	if err := c.Hear(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	mail := next(t, box)
	for _, want := range []string{"Subject: Move autumn waits for you: complete the move", "From: \"Godwit\" <godwit@example.org>", "The latest time for it: 2026-11-25T03:00:00Z", "If nobody does it: the way back is kept on"} {
		if !strings.Contains(mail, want) {
			t.Errorf("there is no %q in: %s", want, mail)
		}
	}
}
