package chat

import (
	"strings"
	"testing"
)

func TestWhomATextCalls(t *testing.T) {
	ada := &User{ID: UserID{1}, Name: "Ada", Mention: "ada"}
	p := &Roster{Users: map[UserID]*User{ada.ID: ada}}
	p.index()
	for text, want := range map[string]string{
		"":                                 "",
		"hello @all":                       "all",
		"@here: lunch":                     "here",
		"(@All)":                           "all",
		"@here and @all":                   "all",
		"@all @here":                       "all",
		"@allison @here2 @here-after":      "",
		"mail me@all.example.org":          "",
		"x@all":                            "",
		"`@all`":                           "",
		"``a ` @all``":                     "",
		"`@ada` @here":                     "here",
		"```\n@all @ada\n```":              "",
		"```\n@all\n```\n@here @ada":       "here ada",
		"~~~ go\n@all\n```\n@ada\n~~~":     "",
		"```\n@all never closed\n@ada":     "",
		"``` not ` a fence @ada":           "ada",
		"/code @all @ada":                  "",
		"/codex @ada":                      "ada",
		"/me greets @ada":                  "ada",
		"> @ada":                           "ada",
		"```@all```":                       "",
		"@ada, @ADA and @nobody":           "ada",
		strings.Repeat("`", 999) + "@here": "",
	} {
		x := p.called(text)
		got := strings.TrimSpace(x.Everyone)
		for _, m := range x.Mentions {
			got = strings.TrimSpace(got + " " + strings.ToLower(m.Name))
		}
		if got != want {
			t.Errorf("%q calls %q, want %q", text, got, want)
		}
	}
}

func TestEmoji(t *testing.T) {
	p := &Roster{Emoticons: map[string]*Emoticon{"shipit": {Shortcut: "ShipIt"}}}
	for emoji, want := range map[string]string{
		"👍": "👍", "👍🏽": "👍🏽", "❤️": "❤️", "🏴\U000e0067\U000e0062\U000e007f": "🏴\U000e0067\U000e0062\U000e007f", "👨‍👩‍👧": "👨‍👩‍👧", "🇩🇪": "🇩🇪", "1️⃣": "1️⃣", "‼️": "‼️",
		":shipit:": ":ShipIt:", ":SHIPIT:": ":ShipIt:",
		"": "", "x": "", "ok": "", "<b>": "", "1": "", "12345": "", "\u200d": "", "\ufe0f": "", ":": "", "::": "", ":shipit": "", ":nothing:": "", "👍x": "", "\xff": "",
		strings.Repeat("👍", 40): "", "\u202e👍": "",
	} {
		got, err := checkEmoji(p, emoji, true)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", emoji, got, err)
		}
	}
	if got, err := checkEmoji(p, ":gone:", false); got != ":gone:" || err != nil {
		t.Errorf("one that is no more cannot be taken off: %q, %v", got, err)
	}
}

func FuzzCalled(f *testing.F) {
	f.Add("@all ```\n`@here`\n~~~")
	p := &Roster{}
	f.Fuzz(func(t *testing.T, s string) {
		if x := p.called(s); x.Everyone != "" && !strings.Contains(strings.ToLower(s), "@"+x.Everyone) {
			t.Errorf("%q calls %q", s, x.Everyone)
		}
	})
}
