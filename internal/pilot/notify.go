package pilot

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Notify says who is told when a phase ends, when a move waits for a human,
// and when it fails.
type Notify struct {
	Webhook      string   `toml:"webhook"`
	SecretFile   string   `toml:"webhook_secret_file"` // or GODWIT_WEBHOOK_SECRET
	MailTo       []string `toml:"mail_to"`
	MailFrom     string   `toml:"mail_from"`
	SMTP         string   `toml:"smtp"`               // smtps://user@host:465, smtp://user@host:587
	PasswordFile string   `toml:"smtp_password_file"` // or GODWIT_SMTP_PASSWORD
}

// SignatureHeader carries the time and the HMAC-SHA-256, under the webhook's
// secret, of that time, a full stop, and the body: t=1732464000,v1=hex.
const SignatureHeader = "Godwit-Signature"

const (
	notifyTimeout = 15 * time.Second
	notifyTries   = 4
	notifyPause   = time.Second // after a failure; doubles
	notifyQueue   = 100
	notifyLast    = 20 * time.Second // for what waits when the move ends
)

func (n *Notify) check() error {
	if n.Webhook != "" {
		if u, err := url.Parse(n.Webhook); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return chat.Errorf(chat.Invalid, "notify.webhook is not an address: %q", n.Webhook)
		}
	}
	if len(n.MailTo) == 0 && n.MailFrom == "" && n.SMTP == "" {
		return nil
	}
	if len(n.MailTo) == 0 || n.MailFrom == "" || n.SMTP == "" {
		return chat.Errorf(chat.Invalid, "notify has a part of what mail needs").WithHint("mail needs mail_to, mail_from and smtp")
	}
	for _, a := range append(slices.Clone(n.MailTo), n.MailFrom) {
		if _, err := mail.ParseAddress(a); err != nil {
			return chat.Errorf(chat.Invalid, "notify: %q is not an e-mail address", a)
		}
	}
	u, err := url.Parse(n.SMTP)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"smtp", "smtps", "smtp+plain"}, u.Scheme) {
		return chat.Errorf(chat.Invalid, "notify.smtp is %q", n.SMTP).WithHint("it looks like smtps://user@mail.example.org:465, smtp://user@mail.example.org:587 (STARTTLS), or smtp+plain://localhost:25")
	}
	if _, has := u.User.Password(); has {
		return chat.Errorf(chat.Invalid, "notify.smtp has a password in it").WithHint("name a file with smtp_password_file, or set GODWIT_SMTP_PASSWORD")
	}
	return nil
}

// Notifier tells people, behind the move: it never holds it up, and what
// cannot be told is in the log.
type Notifier struct {
	to       Notify
	secret   []byte
	password string
	log      *slog.Logger
	queue    chan Message
	client   *http.Client
	pause    time.Duration
}

// NewNotifier makes one, and reads the secrets that it needs. It fails with
// Invalid if there are none.
func NewNotifier(to Notify, log *slog.Logger) (*Notifier, error) {
	n := &Notifier{to: to, log: log, queue: make(chan Message, notifyQueue), client: &http.Client{Timeout: notifyTimeout}, pause: notifyPause}
	var err error
	if to.Webhook != "" {
		if n.secret, err = secretOf(to.SecretFile, "GODWIT_WEBHOOK_SECRET"); err != nil {
			return nil, err
		}
		if len(n.secret) == 0 {
			return nil, chat.Errorf(chat.Invalid, "the webhook has no secret to sign with").WithHint("name a file with webhook_secret_file, or set GODWIT_WEBHOOK_SECRET")
		}
	}
	password, err := secretOf(to.PasswordFile, "GODWIT_SMTP_PASSWORD")
	n.password = string(password)
	return n, err
}

// secretOf reads a secret from a file, or else from the environment.
func secretOf(file, name string) ([]byte, error) {
	if file == "" {
		return []byte(os.Getenv(name)), nil
	}
	data, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "a file with a secret cannot be read: %w", err)
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil, chat.Errorf(chat.Invalid, "%s is empty; it should hold the secret in its only line", file)
	}
	return data, nil
}

