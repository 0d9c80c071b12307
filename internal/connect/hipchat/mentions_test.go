package hipchat_test

import (
	"fmt"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

func TestMentionsThatAreNotListed(t *testing.T) {
	users := `[{"User":{"id":1,"name":"Ada Byte","mention_name":"AdaByte"}},{"User":{"id":2,"name":"Ben","mention_name":"Ben"}},
		{"User":{"id":3,"name":"Ben Two","mention_name":"ben"}},{"User":{"id":4,"name":"Zoë","mention_name":"Zoë"}},{"User":{"id":5,"name":"Al","mention_name":"all"}}]`
	for _, c := range []struct{ name, kind, text, more, want string }{
		{"one name in another case", "UserMessage", "hi @adabyte!", "", "[adabyte]"},
		{"a name with a point behind it, and twice", "UserMessage", "@AdaByte. (@Zoë) @AdaByte", "", "[AdaByte Zoë]"},
		{"null in place of the list", "UserMessage", "@Zoë", `,"mentions":null`, "[Zoë]"},
		{"an empty list says that nobody is meant", "UserMessage", "@Zoë", `,"mentions":[]`, "[]"},
		{"a name that two people have", "UserMessage", "@Ben", "", "[]"},
		{"a name that goes on", "UserMessage", "@AdaBytes", "", "[]"},
		{"an address", "UserMessage", "write to me@AdaByte", "", "[]"},
		{"everybody", "UserMessage", "@all", "", "[]"},
		{"a notification's HTML", "NotificationMessage", "@Zoë", "", "[]"},
		{"a notification's text", "NotificationMessage", "@Zoë", `,"message_format":"text"`, "[Zoë]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := fmt.Sprintf(`[{%q:{"id":"a","message":%q,"sender":{"id":1,"name":"Ada"},"timestamp":"2018-03-25T00:51:24Z"%s}}]`, c.kind, c.text, c.more)
			items, err := all(t, put(t, "x", tarOf("users.json", users, "rooms.json", oneRoom, "rooms/7/history.json", line)), connect.Options{})
			if err != nil {
				t.Fatal(err)
			}
			names, found := []string{}, false
			for _, i := range items {
				if m, ok := i.Object.(*chat.Message); ok {
					found = true
					for _, mention := range m.Mentions {
						names = append(names, mention.Name)
					}
				}
			}
			if got := fmt.Sprint(names); !found || got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
