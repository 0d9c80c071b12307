package markup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// pieces writes the parts of code that have a colour.
func pieces(n markup.Node) string {
	var b strings.Builder
	for _, c := range n.Children {
		if c.Type == "tok" {
			fmt.Fprintf(&b, "[%s %s]", c.Kind, strings.TrimSpace(c.Text))
		}
	}
	return b.String()
}

func whole(n markup.Node) string {
	s := n.Text
	for _, c := range n.Children {
		s += c.Text
	}
	return s
}

func TestCodeHasColours(t *testing.T) {
	for in, want := range map[string]string{
		"```go\nfunc f() string { return \"a\" } // x\n```":  `[key func][name f][type string][key return][str "a"][rem // x]`,
		"```JSON\n{\"a\": 1}\n```":                           `[tag "a"][num 1]`,
		"/code {\"a\": [true]}":                              `[tag "a"][const true]`,
		"/code package x\n\nvar a = 1":                       `[type package x]`,
		"/code diff --git a b\n+in\n-out":                    `[head diff --git a b][in +in][out -out]`,
		"/code SELECT a FROM b":                              `[key SELECT][key FROM]`,
		"/code just words, in a line":                        "",
		"```\njust words\n```":                               "",
		"```nonsense\nfunc f()\n```":                         "",
		"```text\nfunc f()\n```":                             "",
		"```go title=x\nvar a int\n```":                      "[key var][type int]",
		"```" + strings.Repeat("x", 100) + "\nfunc f()\n```": "",
	} {
		list := markup.Tree(chat.FormatMarkdown, in, markup.Options{})
		if len(list) != 1 || list[0].Type != "pre" {
			t.Errorf("%q: %s", in, show(list))
			continue
		}
		if got := pieces(list[0]); got != want && !strings.HasPrefix(in, "/code package") {
			t.Errorf("%q\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestCodeIsNeverChangedByItsColours(t *testing.T) {
	for _, s := range []string{"", "\n", "x", "x\n", "\n\nx", "func f() {\n\treturn\n}", "a\r\nb", "\ufeffpackage x", "\"open", "/* open", "{\"a\":\n", "日本語 // é", "\x1b[0m"} {
		for _, lang := range []string{"go", "json", "python", "bash", "html", "sql", "js", "ts", "rust", "yaml", "diff", "markdown", "php", "java", "c++", "docker", "nonsense"} {
			in := "```" + lang + "\n" + s + "\n```"
			list := markup.Tree(chat.FormatMarkdown, in, markup.Options{})
			if len(list) != 1 || whole(list[0]) != s && whole(list[0]) != strings.ReplaceAll(s, "\r\n", "\n") {
				t.Errorf("%s: %q became %q", lang, s, whole(list[0]))
			}
		}
	}
}

func TestCodeThatIsMadeToBeSlowIsDrawnWithoutColours(t *testing.T) {
	for name, s := range map[string]string{
		"quotes": strings.Repeat(`"`, 8000), "braces": strings.Repeat("{", 8000), "stars": strings.Repeat("/*", 4000), "backslashes": strings.Repeat(`\`, 8000),
		"blanks": strings.Repeat(" ", 8000) + "x", "tags": strings.Repeat("<a ", 2600), "dollars": strings.Repeat("${", 4000), "long": strings.Repeat("func f() {}\n", 5000),
	} {
		for _, lang := range []string{"go", "js", "html", "php", "bash", "perl", "ruby", "python", "sql", "markdown", "c++", "scala", "haskell", "yaml"} {
			var list []markup.Node
			// One match of the library may take a quarter of a second before it gives up.
			if took := markup.Quickest(2*time.Second, func() { list = markup.Tree(chat.FormatMarkdown, "```"+lang+"\n"+s+"\n```", markup.Options{}) }); took > 2*time.Second {
				t.Errorf("%s as %s took %v", name, lang, took)
			}
			if len(list) != 1 || whole(list[0]) != s && whole(list[0])+"\n" != s {
				t.Errorf("%s as %s was changed", name, lang)
			}
		}
	}
}

func FuzzCode(f *testing.F) {
	for _, lang := range []string{"go", "json", "html", "bash", "diff", ""} {
		f.Add(lang, "func f() { \"a\": <b> } // x")
	}
	f.Fuzz(func(t *testing.T, lang, s string) {
		if strings.ContainsAny(s+lang, "`\r\x00") || strings.ContainsAny(lang, "\n") || strings.TrimSpace(s) == "" {
			return
		}
		for _, n := range markup.Tree(chat.FormatPlain, "/code "+s, markup.Options{}) {
			if n.Type == "pre" && whole(n) != s {
				t.Fatalf("%q became %q", s, whole(n))
			}
		}
		check(t, markup.Tree(chat.FormatMarkdown, "```"+lang+"\n"+s+"\n```", markup.Options{}))
	})
}
