package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// runCommand runs a command line within the test, and returns its exit code.
func runCommand(t *testing.T, out, errs io.Writer, args ...string) int {
	t.Helper()
	a := &app{in: os.Stdin, out: out, err: errs}
	var c commands
	k, err := kong.New(&c, kong.Name("godwit"), kong.Writers(out, errs), kong.Vars{"data": defaultData}, kong.BindTo(t.Context(), (*context.Context)(nil)), kong.Bind(a))
	if err != nil {
		t.Fatal(err)
	}
	return a.do(t.Context(), k, &c, args)
}

// A HipChat export whose attachments stayed on the server: they are got from
// the hosts that are named, and from no other.
func TestAttachmentsOfHipChatAreFetchedFromNamedHostsOnly(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch {
		case strings.HasSuffix(r.URL.Path, "sign.txt"):
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<html><input type="password"></html>`)
		case strings.HasSuffix(r.URL.Path, "gone.txt"):
			http.NotFound(w, r)
		default:
			fmt.Fprint(w, "attached")
		}
	}))
	t.Cleanup(server.Close)
	host, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	export := filepath.Join(dir, "export")
	put := func(name, text string) {
		path := filepath.Join(export, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("users.json", `[{"User":{"id":1,"name":"Ada","mention_name":"ada","email":"ada@example.org","account_type":"user","created":"2015-01-01T00:00:00+00:00"}}]`)
	put("rooms.json", `[{"Room":{"id":3,"name":"Ops","privacy":"public","created":"2015-01-01T00:00:00+00:00","members":[1],"owner":1}}]`)
	var records []string
	for i, f := range []string{server.URL + "/a/got.txt", server.URL + "/a/sign.txt", server.URL + "/a/gone.txt", "http://elsewhere.example.org/x.txt", server.URL + "/a/here.txt"} {
		name := f[strings.LastIndexByte(f, '/')+1:]
		records = append(records, fmt.Sprintf(`{"UserMessage":{"id":"m%d","timestamp":"2016-01-0%dT00:00:00Z 000001","message":"file","sender":{"id":1,"name":"Ada","mention_name":"ada"},"attachment":{"name":%q,"path":"a/%d/%s","size":8,"url":%q}}}`, i, i+1, name, i, name, f))
	}
	put("rooms/3/history.json", "["+strings.Join(records, ",")+"]")
	put("rooms/3/files/a/4/here.txt", "attached")
	run := func(args ...string) (string, int) {
		var out, errs bytes.Buffer
		code := runCommand(t, &out, &errs, args...)
		return out.String() + errs.String(), code
	}
	t.Chdir(dir)

	text, code := run("import", "hipchat:export", "data", "--fetch-files")
	if code != exitUsage || !strings.Contains(text, "--fetch-hosts "+host.Host+",elsewhere.example.org") || len(asked) > 0 {
		t.Fatalf("without a host it ends with %d, having asked %v:\n%s", code, asked, text)
	}
	text, _ = run("import", "hipchat:export", "data", "--fetch-files", "--fetch-hosts", host.Host)
	for _, words := range []string{"1 files are here, 2 could not be got", "sign.txt: a page came in place of the file", "gone.txt: the server answers 404", "not asked: elsewhere.example.org (1)", "no bytes: gone.txt"} {
		if !strings.Contains(text, words) {
			t.Errorf("nothing says %q:\n%s", words, text)
		}
	}
	if strings.Contains(text, "no bytes: got.txt") || strings.Contains(text, "no bytes: here.txt") {
		t.Errorf("what was got is missing:\n%s", text)
	}
	for _, path := range asked {
		if strings.Contains(path, "here.txt") {
			t.Error("an attachment that is in the export was asked for")
		}
	}
	before := len(asked)
	if text, _ = run("verify", "hipchat:export", "data", "--fetch-files", "--fetch-hosts", host.Host); len(asked) != before || strings.Contains(text, "differ ") {
		t.Errorf("verify asks the server, or finds a difference:\n%s", text)
	}
}
