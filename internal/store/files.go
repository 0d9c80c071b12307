package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
)

// MissingFiles lists files of a source of which no content is here.
func (db *DB) MissingFiles(ctx context.Context, source string, after chat.Key, limit int) (missing []*chat.File, err error) {
	if limit <= 0 {
		return nil, chat.Errorf(chat.Invalid, "no limit for how many files to list")
	}
	const atOnce = 1000
	err = db.view(ctx, func(s *session) error {
		for {
			var files []*chat.File
			err := s.each(func(rows *sql.Rows) error {
				var body sql.RawBytes
				if err := rows.Scan(&body); err != nil {
					return err
				}
				o, err := chat.DecodeBody(chat.KindFile, body)
				if err == nil {
					files = append(files, o.(*chat.File))
				}
				return err
			}, `SELECT body FROM objects WHERE kind = $1 AND id > $2 AND gone = FALSE AND source = (SELECT id FROM sources WHERE name = $3) ORDER BY id LIMIT $4`,
				int64(chat.KindFile), after[:], source, atOnce)
			if err != nil {
				return err
			}
			without, err := s.withoutContent(files)
			if err != nil {
				return err
			}
			missing = append(missing, without...)
			if len(missing) >= limit || len(files) < atOnce {
				missing = missing[:min(len(missing), limit)]
				return nil
			}
			after = files[len(files)-1].Key()
		}
	})
	return missing, err
}

func (s *session) withoutContent(files []*chat.File) ([]*chat.File, error) {
	var keys []chat.Key
	for _, f := range files {
		for _, c := range f.Contents {
			keys = append(keys, c.Key())
		}
	}
	there := make(map[chat.Key]bool, len(keys))
	err := s.eachKey(keys, func(rows *sql.Rows) error {
		var id chat.Key
		err := rows.Scan((*keyColumn)(&id))
		there[id] = true
		return err
	}, `SELECT id FROM objects WHERE kind = $1 AND gone = FALSE AND `, "id", int64(chat.KindContent))
	if err != nil {
		return nil, err
	}
	var missing []*chat.File
	for _, f := range files {
		if !slices.ContainsFunc(f.Contents, func(c chat.ContentID) bool { return there[c.Key()] }) {
			missing = append(missing, f)
		}
	}
	return missing, nil
}

// joinAtOnce is how many members are written under one lock.
const joinAtOnce = 1000

// wrote is that a person wrote in a room, and when first.
type wrote struct {
	room   chat.RoomID
	author chat.Key
	first  chat.Time
}

// Join makes those who wrote in a source's open rooms since its last run began
// members, where the source does not say who is one.
func (db *DB) Join(ctx context.Context, source string) (added int64, err error) {
	var list []wrote
	bites := db.company.bites()
	defer bites.end()
	if err := bites.begin(ctx); err != nil {
		return 0, err
	}
	err = db.view(ctx, func(s *session) error {
		list, err = s.wrote(source, bites)
		return err
	})
	for len(list) > 0 && err == nil {
		if err = bites.rest(ctx); err == nil {
			err = bites.begin(ctx)
		}
		if err != nil {
			break
		}
		n := min(len(list), joinAtOnce)
		if bites.mine {
			n = min(n, joinBite)
		}
		err = db.locked(ctx, func(s *session, h *head) error { return s.join(h, list[:n], &added) })
		list = list[n:]
	}
	return added, err
}

// wrote finds who wrote in the open rooms that a source gave without members.
// Administrators of a room are no sign that it knows the others.
func (s *session) wrote(source string, bites *bites) (list []wrote, err error) {
	rooms := map[chat.RoomID]bool{}
	err = s.each(func(rows *sql.Rows) error {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return err
		}
		o, err := chat.DecodeBody(chat.KindRoom, body)
		if err != nil {
			return err
		}
		if r := o.(*chat.Room); r.Type == chat.RoomOpen {
			rooms[r.ID] = true
		}
		return nil
	}, `SELECT o.body FROM objects o WHERE o.kind = $1 AND o.gone = FALSE AND o.source = (SELECT id FROM sources WHERE name = $2)
		AND NOT EXISTS (SELECT 1 FROM objects m WHERE m.kind = $3 AND m.a = o.id AND m.source <> 0 AND m.body NOT LIKE '%"admin":true%')`,
		int64(chat.KindRoom), source, int64(chat.KindMember))
	if err != nil || len(rooms) == 0 {
		return nil, err
	}
	// Gathered here, because SQLite sorts a million rows to group them.
	first := map[[2]chat.Key]chat.Time{}
	err = s.each(func(rows *sql.Rows) error {
		var pair [2]chat.Key
		var sent int64
		if err := rows.Scan((*keyColumn)(&pair[0]), (*keyColumn)(&pair[1]), &sent); err != nil {
			return err
		}
		if rooms[chat.RoomID(pair[0])] {
			if old, ok := first[pair]; !ok || chat.Time(sent) < old {
				first[pair] = chat.Time(sent)
			}
		}
		return bites.row(s.ctx)
	}, `SELECT room, author, sent FROM messages WHERE author IS NOT NULL AND pos > COALESCE(
		(SELECT start FROM moves WHERE source = (SELECT id FROM sources WHERE name = $1) ORDER BY started DESC LIMIT 1), 0)`, source)
	for pair, sent := range first {
		list = append(list, wrote{chat.RoomID(pair[0]), pair[1], sent})
	}
	slices.SortFunc(list, func(a, b wrote) int {
		return cmp.Or(bytes.Compare(a.room[:], b.room[:]), bytes.Compare(a.author[:], b.author[:]))
	})
	return list, err
}

// join writes members that never were there. Those whom the source no longer
// knows, and programs, do not become one.
func (s *session) join(h *head, list []wrote, added *int64) error {
	switch h.State {
	case chat.Open, chat.Receiving, chat.Standby:
	default:
		return notOpen(h.Head)
	}
	users, err := s.GetAll(chat.KindUser, authors(list))
	if err != nil {
		return err
	}
	var members []*row
	for _, w := range list {
		u, ok := users[w.author].(*chat.User)
		if !ok || u.Gone || u.Role == chat.RolePlaceholder || u.Role == chat.RoleBot {
			continue
		}
		r, err := encodeRow(&chat.Member{Room: w.room, User: u.ID, Joined: w.first})
		if err != nil {
			return err
		}
		members = append(members, r)
	}
	keys := make([]chat.Key, len(members))
	for i, r := range members {
		keys[i] = r.key
	}
	there := map[ref]state{}
	if err := s.states(chat.KindMember, keys, there); err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(r *row) bool { _, ok := there[ref{r.kind, r.key}]; return ok })
	for _, r := range members {
		h.Pos++
		r.pos = h.Pos
	}
	*added += int64(len(members))
	return s.upsert(members)
}

func authors(list []wrote) []chat.Key {
	seen := map[chat.Key]bool{}
	var keys []chat.Key
	for _, w := range list {
		if !seen[w.author] {
			seen[w.author] = true
			keys = append(keys, w.author)
		}
	}
	return keys
}
