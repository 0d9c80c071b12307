package chat

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Found is what a search gave, newest first.
type Found struct {
	Page
	Rooms     map[RoomID]*RoomView
	Terms     []string // folded words of the query
	Notes     []string // what of the query was not understood
	Unindexed int64    // messages that cannot be found yet
}

const (
	hitsAtOnce  = 20
	mostPhrases = 10 // pages that are looked through for a phrase in one go
	mostAsked   = 12 // searches that one query may need: each of several people in each of several rooms
)

// Find searches the messages that the actor may read, from older on (nil at
// first). The query has words and phrases in quotes, and from: in: before:
// after: on: has:.
func (s *Service) Find(ctx context.Context, a *Actor, text string, older *Anchor) (*Found, error) {
	may, err := s.reads(ctx, a, text)
	if err != nil {
		return nil, err
	}
	q := parse(a, text, may)
	f := &Found{Terms: q.terms, Notes: q.notes, Rooms: map[RoomID]*RoomView{}}
	f.Roster = a.Roster
	left, err := s.Store.Unindexed(ctx)
	if err != nil {
		return nil, err
	}
	f.Unindexed = left
	if q.nothing {
		return f, nil
	}
	if !q.asks() {
		f.Notes = append(f.Notes, "Type a word, or who wrote it, or where.")
		return f, nil
	}
	if err := s.search(ctx, q, older, f); err != nil {
		return nil, err
	}
	return f, s.describe(ctx, a, f)
}

// reads returns what says whether the actor may read a room; only a query
// that names rooms needs to ask.
func (s *Service) reads(ctx context.Context, a *Actor, text string) (func(*Room) bool, error) {
	var in map[RoomID]*Member
	if strings.Contains(strings.ToLower(text), "in:") {
		err := s.Store.View(ctx, func(r Reader) (err error) {
			in, err = memberships(r, a)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return func(room *Room) bool { return a.mayRead(room, in[room.ID] != nil) }, nil
}

// search fills in a page of messages; one with a phrase in it may need several
// of the store's.
func (s *Service) search(ctx context.Context, q *query, older *Anchor, f *Found) error {
	for range mostPhrases {
		list, err := s.searchOnce(ctx, q, older)
		if err != nil {
			return err
		}
		more := len(list) > hitsAtOnce
		list = list[:min(len(list), hitsAtOnce)]
		for i, m := range list {
			if q.fits(m) {
				f.Messages = append(f.Messages, m)
			}
			if len(f.Messages) == hitsAtOnce && (more || i+1 < len(list)) {
				f.Older = anchorOf(m)
				return nil
			}
		}
		if !more {
			return nil
		}
		older = anchorOf(list[len(list)-1])
	}
	f.Older = older
	return nil
}

// searchOnce asks the store once for each person in each room, and merges.
func (s *Service) searchOnce(ctx context.Context, q *query, older *Anchor) ([]*Message, error) {
	var all []*Message
	authors, rooms := q.authors, q.rooms
	if len(authors) == 0 {
		authors = []UserID{{}}
	}
	if len(rooms) == 0 {
		rooms = []RoomID{{}}
	}
	for _, author := range authors {
		for _, room := range rooms {
			ask := q.SearchQuery
			ask.Author, ask.Room, ask.Older, ask.Limit = author, room, older, hitsAtOnce+1
			list, err := s.Store.Search(ctx, ask)
			if err != nil {
				return nil, err
			}
			all = append(all, list...)
		}
	}
	slices.SortFunc(all, func(x, y *Message) int {
		return cmp.Or(cmp.Compare(y.Sent, x.Sent), slices.Compare(y.ID[:], x.ID[:]))
	})
	return all[:min(len(all), hitsAtOnce+1)], nil
}

// describe reads what is needed to draw what was found.
func (s *Service) describe(ctx context.Context, a *Actor, f *Found) error {
	return s.Store.View(ctx, func(r Reader) error {
		p, err := s.roster(r)
		if err != nil {
			return err
		}
		f.Roster = p
		if f.Rooms, err = roomsOf(r, a, p, f.Messages); err != nil {
			return err
		}
		f.Details, err = details(r, a, f.Messages)
		return err
	})
}

// roomsOf describes the rooms that messages are in.
func roomsOf(r Reader, a *Actor, p *Roster, messages []*Message) (map[RoomID]*RoomView, error) {
	rooms := map[RoomID]*RoomView{}
	var list []*RoomView
	for _, m := range messages {
		if room := p.Rooms[m.Room]; room != nil && rooms[m.Room] == nil {
			v := &RoomView{Room: room, MayPost: a.mayPost(room)}
			rooms[m.Room], list = v, append(list, v)
		}
	}
	if err := complete(r, a, p, list); err != nil {
		return nil, err
	}
	return rooms, membersOf(r, a, list)
}

// membersOf looks up what the actor is in some rooms.
func membersOf(r Reader, a *Actor, list []*RoomView) error {
	var keys []Key
	for _, v := range list {
		for _, id := range a.IDs() {
			keys = append(keys, PairKey(Key(v.ID), Key(id)))
		}
	}
	found, err := r.GetAll(KindMember, keys)
	for _, v := range list {
		for _, id := range a.IDs() {
			if m, ok := found[PairKey(Key(v.ID), Key(id))].(*Member); ok && !m.Gone && v.Member == nil {
				v.Member = m
			}
		}
	}
	return err
}

// query is what a text asks for.
type query struct {
	SearchQuery
	may     func(*Room) bool // read it
	authors []UserID
	rooms   []RoomID
	terms   []string
	phrases []string // folded; each must stand in the text
	notes   []string
	nothing bool // it names a person or a room that is not there
}

func (q *query) asks() bool {
	return len(q.Terms)+len(q.authors)+len(q.rooms) > 0 || q.HasFile || q.HasLink || q.From != 0 || q.Until != 0
}

func (q *query) fits(m *Message) bool {
	if len(q.phrases) == 0 {
		return true
	}
	text := strings.Join(strings.Fields(Fold(m.Text)), " ")
	return !slices.ContainsFunc(q.phrases, func(p string) bool { return !strings.Contains(text, p) })
}
