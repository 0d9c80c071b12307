package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/pilot"
	"github.com/godwit-chat/godwit/internal/testkit"
)

const manual = "../../docs/moving.md"

// The commands of the manual are run in their order, against two servers with
// writers at work. Comments in it say what must be so in between.
func TestTheManualOfMovingIsTrue(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "manual.txt"), []byte(manualScript(t, string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[flightKey{}] = &twoPlaces{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"places": servePlaces, "ready": untilReady, "writes": writesAt, "check": checkWriters},
	})
}

var marks = regexp.MustCompile(`^<!-- test: (.*) -->$`)

// manualScript makes a script of the manual.
func manualScript(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("places\n")
	block, toml, lines := "", "", 0
	for _, line := range strings.Split(text, "\n") {
		m := marks.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, "```"):
			if block == "toml" {
				b.WriteString("cp config godwit.toml\n")
			}
			if block = strings.TrimPrefix(line, "```"); block == "" {
				continue
			}
		case block == "toml":
			toml += line + "\n"
		case block == "sh":
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				t.Fatalf("a line of a block that is run is no command: %s", line)
			}
			lines++
			if command, ok = strings.CutSuffix(command, " &"); ok {
				fmt.Fprintf(&b, "exec run %s &mover&\n", quoted("exec "+command))
				continue
			}
			fmt.Fprintf(&b, "exec run %s\n", quoted(command))
		case m != nil:
			b.WriteString(m[1] + "\n")
		}
	}
	if lines < 15 || toml == "" {
		t.Fatalf("the manual has %d commands, and a file of %d letters", lines, len(toml))
	}
	b.WriteString("wait mover\ncheck\n\n-- config --\n" + toml + "-- hooks/log --\n#!/bin/sh\ncat >> heard.jsonl\n")
	return b.String()
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

type flightKey struct{}

// twoPlaces are the servers of a script, and who writes at the first.
type twoPlaces struct {
	old, new string
	writers  *testkit.Writers
	stop     func()
}

// servePlaces serves two places, with people at the first who write all the
// time, and makes `run`, which runs a line of the manual with their addresses.
func servePlaces(ts *testscript.TestScript, _ bool, _ []string) {
	p := ts.Value(flightKey{}).(*twoPlaces)
	pw := ts.MkAbs("pw")
	ts.Check(os.WriteFile(pw, []byte("tern over the sound\n"), 0o600))
	ts.Check(os.Chmod(ts.MkAbs("hooks/log"), 0o700)) //nolint:gosec // it is run
	p.old, p.new = servePlace(ts, "old"), servePlace(ts, "new")
	ts.Check(ts.Exec("godwit", "admin", "create-user", "--owner", "Ada", "ada@example.org", "--mention", "ada", "--data", "old", "--password-file", pw))
	run := fmt.Sprintf("#!/bin/bash\nset -euo pipefail\nline=${1//https:\\/\\/old.example.org/%s}\neval \"${line//https:\\/\\/new.example.org/%s}\"\n", p.old, p.new)
	bin := ts.MkAbs("bin")
	ts.Check(os.MkdirAll(bin, 0o700))
	ts.Check(os.WriteFile(filepath.Join(bin, "run"), []byte(run), 0o700)) //nolint:gosec // it is run
	ts.Setenv("PATH", bin+string(os.PathListSeparator)+ts.Getenv("PATH"))
	config := ts.MkAbs("config")
	data, err := os.ReadFile(config)
	ts.Check(err)
	ts.Check(os.WriteFile(config, []byte(strings.NewReplacer("https://old.example.org", p.old, "https://new.example.org", p.new).Replace(string(data))), 0o600))
	p.write(ts)
}

func servePlace(ts *testscript.TestScript, data string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	listen := l.Addr().String()
	ts.Check(l.Close())
	cmd := command(ts, "godwit", "serve", "--data", data, "--listen", listen)
	log, err := os.Create(ts.MkAbs(data + ".log"))
	ts.Check(err)
	cmd.Stderr = log
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		_ = log.Close()
	})
	awaits(ts, "the server of "+data+" answers", func() bool {
		resp, err := http.Get("http://" + listen + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
		}
		_, ok := dialRunning(context.Background(), ts.MkAbs(data))
		return err == nil && ok
	})
	return "http://" + listen
}

