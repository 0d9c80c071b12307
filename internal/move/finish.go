package move

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// finish gathers the report, and ends the run at the target.
func (j *Job) finish(ctx context.Context) error {
	st, err := j.Target.Move(ctx, j.Name)
	if err != nil {
		return err
	}
	if err := j.conclude(ctx, st); err != nil {
		return err
	}
	if err := j.step("before done"); err != nil {
		return err
	}
	_, err = j.apply(ctx, chat.Batch{Done: true}, true)
	return err
}

// conclude fills in the report from what the target has counted and noted.
func (j *Job) conclude(ctx context.Context, st chat.MoveState) error {
	r := j.report
	for k, c := range st.Counts {
		r.Counts[k] = c
	}
	if err := j.notes(ctx); err != nil {
		return err
	}
	place, err := j.Target.Place(ctx)
	if err != nil {
		return err
	}
	r.Target, r.Totals = place.Title, place.Totals
	for _, l := range j.about.Losses {
		r.Losses = append(r.Losses, Loss{Kind: l.Object.String(), Reason: l.Reason})
	}
	if r.Missing > 0 {
		reason := "the source names them and does not hold their bytes"
		if j.WithoutFiles {
			reason = "left out with --without-files"
		}
		r.Losses = append(r.Losses, Loss{Kind: chat.KindContent.String(), Count: r.Missing, Reason: reason})
	}
	sum := total(r.Counts)
	short := false
	for _, rec := range r.Verify.Records {
		short = short || rec.Raw != rec.Known
	}
	lost := slices.ContainsFunc(r.Losses, func(l Loss) bool { return l.Count > 0 })
	r.OK = !lost && !short && sum.Quarantined == 0 && sum.Conflict == 0 && r.Verify.Differences == 0
	r.Next = j.next()
	r.close()
	return nil
}

// notes writes all quarantined and mended records beside the report, and
// lists the first of them in it.
func (j *Job) notes(ctx context.Context) error {
	r := j.report
	r.Quarantine, r.Repairs, r.Conflicts, r.Losses = []Quarantined{}, nil, nil, []Loss{}
	losses := map[Loss]int64{}
	path := ""
	if j.Dir != "" {
		path = filepath.Join(j.Dir, quarantineFile)
	}
	err := writeLines(path, func(write func(any) error) error {
		for after := int64(0); ; {
			notes, next, err := j.Target.Notes(ctx, j.Name, after, 500)
			if err != nil {
				return err
			}
			for _, n := range notes {
				if !r.note(n, losses) {
					continue
				}
				if err := write(n); err != nil {
					return err
				}
			}
			if after = next; next == 0 || len(notes) == 0 {
				return nil
			}
		}
	})
	for l, n := range losses {
		l.Count = n
		r.Losses = append(r.Losses, l)
	}
	slices.SortFunc(r.Losses, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Reason, b.Reason))
	})
	return err
}

// note lists a note, and reports whether it has a line in the file of
// quarantined records.
func (r *Report) note(n chat.Note, losses map[Loss]int64) bool {
	entry := Quarantined{Where: n.Where, Reason: n.Reason, Object: n.Object}
	add := func(list []Quarantined) []Quarantined {
		if len(list) >= listed {
			return list
		}
		return append(list, entry)
	}
	switch n.Kind {
	case chat.NoteQuarantine:
		r.Quarantine = add(r.Quarantine)
	case chat.NoteRepair:
		r.Repairs = add(r.Repairs)
	case chat.NoteConflict:
		r.Conflicts = add(r.Conflicts)
	default:
		losses[Loss{Kind: n.Object.String(), Reason: n.Reason}]++
		return false
	}
	return true
}

// next says what a human does now.
func (j *Job) next() Next {
	r := j.report
	admin := func(format string, args ...any) Next {
		return Next{Step: fmt.Sprintf(format, args...), By: "the administrator"}
	}
	sum := total(r.Counts)
	switch {
	case r.Closed && r.Verify.Differences > 0:
		return admin("the target is not open to people yet, because %d differences are left: look at them in the report, then import again, with --accept-differences to open it as it is", r.Verify.Differences)
	case r.Closed:
		return admin("the target is not open to people yet: another move into it has not ended")
	case r.Verify.Differences > 0:
		return admin("look at the %d differences, then import again: it mends what the source can give", r.Verify.Differences)
	case sum.Quarantined > 0:
		return admin("look at the %d quarantined records in %s", sum.Quarantined, filepath.Join(j.Dir, quarantineFile))
	case r.Undecided > 0:
		return admin("decide on %d people in %s, then import again", r.Undecided, filepath.Join(j.Dir, peopleFile))
	case r.Missing > 0 && !j.WithoutFiles:
		return admin("if the missing files are elsewhere, import again with --files-from DIR")
	case r.Missing > 0:
		return admin("carry the files: import again with --files-only")
	case r.Run > 1:
		return Next{Step: "none: the target is up to date with this export", By: "nobody"}
	default:
		return admin("invite people: godwit admin invite --all --csv links.csv")
	}
}

// brief is the report as it is kept with the cursor.
func (r *Report) brief() *Report {
	out := *r
	out.Phases = slices.Clone(r.Phases)
	return &out
}

// save writes the report, as JSON and as a page, into the move's directory.
func (j *Job) save() error {
	if j.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the move: %w", err)
	}
	return j.report.Save(j.Dir)
}

// Save writes the report into a move's directory, as JSON and as a page.
func (r *Report) Save(dir string) error {
	var data, page bytes.Buffer
	if err := errors.Join(r.WriteJSON(&data), r.WriteHTML(&page)); err != nil {
		return err
	}
	return errors.Join(writeFile(filepath.Join(dir, reportFile), data.Bytes()), writeFile(filepath.Join(dir, pageFile), page.Bytes()))
}

// ReadReport reads the report in a move's directory. It fails with NotFound
// if there is none.
func ReadReport(dir string) (*Report, error) {
	f, err := os.Open(filepath.Join(dir, reportFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, chat.Errorf(chat.NotFound, "there is no report in %s", dir).WithHint("it is written by: godwit import FROM TO")
	}
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	var r Report
	if err := json.NewDecoder(bufio.NewReader(f)).Decode(&r); err != nil {
		return nil, chat.Errorf(chat.Damaged, "the report in %s cannot be read: %w", dir, err)
	}
	return &r, nil
}

// Recorded returns the report of a move as the target keeps it, also while
// the move is under way. It fails with NotFound if there is no such move.
func Recorded(ctx context.Context, m chat.Mover, name string) (*Report, error) {
	st, err := m.Move(ctx, name)
	if err != nil {
		return nil, err
	}
	var kept journal
	if len(st.Progress) > 0 {
		if err := json.Unmarshal(st.Progress, &kept); err != nil {
			return nil, chat.Errorf(chat.Damaged, "what the move %s keeps cannot be read: %w", name, err)
		}
	}
	if kept.Report == nil {
		kept.Report = &Report{Version: 1, Move: st.Name, Source: st.Source, Phase: "plan", Started: st.Started.Std(), Counts: chat.Counts{}}
	}
	for k, c := range st.Counts {
		kept.Report.Counts[k] = c
	}
	return kept.Report, nil
}
