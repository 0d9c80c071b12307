// Package markup turns Markdown, HipChat HTML and Slack text into one tree
// that clients draw.
package markup

// Node is one node of the tree. A client that does not know a Type draws the
// Children, or else the Text.
//
//	text      Text
//	p         paragraph: Children
//	b i s u   bold, italic, struck, underlined: Children
//	code      inline code: Text
//	pre       code block: Text, Lang; or Children, of text and tok
//	tok       a piece of code: Text, Kind (key type const name tag str num rem head in out)
//	quote     Children
//	br        line break
//	hr        rule
//	h         heading: Level, Children
//	ul ol li  lists: Children
//	task      begins an item of a list: Level is 1 if it is done
//	table tr th td  Children
//	link      URL (http, https, mailto or a path of ours), Children
//	mention   User (an ID), or Text all or here; Text is the name as written
//	emoticon  Text is the shortcut; URL is empty for one that the client knows
//	image     URL, Text is the alternative: drawn as a link until asked for
//	color     Text is "#rrggbb": a swatch beside it
//	me        the whole message is about its author: Children
//	card      what a program shows beside its text: Children; Text is the colour of its edge, "#rrggbb" or empty
type Node struct {
	Type     string `json:"t"`
	Text     string `json:"x,omitempty"`
	URL      string `json:"u,omitempty"`
	User     string `json:"user,omitempty"`
	Lang     string `json:"lang,omitempty"`
	Kind     string `json:"k,omitempty"`
	Level    int    `json:"n,omitempty"`
	Children []Node `json:"c,omitempty"`
}
