package move_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
	"github.com/godwit-chat/godwit/internal/move"
)

var sampleSize = hipchat.SampleOptions{Seed: 7, Users: 60, Rooms: 40, Messages: 6000, Files: 80, Password: []byte("correct horse")}

func sample(t testing.TB, dir, name string, o hipchat.SampleOptions) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := hipchat.Sample(context.Background(), path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string, o connect.Options) connect.Source {
	t.Helper()
	o.Password = func(context.Context) ([]byte, error) { return []byte("correct horse"), nil }
	s, err := hipchat.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func hipchatJob(t testing.TB, path string, s connect.Source, to connect.Target, dir string) *move.Job {
	return &move.Job{Name: s.Describe().Name, Dir: dir, From: "hipchat:" + path, To: "here", Source: s, Target: to}
}

// TestHipChat takes an encrypted export the whole way, both flavours.
func TestHipChat(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		for _, flavour := range []string{"B", "C"} {
			t.Run(flavour, func(t *testing.T) {
				o := sampleSize
				o.Flavour = flavour
				path := sample(t, t.TempDir(), "hipchat-2018-03-25_00-51-24.tar.gz.aes", o)
				p, dir := fresh(), t.TempDir()
				r := importAll(t, hipchatJob(t, path, open(t, path, connect.Options{}), p.target, dir))
				if r.Verify.Differences != 0 || len(r.FilesMissing) != 0 || flavour == "B" && r.Outcome() != move.Whole {
					t.Errorf("outcome %v, verify %+v, losses %v, quarantine %v, missing %v", r.Outcome(), r.Verify, r.Losses, r.Quarantine, r.FilesMissing)
				}
				before := look(t, p, r.Source)
				r = importAll(t, hipchatJob(t, path, open(t, path, connect.Options{}), p.target, dir))
				for k, c := range r.Counts {
					if c.Written != 0 {
						t.Errorf("again: %d %s written", c.Written, k)
					}
				}
				same(t, look(t, p, r.Source), before)

				o.Later = true
				later := sample(t, t.TempDir(), "hipchat-2018-04-25_00-51-24.tar.gz.aes", o)
				r = importAll(t, hipchatJob(t, later, open(t, later, connect.Options{}), p.target, dir))
				c := r.Counts[chat.KindMessage]
				if c.Written == 0 || c.Written*2 > c.Unchanged || r.Verify.Differences != 0 {
					t.Errorf("later: %+v, verify %+v", c, r.Verify)
				}
			})
		}
	})
}

// TestTraps imports everything that readers stumble over, and looks for each
// trap in the report.
func TestTraps(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		o := sampleSize
		o.Traps = true
		path := sample(t, t.TempDir(), "hipchat-2018-03-25_00-51-24.tar.gz", o)
		p := fresh()
		j := hipchatJob(t, path, open(t, path, connect.Options{}), p.target, t.TempDir())
		r := importAll(t, j)
		if r.Outcome() != move.Losses || r.Verify.Differences != 0 {
			t.Errorf("outcome %v, verify %+v", r.Outcome(), r.Verify)
		}
		for _, rec := range r.Verify.Records {
			if rec.Raw != rec.Known {
				t.Errorf("%d %s records in the source, %d accounted for", rec.Raw, rec.Kind, rec.Known)
			}
		}
		page, err := os.ReadFile(filepath.Join(j.Dir, "report.html"))
		if stored := strconv.FormatInt(r.Totals.Kinds[chat.KindMessage], 10); err != nil || !strings.Contains(strings.ReplaceAll(string(page), ",", ""), "<strong>"+stored+"</strong> <b>messages") {
			t.Errorf("the page does not say that %s messages are there: %v", stored, err)
		}
		notes, _, err := p.store.Notes(t.Context(), j.Name, 0, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]bool{}
		err = p.store.View(t.Context(), func(r chat.Reader) error {
			for after := chat.Position(0); ; {
				changes, next, err := r.Changes(after, 5000)
				if err != nil || len(changes) == 0 {
					return err
				}
				for _, c := range changes {
					if m, ok := c.Object.(*chat.Message); ok {
						texts[m.Text] = true
					}
				}
				after = next
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, trap := range hipchat.Traps() {
			if !accountedFor(trap, notes, texts) {
				for _, n := range notes {
					if n.Kind == trap.Note && n.Object == trap.Object {
						t.Log(n.Where, n.Reason)
					}
				}
				t.Errorf("%s: not in the report (%+v)", trap.Name, trap)
			}
		}
	})
}

func accountedFor(trap hipchat.Trap, notes []chat.Note, texts map[string]bool) bool {
	if trap.Note == "" {
		for text := range texts {
			if strings.Contains(text, trap.Text) {
				return true
			}
		}
		return false
	}
	for _, n := range notes {
		if n.Kind == trap.Note && n.Object == trap.Object && strings.Contains(n.Where, trap.Where) && strings.Contains(n.Reason, trap.Reason) {
			return true
		}
	}
	return false
}

// TestHipChatStopped stops a real import at steps in turn.
func TestHipChatStopped(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		path := sample(t, t.TempDir(), "hipchat-2018-03-25_00-51-24.tar.gz", sampleSize)
		clean := fresh()
		r := importAll(t, hipchatJob(t, path, open(t, path, connect.Options{}), clean.target, t.TempDir()))
		want := look(t, clean, r.Source)
		p, dir := fresh(), t.TempDir()
		for n := 3; n < 60; n += 5 {
			steps := 0
			j := hipchatJob(t, path, open(t, path, connect.Options{}), p.target, dir)
			j.BatchSize = 500
			j.Step = func(name string) error {
				if steps++; steps == n {
					return fmt.Errorf("at %s: %w", name, errCrash)
				}
				return nil
			}
			if _, err := j.Import(t.Context()); err == nil {
				break
			}
		}
		j := hipchatJob(t, path, open(t, path, connect.Options{}), p.target, dir)
		importAll(t, j)
		same(t, look(t, p, r.Source), want)
	})
}

func TestWithoutFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func() *place) {
		path := sample(t, t.TempDir(), "hipchat-2018-03-25_00-51-24.tar", sampleSize)
		p, dir := fresh(), t.TempDir()
		j := hipchatJob(t, path, open(t, path, connect.Options{WithoutFiles: true}), p.target, dir)
		j.WithoutFiles = true
		r := importAll(t, j)
		if r.Missing == 0 || r.Outcome() != move.Losses || r.Verify.Differences != 0 {
			t.Errorf("without files: outcome %v, %d missing, verify %+v", r.Outcome(), r.Missing, r.Verify)
		}
		j = hipchatJob(t, path, open(t, path, connect.Options{FilesOnly: true}), p.target, dir)
		j.FilesOnly = true
		r = importAll(t, j)
		if r.Missing != 0 || r.Verify.Differences != 0 || r.Outcome() != move.Whole {
			t.Errorf("files only: outcome %v, %d missing, verify %+v, losses %v", r.Outcome(), r.Missing, r.Verify, r.Losses)
		}
	})
}

func TestInspect(t *testing.T) {
	o := sampleSize
	path := sample(t, t.TempDir(), "hipchat-2018-03-25_00-51-24.tar.gz", o)
	in, err := move.Inspect(t.Context(), "hipchat:"+path, open(t, path, connect.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if in.Objects["message"] != int64(o.Messages) || in.Objects["room"] < int64(o.Rooms) || in.Objects["user"] < int64(o.Users) || len(in.Rooms) != 10 {
		t.Errorf("%+v", in)
	}
	var text strings.Builder
	if err := in.WriteText(&text); err != nil || !strings.Contains(text.String(), "6,000") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
