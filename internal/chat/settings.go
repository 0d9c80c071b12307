package chat

import (
	"context"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of settings of the place.
const (
	SettingName         = "name"          // what the place is called
	SettingAddress      = "address"       // public, as in https://chat.example.org
	SettingRoomsBy      = "rooms-by"      // who may make rooms: members, admins
	SettingEmoticons    = "emoticons"     // who may upload emoticons: members, admins
	SettingFileLimit    = "file-limit"    // megabytes of one file at most
	SettingLinkPreviews = "link-previews" // on, off
	SettingSecondFactor = "second-factor" // whom it is required of: nobody, admins, everybody
	SettingMailAfter    = "mail-after"    // minutes that somebody is away before a mail tells what they missed
	SettingMailHost     = "mail-host"     // SMTP server; "" sends no mail
	SettingMailPort     = "mail-port"
	SettingMailTLS      = "mail-tls" // starttls, tls, none
	SettingMailUser     = "mail-user"
	SettingMailFrom     = "mail-from" // the sender's address
	SettingRetention    = "retention" // none: everything is kept

	SettingAnnouncement   = "announcement"    // said to everybody, on top of the page
	SettingAnnouncementAt = "announcement-at" // the time that it is about
	SettingTesters        = "testers"         // who may look at the place that this one moves to, before it does
)

// SettingMailPassword is kept sealed, and never shown.
const SettingMailPassword = "mail-password"

// SettingType says what a setting looks like.
type SettingType string

// The types of settings.
const (
	SettingText   SettingType = "text"
	SettingNumber SettingType = "number"
	SettingChoice SettingType = "choice"
	SettingSecret SettingType = "secret"
	SettingTime   SettingType = "time" // as in 2026-11-28T20:00:00Z
)

// SettingInfo describes a setting.
type SettingInfo struct {
	Name     string
	Type     SettingType
	Default  string
	Choices  []string
	Min, Max int64 // of a number; of a text, Max is its most characters
	check    func(string) error
}

// Who something is allowed to, or asked of.
const (
	ByMembers   = "members"
	ByAdmins    = "admins"
	ByNobody    = "nobody"
	ByEverybody = "everybody"
)

var settings = []SettingInfo{
	{Name: SettingName, Type: SettingText, Max: 80},
	{Name: SettingAddress, Type: SettingText, Max: 300, check: checkAddress},
	{Name: SettingRoomsBy, Type: SettingChoice, Default: ByMembers, Choices: []string{ByMembers, ByAdmins}},
	{Name: SettingEmoticons, Type: SettingChoice, Default: ByMembers, Choices: []string{ByMembers, ByAdmins}},
	{Name: SettingFileLimit, Type: SettingNumber, Default: "1000", Min: 1, Max: 100_000},
	{Name: SettingLinkPreviews, Type: SettingChoice, Default: prefOn, Choices: onOff},
	{Name: SettingSecondFactor, Type: SettingChoice, Default: ByNobody, Choices: []string{ByNobody, ByAdmins, ByEverybody}},
	{Name: SettingRetention, Type: SettingChoice, Default: "none", Choices: []string{"none"}},
	{Name: SettingMailHost, Type: SettingText, Max: 253, check: checkHost},
	{Name: SettingMailPort, Type: SettingNumber, Default: "587", Min: 1, Max: 65535},
	{Name: SettingMailTLS, Type: SettingChoice, Default: "starttls", Choices: []string{"starttls", "tls", "none"}},
	{Name: SettingMailUser, Type: SettingText, Max: 320},
	{Name: SettingMailPassword, Type: SettingSecret, Max: 1000},
	{Name: SettingMailFrom, Type: SettingText, Max: 320, check: checkFrom},
	{Name: SettingMailAfter, Type: SettingNumber, Default: "15", Min: 1, Max: 1440},
	{Name: SettingAnnouncement, Type: SettingText, Max: 500},
	{Name: SettingAnnouncementAt, Type: SettingTime, Max: 40, check: checkTime},
	{Name: SettingTesters, Type: SettingText, Max: 4000},
}

// Settings lists the settings of a place.
func Settings() []SettingInfo { return slices.Clone(settings) }

func settingInfo(name string) *SettingInfo {
	for i := range settings {
		if settings[i].Name == name {
			return &settings[i]
		}
	}
	return nil
}

// Check says what is wrong with a value. The empty value is the default.
func (d *SettingInfo) Check(value string) error {
	switch {
	case value == "":
		return nil
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return Errorf(Invalid, "%s has characters that are not text", d.Name)
	}
	switch d.Type {
	case SettingChoice:
		if !slices.Contains(d.Choices, value) {
			return Errorf(Invalid, "%s is one of %s, not %q", d.Name, strings.Join(d.Choices, ", "), shorten(value, 40))
		}
	case SettingNumber:
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < d.Min || n > d.Max {
			return Errorf(Invalid, "%s is a number from %d to %d, not %q", d.Name, d.Min, d.Max, shorten(value, 40))
		}
	case SettingText, SettingSecret, SettingTime:
		if n := utf8.RuneCountInString(value); int64(n) > d.Max {
			return Errorf(Invalid, "%s has %d characters; at most %d are possible", d.Name, n, d.Max)
		}
	}
	if d.check != nil {
		return d.check(value)
	}
	return nil
}

func checkAddress(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Errorf(Invalid, "%q is not a public address", shorten(v, 100)).WithHint("it looks like https://chat.example.org, without a path")
	}
	return nil
}

