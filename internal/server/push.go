package server

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// pushed is something that is to reach the browsers of somebody.
type pushed struct {
	user chat.UserID
	told api.Told
}

const (
	vapidSecret  = "vapid" // private and public key, with a blank between
	pushTTL      = 12 * 60 * 60
	pushTries    = 3
	longEndpoint = 2000
	pushTime     = 20 * time.Second
)

// pushPause is how long to wait before a second try.
const pushPause = 5 * time.Second

// vapid returns the key that the server shows to push services. It is made
// when it is first needed, and the same ever after.
func (s *Server) vapid(ctx context.Context) (private, public string, err error) {
	pair, err := s.Service.EnsureSecret(ctx, vapidSecret, func() (string, error) {
		private, public, err := webpush.GenerateVAPIDKeys()
		return private + " " + public, err
	})
	if err != nil {
		return "", "", err
	}
	private, public, _ = strings.Cut(pair, " ")
	return private, public, nil
}

// pushKey answers what a browser needs to be reached.
func (s *Server) pushKey(r *request) (any, error) {
	_, public, err := s.vapid(r.Context())
	return api.PushKey{Key: public}, err
}

// addPush keeps where a browser can be reached.
func (s *Server) addPush(r *request) (any, error) {
	var in api.PushSubscription
	if err := r.person(); err != nil {
		return nil, err
	}
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if err := s.checkEndpoint(in); err != nil {
		return nil, err
	}
	keys, err := json.Marshal(in.Keys)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.AddPush(r.Context(), r.actor, in.Endpoint, string(keys))
}

// checkEndpoint looks at what is known without a connection; when one is made
// the address is looked at again.
func (s *Server) checkEndpoint(in api.PushSubscription) error {
	u, err := url.Parse(in.Endpoint)
	if err != nil || len(in.Endpoint) > longEndpoint || check(u) != nil || u.Fragment != "" {
		return chat.Errorf(chat.Invalid, "this is not the address of a push service")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	ours := err == nil && within(ip.Unmap(), s.outward.allow)
	if u.Scheme != "https" && !ours {
		return chat.Errorf(chat.Invalid, "this is not the address of a push service").WithHint("it begins with https://")
	}
	if err == nil && !s.outward.open(netip.AddrPortFrom(ip, 443)) || isLocal(u.Hostname()) {
		return errClosed(u.Hostname())
	}
	point, err1 := base64.RawURLEncoding.DecodeString(strings.TrimRight(in.Keys.P256dh, "="))
	auth, err2 := base64.RawURLEncoding.DecodeString(strings.TrimRight(in.Keys.Auth, "="))
	if _, err := ecdh.P256().NewPublicKey(point); err != nil || err1 != nil || err2 != nil || len(auth) != 16 {
		return chat.Errorf(chat.Invalid, "the keys of the push subscription are none")
	}
	return nil
}

// removePush forgets a browser.
func (s *Server) removePush(r *request) (any, error) {
	var in api.PushSubscription
	if err := r.person(); err != nil {
		return nil, err
	}
	if err := r.read(&in); err != nil {
		return nil, err
	}
	return empty{}, s.Service.RemovePush(r.Context(), in.Endpoint, r.actor.User.ID)
}

// push queues something for the browsers of somebody. If too much waits it is
// dropped: mail tells of it later.
func (t *teller) push(p pushed) {
	select {
	case t.pushes <- p:
	default:
		t.server.Log.Warn("a notification was dropped: too many wait")
	}
}

func (t *teller) sendPushes(ctx context.Context) error {
	client := t.server.outward.client(pushTime)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-t.pushes:
			if !t.server.gate.open(ctx) {
				continue // the other place has them now, and mail tells them
			}
			if err := t.reach(ctx, client, p); err != nil && ctx.Err() == nil {
				t.server.Log.Error("push", "err", err)
			}
		}
	}
}

// reach sends to all browsers of somebody.
func (t *teller) reach(ctx context.Context, client *http.Client, p pushed) error {
	list, err := t.server.Service.Pushes(ctx, p.user)
	if err != nil || len(list) == 0 {
		return err
	}
	private, public, err := t.server.vapid(ctx)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(p.told)
	if err != nil {
		return err
	}
	subscriber := t.server.publicText()
	if !strings.HasPrefix(subscriber, "https://") {
		subscriber = "https://godwit.invalid"
	}
	o := &webpush.Options{HTTPClient: client, Subscriber: subscriber, TTL: pushTTL, Urgency: webpush.UrgencyHigh, VAPIDPrivateKey: private, VAPIDPublicKey: public, RecordSize: 3000}
	for _, one := range list {
		var sub webpush.Subscription
		if err := json.Unmarshal([]byte(one.Keys), &sub.Keys); err != nil {
			continue
		}
		sub.Endpoint = one.Endpoint
		if gone := t.try(ctx, payload, &sub, o); gone {
			if err := t.server.Service.RemovePush(ctx, one.Endpoint, p.user); err != nil && !chat.IsKind(err, chat.Unavailable) {
				return err
			}
		}
	}
	return nil
}

// try sends to one browser, a few times, and reports whether the push service
// does not know it any more.
func (t *teller) try(ctx context.Context, payload []byte, sub *webpush.Subscription, o *webpush.Options) (gone bool) {
	wait := t.again
	for n := 1; ; n++ {
		resp, err := webpush.SendNotificationWithContext(ctx, payload, sub, o)
		status := 0
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 10_000)) // so that the connection is used again
			resp.Body.Close()                                             //nolint:errcheck // only read
			status = resp.StatusCode
		}
		switch {
		case err == nil && status < 300:
			return false
		case status == http.StatusNotFound || status == http.StatusGone:
			return true
		case n == pushTries || chat.IsKind(err, chat.Denied) || status != 0 && status != http.StatusTooManyRequests && status < 500:
			host := "unknown"
			if u, err := url.Parse(sub.Endpoint); err == nil {
				host = u.Host // the rest of it is a secret
			}
			t.server.Log.Warn("a push service refused a notification", "host", host, "status", status, "n", n)
			return false
		}
		if !pause(ctx, wait) {
			return false
		}
		wait *= 4
	}
}
