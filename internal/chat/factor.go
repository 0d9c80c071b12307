package chat

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"time"
)

// CodeMaker makes and checks the codes of authenticator apps (RFC 6238).
type CodeMaker interface {
	// New makes a secret, and the address by which apps learn it.
	New(place, account string) (secret, address string, err error)
	// Step returns which half minute a code belongs to, if it is one of now, or
	// of the one just before or after; 0 if it is none.
	Step(secret, code string, now time.Time) int64
}

const (
	longestCode    = 40
	recoveryCodes  = 10
	recoveryBytes  = 10 // of a code: 80 bits, so that its hash needs no salt
	freeTries      = 5  // wrong codes in a row before waiting begins
	longestBackoff = 15 * time.Minute
	setupLength    = 15 * time.Minute
)

func errCode() error {
	return Errorf(Unknown, "this code is not right").WithHint("take the newest code of your app, or a recovery code that you have not used; the clock of your phone must be right")
}

// ErrLimited is the answer to those who must set up a second factor first.
func ErrLimited() error {
	return Errorf(Denied, "this place asks everybody like you for a second factor").WithHint("set one up in your preferences, then go on")
}

// lacksFactor reports whether a session is of somebody of whom a second factor
// is required, and none was shown in it.
func (p *Roster) lacksFactor(u *User, session *Session) bool {
	if session == nil || session.Factor {
		return false
	}
	switch p.Setting(SettingSecondFactor) {
	case ByEverybody:
		return true
	case ByAdmins:
		return u.Role == RoleOwner || u.Role == RoleAdmin
	}
	return false
}

// factorsOf returns which second factors a person has; nil if none.
func factorsOf(r Reader, of UserID) (*Second, error) {
	second := &Second{User: of}
	c, err := r.Get(KindCodes, Key(of))
	if err != nil && !IsKind(err, NotFound) {
		return nil, err
	}
	second.Codes = err == nil && !c.Deleted()
	if second.Passkeys, err = List[Passkey](r, Query{Index: Index{A: Key(of)}}); err != nil {
		return nil, err
	}
	if !second.Codes && len(second.Passkeys) == 0 {
		return nil, nil //nolint:nilnil // as the comment says
	}
	return second, nil
}

// secondFactor checks what was shown beside the right password. It returns
// what else may be shown, or why what was shown is refused; what it wrote must
// be kept in both cases.
func (s *Service) secondFactor(tx Tx, of UserID, proof Proof) (more *Second, refused, err error) {
	second, err := factorsOf(tx, of)
	if err != nil || second == nil {
		return nil, nil, err
	}
	switch {
	case proof.Passkey != nil:
		if proof.Passkey.User != of {
			return nil, errPasskey(), nil
		}
		return nil, nil, s.usePasskey(tx, proof.Passkey)
	case proof.Code != "" && second.Codes:
		refused, err = s.useCode(tx, of, proof.Code)
		return nil, refused, err
	case proof.Code != "":
		return nil, errCode(), nil
	}
	return second, nil, nil
}

// useCode takes a code of an app or a recovery code, once. A refusal is
// counted, so the transaction must be kept.
func (s *Service) useCode(tx Tx, of UserID, code string) (refused, err error) {
	held, err := Get[Codes](tx, ID[Codes](of))
	if err != nil {
		return nil, err
	}
	c := *held
	if wait := c.wait(tx.Now()); wait > 0 {
		return Errorf(TooMany, "there were too many wrong codes").WithHint("try again in %d seconds", int64(wait/time.Second)+1), nil
	}
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
	secret, err := s.unseal(c.Secret, codesPurpose(of))
	if err != nil && !IsKind(err, Damaged) {
		return nil, err
	}
	step := int64(0)
	if err == nil { // recovery codes are good even if the key was lost
		step = s.Codes.Step(string(secret), code, tx.Now().Std())
	}
	i := slices.Index(c.Recovery, hashSecret(code))
	switch {
	case step > c.Step:
		c.Step = step
	case i >= 0:
		c.Recovery = slices.Delete(slices.Clone(c.Recovery), i, i+1)
		if err := tx.Put(&Audit{ID: ID[Audit](tx.NewKey()), Actor: of, At: tx.Now(), Action: "use a recovery code", Target: of.String()}); err != nil {
			return nil, err
		}
	default:
		c.Wrong++
		c.Tried = tx.Now()
		return errCode(), tx.Put(&c)
	}
	c.Wrong, c.Tried = 0, 0
	return nil, tx.Put(&c)
}

