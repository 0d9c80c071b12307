package slack_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/slack"
)

const (
	oneUser    = `[{"id":"U0ADA","team_id":"T0","name":"ada"}]`
	oneChannel = `[{"id":"C0GENERAL","name":"général","created":1700000000,"members":["U0ADA"]}]`
	oneMessage = `[{"type":"message","ts":"1710000000.000000","user":"U0ADA","text":"hello"}]`
)

// pack writes a zip of names and contents, in that order.
func pack(t testing.TB, with func(*zip.Writer)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	with(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func add(t testing.TB, z *zip.Writer, h *zip.FileHeader, text string) {
	t.Helper()
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNamesInAZipAreData(t *testing.T) {
	path := pack(t, func(z *zip.Writer) {
		plain := func(name, text string) {
			add(t, z, &zip.FileHeader{Name: name, Method: zip.Deflate, NonUTF8: true}, text)
		}
		plain("users.json", oneUser)
		plain("channels.json", oneChannel)
		plain("ge\u0301ne\u0301ral\\2024-03-09.json", oneMessage) // accents apart, and Windows' separator
		plain("../../etc/passwd.json", oneMessage)
		plain("/abs/2024-03-09.json", oneMessage)
		plain(`C:\x\2024-03-09.json`, oneMessage)
		plain("général/../général/2024-03-09.json", oneMessage)
		plain("caf\x82/2024-03-09.json", oneMessage) // code page 437
		plain("users.json", `[{"id":"U0EVE"}]`)
		plain("__MACOSX/._users.json", "x")
		plain("général/.DS_Store", "x")
		link := &zip.FileHeader{Name: "général/2024-03-10.json"}
		link.SetMode(os.ModeSymlink | 0o777)
		add(t, z, link, "/etc/passwd")
	})
	e := load(t, path, connect.Options{})
	if r := e.rooms["général"]; r == nil || r.Type != chat.RoomOpen || e.messages["hello"] == nil || e.rooms["café"] == nil || e.rooms["café"].Type != chat.RoomPrivate {
		t.Errorf("rooms are %v", e.rooms)
	}
	for _, words := range []string{`passwd.json: its name climbs out`, "/abs/2024-03-09.json: its name is an absolute path", `C:\x`, "général/../général/2024-03-09.json: its name climbs", "users.json: a file of this name is in it already", "2024-03-10.json: it is a link"} {
		if !e.noted(chat.NoteQuarantine, chat.KindContent, words) {
			t.Errorf("no note says %q", words)
		}
	}
	if n := len(e.byTime[1710000000_000000]); n != 2 {
		t.Errorf("%d messages, want that of the channel and that of the lost one", n)
	}
}

func TestABombEndsSoon(t *testing.T) {
	zeros := strings.Repeat(" ", 1<<20)
	path := pack(t, func(z *zip.Writer) {
		add(t, z, &zip.FileHeader{Name: "users.json", Method: zip.Deflate}, oneUser)
		w, err := z.CreateHeader(&zip.FileHeader{Name: "x/2024-03-09.json", Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			if _, err := io.WriteString(w, zeros); err != nil {
				t.Fatal(err)
			}
		}
	})
	e := load(t, path, connect.Options{})
	if !e.noted(chat.NoteQuarantine, chat.KindContent, "made to fill a disk") {
		t.Errorf("notes are %v", e.notes)
	}
}

func TestADamagedZipIsAnErrorThatNamesTheFile(t *testing.T) {
	path := pack(t, func(z *zip.Writer) {
		add(t, z, &zip.FileHeader{Name: "users.json"}, oneUser)
		add(t, z, &zip.FileHeader{Name: "channels.json"}, oneChannel)
		add(t, z, &zip.FileHeader{Name: "général/2024-03-09.json"}, oneMessage)
	})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte("hello"), []byte("jello"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := slack.Open(t.Context(), path, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	var failed error
	for _, err := range s.Changes(t.Context(), "") {
		failed = err
	}
	if !chat.IsKind(failed, chat.Damaged) || !strings.Contains(failed.Error(), "général/2024-03-09.json") || !strings.Contains(failed.Error(), "made.zip") {
		t.Errorf("a changed byte gives %v", failed)
	}
}

func TestAnExportOfAnOrganisationHasItsWorkspacesBelow(t *testing.T) {
	path := pack(t, func(z *zip.Writer) {
		for _, f := range [][2]string{
			{"org_users.json", `[{"id":"W0ADA","team_id":"T1","name":"ada"},{"id":"W0BOB","team_id":"T2","name":"bob"}]`},
			{"channels.json", `[{"id":"C0ALL12","name":"all","created":1700000000,"members":["W0ADA","W0BOB"]}]`},
			{"all/2024-03-09.json", `[{"type":"message","ts":"1710000000.000000","user":"W0ADA","text":"to all"}]`},
			{"teams/one/channels.json", `[{"id":"C0ONE12","name":"general","created":1700000000,"members":["W0ADA"]}]`},
			{"teams/one/general/2024-03-09.json", `[{"type":"message","ts":"1710000000.000000","user":"W0ADA","text":"first"}]`},
			{"teams/two/channels.json", `[{"id":"C0TWO12","name":"general","created":1700000000,"members":["W0BOB"]}]`},
			{"teams/two/general/2024-03-09.json", `[{"type":"message","ts":"1710000000.000000","user":"W0BOB","text":"second"}]`},
		} {
			add(t, z, &zip.FileHeader{Name: f[0], Method: zip.Deflate}, f[1])
		}
	})
	e := load(t, path, connect.Options{Name: "org"})
	for text, id := range map[string]string{"to all": "C0ALL12", "first": "C0ONE12", "second": "C0TWO12"} {
		if m := e.messages[text]; m == nil || m.Room != chat.OriginRoom("org", id) {
			t.Errorf("%q is %+v", text, m)
		}
	}
	if u := e.users["bob"]; u == nil || u.Role != chat.RoleMember {
		t.Errorf("somebody of another workspace of the organisation is %+v", u)
	}
}

func FuzzExport(f *testing.F) {
	f.Add("general/2024-03-09.json", []byte(oneMessage), []byte(oneUser), []byte(`[{"id":"C0GENERAL","name":"general"}]`))
	f.Add("x/../y.json", []byte(`[1,"a",{"ts":1},[],null`), []byte(`[]`), []byte(`{}`))
	f.Add("general/a.json", []byte(`[{"ts":"1710000000.1","thread_ts":"1700000000","files":[null,{"id":"F1"}],"reactions":[{"name":"x","users":["U1"]}],"subtype":"message_deleted","deleted_ts":"1.1"}] [`), []byte(`[{"id":"U1"}]`), []byte(`[{"id":"C1","name":"general","pins":[{"id":1}]}]`))
	f.Fuzz(func(t *testing.T, name string, day, users, channels []byte) {
		path := pack(t, func(z *zip.Writer) {
			for n, data := range map[string][]byte{"users.json": users, "channels.json": channels, "general/2024-03-10.json": day} {
				add(t, z, &zip.FileHeader{Name: n}, string(data))
			}
			if w, err := z.Create(strings.TrimSuffix(name, "/")); err == nil {
				_, _ = w.Write(day)
			}
		})
		s, err := slack.Open(t.Context(), path, connect.Options{})
		if err != nil {
			return
		}
		defer s.Close() //nolint:errcheck // only read
		var known int64
		for item, err := range s.Changes(t.Context(), "") {
			if err != nil {
				return
			}
			if item.Bytes != nil {
				if _, err := io.Copy(io.Discard, item.Bytes); err != nil {
					return
				}
			}
			if m, ok := item.Object.(*chat.Message); ok && !item.Made {
				known++
				chat.Digest(m)
			}
			if n := item.Note; n != nil && n.Object == chat.KindMessage && (n.Kind == chat.NoteSkip || n.Kind == chat.NoteQuarantine) {
				known++
			}
		}
		inv, err := s.Inventory(t.Context(), chat.TallyQuery{Level: chat.L1})
		if err != nil {
			t.Fatal(err)
		}
		if raw := inv.Raw["message"]; raw != known {
			t.Fatalf("%d raw records of messages, %d accounted for, in %s", raw, known, fmt.Sprintf("%q", day))
		}
	})
}
