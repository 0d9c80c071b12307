package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// sent is what a record of a history gives.
type sent struct {
	at      chat.Time // zero if it gave no message
	message *chat.Message
	thread  chat.Time // of the root, zero if it stands in no thread
	parent  string    // who wrote the root, if that is known
	root    bool
	replies int64 // that the root says it has
	others  []chat.Object
	unknown []unknownPerson
	files   []fetchable
	note    *chat.Note  // stands beside the message, or instead of it
	more    []chat.Note // losses
	copied  bool        // it is made from what another record says
	digest  uint64
}

type unknownPerson struct {
	id    string
	user  *chat.User
	named bool
}

// systemTypes are subtypes by which Slack says what happened to a room. Their
// text is Slack's.
var systemTypes = map[string]bool{
	"channel_join": true, "channel_leave": true, "channel_purpose": true, "channel_name": true, "channel_archive": true, "channel_unarchive": true,
	"group_join": true, "group_leave": true, "group_purpose": true, "group_name": true, "group_archive": true, "group_unarchive": true,
	"channel_convert_to_private": true, "channel_convert_to_public": true, "channel_posting_permissions": true, "channel_canvas_updated": true, "tabbed_canvas_updated": true,
	"bot_add": true, "bot_remove": true, "bot_enable": true, "bot_disable": true, "pinned_item": true, "unpinned_item": true, "reminder_add": true,
	"joiner_notification": true, "joiner_notification_for_inviter": true, "app_conversation_leave": true, "app_conversation_join": true, "file_mention": true,
	"huddle_thread": true, "sh_room_created": true, "group_topic_unset": true,
}

// plainTypes are subtypes that say nothing about what a message is.
var plainTypes = map[string]bool{
	"": true, "file_share": true, "thread_broadcast": true, "reply_broadcast": true, "slackbot_response": true, "assistant_app_thread": true,
	"document_mention": true, "document_comment_root": true, "sh_room_shared": true, "bot_message": true, "me_message": true, "file_comment": true, "tombstone": true, "ekm_access_denied": true,
}

// converter turns records into messages. It keeps nothing between them.
type converter struct{ w *workspace }

// message reads a record of a room's history. Its note says why there is no
// message, or what was mended.
func (c converter) message(r *room, byDay bool, raw []byte, where string) sent {
	m, did, err := read[wireMessage](raw)
	if err == nil && !byDay && !stamped(raw) {
		return sent{note: &chat.Note{Kind: chat.NoteSkip, Object: chat.KindContent, Where: where, Reason: "it is no message: it has no ts (canvases stand so, and are only links to Slack)"}}
	}
	var s sent
	if err == nil {
		s.at, err = stamp(string(m.TS))
	}
	if err == nil {
		s, err = c.convert(r, &m, s.at, where)
	}
	if err != nil {
		kind := chat.KindMessage
		if !byDay && !stamped(raw) {
			kind = chat.KindContent
		}
		return sent{note: quarantine(kind, where, explain(err), raw)}
	}
	if s.message == nil {
		return s
	}
	if n := mended(chat.KindMessage, where, raw, did); n != nil && s.note == nil {
		s.note = n
	}
	s.digest = chat.Digest(s.message)
	return s
}

func (c converter) convert(r *room, m *wireMessage, at chat.Time, where string) (sent, error) {
	switch m.Subtype {
	case "message_replied":
		return sent{note: &chat.Note{Kind: chat.NoteSkip, Object: chat.KindMessage, Where: where, Reason: "it only says that a thread has a reply"}}, nil
	case "message_changed":
		return sent{note: &chat.Note{Kind: chat.NoteSkip, Object: chat.KindMessage, Where: where, Reason: "an earlier state of a message: its last one stands in the history"}}, nil
	case "message_deleted":
		return c.deleted(r, m, where)
	}
	if m.Type != "" && m.Type != "message" {
		return sent{}, fmt.Errorf("%q is not a type of record that is known here", m.Type)
	}
	s := sent{at: at, message: &chat.Message{ID: c.w.messageID(r.id, at), Room: r.native.ID, Sent: at, Format: chat.FormatSlack, Text: m.Text}}
	if err := c.thread(r, m, &s); err != nil {
		return s, err
	}
	c.author(m, &s)
	if m.Subtype == "tombstone" {
		*s.message = chat.Message{ID: s.message.ID, Room: s.message.Room, Thread: s.message.Thread, Sent: at, Gone: true, Extra: chat.Extra{Shown: s.message.Shown}}
		return s, nil
	}
	c.kind(m, &s, where)
	if m.Edited != nil {
		if e, err := stamp(string(m.Edited.TS)); err == nil {
			s.message.Edited = e
		}
	}
	card := c.card(m, &s, where)
	c.attach(r, m, &s, card, where)
	if len(card.Blocks)+len(card.Attachments) > 0 {
		b, err := encodeCard(card)
		if err != nil {
			return s, err
		}
		s.message.Card = b
	}
	c.mentions(&s)
	c.reactions(m, &s, where)
	c.pinned(r, m, &s)
	return s, nil
}

