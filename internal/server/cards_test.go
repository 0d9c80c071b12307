package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// site is a server elsewhere.
func site(t *testing.T) (url string, asked *atomic.Int64) {
	asked = &atomic.Int64{}
	mux := http.NewServeMux()
	mux.HandleFunc("/tide", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fmt.Fprintf(w, `<head><title>No</title><meta property="og:title" content="High &lt;tide&gt;&#x202e; at noon"><meta property="og:description" content="%s"><meta property="og:image" content="/p.png">`, strings.Repeat("word ", 300))
	})
	mux.HandleFunc("/p.png", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture(900, 300)) })
	mux.HandleFunc("/svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	})
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<p>only words") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL, asked
}

func (w *world) posted(c *api.Client, room, text string) (api.Message, *chat.Message) {
	w.t.Helper()
	w.n++
	m, err := c.Post(w.t.Context(), w.roomID(room), text, fmt.Sprint("a-nonce-of-", w.n))
	w.must(err)
	var o *chat.Message
	w.must(w.db.View(w.t.Context(), func(r chat.Reader) (err error) {
		o, err = chat.Get[chat.Message](r, must(chat.ParseID[chat.Message](m.ID)))
		return err
	}))
	return m, o
}

// drawn returns a message as it is drawn now.
func (w *world) drawn(c *api.Client, m api.Message) (now api.Message) {
	w.t.Helper()
	w.must(c.Do(w.t.Context(), http.MethodGet, "messages/"+m.ID, nil, &now))
	return now
}

func fetching(t *testing.T, w *world) {
	w.serve(server.Config{FetchAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
}

func TestLinksGetCards(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		fetching(t, w)
		url, asked := site(t)
		c := w.as("member")
		m, o := w.posted(c, "private", "see <"+url+"/tide> and <"+url+"/nothing> and `"+url+"/p.png` and <"+url+"/svg>")
		w.must(w.server.Cards(t.Context(), o))
		now := w.drawn(c, m)
		if len(now.Cards) != 1 {
			t.Fatalf("%+v", now.Cards)
		}
		card := now.Cards[0]
		if card.Title != "High <tide> at noon" || len([]rune(card.Text)) > 400 || card.URL != url+"/tide" || card.Site != "127.0.0.1" || card.Picture == "" {
			t.Errorf("%+v", card)
		}
		resp, body := w.get(c, card.Picture)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/jpeg" || len(body) == 0 {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
		t.Run("who may not read the message has no card of it", func(t *testing.T) {
			other := w.as("outsider")
			if resp, _ := w.get(other, card.Picture); resp.StatusCode != 404 {
				t.Error(resp.StatusCode)
			}
			kind(t, "take it away", other.Do(t.Context(), http.MethodDelete, "messages/"+m.ID+"/cards/"+card.ID, nil, nil), chat.NotFound)
			// Nor is it to be had through a message of one's own.
			mine, _ := w.posted(other, "open", "hello")
			if resp, _ := w.get(other, "/api/v1/messages/"+mine.ID+"/cards/"+card.ID); resp.StatusCode != 404 {
				t.Error(resp.StatusCode)
			}
		})
		t.Run("the page is asked once for many messages", func(t *testing.T) {
			again, o := w.posted(c, "open", "<"+url+"/tide>")
			w.must(w.server.Cards(t.Context(), o))
			if now := w.drawn(c, again); len(now.Cards) != 1 || now.Cards[0].Picture == card.Picture {
				t.Errorf("%+v", now.Cards)
			}
			if n := asked.Load(); n > 2 { // the one that posting itself asked for may have been under way
				t.Errorf("it was asked %d times", n)
			}
		})
		t.Run("others cannot take it away, its author can, for good", func(t *testing.T) {
			kind(t, "another", w.as("imported").Do(t.Context(), http.MethodDelete, "messages/"+m.ID+"/cards/"+card.ID, nil, nil), chat.Denied)
			var now api.Message
			w.must(c.Do(t.Context(), http.MethodDelete, "messages/"+m.ID+"/cards/"+card.ID, nil, &now))
			if len(now.Cards) != 0 {
				t.Errorf("%+v", now.Cards)
			}
			w.must(w.server.Cards(t.Context(), o))
			if now := w.drawn(c, m); len(now.Cards) != 0 {
				t.Error("it came back")
			}
		})
	})
}

func TestWhenThereAreNoCards(t *testing.T) {
	w := sqlite(t)
	url, asked := site(t)
	c := w.as("member")
	none := func(what string) {
		t.Helper()
		m, o := w.posted(c, "open", "<"+url+"/tide>")
		w.must(w.server.Cards(t.Context(), o))
		if now := w.drawn(c, m); len(now.Cards) != 0 || asked.Load() != 0 {
			t.Errorf("%s: %+v, asked %d times", what, now.Cards, asked.Load())
		}
	}
	none("this machine is not fetched from")
	fetching(t, w)
	c = w.as("member")
	w.must(w.service.SetSetting(t.Context(), chat.Operator(), chat.SettingLinkPreviews, "off"))
	none("it is switched off")
	w.must(w.service.SetSetting(t.Context(), chat.Operator(), chat.SettingLinkPreviews, "on"))
	t.Run("of a deleted message nothing is left", func(t *testing.T) {
		m, o := w.posted(c, "open", "<"+url+"/tide>")
		w.must(w.server.Cards(t.Context(), o))
		w.must(c.Do(t.Context(), http.MethodDelete, "messages/"+m.ID, nil, nil))
		w.must(w.server.Cards(t.Context(), o))
		var left []*chat.LinkCard
		w.must(w.db.View(t.Context(), func(r chat.Reader) (err error) {
			left, err = chat.List[chat.LinkCard](r, chat.Query{})
			return err
		}))
		if b, _ := json.Marshal(left); len(left) != 0 {
			t.Errorf("%s", b)
		}
	})
	t.Run("imported messages get none", func(t *testing.T) {
		before := asked.Load()
		w.must(w.server.Cards(t.Context(), w.say("open", "member", "<"+url+"/tide>")))
		if m, err := c.History(t.Context(), w.roomID("open"), "", 1); err != nil || len(m.Messages[0].Cards) != 0 {
			t.Error(m, err)
		}
		_ = before
	})
}

func TestACardComesByTheFeedWhenItIsReady(t *testing.T) {
	w := sqlite(t)
	fetching(t, w)
	url, _ := site(t)
	reader, outsider := w.ears("imported"), w.ears("outsider", "open")
	c := w.as("member")
	m, _ := w.posted(c, "private", "<"+url+"/tide>")
	reader.until(func(e api.Event) bool { return e.Message != nil && e.Message.ID == m.ID && len(e.Message.Cards) == 1 })
	w.posted(c, "open", "the last one")
	for _, e := range outsider.text("the last one") {
		if e.Message != nil && e.Message.ID == m.ID {
			t.Errorf("%+v", e)
		}
	}
}
