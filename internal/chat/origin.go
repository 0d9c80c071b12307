package chat

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Where an old address of a source must lead to the same thing here, the IDs
// that connectors derive are made by these functions, and found by them again.

// OriginRoom is the ID of the room that a source names by an ID.
func OriginRoom(source, id string) RoomID { return RoomID(DeriveKey(0, source, "room", id)) }

// OriginMessage is the ID of a message that a source names by its room and
// the time it was sent: native is how the source writes that.
func OriginMessage(source, room string, sent Time, native string) MessageID {
	return MessageID(DeriveKey(sent, source, "message", room, native))
}

// Imported finds the room that some source names by an ID; nil if there is
// none. It does not ask who may know of it.
func (p *Roster) Imported(id string) *Room {
	for _, source := range p.sources {
		if r := p.Rooms[OriginRoom(source, id)]; r != nil {
			return r
		}
	}
	return nil
}

// OldAddress is what an address of a source names.
type OldAddress struct {
	Room   string // as the source names it
	Sent   Time   // of the message that is meant, or when to begin
	Native string // how the source writes the time of a message; "" if no single one is meant
}

var (
	slackRoom = regexp.MustCompile(`^[CGD][A-Z0-9]{6,}$`)
	slackTime = regexp.MustCompile(`^p([0-9]{10})([0-9]{6})$`)
	number    = regexp.MustCompile(`^[0-9]{1,18}$`)
)

// ReadOldAddress reads the path of an address of Slack or HipChat; nil if it
// is none that leads anywhere here:
//
//	/archives/C…[/p…]  /messages/C…[/p…]  /client/T…/C…[/p…]
//	/history/room/ID[/YYYY/MM/DD]  /chat/room/ID  /rooms/show/ID[/NAME]
func ReadOldAddress(path string, query url.Values) *OldAddress {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 1 && parts[0] == "client" {
		parts = parts[1:]
		parts[0] = "archives"
	}
	switch {
	case len(parts) < 2:
		return nil
	case parts[0] == "archives" || parts[0] == "messages":
		return readSlackAddress(parts[1:], query)
	case len(parts) < 3:
		return nil
	case parts[0] == "history" && parts[1] == "room", parts[0] == "chat" && parts[1] == "room", parts[0] == "rooms" && parts[1] == "show":
		return readHipChatAddress(parts[0], parts[2:])
	}
	return nil
}

func readSlackAddress(parts []string, query url.Values) *OldAddress {
	if !slackRoom.MatchString(parts[0]) {
		return nil
	}
	old := &OldAddress{Room: parts[0]}
	if len(parts) > 1 {
		m := slackTime.FindStringSubmatch(parts[1])
		if m == nil {
			return nil
		}
		old.Native = m[1] + "." + m[2]
		n, _ := strconv.ParseInt(m[1]+m[2], 10, 64)
		old.Sent = Time(n)
	}
	return old
}

func readHipChatAddress(page string, parts []string) *OldAddress {
	if !number.MatchString(parts[0]) {
		return nil
	}
	old := &OldAddress{Room: parts[0]}
	if page == "history" && len(parts) >= 4 {
		if day, err := time.Parse("2006/1/2", strings.Join(parts[1:4], "/")); err == nil {
			old.Sent = TimeOf(day)
		}
	}
	return old
}

// Moved is what an old address leads to.
type Moved struct {
	Room    RoomID
	Message MessageID // zero if the room as a whole is meant
}

// OldAddress finds what an address of a source led to, here. It fails with
// NotFound if that did not come here, or the actor may not read it.
func (s *Service) OldAddress(ctx context.Context, a *Actor, path string, query url.Values) (to *Moved, err error) {
	none := func() error {
		return Errorf(NotFound, "what stood at this address is not here, or is not for you").WithHint("it may be in a room that you are not in; ask somebody who is")
	}
	old := ReadOldAddress(path, query)
	if old == nil {
		return nil, none()
	}
	err = s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		for _, source := range p.sources {
			room := OriginRoom(source, old.Room)
			if p.Rooms[room] == nil {
				continue
			}
			if _, _, err := readable(r, a, room); IsKind(err, NotFound) {
				continue
			} else if err != nil {
				return err
			}
			to = &Moved{Room: room}
			to.Message, err = old.message(r, source, room)
			return err
		}
		return none()
	})
	if err != nil {
		return nil, err
	}
	return to, nil
}

// message finds the message that is meant: the very one, or else the first
// after its time.
func (o *OldAddress) message(r Reader, source string, room RoomID) (MessageID, error) {
	if o.Sent == 0 {
		return MessageID{}, nil
	}
	if o.Native != "" {
		m, err := Get[Message](r, OriginMessage(source, o.Room, o.Sent, o.Native))
		if err == nil && m.Room == room {
			return m.ID, nil
		}
		if err != nil && !IsKind(err, NotFound) {
			return MessageID{}, err
		}
	}
	list, err := r.History(HistoryQuery{Room: room, After: &Anchor{Sent: o.Sent}, Limit: 1})
	if err != nil || len(list) == 0 {
		return MessageID{}, err
	}
	return list[0].ID, nil
}
