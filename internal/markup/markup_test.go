package markup_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

var ada = chat.UserID{15: 1}

func options() markup.Options {
	return markup.Options{
		Mentions: []chat.Mention{{Name: "Ann", User: chat.UserID{15: 2}}, {Name: "Ann-Lee", User: ada}, {Name: "Жанна", User: ada}},
		Emoticon: func(s string) (string, bool) { return "/c/" + s, s == "godwit" },
		Link: func(u string) string {
			if rest, ok := strings.CutPrefix(u, "https://hipchat.example.org/"); ok {
				return "/" + rest
			}
			return ""
		},
	}
}

// show writes a tree in one line: type[text](children).
func show(list []markup.Node) string {
	var b strings.Builder
	for _, n := range list {
		if n.Type == "text" {
			b.WriteString(n.Text)
			continue
		}
		b.WriteString("<" + n.Type)
		for _, s := range []string{n.Lang, n.URL} {
			if s != "" {
				b.WriteString(" " + s)
			}
		}
		if n.User != "" {
			b.WriteString(" " + n.User[len(n.User)-1:])
		}
		if n.Text != "" {
			b.WriteString(" " + n.Text)
		}
		b.WriteString(">")
		if n.Children != nil {
			b.WriteString(show(n.Children) + "</" + n.Type + ">")
		}
	}
	return b.String()
}