func checkHost(v string) error {
	if strings.ContainsAny(v, " /:@,") {
		return Errorf(Invalid, "%q is not the name of a server", shorten(v, 100)).WithHint("it looks like mail.example.org, without a port")
	}
	return nil
}

func checkFrom(v string) error {
	if _, err := mail.ParseAddress(v); err != nil {
		return Errorf(Invalid, "%q is not an address that mail can come from", shorten(v, 100)).WithHint("it looks like chat@example.org")
	}
	return nil
}

// Setting returns the value of a setting of the place: what it was set to, or
// its default.
func (p *Roster) Setting(name string) string {
	if v, ok := p.settings[name]; ok && v != "" {
		return v
	}
	if d := settingInfo(name); d != nil {
		return d.Default
	}
	return ""
}

// SettingOn reports whether a switch is on.
func (p *Roster) SettingOn(name string) bool { return p.Setting(name) == prefOn }

// SettingNumber returns a setting that is a number; its default if what is
// stored is none.
func (p *Roster) SettingNumber(name string) int64 {
	if n, err := strconv.ParseInt(p.Setting(name), 10, 64); err == nil {
		return n
	}
	if d := settingInfo(name); d != nil {
		n, _ := strconv.ParseInt(d.Default, 10, 64) //nolint:errcheck // the table holds numbers
		return n
	}
	return 0
}

// May reports whether the actor may do what a setting allows to members or
// to administrators only.
func (a *Actor) May(setting string) bool {
	if a.Admin() {
		return true
	}
	return a.User != nil && a.User.Role == RoleMember && a.Roster.Setting(setting) != ByAdmins
}

// SetSetting changes a setting of the place. "" is the default.
func (s *Service) SetSetting(ctx context.Context, a *Actor, name, value string) error {
	return s.SetSettings(ctx, a, map[string]string{name: value})
}

// SetSettings changes settings of the place: all of them or, if one is
// Invalid, none. "" is the default. What a secret was set to is in no entry
// of the audit log.
func (s *Service) SetSettings(ctx context.Context, a *Actor, change map[string]string) error {
	if err := a.mustAdmin(); err != nil {
		return err
	}
	names := make([]string, 0, len(change))
	for name, value := range change {
		d := settingInfo(name)
		if d == nil {
			return Errorf(Invalid, "there is no setting %q", shorten(name, 40))
		}
		if err := d.Check(value); err != nil {
			return err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return s.Store.Update(ctx, func(tx Tx) error {
		for _, name := range names {
			if err := s.putSetting(tx, a, settingInfo(name), change[name]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) putSetting(tx Tx, a *Actor, d *SettingInfo, value string) error {
	if d.Type == SettingSecret {
		if err := s.putSealed(tx, d.Name, value); err != nil {
			return err
		}
		return tx.Put(audit(tx, a, "set", d.Name, ""))
	}
	held, err := tx.Get(KindSetting, SettingKey(d.Name))
	if err != nil && !IsKind(err, NotFound) {
		return err
	}
	if err == nil && !held.Deleted() && held.(*Setting).Value == value || (err != nil || held.Deleted()) && value == "" {
		return nil // as it was
	}
	return tx.Put(&Setting{Name: d.Name, Value: value, Gone: value == ""}, audit(tx, a, "set", d.Name, value))
}
