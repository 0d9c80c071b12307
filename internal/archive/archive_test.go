package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestWhatIsExportedComesBackAsItWas(t *testing.T) {
	s := filled(25_000)
	s.file(99, nil)
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	added := add(t, a, s)
	if added.Snapshot != 1 || !added.Whole || added.Objects["message"] != 25_000 || added.Files != 5 || added.Missing != 0 {
		t.Errorf("added %+v", added)
	}
	same(t, s, restored(t, a, 0), false)
}

func TestALaterExportAddsOnlyWhatIsNew(t *testing.T) {
	s := filled(500)
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	add(t, a, s)
	before := restored(t, a, 0)
	if again := add(t, a, s); again.Snapshot != 0 || again.Total() != 0 {
		t.Errorf("nothing was new, and it added %+v", again)
	}
	s.put(&chat.Message{ID: chat.MessageID(key("message", 7)), Room: chat.RoomID(key("room", 1)), Sent: 5, Gone: true},
		&chat.Message{ID: chat.MessageID(key("message", 8)), Room: chat.RoomID(key("room", 1)), Sent: 6, Text: "edited"})
	s.file(9, []byte("a new file"))
	added := add(t, a, s)
	if added.Snapshot != 2 || added.Total() != 3 || added.Files != 1 || added.Bytes > 4000 {
		t.Errorf("added %+v", added)
	}
	same(t, s, restored(t, a, 2), false)
	same(t, before, restored(t, a, 1), false)
}

func TestAPlaceThatWasSetBackIsComparedAnew(t *testing.T) {
	s := filled(300)
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	add(t, a, s)
	s.put(&chat.Message{ID: chat.MessageID(key("message", 1000)), Room: chat.RoomID(key("room", 1)), Sent: 5, Text: "lost with the disk"})
	s.put(&chat.Message{ID: chat.MessageID(key("message", 3)), Room: chat.RoomID(key("room", 1)), Sent: 6, Text: "changed and lost"})
	add(t, a, s)
	back := filled(300)
	back.epoch = key("epoch", 2)
	back.put(&chat.Message{ID: chat.MessageID(key("message", 1001)), Room: chat.RoomID(key("room", 1)), Sent: 7, Text: "written since"})
	added := add(t, a, back)
	if !added.Rescanned || added.Forgotten != 1 || added.Objects["message"] != 2 || added.Files != 0 {
		t.Errorf("added %+v", added)
	}
	same(t, back, restored(t, a, 0), false)
	same(t, s, restored(t, a, 2), false)
	back.put(&chat.Message{ID: chat.MessageID(key("message", 1002)), Room: chat.RoomID(key("room", 1)), Sent: 8, Text: "and on"})
	if added := add(t, a, back); added.Rescanned || added.Total() != 1 {
		t.Errorf("added %+v", added)
	}
}

func TestAnotherPlaceIsRefused(t *testing.T) {
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	add(t, a, filled(30))
	other := filled(30)
	other.log = key("log", 2)
	_, err := a.Add(t.Context(), archive.Export{From: other})
	if !chat.IsKind(err, chat.Conflict) {
		t.Errorf("%v", err)
	}
}

