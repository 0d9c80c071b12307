package markup

import (
	"encoding/json"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// hipchatCard is what has words in a card of HipChat's: what a program showed
// beside or instead of a notification's text. All of it may be missing.
type hipchatCard struct {
	Title       cardText `json:"title"`
	Description cardText `json:"description"`
	Activity    struct {
		HTML cardText `json:"html"`
	} `json:"activity"`
	Attributes []struct {
		Label cardText `json:"label"`
		Value struct {
			Label cardText `json:"label"`
		} `json:"value"`
	} `json:"attributes"`
}

// cardText is a text that is a string, or an object that holds one with its
// format. What is neither has no words.
type cardText struct{ value, format string }

// UnmarshalJSON reads a string or an object; it never fails.
func (t *cardText) UnmarshalJSON(b []byte) error {
	*t = cardText{}
	if json.Unmarshal(b, &t.value) == nil {
		return nil
	}
	var o struct{ Value, Format any }
	if json.Unmarshal(b, &o) == nil {
		t.value, _ = o.Value.(string)
		t.format, _ = o.Format.(string)
	}
	return nil
}

func (t cardText) words() string {
	if strings.EqualFold(t.format, "html") {
		return Text(chat.FormatHTML, t.value)
	}
	return t.value
}

// HipChatCardWords returns the words of a card of HipChat's, a line for each
// part of it; "" for what is none.
func HipChatCardWords(card []byte) string {
	var c hipchatCard
	if len(card) == 0 || json.Unmarshal(card, &c) != nil {
		return ""
	}
	c.Activity.HTML.format = "html"
	var lines []string
	add := func(list ...cardText) {
		for _, t := range list {
			if s := strings.TrimSpace(strings.ToValidUTF8(t.words(), "")); s != "" {
				lines = append(lines, s)
			}
		}
	}
	add(c.Title, c.Description, c.Activity.HTML)
	for _, a := range c.Attributes {
		add(a.Label, a.Value.Label)
	}
	return strings.Join(lines, "\n")
}
