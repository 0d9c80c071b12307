package hipchat_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

// readsOrExplains reads any bytes: they are an export, or the error is one for
// a person. It returns the number of messages read and of those quarantined,
// and of the raw records.
func readsOrExplains(t *testing.T, data []byte) (known, raw int64) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := hipchat.Open(t.Context(), path, withPassword)
	if err == nil {
		for item, e := range s.Changes(t.Context(), "") {
			if err = e; err != nil {
				break
			}
			if item.Bytes != nil {
				if _, err = io.Copy(io.Discard, item.Bytes); err != nil {
					break
				}
			}
			_, isMessage := item.Object.(*chat.Message)
			if isMessage || item.Object == nil && item.Note.Kind == chat.NoteQuarantine && item.Note.Object == chat.KindMessage {
				known++
			}
			if item.Object != nil {
				chat.Digest(item.Object)
			}
		}
	}
	if err != nil {
		if chat.IsKind(err, chat.Internal) {
			t.Fatalf("%v is no error for a person", err)
		}
		return 0, 0
	}
	inv, err := s.Inventory(t.Context(), chat.TallyQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range inv.Raw {
		if name == "message" || strings.HasSuffix(name, "Message") {
			raw += n
		}
	}
	return known, raw
}

func FuzzOpen(f *testing.F) {
	f.Add(tarOf("users.json", oneUser, "rooms.json", oneRoom, "rooms/7/history.json", oneLine))
	f.Add(zipOf(tarOf("users.json", oneUser)))
	f.Add([]byte("Salted__12345678"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) { readsOrExplains(t, b) })
}

func FuzzHistory(f *testing.F) {
	f.Add(oneLine)
	f.Add("[" + oneLine + "," + oneLine[1:])
	f.Add(`[{"UserMessage":{"message":"\ud800","sender":"x"`)
	f.Add(`[1,"a",[],{},null]x`)
	f.Add(`{"a":1}`)
	f.Fuzz(func(t *testing.T, s string) {
		known, raw := readsOrExplains(t, tarOf("users.json", oneUser, "rooms.json", oneRoom, "rooms/7/history.json", s, "users/1/history.json", s))
		if known != raw {
			t.Fatalf("%d records are known and %d were counted", known, raw)
		}
	})
}

func FuzzLists(f *testing.F) {
	f.Add(oneUser, oneRoom, `[{"Emoticon":{"id":1,"path":"emoticons/a.png","shortcut":"a"}}]`)
	f.Add(`[{"User":{"id":"1","avatar":"users/avatars/1/a.png"}}]`, `[{"Room":{"id":7,"members":[{"id":1},"2",null]}}]`, `{"Emoticons":[{"path":"1/a.png","shortcut":"(a)"}]}`)
	f.Fuzz(func(t *testing.T, users, rooms, emoticons string) {
		readsOrExplains(t, tarOf("users.json", users, "rooms.json", rooms, "emoticons.json", emoticons, "users/1/autojoin.json", emoticons, "users/1/preferences.json", users))
	})
}

func FuzzNames(f *testing.F) {
	for _, n := range []string{"rooms/7/files/a/history.json", "../x", "/x", "users/files/a/b", "users/1/avatars/x.png", "emoticons/../users.json"} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, name string) {
		readsOrExplains(t, tarOf("users.json", oneUser, "rooms.json", oneRoom, name, oneLine))
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{"2018-03-25T00:51:24Z 000123", "2018-03-25T00:51:24Z", "2018-07-17T17:41:44.527568Z", "2013-12-02T18:04:15+00:00", "2018-02-30T00:00:00Z 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := hipchat.ParseTime(s)
		if err == nil && (at <= 0 || at.Std().Year() > 9999) {
			t.Fatalf("%q is %v", s, at)
		}
	})
}

