package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold makes strings that people take for the same the same: lower case,
// compatibility forms, no accents. Both databases compare folded strings byte
// by byte.
func Fold(s string) string {
	if isPlainLower(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func isPlainLower(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// maxTerm is the longest word that search knows, in bytes; the rest of a
// longer one is left out. No language needs more, and base64 does.
const maxTerm = 64

// Terms splits a text into the words that search finds it by: runs of letters
// and digits, folded; writing without spaces (Han, kana, Hangul, Thai) gives
// each character and each pair of neighbours. A query is split by the same
// function with query set: it leaves out the single characters where pairs
// say more.
func Terms(s string, query bool) []string {
	var terms []string
	var run []rune // of one class
	dense := false
	flush := func() {
		if len(run) == 0 {
			return
		}
		if !dense {
			terms = append(terms, cut(string(run)))
		} else {
			for i := range run {
				if !query || len(run) == 1 {
					terms = append(terms, string(run[i]))
				}
				if i+1 < len(run) {
					terms = append(terms, string(run[i:i+2]))
				}
			}
		}
		run = run[:0]
	}
	for _, r := range Fold(s) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' {
			flush()
			continue
		}
		if d := isDense(r); d != dense {
			flush()
			dense = d
		}
		run = append(run, r)
	}
	flush()
	return terms
}

func isDense(r rune) bool {
	return r > 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

func cut(s string) string {
	if len(s) <= maxTerm {
		return s
	}
	n := maxTerm
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
