package chat

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What the parts of a profile may be, in characters.
const (
	mostName    = 80
	mostMention = 50
	mostTitle   = 100
)

// Profile is what a person says of themselves. A nil part is left as it is.
type Profile struct {
	Name, Mention, Title, Zone *string
	Email                      *string // only administrators change it
	Role                       *Role   // likewise
	Avatar                     *ContentID
}

// SetProfile changes what is said of a person: by themselves, or by an
// administrator. It fails with Conflict if somebody has the mention name or
// the e-mail address, or one that people would take for the same.
func (s *Service) SetProfile(ctx context.Context, a *Actor, of UserID, p Profile) (user *User, err error) {
	own := a.Is(of) && a.User != nil
	if !own && !a.Admin() {
		return nil, a.mustAdmin()
	}
	if (p.Email != nil || p.Role != nil) && !a.Admin() {
		return nil, Errorf(Denied, "only an administrator changes e-mail addresses and roles")
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		held, err := Get[User](tx, of)
		if err != nil {
			return err
		}
		if !held.Visits.IsZero() {
			return Errorf(Denied, "a guest stays who they said they are").WithHint("come in again by the guest address, with another name")
		}
		next := *held
		if err := next.set(p); err != nil {
			return err
		}
		if err := mayEdit(tx, a, held, &next); err != nil {
			return err
		}
		if err := free(tx, held, &next); err != nil {
			return err
		}
		user = &next
		if own && p.Role == nil && p.Email == nil {
			return tx.Put(&next)
		}
		return tx.Put(&next, audit(tx, a, "edit person", of.String(), held.Name+": "+differences(held, &next)))
	})
	return user, err
}

func differences(a, b *User) string {
	var list []string
	for _, f := range [][3]string{{"name", a.Name, b.Name}, {"mention name", a.Mention, b.Mention}, {"title", a.Title, b.Title}, {"time zone", a.Zone, b.Zone},
		{"e-mail", a.Email, b.Email}, {"role", string(a.Role), string(b.Role)}} {
		if f[1] != f[2] {
			list = append(list, f[0]+" "+f[2])
		}
	}
	return strings.Join(list, ", ")
}

// set takes in what is well formed.
func (u *User) set(p Profile) error {
	if p.Name != nil {
		name, err := line("name", *p.Name, mostName)
		if err != nil {
			return err
		}
		if name == "" {
			return Errorf(Invalid, "the person needs a name")
		}
		u.Name = name
	}
	if p.Title != nil {
		title, err := line("title", *p.Title, mostTitle)
		if err != nil {
			return err
		}
		u.Title = title
	}
	if p.Mention != nil {
		mention, err := checkMention(*p.Mention)
		if err != nil {
			return err
		}
		u.Mention = mention
	}
	if p.Zone != nil {
		if err := checkZone(*p.Zone); err != nil {
			return err
		}
		u.Zone = *p.Zone
	}
	if p.Email != nil {
		u.Email = strings.TrimSpace(*p.Email)
		if u.Email != "" && checkFrom(u.Email) != nil || len(u.Email) > longestLogin {
			return Errorf(Invalid, "%q is not an e-mail address", shorten(u.Email, 100))
		}
	}
	if p.Avatar != nil {
		u.Avatar = *p.Avatar
	}
	if p.Role != nil {
		u.Role = *p.Role
	}
	if u.Email == "" && u.Mention == "" {
		return Errorf(Invalid, "%s needs an e-mail address or a mention name to sign in", u.Name)
	}
	return nil
}

// line makes a text that a person gave fit for one line: no control
// characters, none that turn the line around, no blanks at its ends.
func line(what, text string, most int) (string, error) {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.TrimSpace(norm.NFC.String(text))
	if n := utf8.RuneCountInString(text); n > most {
		return "", Errorf(Invalid, "the %s has %d characters; at most %d are possible", what, n, most)
	}
	return text, nil
}

// checkMention says what is wrong with a mention name that somebody chose:
// letters and digits of one script, and dots, dashes and underscores between
// them. Names of two scripts are where look-alikes hide.
func checkMention(text string) (string, error) {
	text = norm.NFC.String(strings.TrimPrefix(strings.TrimSpace(text), "@"))
	if text == "" {
		return "", nil
	}
	if n := utf8.RuneCountInString(text); n > mostMention || !utf8.ValidString(text) {
		return "", Errorf(Invalid, "the mention name has %d characters; at most %d are possible", n, mostMention)
	}
	if i := slices.Index([]string{"all", "here", "everyone", "channel", "room"}, Fold(text)); i >= 0 {
		return "", Errorf(Invalid, "@%s means many people already", text).WithHint("choose another one")
	}
	scripts := map[string]bool{}
	for _, r := range text {
		switch {
		case r == '.' || r == '-' || r == '_' || unicode.IsDigit(r) && r < 128:
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
			if script := scriptOf(r); script != "" {
				scripts[script] = true
			}
		default:
			return "", Errorf(Invalid, "the mention name %q has characters that cannot be mentioned", text).WithHint("use letters, digits, dots and dashes")
		}
	}
	if strings.Trim(text, ".-_") != text {
		return "", Errorf(Invalid, "the mention name %q does not begin and end with a letter or a digit", text)
	}
	if len(scripts) > 1 {
		return "", Errorf(Invalid, "the mention name %q mixes letters of different scripts", text).WithHint("people could not tell it from another name")
	}
	return text, nil
}

