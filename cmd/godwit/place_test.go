package main

import (
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestWordsOfACardAreFound(t *testing.T) {
	m := &chat.Message{Format: chat.FormatSlack, Text: "deploy", Extra: chat.Extra{Card: []byte(`{"attachments":[{"title":"Curlew build","text":"all *green*"}]}`)}}
	text := searchText(m)
	for _, word := range []string{"deploy", "Curlew", "green"} {
		if !strings.Contains(text, word) {
			t.Errorf("%s is not in %q", word, text)
		}
	}
	card := &chat.Message{Format: chat.FormatHTML, Text: "a <b>build</b>", Extra: chat.Extra{Card: []byte(`{"style":"application","title":"Whimbrel","activity":{"html":"<i>Ada</i> deployed"}}`)}}
	if text := searchText(card); text != "a build\nWhimbrel\nAda deployed" {
		t.Errorf("%q", text)
	}
	if text := searchText(&chat.Message{Format: chat.FormatMarkdown, Text: "plain"}); text != "plain" {
		t.Error(text)
	}
}
