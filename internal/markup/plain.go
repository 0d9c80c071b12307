package markup

import (
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/godwit-chat/godwit/internal/chat"
)

// plainTree reads HipChat's text: slash words at the beginning mean something
// for the whole message (facts: slash prefixes are stored as they were typed).
func plainTree(s string, in inline) []Node {
	if list, ok := slash(s, in); ok {
		return list
	}
	return in.lines(s)
}

// slash reads a message that begins with /code, /quote or /me.
func slash(s string, in inline) ([]Node, bool) {
	if rest, ok := command(s, "/code"); ok {
		return []Node{code("", rest)}, true
	}
	if rest, ok := command(s, "/quote"); ok {
		return []Node{{Type: "quote", Children: in.lines(rest)}}, true
	}
	if rest, ok := command(s, "/me"); ok {
		return []Node{{Type: "me", Children: in.lines(rest)}}, true
	}
	return nil, false
}

func command(s, word string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, word); !ok || rest == "" {
		return "", false
	}
	if rest[0] != ' ' && rest[0] != '\n' {
		return "", false
	}
	return rest[1:], true
}

// inline finds links, mentions, emoticons and colours in running text.
type inline struct {
	Options
	names []chat.Mention // longest first, so that @Ann-Lee is not @Ann
}

func newInline(o Options) inline {
	names := append([]chat.Mention(nil), o.Mentions...)
	sort.SliceStable(names, func(i, j int) bool { return len(names[i].Name) > len(names[j].Name) })
	return inline{o, names}
}

func (in inline) lines(s string) []Node {
	var out []Node
	for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if i > 0 {
			out = append(out, Node{Type: "br"})
		}
		out = append(out, in.run(line, withLinks)...)
	}
	return join(out)
}

var (
	webAddress  = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>"\x60]+`)
	mailAddress = regexp.MustCompile(`(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b`)
	shortcut    = regexp.MustCompile(`\(([\p{L}\p{N}_+-]{1,50})\)`)
	colons      = regexp.MustCompile(`:([\p{L}\p{N}_+-]{1,50}):(?::(skin-tone-[2-6]):)?`)
	hexColor    = regexp.MustCompile(`#[0-9a-fA-F]{6}\b`)
)

// Stages of reading running text: each takes what it knows, and what lies
// between is left to the next. Markdown has its own syntax for links and
// begins behind them.
const (
	withLinks    = 0
	withoutLinks = 2
)

func (in inline) run(s string, stage int) []Node {
	var find *regexp.Regexp
	var read func(match string) (Node, int)
	switch stage {
	case 0:
		find, read = webAddress, in.web
	case 1:
		find, read = mailAddress, in.mail
	case 2:
		find, read = shortcut, in.emoticon
	case 3:
		return in.colons(s, stage)
	case 4:
		find, read = hexColor, in.color
	default:
		return in.mentions(s)
	}
	var out []Node
	last := 0
	for _, m := range find.FindAllStringIndex(s, -1) {
		n, used := read(s[m[0]:m[1]])
		if used == 0 {
			continue
		}
		out = append(out, in.run(s[last:m[0]], stage+1)...)
		out = append(out, n)
		last = m[0] + used
	}
	return join(append(out, in.run(s[last:], stage+1)...))
}

func (in inline) web(match string) (Node, int) {
	match = trimAddress(match)
	full := match
	if strings.EqualFold(match[:min(4, len(match))], "www.") {
		full = "http://" + match
	}
	u := in.follow(full)
	if u == "" {
		return Node{}, 0
	}
	return Node{Type: "link", URL: u, Children: []Node{text(match)}}, len(match)
}

// trimAddress leaves out the punctuation that ends a sentence, not an address.
func trimAddress(s string) string {
	for s != "" {
		r, n := utf8.DecodeLastRuneInString(s)
		switch {
		case strings.ContainsRune(`.,;:!?'"*_~`, r), unicode.In(r, unicode.Pf, unicode.Pi), r == '。', r == '、', r == '」':
		case r == ')' && strings.Count(s, "(") < strings.Count(s, ")"):
		case r == ']' && strings.Count(s, "[") < strings.Count(s, "]"):
		default:
			return s
		}
		s = s[:len(s)-n]
	}
	return s
}

func (in inline) mail(match string) (Node, int) {
	return Node{Type: "link", URL: "mailto:" + match, Children: []Node{text(match)}}, len(match)
}

func (in inline) emoticon(match string) (Node, int) {
	word := match[1 : len(match)-1]
	if in.Emoticon != nil {
		if u, ok := in.Emoticon(word); ok {
			return Node{Type: "emoticon", Text: word, URL: u}, len(match)
		}
	}
	if emoji, ok := builtIn[strings.ToLower(word)]; ok {
		return text(emoji), len(match)
	}
	return Node{}, 0
}

