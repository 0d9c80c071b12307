package move_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

var errCrash = errors.New("crash")

// TestStopAnywhere makes a move fail at every step in turn, runs it again, and
// expects the same end as an undisturbed one.
func TestStopAnywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		s := &invented{name: "hq", artefact: "one", people: 5, rooms: 4, messages: 120, files: 8, bad: 2}
		p := fresh()
		importAll(t, job(t, s, p.target))
		want := look(t, p, "hq")
		for n := 1; ; n++ {
			p := fresh()
			steps := 0
			j := job(t, s, p.target)
			j.Step = func(string) error {
				if steps++; steps == n {
					return errCrash
				}
				return nil
			}
			_, err := j.Import(t.Context())
			if steps < n {
				if err != nil {
					t.Fatal(err)
				}
				if n < 8 {
					t.Errorf("only %d steps", n)
				}
				return
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("step %d: %v", n, err)
			}
			again := job(t, s, p.target)
			again.Dir = j.Dir
			r := importAll(t, again)
			same(t, look(t, p, "hq"), want)
			c := r.Counts[chat.KindMessage]
			if c.Read != 144 || c.Written+c.Unchanged != 120 || c.Quarantined != 2 {
				t.Errorf("stopped at step %d, and the counts are %+v", n, c)
			}
		}
	})
}

// TestKill runs the mover as a process of its own, and kills it at moments
// that depend on how many records it read.
func TestKill(t *testing.T) {
	if spec := os.Getenv("GODWIT_TEST_MOVE"); spec != "" {
		killed(t, spec)
		return
	}
	t.Run("SQLite", func(t *testing.T) { kill(t, func() string { return filepath.Join(t.TempDir(), "godwit.db") }) })
	t.Run("Postgres", func(t *testing.T) { kill(t, func() string { return testkit.Postgres(t) }) })
}

func killSource() *invented {
	return &invented{name: "hq", artefact: "one", people: 20, rooms: 10, messages: 4000, files: 100, bad: 3}
}

func kill(t *testing.T, database func() string) {
	clean := openPlace(t, database(), t.TempDir())
	importAll(t, job(t, killSource(), clean.target))
	want := look(t, clean, "hq")
	path, files, dir := database(), t.TempDir(), t.TempDir()
	kills := 0
	for round := 1; kills < killRounds; round++ {
		if kills > 0 && kills%5 == 0 { // a place of its own for each five
			path, files, dir = database(), t.TempDir(), t.TempDir()
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("GODWIT_TEST_MOVE=%s|%s|%s", path, files, dir))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		died := waitAndKill(cmd, out, 300+(round*617)%900)
		if died {
			kills++
		}
		if !died || kills%5 == 0 {
			p := openPlace(t, path, files)
			j := job(t, killSource(), p.target)
			j.Dir = filepath.Join(dir, "hq.godwit")
			importAll(t, j)
			same(t, look(t, p, "hq"), want)
			checkFiles(t, p, killSource())
			if err := p.store.Close(); err != nil {
				t.Error(err)
			}
			if !died {
				path, files, dir = database(), t.TempDir(), t.TempDir()
			}
		}
	}
	t.Logf("killed %d times", kills)
}

