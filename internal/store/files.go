package store

import (
	"context"
	"database/sql"

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
	there, err := s.GetAll(chat.KindContent, keys)
	if err != nil {
		return nil, err
	}
	var missing []*chat.File
next:
	for _, f := range files {
		for _, c := range f.Contents {
			if o := there[c.Key()]; o != nil && !o.Deleted() {
				continue next
			}
		}
		missing = append(missing, f)
	}
	return missing, nil
}

// Join makes those who wrote in a source's open rooms members, where a room
// never had any.
func (db *DB) Join(ctx context.Context, source string) (added int64, err error) {
	var members []*row
	err = db.view(ctx, func(s *session) error {
		rooms, err := s.unpeopled(source)
		if err != nil {
			return err
		}
		for _, room := range rooms {
			if err := s.writers(room, &members); err != nil {
				return err
			}
		}
		return nil
	})
	for err == nil && len(members) > 0 {
		n := wholeRooms(members)
		err = db.locked(ctx, func(s *session, h *head) error { return s.join(h, members[:n], &added) })
		members = members[n:]
	}
	return added, err
}

// wholeRooms cuts off members of a few rooms: all of one go together, because
// a room that has some is not looked at again.
func wholeRooms(members []*row) int {
	room := func(i int) chat.RoomID { return members[i].obj.(*chat.Member).Room }
	n := min(1000, len(members))
	for n < len(members) && room(n) == room(n-1) {
		n++
	}
	return n
}

func (s *session) join(h *head, members []*row, added *int64) error {
	switch h.State {
	case chat.Open, chat.Receiving, chat.Standby:
	default:
		return notOpen(h.State)
	}
	there := map[ref]state{}
	if err := s.states(chat.KindMember, column(members, func(r *row) chat.Key { return r.key }), there); err != nil {
		return err
	}
	var write []*row
	for _, r := range members {
		if _, ok := there[ref{r.kind, r.key}]; !ok {
			h.Pos++
			r.pos = h.Pos
			write = append(write, r)
		}
	}
	*added += int64(len(write))
	return s.upsert(write)
}

// unpeopled finds the open rooms of a source that never had a member.
func (s *session) unpeopled(source string) (rooms []chat.RoomID, err error) {
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
			rooms = append(rooms, r.ID)
		}
		return nil
	}, `SELECT o.body FROM objects o WHERE o.kind = $1 AND o.gone = FALSE AND o.source = (SELECT id FROM sources WHERE name = $2)
		AND NOT EXISTS (SELECT 1 FROM objects m WHERE m.kind = $3 AND m.a = o.id) ORDER BY o.id`, int64(chat.KindRoom), source, int64(chat.KindMember))
	return rooms, err
}

// writers adds the members that a room gets from who wrote there. Those whom
// the source no longer knows, and programs, are not among them.
func (s *session) writers(room chat.RoomID, members *[]*row) error {
	first := map[chat.Key]chat.Time{}
	var keys []chat.Key
	err := s.each(func(rows *sql.Rows) error {
		var author chat.Key
		var sent int64
		err := rows.Scan((*keyColumn)(&author), &sent)
		first[author] = chat.Time(sent)
		keys = append(keys, author)
		return err
	}, `SELECT author, min(sent) FROM messages WHERE room = $1 AND author IS NOT NULL GROUP BY author ORDER BY author`, room[:])
	if err != nil {
		return err
	}
	users, err := s.GetAll(chat.KindUser, keys)
	if err != nil {
		return err
	}
	for _, k := range keys {
		u, ok := users[k].(*chat.User)
		if !ok || u.Gone || u.Role == chat.RolePlaceholder || u.Role == chat.RoleBot {
			continue
		}
		r, err := encodeRow(&chat.Member{Room: room, User: u.ID, Joined: first[k]})
		if err != nil {
			return err
		}
		*members = append(*members, r)
	}
	return nil
}
