package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// march is a moment of the fact sheet's examples.
var march = chat.TimeOf(time.Date(2018, 3, 25, 0, 51, 24, 123_000, time.UTC))

func TestDeriveKey(t *testing.T) {
	key := chat.DeriveKey(march, "hq", "message", "7", "0b6f1a52")

	t.Run("it is the same for ever", func(t *testing.T) {
		// If this fails, every import that was ever made would copy instead of find.
		if got, want := key.String(), "01625aa3-72e0-810d-9f38-f5169912ffd7"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
	t.Run("times that differ below a second give the same", func(t *testing.T) {
		if chat.DeriveKey(march+999_876, "hq", "message", "7", "0b6f1a52") != key {
			t.Error("another key")
		}
		if chat.DeriveKey(march+999_877, "hq", "message", "7", "0b6f1a52") == key {
			t.Error("the next second gave the same key")
		}
	})
	t.Run("each part counts, and where it ends", func(t *testing.T) {
		seen := map[chat.Key]string{}
		for _, parts := range [][]string{{"hq", "message", "7", "0b"}, {"hq", "message", "70b"}, {"hq", "message", "7", "0", "b"}, {"hq", "message7", "0b"}, {"hqmessage", "7", "0b"}, {"b", "message", "7", "0b"}} {
			k := chat.DeriveKey(march, parts[0], parts[1], parts[2:]...)
			if other, twice := seen[k]; twice {
				t.Errorf("%q and %q give the same key", parts, other)
			}
			seen[k] = fmt.Sprint(parts)
		}
	})
	t.Run("it is a UUID of version 8 in time order", func(t *testing.T) {
		s := key.String()
		if s[14] != '8' || !strings.ContainsRune("89ab", rune(s[19])) {
			t.Error(s)
		}
		if later := chat.DeriveKey(march+1_000_000, "hq", "message", "x"); later.String() <= s {
			t.Errorf("%s is not after %s", later, s)
		}
	})
}

func TestNewKey(t *testing.T) {
	k := chat.NewKey(march, [10]byte{0xff, 0xff, 0xff, 0xff})
	if got, want := k.String(), "01625aa3-72e0-7fff-bfff-000000000000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestID(t *testing.T) {
	id := chat.UserID(chat.DeriveKey(march, "hq", "user", "1"))
	back, err := chat.ParseID[chat.User](id.String())
	if err != nil || back != id {
		t.Fatal(back, err)
	}
	for _, bad := range []string{"", "1", id.String() + "0", strings.Replace(id.String(), "-", "0", 1), strings.Repeat("-", 36), strings.Repeat("g", 36), "01625a8da-ee0-878e-a0ef-9d27f6e59b09"} {
		if k, err := chat.ParseKey(bad); !chat.IsKind(err, chat.Invalid) || !k.IsZero() {
			t.Errorf("%q: %v, %v", bad, k, err)
		}
	}
}

func TestDay(t *testing.T) {
	if d := march.Day(); d.String() != "2018-03-25" || d.Start() > march || d.Start().Day() != d {
		t.Error(d)
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"ada": "ada", "Ada@Example.ORG": "ada@example.org", "José": "jose", "jose\u0301": "jose", "ÀÉÎ": "aei", "ＡＢＣ": "abc",
		"Ж": "ж", "İ": "i", "ﬁ": "fi", "日本": "日本", "\xff": "\ufffd",
	} {
		if got := chat.Fold(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if again := chat.Fold(chat.Fold(in)); again != chat.Fold(in) {
			t.Errorf("%q: folded twice it is %q", in, again)
		}
	}
}

func TestTerms(t *testing.T) {
	for in, want := range map[string][]string{
		"":                      nil,
		"Ready? (thumbsup) x_1": {"ready", "thumbsup", "x_1"},
		"it's 3.5":              {"it", "s", "3", "5"},
		"東京都":                   {"東", "東京", "京", "京都", "都"},
		"Go言語":                  {"go", "言", "言語", "語"},
		"สวัสดี":                {"ส", "สว", "ว", "วส", "ส", "สด", "ด"},
		strings.Repeat("é", 80): {strings.Repeat("e", 64)},
	} {
		if got := chat.Terms(in, false); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	t.Run("what a query has, a text with the same words has too", func(t *testing.T) {
		for _, s := range []string{"東京都 ready", "言", "Ünïcode 語"} {
			have := map[string]bool{}
			for _, w := range chat.Terms("x "+s+" y", false) {
				have[w] = true
			}
			for _, w := range chat.Terms(s, true) {
				if !have[w] {
					t.Errorf("%q: the query's %q is not in the text", s, w)
				}
			}
		}
	})
}

func FuzzTerms(f *testing.F) {
	f.Add("Ready? 東京都 สวัสดี \xff")
	f.Fuzz(func(t *testing.T, s string) {
		have := map[string]bool{}
		for _, w := range chat.Terms(s, false) {
			if w == "" || len(w) > 64 {
				t.Fatalf("term %q", w)
			}
			have[w] = true
		}
		for _, w := range chat.Terms(s, true) {
			if !have[w] {
				t.Fatalf("%q cannot be found by its own word %q", s, w)
			}
		}
	})
}

func TestKinds(t *testing.T) {
	for _, k := range chat.Kinds() {
		t.Run(k.String(), func(t *testing.T) {
			o := k.New()
			if o == nil || o.Kind() != k {
				t.Fatalf("New gives a %T", o)
			}
			fill(reflect.ValueOf(o).Elem(), 1)
			b := encode(o)
			back := k.New()
			if err := json.Unmarshal(b, back); err != nil || !reflect.DeepEqual(o, back) {
				t.Fatalf("%s\n came back as %+v, %v", b, back, err)
			}
			if chat.Digest(o) != chat.Digest(back) {
				t.Error("the digest changed on the way")
			}
			var kind chat.Kind
			if err := kind.UnmarshalText([]byte(k.String())); err != nil || kind != k {
				t.Error(kind, err)
			}
			eachFieldCounts(t, o)
		})
	}
}

func encode(o chat.Object) []byte {
	if m, ok := o.(*chat.Message); ok {
		b, _ := json.Marshal(m)
		return b
	}
	return chat.EncodeBody(o)
}

// fill sets every field to something that is not its zero.
func fill(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n+i)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n+i)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"a":1}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n+i)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": "2", "a": "1"}))
	case reflect.String:
		v.SetString(fmt.Sprintf("<text & %d>", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(n%2 + 1))
	default:
		v.SetInt(int64(n))
	}
}