// scriptOf names the script of a letter; "" for what goes with any. The
// scripts of Japanese and Korean are one, since people write them together.
func scriptOf(r rune) string {
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo) {
		return "Han"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "unknown"
}

// looks is what people see in a mention name: letters of other scripts that
// look like Latin ones, and digits that look like letters, are those.
func looks(mention string) string { return lookalikes.Replace(Fold(mention)) }

// lookalikes are the letters of Cyrillic, Greek and Armenian that are drawn
// like Latin ones, after folding (Unicode TS 39, the whole-script ones).
var lookalikes = strings.NewReplacer(
	"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "ѕ", "s", "і", "i", "ј", "j", "һ", "h", "ԁ", "d", "ԛ", "q", "ԝ", "w", "к", "k",
	"м", "m", "т", "t", "в", "b", "н", "h", "г", "r", "п", "n", "ь", "b",
	"α", "a", "ο", "o", "ρ", "p", "ν", "v", "υ", "u", "ι", "i", "κ", "k", "τ", "t", "χ", "x", "γ", "y", "ε", "e", "η", "n",
	"օ", "o", "ս", "u", "հ", "h", "ո", "n", "ց", "g", "ı", "i", "0", "o", "1", "l",
)

func checkZone(zone string) error {
	if zone == "" {
		return nil
	}
	// LoadLocation reads files: names only, no paths of this machine.
	if zone == "Local" || len(zone) > 60 || strings.HasPrefix(zone, "/") || strings.Contains(zone, "..") || strings.Contains(zone, "\\") {
		return errZone(zone)
	}
	if _, err := time.LoadLocation(zone); err != nil {
		return errZone(zone)
	}
	return nil
}

func errZone(zone string) error {
	return Errorf(Invalid, "%q is not a time zone", shorten(zone, 60)).WithHint("it looks like Europe/Berlin")
}

// free says whether nobody else has the names that somebody wants.
func free(tx Tx, held, next *User) error {
	if Fold(held.Email) != Fold(next.Email) && next.Email != "" {
		same, err := List[User](tx, Query{Index: Index{Name: Fold(next.Email)}})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(same, func(o *User) bool { return o.ID != next.ID }) {
			return taken("e-mail address", next.Email)
		}
	}
	if held.Mention == next.Mention || next.Mention == "" {
		return nil
	}
	all, err := List[User](tx, Query{})
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID == next.ID || o.Mention == "" {
			continue
		}
		if Fold(o.Mention) == Fold(next.Mention) || !o.Off && o.Role != RolePlaceholder && looks(o.Mention) == looks(next.Mention) {
			return taken("mention name", o.Mention)
		}
	}
	return nil
}

// mayEdit holds the rules of changing others, and roles.
func mayEdit(tx Tx, a *Actor, held, next *User) error {
	if held.Gone {
		return Errorf(NotFound, "there is no such person")
	}
	isOwner := a.Operator || a.User != nil && a.User.Role == RoleOwner
	if held.Role == RoleOwner && !isOwner && !a.Is(held.ID) {
		return Errorf(Denied, "only an owner may change an owner")
	}
	if held.Role == next.Role && held.Off == next.Off {
		return nil
	}
	if held.Role != next.Role {
		switch next.Role {
		case RoleOwner:
			if !isOwner {
				return Errorf(Denied, "only an owner may make another owner")
			}
		case RoleAdmin, RoleMember, RoleGuest:
		default:
			return Errorf(Invalid, "%q is not a role that a person can be given", next.Role).WithHint("known are owner, admin, member and guest")
		}
		if held.Role == RoleBot || held.Role == RolePlaceholder {
			return Errorf(Denied, "%s is no person who could have another role", held.Name)
		}
	}
	if held.Role == RoleOwner && CanSignIn(held) && (next.Role != RoleOwner || next.Off) {
		all, err := List[User](tx, Query{})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(o *User) bool { return o.ID != held.ID && o.Role == RoleOwner && CanSignIn(o) }) {
			return Errorf(Denied, "%s is the last owner", held.Name).WithHint("make somebody else an owner first")
		}
	}
	return nil
}

// SetOff deactivates a person, who then cannot sign in and whose sessions
// end, or brings them back. Nobody deactivates themselves.
func (s *Service) SetOff(ctx context.Context, a *Actor, of UserID, off bool) (user *User, err error) {
	if err := a.mustAdmin(); err != nil {
		return nil, err
	}
	if a.Is(of) && off {
		return nil, Errorf(Denied, "you cannot deactivate yourself").WithHint("another administrator can")
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		held, err := Get[User](tx, of)
		if err != nil {
			return err
		}
		next := *held
		if next.Off = off; held.Role == RolePlaceholder || held.Role == RoleBot {
			return Errorf(Denied, "%s is no person who could be deactivated", held.Name)
		}
		user = &next
		if held.Off == off {
			return nil
		}
		if err := mayEdit(tx, a, held, &next); err != nil {
			return err
		}
		action := "reactivate person"
		if off {
			action = "deactivate person"
			if _, err := endSessions(tx, of, nil); err != nil {
				return err
			}
		}
		return tx.Put(&next, audit(tx, a, action, of.String(), held.Name))
	})
	return user, err
}