// awaits waits for something, for at most a minute.
func awaits(ts *testscript.TestScript, what string, is func() bool) {
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("it never came so far that %s", what)
		}
	}
}

// write lets three programs of one person write at the old place, for good.
func (p *twoPlaces) write(ts *testscript.TestScript) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &testkit.Writers{Every: 100 * time.Millisecond}
	for i := range 3 {
		c := api.NewClient(p.old)
		_, err := c.SignIn(ctx, "ada@example.org", "tern over the sound")
		ts.Check(err)
		var room api.Room
		ts.Check(c.Do(ctx, "POST", "rooms", api.NewRoom{Name: fmt.Sprintf("writers %d", i), Type: "open", Nonce: fmt.Sprintf("nonce-of-room-%d", i)}, &room))
		w.Clients, w.Rooms = append(w.Clients, c), append(w.Rooms, room.ID)
	}
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	p.writers, p.stop = w, func() { cancel(); <-done }
	ts.Defer(p.stop)
}

func flightStatus(ts *testscript.TestScript, name string) (s move.Status) {
	line, ok := pilot.Dial(context.Background(), ts.MkAbs(name+".godwit"))
	if !ok {
		return s
	}
	defer line.Close()
	s, _ = line.Status(context.Background()) //nolint:errcheck // it is asked again
	return s
}

// untilReady makes `ready NAME`, which waits until a cutover may begin.
func untilReady(ts *testscript.TestScript, _ bool, args []string) {
	awaits(ts, "a cutover may begin", func() bool { return flightStatus(ts, args[0]).Ready })
}

// writesAt makes `writes old|new`, which waits until what the writers send to
// the old address is acknowledged, and sees that it is in the right place.
func writesAt(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(flightKey{}).(*twoPlaces)
	before := p.writers.Acked()
	awaits(ts, "writers go on", func() bool { return p.writers.Acked() > before+6 })
	want := map[string]string{"old": "from", "new": "to"}[args[0]]
	if got := flightStatus(ts, "autumn").Writing; got != want {
		ts.Fatalf("people write at %q", got)
	}
}

// checkWriters compares what was acknowledged with what is at the new place.
func checkWriters(ts *testscript.TestScript, _ bool, _ []string) {
	p := ts.Value(flightKey{}).(*twoPlaces)
	p.stop()
	c := api.NewClient(p.new)
	_, err := c.SignIn(context.Background(), "ada@example.org", "tern over the sound")
	ts.Check(err)
	wrong, err := p.writers.Check(context.Background(), c)
	ts.Check(err)
	if len(wrong) > 0 || p.writers.Acked() < 20 {
		ts.Fatalf("of %d messages: %s", p.writers.Acked(), strings.Join(wrong, "; "))
	}
	heard, err := os.ReadFile(ts.MkAbs("heard.jsonl"))
	ts.Check(err)
	var events []string
	for line := range strings.Lines(string(heard)) {
		var m pilot.Message
		ts.Check(json.Unmarshal([]byte(line), &m))
		events = append(events, m.Event+" "+m.Phase)
	}
	if !slices.Equal(events, []string{"after presync", "before freeze", "before freeze", "before freeze"}) {
		ts.Fatalf("the hooks heard %q", events)
	}
	owner := api.NewClient(p.new)
	_, err = owner.SignIn(context.Background(), "ada@example.org", "tern over the sound")
	ts.Check(err)
	var f api.Flight
	ts.Check(owner.Do(context.Background(), "GET", "admin/flight", nil, &f))
	if f.Move != "autumn" || !f.Over || f.State != string(chat.Open) || f.Status == nil {
		ts.Fatalf("the console of the new place says %+v", f)
	}
}
