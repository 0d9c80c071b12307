package archive_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
)

// startS3 starts a server that speaks S3, with a bucket "birds". Fail may answer a
// request in its place.
func startS3(t *testing.T, fail func(http.ResponseWriter, *http.Request) bool) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("birds"); err != nil {
		t.Fatal(err)
	}
	real := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail == nil || !fail(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_REGION", "us-east-1")
}

func TestAnArchiveInS3(t *testing.T) {
	startS3(t, nil)
	s := filled(600)
	const where = "s3://birds/backups/chat"
	a := plainly(t, where)
	add(t, a, s)
	first := restored(t, a, 0)
	s.put(&chat.Message{ID: chat.MessageID(key("message", 7)), Room: chat.RoomID(key("room", 1)), Sent: 5, Gone: true})
	b := reopen(t, where)
	if added := add(t, b, s); added.Total() != 1 || added.Snapshot != 2 {
		t.Errorf("added %+v", added)
	}
	same(t, s, restored(t, b, 0), false)
	same(t, first, restored(t, b, 1), false)
	if _, err := archive.Create(t.Context(), where, archive.Creation{Plain: true}); !chat.IsKind(err, chat.Conflict) {
		t.Errorf("made a second time: %v", err)
	}
	if v, err := b.Verify(t.Context(), archive.VerifyOptions{}); err != nil || !v.OK {
		t.Errorf("%+v %v", v, err)
	}
}

func TestOfTwoWritersInS3OneIsRefused(t *testing.T) {
	startS3(t, nil)
	const where = "s3://birds/a"
	a, b := plainly(t, where), (*archive.Archive)(nil)
	b = reopen(t, where)
	s := filled(60)
	s.hook = func(n int) {
		if n != 20 {
			return
		}
		if _, err := b.Add(t.Context(), archive.Export{From: filled(5)}); !chat.IsKind(err, chat.Conflict) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("the second writer: %v", err)
		}
	}
	add(t, a, s)
	s.hook = nil
	add(t, b, s)
}

func TestWhatFailsInS3IsSaidAndLeavesTheLastSnapshotWhole(t *testing.T) {
	var answer atomic.Pointer[string]
	startS3(t, func(w http.ResponseWriter, r *http.Request) bool {
		code := answer.Load()
		if code == nil || r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/segments/") {
			return false
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", *code)
		return true
	})
	const where = "s3://birds/a"
	s := filled(60)
	a := plainly(t, where)
	add(t, a, s)
	before := restored(t, a, 0)
	s.put(&chat.Setting{Name: "name", Value: "changed"})
	for code, want := range map[string]chat.ErrorKind{"AccessDenied": chat.Denied, "QuotaExceeded": chat.Full, "InvalidAccessKeyId": chat.Unknown} {
		answer.Store(&code)
		_, err := a.Add(t.Context(), archive.Export{From: s})
		if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != want || e.Hint == "" {
			t.Errorf("%s: %v", code, err)
		}
		answer.Store(nil)
		same(t, before, restored(t, a, 0), false)
	}
	add(t, a, s)
	same(t, s, restored(t, a, 0), false)
}

func TestAPlaceInS3ThatIsNotThere(t *testing.T) {
	startS3(t, nil)
	for where, want := range map[string]chat.ErrorKind{"s3://nobirds/a": chat.NotFound, "s3://birds/none": chat.NotFound, "s3://": chat.Invalid, "s3://birds/a?x=1": chat.Invalid} {
		_, err := archive.Open(t.Context(), where)
		if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != want || e.Hint == "" {
			t.Errorf("%s: %v", where, err)
		}
	}
}
