package chat

import (
	"regexp"
	"strings"
)

// called says whom a text in Markdown calls: people by name, and everyone.
// What stands in code calls nobody.
func (p *Roster) called(text string) Extra {
	said := withoutCode(text)
	return Extra{Mentions: p.Mentioned(said), Everyone: everyone(said)}
}

var everyoneWord = regexp.MustCompile(`(?i)(?:^|[^\pL\pN_@./-])@(all|here)(?:[^\pL\pN_-]|$)`)

// everyone finds @all and @here. Who calls all calls those who are here, too.
func everyone(text string) string {
	found := ""
	for _, m := range everyoneWord.FindAllStringSubmatch(text, -1) {
		if found = strings.ToLower(m[1]); found == EveryoneAll {
			break
		}
	}
	return found
}

var (
	fence    = regexp.MustCompile("^ {0,3}(```+|~~~+)")
	codeSpan = regexp.MustCompile("``[^`].*?``|`[^`\n]+`")
)

// withoutCode leaves out what Markdown draws as code.
func withoutCode(text string) string {
	if rest, ok := strings.CutPrefix(text, "/code"); ok && (rest == "" || rest[0] == ' ' || rest[0] == '\n') {
		return ""
	}
	if !strings.ContainsAny(text, "`~") {
		return text
	}
	var b strings.Builder
	open := ""
	for line := range strings.Lines(text) {
		mark := fence.FindStringSubmatch(line)
		switch {
		case open == "" && mark != nil && (mark[1][0] == '~' || !strings.Contains(line[len(mark[0]):], "`")):
			open = mark[1]
		case open == "":
			b.WriteString(line)
		case mark != nil && mark[1][0] == open[0] && len(mark[1]) >= len(open) && strings.TrimSpace(line) == mark[1]:
			open = ""
		}
	}
	return codeSpan.ReplaceAllString(b.String(), " ")
}
