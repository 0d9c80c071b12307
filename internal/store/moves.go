package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// move is a row of the table of moves.
type move struct {
	chat.MoveState
	source int32
}

const moveColumns = `SELECT m.name, s.name, s.fingerprint, m.source, m.artefact, m.fence, m.run, m.reached, m.done, m.start, m.started, m.ended, m.counts, m.progress
	FROM moves m JOIN sources s ON s.id = m.source`

func scanMove(scan func(...any) error) (*move, error) {
	m := &move{}
	var fingerprint, counts, progress string
	err := scan(&m.Name, &m.Source, &fingerprint, &m.source, &m.Artefact, (*int64)(&m.Fence), &m.Run, &m.Cursor, &m.Done,
		(*int64)(&m.Start), (*int64)(&m.Started), (*int64)(&m.Ended), &counts, &progress)
	if err != nil {
		return nil, err
	}
	m.Counts = chat.Counts{}
	if err := errors.Join(json.Unmarshal([]byte(fingerprint), &m.Fingerprint), json.Unmarshal([]byte(counts), &m.Counts)); err != nil {
		return nil, chat.Errorf(chat.Damaged, "the stored state of the move %s cannot be read: %w", m.Name, err)
	}
	if progress != "" {
		m.Progress = json.RawMessage(progress)
	}
	return m, nil
}

