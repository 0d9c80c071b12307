package chat

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Names of preferences that Godwit knows.
const (
	PrefTheme    = "theme"    // system, light, dark
	PrefDensity  = "density"  // comfortable, compact
	PrefView     = "view"     // pictures, names
	PrefNames    = "names"    // full, mention
	PrefLanguage = "language" // "" is the browser's
	PrefNotify   = "notify"   // what one is told of in rooms that have no level of their own
	PrefDesktop  = "desktop"  // notifications of the browser while a tab is open
	PrefPush     = "push"     // notifications while no tab is open
	PrefSound    = "sound"
	PrefPreview  = "preview"  // notifications show the text
	PrefMail     = "mail"     // a mail about what was missed
	PrefQuiet    = "quiet"    // hours of the day as in 22:00-07:00, or ""
	PrefQuietOn  = "quiet-on" // days on which they begin, as in mo tu we
	PrefPause    = "pause"    // until when nothing is told, in microseconds since 1970
	PrefPutAway  = "put-away" // the announcement that one has read, by its ID
)

const (
	prefOn  = "on"
	prefOff = "off"
)

// Pref describes a preference.
type Pref struct {
	Name    string
	Default string
	Choices []string // nil: what check takes
	From    []string // what HipChat calls it, folded
	As      map[string]string
	check   func(string) bool
}

var onOff = []string{prefOn, prefOff}

var truth = map[string]string{"true": prefOn, "1": prefOn, "yes": prefOn, "false": prefOff, "0": prefOff, "no": prefOff, "none": prefOff}

// prefs are all that Godwit knows. docs/preferences.md lists the same.
var prefs = []Pref{
	{Name: PrefTheme, Default: "system", Choices: []string{"system", "light", "dark"}, From: []string{"theme"}},
	{Name: PrefDensity, Default: "comfortable", Choices: []string{"comfortable", "compact"}, From: []string{"density"},
		As: map[string]string{"normal": "comfortable", "loose": "comfortable", "tight": "compact", "dense": "compact"}},
	{Name: PrefView, Default: "pictures", Choices: []string{"pictures", "names"}, From: []string{"chatview"},
		As: map[string]string{"left": "pictures", "neue": "pictures", "classic": "names"}},
	{Name: PrefNames, Default: "full", Choices: []string{"full", "mention"}, From: []string{"namedisplay"},
		As: map[string]string{"names": "full", "name": "full", "fullname": "full", "mentions": "mention", "mentionname": "mention", "mention_name": "mention"}},
	{Name: PrefLanguage, check: func(v string) bool { return v == "" || len(v) == 2 && Fold(v) == v }},
	{Name: PrefNotify, Default: string(NotifyMentions), Choices: []string{string(NotifyAll), string(NotifyMentions), string(NotifyNone)}, From: []string{"notify", "notifyfor"},
		As: map[string]string{"allmessages": "all", "every": "all", "loud": "all", "normal": "mentions", "quiet": "mentions", "mention": "mentions", "never": "none", "off": "none"}},
	{Name: PrefDesktop, Default: prefOn, Choices: onOff, From: []string{"desktop", "popup", "popups", "toast", "toasts"}, As: truth},
	{Name: PrefPush, Default: prefOn, Choices: onOff, From: []string{"push", "mobile"}, As: truth},
	{Name: PrefSound, Default: prefOff, Choices: onOff, From: []string{"sound", "sounds"}, As: truth},
	{Name: PrefPreview, Default: prefOn, Choices: onOff},
	{Name: PrefMail, Default: prefOn, Choices: onOff, From: []string{"email"}, As: truth},
	{Name: PrefQuiet, check: func(v string) bool { _, err := ParseHours(v); return err == nil }},
	{Name: PrefQuietOn, Default: "mo tu we th fr sa su", check: isDays},
	{Name: PrefPutAway, check: func(v string) bool { return len(v) <= 64 }},
	{Name: PrefPause, check: func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return v == "" || err == nil && n >= 0
	}},
}

// Prefs lists the preferences that Godwit knows.
func Prefs() []Pref { return slices.Clone(prefs) }

func isDays(v string) bool {
	for _, day := range strings.Fields(v) {
		if !slices.Contains(weekdays[:], day) {
			return false
		}
	}
	return true
}

// fits reports whether a value is one of the preference.
func (p *Pref) fits(value string) bool {
	if p.check != nil {
		return p.check(value)
	}
	return slices.Contains(p.Choices, value)
}

// imported reads a value as HipChat wrote it.
func (p *Pref) imported(value string) (string, bool) {
	value = strings.ReplaceAll(Fold(strings.TrimSpace(value)), " ", "")
	if as, ok := p.As[value]; ok {
		value = as
	}
	return value, p.fits(value)
}

// hipchatName is the last part of a name as it was imported, folded:
// "notifications.sound" is "sound".
func hipchatName(name string) string {
	return strings.ReplaceAll(Fold(name[strings.LastIndexByte(name, '.')+1:]), "_", "")
}

// Chosen are a person's preferences as Godwit understands them: every name it
// knows has a value. What was imported counts until it is set here.
type Chosen map[string]string

// On reports whether a switch is on.
func (c Chosen) On(name string) bool { return c[name] == prefOn }

// Chosen reads stored values, of which there may be none.
func chosenOf(stored ...map[string]string) Chosen {
	out := Chosen{}
	for i := range prefs {
		p := &prefs[i]
		out[p.Name] = p.Default
		for _, values := range stored {
			if v, ok := p.in(values); ok {
				out[p.Name] = v
				break
			}
		}
	}
	return out
}

