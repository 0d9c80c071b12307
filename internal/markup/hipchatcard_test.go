package markup_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/godwit-chat/godwit/internal/markup"
)

func TestWordsOfAHipChatCard(t *testing.T) {
	for card, want := range map[string]string{
		`{"style":"application","id":"x","title":"Curlew build","description":{"value":"all <b>green</b>","format":"html"},"activity":{"html":"<i>Ada</i> deployed"},"attributes":[{"label":"Branch","value":{"label":"master","style":"lozenge"}}]}`: "Curlew build\nall green\nAda deployed\nBranch\nmaster",
		`{"title":"<b>","description":"a < b"}`:                   "<b>\na < b",
		`{"title":7,"description":{"value":7},"attributes":[{}]}`: "",
		`[]`: "", `{`: "", ``: "", `null`: "", `"x"`: "",
	} {
		if got := markup.HipChatCardWords([]byte(card)); got != want {
			t.Errorf("%s: %q, want %q", card, got, want)
		}
	}
}

func FuzzHipChatCard(f *testing.F) {
	f.Add([]byte(`{"title":"x","description":{"value":"<b>y","format":"html"},"activity":{"html":"z"},"attributes":[{"label":"a","value":{"label":"b"}}]}`))
	f.Fuzz(func(t *testing.T, card []byte) {
		words := markup.HipChatCardWords(card)
		if !utf8.ValidString(words) || strings.TrimSpace(words) != words {
			t.Fatalf("%q", words)
		}
	})
}