func (s *session) move(name string) (*move, error) {
	m, err := scanMove(s.row(moveColumns+` WHERE m.name = $1`, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, chat.Errorf(chat.NotFound, "there is no move called %q here", name)
	}
	return m, s.db.fail("read the state of the move", err)
}

const saveMove = `UPDATE moves SET artefact = $2, fence = $3, run = $4, reached = $5, done = $6, start = $7, started = $8, ended = $9, counts = $10, progress = $11, heard = $12
	WHERE name = $1`

func (s *session) saveMove(m *move) error {
	counts, err := json.Marshal(m.Counts)
	if err != nil {
		return err
	}
	return s.exec(saveMove, m.Name, m.Artefact, int64(m.Fence), m.Run, m.Cursor, m.Done, int64(m.Start), int64(m.Started), int64(m.Ended),
		string(counts), string(m.Progress), int64(chat.TimeOf(time.Now())))
}

// Begin starts or goes on with a run of a move.
func (db *DB) Begin(ctx context.Context, spec chat.MoveSpec) (chat.MoveState, error) {
	if spec.Name == "" || spec.Source == "" {
		return chat.MoveState{}, chat.Errorf(chat.Invalid, "a move needs a name, and its source too")
	}
	var m *move
	err := db.locked(ctx, func(s *session, h *head) error {
		source, err := s.knowSource(spec)
		if err != nil {
			return err
		}
		m, err = s.move(spec.Name)
		switch {
		case chat.IsKind(err, chat.NotFound):
			m = &move{MoveState: chat.MoveState{Done: true}, source: source}
			m.Name = spec.Name
			err = s.exec(`INSERT INTO moves (name, source, artefact, fence, run, reached, done, start, started, ended, counts, progress)
				VALUES ($1, $2, '', 0, 0, '', FALSE, 0, 0, 0, '{}', '')`, spec.Name, source)
			if err != nil {
				return err
			}
		case err != nil:
			return err
		case m.source != source && s.pairedAnew(spec):
			m.source = source
			if err := s.exec(`UPDATE moves SET source = $2 WHERE name = $1`, spec.Name, source); err != nil {
				return err
			}
		case m.source != source:
			return chat.Errorf(chat.Conflict, "the move %s is from %s, not from %s", spec.Name, m.Source, spec.Source).
				WithHint("choose another name for this move, or the source's name of the first time")
		}
		m.Fence++
		if m.Done || m.Artefact != spec.Artefact {
			m.Run++
			m.Cursor, m.Done, m.Progress, m.Counts = "", false, nil, chat.Counts{}
			m.Start, m.Started, m.Ended = h.Pos, chat.TimeOf(time.Now()), 0
		}
		m.MoveSpec = spec
		return s.saveMove(m)
	})
	if err != nil {
		return chat.MoveState{}, err
	}
	db.known.forget(true)
	db.ahead.forget()
	db.agreed.forget()
	return m.MoveState, nil
}

// pairedAnew reports whether a move that was between this place and another
// one was begun again with the place that it is from now.
func (s *session) pairedAnew(spec chat.MoveSpec) bool {
	p, _, err := s.pair()
	return err == nil && p.Move == spec.Name && !p.Over && spec.Source == "place "+p.Log.String()
}

// knowSource finds or makes the number of a source.
func (s *session) knowSource(spec chat.MoveSpec) (id int32, err error) {
	var stored string
	err = s.row(`SELECT id, fingerprint FROM sources WHERE name = $1`, spec.Source).Scan(&id, &stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, s.db.fail("look the source up", err)
	}
	prints, encodeErr := json.Marshal(spec.Fingerprint)
	if encodeErr != nil {
		return 0, encodeErr
	}
	if err != nil {
		if err := s.row(`SELECT COALESCE(max(id), 0) + 1 FROM sources`).Scan(&id); err != nil {
			return 0, s.db.fail("count the sources", err)
		}
		return id, s.exec(`INSERT INTO sources (id, name, fingerprint) VALUES ($1, $2, $3)`, id, spec.Source, string(prints))
	}
	var known []string
	if err := json.Unmarshal([]byte(stored), &known); err != nil {
		return 0, chat.Errorf(chat.Damaged, "the stored fingerprint of the source %s cannot be read: %w", spec.Source, err)
	}
	if !fits(known, spec.Fingerprint) {
		return 0, chat.Errorf(chat.Conflict, "this is not the source that was imported as %q before", spec.Source).
			WithHint("give it a name of its own with --source, so that the two are not mixed up")
	}
	if len(known) == 0 && len(spec.Fingerprint) > 0 {
		return id, s.exec(`UPDATE sources SET fingerprint = $2 WHERE id = $1`, id, string(prints))
	}
	return id, nil
}

// fits reports whether two fingerprints may be of one source: they have a line
// in common, and none says something else of the same object.
func fits(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	said := map[string]string{}
	for _, line := range a {
		said[object(line)] = line
	}
	common := false
	for _, line := range b {
		if old, ok := said[object(line)]; ok {
			if old != line {
				return false
			}
			common = true
		}
	}
	return common
}

// object is what a line "kind id created" of a fingerprint is about.
func object(line string) string {
	if i := strings.LastIndexByte(line, ' '); i > 0 {
		return line[:i]
	}
	return line
}

// Move reads the state of a move.
func (db *DB) Move(ctx context.Context, name string) (state chat.MoveState, err error) {
	err = db.view(ctx, func(s *session) error {
		m, err := s.move(name)
		if err == nil {
			state = m.MoveState
		}
		return err
	})
	return state, err
}

// Moves lists all moves, newest first.
func (db *DB) Moves(ctx context.Context) (list []chat.MoveState, err error) {
	err = db.view(ctx, func(s *session) error {
		return s.each(func(rows *sql.Rows) error {
			m, err := scanMove(rows.Scan)
			if err == nil {
				list = append(list, m.MoveState)
			}
			return err
		}, moveColumns+` ORDER BY m.started DESC, m.name`)
	})
	return list, err
}

// maxRaw is how much of a record a note keeps.
const maxRaw = 64 << 10

// addNotes stores notes of a run, after those that it has.
func (s *session) addNotes(m *move, notes []chat.Note) error {
	if len(notes) == 0 {
		return nil
	}
	var n int64
	err := s.row(`SELECT COALESCE(max(n), 0) FROM notes WHERE move = $1 AND run = $2`, m.Name, m.Run).Scan(&n)
	if err != nil {
		return s.db.fail("count the notes", err)
	}
	const atOnce = 50
	args := make([]any, 0, 4*atOnce)
	for i, note := range notes {
		note.Run = m.Run
		note.Raw = note.Raw[:min(len(note.Raw), maxRaw)]
		text, err := json.Marshal(note)
		if err != nil {
			return err
		}
		n++
		args = append(args, m.Name, m.Run, n, string(text))
		if len(args) == cap(args) || i == len(notes)-1 {
			if err := s.exec(`INSERT INTO notes (move, run, n, note) VALUES `+tuples(len(args)/4, 4), args...); err != nil {
				return err
			}
			args = args[:0]
		}
	}
	return nil
}

// Notes pages through the notes of a move's last run.
func (db *DB) Notes(ctx context.Context, name string, after int64, limit int) (list []chat.Note, next int64, err error) {
	if limit <= 0 {
		return nil, 0, chat.Errorf(chat.Invalid, "no limit for how many notes to read")
	}
	err = db.view(ctx, func(s *session) error {
		m, err := s.move(name)
		if err != nil {
			return err
		}
		return s.each(func(rows *sql.Rows) error {
			var text sql.RawBytes
			var note chat.Note
			if err := rows.Scan(&next, &text); err != nil {
				return err
			}
			if err := json.Unmarshal(text, &note); err != nil {
				return chat.Errorf(chat.Damaged, "note %d of the move %s cannot be read: %w", next, name, err)
			}
			list = append(list, note)
			return nil
		}, `SELECT n, note FROM notes WHERE move = $1 AND run = $2 AND n > $3 ORDER BY n LIMIT $4`, m.Name, m.Run, after, limit)
	})
	if len(list) < limit {
		next = 0
	}
	return list, next, err
}
