package move

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// people.csv proposes who of the source is who at the target, by e-mail. A
// person decides: an address at the source is often set by its owner.
var peopleColumns = []string{"imported", "name", "email", "local", "local_name", "same"}

type proposal struct {
	imported, local        chat.UserID
	name, email, localName string
	same                   string // yes, no, or empty: not decided
}

// planPeople finds people who are already at the target, and writes them
// down; decisions that were made are kept.
func (j *Job) planPeople(ctx context.Context, p *Plan) error {
	var emails []string
	for _, u := range j.about.People {
		if u.Email != "" && !u.Off {
			emails = append(emails, u.Email)
		}
	}
	if len(emails) == 0 {
		return nil
	}
	found, err := j.Target.People(ctx, j.about.Name, emails)
	if err != nil || len(found) == 0 {
		return err
	}
	old, err := j.readPeople()
	if err != nil {
		return err
	}
	var list []proposal
	for _, u := range j.about.People {
		local := found[chat.Fold(u.Email)]
		if local == nil || u.Off || u.Email == "" || local.ID == u.ID {
			continue
		}
		n := proposal{imported: u.ID, local: local.ID, name: u.Name, email: u.Email, localName: local.Name}
		if i := slices.IndexFunc(old, func(o proposal) bool { return o.imported == n.imported && o.local == n.local }); i >= 0 {
			n.same = old[i].same
		}
		list = append(list, n)
	}
	p.Predicted.Collisions = append(p.Predicted.Collisions,
		fmt.Sprintf("%d people have the e-mail address of someone at the target; decide in %s who is the same", len(list), filepath.Join(j.Dir, peopleFile)))
	return j.writePeople(list)
}

func (j *Job) writePeople(list []proposal) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{peopleColumns}
	for _, p := range list {
		rows = append(rows, []string{p.imported.String(), p.name, p.email, p.local.String(), p.localName, p.same})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		return err
	}
	return writeFile(filepath.Join(j.Dir, peopleFile), b.Bytes())
}

func (j *Job) readPeople() ([]proposal, error) {
	path := filepath.Join(j.Dir, peopleFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the people file: %w", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))).ReadAll()
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "%s cannot be read: %w", path, err)
	}
	var list []proposal
	for i, row := range rows {
		if i == 0 || len(row) != len(peopleColumns) {
			continue
		}
		p := proposal{name: row[1], email: row[2], localName: row[4], same: strings.ToLower(strings.TrimSpace(row[5]))}
		err := errors.Join(p.imported.UnmarshalText([]byte(row[0])), p.local.UnmarshalText([]byte(row[3])))
		if err == nil && p.same != "" && p.same != "yes" && p.same != "no" {
			err = chat.Errorf(chat.Invalid, `"same" is %q`, p.same)
		}
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "%s, line %d: %w", path, i+1, err).WithHint(`the last column is yes, no, or empty; the IDs are as the plan wrote them`)
		}
		list = append(list, p)
	}
	return list, nil
}

// match tells the target what was decided.
func (j *Job) match(ctx context.Context) error {
	list, err := j.readPeople()
	if err != nil {
		return err
	}
	var matches []chat.Match
	j.report.Undecided = 0
	for _, p := range list {
		if p.same == "" {
			j.report.Undecided++
			continue
		}
		matches = append(matches, chat.Match{Imported: p.imported, Local: p.local, Gone: p.same == "no"})
	}
	return j.Target.Match(ctx, j.Name, matches)
}
