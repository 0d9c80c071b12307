package markup

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// SlackCard is what a message of Slack's shows beside its text, or instead of
// it: only what is drawn, without the IDs that Slack makes anew in each
// export.
type SlackCard struct {
	Blocks      []SlackPart       `json:"blocks,omitempty"` // instead of the text
	Attachments []SlackAttachment `json:"attachments,omitempty"`
}

// SlackPart is a block or an element of one. Which fields mean something
// depends on Type.
type SlackPart struct {
	Type      string        `json:"type,omitempty"`
	Text      SlackText     `json:"text,omitzero"`
	Title     SlackText     `json:"title,omitzero"`
	Label     SlackText     `json:"label,omitzero"`
	Name      string        `json:"name,omitempty"`
	URL       string        `json:"url,omitempty"`
	TitleURL  string        `json:"title_url,omitempty"`
	ImageURL  string        `json:"image_url,omitempty"`
	Alt       string        `json:"alt_text,omitempty"`
	User      string        `json:"user_id,omitempty"`
	Group     string        `json:"usergroup_id,omitempty"`
	Channel   string        `json:"channel_id,omitempty"`
	Range     string        `json:"range,omitempty"`
	Fallback  string        `json:"fallback,omitempty"`
	Language  string        `json:"language,omitempty"`
	Value     string        `json:"value,omitempty"` // of a colour
	Style     SlackStyle    `json:"style,omitzero"`
	Indent    int           `json:"indent,omitempty"`
	Elements  []SlackPart   `json:"elements,omitempty"`
	Fields    []SlackText   `json:"fields,omitempty"`
	Accessory *SlackPart    `json:"accessory,omitempty"`
	Rows      [][]SlackPart `json:"rows,omitempty"`
}

// SlackText is a text of Slack's. JSON has it as a string or as an object
// with a type.
type SlackText struct {
	Type string `json:"type,omitempty"` // mrkdwn, plain_text; "" for a string
	Text string `json:"text,omitempty"`
}

// UnmarshalJSON reads a string or an object.
func (t *SlackText) UnmarshalJSON(b []byte) error {
	*t = SlackText{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &t.Text)
	}
	type plain SlackText
	return json.Unmarshal(b, (*plain)(t))
}

// MarshalJSON writes what UnmarshalJSON reads.
func (t SlackText) MarshalJSON() ([]byte, error) {
	if t.Type == "" {
		return json.Marshal(t.Text)
	}
	type plain SlackText
	return json.Marshal(plain(t))
}

// SlackStyle is a word for lists and buttons, and flags for texts.
type SlackStyle struct {
	Word      string `json:"-"`
	Bold      bool   `json:"bold,omitempty"`
	Italic    bool   `json:"italic,omitempty"`
	Strike    bool   `json:"strike,omitempty"`
	Code      bool   `json:"code,omitempty"`
	Underline bool   `json:"underline,omitempty"`
}

// UnmarshalJSON reads a word or an object.
func (s *SlackStyle) UnmarshalJSON(b []byte) error {
	*s = SlackStyle{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &s.Word)
	}
	type plain SlackStyle
	return json.Unmarshal(b, (*plain)(s))
}

// MarshalJSON writes what UnmarshalJSON reads.
func (s SlackStyle) MarshalJSON() ([]byte, error) {
	if s.Word != "" {
		return json.Marshal(s.Word)
	}
	type plain SlackStyle
	return json.Marshal(plain(s))
}

// SlackAttachment is one of the older form, which programs still use, and in
// which links are unfurled and messages shared.
type SlackAttachment struct {
	Fallback   string        `json:"fallback,omitempty"`
	Color      string        `json:"color,omitempty"`
	Pretext    string        `json:"pretext,omitempty"`
	AuthorName string        `json:"author_name,omitempty"`
	AuthorLink string        `json:"author_link,omitempty"`
	Title      string        `json:"title,omitempty"`
	TitleLink  string        `json:"title_link,omitempty"`
	Text       string        `json:"text,omitempty"`
	Fields     []SlackField  `json:"fields,omitempty"`
	ImageURL   string        `json:"image_url,omitempty"`
	ThumbURL   string        `json:"thumb_url,omitempty"`
	Footer     string        `json:"footer,omitempty"`
	FromURL    string        `json:"from_url,omitempty"`
	Service    string        `json:"service_name,omitempty"`
	Blocks     []SlackPart   `json:"blocks,omitempty"`
	Actions    []SlackAction `json:"actions,omitempty"`
}

// SlackField is a line of a small table.
type SlackField struct {
	Title string `json:"title,omitempty"`
	Value string `json:"value,omitempty"`
}

// SlackAction is a button.
type SlackAction struct {
	Text string `json:"text,omitempty"`
	URL  string `json:"url,omitempty"`
}

