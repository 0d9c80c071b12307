package markup

import (
	"strings"
)

// control reads what stands between a bare < and >.
func (r slackReader) control(s string) ([]Node, int) {
	n := strings.IndexAny(s[1:], ">\n")
	if n <= 0 || s[n+1] != '>' {
		return nil, 0
	}
	inside, label, labelled := strings.Cut(s[1:n+1], "|")
	label = unescapeSlack(label)
	if inside == "" || inside[0] == ' ' {
		return nil, 0
	}
	switch inside[0] {
	case '@':
		return r.person(inside[1:], label), n + 2
	case '#':
		return r.roomNamed(inside[1:], label), n + 2
	case '!':
		return r.special(inside[1:], label), n + 2
	}
	return r.slackLink(unescapeSlack(inside), label, labelled), n + 2
}

func (r slackReader) slackLink(to, label string, labelled bool) []Node {
	if !labelled || label == "" {
		label = strings.TrimPrefix(to, "mailto:")
	}
	if nodes := r.link(to, []Node{text(label)}); nodes[0].Type == "link" {
		return nodes
	}
	if label != to && labelled {
		label += " (" + to + ")" // tel:, slack: and the like lead nowhere from here
	}
	return []Node{text(label)}
}

// person draws a mention by the ID at the source.
func (r slackReader) person(id, label string) []Node {
	if nodes := everybody(id); nodes != nil {
		return nodes
	}
	n := Node{Type: "mention", Text: strings.TrimPrefix(label, "@")}
	for _, m := range r.names {
		if m.Name == id {
			n.User = m.User.String()
			if r.Name != nil {
				if name := r.Name(m.User); name != "" {
					n.Text = name
				}
			}
			break
		}
	}
	if n.Text == "" {
		n.Text = id
	}
	if n.User == "" {
		return []Node{text("@" + n.Text)}
	}
	return []Node{n}
}

func everybody(word string) []Node {
	switch word {
	case "here":
		return []Node{{Type: "mention", Text: "here"}}
	case "channel", "everyone", "group":
		return []Node{{Type: "mention", Text: "all"}}
	}
	return nil
}

func (r slackReader) roomNamed(id, label string) []Node {
	if r.Room != nil {
		if to, name := r.Room(id); to != "" {
			if name == "" { // whoever asks may not know it
				name = orFirst(label, id)
			}
			return []Node{{Type: "link", URL: to, Children: []Node{text("#" + name)}}}
		}
	}
	if label == "" {
		label = id
	}
	return []Node{text("#" + label)}
}

// special reads what begins with "!".
func (r slackReader) special(s, label string) []Node {
	parts := strings.Split(s, "^")
	if nodes := everybody(parts[0]); nodes != nil {
		return nodes
	}
	switch {
	case parts[0] == "subteam" && len(parts) > 1:
		return r.group(parts[1], label)
	case parts[0] == "date" && len(parts) > 3:
		return r.link(unescapeSlack(parts[3]), []Node{text(label)})
	}
	if label == "" {
		label = s
	}
	return []Node{text(label)}
}

func (r slackReader) group(id, label string) []Node {
	if label == "" || r.bareGroups {
		label = id
	}
	return []Node{{Type: "b", Children: []Node{text("@" + strings.TrimPrefix(label, "@"))}}}
}