// wait is how long no code is looked at: after some wrong ones it doubles with
// each.
func (c *Codes) wait(now Time) time.Duration {
	over := c.Wrong - freeTries
	if over < 0 {
		return 0
	}
	pause := min(time.Second<<min(over, 20), longestBackoff)
	return c.Tried.Std().Add(pause).Sub(now.Std())
}

func codesPurpose(of UserID) string { return "codes of " + of.String() }

// NewCodes is what a person needs to set up an authenticator app. Ticket goes
// into SetCodes.
type NewCodes struct {
	Secret, Address, Ticket string
}

// OfferCodes makes a secret for an authenticator app. Nothing is stored
// before SetCodes.
func (s *Service) OfferCodes(_ context.Context, a *Actor) (*NewCodes, error) {
	if a.User != nil && !a.User.Visits.IsZero() {
		return nil, Errorf(Denied, "guests have nothing to sign in with")
	}
	if a.User == nil || a.Session == nil {
		return nil, Errorf(Denied, "only a person can do this, for themselves")
	}
	account := a.User.Email
	if account == "" {
		account = a.User.Mention
	}
	place := a.Roster.Setting(SettingName)
	if place == "" {
		place = "Godwit"
	}
	secret, address, err := s.Codes.New(place, account)
	if err != nil {
		return nil, err
	}
	ticket, err := s.ticket(secret, "new "+codesPurpose(a.User.ID), setupLength)
	return &NewCodes{Secret: secret, Address: address, Ticket: ticket}, err
}

// ticket seals something that comes back soon.
func (s *Service) ticket(text, purpose string, length time.Duration) (string, error) {
	return s.seal([]byte(time.Now().Add(length).UTC().Format(time.RFC3339)+"\n"+text), purpose)
}

// openTicket fails with Conflict if the ticket is too old, or none.
func (s *Service) openTicket(ticket, purpose string) (string, error) {
	late := Errorf(Conflict, "this took too long").WithHint("begin again")
	plain, err := s.unseal(ticket, purpose)
	if IsKind(err, Damaged) {
		return "", late
	}
	if err != nil {
		return "", err
	}
	until, text, ok := strings.Cut(string(plain), "\n")
	at, err := time.Parse(time.RFC3339, until)
	if !ok || err != nil || time.Now().After(at) {
		return "", late
	}
	return text, nil
}

// SetCodes starts to ask the actor for codes, once they have shown that their
// app makes the right ones. It returns the recovery codes, which are shown
// this once, and ends the actor's other sessions.
func (s *Service) SetCodes(ctx context.Context, a *Actor, ticket, code string) (recovery []string, err error) {
	if a.User == nil || a.Session == nil {
		return nil, Errorf(Denied, "only a person can do this, for themselves")
	}
	secret, err := s.openTicket(ticket, "new "+codesPurpose(a.User.ID))
	if err != nil {
		return nil, err
	}
	code = strings.ReplaceAll(code, " ", "")
	if len(code) > longestCode || s.Codes.Step(secret, code, time.Now()) == 0 {
		return nil, Errorf(Invalid, "this code is not right").WithHint("take the newest code of your app; the clock of your phone must be right")
	}
	sealed, err := s.seal([]byte(secret), codesPurpose(a.User.ID))
	if err != nil {
		return nil, err
	}
	recovery, hashes := newRecovery()
	err = s.Store.Update(ctx, func(tx Tx) error {
		if err := factorShown(tx, a); err != nil {
			return err
		}
		c := &Codes{User: a.User.ID, Secret: sealed, Recovery: hashes, Set: tx.Now(), Step: s.Codes.Step(secret, code, time.Now())}
		return tx.Put(c, audit(tx, a, "set up codes", a.User.ID.String(), ""))
	})
	return recovery, err
}

