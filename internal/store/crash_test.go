package store_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// crashPath in the environment makes the test binary a mover into it, which
// is to be killed.
const crashPath = "GODWIT_STORE_CRASH_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		if err := crashMove(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv(governPath); path != "" {
		if err := crashGovern(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	// Each check of a property makes two databases; ask for more with -rapid.checks.
	flag.Set("rapid.checks", "10") //nolint:errcheck // it exists
	flag.Parse()
	os.Exit(m.Run())
}

const crashBatches, crashSize = 60, 300

// crashMove imports the same history each time, from where it was, and says
// after each batch that it is there.
func crashMove(path string, said io.Writer) error {
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		return err
	}
	defer db.Close()
	state, err := db.Begin(context.Background(), chat.MoveSpec{Name: "move", Source: "hq", Artefact: "one"})
	if err != nil {
		return err
	}
	from := 0
	if state.Cursor != "" {
		if _, err := fmt.Sscan(state.Cursor, &from); err != nil {
			return err
		}
	}
	for i := from; i < crashBatches; i++ {
		b := chat.Batch{Move: "move", Fence: state.Fence, From: state.Cursor, To: fmt.Sprint(i + 1), Items: crashItems(i), Done: i == crashBatches-1,
			Notes:  []chat.Note{{Kind: chat.NoteSkip, Where: fmt.Sprint(i)}},
			Counts: chat.Counts{chat.KindMessage: {Read: crashSize}}}
		if _, err := db.Apply(context.Background(), b); err != nil {
			return err
		}
		state.Cursor = b.To
		fmt.Fprintln(said, b.To)
	}
	return nil
}

func crashItems(batch int) []chat.Incoming {
	var objects []chat.Object
	for i := range crashSize {
		n := batch*crashSize + i
		if i%10 == 0 {
			objects = append(objects, userN(n))
		}
		objects = append(objects, messageN(n, n%7))
	}
	return incoming(objects...)
}

func TestKilledWhileApplying(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		calm := filepath.Join(t.TempDir(), "calm.db")
		if strings.HasPrefix(path, "postgres:") {
			calm = testkit.Postgres(t)
		}
		if err := crashMove(calm, io.Discard); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(7, uint64(len(path))))
		for range 5 {
			killedMove(t, path, 2+r.IntN(10), r.IntN(20000))
		}
		if err := crashMove(path, io.Discard); err != nil {
			t.Fatal(err)
		}
		if a, b := contents(t, calm), contents(t, path); a != b {
			t.Errorf("the undisturbed run left\n%s\nthe killed ones\n%s", a, b)
		}
	})
}

// killedMove kills a mover after some batches, somewhere in the next one.
func killedMove(t *testing.T, path string, batches, spins int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range batches {
		if !lines.Scan() {
			t.Error("the mover ended by itself")
			break
		}
	}
	for i := range spins * 100 { // a moment that is another one each time
		_ = i
	}
	cmd.Process.Kill() //nolint:errcheck // it may have ended
	cmd.Wait()         //nolint:errcheck // it was killed
}

// contents is all that a move has left, in words.
func contents(t *testing.T, path string) string {
	t.Helper()
	db := open(t, path)
	defer db.Close()
	inv, err := db.Tally(ctx(t), chat.TallyQuery{Source: "hq", Level: chat.L2, Kinds: []chat.Kind{chat.KindUser}})
	if err != nil {
		t.Fatal(err)
	}
	state, err := db.Move(ctx(t), "move")
	if err != nil {
		t.Fatal(err)
	}
	notes, _, err := db.Notes(ctx(t), "move", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	list, next := changes(t, db, 0, 100_000)
	var order []string
	for _, c := range list {
		order = append(order, c.String())
	}
	return fmt.Sprint(inv, state.Counts, state.Done, state.Cursor, notes, next, len(order), chat.DeriveKey(0, "", "", order...))
}

func TestSnapshotsAreWhole(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		put(t, db, userN(0))
		err := db.View(ctx(t), func(r chat.Reader) error {
			before, err := r.Head()
			if err != nil {
				return err
			}
			put(t, db, userN(1))
			after, err := r.Head()
			list, _, cerr := r.Changes(0, 10)
			if after != before || len(list) != 1 || cerr != nil {
				t.Error(before, after, list, cerr)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
