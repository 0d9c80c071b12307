package live_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// Everything of DESIGN.md, section 3, goes from one place to another, and back.
func TestEverythingGoesToAnotherPlaceAndBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to func(testing.TB) string
	}{
		{"SQLite to Postgres", sqlite, testkit.Postgres}, {"Postgres to SQLite", testkit.Postgres, sqlite},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newPlace(t, c.from(t)), newPlace(t, c.to(t))
			w := &wire{t: t}
			ra, rb := w.serve(a), w.serve(b)
			put(t, a, testkit.Everything(a.sealer)...)
			post(t, a, "posted")
			put(t, b, &chat.User{ID: chat.UserID{1}, Name: "own"}, &chat.Token{ID: chat.ID[chat.Token]{1}, Hash: "own"})
			pairUp(t, a, b, "there")
			var seen bytes.Buffer
			carry(t, ra, rb, "there", "", &seen)
			sameRevealed(t, a, b)
			inv := sameMirror(t, ra, rb)
			for _, kind := range chat.Kinds() {
				want := int64(2)
				if !kind.Mirrored() {
					want = 0
				}
				if kind != chat.KindMessage && inv.Kinds[kind].Count != want {
					t.Errorf("%d of %s are compared, not %d", inv.Kinds[kind].Count, kind, want)
				}
			}
			t.Run("no secret is in any byte that a mover gets or sends", func(t *testing.T) {
				for name, text := range map[string]string{"what it gets": seen.String(), "the wire": w.seen.String(), "unpacked": unpacked(t, w.seen.Bytes())} {
					if len(text) < 1000 {
						t.Errorf("%s: only %d bytes were looked at", name, len(text))
					}
					for _, secret := range secretsOf(t, a, b) {
						if strings.Contains(text, secret) {
							t.Errorf("%s: %q", name, secret)
						}
					}
				}
			})
			t.Run("again nothing is written", func(t *testing.T) {
				_, counts := carry(t, ra, rb, "there", "", nil)
				for kind, n := range counts {
					if n.Written > 0 {
						t.Errorf("%s: %+v", kind, n)
					}
				}
			})
			t.Run("a secret that differs is found", func(t *testing.T) {
				token := chat.Token{ID: chat.ID[chat.Token](firstKey(t, a, chat.KindToken)), Hash: "other"}
				one, err := ra.Stand(t.Context(), chat.KindToken, []chat.Key{token.Key()})
				two, err2 := rb.Stand(t.Context(), chat.KindToken, []chat.Key{token.Key(), {9}})
				if err != nil || err2 != nil || len(two) != 1 || one[token.Key()].Digest != two[token.Key()].Digest || one[token.Key()].Digest == chat.Digest(&token) {
					t.Error(one, two, err, err2)
				}
				put(t, a, &token)
				three, err := ra.Stand(t.Context(), chat.KindToken, []chat.Key{token.Key()})
				if err != nil || three[token.Key()].Digest == two[token.Key()].Digest {
					t.Error(three, err)
				}
			})
			end, _ := carry(t, ra, rb, "there", "", nil)
			handOver(t, a, b, "there", end)
			put(t, b, &chat.Setting{Name: "new", Value: "there"})
			post(t, b, "posted") // known: nothing
			before := head(t, a)
			_, counts := carry(t, rb, ra, "there", "", nil)
			if n := counts[chat.KindSetting]; n.Written != 1 {
				t.Error(counts)
			}
			if got := head(t, a).Pos; got != before.Pos+1 {
				t.Errorf("back again: the head went from %d to %d", before.Pos, got)
			}
			sameRevealed(t, a, b)
			sameMirror(t, ra, rb)
		})
	}
}

func TestChangesGoOnWhereAConnectionBreaks(t *testing.T) {
	a := newPlace(t, sqlite(t))
	w := &wire{t: t}
	remote := w.serve(a)
	var objects []chat.Object
	for i := range 9000 {
		objects = append(objects, &chat.Message{ID: chat.MessageID(chat.DeriveKey(1, "x", "message", fmt.Sprint(i))), Sent: 1, Text: fmt.Sprint("message ", i, " ", rand.Text(), rand.Text())})
	}
	put(t, a, objects...)
	for _, cut := range []int64{1, 200_000, 400_000} {
		w.cutAt.Store(cut)
		n, last := 0, chat.Position(0)
		for it, err := range remote.Changes(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			if it.Object == nil {
				continue
			}
			if n++; it.Pos <= last {
				t.Fatal("twice, or out of order:", it.Pos, last)
			}
			last = it.Pos
		}
		if n != len(objects) || w.cutAt.Load() != 0 {
			t.Errorf("cut at %d: %d of %d", cut, n, len(objects))
		}
	}
	t.Run("who stops early leaves nothing running", func(t *testing.T) {
		for range remote.Changes(t.Context(), "") {
			break
		}
		for range a.direct.Changes(t.Context(), "") {
			break
		}
	})
	t.Run("a cursor that the log does not go on from starts over", func(t *testing.T) {
		h := head(t, a)
		for _, c := range []chat.Cursor{{LogID: chat.Key{1}, Epoch: h.Epoch, Pos: 5}, {LogID: h.LogID, Epoch: chat.Key{1}, Pos: 5}, {LogID: h.LogID, Epoch: h.Epoch, Pos: h.Pos + 1}} {
			for it, err := range remote.Changes(t.Context(), c.String()) {
				if err != nil || it.Pos != 1 {
					t.Error(it.Pos, err)
				}
				break
			}
		}
	})
}
