package hipchat

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/godwit-chat/godwit/internal/chat"
)

// history is the file that messages stand in.
type history struct {
	path string
	room *room    // of a room's history
	user nativeID // of a user's history
}

// sent is a message as it goes to the target, and what it needs there.
type sent struct {
	message *chat.Message
	file    *chat.File
	unknown []wirePerson // those who are not in users.json
	direct  [2]nativeID  // the two of a 1-1
	isCopy  bool         // the receiver's copy of a 1-1
	copied  bool         // the sender's, of which there is a copy
	notes   []string     // what was mended

	digest, fileDigest uint64
}

// message turns a record into a message. It fails if the record cannot be
// understood.
func (p *people) message(h *history, kind string, w *wireMessage) (s sent, err error) {
	w.Message = strings.Clone(w.Message) // the rest of the record need not be kept with it
	m := &chat.Message{Text: w.Message}
	s.message = m
	if m.Sent, err = parseTime(w.Timestamp); err != nil {
		return s, err
	}
	if err = p.place(h, kind, w, &s); err != nil {
		return s, err
	}
	p.author(w, &s)
	if err := setType(m, kind, w); err != nil {
		return s, err
	}
	if w.Deleted {
		m.Gone, m.Text = true, ""
		return s, nil
	}
	switch {
	case w.Mentions != nil:
		m.Mentions = p.mentions(w.Message, w.Mentions)
	case m.Format != chat.FormatHTML:
		m.Mentions = p.named(w.Message)
	}
	if kind == kindNotification {
		m.Color = noticeColor(w.Color)
		if m.Card, err = card(w.Card); err != nil {
			s.notes = append(s.notes, "the card is no JSON and was left out")
		}
	}
	p.attachment(h, w, &s)
	return s, nil
}

// place finds the room of a message and its ID.
func (p *people) place(h *history, kind string, w *wireMessage, s *sent) error {
	m := s.message
	if h.room != nil {
		if kind == kindPrivateMessage {
			return errors.New("a 1-1 message stands in a room's history: who may read it is not known")
		}
		m.Room = h.room.id
		m.ID = chat.MessageID(p.messageKey(m, w, string(h.room.native)))
		return nil
	}
	from, to := w.Sender.ID, w.Receiver.ID
	switch {
	case from == "":
		return errors.New("a 1-1 message has no sender with an id")
	case to == "" && from == h.user:
		return errors.New("a 1-1 message has no receiver")
	case to == "":
		to = h.user
		s.notes = append(s.notes, "the message has no receiver: it is the one in whose history it stands")
	}
	s.direct = pair(from, to)
	m.Room = p.directID(s.direct)
	m.ID = chat.MessageID(p.messageKey(m, w, "1-1", string(s.direct[0]), string(s.direct[1])))
	if from != to {
		s.copied = from == h.user
		s.isCopy = !s.copied
	}
	if p.users[to] == nil {
		s.unknown = append(s.unknown, wirePerson{to, w.Receiver.Name, w.Receiver.Mention})
	}
	return nil
}

// messageKey derives the ID of a message: from the export's, or if there is
// none from all that tells it from others.
func (p *people) messageKey(m *chat.Message, w *wireMessage, scope ...string) chat.Key {
	if w.ID != "" {
		return p.key(m.Sent, "message", append(scope, string(w.ID))...)
	}
	return p.key(m.Sent, "message", append(scope, "", string(w.Sender.ID), w.Sender.Name, strconv.FormatInt(int64(m.Sent), 10), w.Message)...)
}

func (p *people) author(w *wireMessage, s *sent) {
	m := s.message
	if w.Sender.ID == "" {
		m.Label = strings.Clone(w.Sender.Name)
		return
	}
	if u := p.users[w.Sender.ID]; u != nil {
		m.Author = u.ID
		return
	}
	m.Author = p.userID(w.Sender.ID)
	if !slices.ContainsFunc(s.unknown, func(o wirePerson) bool { return o.ID == w.Sender.ID }) {
		s.unknown = append(s.unknown, w.Sender)
	}
}

func setType(m *chat.Message, kind string, w *wireMessage) error {
	switch kind {
	case kindUserMessage, kindPrivateMessage:
		m.Type = chat.MessagePlain
		if w.Sender.ID == "" && w.Sender.Name == "" {
			return errors.New("the message has no sender")
		}
	case kindNotification:
		m.Type = chat.MessageNotification
		if w.Format != "text" {
			m.Format = chat.FormatHTML
		}
	case kindTopic:
		m.Type = chat.MessageTopic
	case kindArchive:
		m.Type = chat.MessageSystem
	case kindGuestAccess:
		m.Type = chat.MessageGuest
	}
	return nil
}

