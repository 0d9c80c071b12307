package slack_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"image"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/slack"
	"github.com/godwit-chat/godwit/internal/testkit"
)

const signInPage = `<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body data-cdn="x">signin</body></html>`

// slackServer answers as Slack does, for all hosts at once.
type slackServer struct {
	*httptest.Server
	mu     sync.Mutex
	asked  map[string]int // by host and path
	tokens map[string]bool
}

func newSlackServer(t *testing.T) *slackServer {
	t.Helper()
	s := &slackServer{asked: map[string]int{}, tokens: map[string]bool{}}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

// via is a network in which every host is this server.
func (s *slackServer) via() http.RoundTripper {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test's own server
		DisableKeepAlives: true,
	}
}

func (s *slackServer) count(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.Host+r.URL.Path]++
	if a := r.Header.Get("Authorization"); a != "" {
		s.tokens[r.Host] = true
	}
	return s.asked[r.Host+r.URL.Path]
}

func picture() []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))) // never fails
	return b.Bytes()
}

func (s *slackServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.count(r)
	signIn := func() {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, signInPage)
	}
	good := r.Header.Get("Authorization") == "Bearer xoxb-good"
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	switch {
	case r.Host == "evil.example.org":
		fmt.Fprint(w, "evil")
	case r.Host == "slack.com" && r.URL.Path == "/api/emoji.list":
		if !good {
			fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
			return
		}
		fmt.Fprint(w, `{"ok":true,"emoji":{"parrot":"https://emoji.slack-edge.com/T0/parrot/1.png","bird":"alias:parrot","grin2":"alias:grin","loop":"alias:loop","page":"https://emoji.slack-edge.com/T0/page/1.html","away":"https://evil.example.org/x.png"}}`)
	case r.Host == "slack.com" && r.URL.Path == "/api/auth.test":
		fmt.Fprintf(w, `{"ok":%v,"error":"invalid_auth"}`, strings.HasPrefix(r.Header.Get("Authorization"), "Bearer xoxb-"))
	case strings.HasSuffix(name, ".png"):
		_, _ = w.Write(picture())
	case name == "1.html":
		fmt.Fprint(w, signInPage)
	case name == "moved2.txt":
		fmt.Fprint(w, "hello world!")
	case !good && r.URL.Query().Get("t") != "xoxe-1":
		signIn()
	case name == "busy.txt" && n == 1:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case name == "reset.bin" && n == 1:
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Content-Length", "12")
		fmt.Fprint(w, "hello ")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case name == "reset.bin":
		if r.Header.Get("Range") != "bytes=6-" || r.Header.Get("If-Range") != `"v1"` {
			http.Error(w, "no range", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Range", "bytes 6-11/12")
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprint(w, "world!")
	case name == "away.txt":
		http.Redirect(w, r, "https://evil.example.org/away.txt", http.StatusFound)
	case name == "moved.txt":
		http.Redirect(w, r, "https://slack-files.com/moved2.txt", http.StatusFound)
	case name == "gone.txt":
		http.NotFound(w, r)
	case name == "page.html":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body><h1>A canvas</h1></body></html>")
	case name == "wrong.txt":
		fmt.Fprint(w, "too short")
	case name == "long.txt":
		fmt.Fprint(w, strings.Repeat("long ", 100))
	default:
		fmt.Fprint(w, "hello world!")
	}
}

// linked is an export whose messages have one file each.
func linked(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("users.json", `[{"id":"U0ADA","team_id":"T0","name":"ada","profile":{"avatar_hash":"h","image_512":"https://avatars.slack-edge.com/ada.png"}}]`)
	put("channels.json", `[{"id":"C0GENERAL","name":"general","created":1700000000,"members":["U0ADA"]}]`)
	var records []string
	for i, f := range files {
		records = append(records, fmt.Sprintf(`{"type":"message","ts":"17100000%02d.000000","user":"U0ADA","text":"%d","files":[%s]}`, i, i, f))
	}
	put("general/2024-03-09.json", "["+strings.Join(records, ",")+"]")
	return dir
}

func file(id, address string, size int, more string) string {
	return fmt.Sprintf(`{"id":%q,"name":"%s.txt","mode":"hosted","size":%d,"url_private":%q%s}`, id, id, size, address, more)
}

var trappedFiles = []string{
	file("F0PLAIN", "https://files.slack.com/plain.txt", 12, ""),
	file("F0OWN", "https://files.slack.com/own.txt?t=xoxe-1", 12, ""),
	file("F0STALE", "https://files.slack.com/stale.txt?t=xoxe-old", 12, ""),
	file("F0BUSY", "https://files.slack.com/busy.txt", 12, ""),
	file("F0RESET", "https://files.slack.com/reset.bin", 12, ""),
	file("F0MOVED", "https://files.slack.com/moved.txt", 12, ""),
	file("F0PAGE", "https://files.slack.com/page.html", 9999, `,"filetype":"quip","mimetype":"application/vnd.slack-docs","mode":"quip"`),
	file("F0AWAY", "https://files.slack.com/away.txt", 12, ""),
	file("F0GONE", "https://files.slack.com/gone.txt", 12, ""),
	file("F0WRONG", "https://files.slack.com/wrong.txt", 12, ""),
	file("F0LONG", "https://files.slack.com/long.txt", 12, ""),
	file("F0EVIL", "https://evil.example.org/x.txt", 12, ""),
	file("F0HTTP", "http://files.slack.com/x.txt", 12, ""),
	file("F0NONE", "", 12, ""),
	file("F0PLAIN", "https://files.slack.com/plain.txt", 12, ""),
}

func fetchOptions(s *slackServer, dir, token string) connect.Options {
	return connect.Options{Fetch: dir, FetchToken: token, FetchVia: s.via()}
}

func TestFilesThatAreOnlyLinkedToAreFetched(t *testing.T) {
	server, kept := newSlackServer(t), t.TempDir()
	dir := linked(t, fixMode(trappedFiles)...)
	e := load(t, dir, fetchOptions(server, kept, "xoxb-good"))
	for id, why := range map[string]string{
		"F0AWAY": "evil.example.org, which is not asked", "F0GONE": "answers 404", "F0WRONG": "9 bytes came, and the export says 12", "F0LONG": "more than the 12 bytes",
		"F0EVIL": "evil.example.org, which is not asked", "F0HTTP": "http://files.slack.com, which is not asked", "F0NONE": "no address",
	} {
		if !e.noted(chat.NoteLoss, chat.KindContent, id+".txt could not be fetched") || !e.noted(chat.NoteLoss, chat.KindContent, why) {
			t.Errorf("%s: no loss says %q", id, why)
		}
	}
	for _, id := range []string{"F0PLAIN", "F0OWN", "F0STALE", "F0BUSY", "F0RESET", "F0MOVED"} {
		if data, err := os.ReadFile(filepath.Join(kept, id)); string(data) != "hello world!" {
			t.Errorf("%s is %q, %v", id, data, err)
		}
	}
	if data, _ := os.ReadFile(filepath.Join(kept, "F0PAGE")); !strings.Contains(string(data), "A canvas") {
		t.Errorf("the canvas is %q", data)
	}
	checkFetched(t, e, server)
	left, err := filepath.Glob(filepath.Join(kept, "part-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("parts are left: %v %v", left, err)
	}
}

// fixMode gives a canvas one mode, not two.
func fixMode(files []string) []string {
	var out []string
	for _, f := range files {
		if strings.Contains(f, `"mode":"quip"`) {
			f = strings.Replace(f, `"mode":"hosted",`, "", 1)
		}
		out = append(out, f)
	}
	return out
}

func checkFetched(t *testing.T, e *export, server *slackServer) {
	t.Helper()
	server.mu.Lock()
	defer server.mu.Unlock()
	for host := range server.tokens {
		if host != "files.slack.com" && host != "slack.com" {
			t.Errorf("the token went to %s", host)
		}
	}
	if n := server.asked["evil.example.org/away.txt"] + server.asked["evil.example.org/x.txt"]; n > 0 {
		t.Error("another host was asked")
	}
	if n := server.asked["files.slack.com/plain.txt"]; n != 1 {
		t.Errorf("a file that two messages share was asked for %d times", n)
	}
	if n := e.read[chat.KindContent]; n != 7+2 {
		t.Errorf("%d contents, want 7 files, an avatar and an emoji", n)
	}
	shortcuts := map[string]bool{}
	for _, o := range e.objects {
		if x, ok := o.(*chat.Emoticon); ok {
			shortcuts[x.Shortcut] = true
		}
	}
	if len(shortcuts) != 4 || !shortcuts["parrot"] || !shortcuts["bird"] {
		t.Errorf("custom emoji are %v", shortcuts)
	}
}

func TestASecondRunTakesWhatTheFirstFetched(t *testing.T) {
	server, kept := newSlackServer(t), t.TempDir()
	dir := linked(t, fixMode(trappedFiles[:7])...)
	first := load(t, dir, fetchOptions(server, kept, "xoxb-good"))
	before := server.total()
	second := load(t, dir, fetchOptions(server, kept, "xoxb-good"))
	if n := server.total() - before; n != 3 { // whether the token is good, the list of emoji, and the one that is no picture
		t.Errorf("%d requests were made again", n)
	}
	if first.read[chat.KindContent] != second.read[chat.KindContent] {
		t.Errorf("%d contents, then %d", first.read[chat.KindContent], second.read[chat.KindContent])
	}
	testkit.CheckSource(t, "slack:"+dir, slack.Connector, fetchOptions(server, kept, "xoxb-good"))
}

func TestATokenThatSlackDoesNotKnowIsRefusedAtOnce(t *testing.T) {
	server := newSlackServer(t)
	_, err := slack.Open(t.Context(), linked(t), fetchOptions(server, t.TempDir(), "nonsense"))
	if !chat.IsKind(err, chat.Unknown) || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a wrong token gives %v", err)
	}
	o := fetchOptions(server, t.TempDir(), "nonsense")
	o.Look = true
	if _, err := slack.Open(t.Context(), linked(t), o); err != nil || server.total() != 1 {
		t.Errorf("only looking asks Slack: %v, %d requests", err, server.total())
	}
	o.FetchTry, o.Fetch = true, filepath.Join(t.TempDir(), "not there")
	if _, err := slack.Open(t.Context(), linked(t), o); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("a plan does not try the token: %v", err)
	}
	if _, err := os.Stat(o.Fetch); err == nil {
		t.Error("a plan made the directory of files")
	}
}

func (s *slackServer) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.asked {
		n += k
	}
	return n
}

func TestASignInPageIsNeverTakenForAFile(t *testing.T) {
	server, kept := newSlackServer(t), t.TempDir()
	files := append(fixMode(trappedFiles[6:7]), trappedFiles[0], trappedFiles[2], file("F0SMALL", "https://files.slack.com/page2", 0, ""), file("F0SIZED", "https://files.slack.com/sized", len(signInPage), ""))
	e := load(t, linked(t, files...), fetchOptions(server, kept, "xoxb-wrong"))
	if n := e.read[chat.KindContent]; n != 1 { // the avatar, which anybody may have
		t.Errorf("%d contents came for a wrong token", n)
	}
	if !e.noted(chat.NoteLoss, chat.KindContent, "asks who one is") || !e.noted(chat.NoteLoss, chat.KindEmoticon, "invalid_auth") {
		t.Errorf("notes are %v", e.notes)
	}
	for _, n := range e.notes {
		if strings.Contains(n.Reason, "xoxe") || strings.Contains(n.Reason, "xoxb") {
			t.Errorf("a secret is in a note: %s", n.Reason)
		}
	}
}
