package markup_test

import (
	"testing"

	"github.com/godwit-chat/godwit/internal/markup"
)

func TestEmoji(t *testing.T) {
	for code, want := range map[string]string{
		"+1": "👍️", "thumbsup": "👍️", "tada": "🎉", "flag-de": "🇩🇪", "de": "🇩🇪", "slightly_smiling_face": "🙂", "white_check_mark": "✅️", "SMILE": "😄",
		"wave::skin-tone-2": "👋🏻", "+1::skin-tone-6": "👍🏿", "tada::skin-tone-3": "🎉", "wave::skin-tone-7": "👋", "wave::": "👋", "": "", "nothing": "", "::": "",
	} {
		got, ok := markup.Emoji(code)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}
