package server

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// KeepEmoticon keeps a picture as an emoticon's.
func (s *Server) KeepEmoticon(ctx context.Context, data []byte) (*chat.Picture, error) {
	return s.keepPicture(ctx, data, emoticonUse)
}

func FuzzFileName(f *testing.F) {
	for _, name := range []string{"a.txt", "../x", "photo\u202egpj.exe", "\xff", "\"';\r\n"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		shown := chat.FileName(name)
		if shown == "" || chat.FileName(shown) != shown {
			t.Fatalf("%q, and then %q", shown, chat.FileName(shown))
		}
		for _, c := range []byte(fileName(name)) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q", fileName(name))
			}
		}
	})
}

// FuzzKey takes any words for what is in a key file.
func FuzzKey(f *testing.F) {
	f.Add(FormatKey(NewKey()))
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseKey(text)
		if err != nil {
			if !chat.IsKind(err, chat.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseKey(strings.TrimSpace(FormatKey(key)))
		if err != nil || len(key) != KeyLength || !bytes.Equal(again, key) {
			t.Fatalf("%x, and then %x: %v", key, again, err)
		}
		if _, err := NewSealer(key); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPicture takes any bytes for a picture: its header, its notes on how it
// was held, and all of it.
func FuzzPicture(f *testing.F) {
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00\xff\xda"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for format := range metaFormats {
			if how := orientation(bytes.NewReader(data), format); how < 1 || how > 8 {
				t.Fatal(how)
			}
		}
		if n := frames(data); n < 0 || n > len(data) {
			t.Fatal(n)
		}
		c, _, err := measure(bytes.NewReader(data))
		if err != nil || c.Width*c.Height > 1<<20 {
			return
		}
		if p, err := decode(t.Context(), bytes.NewReader(data), 64); err == nil && (p.Rect.Dx() > 64 || p.Rect.Dy() > 64) {
			t.Fatal(p.Rect)
		}
	})
}

// Calls lists what the API answers, as "METHOD path".
func (s *Server) Calls() []string { return s.calls }

// Fresh reports whether this node may tell people anything.
func (s *Server) Fresh() bool { return s.hub.fresh() }

// Show shows something on the devices of somebody.
func (s *Server) Show(id chat.UserID, told api.Told) { s.hub.tellPerson(id, told) }

// FuzzPeople takes any bytes for what another node says of its people.
func FuzzPeople(f *testing.F) {
	f.Add([]byte(`{"people":{"01890a5d-ac96-774b-bcce-b302099a8057":{"is":"online","open":["x"]}},"first":true,"last":true,"whole":true}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, note []byte) {
		p, ok := readPeople(note)
		if !ok {
			return
		}
		h := &hub{there: newPresences()}
		n := &peer{people: map[chat.UserID]seat{}}
		h.takePeople(n, p)
		if len(n.people) > len(p.People) {
			t.Fatalf("%d people of %d", len(n.people), len(p.People))
		}
	})
}