func (p *Pref) in(values map[string]string) (string, bool) {
	if v, ok := values[p.Name]; ok && p.fits(v) {
		return v, true
	}
	names := make([]string, 0, len(values))
	for name := range values {
		if slices.Contains(p.From, hipchatName(name)) {
			names = append(names, name)
		}
	}
	slices.Sort(names) // two that mean the same: always the same one
	for _, name := range names {
		if v, ok := p.imported(values[name]); ok {
			return v, true
		}
	}
	return "", false
}

// Other lists stored values that Godwit does not know. They stay stored.
func otherPrefs(values map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range values {
		known := slices.ContainsFunc(prefs, func(p Pref) bool { return p.Name == name || slices.Contains(p.From, hipchatName(name)) })
		if !known {
			out[name] = v
		}
	}
	return out
}

// storedPrefs reads what the identities of a person have stored, the one they
// sign in as first.
func storedPrefs(r Reader, ids ...UserID) (list []map[string]string, err error) {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = Key(id)
	}
	found, err := r.GetAll(KindPreferences, keys)
	for _, k := range keys {
		if p, ok := found[k].(*Preferences); ok && !p.Gone {
			list = append(list, p.Values)
		}
	}
	return list, err
}

// Preferences returns what the actor has set, and what of it was imported and
// means nothing here.
func (s *Service) Preferences(ctx context.Context, a *Actor) (chosen Chosen, other map[string]string, err error) {
	other = map[string]string{}
	err = s.Store.View(ctx, func(r Reader) error {
		stored, err := storedPrefs(r, a.IDs()...)
		chosen = chosenOf(stored...)
		for _, values := range stored {
			for k, v := range otherPrefs(values) {
				other[k] = v
			}
		}
		return err
	})
	return chosen, other, err
}

// SetPreferences changes some of the actor's preferences. An unknown name or
// value is Invalid, and nothing is changed.
func (s *Service) SetPreferences(ctx context.Context, a *Actor, change map[string]string) (chosen Chosen, err error) {
	if a.User == nil {
		return nil, Errorf(Denied, "a program has no preferences")
	}
	for name, value := range change {
		i := slices.IndexFunc(prefs, func(p Pref) bool { return p.Name == name })
		if i < 0 {
			return nil, Errorf(Invalid, "there is no preference %q", shorten(name, 40))
		}
		if !utf8.ValidString(value) || len(value) > 100 || !prefs[i].fits(value) {
			return nil, Errorf(Invalid, "%q cannot be what %s is set to", shorten(value, 40), name)
		}
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		next := &Preferences{User: a.User.ID, Values: map[string]string{}}
		if held, err := tx.Get(KindPreferences, Key(a.User.ID)); err == nil && !held.Deleted() {
			for k, v := range held.(*Preferences).Values {
				next.Values[k] = v
			}
		} else if err != nil && !IsKind(err, NotFound) {
			return err
		}
		for k, v := range change {
			next.Values[k] = v
		}
		also, err := storedPrefs(tx, a.Also...)
		if err != nil {
			return err
		}
		chosen = chosenOf(append([]map[string]string{next.Values}, also...)...)
		return tx.Put(next)
	})
	return chosen, err
}

var weekdays = [7]string{"su", "mo", "tu", "we", "th", "fr", "sa"}

// Hours are hours of the day, in minutes since midnight. If To is not after
// From they go on past midnight. The zero value is none.
type Hours struct{ From, To int }

// ParseHours reads 22:00-07:00; "" is none. It fails with Invalid.
func ParseHours(text string) (h Hours, err error) {
	if text == "" {
		return h, nil
	}
	from, to, ok := strings.Cut(text, "-")
	a, err1 := time.Parse("15:04", from)
	b, err2 := time.Parse("15:04", to)
	if !ok || err1 != nil || err2 != nil || from == to || len(from) != 5 || len(to) != 5 {
		return h, Errorf(Invalid, "%q are no hours of the day", shorten(text, 40)).WithHint("write them like 22:00-07:00")
	}
	return Hours{a.Hour()*60 + a.Minute(), b.Hour()*60 + b.Minute()}, nil
}

// Quiet reports whether a person wants not to be told of anything now, in
// their time zone. The clock on the wall counts: where it is set forward or
// back, the quiet hours still begin and end when it shows so.
func (c Chosen) Quiet(now time.Time, zone *time.Location) bool {
	if until, err := strconv.ParseInt(c[PrefPause], 10, 64); err == nil && TimeOf(now) < Time(until) {
		return true
	}
	h, err := ParseHours(c[PrefQuiet])
	if err != nil || h == (Hours{}) {
		return false
	}
	local := now.In(zone)
	minute := local.Hour()*60 + local.Minute()
	on := func(day time.Weekday) bool { return slices.Contains(strings.Fields(c[PrefQuietOn]), weekdays[day]) }
	today, yesterday := local.Weekday(), (local.Weekday()+6)%7
	if h.From < h.To {
		return minute >= h.From && minute < h.To && on(today)
	}
	return minute >= h.From && on(today) || minute < h.To && on(yesterday)
}

// ZoneOf returns the time zone of a person: UTC if they have none, or one
// that is not known.
func ZoneOf(u *User) *time.Location {
	if u == nil || u.Zone == "" || u.Zone == "Local" {
		return time.UTC
	}
	if zone, err := time.LoadLocation(u.Zone); err == nil {
		return zone
	}
	return time.UTC
}
