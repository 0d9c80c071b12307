package slack

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/godwit-chat/godwit/internal/chat"
)

// flex is what is a number in one export and a string in the next.
type flex string

// UnmarshalJSONFrom reads a string, a number, a bool or null.
func (f *flex) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch k := dec.PeekKind(); k {
	case '"', '0', 't', 'f':
		t, err := dec.ReadToken()
		*f = flex(t.String())
		return err
	case 'n':
		*f = ""
		return dec.SkipValue()
	case '{', '[':
		return fmt.Errorf("%s stands where a number or a text is expected", map[jsontext.Kind]string{'{': "an object", '[': "an array"}[k])
	}
	_, err := dec.ReadToken()
	return err
}

// seconds reads a time as Slack has it in everything but messages.
func (f flex) seconds() chat.Time {
	n, err := strconv.ParseFloat(string(f), 64)
	if err != nil || n <= firstTime || n > lastTime {
		return 0 // DMs have 0 and 1 for what is not known
	}
	return chat.Time(n) * 1_000_000
}

const (
	firstTime = 1_000_000_000 // 2001: before it nothing can have been sent
	lastTime  = 7_258_118_400 // 2200
)

func (f flex) size() int64 {
	n, err := strconv.ParseFloat(string(f), 64)
	if err != nil || n < 0 || n > 1<<52 {
		return 0
	}
	return int64(n)
}

// stamp reads the time of a message, "1710000000.000100", which is also its
// name within its room. It never goes through a floating point number.
func stamp(s string) (chat.Time, error) {
	sec, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || len(frac) > 9 || n <= 0 || n > lastTime || sec[0] == '+' {
		return 0, fmt.Errorf("%q is no time of a message", s)
	}
	micro := (frac + "000000")[:6]
	m, err := strconv.ParseUint(micro, 10, 32)
	if err != nil || strings.Trim(frac, "0123456789") != "" {
		return 0, fmt.Errorf("%q is no time of a message", s)
	}
	return chat.Time(n*1_000_000 + int64(m)), nil
}

type wireUser struct {
	ID              string      `json:"id"`
	Team            string      `json:"team_id"`
	Name            string      `json:"name"`
	Deleted         bool        `json:"deleted"`
	RealName        string      `json:"real_name"`
	Zone            string      `json:"tz"`
	Admin           bool        `json:"is_admin"`
	Owner           bool        `json:"is_owner"`
	Primary         bool        `json:"is_primary_owner"`
	Restricted      bool        `json:"is_restricted"`
	UltraRestricted bool        `json:"is_ultra_restricted"`
	Bot             bool        `json:"is_bot"`
	Workflow        bool        `json:"is_workflow_bot"`
	Stranger        bool        `json:"is_stranger"`
	Profile         wireProfile `json:"profile"`
}

type wireProfile struct {
	RealName    string `json:"real_name"`
	DisplayName string `json:"display_name"`
	Name        string `json:"name"` // in messages
	Email       string `json:"email"`
	Title       string `json:"title"`
	BotID       string `json:"bot_id"`
	AvatarHash  string `json:"avatar_hash"`
	Image72     string `json:"image_72"`
	Image192    string `json:"image_192"`
	Image512    string `json:"image_512"`
	Original    string `json:"image_original"`
	Team        string `json:"team"`
}

type wireChannel struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Created  flex      `json:"created"`
	Creator  string    `json:"creator"`
	Archived bool      `json:"is_archived"`
	Private  bool      `json:"is_private"`
	Group    bool      `json:"is_group"`
	MPIM     bool      `json:"is_mpim"`
	IM       bool      `json:"is_im"`
	Shared   bool      `json:"is_ext_shared"`
	Pending  bool      `json:"is_pending_ext_shared"`
	Members  []string  `json:"members"`
	Topic    wireTopic `json:"topic"`
	Purpose  wireTopic `json:"purpose"`
	Pins     []wirePin `json:"pins"`
}

type wireTopic struct {
	Value string `json:"value"`
}

type wirePin struct {
	ID      flex   `json:"id"`
	Type    string `json:"type"`
	Created flex   `json:"created"`
	User    string `json:"user"`
}

type wireLog struct {
	User    string `json:"user_id"`
	Name    string `json:"user_name"`
	Date    flex   `json:"date"`
	Change  string `json:"change_type"`
	Service flex   `json:"service_id"`
	Type    string `json:"service_type"`
	App     string `json:"app_id"`
	AppType string `json:"app_type"`
}

