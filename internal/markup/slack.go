package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// slackTree reads Slack's text (mrkdwn) as it is stored: only &, < and > are
// escaped, and whatever stands between a bare < and > is a control: a link, a
// person, a room. Code is found first, then controls, then marks; what is
// within one is not looked at for the others.
func slackTree(s string, in inline) []Node {
	r := slackReader{in}
	if len(s) > maxParsed {
		return []Node{text(flatSlack(s))}
	}
	if rest, ok := command(s, "/me"); ok {
		return []Node{{Type: "me", Children: tidy(r.block(rest))}}
	}
	return tidy(r.block(s))
}

type slackReader struct{ inline }

const fence = "```"

// block reads a text that may have code blocks and quotes in it.
func (r slackReader) block(s string) []Node {
	var out []Node
	for {
		open := strings.Index(s, fence)
		if open < 0 {
			break
		}
		length := strings.Index(s[open+len(fence):], fence)
		if length <= 0 {
			break
		}
		out = append(out, r.quotes(s[:open])...)
		code := s[open+len(fence):][:length]
		out = append(out, Node{Type: "pre", Text: strings.Trim(flatSlack(code), "\n")})
		s = s[open+2*len(fence)+length:]
	}
	return append(out, r.quotes(s)...)
}

// quotes takes the lines that begin with > together.
func (r slackReader) quotes(s string) []Node {
	if s == "" {
		return nil
	}
	var out []Node
	var quoted []string
	flush := func() {
		if quoted != nil {
			out = append(out, Node{Type: "quote", Children: tidy(r.lines(strings.Join(quoted, "\n")))})
			quoted = nil
		}
	}
	for rest, more := s, true; more; {
		var line string
		all := rest
		line, rest, more = strings.Cut(rest, "\n")
		if whole, ok := cutQuote(all, 3); ok {
			flush()
			return append(out, Node{Type: "quote", Children: tidy(r.lines(whole))})
		}
		if q, ok := cutQuote(line, 1); ok {
			quoted = append(quoted, q)
			continue
		}
		flush()
		out = append(out, r.run(line)...)
		if more {
			out = append(out, Node{Type: "br"})
		}
	}
	flush()
	return out
}

// cutQuote takes n marks of a quote from the beginning of a line.
func cutQuote(s string, n int) (string, bool) {
	for range n {
		rest, ok := strings.CutPrefix(s, "&gt;")
		if !ok {
			return s, false
		}
		s = rest
	}
	return strings.TrimPrefix(s, " "), true
}

func (r slackReader) lines(s string) []Node {
	var out []Node
	for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if i > 0 {
			out = append(out, Node{Type: "br"})
		}
		out = append(out, r.run(line)...)
	}
	return join(out)
}

var slackMarks = map[byte]string{'*': "b", '_': "i", '~': "s"}

// run reads a piece of one line.
func (r slackReader) run(s string) []Node {
	var out []Node
	var hopeless [256]bool // marks that nothing behind here ends
	start := 0             // of what is plain
	before := rune(0)
	for i := 0; i < len(s); {
		var nodes []Node
		n := 0
		switch c := s[i]; c {
		case '<':
			if !hopeless[c] {
				nodes, n = r.control(s[i:])
				hopeless[c] = n == 0 && strings.IndexByte(s[i:], '>') < 0
			}
		case '`':
			if !hopeless[c] {
				nodes, n = slackCode(s[i:])
				hopeless[c] = n == 0 && strings.IndexByte(s[i+1:], '`') < 0
			}
		case '*', '_', '~':
			if !hopeless[c] && !isWord(before) && before != rune(c) {
				end, tried := slackEnd(s[i:])
				if hopeless[c] = tried && end == 0; end > 0 {
					nodes, n = []Node{{Type: slackMarks[c], Children: r.run(s[i+1 : i+end])}}, end+1
				}
			}
		case ':':
			nodes, n = r.emoji(s[i:])
		}
		if n == 0 {
			letter, size := utf8.DecodeRuneInString(s[i:])
			before = letter
			i += size
			continue
		}
		out = append(append(out, r.bare(s[start:i])...), nodes...)
		i += n
		start = i
		before, _ = utf8.DecodeLastRuneInString(s[:i])
	}
	return join(append(out, r.bare(s[start:])...))
}

// slackEnd finds where the mark that s begins with ends. It reports whether
// it had to look at the whole of s.
func slackEnd(s string) (end int, tried bool) {
	mark := s[0]
	if next, n := utf8.DecodeRuneInString(s[1:]); n == 0 || unicode.IsSpace(next) || next == rune(mark) {
		return 0, false
	}
	controls, codes := true, true // more of them may come
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '<':
			if controls {
				k := strings.IndexByte(s[i:], '>')
				controls = k > 0
				i += max(k, 0)
			}
		case '`':
			if codes {
				k := strings.IndexByte(s[i+1:], '`')
				codes = k >= 0
				i += k + 1
			}
		case mark:
			last, _ := utf8.DecodeLastRuneInString(s[:i])
			next, _ := utf8.DecodeRuneInString(s[i+1:])
			if !unicode.IsSpace(last) && !(i+1 < len(s) && (isWord(next) && next != '_' || next == rune(mark))) {
				return i, true
			}
		}
	}
	return 0, true
}

