package hipchat_test

import (
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

// plainMessages are of the forms that exports have.
var plainMessages = []string{
	`{"UserMessage":{"attachment":null,"attachment_path":null,"id":"0b6f1a52","mentions":[12],"message":"@Bob ready? (thumbsup)",` +
		`"sender":{"id":11,"links":{"self":"https://chat.example.org/v2/user/11"},"mention_name":"Ada","name":"Ada Byte","version":"00000000"},` +
		`"timestamp":"2018-03-25T00:51:24Z 000123","type":"user"}}`,
	`{"NotificationMessage":{"color":"green","id":"5f0e","message":"<b>build<\/b> ok\n\ttwice \"quoted\" C:\\temp","message_format":"html","sender":"CI","card":null,"timestamp":"t"}}`,
	` { "PrivateUserMessage" : {` + "\n\t" + `"id" : 7 , "message" : "\u00e9t\u00C9 \ud83d\ude80 für 日本", "deleted" : true, "mentions": [ 1 , "2", {"id":3,"name":"x"} ],` +
		` "receiver" : {"id":"12","name":null,"mention_name":"B"}, "sender":{"id":0,"name":"x"}, "attachment" : {"name":"a.png","path":"x/a.png","size":120,"url":"u","extra":true} } } `,
	`{"TopicRoomMessage":{"mentions":[],"attachment":{},"sender":null,"message":null,"deleted":false}}`,
	`{"ArchiveRoomMessage":{}}`,
	`{"GuestAccessMessage":{"sender":"","unknown":1,"other":false,"third":{"a":{"b":null}}}}`,
}

// strangeMessages must not be read quickly: what is wrong or rare about them
// is for the strict reader to see.
var strangeMessages = []string{
	``, `null`, `{}`, `[]`, `{"UserMessage":{}`, `{"UserMessage":{}}x`, `{"UserMessage":{},"a":1}`, `{"Other":{}}`, `{"UserMessage":null}`,
	`{"UserMessage":{"message":"a","message":"a"}}`, `{"UserMessage":{"x":1,"x":1}}`, `{"UserMessage":{"sender":{"y":1,"y":2}}}`, `{"UserMessage":{"u":{"y":1,"y":2}}}`,
	`{"UserMessage":{"id":01}}`, `{"UserMessage":{"id":1.0}}`, `{"UserMessage":{"id":-1}}`, `{"UserMessage":{"id":1e3}}`, `{"UserMessage":{"id":1x}}`,
	`{"UserMessage":{"message":1}}`, `{"UserMessage":{"deleted":"yes"}}`, `{"UserMessage":{"mentions":{}}}`, `{"UserMessage":{"mentions":[1,]}}`,
	`{"UserMessage":{"attachment":{"size":"1"}}}`, `{"UserMessage":{"attachment":{"size":99999999999999999999}}}`, `{"UserMessage":{"card":"{}"}}`,
	`{"UserMessage":{"message":"\ud800"}}`, `{"UserMessage":{"message":"\u0000"}}`, `{"UserMessage":{"message":"\ude80\ud83d"}}`, `{"UserMessage":{"message":"\x"}}`,
	"{\"UserMessage\":{\"message\":\"a\nb\"}}", "{\"UserMessage\":{\"message\":\"caf\xe9\"}}", "{\"UserMessage\":{\"message\":\"\x00\"}}",
	`{"UserMessage":{"mess\u0061ge":"a"}}`, `{"UserMessage":{"message":"a",}}`, `{"UserMessage":{"message":"a" "id":1}}`, `{"UserMessage":{"message":nul}}`, `{"UserMessage":{"a":nullx}}`,
	"\ufeff" + `{"UserMessage":{}}`,
}

func TestTheQuickReaderReadsPlainMessagesAsTheStrictOneDoes(t *testing.T) {
	for _, m := range plainMessages {
		if differs, quick := hipchat.ReadTwice([]byte(m)); differs != "" || !quick {
			t.Errorf("%s: read quickly %v, differs: %s", m, quick, differs)
		}
	}
	for _, m := range append(strangeMessages, hipchat.TrapRecords()...) {
		if differs, _ := hipchat.ReadTwice([]byte(m)); differs != "" {
			t.Errorf("%s: %s", m, differs)
		}
	}
	for _, m := range strangeMessages {
		if _, quick := hipchat.ReadTwice([]byte(m)); quick {
			t.Errorf("%s was read quickly", m)
		}
	}
}

func TestEveryByteOfAMessageMayBeWrong(t *testing.T) {
	for _, m := range plainMessages {
		for i := range len(m) {
			for _, c := range []byte("\x00\n\x1f \"\\,:{}[]019-.eEu\x7f\x80\xed\xff") {
				for _, broken := range []string{m[:i] + string([]byte{c}) + m[i+1:], m[:i] + string([]byte{c}) + m[i:], m[:i] + m[i+1:], m[:i]} {
					if differs, _ := hipchat.ReadTwice([]byte(broken)); differs != "" {
						t.Fatalf("%q: %s", broken, differs)
					}
				}
			}
		}
	}
}

func FuzzQuickMessage(f *testing.F) {
	for _, m := range append(append(plainMessages, strangeMessages...), hipchat.TrapRecords()...) {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if differs, _ := hipchat.ReadTwice(raw); differs != "" {
			t.Fatal(strings.ToValidUTF8(differs, "?"))
		}
	})
}
