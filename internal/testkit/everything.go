package testkit

import (
	"fmt"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Canary is in every secret that Everything makes, as a whole word that is
// nowhere else.
const Canary = "c4n4ry-7f3a9e"

// Everything makes objects of every kind there is, one that is there and one
// that is deleted, as a place has them that is in use. What is sealed is sealed
// with s; what is secret in it is Canary, with the kind's name.
func Everything(s chat.Sealer) []chat.Object {
	e := &everything{s: s}
	var list []chat.Object
	for _, kind := range chat.Kinds() {
		for n := range 2 {
			o := e.make(kind, n)
			if o == nil {
				panic("testkit.Everything does not know how to make a " + kind.String())
			}
			list = append(list, o)
		}
	}
	return list
}

type everything struct{ s chat.Sealer }

func (e *everything) key(kind string, n int) chat.Key {
	return chat.DeriveKey(chat.Time(1_700_000_000_000_000), "everything", kind, fmt.Sprint(n))
}

func (e *everything) user(n int) chat.UserID       { return chat.UserID(e.key("user", n)) }
func (e *everything) room(n int) chat.RoomID       { return chat.RoomID(e.key("room", n)) }
func (e *everything) message(n int) chat.MessageID { return chat.MessageID(e.key("message", n)) }
func (e *everything) content(n int) chat.ContentID { return chat.ContentID(e.key("content", n)) }

const someTime = chat.Time(1_700_000_000_000_001)

func canary(kind string) string { return Canary + "-" + strings.ReplaceAll(kind, " ", "-") }

func (e *everything) seal(kind, purpose string) string {
	return e.s.Seal([]byte(canary(kind)+"\xff\x00"), purpose) // not all secrets are texts
}

// make makes object 0 of a kind, or its deleted object 1.
func (e *everything) make(kind chat.Kind, n int) chat.Object {
	if kind.Secret() {
		return e.secret(kind, n, n == 1)
	}
	gone := n == 1
	switch kind {
	case chat.KindUser:
		return &chat.User{ID: e.user(n), Name: "Ann <b>", Mention: "ann", Email: "ann@example.org", Title: "Ü", Zone: "Europe/Berlin", Role: chat.RoleGuest,
			Avatar: e.content(0), Created: someTime, Visits: e.room(0), Off: true, Gone: gone}
	case chat.KindRoom:
		return &chat.Room{ID: e.room(n), Type: chat.RoomPrivate, State: chat.RoomArchived, Name: "Room", Topic: "of all", Owner: e.user(0), Guest: "g1", Created: someTime, Ends: someTime, Gone: gone}
	case chat.KindMember:
		return &chat.Member{Room: e.room(0), User: e.user(n), Admin: true, Order: 3, Star: true, Notify: chat.NotifyNone, Joined: someTime, Hidden: someTime, Gone: gone}
	case chat.KindMessage:
		m := &chat.Message{ID: e.message(n), Room: e.room(0), Author: e.user(0), Sent: someTime, Type: chat.MessageNotification, Format: chat.FormatHTML, Thread: e.message(7), Edited: someTime, Gone: gone}
		if !gone {
			m.Text = "text with 赤い"
			m.Extra = chat.Extra{Mentions: []chat.Mention{{Name: "ann", User: e.user(0)}}, Files: []chat.FileID{chat.FileID(e.key("file", 0))}, Label: "bot", Color: "green",
				Card: []byte(`{"a":[1,"<"]}`), Shown: true, Everyone: chat.EveryoneHere, Here: []chat.UserID{e.user(0)}}
		}
		return m
	case chat.KindFile:
		return &chat.File{ID: chat.FileID(e.key("file", n)), Room: e.room(0), Message: e.message(0), Author: e.user(0), Name: "../a.png", Size: 5, Sent: someTime, Origin: "x/y", Contents: []chat.ContentID{e.content(0)}, Gone: gone}
	case chat.KindContent:
		return &chat.Content{ID: e.content(n), Type: "image/png", Width: 3, Height: 4, Gone: gone}
	case chat.KindEmoticon:
		return &chat.Emoticon{ID: chat.EmoticonID(e.key("emoticon", n)), Shortcut: "yay", Content: e.content(0), By: e.user(0), Created: someTime, Gone: gone}
	}
	return e.marks(kind, n, gone)
}

func (e *everything) marks(kind chat.Kind, n int, gone bool) chat.Object {
	switch kind {
	case chat.KindReaction:
		return &chat.Reaction{Message: e.message(n), User: e.user(0), Emoji: "👍", At: someTime, Gone: gone}
	case chat.KindPin:
		return &chat.Pin{Room: e.room(0), Message: e.message(n), User: e.user(0), At: someTime, Gone: gone}
	case chat.KindReadMark:
		return &chat.ReadMark{Room: e.room(0), User: e.user(n), Read: someTime, Back: true, Gone: gone}
	case chat.KindPreferences:
		return &chat.Preferences{User: e.user(n), Values: map[string]string{"theme": "dark", "a": "b"}, Gone: gone}
	case chat.KindIntegration:
		return &chat.Integration{ID: chat.IntegrationID(e.key("integration", n)), Room: e.room(0), User: e.user(0), Type: "webhook", Name: "CI", URL: "https://ci.example.org", Events: []string{"message"}, Created: someTime, Gone: gone}
	case chat.KindDirectory:
		return &chat.Directory{ID: chat.ID[chat.Directory](e.key("directory", n)), Type: "ldap", Name: "AD", Values: map[string]string{"url": "ldap://"}, Gone: gone}
	case chat.KindSetting:
		return &chat.Setting{Name: fmt.Sprint("setting", n), Value: "on", Gone: gone}
	case chat.KindAudit:
		return &chat.Audit{ID: chat.ID[chat.Audit](e.key("audit", n)), Actor: e.user(0), At: someTime, Action: "act", Target: "it", Note: "why", Gone: gone}
	case chat.KindMatch:
		return &chat.Match{Imported: e.user(n + 5), Local: e.user(0), Gone: gone}
	case chat.KindPurge:
		return &chat.Purge{ID: chat.ID[chat.Purge](e.key("purge", n)), Room: e.room(0), Before: 5, Gone: gone}
	case chat.KindErase:
		return &chat.Erase{ID: chat.ID[chat.Erase](e.key("erase", n)), User: e.user(9), At: someTime, Gone: gone}
	case chat.KindRevision:
		r := &chat.Revision{ID: chat.ID[chat.Revision](e.key("revision", n)), Message: e.message(0), Since: someTime, Until: someTime + 1, Format: chat.FormatSlack, Gone: gone}
		if !gone {
			r.Text, r.Extra = "before", &chat.Extra{Label: "x"}
		}
		return r
	case chat.KindSaved:
		return &chat.Saved{User: e.user(0), Message: e.message(n), At: someTime, Gone: gone}
	case chat.KindFollow:
		return &chat.Follow{Thread: e.message(n), User: e.user(0), Room: e.room(0), Read: someTime, Gone: gone}
	case chat.KindTold:
		return &chat.Told{User: e.user(n), Mailed: someTime, Gone: gone}
	case chat.KindBookmark:
		return &chat.Bookmark{Name: fmt.Sprint("bookmark", n), At: chat.Cursor{LogID: e.key("log", 0), Pos: 5}, Gone: gone}
	case chat.KindLinkCard:
		return &chat.LinkCard{Message: e.message(0), Room: e.room(0), URL: fmt.Sprint("https://example.org/", n), Title: "T", Text: "x", Site: "s", Picture: e.content(0), At: someTime, Gone: gone}
	}
	return nil
}

func (e *everything) secret(kind chat.Kind, n int, gone bool) chat.Object {
	c := canary(kind.String())
	switch kind {
	case chat.KindCredential:
		return &chat.Credential{User: e.user(n), Type: "password", Secret: "$argon2id$" + c, Set: someTime, Gone: gone}
	case chat.KindSession:
		return &chat.Session{ID: chat.ID[chat.Session](e.key("session", n)), User: e.user(0), Hash: c, Created: someTime, Expires: someTime * 2, Used: someTime, Factor: true, Agent: c, Gone: gone}
	case chat.KindToken:
		return &chat.Token{ID: chat.ID[chat.Token](e.key("token", n)), User: e.user(0), Name: c, Hash: c, Scopes: []chat.Scope{chat.ScopeAdmin}, Created: someTime, Expires: someTime, Gone: gone}
	case chat.KindWebhook:
		id := chat.IntegrationID(e.key("integration", n))
		return &chat.Webhook{Integration: id, Hash: c, Secret: e.seal("webhook", "webhook "+id.String()), Gone: gone}
	case chat.KindPushKey:
		return &chat.PushKey{ID: chat.ID[chat.PushKey](e.key("push", n)), User: e.user(0), Session: chat.ID[chat.Session](e.key("session", 0)), Endpoint: "https://push.example.org/" + c,
			Keys: e.seal("push key", "push https://push.example.org/"+c), Gone: gone}
	case chat.KindLink:
		return &chat.Link{ID: chat.ID[chat.Link](e.key("link", n)), User: e.user(0), Hash: c, Created: someTime, Expires: someTime, Gone: gone}
	case chat.KindUpload:
		return &chat.Upload{ID: chat.UploadID(e.key("upload", n)), User: e.user(0), Name: c, Size: 5, Created: someTime, Expires: someTime, Gone: gone}
	case chat.KindCodes:
		return &chat.Codes{User: e.user(n), Secret: e.seal("second factor", "codes of "+e.user(n).String()), Step: 5, Recovery: []string{c}, Wrong: 1, Tried: someTime, Set: someTime, Gone: gone}
	case chat.KindPasskey:
		return &chat.Passkey{ID: chat.ID[chat.Passkey](e.key("passkey", n)), User: e.user(0), Name: "key", Host: "chat.example.org", Credential: fmt.Sprint(c, n), Data: e.seal("passkey", fmt.Sprint("passkey ", c, n)),
			Created: someTime, Used: someTime, Gone: gone}
	case chat.KindSealed:
		return &chat.Sealed{Name: fmt.Sprint("sealed", n), Value: e.seal("sealed setting", fmt.Sprint("setting sealed", n)), Gone: gone}
	case chat.KindSpent:
		return &chat.Spent{ID: chat.ID[chat.Spent](e.key("spent", n)), Expires: someTime, Gone: gone}
	}
	return nil
}