func slackCode(s string) ([]Node, int) {
	n := strings.IndexByte(s[1:], '`')
	if n <= 0 {
		return nil, 0
	}
	return []Node{{Type: "code", Text: flatSlack(s[1 : n+1])}}, n + 2
}

func (r slackReader) emoji(s string) ([]Node, int) {
	n := emojiName(s)
	if n == 0 {
		return nil, 0
	}
	name, end := s[1:n], n+1
	if rest, ok := strings.CutPrefix(s[end:], ":skin-tone-"); ok && len(rest) > 1 && rest[1] == ':' && rest[0] >= '1' && rest[0] <= '6' {
		name += "::skin-tone-" + rest[:1]
		end += len(":skin-tone-1:")
	}
	nodes := r.emojiNamed(name)
	if nodes == nil {
		return nil, 0
	}
	return nodes, end
}

// emojiName finds the colon that ends the name that s begins with.
func emojiName(s string) int {
	for i, c := range s[:min(len(s), 200)] {
		switch {
		case i == 0:
		case c == ':':
			if i == 1 {
				return 0
			}
			return i
		case c == '_', c == '-', c == '+', c == '\'', unicode.IsLetter(c), unicode.IsDigit(c):
		default:
			return 0
		}
	}
	return 0
}

// emojiNamed draws an emoji by its name: the team's own first.
func (r slackReader) emojiNamed(name string) []Node {
	base, _, _ := strings.Cut(name, "::")
	if r.Emoticon != nil {
		if u, ok := r.Emoticon(base); ok {
			return []Node{{Type: "emoticon", Text: base, URL: u}}
		}
	}
	if e, ok := SlackEmoji(name); ok {
		return []Node{text(e)}
	}
	return nil
}

// SlackEmoji is Emoji, with the one that Slack alone had until 2018.
func SlackEmoji(name string) (string, bool) {
	if name == "simple_smile" {
		name = "slightly_smiling_face"
	}
	return Emoji(name)
}

// bare reads what has no marks: bots write addresses without brackets.
func (r slackReader) bare(s string) []Node {
	s = unescapeSlack(s)
	if !strings.Contains(s, "://") {
		return []Node{text(s)}
	}
	var out []Node
	last := 0
	for _, m := range webAddress.FindAllStringIndex(s, -1) {
		n, used := r.web(s[m[0]:m[1]])
		if used == 0 {
			continue
		}
		out = append(out, text(s[last:m[0]]), n)
		last = m[0] + used
	}
	return append(out, text(s[last:]))
}

var slackEscapes = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func unescapeSlack(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return slackEscapes.Replace(s)
}

// flatSlack returns the words of a text that is shown as it is: code.
func flatSlack(s string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			break
		}
		end := strings.IndexByte(s[open:], '>')
		if end < 0 {
			break
		}
		b.WriteString(s[:open])
		inside, label, labelled := strings.Cut(s[open+1:open+end], "|")
		switch {
		case labelled && label != "":
			b.WriteString(label)
		case strings.HasPrefix(inside, "!"):
			b.WriteString("@" + inside[1:])
		default:
			b.WriteString(inside)
		}
		s = s[open+end+1:]
	}
	b.WriteString(s)
	return unescapeSlack(b.String())
}

// blockTypes stand on lines of their own.
var blockTypes = map[string]bool{"pre": true, "quote": true, "ul": true, "ol": true, "hr": true, "h": true, "table": true, "card": true, "p": true}

// tidy leaves out the line breaks beside what stands on lines of its own, and
// those at the end.
func tidy(list []Node) []Node {
	var out []Node
	for _, n := range join(list) {
		k := len(out) - 1
		if n.Type == "br" && k >= 0 && blockTypes[out[k].Type] {
			continue
		}
		if blockTypes[n.Type] && k >= 0 && out[k].Type == "br" {
			out = out[:k]
		}
		out = append(out, n)
	}
	for len(out) > 0 && out[len(out)-1].Type == "br" {
		out = out[:len(out)-1]
	}
	return out
}

// SlackMentions lists the IDs of those whom a text names, each once.
func SlackMentions(s string) []string {
	var ids []string
	seen := map[string]bool{}
	for {
		at := strings.Index(s, "<@")
		if at < 0 {
			return ids
		}
		s = s[at+2:]
		n := strings.IndexAny(s, ">|<\n")
		if n <= 0 || s[n] == '<' || s[n] == '\n' {
			continue
		}
		if id := s[:n]; !seen[id] && everybody(id) == nil && !strings.ContainsFunc(id, notInID) {
			seen[id] = true
			ids = append(ids, id)
		}
	}
}

func notInID(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') }