// ReadSlackBlocks decodes blocks as Slack has them, and keeps what is drawn.
func ReadSlackBlocks(raw []byte) ([]SlackPart, error) {
	var list []SlackPart
	return list, json.Unmarshal(raw, &list)
}

// ReadSlackAttachments decodes attachments as Slack has them, and keeps what
// is drawn.
func ReadSlackAttachments(raw []byte) ([]SlackAttachment, error) {
	var list []SlackAttachment
	err := json.Unmarshal(raw, &list)
	return slices.DeleteFunc(list, func(a SlackAttachment) bool { return reflect.ValueOf(a).IsZero() }), err
}

// SameAsText reports whether blocks draw no more than a text does.
func SameAsText(blocks []SlackPart, s string) bool {
	o := Options{bareGroups: true, Room: func(id string) (string, string) { return "/" + id, id }}
	return reflect.DeepEqual(slackTree(s, newInline(o)), SlackTree(s, &SlackCard{Blocks: blocks}, o))
}

// SlackWords returns the words of a card, for search.
func SlackWords(c *SlackCard) string { return Words(SlackTree("", c, Options{})) }

// SlackTree draws a message with what it shows beside its text.
func SlackTree(s string, c *SlackCard, o Options) []Node {
	in := newInline(o)
	d := &slackDrawer{slackReader: slackReader{in}}
	var out []Node
	if c != nil && len(c.Blocks) > 0 {
		out = d.blocks(c.Blocks, 0)
	} else {
		out = slackTree(s, in)
	}
	if c == nil {
		return out
	}
	for i := range c.Attachments {
		out = append(out, d.attachment(&c.Attachments[i])...)
	}
	return tidy(out)
}

// ReadSlackCard reads the card of a stored message; nil if it has none of
// Slack's.
func ReadSlackCard(m *chat.Message) *SlackCard {
	if m.Format != chat.FormatSlack || len(m.Card) == 0 {
		return nil
	}
	c := new(SlackCard)
	if json.Unmarshal(m.Card, c) != nil {
		return nil
	}
	return c
}

// slackDrawer turns blocks and attachments into nodes.
type slackDrawer struct {
	slackReader
	nodes int
}

func (d *slackDrawer) full() bool { d.nodes++; return d.nodes > maxNodes }

func (d *slackDrawer) blocks(list []SlackPart, depth int) []Node {
	var out []Node
	for i := range list {
		if d.full() {
			break
		}
		nodes := d.one(&list[i], depth)
		if len(list) > 1 && len(nodes) > 0 && !blockTypes[nodes[0].Type] {
			nodes = []Node{{Type: "p", Children: nodes}}
		}
		out = append(out, nodes...)
	}
	return tidy(out)
}

func (d *slackDrawer) one(p *SlackPart, depth int) []Node {
	if depth > maxDepth {
		return nil
	}
	switch p.Type {
	case "rich_text":
		return d.rich(p.Elements, depth+1)
	case "header":
		return []Node{{Type: "h", Level: 3, Children: d.texts(p.Text)}}
	case "divider":
		return []Node{{Type: "hr"}}
	case "image":
		return d.pictureOf(p.ImageURL, orFirst(p.Title.Text, p.Alt, "picture"))
	case "context", "actions", "context_actions":
		return d.row(p.Elements, depth+1)
	case "table":
		return d.table(p.Rows, depth+1)
	case "markdown":
		return markdownTree(p.Text.Text, d.inline)
	case "video":
		return d.link(orFirst(p.TitleURL, p.URL), d.texts(p.Title))
	}
	return d.section(p, depth)
}

// section draws a section, and whatever else has a text: what is not known
// loses its form and not its words.
func (d *slackDrawer) section(p *SlackPart, depth int) []Node {
	out := d.texts(p.Text)
	if len(out) == 0 {
		out = append(d.texts(p.Label), d.texts(p.Title)...)
	}
	if len(out) == 0 && (p.Fallback != "" || p.Alt != "") {
		out = []Node{text(orFirst(p.Fallback, p.Alt))}
	}
	var rest []Node
	for _, f := range p.Fields {
		rest = append(rest, Node{Type: "p", Children: d.texts(f)})
	}
	if p.Accessory != nil {
		rest = append(rest, d.element(p.Accessory, depth+1)...)
	}
	if p.Type != "section" && len(p.Elements) > 0 {
		rest = append(rest, d.row(p.Elements, depth+1)...)
	}
	if len(rest) > 0 && len(out) > 0 {
		out = []Node{{Type: "p", Children: out}}
	}
	return tidy(append(out, rest...))
}

