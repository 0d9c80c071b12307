package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	mailTimeout   = 20 * time.Second
	mailTick      = 20 * time.Second
	mostMailTries = 5
	firstPause    = 30 * time.Second // after a failure; doubles
	longestPause  = 15 * time.Minute
	mailsAtOnce   = 50 // in one round, on one connection
)

// errNoMail says that no mail server is set.
func errNoMail() error {
	return chat.Errorf(chat.Unavailable, "no mail server is set").WithHint("set one in the settings of the place")
}

// mailClient makes a client of the mail server that is set.
func (s *Server) mailClient(ctx context.Context, p *chat.Roster) (*gomail.Client, error) {
	host := p.Setting(chat.SettingMailHost)
	if host == "" || p.Setting(chat.SettingMailFrom) == "" {
		return nil, errNoMail()
	}
	o := []gomail.Option{gomail.WithPort(int(p.SettingNumber(chat.SettingMailPort))), gomail.WithTimeout(mailTimeout), gomail.WithTLSConfig(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})}
	if at := s.public(); at != nil {
		o = append(o, gomail.WithHELO(at.Hostname()))
	}
	switch p.Setting(chat.SettingMailTLS) {
	case "tls":
		o = append(o, gomail.WithSSL())
	case "none":
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if user := p.Setting(chat.SettingMailUser); user != "" {
		password, err := s.Service.SecretSetting(ctx, chat.SettingMailPassword)
		if err != nil {
			return nil, err
		}
		o = append(o, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user), gomail.WithPassword(password))
	}
	c, err := gomail.NewClient(host, o...)
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the mail server cannot be used: %w", err)
	}
	return c, nil
}

// letter makes an empty mail to somebody.
func (s *Server) letter(p *chat.Roster, to *chat.User) (*gomail.Msg, error) {
	address, err := mail.ParseAddress(to.Email)
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "%q is not an address that mail reaches", to.Email)
	}
	from, err := mail.ParseAddress(p.Setting(chat.SettingMailFrom))
	if err != nil {
		return nil, errNoMail()
	}
	if from.Name == "" {
		from.Name = s.place(p)
	}
	m := gomail.NewMsg()
	m.FromMailAddress(from)
	m.ToMailAddress(&mail.Address{Name: to.Name, Address: address.Address})
	m.SetDate()
	m.SetMessageIDWithValue(s.Service.NewID() + "@" + s.mailHost())
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	return m, nil
}

// mailHost is what the names of mails end with.
func (s *Server) mailHost() string {
	if at := s.public(); at != nil {
		return at.Hostname()
	}
	return "godwit.invalid"
}

// mailTest sends a mail to the one who asks, and answers what the mail server
// said.
func (s *Server) mailTest(r *request) (any, error) {
	if err := r.person(); err != nil {
		return nil, err
	}
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may try the mail server")
	}
	if err := s.tried(r); err != nil {
		return nil, err
	}
	if !s.gate.open(r.Context()) {
		return nil, chat.Errorf(chat.Unavailable, "this place sends no mail while it is not open")
	}
	out := api.MailTest{To: r.actor.User.Email}
	p, err := s.Service.Roster(r.Context())
	if err != nil {
		return nil, err
	}
	m, err := s.letter(p, r.actor.User)
	if err != nil {
		return nil, err
	}
	chosen, _, err := s.Service.Preferences(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	words := lettersFor(chosen)
	m.Subject(fmt.Sprintf(words.testSubject, s.place(p)))
	m.SetBodyString(gomail.TypeTextPlain, fmt.Sprintf(words.testText, s.place(p)))
	client, err := s.mailClient(r.Context(), p)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*mailTimeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, m); err != nil {
		out.Text = err.Error()
		s.Log.Warn("a test mail was not sent", "err", err)
		return out, nil
	}
	out.OK, out.Text = true, m.ServerResponse()
	if out.Text == "" {
		out.Text = "250"
	}
	s.teller.trouble("")
	return out, nil
}

// unsubscribe stops mails to whom a token is of. Mail programs post here by
// themselves (RFC 8058), so nobody need be signed in.
func (s *Server) unsubscribe(r *request) (any, error) {
	return empty{}, s.Service.Unsubscribe(r.Context(), r.PathValue("token"))
}

// trouble says on the overview what is wrong with mail; "" is nothing.
func (t *teller) trouble(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem = text
}

func (t *teller) wrong() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.problem
}

// mails sends, now and then, to those who are away what they missed. A mail
// server that fails is asked again after a while, and holds up nothing else.
func (t *teller) mails(ctx context.Context) error {
	wait, rest := mailTick, firstPause
	if t.server.Away > 0 {
		wait = t.server.Away / 2
	}
	next := wait
	for pause(ctx, next) {
		next = wait
		err := t.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			rest = firstPause
		default:
			t.server.Log.Error("send mail", "err", err)
			if next = max(wait, rest); t.server.Away > 0 {
				next = wait
			}
			rest = min(2*rest, longestPause)
		}
	}
	return nil
}