// waitAndKill kills the process after it has printed a number of lines. It
// reports false if the process ended before.
func waitAndKill(cmd *exec.Cmd, out interface{ Read([]byte) (int, error) }, lines int) bool {
	buf := make([]byte, 1)
	for lines > 0 {
		if _, err := out.Read(buf); err != nil {
			_ = cmd.Wait()
			return false
		}
		lines--
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return true
}

// killed is the process that is killed: it prints a byte for each record.
func killed(t *testing.T, spec string) {
	part := strings.Split(spec, "|")
	p := openPlace(t, part[0], part[1])
	s := killSource()
	s.pause = func(int) { fmt.Print(".") }
	j := job(t, s, p.target)
	j.Dir = filepath.Join(part[2], "hq.godwit")
	_, err := j.Import(t.Context())
	if err != nil {
		t.Fatal(err)
	}
}

func checkFiles(t *testing.T, p *place, s *invented) {
	t.Helper()
	for i := range s.files {
		var c *chat.Content
		err := p.store.View(t.Context(), func(r chat.Reader) (err error) { c, err = chat.Get[chat.Content](r, s.contentID(i)); return err })
		if err == nil {
			err = p.files.Check(t.Context(), c.Hash)
		}
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
	}
}

func TestInterrupt(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p, clean := fresh(), fresh()
		importAll(t, job(t, small(), clean.target))
		ctx, cancel := context.WithCancel(t.Context())
		s := small()
		j := planned(t, job(t, s, p.target))
		s.pause = func(n int) {
			if n == 400 {
				cancel()
			}
		}
		r, err := j.Import(ctx)
		if !errors.Is(err, context.Canceled) || !strings.Contains(hint(err), "run the same line again") {
			t.Fatalf("stopped with %v, hint %q", err, hint(err))
		}
		if r.Outcome() != move.Failed || r.Error == nil {
			t.Errorf("the report says %v", r.Outcome())
		}
		st, err := p.store.Move(t.Context(), "hq")
		if err != nil || st.Cursor == "" {
			t.Fatalf("nothing was kept: %+v %v", st, err)
		}
		s2 := small()
		again := job(t, s2, p.target)
		again.Dir = j.Dir
		importAll(t, again)
		same(t, look(t, p, "hq"), look(t, clean, "hq"))
		if n := s2.reads.Load(); n > 940-200 {
			t.Errorf("%d records were read again", n)
		}
	})
}

// planned returns a job of which the plan was made: its import reads the
// source once.
func planned(t *testing.T, j *move.Job) *move.Job {
	t.Helper()
	first := &move.Job{Name: j.Name, Dir: j.Dir, From: j.From, To: j.To, Source: j.Source, Target: j.Target, Options: j.Options}
	if _, err := first.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	return j
}

func hint(err error) string {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e.Hint
	}
	return ""
}

func TestTwoMovers(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		s := small()
		taken, goOn := make(chan struct{}), make(chan struct{})
		j := planned(t, job(t, s, p.target))
		s.pause = func(n int) {
			if n == 300 {
				close(taken)
				<-goOn
			}
		}
		older := make(chan error, 1)
		go func() {
			_, err := j.Import(t.Context())
			older <- err
		}()
		<-taken
		r := importAll(t, job(t, small(), p.target))
		close(goOn)
		err := <-older
		if !chat.IsKind(err, chat.Conflict) || hint(err) == "" {
			t.Errorf("the older mover ended with %v, hint %q", err, hint(err))
		}
		if r.Outcome() != move.Whole {
			t.Errorf("the newer one ended with %v", r.Outcome())
		}
	})
}

func TestAnotherSourceOfTheSameName(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		j := job(t, small(), p.target)
		importAll(t, j)
		before := look(t, p, "hq")
		other := &strange{invented: small()}
		again := job(t, other, p.target)
		if _, err := again.Import(t.Context()); !chat.IsKind(err, chat.Conflict) || hint(err) == "" {
			t.Errorf("refused by the target with %v", err)
		}
		again = job(t, other, p.target)
		again.Dir = j.Dir
		if _, err := again.Import(t.Context()); !chat.IsKind(err, chat.Conflict) || !strings.Contains(err.Error(), "was planned") {
			t.Errorf("refused by the plan with %v", err)
		}
		same(t, look(t, p, "hq"), before)
		elsewhere := job(t, small(), p.target)
		elsewhere.Dir, elsewhere.To = j.Dir, "there"
		if _, err := elsewhere.Import(t.Context()); !chat.IsKind(err, chat.Conflict) || !strings.Contains(err.Error(), "not into there") {
			t.Errorf("another target: %v", err)
		}
		if r, err := move.ReadReport(j.Dir); err != nil || r.Error != nil || r.Phase != "report" {
			t.Errorf("those that were refused wrote over the report of the one that ended: %+v, %v", r, err)
		}
	})
}

// execRaw changes the database behind Godwit's back.
func (p *place) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	driver, path := "sqlite", p.path
	if strings.HasPrefix(path, "postgres") {
		driver = "pgx"
	} else {
		for i := range args {
			query = strings.ReplaceAll(query, "$"+strconv.Itoa(i+1), "?"+strconv.Itoa(i+1))
		}
	}
	db, err := sql.Open(driver, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only used here
	res, err := db.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows changed: %v", n, err)
	}
}

