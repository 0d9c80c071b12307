package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/move"
)

func TestExportImportExportGivesTheSame(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	archiveOf(t, filepath.Join(dir, "data"), first)
	restoreInto(t, first, filepath.Join(dir, "back"))

	o, err := (&place{Data: filepath.Join(dir, "back")}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer o.close() //nolint:errcheck // a test
	a, err := archive.Create(t.Context(), second, archive.Creation{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // a test
	if _, err := a.Add(t.Context(), archive.Export{From: live.Origin{Direct: live.NewDirect(o.title, o.store, o.files, version)}}); err != nil {
		t.Fatal(err)
	}
	want, got := statesOf(t, first), statesOf(t, second)
	if len(want) < 40 { // messages and their nonces
		t.Errorf("only %d states were archived", len(want))
	}
	for _, state := range slices.Sorted(maps.Keys(want)) {
		if !got[state] {
			t.Errorf("%s did not come back", state)
		}
	}
	for state := range got {
		if !want[state] {
			t.Errorf("%s came out of nowhere", state)
		}
	}
}

// restoreInto imports an archive into a new place.
func restoreInto(t *testing.T, from, data string) {
	t.Helper()
	o, err := (&place{Data: data}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}()
	src, err := openArchived(t.Context(), archiveScheme+from, connect.Options{Password: func(context.Context) ([]byte, error) { return nil, errors.New("asked") }})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // a test
	source, target, err := archive.Restore(t.Context(), src, live.NewDirect(o.title, o.store, o.files, version).Seals(o.sealer), "back")
	if err != nil {
		t.Fatal(err)
	}
	r, err := (&move.Job{Name: "back", Dir: t.TempDir(), Source: source, Target: target, Options: move.Options{LeaveIndex: true}}).Import(t.Context())
	if err != nil || r.Verify.Differences > 0 || r.Closed {
		t.Fatalf("%+v %v", r, err)
	}
}

// statesOf reads the lines of an archive, without their positions.
func statesOf(t *testing.T, where string) map[string]bool {
	t.Helper()
	src, err := openArchived(t.Context(), archiveScheme+where, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // a test
	states := map[string]bool{}
	for item, err := range src.Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		if item.Nonce != nil {
			err = enc.Encode(item.Nonce)
		} else {
			err = enc.Encode([]any{item.Object.Kind(), item.Source, item.Src, string(chat.EncodeBody(item.Object))})
		}
		if err != nil {
			t.Fatal(err)
		}
		states[line.String()] = true
	}
	return states
}
