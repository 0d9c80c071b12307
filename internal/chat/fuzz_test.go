package chat

import (
	"strings"
	"testing"
	"time"
)

// FuzzQuiet takes any words for hours of the day, days and a pause: who has
// hours that can be read is left in peace for some of a day, and not for all.
func FuzzQuiet(f *testing.F) {
	f.Add("22:00-07:00", "su mo tu we th fr sa", "", int64(1_500_000_000), "Europe/Berlin")
	f.Add("07:00-22:00", "mo", "9000000000000000", int64(0), "")
	f.Add("24:00-07:00", "xx", "-1", int64(-1), "../x")
	f.Fuzz(func(t *testing.T, hours, days, pause string, at int64, zone string) {
		h, err := ParseHours(hours)
		if err == nil && (h.From < 0 || h.To < 0 || h.From >= 24*60 || h.To >= 24*60 || hours != "" && h.From == h.To) {
			t.Fatalf("%q: %+v", hours, h)
		}
		where := ZoneOf(&User{Zone: zone})
		now := time.Unix(at%(1<<40), 0)
		c := Chosen{PrefQuiet: hours, PrefQuietOn: days, PrefPause: pause}
		if c.Quiet(now, where) && err != nil && pause == "" {
			t.Fatalf("quiet although %q means nothing", hours)
		}
		if err != nil || h == (Hours{}) {
			return
		}
		daily := Chosen{PrefQuiet: hours, PrefQuietOn: strings.Join(weekdays[:], " ")}
		quiet := 0
		for minute := range 24 * 60 {
			if daily.Quiet(time.Date(2024, 5, 14, 0, minute, 0, 0, time.UTC), time.UTC) {
				quiet++
			}
		}
		if want := (h.To - h.From + 24*60) % (24 * 60); quiet != want {
			t.Fatalf("%q is quiet for %d minutes of a day, not %d", hours, quiet, want)
		}
	})
}

// FuzzMentionName takes any words for a name that one is mentioned by: one
// that is taken is found in a text, and taken again as it is.
func FuzzMentionName(f *testing.F) {
	for _, name := range []string{"ann", "@Ann.Lee", "анна", "anп", "all", "a\u0301", "_x", "李", "a b", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := checkMention(text)
		if err != nil || name == "" {
			return
		}
		if again, err := checkMention(name); err != nil || again != name {
			t.Fatalf("%q, and then %q: %v", name, again, err)
		}
		id := UserID{1}
		p := &Roster{Users: map[UserID]*User{id: {ID: id, Mention: name}}, logins: map[string]map[UserID]bool{Fold(name): {id: true}}}
		if list := p.Mentioned("see @" + name + ", please"); len(list) != 1 || list[0].User != id {
			t.Fatalf("@%s is not found: %+v", name, list)
		}
	})
}
