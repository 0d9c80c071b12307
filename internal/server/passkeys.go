package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// What challenges are for.
const (
	toSignIn   = "sign in"
	toSecond   = "second factor"
	toRegister = "register"
)

// Why passkeys do not work where somebody is.
const (
	troubleNoAddress = "no-address" // the public address is not set
	troubleOtherHost = "other-host" // the browser is at another name
	troubleHTTP      = "http"       // browsers keep passkeys from plain http
)

// passkeyTrouble says why passkeys cannot work for a request; "" if they can.
func (s *Server) passkeyTrouble(r *http.Request) string {
	at := s.public()
	switch {
	case at == nil:
		return troubleNoAddress
	case at.Scheme != "https" && !isLocal(at.Hostname()):
		return troubleHTTP
	case !strings.EqualFold(hostOf(r.Host), at.Hostname()):
		return troubleOtherHost
	}
	return ""
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// isLocal reports whether browsers trust a host even over http.
func isLocal(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }

// authn is the ceremonies' library, for the present public address.
func (s *Server) authn(r *request) (*webauthn.WebAuthn, error) {
	switch s.passkeyTrouble(r.Request) {
	case troubleNoAddress:
		return nil, chat.Errorf(chat.Unavailable, "passkeys need a public address, and this place has none").WithHint("an administrator sets it in the settings of the place")
	case troubleHTTP:
		return nil, chat.Errorf(chat.Unavailable, "passkeys need https: browsers keep them from plain http").WithHint("an administrator can put this place behind https")
	case troubleOtherHost:
		return nil, chat.Errorf(chat.Unavailable, "passkeys work at %s only", s.public()).WithHint("open this place at that address")
	}
	at := s.public()
	a, err := webauthn.New(&webauthn.Config{
		RPID: at.Hostname(), RPDisplayName: s.Name, RPOrigins: []string{at.Scheme + "://" + at.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Enforce: true, Timeout: chat.ChallengeLength, TimeoutUVD: chat.ChallengeLength},
			Registration: webauthn.TimeoutConfig{Enforce: true, Timeout: chat.ChallengeLength, TimeoutUVD: chat.ChallengeLength},
		},
	})
	if err != nil {
		return nil, chat.Errorf(chat.Unavailable, "passkeys cannot work at %s: %w", at, err).WithHint("browsers want a name, not a number")
	}
	return a, nil
}

// holder is a person as the library sees them.
type holder struct {
	user *chat.User
	keys []webauthn.Credential
}

func (h *holder) WebAuthnID() []byte {
	if h.user == nil {
		return nil
	}
	return h.user.ID[:]
}
func (h *holder) WebAuthnName() string {
	if h.user.Email != "" {
		return h.user.Email
	}
	return h.user.Mention
}
func (h *holder) WebAuthnDisplayName() string                { return h.user.Name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// ticketOf seals what must come back with the answer to a challenge.
func (s *Server) ticketOf(session *webauthn.SessionData, purpose string) (string, error) {
	b, err := json.Marshal(session)
	if err != nil {
		return "", err
	}
	return s.Service.Ticket(string(b), purpose)
}

func (s *Server) openTicket(ticket, purpose string) (session webauthn.SessionData, err error) {
	text, err := s.Service.OpenTicket(ticket, purpose)
	if err == nil {
		err = json.Unmarshal([]byte(text), &session)
	}
	return session, err
}

// badPasskey hides what is wrong with an answer: it helps nobody who is
// honest.
func badPasskey(err error) error {
	if _, ok := errors.AsType[*chat.Error](err); ok {
		return err
	}
	return chat.Errorf(chat.Unknown, "this passkey was not accepted: %w", err).WithHint("try again, or use your password")
}

// askPasskey begins a sign-in with a passkey and nothing else.
func (s *Server) askPasskey(r *request) (any, error) {
	if wait, ok := s.tries.take(s.client(r.Request), "a passkey"); !ok {
		r.retry = wait
		return nil, errTries()
	}
	a, err := s.authn(r)
	if err != nil {
		return nil, err
	}
	options, session, err := a.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	ticket, err := s.ticketOf(session, toSignIn)
	return api.PasskeyChallenge{Options: options.Response, Ticket: ticket}, err
}

// usePasskey signs in with a passkey.
func (s *Server) usePasskey(r *request) (any, error) {
	var in api.PasskeyAnswer
	if err := r.read(&in); err != nil {
		return nil, err
	}
	use, err := s.checkPasskey(r, &in, toSignIn)
	if err != nil {
		return nil, err
	}
	return s.enter(r, chat.Proof{Passkey: use})
}

// challengeFor makes the challenge for somebody who gave the right password.
func (s *Server) challengeFor(r *request, second *chat.Second) *api.PasskeyChallenge {
	a, err := s.authn(r)
	if err != nil {
		return nil // not here; codes may do
	}
	h := &holder{user: &chat.User{ID: second.User}}
	for _, p := range second.Passkeys {
		if id, err := base64.RawURLEncoding.DecodeString(p.Credential); err == nil && p.Host == a.Config.RPID {
			h.keys = append(h.keys, webauthn.Credential{ID: id})
		}
	}
	if len(h.keys) == 0 {
		return nil
	}
	options, session, err := a.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		s.Log.Error("ask for a passkey", "err", err)
		return nil
	}
	ticket, err := s.ticketOf(session, toSecond)
	if err != nil {
		s.Log.Error("ask for a passkey", "err", err)
		return nil
	}
	return &api.PasskeyChallenge{Options: options.Response, Ticket: ticket}
}

