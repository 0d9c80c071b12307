package markup

import "strings"

// rich draws the elements of a rich_text block: sections, lists, quotes and
// code. Lists within lists stand beside each other, with a growing indent.
func (d *slackDrawer) rich(list []SlackPart, depth int) []Node {
	var out []Node
	for i := 0; i < len(list); i++ {
		if d.full() {
			break
		}
		p := &list[i]
		switch p.Type {
		case "rich_text_section":
			if k := len(out) - 1; k >= 0 && !blockTypes[out[k].Type] && out[k].Type != "br" {
				out = append(out, Node{Type: "br"})
			}
			out = append(out, d.inlines(p.Elements, depth)...)
		case "rich_text_preformatted":
			out = append(out, Node{Type: "pre", Lang: p.Language, Text: strings.Trim(literalOf(p.Elements), "\n")})
		case "rich_text_quote":
			out = append(out, Node{Type: "quote", Children: tidy(d.inlines(p.Elements, depth))})
		case "rich_text_list":
			n := i + 1
			for n < len(list) && list[n].Type == "rich_text_list" {
				n++
			}
			nodes, _ := d.lists(list[i:n], 0)
			out = append(out, nodes...)
			i = n - 1
		default:
			out = append(out, d.inlines(list[i:i+1], depth)...)
		}
	}
	return tidy(out)
}

// lists draws neighbouring lists from one indent on, and returns how many it
// took.
func (d *slackDrawer) lists(list []SlackPart, indent int) (out []Node, used int) {
	for used < len(list) {
		p := &list[used]
		k := len(out) - 1
		switch {
		case p.Indent < indent:
			return out, used
		case p.Indent > indent && indent < maxIndent && k >= 0 && len(out[k].Children) > 0:
			inner, n := d.lists(list[used:], p.Indent)
			items := out[k].Children
			last := &items[len(items)-1]
			last.Children = append(last.Children, inner...)
			used += max(n, 1)
			continue
		}
		l := Node{Type: "ul"}
		if p.Style.Word == "ordered" {
			l.Type = "ol"
		}
		for i := range p.Elements {
			if d.full() {
				break
			}
			l.Children = append(l.Children, Node{Type: "li", Children: tidy(d.inlines(p.Elements[i].Elements, 0))})
		}
		if k >= 0 && out[k].Type == l.Type {
			out[k].Children = append(out[k].Children, l.Children...)
		} else {
			out = append(out, l)
		}
		used++
	}
	return out, used
}

// maxIndent is how deep lists are nested; Slack's own limit is 8.
const maxIndent = 16

// inlines draws the elements of a section.
func (d *slackDrawer) inlines(list []SlackPart, depth int) []Node {
	var out []Node
	for i := range list {
		if d.full() {
			break
		}
		p := &list[i]
		if len(p.Elements) > 0 && depth < maxDepth {
			out = append(out, d.inlines(p.Elements, depth+1)...)
			continue
		}
		out = append(out, styled(p.Style, d.leaf(p))...)
	}
	return join(out)
}

func (d *slackDrawer) leaf(p *SlackPart) []Node {
	switch p.Type {
	case "text":
		return broken(p.Text.Text)
	case "link":
		return d.slackLink(p.URL, p.Text.Text, p.Text.Text != "")
	case "user":
		return d.person(p.User, "")
	case "usergroup":
		return d.group(p.Group, "")
	case "channel":
		return d.roomNamed(p.Channel, "")
	case "broadcast":
		return everybody(p.Range)
	case "emoji":
		if nodes := d.emojiNamed(p.Name); nodes != nil {
			return nodes
		}
		return []Node{text(":" + p.Name + ":")}
	case "date":
		return d.link(p.URL, []Node{text(p.Fallback)})
	case "color":
		return []Node{{Type: "color", Text: p.Value}}
	}
	return broken(orFirst(p.Text.Text, p.Fallback, p.Name, p.URL))
}

func broken(s string) []Node {
	var out []Node
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out = append(out, Node{Type: "br"})
		}
		out = append(out, text(line))
	}
	return join(out)
}

// styled puts the marks of a text around it.
func styled(s SlackStyle, nodes []Node) []Node {
	if s.Code {
		nodes = []Node{{Type: "code", Text: plainWords(nodes)}}
	}
	for _, m := range []struct {
		on  bool
		typ string
	}{{s.Strike, "s"}, {s.Italic, "i"}, {s.Bold, "b"}, {s.Underline, "u"}} {
		if m.on && len(nodes) > 0 {
			nodes = []Node{{Type: m.typ, Children: nodes}}
		}
	}
	return nodes
}

func plainWords(nodes []Node) string {
	var b strings.Builder
	for _, n := range nodes {
		if n.Type == "br" {
			b.WriteByte('\n')
		}
		b.WriteString(n.Text + plainWords(n.Children))
	}
	return b.String()
}

// literalOf returns the words of what is shown as it is.
func literalOf(list []SlackPart) string {
	var b strings.Builder
	for i := range list {
		p := &list[i]
		b.WriteString(orFirst(p.Text.Text, p.URL, p.Name, p.User, p.Channel, p.Fallback))
	}
	return b.String()
}