func TestOnlyAKeyOpensIt(t *testing.T) {
	s := filled(50)
	dir := filepath.Join(t.TempDir(), "a")
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Create(t.Context(), dir, archive.Creation{Keys: []archive.NewKey{{Passphrase: password}, {Name: "safe", Recipient: id.Recipient().String()}}, Writer: "godwit test"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // a test
	add(t, a, s)

	t.Run("nothing of what is in it can be read, nor the names of files", func(t *testing.T) {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			for _, word := range []string{"tide", "Estuary", "ann@example.org", "canary"} {
				if bytes.Contains(data, []byte(word)) {
					t.Errorf("%s says %q", path, word)
				}
			}
			for hash := range s.files {
				if strings.Contains(path, hash[:8]) {
					t.Errorf("%s is named by what is in it", path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	open := func(t *testing.T, o archive.Opener) (*archive.Archive, error) {
		b, err := archive.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b, b.Unlock(t.Context(), o)
	}
	t.Run("a wrong password does not", func(t *testing.T) {
		if _, err := open(t, opener([]byte("sandpiper"))); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the password opens it", func(t *testing.T) {
		b, err := open(t, opener(password))
		if err != nil {
			t.Fatal(err)
		}
		same(t, s, restored(t, b, 0), false)
	})
	t.Run("an identity opens it", func(t *testing.T) {
		b, err := open(t, archive.Opener{Identities: []byte(id.String())})
		if err != nil {
			t.Fatal(err)
		}
		same(t, s, restored(t, b, 0), false)
	})
	t.Run("keys come and go, but for the last", func(t *testing.T) {
		b, err := open(t, archive.Opener{Identities: []byte(id.String())})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.AddKey(t.Context(), archive.NewKey{Name: "second", Passphrase: []byte("dunlin")}, false); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, opener([]byte("dunlin"))); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"second", "password"} {
			if err := b.RemoveKey(t.Context(), name, false); err != nil {
				t.Error(err)
			}
		}
		if _, err := open(t, opener(password)); !chat.IsKind(err, chat.Unknown) {
			t.Errorf("%v", err)
		}
		if err := b.RemoveKey(t.Context(), "safe", false); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%v", err)
		}
		if err := b.RemoveKey(t.Context(), "nobody", false); !chat.IsKind(err, chat.NotFound) {
			t.Errorf("%v", err)
		}
	})
}

func TestAWrongPasswordIsKnownInAMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("costs a password twice")
	}
	defer archive.WorkFactor(archive.WorkFactor(17))
	dir := filepath.Join(t.TempDir(), "a")
	a, err := archive.Create(t.Context(), dir, archive.Creation{Keys: []archive.NewKey{{Passphrase: password}}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // a test
	b, err := archive.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // a test
	began := time.Now()
	if err := b.Unlock(t.Context(), opener([]byte("sandpiper"))); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestSecretsAreThereOnlyOnRequestAndForTheirOwnKey(t *testing.T) {
	s := filled(20)
	secrets, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	rest, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a")
	a, err := archive.Create(t.Context(), dir, archive.Creation{
		Keys: []archive.NewKey{{Recipient: rest.Recipient().String()}}, Secrets: []archive.NewKey{{Recipient: secrets.Recipient().String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // a test
	add(t, a, s)
	b, err := archive.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // a test
	if err := b.Unlock(t.Context(), archive.Opener{Identities: []byte(rest.String())}); err != nil {
		t.Fatal(err)
	}
	same(t, s, restored(t, b, 0), false)
	if err := b.UnlockSecrets(t.Context(), archive.Opener{Identities: []byte(rest.String())}); !chat.IsKind(err, chat.Unknown) {
		t.Errorf("the archive's own key opened the secrets: %v", err)
	}
	if err := b.UnlockSecrets(t.Context(), archive.Opener{Identities: []byte(secrets.String())}); err != nil {
		t.Fatal(err)
	}
	same(t, s, restored(t, b, 0), true)
}

func TestAWriterThatIsStoppedAnywhereLeavesTheLastSnapshotWhole(t *testing.T) {
	stop := errors.New("stopped here")
	for _, where := range []string{"segment", "file", "before sync", "before manifest", "after manifest"} {
		t.Run("at "+where, func(t *testing.T) {
			s := filled(400)
			dir := filepath.Join(t.TempDir(), "a")
			a := plainly(t, dir)
			add(t, a, s)
			before := restored(t, a, 0)
			s.put(&chat.Message{ID: chat.MessageID(key("message", 1000)), Room: chat.RoomID(key("room", 1)), Sent: 5, Text: "new"})
			s.file(50, []byte("new too"))
			_, err := a.Add(t.Context(), archive.Export{From: s, Step: func(name string) error {
				if name == where {
					return stop
				}
				return nil
			}})
			if !errors.Is(err, stop) {
				t.Fatalf("%v", err)
			}
			b := reopen(t, dir)
			if where != "after manifest" {
				same(t, before, restored(t, b, 0), false)
			}
			add(t, b, s)
			same(t, s, restored(t, b, 0), false)
			same(t, before, restored(t, b, 1), false)
			noLeftovers(t, b, dir)
		})
	}
}

// noLeftovers checks that every file in an archive is one that a manifest names.
func noLeftovers(t *testing.T, a *archive.Archive, dir string) {
	t.Helper()
	report, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || !report.OK {
		t.Fatalf("%+v %v", report, err)
	}
	known := map[string]bool{"header.json": true, "lock": true}
	for _, name := range report.Names {
		known[name] = true
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if !known[filepath.ToSlash(name)] {
			t.Errorf("%s was left lying about", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOfTwoWritersOneIsRefused(t *testing.T) {
	s := filled(100)
	dir := filepath.Join(t.TempDir(), "a")
	a := plainly(t, dir)
	b := reopen(t, dir)
	s.hook = func(n int) {
		if n != 20 {
			return
		}
		if _, err := b.Add(t.Context(), archive.Export{From: filled(5)}); !chat.IsKind(err, chat.Conflict) {
			t.Errorf("the second writer: %v", err)
		}
	}
	add(t, a, s)
	s.hook = nil
	same(t, s, restored(t, b, 0), false)
}

func TestACalledOffExportEnds(t *testing.T) {
	s := filled(30_000)
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.hook = func(n int) {
		if n == 12_000 {
			cancel()
		}
	}
	if _, err := a.Add(ctx, archive.Export{From: s}); err == nil {
		t.Fatal("it did not end with an error")
	}
	s.hook = nil
	add(t, a, s)
	same(t, s, restored(t, a, 0), false)
}

func TestABeginningIsGoneOnWith(t *testing.T) {
	s := filled(300)
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	archive.CheckpointAt(t, 1)
	stop := errors.New("stopped here")
	_, err := a.Add(t.Context(), archive.Export{From: s, Step: func(name string) error {
		if name == "after manifest" {
			return stop
		}
		return nil
	}})
	if !errors.Is(err, stop) {
		t.Fatalf("%v", err)
	}
	if _, err := a.Manifest(t.Context(), 0); !chat.IsKind(err, chat.NotFound) {
		t.Errorf("a beginning counts as a snapshot: %v", err)
	}
	added := add(t, a, s)
	if added.Total() >= 300 || added.Snapshot != 1 {
		t.Errorf("added %+v", added)
	}
	same(t, s, restored(t, a, 0), false)
}

func TestAMissingFileIsSaidAndIsNoReasonToStop(t *testing.T) {
	s := filled(10)
	c := s.file(77, []byte("will be gone"))
	delete(s.files, c.Hash)
	a := plainly(t, filepath.Join(t.TempDir(), "a"))
	if added := add(t, a, s); added.Missing != 1 {
		t.Errorf("added %+v", added)
	}
	same(t, s, restored(t, a, 0), false)
}
