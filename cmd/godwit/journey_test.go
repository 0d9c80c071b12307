package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

const journeyPassword = "correct horse battery staple"

// The whole journey: an encrypted export with every trap goes over HTTP into a
// running server, and somebody who came with it reads all of it in a browser.
func TestJourneyOfAnExportIntoABrowser(t *testing.T) {
	if os.Getenv("GODWIT_BROWSER") == "" {
		t.Skip("make test walks through a real browser; for this alone set GODWIT_BROWSER=1")
	}
	bin, dir := buildProgram(t), t.TempDir()
	write(t, filepath.Join(dir, "export-password"), []byte("tern over the sound"))
	write(t, filepath.Join(dir, "password"), []byte(journeyPassword))
	godwit := func(args ...string) string {
		t.Helper()
		return programOutput(t, dir, bin, args...)
	}
	godwit("sample", "export.tar.gz.aes", "--users=40", "--rooms=12", "--messages=2500", "--traps", "--password-file=export-password")
	url := serveJourney(t, dir, bin, "--data=data")
	write(t, filepath.Join(dir, "token"), []byte(godwit("admin", "token", "--for=move", "--data=data")))
	godwit("import", "hipchat:export.tar.gz.aes", url, "--token-file=token", "--password-file=export-password")

	login, rooms := expectations(t, filepath.Join(dir, "export.tar.gz.aes"))
	godwit("admin", "reset-link", login, "--password-file=password", "--data=data")
	expect, err := json.Marshal(map[string]any{"rooms": rooms})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "expect.json"), expect)

	cmd := exec.CommandContext(t.Context(), "node", "--test", "test/demo.test.mjs")
	cmd.Dir = filepath.Join("..", "..", "web")
	cmd.Env = append(os.Environ(), "GODWIT_URL="+url, "GODWIT_LOGIN="+login, "GODWIT_PASSWORD="+journeyPassword, "GODWIT_EXPECT="+filepath.Join(dir, "expect.json"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s walked %d rooms\n%s", login, len(rooms), out)
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// programOutput runs the program in dir and returns what it printed; that
// something was lost is no failure.
func programOutput(t testing.TB, dir, bin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != exitLosses {
		t.Fatalf("godwit %s: %v\n%s%s", strings.Join(args, " "), err, out, &said)
	}
	return string(out)
}

// serveJourney starts a server on a place in dir, which ends with the test,
// and returns its address.
func serveJourney(t testing.TB, dir, bin string, at ...string) string {
	t.Helper()
	// Not the test's context, which ends before the cleanup.
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, append([]string{"serve", "--listen=127.0.0.1:0"}, at...)...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to end
		if t.Failed() {
			t.Logf("the server's log:\n%s", &log)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "Godwit is at "); ok {
			return address
		}
	}
	t.Fatal("the server did not start")
	return ""
}

// walked is a room that the browser walks through.
type walked struct {
	ID       chat.RoomID      `json:"id"`
	Name     string           `json:"name"`
	Messages []chat.MessageID `json:"messages"`
}

// held is what a target should have of an export, found out by reading the
// export alone.
type held struct {
	users    map[chat.UserID]*chat.User
	rooms    map[chat.RoomID]*chat.Room
	members  map[chat.RoomID]map[chat.UserID]bool
	messages map[chat.MessageID]*chat.Message
}

// expectations returns who of an export is in most rooms, and all the rooms
// that they may read with all their messages, oldest first. The first room can
// be written to.
func expectations(t *testing.T, path string) (login string, rooms []walked) {
	t.Helper()
	h := readExport(t, path)
	in := map[chat.UserID]int{}
	for _, members := range h.members {
		for id := range members {
			in[id]++
		}
	}
	var who *chat.User
	for _, u := range h.users {
		reader := chat.CanSignIn(u) && u.Email != "" && u.Role != chat.RoleGuest
		if reader && (who == nil || cmp.Or(cmp.Compare(in[u.ID], in[who.ID]), bytes.Compare(u.ID[:], who.ID[:])) > 0) {
			who = u
		}
	}
	if who == nil {
		t.Fatal("nobody of the export can sign in")
	}
	admin := who.Role == chat.RoleAdmin || who.Role == chat.RoleOwner
	of := map[chat.RoomID][]*chat.Message{}
	for _, m := range h.messages {
		of[m.Room] = append(of[m.Room], m)
	}
	for _, r := range slices.SortedFunc(maps.Values(h.rooms), inUseFirst) {
		if r.Gone || r.State == chat.RoomDeleted && !admin || r.Type != chat.RoomOpen && !h.members[r.ID][who.ID] {
			continue
		}
		slices.SortFunc(of[r.ID], func(a, b *chat.Message) int {
			return cmp.Or(cmp.Compare(a.Sent, b.Sent), bytes.Compare(a.ID[:], b.ID[:]))
		})
		w := walked{ID: r.ID, Name: r.Name, Messages: []chat.MessageID{}}
		for _, m := range of[r.ID] {
			w.Messages = append(w.Messages, m.ID)
		}
		rooms = append(rooms, w)
	}
	return who.Email, rooms
}

func inUseFirst(a, b *chat.Room) int {
	rank := func(r *chat.Room) int {
		if r.State == chat.RoomActive {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name), bytes.Compare(a.ID[:], b.ID[:]))
}

// readExport reads what an export gives. Of two copies of a message the one
// that is not marked as a copy counts.
func readExport(t *testing.T, path string) held {
	t.Helper()
	password := func(context.Context) ([]byte, error) { return []byte("tern over the sound"), nil }
	source, err := hipchat.Open(t.Context(), path, connect.Options{Password: password})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	h := held{map[chat.UserID]*chat.User{}, map[chat.RoomID]*chat.Room{}, map[chat.RoomID]map[chat.UserID]bool{}, map[chat.MessageID]*chat.Message{}}
	first := map[chat.MessageID]bool{}
	for item, err := range source.Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		switch o := item.Object.(type) {
		case *chat.User:
			h.users[o.ID] = o
		case *chat.Room:
			h.rooms[o.ID] = o
		case *chat.Member:
			if h.members[o.Room] == nil {
				h.members[o.Room] = map[chat.UserID]bool{}
			}
			h.members[o.Room][o.User] = !o.Gone
		case *chat.Message:
			if !first[o.ID] {
				h.messages[o.ID] = o
			}
			first[o.ID] = first[o.ID] || !item.Copy
		}
	}
	return h
}
