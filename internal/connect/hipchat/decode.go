package hipchat

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// result is what one record gave.
type result struct {
	sent  sent           // of a history
	items []connect.Item // of everything else
	note  *chat.Note     // instead of an object or, if it is a repair, beside it

	picture, pictureOf string // the path of a picture that should be there, and what it shows
}

// spot is where a record stands. Few are asked for it.
type spot struct {
	path   string
	record int
}

func (s spot) String() string { return fmt.Sprintf("%s, record %d", s.path, s.record) }

// decode decodes the records of a batch. It is called from several goroutines.
func (s *Source) decode(b *batch) {
	for i, part := range b.parts {
		r := result{}
		raw := b.data[part.from:part.to]
		where := spot{b.file.path, b.first + i + 1}
		switch {
		case part.note != "":
			r.note = &chat.Note{Kind: chat.NoteRepair, Object: b.file.object(), Where: b.file.path, Reason: part.note}
		case part.bad != "":
			r.note = quarantine(b.file.object(), where.String(), part.bad, raw)
		case b.file.hist != nil:
			r = s.decodeMessage(b.file.hist, raw, where)
		case b.file.role == roleUsers:
			r = s.decodeUser(raw, where)
		case b.file.role == roleRooms:
			r = s.decodeRoom(raw, where)
		case b.file.role == roleEmoticons:
			r = s.decodeEmoticon(raw, where, b.file.listed)
		case b.file.role == roleAutojoins:
			r.items = s.p.autojoins(b.file, raw)
		case b.file.role == rolePreferences:
			r.items = s.p.preferences(b.file, raw)
		}
		b.results = append(b.results, r)
	}
}

// object is the kind of object that a file's records give.
func (f *file) object() chat.Kind {
	switch f.role {
	case roleUsers:
		return chat.KindUser
	case roleRooms:
		return chat.KindRoom
	case roleEmoticons:
		return chat.KindEmoticon
	case roleAutojoins:
		return chat.KindMember
	case rolePreferences:
		return chat.KindPreferences
	case roleRoomHistory, roleUserHistory:
		return chat.KindMessage
	}
	return chat.KindContent
}

func quarantine(kind chat.Kind, where, reason string, raw []byte) *chat.Note {
	return &chat.Note{Kind: chat.NoteQuarantine, Object: kind, Where: where, Reason: reason, Raw: bytes.Clone(raw[:min(len(raw), maxRaw)])}
}

func repair(kind chat.Kind, where string, raw []byte, did ...string) *chat.Note {
	var parts []string
	for _, d := range did {
		if d != "" {
			parts = append(parts, d)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	n := quarantine(kind, where, strings.Join(parts, "; "), raw)
	n.Kind = chat.NoteRepair
	return n
}

func (s *Source) decodeMessage(h *history, raw []byte, where spot) (r result) {
	var w wireMessage
	var did string
	kind, ok := quickMessage(raw, &w)
	if !ok {
		rec, how, err := read[wireMessage](raw)
		if err != nil {
			r.note = quarantine(chat.KindMessage, where.String(), explain(err), raw)
			return r
		}
		kind, w, did = rec.kind, rec.value, how
	}
	var err error
	if r.sent, err = s.p.message(h, kind, &w); err != nil {
		return result{note: quarantine(chat.KindMessage, where.String(), explain(err), raw)}
	}
	r.sent.digest = chat.Digest(r.sent.message)
	if r.sent.file != nil {
		r.sent.fileDigest = chat.Digest(r.sent.file)
	}
	if did != "" || len(r.sent.notes) > 0 {
		r.note = repair(chat.KindMessage, where.String(), raw, append(r.sent.notes, did)...)
	}
	return r
}

var errTwice = errors.New("it is there twice, and not equal: the first one stays")

func (s *Source) decodeUser(raw []byte, where spot) (r result) {
	rec, did, err := read[wireUser](raw)
	if err != nil {
		r.note = quarantine(chat.KindUser, where.String(), explain(err), raw)
		return r
	}
	u, avatar, notes, err := s.p.user(&rec.value)
	if first := s.p.users[rec.value.ID]; err == nil && first != nil && chat.Digest(first) != chat.Digest(u) {
		err = errTwice
	}
	if err != nil {
		r.note = quarantine(chat.KindUser, where.String(), explain(err), raw)
		return r
	}
	r.note = repair(chat.KindUser, where.String(), raw, append(notes, did)...)
	r.items = append(r.items, connect.Item{Incoming: chat.Incoming{Object: u}})
	if avatar != nil && !u.Avatar.IsZero() {
		r.items = append(r.items, connect.Item{Incoming: chat.Incoming{Object: &chat.Content{ID: u.Avatar}}, Bytes: bytes.NewReader(avatar), Size: int64(len(avatar))})
	}
	return r
}

func (s *Source) decodeRoom(raw []byte, where spot) (r result) {
	rec, did, err := read[wireRoom](raw)
	if err != nil {
		r.note = quarantine(chat.KindRoom, where.String(), explain(err), raw)
		return r
	}
	room, members, notes, err := s.p.room(&rec.value)
	if first := s.p.rooms[rec.value.ID]; err == nil && first != nil && first.digest != roomDigest(&rec.value) {
		err = errTwice
	}
	if err != nil {
		r.note = quarantine(chat.KindRoom, where.String(), explain(err), raw)
		return r
	}
	r.note = repair(chat.KindRoom, where.String(), raw, append(notes, did)...)
	r.items = append(r.items, connect.Item{Incoming: chat.Incoming{Object: room}})
	for _, m := range members {
		r.items = append(r.items, connect.Item{Incoming: chat.Incoming{Object: m}})
	}
	return r
}

func (s *Source) decodeEmoticon(raw []byte, where spot, listed bool) (r result) {
	var w wireEmoticon
	var did string
	var err error
	if listed {
		err = decode(raw, &w)
		if mended, how := mend(raw); err != nil && how != "" {
			w, did = wireEmoticon{}, how
			err = decode(mended, &w)
		}
	} else {
		var rec record[wireEmoticon]
		rec, did, err = read[wireEmoticon](raw)
		w = rec.value
	}
	var e *chat.Emoticon
	var path string
	if err == nil {
		e, path, err = s.p.emoticon(&w, listed)
	}
	if err != nil {
		r.note = quarantine(chat.KindEmoticon, where.String(), explain(err), raw)
		return r
	}
	r.note = repair(chat.KindEmoticon, where.String(), raw, did)
	r.items = []connect.Item{{Incoming: chat.Incoming{Object: e}}}
	if path != "" {
		r.picture, r.pictureOf = contentPath(path), "the emoticon ("+e.Shortcut+")"
	}
	return r
}