// placeholder stands for someone who wrote, and whom users.json does not have.
func (p *people) placeholder(w wirePerson) *chat.User {
	u := &chat.User{ID: p.userID(w.ID), Name: w.Name, Mention: w.Mention, Role: chat.RolePlaceholder, Off: true}
	if u.Name == "" {
		u.Name = "User " + string(w.ID)
	}
	return u
}

// noticeColor is one of HipChat's, or none for what is not known.
func noticeColor(s string) string {
	switch s = strings.ToLower(s); s {
	case "yellow", "green", "red", "purple", "gray":
		return s
	case "grey":
		return "gray"
	}
	return "yellow"
}

// card makes a card compact JSON; the API gives it as a string that holds it.
func card(v jsontext.Value) ([]byte, error) {
	if len(v) == 0 || v.Kind() == 'n' {
		return nil, nil
	}
	if v.Kind() == '"' {
		var s string
		if err := decode(v, &s); err != nil {
			return nil, err
		}
		if s == "" {
			return nil, nil
		}
		v = jsontext.Value(s)
	}
	v = v.Clone()
	if err := v.Compact(); err != nil {
		return nil, err
	}
	return v, nil
}

// mentions finds the people that a message names where its text does so.
func (p *people) mentions(text string, refs []reference) []chat.Mention {
	if len(refs) == 0 || strings.IndexByte(text, '@') < 0 {
		return nil
	}
	var list []chat.Mention
	for _, ref := range refs {
		u := p.users[ref.id]
		if u == nil || u.Mention == "" {
			continue
		}
		for rest := text; ; {
			i := strings.IndexByte(rest, '@')
			if i < 0 {
				break
			}
			rest = rest[i+1:]
			name := mentioned(rest, u.Mention)
			m := chat.Mention{Name: name, User: u.ID}
			if name != "" && !slices.Contains(list, m) {
				list = append(list, m)
			}
		}
	}
	return list
}

// named finds the people that a text mentions, where a record does not list
// them: by mention names that one person has.
func (p *people) named(text string) []chat.Mention {
	var list []chat.Mention
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '@')
		if i < 0 {
			return list
		}
		at += i + 1
		if r, _ := utf8.DecodeLastRuneInString(text[:at-1]); inName(r) {
			continue // an address
		}
		rest := text[at:]
		n := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == '@' })
		if n < 0 {
			n = len(rest)
		}
		for n = min(n, maxMention); n > 0; n-- { // the longest name that someone has
			name := rest[:n]
			u := p.byMention[strings.ToLower(name)]
			if u == nil || mentioned(rest, name) == "" {
				continue
			}
			if m := (chat.Mention{Name: name, User: u.ID}); !slices.Contains(list, m) {
				list = append(list, m)
			}
			break
		}
	}
}

// maxMention is more than a mention name can have.
const maxMention = 100

func inName(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// mentioned returns how the text begins with a mention name, if it does.
func mentioned(text, name string) string {
	if len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
		return ""
	}
	if r, _ := utf8.DecodeRuneInString(text[len(name):]); inName(r) {
		return ""
	}
	return text[:len(name)]
}

// attachment makes the file of a message, if it has one.
func (p *people) attachment(h *history, w *wireMessage, s *sent) {
	at := w.Attachment.Path
	if at == "" {
		at = w.AttachmentPath
	}
	if at == "" && w.Attachment.Name == "" {
		return
	}
	m := s.message
	f := &chat.File{
		ID:   chat.FileID(p.key(m.Sent, "file", m.ID.String(), at)),
		Room: m.Room, Message: m.ID, Author: m.Author,
		Name: w.Attachment.Name, Size: max(w.Attachment.Size, 0), Sent: m.Sent,
		Contents: []chat.ContentID{},
	}
	if f.Name == "" {
		f.Name = path.Base(at)
	}
	if at != "" {
		if _, bad := cleanPath(at, ""); bad != "" {
			s.notes = append(s.notes, fmt.Sprintf("the attachment's path %q cannot be one in the export: %s", at, bad))
			f.Origin = at
		} else {
			f.Origin, f.Contents = p.candidates(h, w, at)
		}
	}
	m.Files = []chat.FileID{f.ID}
	s.file = f
}

// candidates lists where an export may have the bytes of an attachment.
func (p *people) candidates(h *history, w *wireMessage, at string) (origin string, ids []chat.ContentID) {
	var paths []string
	if h.room != nil {
		paths = append(paths, "rooms/"+string(h.room.native)+"/files/"+at)
	}
	paths = append(paths, sharedFiles+at)
	if w.Sender.ID != "" {
		paths = append(paths, "users/"+string(w.Sender.ID)+"/files/"+at)
	}
	for _, c := range paths {
		ids = append(ids, p.contentID(c))
	}
	return paths[0], ids
}

// sharedFiles is where the attachments of 1-1s are, and in some exports all.
const sharedFiles = "users/files/"
