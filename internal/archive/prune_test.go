package archive_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
)

// history makes an archive of five snapshots, and returns each as it was.
func history(t *testing.T, dir string) (*archive.Archive, *site, []*site) {
	t.Helper()
	s := filled(200)
	a := plainly(t, dir)
	var was []*site
	next := func() {
		add(t, a, s)
		was = append(was, restored(t, a, 0))
	}
	next()
	room := chat.RoomID(key("room", 1))
	for n := range 4 {
		s.put(&chat.Message{ID: chat.MessageID(key("later", n)), Room: room, Sent: chat.Time(5 + n), Text: "canary of a purge"})
		if n > 0 {
			s.put(&chat.Message{ID: chat.MessageID(key("later", n-1)), Room: room, Sent: chat.Time(4 + n), Gone: true})
		}
		c := s.file(100+n, []byte{byte(n), 'f'})
		if n == 2 {
			s.put(&chat.Content{ID: c.ID, Gone: true})
			delete(s.files, c.Hash)
		}
		next()
	}
	return a, s, was
}

func TestPruneKeepsWhatItSays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a, s, was := history(t, dir)
	dry, err := a.Prune(t.Context(), archive.Keep{Last: 2, Dry: true})
	if err != nil || !slices.Equal(dry.Dropped, []int{1, 2, 3}) {
		t.Fatalf("%+v %v", dry, err)
	}
	if _, err := a.Manifest(t.Context(), 1); err != nil {
		t.Errorf("a dry run dropped a snapshot: %v", err)
	}
	got, err := a.Prune(t.Context(), archive.Keep{Last: 2})
	if err != nil || !slices.Equal(got.Kept, []int{4, 5}) || got.Files != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	for _, n := range []int{4, 5} {
		same(t, was[n-1], restored(t, a, n), false)
	}
	if _, err := a.Manifest(t.Context(), 3); !chat.IsKind(err, chat.NotFound) {
		t.Errorf("%v", err)
	}
	noLeftovers(t, a, dir)
	s.put(&chat.Setting{Name: "name", Value: "after the prune"})
	if added := add(t, a, s); added.Snapshot != 6 || added.Total() != 1 {
		t.Errorf("added %+v", added)
	}
	same(t, s, restored(t, a, 0), false)
	if again, err := a.Prune(t.Context(), archive.Keep{Last: 1}); err != nil || !slices.Equal(again.Kept, []int{6}) {
		t.Errorf("%+v %v", again, err)
	}
	same(t, s, restored(t, a, 0), false)
	noLeftovers(t, a, dir)
}

func TestWhatWasDeletedIsGoneFromOlderSnapshotsOnRequest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a, s, _ := history(t, dir)
	s.put(&chat.Message{ID: chat.MessageID(key("later", 3)), Room: chat.RoomID(key("room", 1)), Sent: 8, Gone: true})
	add(t, a, s)
	if n := canaries(t, a); n == 0 {
		t.Fatal("the canary was never there")
	}
	if _, err := a.Prune(t.Context(), archive.Keep{Last: 100, Forget: true}); err != nil {
		t.Fatal(err)
	}
	if n := canaries(t, a); n != 0 {
		t.Errorf("it is in %d pieces yet", n)
	}
	list, _, err := a.Snapshots(t.Context())
	if err != nil || len(list) != 6 {
		t.Errorf("%d snapshots, %v", len(list), err)
	}
	same(t, s, restored(t, a, 0), false)
	noLeftovers(t, a, dir)
}

// canaries counts the pieces that hold what was purged.
func canaries(t *testing.T, a *archive.Archive) (n int) {
	t.Helper()
	list, _, err := a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range list {
		for _, p := range m.Pieces {
			if seen[p.Name] {
				continue
			}
			seen[p.Name] = true
			raw, err := a.Read(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(raw, []byte("canary of a purge")) {
				n++
			}
		}
	}
	return n
}

func TestAPruneThatIsStoppedAnywhereLosesNothing(t *testing.T) {
	stop := errors.New("stopped here")
	for _, where := range []string{"piece", "before sync", "manifest", "before sweep"} {
		t.Run("at "+where, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a")
			a, s, was := history(t, dir)
			_, err := a.Prune(t.Context(), archive.Keep{Last: 2, Step: func(name string) error {
				if name == where {
					return stop
				}
				return nil
			}})
			if !errors.Is(err, stop) {
				t.Fatal(err)
			}
			b := reopen(t, dir)
			for _, n := range []int{4, 5} {
				same(t, was[n-1], restored(t, b, n), false)
			}
			s.put(&chat.Setting{Name: "name", Value: "after"})
			add(t, b, s)
			if _, err := b.Prune(t.Context(), archive.Keep{Last: 2}); err != nil {
				t.Fatal(err)
			}
			same(t, was[4], restored(t, b, 5), false)
			same(t, s, restored(t, b, 6), false)
			noLeftovers(t, b, dir)
		})
	}
}

func TestFilesThatNoSnapshotShowsAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	s := filled(20)
	a := plainly(t, dir)
	c := s.file(300, []byte("a file that is deleted"))
	add(t, a, s)
	s.put(&chat.Content{ID: c.ID, Gone: true})
	delete(s.files, c.Hash)
	add(t, a, s)
	got, err := a.Prune(t.Context(), archive.Keep{Last: 1})
	if err != nil || got.Files != 1 || got.After >= got.Before {
		t.Errorf("%+v %v", got, err)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("a file that is deleted")) {
			t.Errorf("%s is there yet", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, s, restored(t, a, 0), false)
}
