package server_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/gif"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// emoticon uploads one.
func emoticon(t *testing.T, c *api.Client, shortcut string, data []byte) (e api.Emoticon, err error) {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/api/v1/emoticons?shortcut="+shortcut, bytes.NewReader(data))
	resp, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var e api.Error
		if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
			t.Fatal(err)
		}
		for k := chat.Internal; k <= chat.Full; k++ {
			if k.String() == e.Kind {
				return api.Emoticon{}, chat.Errorf(k, "%s", e.Text)
			}
		}
	}
	return e, json.NewDecoder(resp.Body).Decode(&e)
}

// moving makes a GIF of two pictures.
func moving() []byte {
	g := &gif.GIF{}
	for i := range 2 {
		p := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White})
		p.SetColorIndex(i, i, 1)
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestCustomEmoticons(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, other := w.as("member"), w.as("outsider")
		e, err := emoticon(t, c, "Party_Godwit", moving())
		w.must(err)
		resp, err := other.HTTP.Get(w.url + e.URL)
		w.must(err)
		data, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !bytes.Equal(data, moving()) || resp.Header.Get("Content-Type") != "image/gif" {
			t.Error("what moves is not kept as it is")
		}
		m := w.post(other, "open", "(party_godwit) and :PARTY_GODWIT:")
		if n := strings.Count(string(must(json.Marshal(m.Tree))), e.URL); n != 2 {
			t.Errorf("drawn %d times: %+v", n, m.Tree)
		}
		r, err := other.React(t.Context(), m.ID, ":party_godwit:", true)
		if err != nil || len(r.Reactions) != 1 || r.Reactions[0].Emoji != ":Party_Godwit:" || r.Reactions[0].URL != e.URL {
			t.Errorf("%+v, %v", r.Reactions, err)
		}
		_, err = emoticon(t, other, "PARTY_godwit", picture(9, 9))
		wants(t, "a shortcut that is taken", err, chat.Conflict)
		_, err = emoticon(t, w.as("guest"), "mine", picture(9, 9))
		wants(t, "a guest", err, chat.Denied)
		for name, x := range map[string]struct {
			shortcut string
			data     []byte
		}{
			"no shortcut": {"", picture(9, 9)}, "blanks": {"a%20b", picture(9, 9)}, "a long one": {strings.Repeat("x", 51), picture(9, 9)}, "a path": {"..%2fx", picture(9, 9)},
			"nothing": {"a", nil}, "no picture": {"a", []byte("hello")}, "a drawing that acts": {"a", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)},
			"a page that says it is a GIF": {"a", []byte("GIF89a<script>alert(1)</script>")},
			"many bytes":                   {"a", append(picture(9, 9), make([]byte, 256<<10)...)},
		} {
			_, err := emoticon(t, c, x.shortcut, x.data)
			wants(t, name, err, chat.Invalid)
		}
		list := do[api.Emoticons](t, other, http.MethodGet, "emoticons", nil)
		if len(list.Emoticons) != 1 || list.Emoticons[0].Mine || !list.MayAdd || list.Admins || list.Emoticons[0].By != w.users["member"].ID.String() {
			t.Errorf("%+v", list)
		}
		wants(t, "somebody else deletes it", other.Do(t.Context(), http.MethodDelete, "emoticons/"+e.ID, nil, nil), chat.Denied)
		w.must(c.Do(t.Context(), http.MethodDelete, "emoticons/"+e.ID, nil, nil))
		h, err := c.History(t.Context(), w.roomID("open"), "", 1)
		w.must(err)
		if text(h.Messages[0]) != "(party_godwit) and :PARTY_GODWIT:" || h.Messages[0].Reactions[0].URL != "" {
			t.Errorf("%+v", h.Messages[0])
		}
		if _, err := other.React(t.Context(), m.ID, ":Party_Godwit:", false); err != nil {
			t.Errorf("a reaction that is a picture no more cannot be taken off: %v", err)
		}
		if _, err = emoticon(t, other, "party_godwit", picture(9, 9)); err != nil {
			t.Errorf("a shortcut that is free again: %v", err)
		}
	})
}

func TestTheListOfEmojiIsCompressedAndKeptForAWhile(t *testing.T) {
	w := sqlite(t)
	resp, body := w.get(w.as("guest"), "/api/v1/emoji", "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || len(body) > 60<<10 || !strings.Contains(resp.Header.Get("Cache-Control"), "max-age") {
		t.Errorf("%d bytes, %v", len(body), resp.Header)
	}
	if e := do[api.Emoji](t, w.as("guest"), http.MethodGet, "emoji", nil); strings.Count(e.List, "\n") < 1800 || !strings.Contains(e.List, "\t👋\ts\twave ") {
		t.Error("the list is not what it should be")
	}
}

func TestAdministratorsSayWhoAddsEmoticons(t *testing.T) {
	w := sqlite(t)
	c, admin := w.as("member"), w.as("admin")
	e, err := emoticon(t, c, "one", picture(9, 9))
	w.must(err)
	wants(t, "not by anybody", c.Do(t.Context(), http.MethodPut, "emoticons", api.EmoticonRule{Admins: true}, nil), chat.Denied)
	w.must(admin.Do(t.Context(), http.MethodPut, "emoticons", api.EmoticonRule{Admins: true}, nil))
	_, err = emoticon(t, c, "two", picture(9, 9))
	wants(t, "a member", err, chat.Denied)
	wants(t, "a member deletes their own", c.Do(t.Context(), http.MethodDelete, "emoticons/"+e.ID, nil, nil), chat.Denied)
	if l := do[api.Emoticons](t, c, http.MethodGet, "emoticons", nil); l.MayAdd || !l.Admins || l.Emoticons[0].Mine {
		t.Errorf("%+v", l)
	}
	if _, err := emoticon(t, admin, "two", picture(9, 9)); err != nil {
		t.Error(err)
	}
	w.must(admin.Do(t.Context(), http.MethodDelete, "emoticons/"+e.ID, nil, nil))
	w.must(admin.Do(t.Context(), http.MethodPut, "emoticons", api.EmoticonRule{}, nil))
	if _, err := emoticon(t, c, "one", picture(9, 9)); err != nil {
		t.Error(err)
	}
}