// colons finds :shortcut: where it is no part of a word or a time of day.
func (in inline) colons(s string, stage int) []Node {
	var out []Node
	last := 0
	for from := 0; ; {
		m := colons.FindStringSubmatchIndex(s[from:])
		if m == nil {
			break
		}
		start, end := from+m[0], from+m[1]
		word := s[from+m[2] : from+m[3]]
		from += m[3] // the second colon may be another's first
		if before, n := utf8.DecodeLastRuneInString(s[last:start]); n > 0 && isWord(before) || !endsWord(s[end:]) {
			continue
		}
		tone := ""
		if m[4] >= 0 {
			tone = s[end-1-(m[5]-m[4]) : end-1]
		}
		n, ok := in.named(word, tone)
		if !ok {
			continue
		}
		out = append(append(out, in.run(s[last:start], stage+1)...), n)
		last, from = end, end
	}
	return join(append(out, in.run(s[last:], stage+1)...))
}

// named finds the emoji or the custom emoticon of a word between colons.
func (in inline) named(word, tone string) (Node, bool) {
	if in.Emoticon != nil && tone == "" {
		if u, ok := in.Emoticon(word); ok {
			return Node{Type: "emoticon", Text: word, URL: u}, true
		}
	}
	if tone != "" {
		word += "::" + tone
	}
	if emoji, ok := Emoji(word); ok {
		return text(emoji), true
	}
	return Node{}, false
}

func (in inline) color(match string) (Node, int) {
	return Node{Type: "color", Text: match}, len(match)
}

// mentions finds the @words that the message says it means, and @all and
// @here. One inside a word (an address) is none.
func (in inline) mentions(s string) []Node {
	var out []Node
	for from := 0; ; {
		at := strings.IndexByte(s[from:], '@')
		if at < 0 {
			break
		}
		at += from
		n, used := in.mention(s[at+1:])
		if before, _ := utf8.DecodeLastRuneInString(s[:at]); used == 0 || at > 0 && isWord(before) {
			from = at + 1
			continue
		}
		out = append(out, text(s[:at]), n)
		s = s[at+1+used:]
		from = 0
	}
	return join(append(out, text(s)))
}

func (in inline) mention(s string) (Node, int) {
	for _, m := range in.names {
		if n := len(m.Name); n > 0 && n <= len(s) && strings.EqualFold(s[:n], m.Name) && endsWord(s[n:]) {
			return Node{Type: "mention", Text: s[:n], User: m.User.String()}, n
		}
	}
	for _, word := range []string{"all", "here"} {
		if n := len(word); n <= len(s) && strings.EqualFold(s[:n], word) && endsWord(s[n:]) {
			return Node{Type: "mention", Text: word}, n
		}
	}
	return Node{}, 0
}

func endsWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n == 0 || !isWord(r)
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// follow returns where a link leads from here, or "" if it may not be
// followed.
func (in inline) follow(raw string) string {
	u := address(raw)
	if u == "" || in.Link == nil {
		return u
	}
	if own := in.Link(u); own != "" {
		return own
	}
	return u
}

func (in inline) link(raw string, children []Node) []Node {
	u := in.follow(raw)
	if u == "" {
		return children
	}
	if len(children) == 0 {
		children = []Node{text(u)}
	}
	return []Node{{Type: "link", URL: u, Children: children}}
}

// builtIn are the words that HipChat drew without a picture of the team's
// own, as the nearest emoji. Those that were pictures of people stay words.
var builtIn = map[string]string{
	"thumbsup": "👍", "yes": "👍", "y": "👍", "thumbsdown": "👎", "no": "👎", "n": "👎", "clap": "👏", "beer": "🍺", "coffee": "☕",
	"heart": "❤️", "love": "❤️", "smile": "🙂", "sadpanda": "🐼", "facepalm": "🤦", "shrug": "🤷", "success": "✊",
	"check": "✅", "tick": "✅", "x": "❌", "cross": "❌", "boom": "💥", "fire": "🔥", "cake": "🍰", "pizza": "🍕", "pingpong": "🏓",
	"wave": "👋", "highfive": "🙌", "fistbump": "🤜", "hug": "🤗", "cry": "😢", "poo": "💩", "ninja": "🥷",
	"bicepleft": "💪", "bicepright": "💪", "toast": "🍻", "celebrate": "🎉", "party": "🎉", "tada": "🎉", "light": "💡",
	"lightbulb": "💡", "warning": "⚠️", "lol": "😂", "haha": "😂", "wow": "😮", "thinking": "🤔", "ship": "🚢", "shipit": "🐿️",
	"rockon": "🤘", "tea": "🍵", "donut": "🍩", "moneybag": "💰", "flag": "🚩", "star": "⭐", "snowman": "⛄", "turkey": "🦃",
}
