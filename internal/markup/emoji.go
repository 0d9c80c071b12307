package markup

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"
)

// EmojiList is the list of standard emoji, for clients' pickers: one line an
// emoji, fields parted by tabs: group, the emoji, "s" if it takes a skin tone,
// shortcodes, words to find it by. Lines with a # in front say where it is from.
//
//go:embed emoji.txt
var EmojiList string

type emojiEntry struct {
	emoji string
	toned bool
}

var emojiByCode = sync.OnceValue(func() map[string]emojiEntry {
	all := make(map[string]emojiEntry, 6000)
	for line := range strings.Lines(EmojiList) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 5 {
			continue
		}
		for _, code := range strings.Fields(f[3]) {
			all[code] = emojiEntry{f[1], f[2] == "s"}
		}
	}
	return all
})

const (
	mostTones = 5
	firstTone = 0x1f3fb
	variation = '\ufe0f'
)

// Emoji returns the emoji of a shortcode as Slack, GitHub and others write it
// between colons, as in "+1", "flag-de", "wave::skin-tone-3".
func Emoji(code string) (string, bool) {
	code, tone, _ := strings.Cut(strings.ToLower(code), "::")
	e, ok := emojiByCode()[code]
	if !ok {
		return "", false
	}
	if n, ok := toneOf(tone); ok && e.toned {
		return withTone(e.emoji, n), true
	}
	return e.emoji, true
}

// toneOf reads "skin-tone-2" to "skin-tone-6": Fitzpatrick's scale, of which
// Unicode has the first two as one.
func toneOf(s string) (int, bool) {
	n, ok := strings.CutPrefix(s, "skin-tone-")
	if !ok || len(n) != 1 || n[0] < '2' || n[0] > '1'+mostTones {
		return 0, false
	}
	return int(n[0] - '2'), true
}

func withTone(emoji string, tone int) string {
	_, n := utf8.DecodeRuneInString(emoji)
	return emoji[:n] + string(rune(firstTone+tone)) + strings.TrimPrefix(emoji[n:], string(variation))
}
