package server_test

import (
	"net/url"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// imported puts an open and a private room of Slack and one of HipChat here,
// each with a message; one member alone is in the private one.
func (w *world) imported(text string) (open, secret chat.RoomID) {
	w.t.Helper()
	const slack, hipchat = "slack-t0", "hipchat-7"
	open, secret = chat.OriginRoom(slack, "C0GENERAL"), chat.OriginRoom(slack, "C0SECRET")
	old := chat.OriginRoom(hipchat, "12")
	at := start + 5
	message := func(source, room, text string) *chat.Message {
		return &chat.Message{ID: chat.OriginMessage(source, room, at, "1500000000.000005"), Room: chat.OriginRoom(source, room), Sent: at, Format: chat.FormatSlack, Text: text, Extra: chat.Extra{Label: "x"}}
	}
	for source, objects := range map[string][]chat.Object{
		slack: {
			&chat.Room{ID: open, Type: chat.RoomOpen, Name: "general of old"}, &chat.Room{ID: secret, Type: chat.RoomPrivate, Name: "the secret"},
			&chat.Member{Room: secret, User: w.users["member"].ID}, message(slack, "C0GENERAL", text), message(slack, "C0SECRET", "hush"),
		},
		hipchat: {&chat.Room{ID: old, Type: chat.RoomOpen, Name: "hip"}, message(hipchat, "12", "hi")},
	} {
		state, err := w.db.Begin(w.t.Context(), chat.MoveSpec{Name: source, Source: source, Artefact: "a"})
		if err != nil {
			w.t.Fatal(err)
		}
		b := chat.Batch{Move: source, Fence: state.Fence, To: "end", Done: true}
		for _, o := range objects {
			b.Items = append(b.Items, chat.Incoming{Object: o})
		}
		if _, err := w.db.Apply(w.t.Context(), b); err != nil {
			w.t.Fatal(err)
		}
	}
	return open, secret
}

func TestOldAddressesLeadToTheSameMessage(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		open, secret := w.imported("x")
		in, out := w.as("member"), w.as("outsider")
		message := chat.OriginMessage("slack-t0", "C0GENERAL", start+5, "1500000000.000005").String()
		for address, want := range map[string]api.Moved{
			"/archives/C0GENERAL":                                          {Room: open.String()},
			"/archives/C0GENERAL/p1500000000000005":                        {Room: open.String(), Message: message},
			"/archives/C0GENERAL/p1500000000000005?thread_ts=1500000000.1": {Room: open.String(), Message: message},
			"/messages/C0GENERAL/p1500000000000005/":                       {Room: open.String(), Message: message},
			"/client/T0/C0GENERAL":                                         {Room: open.String()},
			"/archives/C0GENERAL/p1500000000000001":                        {Room: open.String(), Message: message}, // gone: what comes next
			"/archives/C0GENERAL/p1600000000000001":                        {Room: open.String()},
			"/history/room/12":                                             {Room: chat.OriginRoom("hipchat-7", "12").String()},
			"/history/room/12/2017/7/14":                                   {Room: chat.OriginRoom("hipchat-7", "12").String(), Message: chat.OriginMessage("hipchat-7", "12", start+5, "1500000000.000005").String()},
			"/chat/room/12":                                                {Room: chat.OriginRoom("hipchat-7", "12").String()},
			"/rooms/show/12/hip":                                           {Room: chat.OriginRoom("hipchat-7", "12").String()},
		} {
			var got api.Moved
			w.must(out.Do(t.Context(), "GET", "moved?address="+url.QueryEscape(address), nil, &got))
			if got != want {
				t.Errorf("%s leads to %+v, want %+v", address, got, want)
			}
		}
		var got api.Moved
		w.must(in.Do(t.Context(), "GET", "moved?address="+url.QueryEscape("/archives/C0SECRET/p1500000000000005"), nil, &got))
		if got.Room != secret.String() {
			t.Errorf("who is in the room gets %+v", got)
		}
		for _, address := range []string{"/archives/C0SECRET", "/archives/C0SECRET/p1500000000000005", "/archives/C0NONE12", "/archives/general", "/history/room/x", "/history/room/99", "//evil", "", "/archives/C0GENERAL/zzz"} {
			if err := out.Do(t.Context(), "GET", "moved?address="+url.QueryEscape(address), nil, &got); !chat.IsKind(err, chat.NotFound) {
				t.Errorf("%q: %v", address, err)
			}
		}
	})
}

func TestLinksInImportedTextsLeadToWhatCameAlong(t *testing.T) {
	w := sqlite(t)
	open, secret := w.imported("<https://acme.slack.com/archives/C0GENERAL/p1500000000000005|there> <https://acme.slack.com/archives/C0OTHER12/p1500000000000005|away> <https://example.org/archives/C0GENERAL|else> <#C0GENERAL> <#C0SECRET>")
	page, err := w.as("outsider").History(t.Context(), open.String(), "", 10)
	w.must(err)
	var links []string
	var walk func([]markup.Node)
	walk = func(list []markup.Node) {
		for _, n := range list {
			if n.Type == "link" {
				links = append(links, n.URL+" "+n.Children[0].Text)
			}
			walk(n.Children)
		}
	}
	walk(page.Messages[0].Tree)
	want := []string{
		"/archives/C0GENERAL/p1500000000000005 there", "https://acme.slack.com/archives/C0OTHER12/p1500000000000005 away", "https://example.org/archives/C0GENERAL else",
		"/room/" + open.String() + " #general of old", "/room/" + secret.String() + " #C0SECRET",
	}
	for i, l := range want {
		if i >= len(links) || links[i] != l {
			t.Fatalf("links are\n%q, want\n%q", links, want)
		}
	}
}