func TestTree(t *testing.T) {
	cases := []struct {
		name   string
		format chat.Format
		in     string
		want   string
	}{
		{"plain text stays", chat.FormatPlain, "a *b* _c_ <b>", "a *b* _c_ <b>"},
		{"lines are kept", chat.FormatPlain, "a\r\nb\n\nc", "a<br>b<br><br>c"},
		{"/me is about the author", chat.FormatPlain, "/me waves (godwit)", "<me>waves <emoticon /c/godwit godwit></me>"},
		{"/meeting is a word", chat.FormatPlain, "/meeting", "/meeting"},
		{"/code is code and nothing else", chat.FormatPlain, "/code a (godwit) @Ann\n\tb", "<pre a (godwit) @Ann\n\tb>"},
		{"/quote quotes", chat.FormatPlain, "/quote a\nb", "<quote>a<br>b</quote>"},
		{"the longest name is mentioned", chat.FormatPlain, "@Ann-Lee, @ann @Anna @Жанна!", "<mention 1 Ann-Lee>, <mention 2 ann> @Anna <mention 1 Жанна>!"},
		{"all and here", chat.FormatPlain, "@all @here @everybody", "<mention all> <mention here> @everybody"},
		{"an address of mail mentions nobody", chat.FormatPlain, "x@Ann bob@all.example.org", "x@Ann <link mailto:bob@all.example.org>bob@all.example.org</link>"},
		{"own and built-in emoticons, and words in parentheses", chat.FormatPlain, "(godwit)(thumbsup) (sic)", "<emoticon /c/godwit godwit>👍 (sic)"},
		{"an emoticon's word inside an address is the address's", chat.FormatPlain, "https://x.org/a(godwit)b", "<link https://x.org/a(godwit)b>https://x.org/a(godwit)b</link>"},
		{"addresses end before the sentence does", chat.FormatPlain, "see https://x.org/a_(b), (www.y.org).", "see <link https://x.org/a_(b)>https://x.org/a_(b)</link>, (<link http://www.y.org>www.y.org</link>)."},
		{"links to the source lead here", chat.FormatPlain, "https://hipchat.example.org/room/7", "<link /room/7>https://hipchat.example.org/room/7</link>"},
		{"an address and one of mail", chat.FormatPlain, "http://a.org b@c.org", "<link http://a.org>http://a.org</link> <link mailto:b@c.org>b@c.org</link>"},
		{"shortcuts between colons", chat.FormatPlain, ":godwit: :GODWIT: :+1: :flag-de: :wave::skin-tone-3: :wave::skin-tone-9: :nothing: a:smile: :smile:b", "<emoticon /c/godwit godwit> :GODWIT: 👍️ 🇩🇪 👋🏼 👋:skin-tone-9: :nothing: a:smile: :smile:b"},
		{"times of day are none", chat.FormatPlain, "10:30:15 at ::1: x::y:: :100:", "10:30:15 at ::1: x::y:: 💯"},
		{"one colon can end one and begin another", chat.FormatPlain, ":nothing:tada: :tada::tada:", ":nothing:tada: 🎉🎉"},
		{"colours", chat.FormatPlain, "#ff0080 #ff00801 #12", "<color #ff0080> #ff00801 #12"},

		{"notifications keep what is allowed", chat.FormatHTML, `<b>build</b> <i>ok</i><br><a href="https://x.org">log</a>`, "<b>build</b> <i>ok</i><br><link https://x.org>log</link>"},
		{"tables and lists", chat.FormatHTML, `<table><tr><td>a</td></tr></table><ul><li>b</li></ul>`, "<table><tr><td>a</td></tr></table><ul><li>b</li></ul>"},
		{"scripts are dropped, whole", chat.FormatHTML, `a<script>alert(1)</script><style>x{}</style><svg onload=alert(1)><text>t</text></svg>b`, "ab"},
		{"links that act are text", chat.FormatHTML, `<a href="javascript:alert(1)">x</a><a href=" JaVaScRiPt:1">y</a><a href="data:text/html,1">z</a>`, "xyz"},
		{"handlers are not carried", chat.FormatHTML, `<b onclick="x()" style="y">t</b><img src=x onerror=1 alt=pic><img src="http://p.org/a.png" alt=q>`, "<b>t</b>pic<image http://p.org/a.png q>"},
		{"code keeps its blanks", chat.FormatHTML, "<pre>\n a  b\n\tc</pre><code>x  y</code>", "<pre  a  b\n\tc><code x  y>"},
		{"white space is one blank", chat.FormatHTML, "a \n  b", "a b"},
		{"entities", chat.FormatHTML, "&lt;b&gt; &amp;amp; &#x1F600;", "<b> &amp; 😀"},
		{"no mentions or emoticons in HTML", chat.FormatHTML, "@Ann (godwit)", "@Ann (godwit)"},

		{"markdown", chat.FormatMarkdown, "**b** *i* ~~s~~ `c` @Ann (godwit)", "<p><b>b</b> <i>i</i> <s>s</s> <code c> <mention 2 Ann> <emoticon /c/godwit godwit></p>"},
		{"a line is a line", chat.FormatMarkdown, "a\nb", "<p>a<br>b</p>"},
		{"code with its language", chat.FormatMarkdown, "```go\nx := 1\n```", "<pre go>x := <tok 1></pre>"},
		{"links and pictures", chat.FormatMarkdown, "[a](https://x.org) ![p](https://x.org/p.png) https://y.org", "<p><link https://x.org>a</link> <image https://x.org/p.png p> <link https://y.org>https://y.org</link></p>"},
		{"links that act are text in markdown", chat.FormatMarkdown, "[a](javascript:alert(1)) <javascript:alert(1)> ![p](data:x)", "<p>a javascript:alert(1) p</p>"},
		{"HTML is text in markdown", chat.FormatMarkdown, "<script>alert(1)</script>\n\na <b>c</b>", "<p><script>alert(1)</script></p><p>a <b>c</b></p>"},
		{"escapes and entities", chat.FormatMarkdown, `\*a\* &amp; &lt;`, "<p>*a* & <</p>"},
		{"lists, quotes, headings, tables", chat.FormatMarkdown, "# h\n\n> q\n\n1. a\n2. b\n\n|x|\n|-|\n|y|", "<h>h</h><quote><p>q</p></quote><ol><li>a</li><li>b</li></ol><table><tr><th>x</th></tr><tr><td>y</td></tr></table>"},
		{"lists of tasks", chat.FormatMarkdown, "- [ ] a\n- [x] b", "<ul><li><task>a</li><li><task>b</li></ul>"},
		{"shortcuts between colons in markdown", chat.FormatMarkdown, "**:tada:** `:tada:` :godwit:", "<p><b>🎉</b> <code :tada:> <emoticon /c/godwit godwit></p>"},
		{"/code in markdown", chat.FormatMarkdown, "/code **a**\n(godwit)", "<pre **a**\n(godwit)>"},
		{"/quote in markdown", chat.FormatMarkdown, "/quote a (godwit)\nb", "<quote>a <emoticon /c/godwit godwit><br>b</quote>"},
		{"/me in markdown", chat.FormatMarkdown, "/me waves", "<me>waves</me>"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := show(markup.Tree(c.format, c.in, options())); got != c.want {
				t.Errorf("%q\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"<b>build</b> <a href='https://x.org'>log</a> done": "build log https://x.org  done",
		"<p>a</p><p>b</p>":        "a\nb",
		"<script>x</script>&amp;": "&",
	} {
		if got := markup.Text(chat.FormatHTML, in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := markup.Text(chat.FormatPlain, "<b> @x"); got != "<b> @x" {
		t.Error(got)
	}
}

func TestDeepAndLong(t *testing.T) {
	for name, s := range map[string]string{
		"nested elements": strings.Repeat("<b><i>", 50_000) + "x",
		"nested quotes":   strings.Repeat("> ", 5_000) + "x",
		"nested lists":    strings.Repeat("- ", 5_000) + "x",
		"open brackets":   strings.Repeat("[", 20_000),
		"stars":           strings.Repeat("*a_", 10_000),
		"parentheses":     strings.Repeat("(godwit", 20_000),
		"at signs":        strings.Repeat("@", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []chat.Format{chat.FormatPlain, chat.FormatMarkdown, chat.FormatHTML} {
				if d := depth(markup.Tree(f, s, options())); d > 70 {
					t.Errorf("format %d: the tree is %d deep", f, d)
				}
			}
		})
	}
}

// What a message can be, 10,000 characters, is drawn soon, however it is made.
func TestAttacksAreDrawnInTime(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, 10_000/len([]rune(s))) }
	for name, s := range map[string]string{
		"brackets": fill("["), "links": fill("[a]("), "pictures": fill("![]("), "stars": fill("*a **b "), "underscores": fill("_a__b"), "backticks": fill("`a``b"), "tildes": fill("~~a~"),
		"quotes": fill(">"), "lists": fill("- "), "numbers": fill("1. "), "tables": "|a|\n|-|\n" + fill("|"), "columns": fill("|a") + "\n" + fill("|-"), "rows": "|a|b|\n|-|-|\n" + fill("|\n"),
		"tasks": fill("- [ ] "), "entities": fill("&amp;"), "escapes": fill("\\*"), "references": fill("[a]: b\n"), "fences": fill("```\n"), "addresses": fill("http://a "), "mail": fill("a@b.c "),
		"one address": "http://" + fill("a."), "mentions": fill("@Ann "), "colons": fill(":a"), "shortcuts": fill(":tada:"), "emoticons": fill("(godwit)"), "parentheses": fill("("), "colours": fill("#ffffff"),
		"tags": fill("<b>"), "broken tags": fill("<a href='"), "comments": fill("<!--"), "tables in tables": fill("<table><tr><td>"), "marks on a letter": "a" + fill("\u0301"), "directions": fill("\u202e\u2066"),
	} {
		for _, f := range []chat.Format{chat.FormatPlain, chat.FormatMarkdown, chat.FormatHTML} {
			var tree []markup.Node
			if took := markup.Quickest(2*time.Second, func() { tree = markup.Tree(f, s, options()) }); took > 2*time.Second {
				t.Errorf("%s as format %d took %v", name, f, took)
			}
			if n := count(tree); n > 40_000 {
				t.Errorf("%s as format %d: %d nodes", name, f, n)
			}
			check(t, tree)
		}
	}
}

func count(list []markup.Node) (n int) {
	for _, c := range list {
		n += 1 + count(c.Children)
	}
	return n
}

func depth(list []markup.Node) (d int) {
	for _, n := range list {
		d = max(d, 1+depth(n.Children))
	}
	return d
}

func FuzzTree(f *testing.F) {
	for _, s := range []string{"", "/me x", "<a href=x>y", "[a](b)", "@Ann (godwit) https://x.org #ffffff", "<table><td><pre>", "\xff<b>\x00"} {
		for i := range uint8(3) {
			f.Add(s, i)
		}
	}
	f.Fuzz(func(t *testing.T, s string, format uint8) {
		tree := markup.Tree(chat.Format(format%3), s, options())
		check(t, tree)
		if _, err := json.Marshal(tree); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(s) && !utf8.ValidString(markup.Text(chat.Format(format%3), s)) {
			t.Fatal("valid text gave an invalid one")
		}
	})
}

// check holds every address to what may be followed.
func check(t *testing.T, list []markup.Node) {
	for _, n := range list {
		if u := n.URL; u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "mailto:") && !strings.HasPrefix(u, "/") {
			t.Fatalf("address %q", u)
		}
		check(t, n.Children)
	}
}
