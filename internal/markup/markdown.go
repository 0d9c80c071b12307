package markup

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	gtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown reads CommonMark with tables, lists of tasks, struck text and bare links. Its
// parser keeps no state between texts.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.Linkify, extension.Table, extension.TaskList)).Parser()

func markdownTree(s string, in inline) []Node {
	if list, ok := slash(s, in); ok {
		return list
	}
	src := []byte(s)
	r := markdownReader{in, src}
	return r.children(markdown.Parse(gtext.NewReader(src)), 0)
}

type markdownReader struct {
	inline
	src []byte
}

func (r *markdownReader) children(n ast.Node, depth int) []Node {
	if depth > maxDepth {
		return []Node{text(string(n.Text(r.src)))} //nolint:staticcheck // the one way to flatten what is nested too deep
	}
	var out []Node
	var run strings.Builder // text that goldmark cut in pieces
	flush := func() {
		if run.Len() > 0 {
			out = append(out, r.run(run.String(), withoutLinks)...)
			run.Reset()
		}
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			run.Write(literal(t.Segment.Value(r.src)))
			if t.SoftLineBreak() || t.HardLineBreak() {
				flush()
				out = append(out, Node{Type: "br"})
			}
			continue
		}
		flush()
		out = append(out, r.node(c, depth)...)
	}
	flush()
	return join(out)
}

func (r *markdownReader) node(n ast.Node, depth int) []Node {
	wrap := func(t string) []Node { return []Node{{Type: t, Children: r.children(n, depth+1)}} }
	switch n := n.(type) {
	case *ast.Paragraph:
		return wrap("p")
	case *ast.TextBlock:
		return r.children(n, depth+1)
	case *ast.Heading:
		return []Node{{Type: "h", Level: n.Level, Children: r.children(n, depth+1)}}
	case *ast.ThematicBreak:
		return []Node{{Type: "hr"}}
	case *ast.Blockquote:
		return wrap("quote")
	case *ast.List:
		if n.IsOrdered() {
			return wrap("ol")
		}
		return wrap("ul")
	case *ast.ListItem:
		return wrap("li")
	case *ast.FencedCodeBlock:
		return []Node{code(string(n.Language(r.src)), r.block(n))}
	case *ast.CodeBlock:
		return []Node{code("", r.block(n))}
	case *ast.HTMLBlock:
		s := r.block(n)
		if n.HasClosure() {
			s += string(n.ClosureLine.Value(r.src))
		}
		return []Node{{Type: "p", Children: []Node{text(s)}}}
	case *ast.RawHTML:
		return []Node{text(string(n.Segments.Value(r.src)))}
	case *ast.String:
		return []Node{text(string(n.Value))}
	case *ast.CodeSpan:
		return []Node{{Type: "code", Text: flat(n, r.src)}}
	case *ast.Emphasis:
		if n.Level == 2 {
			return wrap("b")
		}
		return wrap("i")
	case *ast.Link:
		return r.link(string(n.Destination), r.children(n, depth+1))
	case *ast.AutoLink:
		label := string(n.Label(r.src))
		return r.link(autoAddress(n, r.src), []Node{text(label)})
	case *ast.Image:
		return r.picture(n)
	}
	return r.extended(n, depth)
}

func (r *markdownReader) extended(n ast.Node, depth int) []Node {
	if box, ok := n.(*east.TaskCheckBox); ok {
		if box.IsChecked {
			return []Node{{Type: "task", Level: 1}}
		}
		return []Node{{Type: "task"}}
	}
	kinds := map[ast.NodeKind]string{
		east.KindStrikethrough: "s", east.KindTable: "table", east.KindTableHeader: "tr", east.KindTableRow: "tr", east.KindTableCell: "td",
	}
	t, ok := kinds[n.Kind()]
	if !ok {
		return r.children(n, depth+1)
	}
	if t == "td" && n.Parent() != nil && n.Parent().Kind() == east.KindTableHeader {
		t = "th"
	}
	return []Node{{Type: t, Children: r.children(n, depth+1)}}
}

// literal resolves what Markdown writes for a character: \* and &amp;.
func literal(b []byte) []byte {
	return util.UnescapePunctuations(util.ResolveEntityNames(util.ResolveNumericReferences(b)))
}

func (r *markdownReader) picture(n *ast.Image) []Node {
	alt := flat(n, r.src)
	u := r.follow(string(n.Destination))
	if u == "" {
		return []Node{text(alt)}
	}
	return []Node{{Type: "image", URL: u, Text: alt}}
}

func (r *markdownReader) block(n ast.Node) string {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		seg := lines.At(i)
		b.Write(seg.Value(r.src))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// flat returns the text of a node's children.
func flat(n ast.Node, src []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.Write(c.Segment.Value(src))
			if c.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(c.Value)
		default:
			b.WriteString(flat(c, src))
		}
	}
	return b.String()
}

func autoAddress(n *ast.AutoLink, src []byte) string {
	u := string(n.URL(src))
	switch {
	case n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(u), "mailto:"):
		return "mailto:" + u
	case strings.HasPrefix(strings.ToLower(u), "www."):
		return "http://" + u
	}
	return u
}