// checkPasskey checks an answer to a challenge; the rules count it once.
func (s *Server) checkPasskey(r *request, in *api.PasskeyAnswer, purpose string) (*chat.PasskeyUse, error) {
	a, err := s.authn(r)
	if err != nil {
		return nil, err
	}
	session, err := s.openTicket(in.Ticket, purpose)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(in.Answer)
	if err != nil {
		return nil, badPasskey(err)
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(raw)
	if err != nil {
		return nil, badPasskey(err)
	}
	held, data, err := s.Service.FindPasskey(r.Context(), base64.RawURLEncoding.EncodeToString(answer.RawID))
	if err != nil {
		return nil, err
	}
	h := &holder{user: &chat.User{ID: held.User}}
	var key webauthn.Credential
	if err := json.Unmarshal(data, &key); err != nil {
		return nil, chat.Errorf(chat.Damaged, "a stored passkey cannot be read: %w", err)
	}
	h.keys = []webauthn.Credential{key}
	var after *webauthn.Credential
	if purpose == toSignIn {
		after, err = a.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return h, nil }, session, answer)
	} else {
		session.AllowedCredentialIDs = nil // the person's others are not loaded; that this one is theirs is checked by the rules
		after, err = a.ValidateLogin(h, session, answer)
	}
	if err != nil {
		return nil, badPasskey(err)
	}
	if after.Authenticator.CloneWarning {
		return nil, chat.Errorf(chat.Unknown, "this passkey seems to have been copied: its counter went back").WithHint("remove it in your preferences, and make a new one")
	}
	kept, err := json.Marshal(after)
	return &chat.PasskeyUse{ID: held.ID, User: held.User, Data: kept, Challenge: session.Challenge, Expires: session.Expires}, err
}

// offerPasskey begins to make a passkey for the one who asks.
func (s *Server) offerPasskey(r *request) (any, error) {
	a, err := s.authn(r)
	if err != nil {
		return nil, err
	}
	if err := s.confirmed(r); err != nil {
		return nil, err
	}
	h := &holder{user: r.actor.User}
	list, _, err := s.Service.Passkeys(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	var have []protocol.CredentialDescriptor
	for _, p := range list {
		if id, err := base64.RawURLEncoding.DecodeString(p.Credential); err == nil {
			have = append(have, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: id})
		}
	}
	options, session, err := a.BeginRegistration(h, webauthn.WithExclusions(have),
		webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		}))
	if err != nil {
		return nil, err
	}
	ticket, err := s.ticketOf(session, toRegister)
	return api.PasskeyChallenge{Options: options.Response, Ticket: ticket}, err
}

// addPasskey keeps a passkey that a browser made.
func (s *Server) addPasskey(r *request) (any, error) {
	var in api.NewPasskey
	if err := r.read(&in); err != nil {
		return nil, err
	}
	a, err := s.authn(r)
	if err != nil {
		return nil, err
	}
	session, err := s.openTicket(in.Ticket, toRegister)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(in.Answer)
	if err != nil {
		return nil, badPasskey(err)
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(raw)
	if err != nil {
		return nil, badPasskey(err)
	}
	key, err := a.CreateCredential(&holder{user: r.actor.User}, session, answer)
	if err != nil {
		return nil, badPasskey(err)
	}
	kept, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	p, err := s.Service.AddPasskey(r.Context(), r.actor, in.Name, a.Config.RPID, base64.RawURLEncoding.EncodeToString(key.ID),
		chat.PasskeyUse{Data: kept, Challenge: session.Challenge, Expires: session.Expires})
	if err != nil {
		return nil, err
	}
	return passkeyOf(p), nil
}

func passkeyOf(p *chat.Passkey) api.Passkey {
	return api.Passkey{ID: p.ID.String(), Name: p.Name, Host: p.Host, Created: int64(p.Created), Used: int64(p.Used)}
}

func (s *Server) namePasskey(r *request) (any, error) {
	var in api.Named
	if err := r.read(&in); err != nil {
		return nil, err
	}
	key, err := id[chat.Passkey](r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.NamePasskey(r.Context(), r.actor, key, in.Name)
}

func (s *Server) removePasskey(r *request) (any, error) {
	key, err := id[chat.Passkey](r)
	if err == nil {
		err = s.confirmed(r)
	}
	if err != nil {
		return nil, err
	}
	return empty{}, s.Service.RemovePasskey(r.Context(), r.actor, key)
}

func errTries() error {
	return chat.Errorf(chat.TooMany, "there were too many tries").WithHint("wait a minute, then try again")
}