type wireMessage struct {
	Type        string         `json:"type"`
	Subtype     string         `json:"subtype"`
	TS          flex           `json:"ts"`
	ThreadTS    flex           `json:"thread_ts"`
	User        string         `json:"user"`
	Parent      string         `json:"parent_user_id"`
	BotID       string         `json:"bot_id"`
	Username    string         `json:"username"`
	BotProfile  *wireBot       `json:"bot_profile"`
	Profile     *wireProfile   `json:"user_profile"`
	Team        string         `json:"team"`
	UserTeam    string         `json:"user_team"`
	Text        string         `json:"text"`
	Blocks      jsontext.Value `json:"blocks"`
	Attachments jsontext.Value `json:"attachments"`
	File        *wireFile      `json:"file"`
	Files       []*wireFile    `json:"files"`
	Reactions   []wireReaction `json:"reactions"`
	Edited      *wireEdited    `json:"edited"`
	ReplyCount  flex           `json:"reply_count"`
	Root        *wireRoot      `json:"root"`
	Comment     *wireComment   `json:"comment"`
	Topic       string         `json:"topic"`
	PinnedTo    []string       `json:"pinned_to"`
	Room        *wireCall      `json:"room"`
	DeletedTS   flex           `json:"deleted_ts"`
	Message     *wireRoot      `json:"message"`
	Previous    *wireRoot      `json:"previous_message"`
}

type wireBot struct {
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	Icons map[string]string `json:"icons"`
}

type wireRoot struct {
	TS   flex   `json:"ts"`
	User string `json:"user"`
}

type wireCall struct {
	By string `json:"created_by"`
}

type wireComment struct {
	User    string `json:"user"`
	Comment string `json:"comment"`
}

type wireEdited struct {
	User string `json:"user"`
	TS   flex   `json:"ts"`
}

type wireReaction struct {
	Name  string   `json:"name"`
	Count flex     `json:"count"`
	Users []string `json:"users"`
}

type wireFile struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Title      string `json:"title"`
	Mimetype   string `json:"mimetype"`
	Filetype   string `json:"filetype"`
	Mode       string `json:"mode"`
	External   bool   `json:"is_external"`
	User       string `json:"user"`
	Size       flex   `json:"size"`
	Private    string `json:"url_private"`
	Download   string `json:"url_private_download"`
	Permalink  string `json:"permalink"`
	FileAccess string `json:"file_access"`
}

// decode reads one JSON value strictly: no name twice, no invalid UTF-8, no
// lone surrogate, and where a type is known, of that type.
func decode(raw []byte, into any) error { return json.Unmarshal(raw, into) }

// read decodes a record, mending it if that needs no guessing: then did says
// how.
func read[T any](raw []byte) (value T, did string, err error) {
	mended := raw
	if bytes.Contains(raw, []byte(`\u0000`)) {
		mended = dropNULs(raw)
	}
	if err = decode(mended, &value); err == nil {
		if len(mended) != len(raw) {
			did = "a NUL was dropped"
		}
		return value, did, nil
	}
	var again T
	if e := json.Unmarshal(mended, &again, jsontext.AllowInvalidUTF8(true)); e == nil {
		return again, "what is no character became U+FFFD", nil
	}
	return value, "", err
}

// dropNULs takes out escapes of NUL, which no target can store.
func dropNULs(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		if bytes.HasPrefix(raw[i:], []byte(`\u0000`)) {
			i += 5
			continue
		}
		out = append(out, raw[i], raw[i+1])
		i++
	}
	return out
}

// explain says for a person what decode found.
func explain(err error) string {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		switch {
		case e.Err != nil:
			return strings.TrimPrefix(explain(e.Err), "jsontext: ")
		case e.JSONKind != 0 && e.JSONPointer == "":
			return "the record is no object"
		case e.JSONKind != 0:
			return fmt.Sprintf("%q is of the wrong type: %s", string(e.JSONPointer), e.JSONKind)
		}
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "json: "), "jsontext: ")
}

func quarantine(kind chat.Kind, where, reason string, raw []byte) *chat.Note {
	return &chat.Note{Kind: chat.NoteQuarantine, Object: kind, Where: where, Reason: reason, Raw: bytes.Clone(raw[:min(len(raw), maxRaw)])}
}

func loss(kind chat.Kind, where, format string, args ...any) *chat.Note {
	return &chat.Note{Kind: chat.NoteLoss, Object: kind, Where: where, Reason: fmt.Sprintf(format, args...)}
}
