package chat

import (
	"cmp"
	"context"
	"slices"
)

// quiet reports whether a message says what happened to its room, and not
// what somebody wrote.
func (m *Message) quiet() bool {
	return m.Type != MessagePlain && m.Type != MessageNotification
}

// rootOf finds the message that a thread hangs on, given it or one of its
// replies.
func rootOf(r Reader, room RoomID, id MessageID) (*Message, error) {
	for range 2 {
		m, err := Get[Message](r, id)
		if IsKind(err, NotFound) || err == nil && m.Room != room {
			return nil, errNoMessage()
		}
		if err != nil {
			return nil, err
		}
		if m.Thread.IsZero() {
			if m.quiet() {
				return nil, Errorf(Invalid, "nobody can answer this: it only says what happened to the room")
			}
			return m, nil
		}
		id = m.Thread
	}
	return nil, errNoMessage()
}

// follow makes those followers of a thread whom a reply makes so. The first
// one in a thread that was imported makes all who wrote in it followers.
func follow(tx Tx, a *Actor, root, reply *Message) error {
	old, err := List[Follow](tx, Query{Index: Index{A: Key(root.ID)}, Gone: true})
	if err != nil {
		return err
	}
	p := a.Roster
	known := map[UserID]*Follow{}
	for _, f := range old {
		known[f.User] = f
	}
	add := func(id UserID, anew bool) error {
		id = p.Root(id)
		if u := p.Users[id]; u == nil || !CanSignIn(u) {
			return nil
		}
		f := known[id]
		if f != nil && !(anew && f.Gone) {
			return nil
		}
		f = &Follow{Thread: root.ID, User: id, Room: root.Room, Read: reply.Sent - 1}
		known[id] = f
		return tx.Put(f)
	}
	if len(old) == 0 {
		threads, err := tx.Threads([]MessageID{root.ID})
		if err != nil {
			return err
		}
		for id := range threads[root.ID].By {
			if err := add(id, false); err != nil {
				return err
			}
		}
	}
	if err := add(root.Author, false); err != nil {
		return err
	}
	for _, m := range reply.Mentions {
		if err := add(m.User, true); err != nil {
			return err
		}
	}
	return tx.Put(&Follow{Thread: root.ID, User: a.User.ID, Room: root.Room, Read: reply.Sent}) // who writes has read
}

// ThreadPage is a piece of a thread.
type ThreadPage struct {
	Page            // of replies
	Root   *Message // what they answer
	Follow *Follow  // of the one who asks; nil if they do not follow
}

