package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestFilesOfARoom(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c := w.as("member")
		var posted []string
		send := func(name string, data []byte) api.Message {
			u := w.upload(c, name, data)
			m, err := c.PostFiles(t.Context(), w.roomID("private"), "", "nonce-of-"+name, u.ID)
			w.must(err)
			posted = append(posted, m.Files[0].ID)
			return m
		}
		for i := range 45 {
			send(fmt.Sprint("notes ", i, ".txt"), []byte("words"))
		}
		picked := send("tide.png", picture(9, 9))
		send("call.ogg", append([]byte("OggS\x00"), make([]byte, 40)...))
		deleted := send("gone.txt", []byte("gone"))
		w.must(c.Do(t.Context(), http.MethodDelete, "messages/"+deleted.ID, nil, nil))
		slices.Reverse(posted)
		posted = posted[1:]
		list := func(c *api.Client, query string) (ids []string, out api.RoomFiles) {
			w.must(c.Do(t.Context(), http.MethodGet, "rooms/"+w.roomID("private")+"/files"+query, nil, &out))
			for _, f := range out.Files {
				ids = append(ids, f.ID)
			}
			return ids, out
		}
		first, page := list(c, "")
		if !slices.Equal(first, posted[:40]) || page.Next == "" || page.Files[0].Author != w.users["member"].ID.String() {
			t.Fatalf("%d files, next %q", len(first), page.Next)
		}
		second, page := list(c, "?before="+page.Next)
		if !slices.Equal(second, posted[40:]) || page.Next != "" {
			t.Errorf("%v, next %q", second, page.Next)
		}
		if ids, _ := list(c, "?after="+posted[2]); !slices.Equal(ids, []string{posted[1], posted[0]}) {
			t.Errorf("after one: %v", ids)
		}
		if ids, page := list(c, "?type=pictures"); len(ids) != 1 || ids[0] != picked.Files[0].ID || page.Files[0].Message != picked.ID {
			t.Errorf("pictures: %+v", page)
		}
		if ids, _ := list(c, "?type=media"); len(ids) != 1 {
			t.Errorf("media: %v", ids)
		}
		kind(t, "who may not read it", w.as("outsider").Do(t.Context(), http.MethodGet, "rooms/"+w.roomID("private")+"/files", nil, nil), chat.NotFound)
		for _, q := range []string{"?type=x", "?before=x", "?before=" + posted[0] + "&after=" + posted[1]} {
			kind(t, q, c.Do(t.Context(), http.MethodGet, "rooms/"+w.roomID("private")+"/files"+q, nil, nil), chat.Invalid)
		}
	})
}