func TestTimestamps(t *testing.T) {
	for in, want := range map[string]string{
		"2018-08-08T14:23:54Z 626267":  "2018-08-08T14:23:54.626267Z",
		"2018-08-08T14:23:54Z 5":       "2018-08-08T14:23:54.000005Z", // an integer, not a fraction
		"2018-08-08T14:23:54Z":         "2018-08-08T14:23:54Z",
		"2018-07-17T17:41:44.527568Z":  "2018-07-17T17:41:44.527568Z",
		"2018-07-17T17:41:44+02:00":    "2018-07-17T15:41:44Z",
		"2016-02-29T00:00:00Z 000000":  "2016-02-29T00:00:00Z",
		"2018-02-29T00:00:00Z 000000":  "",
		"2018-08-08T14:23:54Z 1234567": "",
		"2018-08-08T14:23:54Z -1":      "",
		"yesterday":                    "",
	} {
		got, err := hipchat.ParseTime(in)
		if (err == nil) != (want != "") || err == nil && got.Std().Format("2006-01-02T15:04:05.999999999Z07:00") != want {
			t.Errorf("%q: %v, %v, want %q", in, got.Std(), err, want)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add([]byte("Salted__12345678" + strings.Repeat("x", 64)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 32 {
			return
		}
		for _, d := range []string{"MD5", "SHA-256"} {
			plain, err := hipchat.DecryptWith(d, "correct horse", b)
			if err == nil && len(plain) >= len(b)-16 {
				t.Fatalf("%d bytes from %d", len(plain), len(b))
			}
		}
		_, _ = hipchat.Open(t.Context(), put(t, "x", append([]byte("Salted__"), b...)), connect.Options{Password: password("")})
	})
}

func TestRecordsAreCutAlikeHoweverTheyAreRead(t *testing.T) {
	line := oneLine[1 : len(oneLine)-1]
	for _, s := range []string{
		"[" + line + "," + line[:40] + line + "]", `[{"a":"b{"UserMessage":{}},"x{"UserMessage":1]`, `["\\\" , "\"", 1,2 3]`,
		`[{"UserMessage":{"m":"\`, `[{"UserMessage`, `[{"a":{"UserMessage`, `[{"a":{"UserMessage"`, `[{"a":{"UserMessage":`, `[{"a":{"cardMessage":1}}]`, `[}1}{]`, line + "[", "[] []x",
	} {
		whole, one := hipchat.Cut(strings.NewReader(s)), hipchat.Cut(iotest.OneByteReader(strings.NewReader(s)))
		if whole != one || whole.Cut != whole.Counted {
			t.Errorf("%s: %+v, byte for byte %+v", s, whole, one)
		}
	}
}

func TestBrokenHistoriesAreCountedAsTheyAreRead(t *testing.T) {
	line := oneLine[1 : len(oneLine)-1]
	more := `{"NotificationMessage":{"card":"{\"style\":\"link\"}","color":"red","id":"n","message":"a \\ \" b","message_format":"html","sender":"CI","timestamp":"2018-03-25T00:51:24Z 000123"}}`
	whole := "[" + strings.Join([]string{line, more, `"x"`, `{}`, line, `[1,[2]]`, line, more, `null`, line}, ",\n") + "]"
	odd := []string{"", "[", "]", "{", "}", `"`, `\`, ",", ":", `{"`, `{"UserMessage":`, `{"UserMessage"`, `"Message":`, `{"cardMessage":`, "1", "\x00", "\xef\xbb\xbf", " ", `\"`, "[]", line, "\n"}
	d := rand.New(rand.NewPCG(1, 2))
	check := func(s string) {
		t.Helper()
		known, raw := readsOrExplains(t, tarOf("users.json", oneUser, "rooms.json", oneRoom, "rooms/7/history.json", s))
		if known != raw {
			t.Fatalf("%d records are known and %d were counted in %q", known, raw, s)
		}
	}
	for _, s := range odd {
		check(s)
		check("[" + s)
		check("[" + line + "," + s)
		check("[" + s + "," + line + "]")
	}
	n := 3000
	if testing.Short() {
		n = 300
	}
	for range n {
		s := whole
		for range 1 + d.IntN(4) {
			at := d.IntN(len(s) + 1)
			to := min(len(s), at+d.IntN(1+d.IntN(80)))
			s = s[:at] + odd[d.IntN(len(odd))] + s[to:]
		}
		check(s)
	}
}
