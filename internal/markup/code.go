package markup

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
)

// What is coloured of code. The rest is drawn as it is.
const (
	mostCode    = 8 << 10 // bytes; it is about 25 ms at most
	codeTime    = 40 * time.Millisecond
	mostPieces  = 3000
	mostMemo    = 60_000 // pieces that are remembered, about 10 MB
	longestLang = 40
)

// code makes a block of code, with the parts of it that have a colour. A text
// that is no code, or is too long, or of a language that nobody knows, has
// none.
func code(lang, s string) Node {
	lang, _, _ = strings.Cut(strings.TrimSpace(lang), " ")
	n := Node{Type: "pre", Lang: lang, Text: s}
	if len(lang) > longestLang {
		n.Lang = ""
		return n
	}
	if len(s) > mostCode || !utf8.ValidString(s) {
		return n
	}
	if lang == "" {
		lang = guess(s)
	}
	if list := highlighted.of(strings.ToLower(lang), s); list != nil {
		n.Text, n.Children = "", list
	}
	return n
}

// highlighted remembers what is slow to find out and always the same.
var highlighted memo

type memoKey struct{ lang, text string }

type memo struct {
	mu   sync.Mutex
	kept map[memoKey][]Node
	size int
}

func (c *memo) of(lang, s string) []Node {
	if lang == "" || !languages()[lang] {
		return nil
	}
	key := memoKey{lang, s}
	c.mu.Lock()
	list, known := c.kept[key]
	c.mu.Unlock()
	if known {
		return list
	}
	list = colour(lang, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += len(list) + 10; c.kept == nil || c.size > mostMemo {
		c.kept, c.size = map[memoKey][]Node{}, len(list)+10
	}
	c.kept[key] = list
	return list
}

// languages are the names that a block of code can begin with.
var languages = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, name := range lexers.Names(true) {
		all[strings.ToLower(name)] = true
	}
	for _, plain := range []string{"text", "plain", "plaintext", "plain text", "txt", "no-highlight", "fallback"} {
		delete(all, plain)
	}
	return all
})

// colour cuts code into pieces; nil if it cannot, or not in time.
func colour(lang, s string) []Node {
	lexer := lexers.Get(lang)
	if lexer == nil {
		return nil
	}
	next, err := lexer.Tokenise(nil, s)
	if err != nil {
		return nil
	}
	var out []Node
	size, end := 0, time.Now().Add(codeTime)
	for t := next(); t != chroma.EOF; t = next() {
		if size += len(t.Value); size > len(s)+1 || len(out) > mostPieces || time.Now().After(end) {
			return nil
		}
		out = piece(out, kindOf(t), t.Value)
	}
	// Lexers want a line end at the end, and add one.
	if k := len(out) - 1; k >= 0 && size == len(s)+1 && !strings.HasSuffix(s, "\n") {
		if out[k].Text = strings.TrimSuffix(out[k].Text, "\n"); out[k].Text == "" {
			out = out[:k]
		}
		size--
	}
	if size != len(s) || len(out) == 1 && out[0].Type == "text" {
		return nil
	}
	return out
}

func piece(out []Node, kind, value string) []Node {
	if k := len(out) - 1; k >= 0 && (out[k].Kind == kind || strings.TrimSpace(value) == "") {
		out[k].Text += value
		return out
	}
	if kind == "" {
		return append(out, text(value))
	}
	return append(out, Node{Type: "tok", Kind: kind, Text: value})
}

// kindOf says how a token is drawn; "" is as it is.
func kindOf(t chroma.Token) string {
	switch t.Type { //nolint:exhaustive // of the many only these are told apart
	case chroma.KeywordType, chroma.NameClass, chroma.NameException, chroma.NameNamespace:
		return "type"
	case chroma.KeywordConstant, chroma.NameBuiltin, chroma.NameBuiltinPseudo, chroma.NameConstant:
		return "const"
	case chroma.NameFunction, chroma.NameFunctionMagic, chroma.NameDecorator:
		return "name"
	case chroma.NameTag, chroma.NameAttribute, chroma.NameLabel, chroma.NameProperty:
		return "tag"
	case chroma.GenericInserted:
		return "in"
	case chroma.GenericDeleted:
		return "out"
	case chroma.GenericHeading, chroma.GenericSubheading, chroma.CommentPreproc:
		return "head"
	}
	switch {
	case t.Type.InCategory(chroma.Comment):
		return "rem"
	case t.Type.InCategory(chroma.Keyword), t.Type == chroma.OperatorWord:
		return "key"
	case t.Type.InSubCategory(chroma.LiteralString):
		return "str"
	case t.Type.InSubCategory(chroma.LiteralNumber):
		return "num"
	}
	return ""
}

var guesses = []struct {
	lang string
	at   *regexp.Regexp
}{
	{"diff", regexp.MustCompile(`^(?:diff --git |--- \S.*\n\+\+\+ |@@ -\d)`)},
	{"bash", regexp.MustCompile(`^(?:#!.*\b(?:ba|z|da|k)?sh\b|\$ \S)`)},
	{"python", regexp.MustCompile(`^(?:#!.*\bpython|(?:from [\w.]+ )?import [\w., ]+\n|def \w+\(.*:\s*\n)`)},
	{"pytb", regexp.MustCompile(`^Traceback \(most recent call last\)`)},
	{"go", regexp.MustCompile(`^(?:package \w+\n|func (?:\(.*?\) )?\w+\()`)},
	{"sql", regexp.MustCompile(`(?i)^(?:select\s[^;]+\sfrom\s|insert into \w|update \w+ set |create (?:table|index) )`)},
	{"xml", regexp.MustCompile(`^<(?:\?xml|!DOCTYPE|[a-zA-Z][\w:-]*[^<>]*>)`)},
	{"java", regexp.MustCompile(`^(?:public |private )(?:static |final )*(?:class|interface|enum|void|\w+) \w+`)},
}

// guess finds the language of code that does not say it, if that is plain.
func guess(s string) string {
	s = strings.TrimLeft(s, " \t\n")
	if s == "" {
		return ""
	}
	if (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s)) {
		return "json"
	}
	for _, g := range guesses {
		if g.at.MatchString(s) {
			return g.lang
		}
	}
	return ""
}
