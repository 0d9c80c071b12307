package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/store"
)

func TestAnArchiveIsReadInTheBrowserAndNobodyWritesInIt(t *testing.T) {
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup")
	archiveOf(t, filepath.Join(dir, "data"), backup)

	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		c := &browseCmd{Archive: archiveScheme + backup, Listen: "127.0.0.1:0"}
		ended <- c.Run(ctx, &app{in: os.Stdin, out: in, err: io.Discard})
		_ = in.Close()
	}()
	link := ""
	for lines := bufio.NewScanner(out); link == "" && lines.Scan(); {
		if text := strings.TrimSpace(lines.Text()); strings.HasPrefix(text, "http://") {
			link = text
		}
	}
	if link == "" {
		t.Fatal(<-ended)
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // nobody reads on
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	get := func(c *http.Client, url string) (int, []byte) {
		t.Helper()
		r, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close() //nolint:errcheck // a test
		data, _ := io.ReadAll(r.Body)
		return r.StatusCode, data
	}
	if code, _ := get(browser, link); code != http.StatusOK {
		t.Fatalf("the link was answered with %d", code)
	}
	if code, _ := get(&http.Client{}, link); code != http.StatusForbidden {
		t.Errorf("the link works twice: %d", code)
	}
	base := link[:strings.Index(link, browsePath)]
	code, data := get(browser, base+"/api/v1/start")
	var start api.Start
	if err := json.Unmarshal(data, &start); err != nil || code != http.StatusOK || start.State != "archive" || start.Me.Email != "ann@example.org" || len(start.Rooms) == 0 {
		t.Fatalf("%d %.300s %v", code, data, err)
	}
	body := []byte(`{"nonce":"n1","text":"written in an archive"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/rooms/"+start.Rooms[0].ID+"/messages", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", base)
	r, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close() //nolint:errcheck // a test
	if r.StatusCode/100 != 5 && r.StatusCode/100 != 4 {
		t.Errorf("somebody wrote in an archive: %s", r.Status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// archiveOf makes a place with somebody in it, and a plain archive of it.
func archiveOf(t *testing.T, data, backup string) {
	t.Helper()
	o, err := (&place{Data: data}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer o.close() //nolint:errcheck // a test
	fill(t, o.store)
	a, err := archive.Create(t.Context(), backup, archive.Creation{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // a test
	if _, err := a.Add(t.Context(), archive.Export{From: live.Origin{Direct: live.NewDirect(o.title, o.store, o.files, version).Seals(o.sealer)}}); err != nil {
		t.Fatal(err)
	}
}

// fill puts a person, a room and messages into a store.
func fill(t *testing.T, db *store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx chat.Tx) error {
		ann := &chat.User{ID: chat.UserID(tx.NewKey()), Name: "Ann Tern", Email: "ann@example.org", Role: chat.RoleOwner}
		room := &chat.Room{ID: chat.RoomID(tx.NewKey()), Type: chat.RoomOpen, Name: "Estuary", Owner: ann.ID}
		if err := tx.Put(ann, room, &chat.Member{Room: room.ID, User: ann.ID}); err != nil {
			return err
		}
		for range 20 {
			m := &chat.Message{ID: chat.MessageID(tx.NewKey()), Room: room.ID, Author: ann.ID, Sent: tx.Now(), Text: "low tide"}
			if _, err := tx.Once(ann.ID, m.ID.String(), m.ID); err != nil {
				return err
			}
			if err := tx.Put(m); err != nil {
				return err
			}
		}
		return tx.Put(&chat.Credential{User: ann.ID, Type: "password", Secret: "$argon2id$v=19$canary"})
	})
	if err != nil {
		t.Fatal(err)
	}
}
