package markup

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Options say what a text's words mean in its place. The zero value knows
// nobody and no pictures.
type Options struct {
	Mentions []chat.Mention                                  // whom the text's @words mean
	Emoticon func(shortcut string) (address string, ok bool) // custom ones
	Link     func(address string) string                     // where a link leads here; empty: as it is
	Name     func(chat.UserID) string                        // of whom a text names by an ID
	Room     func(id string) (address, name string)          // of a room that a text names by its ID at the source

	bareGroups bool // draws groups by their IDs, to compare
}

// Tree reads a text and returns what to draw. It never fails: what it does
// not understand stays text. Addresses in the result are http, https, mailto
// or paths of this place; nothing else of a text can act.
func Tree(format chat.Format, text string, o Options) []Node {
	in := newInline(o)
	if len(text) > maxParsed && format == chat.FormatMarkdown {
		format = chat.FormatPlain
	}
	switch format {
	case chat.FormatHTML:
		return htmlTree(text, in)
	case chat.FormatMarkdown:
		return markdownTree(text, in)
	case chat.FormatSlack:
		return slackTree(text, in)
	default:
		return plainTree(text, in)
	}
}

// Text returns the words of a text, for search and for lines without
// pictures.
func Text(format chat.Format, text string) string {
	if format != chat.FormatHTML && format != chat.FormatSlack {
		return text
	}
	return Words(Tree(format, text, Options{}))
}

// Words returns the words of a tree.
func Words(list []Node) string {
	var b strings.Builder
	appendText(&b, list)
	return strings.TrimSpace(b.String())
}

func appendText(b *strings.Builder, list []Node) {
	for _, n := range list {
		if n.Type == "mention" {
			b.WriteByte('@')
		}
		b.WriteString(n.Text)
		appendText(b, n.Children)
		switch n.Type {
		case "br", "p", "li", "tr", "td", "th", "pre", "quote", "h", "hr", "card":
			b.WriteByte('\n')
		case "link":
			if len(n.Children) != 1 || n.Children[0].Text != n.URL {
				b.WriteString(" " + n.URL + " ")
			}
		}
	}
}

// address returns a link's address if it may be followed, or "".
func address(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
	case "mailto":
	default:
		return ""
	}
	return u.String()
}

func text(s string) Node { return Node{Type: "text", Text: s} }

// join merges neighbouring texts, so that equal looks give equal trees.
func join(list []Node) []Node {
	out := list[:0]
	for i := 0; i < len(list); i++ {
		if list[i].Type != "text" {
			out = append(out, list[i])
			continue
		}
		n := i + 1
		for n < len(list) && list[n].Type == "text" {
			n++
		}
		t := list[i]
		if n > i+1 {
			var b strings.Builder
			for _, more := range list[i:n] {
				b.WriteString(more.Text)
			}
			t.Text = b.String()
		}
		if t.Text != "" {
			out = append(out, t)
		}
		i = n - 1
	}
	return out
}

const (
	maxDepth = 64     // nesting beyond it is flattened
	maxNodes = 20_000 // what comes after so many is left out
	// maxParsed is the longest text, in bytes, that is read as HTML or Markdown;
	// of longer ones only the words are drawn. The sources' own limit is 10,000
	// characters, and the parsers take time that grows with the square.
	maxParsed = 64 << 10
)

func htmlTree(s string, in inline) []Node {
	if len(s) > maxParsed {
		return []Node{text(words(s))}
	}
	root := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	list, err := html.ParseFragment(strings.NewReader(s), root)
	if err != nil { // nested too deep for the parser
		return []Node{text(words(s))}
	}
	h := htmlReader{inline: in}
	var out []Node
	for _, n := range list {
		out = append(out, h.node(n, 0)...)
	}
	return join(out)
}

// words returns the text between tags.
func words(s string) string {
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.Write(z.Text())
		}
	}
}

type htmlReader struct {
	inline
	nodes int
}

var htmlTypes = map[string]string{
	"p": "p", "div": "p", "b": "b", "strong": "b", "i": "i", "em": "i", "u": "u", "ins": "u",
	"s": "s", "del": "s", "strike": "s", "blockquote": "quote", "ul": "ul", "ol": "ol", "li": "li",
	"table": "table", "tr": "tr", "th": "th", "td": "td",
}

var htmlDropped = map[string]bool{
	"script": true, "style": true, "head": true, "title": true, "template": true, "noscript": true,
	"iframe": true, "object": true, "embed": true, "svg": true, "math": true, "textarea": true, "select": true,
}

func (h *htmlReader) node(n *html.Node, depth int) []Node {
	if h.nodes++; h.nodes > maxNodes {
		return nil
	}
	if n.Type == html.TextNode {
		return []Node{text(collapse(n.Data))}
	}
	if n.Type != html.ElementNode || htmlDropped[n.Data] {
		return nil
	}
	switch n.Data {
	case "br":
		return []Node{{Type: "br"}}
	case "hr":
		return []Node{{Type: "hr"}}
	case "pre":
		return []Node{{Type: "pre", Text: strings.TrimPrefix(raw(n), "\n")}}
	case "code", "kbd", "samp", "tt":
		return []Node{{Type: "code", Text: raw(n)}}
	case "img":
		return h.image(n)
	}
	if depth >= maxDepth {
		return []Node{text(raw(n))}
	}
	var children []Node
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		children = append(children, h.node(c, depth+1)...)
	}
	children = join(children)
	switch n.Data {
	case "a":
		return h.link(attr(n, "href"), children)
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return []Node{{Type: "h", Level: int(n.Data[1] - '0'), Children: children}}
	}
	if t, ok := htmlTypes[n.Data]; ok {
		return []Node{{Type: t, Children: children}}
	}
	return children
}

func (h *htmlReader) image(n *html.Node) []Node {
	alt := attr(n, "alt")
	u := h.follow(attr(n, "src"))
	if u == "" {
		return []Node{text(alt)}
	}
	return []Node{{Type: "image", URL: u, Text: alt}}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// raw returns the text of a node and all below it. It does not recurse: the
// depth is what the text says.
func raw(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		} else if c.Type == html.ElementNode && c.Data == "br" {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// collapse makes runs of white space one blank, as HTML does.
func collapse(s string) string {
	if !strings.ContainsAny(s, "\t\n\r\f") && !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	blank := false
	for _, r := range s {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' {
			blank = true
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}