// factorShown notes that a second factor was shown in the actor's session, and
// ends the others, in which none was.
func factorShown(tx Tx, a *Actor) error {
	if _, err := endSessions(tx, a.User.ID, func(o *Session) bool { return a.here(o) || o.Factor }); err != nil {
		return err
	}
	held, err := Get[Session](tx, a.Session.ID)
	if err != nil || held.Gone {
		return errNobody()
	}
	next := *held
	next.Factor = true
	return tx.Put(&next)
}

// NewRecovery replaces the actor's recovery codes, of which nobody knows the
// old ones any more.
func (s *Service) NewRecovery(ctx context.Context, a *Actor) (recovery []string, err error) {
	recovery, hashes := newRecovery()
	err = s.Store.Update(ctx, func(tx Tx) error {
		held, err := Get[Codes](tx, ID[Codes](a.id()))
		if err != nil || held.Gone {
			return Errorf(NotFound, "you have no authenticator app set up")
		}
		next := *held
		next.Recovery = hashes
		return tx.Put(&next, audit(tx, a, "make recovery codes", a.id().String(), ""))
	})
	return recovery, err
}

// newRecovery makes codes that are easy to write down, and their hashes.
func newRecovery() (codes, hashes []string) {
	for range recoveryCodes {
		var b [recoveryBytes]byte
		rand.Read(b[:]) //nolint:errcheck // never fails
		code := base32.StdEncoding.EncodeToString(b[:])
		codes = append(codes, strings.ToLower(code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:]))
		hashes = append(hashes, hashSecret(code))
	}
	return codes, hashes
}

// RemoveCodes stops asking the actor for codes.
func (s *Service) RemoveCodes(ctx context.Context, a *Actor) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		if _, err := tx.Get(KindCodes, Key(a.id())); IsKind(err, NotFound) {
			return nil
		}
		if err := tx.Put(&Codes{User: a.id(), Gone: true}, audit(tx, a, "remove codes", a.id().String(), "")); err != nil {
			return err
		}
		return factorRemoved(tx, a.id())
	})
}

// factorRemoved takes it from the sessions of a person that a second factor was
// shown in them, if the person has none any more.
func factorRemoved(tx Tx, of UserID) error {
	second, err := factorsOf(tx, of)
	if err != nil || second != nil {
		return err
	}
	all, err := List[Session](tx, Query{Index: Index{A: Key(of)}})
	if err != nil {
		return err
	}
	for _, held := range all {
		next := *held
		next.Factor = false
		if err := tx.Put(&next); err != nil {
			return err
		}
	}
	return nil
}

// Factors says which second factors a person has, and how many recovery codes
// are left. Others' only administrators may see.
func (s *Service) Factors(ctx context.Context, a *Actor, of UserID) (second *Second, left int, err error) {
	if !a.Is(of) && !a.Admin() {
		return nil, 0, a.mustAdmin()
	}
	err = s.Store.View(ctx, func(r Reader) error {
		if second, err = factorsOf(r, of); err != nil || second == nil || !second.Codes {
			return err
		}
		c, err := Get[Codes](r, ID[Codes](of))
		if err == nil {
			left = len(c.Recovery)
		}
		return err
	})
	return second, left, err
}

// ResetFactors takes all second factors from a person who lost them, and ends
// their sessions.
func (s *Service) ResetFactors(ctx context.Context, a *Actor, of UserID) error {
	if err := a.mustAdmin(); err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		user, err := Get[User](tx, of)
		if err != nil {
			return err
		}
		if err := mayHandOver(a, user); err != nil {
			return err
		}
		second, err := factorsOf(tx, of)
		if err != nil {
			return err
		}
		if second != nil {
			if second.Codes {
				if err := tx.Put(&Codes{User: of, Gone: true}); err != nil {
					return err
				}
			}
			for _, p := range second.Passkeys {
				if err := tx.Put(&Passkey{ID: p.ID, User: of, Gone: true}); err != nil {
					return err
				}
			}
		}
		if _, err := endSessions(tx, of, nil); err != nil {
			return err
		}
		return tx.Put(audit(tx, a, "reset second factor", of.String(), user.Name))
	})
}