// deleted is a record that says that another was deleted.
func (c converter) deleted(r *room, m *wireMessage, where string) (sent, error) {
	ts := m.DeletedTS
	if ts == "" && m.Previous != nil {
		ts = m.Previous.TS
	}
	at, err := stamp(string(ts))
	if err != nil {
		return sent{}, errors.New("it says that a message was deleted, and not which")
	}
	s := sent{at: at, copied: true, message: &chat.Message{ID: c.w.messageID(r.id, at), Room: r.native.ID, Sent: at, Gone: true}}
	s.more = append(s.more, *loss(chat.KindMessage, where, "the text of a message that was deleted is not carried"))
	return s, nil
}

func (c converter) thread(r *room, m *wireMessage, s *sent) error {
	s.replies = m.ReplyCount.size()
	if m.ThreadTS == "" {
		s.root = s.replies > 0
		return nil
	}
	at, err := stamp(string(m.ThreadTS))
	if err != nil {
		return fmt.Errorf("the thread: %w", err)
	}
	if s.root = at == s.at; s.root {
		return nil
	}
	s.thread, s.parent = at, m.Parent
	if s.parent == "" && m.Root != nil {
		s.parent = m.Root.User
	}
	s.message.Thread = c.w.messageID(r.id, at)
	s.message.Shown = m.Subtype == "thread_broadcast"
	return nil
}

// author finds out who wrote a message. What a program called itself in it
// stays with it.
func (c converter) author(m *wireMessage, s *sent) {
	id := m.User
	switch {
	case m.Subtype == "file_comment" && m.Comment != nil && m.Comment.User != "":
		id = m.Comment.User
	case m.Room != nil && m.Room.By != "" && (id == "" || id == slackbot):
		id = m.Room.By
	}
	bot := m.BotID
	if bot == "" && m.BotProfile != nil {
		bot = m.BotProfile.ID
	}
	if id == "" || id == "U00" {
		id = bot
	}
	if id == "" && m.File != nil {
		id = m.File.User
	}
	if id == "" {
		s.message.Label = strings.TrimSpace(m.Username)
		return
	}
	u := c.person(id, m, s)
	s.message.Author = u.ID
	if name := strings.TrimSpace(m.Username); name != "" && u.Role == chat.RoleBot && name != u.Name {
		s.message.Label = name
	}
}

// person returns who an ID means; whoever is not in the export is noted as
// needed.
func (c converter) person(id string, m *wireMessage, s *sent) *chat.User {
	if p := c.w.users[id]; p != nil {
		return p.user
	}
	for _, u := range s.unknown {
		if u.id == id {
			return u.user
		}
	}
	u := unknownPerson{id: id}
	u.user, u.named = c.w.placeholder(id, m)
	s.unknown = append(s.unknown, u)
	return u.user
}

// kind says what a message is.
func (c converter) kind(m *wireMessage, s *sent, where string) {
	msg := s.message
	author := c.w.users[m.User]
	byProgram := m.Subtype == "bot_message" || m.User == "" && (m.BotID != "" || m.Username != "") || author != nil && author.user.Role == chat.RoleBot
	switch {
	case m.Subtype == "channel_topic" || m.Subtype == "group_topic":
		msg.Type = chat.MessageSystem
		if m.Topic != "" {
			msg.Type, msg.Text = chat.MessageTopic, m.Topic
		}
		c.cutAuthor(m, msg)
	case systemTypes[m.Subtype]:
		msg.Type = chat.MessageSystem
		c.cutAuthor(m, msg)
	case byProgram:
		msg.Type, msg.Color = chat.MessageNotification, "gray"
	case m.Subtype == "me_message":
		msg.Text = "/me " + m.Text
	}
	switch {
	case m.Subtype == "ekm_access_denied":
		s.more = append(s.more, *loss(chat.KindMessage, where, "Slack withheld the text: the customer's key was not at hand"))
	case !plainTypes[m.Subtype] && !systemTypes[m.Subtype] && msg.Type != chat.MessageTopic:
		s.note = &chat.Note{Kind: chat.NoteRepair, Object: chat.KindMessage, Where: where, Reason: fmt.Sprintf("its subtype %q is not known here: it is an ordinary message", m.Subtype)}
	}
	if msg.Author.IsZero() && msg.Label == "" && msg.Type == chat.MessagePlain {
		msg.Label = "Slack"
		s.note = &chat.Note{Kind: chat.NoteRepair, Object: chat.KindMessage, Where: where, Reason: "the message does not say who wrote it"}
	}
}