// Tell puts an event into the queue, and returns at once.
func (n *Notifier) Tell(m Message) {
	if n.to.Webhook == "" && len(n.to.MailTo) == 0 {
		return
	}
	select {
	case n.queue <- m:
	default:
		n.log.Error("too many notifications wait; one is left out", "move", m.Move, "event", m.Event, "phase", m.Phase)
	}
}

// Run tells what is in the queue, until the context ends; then it has a little
// time for what is left.
func (n *Notifier) Run(ctx context.Context) error {
	for {
		select {
		case m := <-n.queue:
			n.tell(ctx, m)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyLast)
			defer cancel()
			for {
				select {
				case m := <-n.queue:
					n.tell(last, m)
				default:
					return nil
				}
			}
		}
	}
}

func (n *Notifier) tell(ctx context.Context, m Message) {
	if n.to.Webhook != "" {
		n.try(ctx, m, "webhook", n.post)
	}
	if len(n.to.MailTo) > 0 {
		n.try(ctx, m, "mail", n.mail)
	}
}

func (n *Notifier) try(ctx context.Context, m Message, how string, send func(context.Context, Message) error) {
	wait := n.pause
	for try := 1; ; try++ {
		err := send(context.WithoutCancel(ctx), m)
		if err == nil {
			return
		}
		if try == notifyTries || !pause(ctx, wait) {
			n.log.Error("nobody was told", "move", m.Move, "event", m.Event, "phase", m.Phase, "by", how, "err", err)
			return
		}
		wait *= 2
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (n *Notifier) post(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.to.Webhook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "godwit")
	req.Header.Set(SignatureHeader, Sign(n.secret, time.Now(), body))
	answer, err := n.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()                                      //nolint:errcheck // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answered %s", answer.Status)
	}
	return nil
}

// Sign makes what stands in the SignatureHeader.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (n *Notifier) mail(ctx context.Context, m Message) error {
	l := gomail.NewMsg()
	if err := l.From(n.to.MailFrom); err != nil {
		return err
	}
	if err := l.To(n.to.MailTo...); err != nil {
		return err
	}
	l.Subject(subject(m))
	l.SetDate()
	l.SetMessageID()
	l.SetGenHeader("Auto-Submitted", "auto-generated")
	l.SetBodyString(gomail.TypeTextPlain, letter(m))
	client, err := n.mailClient()
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, l)
}

func (n *Notifier) mailClient() (*gomail.Client, error) {
	u, err := url.Parse(n.to.SMTP)
	if err != nil {
		return nil, err
	}
	o := []gomail.Option{gomail.WithTimeout(notifyTimeout), gomail.WithTLSConfig(&tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})}
	switch u.Scheme {
	case "smtps":
		o = append(o, gomail.WithSSLPort(false))
	case "smtp+plain":
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPortPolicy(gomail.TLSMandatory))
	}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, err
		}
		o = append(o, gomail.WithPort(port))
	}
	if user := u.User.Username(); user != "" {
		o = append(o, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user), gomail.WithPassword(n.password))
	}
	return gomail.NewClient(u.Hostname(), o...)
}

func subject(m Message) string {
	switch m.Event {
	case "human":
		return fmt.Sprintf("Move %s waits for you: %s", m.Move, m.Step)
	case "fails":
		return fmt.Sprintf("Move %s stopped in the phase %s", m.Move, m.Phase)
	}
	return fmt.Sprintf("Move %s: %s has ended", m.Move, m.Phase)
}

func letter(m Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", subject(m))
	if m.Text != "" {
		fmt.Fprintf(&b, "%s\n\n", m.Text)
	}
	if m.Step != "" {
		fmt.Fprintf(&b, "The next step of a person: %s\n", m.Step)
		if m.By != "" {
			fmt.Fprintf(&b, "The latest time for it: %s\n", m.By)
		}
		if m.Then != "" {
			fmt.Fprintf(&b, "If nobody does it: %s\n", m.Then)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "godwit status %s shows how it stands.\n", m.Move)
	return b.String()
}