// Thread reads a page of the replies to a message, given it or one of them.
// Where is as in History. It fails with NotFound as History does.
func (s *Service) Thread(ctx context.Context, a *Actor, id MessageID, w Where, limit int) (t *ThreadPage, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		m, _, _, err := message(r, a, id)
		if err != nil {
			return err
		}
		t = &ThreadPage{Root: m}
		if !m.Thread.IsZero() {
			if t.Root, err = Get[Message](r, m.Thread); IsKind(err, NotFound) || err == nil && t.Root.Room != m.Room {
				return errNoMessage()
			}
			if err != nil {
				return err
			}
		}
		if t.Roster, err = s.roster(r); err != nil {
			return err
		}
		if w.Around == t.Root.ID {
			w = Where{After: &Anchor{}} // from the beginning
		}
		if err := t.read(r, HistoryQuery{Room: m.Room, Thread: t.Root.ID}, w, limit); err != nil {
			return err
		}
		if t.Follow, err = followOf(r, a, t.Root.ID); err != nil {
			return err
		}
		t.Details, err = details(r, a, append([]*Message{t.Root}, t.Messages...))
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// followOf reads how one follows a thread; nil if not at all.
func followOf(r Reader, a *Actor, thread MessageID) (*Follow, error) {
	if a.User == nil {
		return nil, nil //nolint:nilnil // as the comment says
	}
	f, err := Get[Follow](r, ID[Follow](PairKey(Key(thread), Key(a.User.ID))))
	if IsKind(err, NotFound) || err == nil && f.Gone {
		return nil, nil //nolint:nilnil // as the comment says
	}
	return f, err
}

// SetFollow makes the actor hear of a thread, or no more. Again does nothing.
func (s *Service) SetFollow(ctx context.Context, a *Actor, id MessageID, on bool) (f *Follow, err error) {
	return s.changeFollow(ctx, a, id, func(tx Tx, f *Follow, _ *Message) {
		if f.Gone = !on; f.Read == 0 {
			f.Read = tx.Now()
		}
	})
}

// ReadThread says that the actor has read a thread they follow up to a time,
// never back. Of threads that one does not follow nothing is kept.
func (s *Service) ReadThread(ctx context.Context, a *Actor, id MessageID, read Time) (f *Follow, err error) {
	return s.changeFollow(ctx, a, id, func(tx Tx, f *Follow, _ *Message) {
		f.Read = max(f.Read, min(read, tx.Now()))
	})
}

func (s *Service) changeFollow(ctx context.Context, a *Actor, id MessageID, change func(Tx, *Follow, *Message)) (f *Follow, err error) {
	if a.User == nil {
		return nil, errNobody()
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		m, room, _, err := message(tx, a, id)
		if err != nil {
			return err
		}
		root, err := rootOf(tx, room.ID, m.ID)
		if err != nil {
			return err
		}
		f, err = Get[Follow](tx, ID[Follow](PairKey(Key(root.ID), Key(a.User.ID))))
		if IsKind(err, NotFound) {
			f, err = &Follow{Thread: root.ID, User: a.User.ID, Room: room.ID, Gone: true}, nil
		}
		if err != nil {
			return err
		}
		before := *f
		if change(tx, f, root); *f == before || before.Gone && f.Gone {
			return nil
		}
		return tx.Put(f)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Threads are the threads that somebody follows, those with the newest
// replies first.
type Threads struct {
	Page
	Rooms  map[RoomID]*RoomView
	List   []*Followed
	All    []MessageID // that the actor follows and may read
	Unread int         // of all, not only of this page
	More   bool
}

// Followed is a thread in that list.
type Followed struct {
	*Follow
	Root   *Message
	Newest []*Message // the last few replies
	Thread Thread
	Unread bool
}

const (
	threadsPage   = 20
	threadReplies = 3 // that the list shows of each
)

// unreadThread reports whether somebody else wrote in a thread since it was
// read.
func unreadThread(a *Actor, f *Follow, t Thread) bool {
	for id, by := range t.By {
		if by.Last > f.Read && !a.Is(id) && !a.Is(a.Roster.Root(id)) {
			return true
		}
	}
	return false
}

// Following lists the threads that the actor follows and may read, from skip
// on, or only those with something unread.
func (s *Service) Following(ctx context.Context, a *Actor, unread bool, skip int) (out *Threads, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		out = &Threads{Rooms: map[RoomID]*RoomView{}}
		if out.Roster, err = s.roster(r); err != nil {
			return err
		}
		all, err := following(r, a)
		if err != nil {
			return err
		}
		for _, f := range all {
			if out.All = append(out.All, f.Follow.Thread); f.Unread {
				out.Unread++
			}
		}
		if unread {
			all = slices.DeleteFunc(all, func(f *Followed) bool { return !f.Unread })
		}
		all = all[min(max(skip, 0), len(all)):]
		if out.More = len(all) > threadsPage; out.More {
			all = all[:threadsPage]
		}
		out.List = all
		return out.fill(r, a)
	})
	return out, err
}

// following finds the threads that the actor follows and may read.
func following(r Reader, a *Actor) ([]*Followed, error) {
	if a.User == nil {
		return nil, nil
	}
	follows, err := List[Follow](r, Query{Index: Index{B: Key(a.User.ID)}})
	if err != nil || len(follows) == 0 {
		return nil, err
	}
	in, err := memberships(r, a)
	if err != nil {
		return nil, err
	}
	var roots []MessageID
	for _, f := range follows {
		if room := a.Roster.Rooms[f.Room]; room != nil && a.mayRead(room, in[f.Room] != nil) {
			roots = append(roots, f.Thread)
		}
	}
	threads, err := r.Threads(roots)
	if err != nil {
		return nil, err
	}
	var all []*Followed
	for _, f := range follows {
		if t, ok := threads[f.Thread]; ok {
			all = append(all, &Followed{Follow: f, Thread: t, Unread: unreadThread(a, f, t)})
		}
	}
	slices.SortFunc(all, func(x, y *Followed) int {
		return cmp.Or(cmp.Compare(y.Thread.Last, x.Thread.Last), slices.Compare(x.Follow.Thread[:], y.Follow.Thread[:]))
	})
	return all, nil
}

// fill reads what the threads of a page say.
func (t *Threads) fill(r Reader, a *Actor) error {
	roots := make([]Key, len(t.List))
	for i, f := range t.List {
		roots[i] = Key(f.Follow.Thread)
	}
	found, err := r.GetAll(KindMessage, roots)
	if err != nil {
		return err
	}
	t.List = slices.DeleteFunc(t.List, func(f *Followed) bool {
		m, ok := found[Key(f.Follow.Thread)].(*Message)
		f.Root = m
		// The message says in which room it is, and the follower's word is not asked.
		return !ok || m.Room != f.Room
	})
	for _, f := range t.List {
		if f.Newest, err = r.History(HistoryQuery{Room: f.Room, Thread: f.Root.ID, Limit: threadReplies}); err != nil {
			return err
		}
		t.Messages = append(append(t.Messages, f.Root), f.Newest...)
	}
	if t.Details, err = details(r, a, t.Messages); err != nil {
		return err
	}
	t.Rooms, err = roomsOf(r, a, t.Roster, t.Messages)
	return err
}