// cutAuthor leaves out the name with which Slack begins its own sentences:
// whoever draws them names the author.
func (c converter) cutAuthor(m *wireMessage, msg *chat.Message) {
	rest, ok := strings.CutPrefix(msg.Text, "<@"+m.User)
	if !ok || m.User == "" {
		return
	}
	if strings.HasPrefix(rest, "|") {
		if _, rest, ok = strings.Cut(rest, ">"); !ok {
			return
		}
	} else if rest, ok = strings.CutPrefix(rest, ">"); !ok {
		return
	}
	if rest = strings.TrimSpace(rest); rest != "" {
		msg.Text = rest
	}
}

// card reads blocks and attachments. Blocks go before the text; but where
// they draw what the text draws, the text is enough.
func (c converter) card(m *wireMessage, s *sent, where string) *markup.SlackCard {
	card := &markup.SlackCard{}
	if isSet(m.Blocks) {
		blocks, err := markup.ReadSlackBlocks(m.Blocks)
		switch {
		case err != nil:
			s.note = mended(chat.KindMessage, where, m.Blocks, "its blocks cannot be understood ("+err.Error()+"): the text is drawn instead")
		case s.message.Type == chat.MessageSystem || s.message.Type == chat.MessageTopic:
		case len(blocks) > 0 && !markup.SameAsText(blocks, m.Text):
			card.Blocks = blocks
		}
	}
	if isSet(m.Attachments) {
		list, err := markup.ReadSlackAttachments(m.Attachments)
		if err != nil {
			s.note = mended(chat.KindMessage, where, m.Attachments, "its attachments cannot be understood ("+err.Error()+"): they were left out")
		}
		card.Attachments = list
	}
	return card
}

func isSet(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

func encodeCard(c *markup.SlackCard) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(c)
	return bytes.TrimSpace(b.Bytes()), err
}

var userInCard = regexp.MustCompile(`"user_id":"([A-Z0-9]+)"`)

// mentions lists whom the text and the card name, as far as they are known.
func (c converter) mentions(s *sent) {
	ids := markup.SlackMentions(s.message.Text)
	switch text := s.message.Text; {
	case strings.Contains(text, "<!channel") || strings.Contains(text, "<!everyone") || strings.Contains(text, "<!group"):
		s.message.Everyone = chat.EveryoneAll
	case strings.Contains(text, "<!here"):
		s.message.Everyone = chat.EveryoneHere
	}
	if card := s.message.Card; len(card) > 0 {
		ids = append(ids, markup.SlackMentions(string(card))...)
		for _, m := range userInCard.FindAllSubmatch(card, -1) {
			ids = append(ids, string(m[1]))
		}
	}
	for i, id := range ids {
		if p := c.w.users[id]; p != nil && !slices.Contains(ids[:i], id) {
			s.message.Mentions = append(s.message.Mentions, chat.Mention{Name: id, User: p.user.ID})
		}
	}
}

// reactions are each person's.
func (c converter) reactions(m *wireMessage, s *sent, where string) {
	seen := map[chat.Key]bool{}
	for _, r := range m.Reactions {
		emoji, ok := markup.SlackEmoji(r.Name)
		if !ok {
			base, _, _ := strings.Cut(r.Name, "::")
			emoji = ":" + base + ":"
		}
		if r.Name == "" {
			continue
		}
		for _, id := range r.Users {
			if id == "" {
				continue
			}
			o := &chat.Reaction{Message: s.message.ID, User: c.person(id, m, s).ID, Emoji: emoji}
			if !seen[o.Key()] {
				seen[o.Key()] = true
				s.others = append(s.others, o)
			}
		}
		if n := r.Count.size() - int64(len(r.Users)); n > 0 {
			s.more = append(s.more, *loss(chat.KindReaction, where, "%d more people reacted with :%s:; the export does not say who", n, r.Name))
		}
	}
}

// pinned is what a message says of being pinned, where its room does not.
func (c converter) pinned(r *room, m *wireMessage, s *sent) {
	if slices.Contains(m.PinnedTo, r.id) && !r.pinned[s.at] {
		s.others = append(s.others, &chat.Pin{Room: r.native.ID, Message: s.message.ID})
	}
}