func TestVerifyMends(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		s := small()
		importAll(t, job(t, s, p.target))
		want := look(t, p, "hq")
		damaged, lost := s.message(33).ID, s.message(77).ID
		p.exec(t, `UPDATE messages SET text = 'other words' WHERE id = $1`, damaged[:])
		p.exec(t, `DELETE FROM messages WHERE id = $1`, lost[:])
		user := s.user(4).ID
		p.exec(t, `DELETE FROM objects WHERE kind = 1 AND id = $1`, user[:])

		r, err := job(t, s, p.target).Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Verify.Differences != 3 || r.Outcome() != move.Losses {
			t.Fatalf("verify found %+v", r.Verify)
		}
		problems := map[chat.Key]string{}
		for _, d := range r.Verify.List {
			problems[d.Key] = d.Problem
		}
		if problems[damaged.Key()] != "different" || problems[lost.Key()] != "missing" || problems[user.Key()] != "missing" {
			t.Errorf("verify lists %v", r.Verify.List)
		}

		r = importAll(t, job(t, s, p.target))
		if r.Verify.Repaired != 1 || r.Verify.Differences != 0 || r.Outcome() != move.Whole {
			t.Errorf("after the import: %+v", r.Verify)
		}
		same(t, look(t, p, "hq"), want)
	})
}

func TestVerifyFindsExtra(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		more := small()
		more.extra = 1
		importAll(t, job(t, more, p.target))
		r, err := job(t, small(), p.target).Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Verify.Differences != 1 || r.Verify.List[0].Problem != "extra" {
			t.Errorf("verify found %+v", r.Verify)
		}
	})
}

func TestVerifyBytes(t *testing.T) {
	root := t.TempDir()
	p := openPlace(t, filepath.Join(root, "godwit.db"), filepath.Join(root, "files"))
	s := small()
	importAll(t, job(t, s, p.target))
	found, err := filepath.Glob(filepath.Join(root, "files", "sha256", "*", "*"))
	if err != nil || len(found) != s.files {
		t.Fatalf("%d files: %v", len(found), err)
	}
	if err := os.Remove(found[7]); err != nil {
		t.Fatal(err)
	}
	j := job(t, s, p.target)
	j.Level = chat.L3
	r, err := j.Verify(t.Context())
	if err != nil || r.Verify.Differences != 1 || r.Verify.List[0].Problem != "bytes" {
		t.Fatalf("verify: %v %+v", err, r)
	}
	j = job(t, s, p.target)
	j.Level = chat.L3
	if r := importAll(t, j); r.Verify.Differences != 0 {
		t.Errorf("after the import: %+v", r.Verify)
	}
	checkFiles(t, p, s)
}

func TestDamagedSource(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		p := fresh()
		s := small()
		j := planned(t, job(t, s, p.target))
		s.failAt = 500
		r, err := j.Import(t.Context())
		if !chat.IsKind(err, chat.Damaged) || !strings.Contains(err.Error(), "record 500") {
			t.Errorf("ended with %v", err)
		}
		if r.Outcome() != move.Failed {
			t.Errorf("the report says %v", r.Outcome())
		}
		if h := look(t, p, "hq"); h.State != chat.Receiving {
			t.Errorf("half a history is shown: the place is %s", h.State)
		}
	})
}

func TestProgress(t *testing.T) {
	p := openPlace(t, filepath.Join(t.TempDir(), "godwit.db"), t.TempDir())
	s := small()
	seen := make(chan move.Snapshot, 1)
	j := planned(t, job(t, s, p.target))
	s.pause = func(n int) {
		if n == 600 { // waits until somebody was told
			select {
			case <-seen:
			case <-time.After(time.Minute):
				t.Error("nobody was told for a minute")
			}
		}
	}
	j.Progress = func(s move.Snapshot) {
		if s.Phase == "presync" && s.Counts[chat.KindMessage].Read > 0 {
			select {
			case seen <- s:
			default:
			}
		}
	}
	importAll(t, j)
}
