package chat

import (
	"cmp"
	"slices"
)

// Details are what is drawn with messages, beside what they say.
type Details struct {
	Files     map[FileID]*FileView
	Reactions map[MessageID][]*Reaction // oldest first
	Cards     map[MessageID][]*LinkCard
	Threads   map[MessageID]Thread // of those that have replies
	Pinned    map[MessageID]bool
	Saved     map[MessageID]bool // by the one who looks
}

// details reads what is to be drawn with some messages.
func details(r Reader, a *Actor, messages []*Message) (d Details, err error) {
	if len(messages) == 0 {
		return d, nil
	}
	var roots []MessageID
	var all, pins, saved []Key
	for _, m := range messages {
		if m.Thread.IsZero() {
			roots = append(roots, m.ID)
		}
		if m.Gone {
			continue
		}
		all = append(all, Key(m.ID))
		pins = append(pins, PairKey(Key(m.Room), Key(m.ID)))
		for _, id := range a.IDs() {
			saved = append(saved, PairKey(Key(id), Key(m.ID)))
		}
	}
	if d.Files, err = files(r, messages); err != nil {
		return d, err
	}
	if d.Cards, err = cards(r, messages); err != nil {
		return d, err
	}
	if d.Threads, err = r.Threads(roots); err != nil {
		return d, err
	}
	reactions, err := List[Reaction](r, Query{In: all})
	if err != nil {
		return d, err
	}
	d.Reactions = map[MessageID][]*Reaction{}
	for _, o := range reactions {
		d.Reactions[o.Message] = append(d.Reactions[o.Message], o)
	}
	for _, list := range d.Reactions {
		slices.SortFunc(list, func(x, y *Reaction) int {
			return cmp.Or(cmp.Compare(x.At, y.At), slices.Compare(x.User[:], y.User[:]), cmp.Compare(x.Emoji, y.Emoji))
		})
	}
	if d.Pinned, err = marked(r, KindPin, pins, func(o Object) MessageID { return o.(*Pin).Message }); err != nil {
		return d, err
	}
	d.Saved, err = marked(r, KindSaved, saved, func(o Object) MessageID { return o.(*Saved).Message })
	return d, err
}

// marked finds out which messages have a mark of a kind.
func marked(r Reader, kind Kind, keys []Key, of func(Object) MessageID) (map[MessageID]bool, error) {
	found, err := r.GetAll(kind, keys)
	marks := make(map[MessageID]bool, len(found))
	for _, o := range found {
		if !o.Deleted() {
			marks[of(o)] = true
		}
	}
	return marks, err
}

func errNoMessage() error { return Errorf(NotFound, "there is no such message in this room") }

// message finds a message that the actor may read, with its room and what
// they are in it. Nobody can tell one that is not there from one that they
// may not read.
func message(r Reader, a *Actor, id MessageID) (*Message, *Room, *Member, error) {
	none := Errorf(NotFound, "there is no such message")
	m, err := Get[Message](r, id)
	if IsKind(err, NotFound) {
		return nil, nil, nil, none
	}
	if err != nil {
		return nil, nil, nil, err
	}
	room, member, err := readable(r, a, m.Room)
	if IsKind(err, NotFound) {
		return nil, nil, nil, none
	}
	return m, room, member, err
}

// living is message for one that is to be changed: it is not deleted, its room
// is in use, and somebody is there to change it.
func living(r Reader, a *Actor, id MessageID) (*Message, *Room, *Member, error) {
	m, room, member, err := message(r, a, id)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case m.Gone:
		return nil, nil, nil, Errorf(NotFound, "this message was deleted")
	case a.User == nil:
		return nil, nil, nil, errNobody()
	case !a.mayPost(room):
		return nil, nil, nil, errClosedRoom(room)
	}
	return m, room, member, nil
}

// Message returns one message that the actor may read, with what is drawn
// with it.
func (s *Service) message(r Reader, a *Actor, id MessageID) (*Page, error) {
	m, _, _, err := message(r, a, id)
	if err != nil {
		return nil, err
	}
	p := &Page{Messages: []*Message{m}}
	if p.Roster, err = s.roster(r); err != nil {
		return nil, err
	}
	p.Details, err = details(r, a, p.Messages)
	return p, err
}
