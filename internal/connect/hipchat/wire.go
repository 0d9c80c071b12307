package hipchat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/godwit-chat/godwit/internal/chat"
)

// nativeID is an ID of the export: a number, or in some a string. It is
// compared as text.
type nativeID string

// UnmarshalJSONFrom reads a number, a string or null.
func (id *nativeID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch t.Kind() {
	case 'n':
		*id = ""
	case '"':
		*id = nativeID(t.String())
	case '0':
		s := t.String()
		if strings.ContainsAny(s, ".eE") {
			return fmt.Errorf("%s is not an ID", s)
		}
		*id = nativeID(s)
	default:
		return fmt.Errorf("an ID must be a number or a string")
	}
	return nil
}

// reference names a user: by an ID, or by an object that has one.
type reference struct{ id nativeID }

// UnmarshalJSONFrom reads an ID or an object with one.
func (r *reference) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return json.UnmarshalDecode(dec, &r.id)
	}
	var o struct {
		ID nativeID `json:"id"`
	}
	err := json.UnmarshalDecode(dec, &o)
	r.id = o.ID
	return err
}

type wireUser struct {
	ID       nativeID `json:"id"`
	Name     string   `json:"name"`
	Mention  string   `json:"mention_name"`
	Email    string   `json:"email"`
	Account  string   `json:"account_type"`
	Roles    []string `json:"roles"`
	Deleted  bool     `json:"is_deleted"`
	Avatar   string   `json:"avatar"`
	Created  string   `json:"created"`
	Timezone string   `json:"timezone"`
	Title    string   `json:"title"`
}

func (*wireUser) reads(kind string) bool { return kind == "User" }

type wireRoom struct {
	ID           nativeID    `json:"id"`
	Name         string      `json:"name"`
	Topic        string      `json:"topic"`
	Privacy      string      `json:"privacy"`
	Archived     bool        `json:"is_archived"`
	Deleted      bool        `json:"is_deleted"`
	Owner        reference   `json:"owner"`
	Members      []reference `json:"members"`
	Admins       []reference `json:"room_admins"`
	Participants []reference `json:"participants"`
	GuestURL     string      `json:"guest_access_url"`
	Created      string      `json:"created"`
	Canonical    string      `json:"canonical_name"`
}

func (*wireRoom) reads(kind string) bool { return kind == "Room" }

type wireEmoticon struct {
	ID       nativeID `json:"id"`
	Path     string   `json:"path"`
	Shortcut string   `json:"shortcut"`
}

func (*wireEmoticon) reads(kind string) bool { return kind == "Emoticon" }

// wirePerson is who sent or got a message: an object, or the label of a
// program.
type wirePerson struct {
	ID      nativeID
	Name    string
	Mention string
}

// UnmarshalJSONFrom reads an object, a string or null.
func (p *wirePerson) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '{':
		var o struct {
			ID      nativeID `json:"id"`
			Name    string   `json:"name"`
			Mention string   `json:"mention_name"`
		}
		err := json.UnmarshalDecode(dec, &o)
		*p = wirePerson{o.ID, o.Name, o.Mention}
		if p.ID == "0" {
			p.ID = "" // a program: nobody has this ID
		}
		return err
	case '"', 'n':
		t, err := dec.ReadToken()
		if err == nil && t.Kind() == '"' {
			p.Name = t.String()
		}
		return err
	}
	return errors.New("a sender must be an object or a string")
}

type wireAttachment struct {
	Name string `json:"name"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	URL  string `json:"url"`
}

type wireMessage struct {
	ID             nativeID       `json:"id"`
	Message        string         `json:"message"`
	Timestamp      string         `json:"timestamp"`
	Sender         wirePerson     `json:"sender"`
	Receiver       wirePerson     `json:"receiver"`
	Mentions       []reference    `json:"mentions"`
	Attachment     wireAttachment `json:"attachment"`
	AttachmentPath string         `json:"attachment_path"`
	Color          string         `json:"color"`
	Format         string         `json:"message_format"`
	Deleted        bool           `json:"deleted"`
	Card           jsontext.Value `json:"card"`
}

// The kinds of messages that exports have.
const (
	kindUserMessage    = "UserMessage"
	kindNotification   = "NotificationMessage"
	kindTopic          = "TopicRoomMessage"
	kindArchive        = "ArchiveRoomMessage"
	kindGuestAccess    = "GuestAccessMessage"
	kindPrivateMessage = "PrivateUserMessage"
)

func (*wireMessage) reads(kind string) bool {
	switch kind {
	case kindUserMessage, kindNotification, kindTopic, kindArchive, kindGuestAccess, kindPrivateMessage:
		return true
	}
	return false
}

// parseTime reads the times of messages: RFC 3339 to the second, and then
// maybe a blank and the microseconds as an integer, or a fraction.
func parseTime(s string) (chat.Time, error) {
	bad := func() (chat.Time, error) { return 0, fmt.Errorf("the timestamp %q is not one", s) }
	if len(s) < 20 {
		return bad()
	}
	seconds, rest := s, ""
	if i := strings.IndexByte(s, ' '); i > 10 {
		seconds, rest = s[:i], s[i+1:]
	}
	t, ok := utcSeconds(seconds)
	if !ok {
		std, err := time.Parse(time.RFC3339Nano, seconds)
		if err != nil {
			return bad()
		}
		t = chat.TimeOf(std)
	}
	micros := chat.Time(0)
	if len(rest) > 6 {
		return bad()
	}
	for _, c := range []byte(rest) {
		if c < '0' || c > '9' {
			return bad()
		}
		micros = micros*10 + chat.Time(c-'0')
	}
	t += micros
	if y := t.Std().Year(); t <= 0 || y > 9999 {
		return 0, fmt.Errorf("the timestamp %q is before 1970 or after 9999", s)
	}
	return t, nil
}

// utcSeconds reads YYYY-MM-DDTHH:MM:SSZ, which nearly all are.
func utcSeconds(s string) (chat.Time, bool) {
	if len(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		return 0, false
	}
	number := func(i, j int) int {
		n := 0
		for _, c := range []byte(s[i:j]) {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	y, mo, d := number(0, 4), number(5, 7), number(8, 10)
	h, mi, sec := number(11, 13), number(14, 16), number(17, 19)
	if y < 1 || mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 || sec > 59 {
		return 0, false
	}
	return chat.TimeOf(time.Date(y, time.Month(mo), d, h, mi, sec, 0, time.UTC)), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// parseCreated reads when a user or room was made.
func parseCreated(s string) (chat.Time, bool) {
	if s == "" {
		return 0, true
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Unix() < 0 || t.Year() > 9999 {
		return 0, false
	}
	return chat.TimeOf(t), true
}
