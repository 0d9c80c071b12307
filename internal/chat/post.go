package chat

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a message may be.
const (
	MostText      = 10_000 // characters
	shortestNonce = 8
	longestNonce  = 64
)

// Draft is a message that someone wants to post.
type Draft struct {
	Room   RoomID
	Text   string    // Markdown
	Nonce  string    // chosen by the author, once for each message
	Thread MessageID // the message that it answers; zero if none
	Shown  bool      // a reply that is also sent to the room
	Files  []UploadID
}

func (d *Draft) check() (err error) {
	if d.Text, err = checkText(d.Text, len(d.Files) > 0); err != nil {
		return err
	}
	if n := len(d.Nonce); n < shortestNonce || n > longestNonce || !utf8.ValidString(d.Nonce) {
		return Errorf(Invalid, "a nonce has %d to %d characters", shortestNonce, longestNonce)
	}
	if d.Shown && d.Thread.IsZero() {
		return Errorf(Invalid, "only a reply can also be sent to the room")
	}
	return checkFiles(d.Files)
}

// checkText returns a text as it can be kept. It may be empty beside files.
func checkText(text string, files bool) (string, error) {
	// NUL cannot be stored by one of the databases, and nobody means it.
	text = strings.TrimRightFunc(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", ""), unicode.IsSpace)
	if n := utf8.RuneCountInString(text); n == 0 && !files {
		return "", Errorf(Invalid, "the message is empty")
	} else if n > MostText {
		return "", Errorf(Invalid, "the message has %d characters; at most %d are possible", n, MostText).WithHint("send the rest as another message, or as a file")
	}
	return text, nil
}

// Post adds a message to a room in the name of the one whose session the
// secret belongs to: a member, or anybody but a guest if the room is open,
// who becomes a member by it. A reply makes its author, those whom it
// mentions, and the author of what it answers followers of the thread. The
// same nonce again returns the message that was posted first, and posts
// nothing. It fails with Unknown if nobody is signed in, with NotFound for
// rooms that one may not know of, with Denied if the room is not in use, and
// with Unavailable while writes are paused.
//
// It asks the database nothing before it holds the head: what the rules look
// at there is remembered, and is true until the commit.
func (s *Service) Post(ctx context.Context, secret string, d Draft) (*Message, *Roster, error) {
	if err := d.check(); err != nil {
		return nil, nil, err
	}
	p, err := s.recent(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := s.keep(ctx, secret, d); err != nil {
		return nil, nil, err
	}
	called := p.called(d.Text)
	if err := s.here(ctx, p, d.Room, &called); err != nil {
		return nil, nil, err
	}
	var m *Message
	err = s.Store.Update(ctx, func(tx Tx) error {
		a, err := poster(tx, p, secret)
		if err != nil {
			return err
		}
		m, err = post(tx, a, d, called)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	s.drop(d)
	return m, p, nil
}

// poster finds out who posts. The roster says who they may also be; each of
// these matches is looked at again.
func poster(tx Tx, p *Roster, secret string) (*Actor, error) {
	session, user, err := signedIn(tx, secret)
	if err != nil {
		return nil, err
	}
	if p.lacksFactor(user, session) {
		return nil, ErrLimited()
	}
	a := &Actor{User: user, Roster: p}
	return a, a.matched(tx, p.Identities(user.ID))
}

func post(tx Tx, a *Actor, d Draft, called Extra) (*Message, error) {
	room, member, err := readable(tx, a, d.Room)
	if err != nil {
		return nil, err
	}
	id := MessageID(tx.NewKey())
	first, err := tx.Once(a.User.ID, d.Nonce, id)
	if err != nil {
		return nil, err
	}
	if first != id {
		return again(tx, first, room.ID)
	}
	if !a.mayPost(room) {
		return nil, errClosedRoom(room)
	}
	if called.Mentions, err = a.mayMention(tx, room.ID, called.Mentions); err != nil {
		return nil, err
	}
	m := &Message{ID: id, Room: room.ID, Author: a.User.ID, Sent: tx.Now(), Format: FormatMarkdown, Text: d.Text, Extra: called}
	if !d.Thread.IsZero() {
		root, err := rootOf(tx, room.ID, d.Thread)
		if err != nil {
			return nil, err
		}
		m.Thread, m.Shown = root.ID, d.Shown
		if err := follow(tx, a, root, m); err != nil {
			return nil, err
		}
	}
	if err := attach(tx, a, m, d.Files); err != nil {
		return nil, err
	}
	if member != nil {
		return m, tx.Put(m)
	}
	return m, tx.Put(m, &Member{Room: room.ID, User: a.User.ID, Joined: tx.Now()})
}

func errClosedRoom(room *Room) error {
	return Errorf(Denied, "nothing can be written to %q: it is %s", room.Name, room.State).WithHint("an administrator can open it again")
}

// again returns what was posted with a nonce before.
func again(tx Tx, id MessageID, room RoomID) (*Message, error) {
	m, err := Get[Message](tx, id)
	if IsKind(err, NotFound) || err == nil && m.Room != room {
		return nil, Errorf(Conflict, "another message was sent with this nonce").WithHint("choose a new nonce for each message")
	}
	return m, err
}