// eachFieldCounts sets one field after the other to zero: the digest must
// notice each.
func eachFieldCounts(t *testing.T, o chat.Object) {
	t.Helper()
	seen := map[uint64]string{chat.Digest(o): "all"}
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		old := reflect.New(f.Type()).Elem()
		old.Set(f)
		f.SetZero()
		d, name := chat.Digest(o), v.Type().Field(i).Name
		if other, twice := seen[d]; twice {
			t.Errorf("without %s the digest is that of %s", name, other)
		}
		seen[d] = name
		f.Set(old)
	}
}

func TestEveryFieldOfTheExtraPartCounts(t *testing.T) {
	m := &chat.Message{ID: chat.MessageID{1}}
	fill(reflect.ValueOf(&m.Extra).Elem(), 1)
	v := reflect.ValueOf(&m.Extra).Elem()
	all := chat.Digest(m)
	for i := range v.NumField() {
		f, old := v.Field(i), reflect.New(v.Field(i).Type()).Elem()
		old.Set(f)
		f.SetZero()
		if chat.Digest(m) == all {
			t.Errorf("without %s the digest is the same", v.Type().Field(i).Name)
		}
		f.Set(old)
		alone := &chat.Message{ID: m.ID}
		reflect.ValueOf(&alone.Extra).Elem().Field(i).Set(old)
		if alone.EncodeExtra() == nil {
			t.Errorf("%s alone is not stored", v.Type().Field(i).Name)
		}
	}
}

func TestDigestStays(t *testing.T) {
	// Stored digests are compared with recomputed ones by every later version.
	u := &chat.User{ID: chat.UserID{1}, Name: "Ada & <Byte>", Role: chat.RoleMember, Created: march}
	m := &chat.Message{ID: chat.MessageID{1}, Room: chat.RoomID{2}, Sent: march, Text: "héllo", Extra: chat.Extra{Label: "CI", Color: "green"}}
	for _, c := range []struct {
		o    chat.Object
		want uint64
	}{{u, 0xbd386ca03c684797}, {m, 0x4c32ff71efa61c78}} {
		if got := chat.Digest(c.o); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.o.Kind(), got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	err := fmt.Errorf("read manifest: %w", chat.Errorf(chat.Damaged, "cut at %d: %w", 5, errors.ErrUnsupported).WithHint("copy it again"))
	if !chat.IsKind(err, chat.Damaged) || chat.IsKind(err, chat.Internal) || !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if !chat.IsKind(errors.New("x"), chat.Internal) || chat.IsKind(nil, chat.Internal) {
		t.Error("an error without a kind is Internal, and none is nothing")
	}
}