// due takes those whom a mail is due to.
func (t *teller) due(now time.Time, away time.Duration) (list []chat.UserID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, p := range t.pending {
		if t.there.present(id) {
			p.since = now
		}
		if now.Sub(p.since) >= away {
			list = append(list, id)
			if len(list) == mailsAtOnce {
				break
			}
		}
	}
	return list
}

// round sends the mails that are due, on one connection.
func (t *teller) round(ctx context.Context) error {
	s := t.server
	if !s.gate.open(ctx) {
		return nil
	}
	p, err := s.Service.Roster(ctx)
	if err != nil {
		return err
	}
	away := time.Duration(p.SettingNumber(chat.SettingMailAfter)) * time.Minute
	if s.Away > 0 {
		away = s.Away
	}
	list := t.due(time.Now(), away)
	if len(list) == 0 {
		return nil
	}
	client, err := s.mailClient(ctx, p)
	if err != nil {
		for _, id := range list {
			t.forget(id) // no mail server: nobody waits for mail
		}
		if chat.IsKind(err, chat.Unavailable) {
			return nil
		}
		t.trouble(fmt.Sprintf("Mail cannot be sent: %s", err))
		return err
	}
	dialled := false
	defer func() {
		if dialled {
			_ = client.Close() // what was sent was answered
		}
	}()
	for _, id := range list {
		one, err := t.prepare(ctx, id)
		if err != nil {
			return err
		}
		if one == nil {
			continue
		}
		if !dialled {
			if err := client.DialWithContext(ctx); err != nil {
				return t.failed(ctx, one, err)
			}
			dialled = true
		}
		if err := client.Send(one.msg); err != nil {
			if err := t.failed(ctx, one, err); err != nil {
				return err
			}
			continue
		}
		t.told(id, one.asked)
		t.trouble("")
		s.Log.Info("mailed what was missed", "user", id, "n", one.n)
	}
	return nil
}

func (t *teller) forget(id chat.UserID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pending, id)
}

// told lets go of the oldest n messages that wait for somebody. More may have
// come since those were read: they go into a mail of their own.
func (t *teller) told(id chat.UserID, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pending[id]
	if p == nil || n >= len(p.messages) {
		delete(t.pending, id)
		return
	}
	p.messages, p.since, p.tries = slices.Delete(p.messages, 0, n), time.Now(), 0
}

// ready is a mail that nobody else sends: it was claimed.
type ready struct {
	user          chat.UserID
	msg           *gomail.Msg
	n             int // messages in it
	asked         int // messages that waited: some may be read by now
	before, until chat.Time
}

// prepare makes the mail for somebody, and claims it; nil if there is nothing
// to tell any more, or not now.
func (t *teller) prepare(ctx context.Context, id chat.UserID) (*ready, error) {
	s := t.server
	t.mu.Lock()
	var ids []chat.MessageID
	if p := t.pending[id]; p != nil {
		ids = append(ids, p.messages...)
	}
	t.mu.Unlock()
	list, p, chosen, before, err := s.Service.StillMissed(ctx, id, ids)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || !chosen.On(chat.PrefMail) {
		t.told(id, len(ids))
		return nil, nil //nolint:nilnil // as the comment says
	}
	if chosen.Quiet(time.Now(), chat.ZoneOf(p.Users[id])) {
		return nil, nil //nolint:nilnil // after the quiet hours
	}
	msg, err := s.digest(p, p.Users[id], chosen, list)
	if err != nil {
		s.Log.Warn("no mail can be sent to somebody", "user", id, "err", err)
		t.told(id, len(ids))
		return nil, nil //nolint:nilnil // likewise
	}
	until := before
	for _, m := range list {
		until = max(until, m.Sent)
	}
	won, err := s.Service.ClaimMail(ctx, id, before, until)
	if chat.IsKind(err, chat.Unavailable) || err == nil && !won {
		return nil, nil //nolint:nilnil // writes are paused, or another process sends it
	}
	return &ready{user: id, msg: msg, n: len(list), asked: len(ids), before: before, until: until}, err
}

// failed gives a mail back that was not taken, and says whether to stop.
func (t *teller) failed(ctx context.Context, one *ready, cause error) error {
	ctx = context.WithoutCancel(ctx) // also at the end of the server
	t.mu.Lock()
	p := t.pending[one.user]
	final := p == nil
	if p != nil {
		p.tries++
		final = p.tries >= mostMailTries
	}
	t.mu.Unlock()
	refused, isSend := errors.AsType[*gomail.SendError](cause)
	if isSend && !refused.IsTemp() && refused.Reason != gomail.ErrConnCheck {
		final = true // asking again would be refused again
	}
	t.trouble(fmt.Sprintf("Mail is not sent: %s. It is tried again; the settings of mail can be tested on the settings page.", cause))
	if final {
		t.told(one.user, one.asked)
		t.server.Log.Error("a mail was given up", "user", one.user, "err", cause)
		return nil
	}
	if isSend && refused.Reason == gomail.ErrSMTPDataClose && refused.ErrorCode() == 0 {
		t.told(one.user, one.asked) // the answer was lost: it may have arrived, and goes out once
		return cause
	}
	if _, err := t.server.Service.ClaimMail(ctx, one.user, one.until, one.before); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

func number(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
