package pilot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const example = `name = "autumn"
from = "https://old.example.org"
to = "place"
from_token_file = "secrets/from"
throttle = "1.25x"
bandwidth = "Mon-Fri 08:00-19:00 20MB/s; 200MB/s"
parallel = 8
max_pause = "5s"
reverse = "72h"
metrics = "127.0.0.1:9100"

[hooks]
timeout = "1m"
[hooks.before]
freeze = ["hooks/tell"]
[hooks.after]
cutover = ["/usr/local/bin/dns", "hooks/tell"]

[notify]
webhook = "https://hooks.example.org/x"
webhook_secret_file = "secrets/hook"
mail_to = ["ops@example.org"]
mail_from = "Godwit <godwit@example.org>"
smtp = "smtps://godwit@mail.example.org:465"
`

func TestAFileSaysAllOfAMove(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "godwit.toml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "autumn" || c.From != "https://old.example.org" || c.Parallel != 8 || time.Duration(c.MaxPause) != 5*time.Second || time.Duration(c.Hooks.Timeout) != time.Minute {
		t.Errorf("%+v", c)
	}
	for name, got := range map[string]string{
		"place": c.To, "secrets/from": c.FromFile, "hooks/tell": c.Hooks.Before["freeze"][0], "secrets/hook": c.Notify.SecretFile,
	} {
		if got != filepath.Join(dir, name) {
			t.Errorf("%s is not below the directory of the file: %s", name, got)
		}
	}
	if c.Hooks.After["cutover"][0] != "/usr/local/bin/dns" {
		t.Error(c.Hooks.After)
	}
}

func TestWhatIsWrongInAFileIsSaidWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, old, new, want, hint string }{
		{"a key that is not known", `parallel = 8`, `threads = 8`, "line 7: there is no setting threads", "lists all"},
		{"a key below a table that is not known", `timeout = "1m"`, `timeouts = "1m"`, "line 13: there is no setting hooks.timeouts", ""},
		{"a token in the file", `from_token_file = "secrets/from"`, `from_token = "abc"`, "line 4: there is no setting from_token", "secrets are not written"},
		{"a password in an address", `smtps://godwit@`, `smtps://godwit:pw@`, "has a password in it", "smtp_password_file"},
		{"a password in a place", `to = "place"`, `to = "postgres://u:pw@h/d"`, "has a password in it", "PGPASSWORD"},
		{"a time that is none", `"5s"`, `"5 seconds"`, "line 8", ""},
		{"a time below zero", `"5s"`, `"-5s"`, "line 8", ""},
		{"no source", `from = "https://old.example.org"`, ``, "from is not set", ""},
		{"a phase that is none", `freeze = `, `freese = `, "hooks.before.freese", "plan, presync"},
		{"a hook that would never run", `[hooks.after]`, "[hooks.after]\nfollow = [\"x\"]", "hooks.after.follow would never be run", "before.freeze"},
		{"a scope", `[hooks]`, "[scope]\nrooms = [\"ops\"]\n[hooks]", "carries the whole place", "godwit export"},
		{"a people file", `[hooks]`, "people = \"p.csv\"\n[hooks]", "the target of a move between two places is empty", "imports"},
		{"a throttle that is none", `"1.25x"`, `"fast"`, "fast", "1.25x"},
		{"a timetable that is none", `20MB/s`, `20 parsecs`, "parsecs", ""},
		{"half of what mail needs", `mail_from = "Godwit <godwit@example.org>"`, ``, "a part of what mail needs", "mail_from"},
		{"a recipient that is none", `ops@example.org`, `ops`, "not an e-mail address", ""},
		{"too many at once", `parallel = 8`, `parallel = 800`, "1 to 64", ""},
		{"what is no TOML", `parallel = 8`, `parallel 8`, "line 7", ""},
		{"a word for a number", `parallel = 8`, `parallel = "many"`, "line 7", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(example, c.old, c.new, 1)
			if text == example {
				t.Fatal("nothing was changed")
			}
			_, err := ParseConfig("godwit.toml", []byte(text))
			if !chat.IsKind(err, chat.Invalid) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "godwit.toml") {
				t.Fatalf("%v", err)
			}
			if e := err.(*chat.Error); !strings.Contains(e.Hint, c.hint) {
				t.Errorf("hint: %s", e.Hint)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("from = 'a'\nto = 'b'\n[scope]\nkinds = [1]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig("f", data)
		if err != nil && !chat.IsKind(err, chat.Invalid) {
			t.Fatalf("%v", err)
		}
		if err == nil && (c.From == "" || c.To == "" || len(c.Scope.Rooms) > 0) {
			t.Fatalf("%+v", c)
		}
	})
}