func orFirst(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// texts draws a text by its type.
func (d *slackDrawer) texts(t SlackText) []Node {
	if t.Text == "" {
		return nil
	}
	if t.Type == "plain_text" {
		var out []Node
		for i, line := range strings.Split(t.Text, "\n") {
			if i > 0 {
				out = append(out, Node{Type: "br"})
			}
			out = append(out, d.withEmoji(line)...)
		}
		return join(out)
	}
	return tidy(d.block(t.Text))
}

// withEmoji finds the :names: in a text without marks.
func (d *slackDrawer) withEmoji(s string) []Node {
	var out []Node
	start := 0
	for i := 0; i < len(s); {
		if s[i] != ':' {
			i++
			continue
		}
		nodes, n := d.emoji(s[i:])
		if n == 0 {
			i++
			continue
		}
		out = append(append(out, text(s[start:i])), nodes...)
		i += n
		start = i
	}
	return append(out, text(s[start:]))
}

// row draws elements one beside the other: pictures as their names, buttons
// as links.
func (d *slackDrawer) row(list []SlackPart, depth int) []Node {
	var out []Node
	for i := range list {
		if d.full() {
			break
		}
		nodes := d.element(&list[i], depth)
		if len(out) > 0 && len(nodes) > 0 {
			out = append(out, text(" "))
		}
		out = append(out, nodes...)
	}
	return tidy(out)
}

func (d *slackDrawer) element(p *SlackPart, depth int) []Node {
	if depth > maxDepth {
		return nil
	}
	switch p.Type {
	case "image":
		return d.pictureOf(p.ImageURL, orFirst(p.Alt, p.Title.Text, "picture"))
	case "button", "workflow_button":
		if p.URL != "" {
			return d.link(p.URL, d.texts(p.Text))
		}
		return []Node{{Type: "code", Text: p.Text.Text}}
	case "mrkdwn":
		return tidy(d.block(p.Text.Text))
	case "plain_text":
		return d.withEmoji(p.Text.Text)
	}
	return d.section(p, depth)
}

func (d *slackDrawer) pictureOf(address, alt string) []Node {
	if u := d.follow(address); u != "" {
		return []Node{{Type: "image", URL: u, Text: alt}}
	}
	return []Node{text(alt)}
}

func (d *slackDrawer) table(rows [][]SlackPart, depth int) []Node {
	t := Node{Type: "table"}
	for _, row := range rows {
		r := Node{Type: "tr"}
		for i := range row {
			if d.full() {
				return nil
			}
			var cell []Node
			if p := &row[i]; p.Type == "raw_text" {
				cell = []Node{text(p.Text.Text)}
			} else {
				cell = d.one(p, depth)
			}
			r.Children = append(r.Children, Node{Type: "td", Children: cell})
		}
		t.Children = append(t.Children, r)
	}
	return []Node{t}
}

var slackColors = map[string]string{"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}

func colorOf(s string) string {
	if c := slackColors[s]; c != "" {
		return c
	}
	if s = "#" + strings.TrimPrefix(s, "#"); len(s) == 7 && hexColor.MatchString(s) {
		return s
	}
	return ""
}

func (d *slackDrawer) attachment(a *SlackAttachment) []Node {
	if d.full() {
		return nil
	}
	var in []Node
	line := func(nodes []Node) {
		if len(nodes) > 0 {
			in = append(in, Node{Type: "p", Children: nodes})
		}
	}
	if s := orFirst(a.AuthorName, a.Service); s != "" {
		line(d.link(a.AuthorLink, d.withEmoji(unescapeSlack(s))))
	}
	if a.Title != "" {
		line(d.link(orFirst(a.TitleLink, a.FromURL), []Node{{Type: "b", Children: tidy(d.run(a.Title))}}))
	}
	if len(a.Blocks) > 0 {
		in = append(in, d.blocks(a.Blocks, 1)...)
	} else if a.Text != "" {
		line(tidy(d.block(a.Text)))
	}
	for _, f := range a.Fields {
		var nodes []Node
		if f.Title != "" {
			nodes = append(nodes, Node{Type: "b", Children: d.withEmoji(unescapeSlack(f.Title))}, Node{Type: "br"})
		}
		line(append(nodes, d.block(f.Value)...))
	}
	for _, u := range []string{a.ImageURL, a.ThumbURL} {
		if u != "" && (u == a.ImageURL || a.ImageURL == "") {
			line(d.pictureOf(u, orFirst(a.Title, a.Fallback, "picture")))
		}
	}
	for _, x := range a.Actions {
		line(d.link(x.URL, d.withEmoji(x.Text)))
	}
	if a.Footer != "" {
		line([]Node{{Type: "i", Children: d.run(a.Footer)}})
	}
	if len(in) == 0 && a.Pretext == "" && a.Fallback != "" {
		line(tidy(d.block(a.Fallback)))
	}
	var out []Node
	if a.Pretext != "" {
		out = append(out, Node{Type: "p", Children: tidy(d.block(a.Pretext))})
	}
	if len(in) > 0 {
		out = append(out, Node{Type: "card", Text: colorOf(a.Color), Children: in})
	}
	return out
}
