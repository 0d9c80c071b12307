package chat

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Page is a piece of a room's history, oldest message first, with what is
// needed to draw it.
type Page struct {
	Details
	Messages []*Message
	Roster   *Roster
	Older    *Anchor   // for Where.Before; nil if nothing is older
	Newer    *Anchor   // for Where.After; nil if nothing is newer
	Thread   MessageID // the thread that Where.Around is in, if it is not in the room's history
}

// FileView is a file with the content that it has here.
type FileView struct {
	*File
	Content *Content // nil if the bytes did not arrive
}

// Where says which page of a room's history is meant: one of the fields, or
// none for the newest.
type Where struct {
	Before, After *Anchor
	At            Time      // the page that starts with the first message at or after it
	Around        MessageID // the page that has this message, or what it answers, in its middle
}

// The size of a page.
const (
	UsualPage = 50
	MostPage  = 200
)

// History reads a page of a room. It fails with NotFound if there is no such
// room, or none that the actor may read, or no such message in it.
func (s *Service) History(ctx context.Context, a *Actor, id RoomID, w Where, limit int) (page *Page, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if _, _, err := readable(r, a, id); err != nil {
			return err
		}
		page = &Page{}
		if page.Roster, err = s.roster(r); err != nil {
			return err
		}
		if err := page.read(r, HistoryQuery{Room: id}, w, limit); err != nil {
			return err
		}
		page.Details, err = details(r, a, page.Messages)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// read fills in a page of a room or of a thread.
func (p *Page) read(r Reader, of HistoryQuery, w Where, limit int) error {
	if limit <= 0 {
		limit = UsualPage
	}
	limit = min(limit, MostPage)
	switch {
	case !w.Around.IsZero():
		return p.around(r, of, w.Around, limit)
	case w.At != 0:
		return p.from(r, of, &Anchor{Sent: w.At}, limit)
	case w.After != nil:
		return p.from(r, of, w.After, limit)
	}
	return p.before(r, of, w.Before, limit)
}

func anchorOf(m *Message) *Anchor { return &Anchor{Sent: m.Sent, ID: m.ID} }

// before reads what comes before a place, or the newest.
func (p *Page) before(r Reader, of HistoryQuery, at *Anchor, limit int) error {
	list, err := r.History(of.before(at, limit+1))
	if err != nil {
		return err
	}
	if len(list) > limit {
		list = list[1:]
		p.Older = anchorOf(list[0])
	}
	p.Messages = list
	if at == nil {
		return nil
	}
	last := at
	if len(list) > 0 {
		last = anchorOf(list[len(list)-1])
	}
	p.Newer, err = beyond(r, of.after(last, 1))
	return err
}

// from reads what comes after a place.
func (p *Page) from(r Reader, of HistoryQuery, at *Anchor, limit int) error {
	list, err := r.History(of.after(at, limit+1))
	if err != nil {
		return err
	}
	if len(list) > limit {
		list = list[:limit]
		p.Newer = anchorOf(list[limit-1])
	}
	p.Messages = list
	if len(list) > 0 {
		at = anchorOf(list[0])
	}
	p.Older, err = beyond(r, of.before(at, 1))
	return err
}

func (q HistoryQuery) before(at *Anchor, limit int) HistoryQuery {
	q.Before, q.After, q.Limit = at, nil, limit
	return q
}

func (q HistoryQuery) after(at *Anchor, limit int) HistoryQuery {
	q.Before, q.After, q.Limit = nil, at, limit
	return q
}

// beyond returns the anchor that a query has if it finds something.
func beyond(r Reader, q HistoryQuery) (*Anchor, error) {
	list, err := r.History(q)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if q.After != nil {
		return q.After, nil
	}
	return q.Before, nil
}

// around reads a page that has a message in its middle. In the place of a
// reply that the room's history leaves out stands what it answers.
func (p *Page) around(r Reader, of HistoryQuery, id MessageID, limit int) error {
	m, err := Get[Message](r, id)
	if IsKind(err, NotFound) || err == nil && (m.Room != of.Room || !of.Thread.IsZero() && m.Thread != of.Thread) {
		return errNoMessage()
	}
	if err != nil {
		return err
	}
	if of.Thread.IsZero() && m.Aside() {
		p.Thread = m.Thread
		root, err := Get[Message](r, m.Thread)
		switch {
		case IsKind(err, NotFound) || err == nil && (root.Room != of.Room || root.Aside()):
			return p.from(r, of, anchorOf(m), limit) // what it answers is not here: where it would stand
		case err != nil:
			return err
		}
		m = root
	}
	half := limit / 2
	older, err1 := r.History(of.before(anchorOf(m), half+1))
	newer, err2 := r.History(of.after(anchorOf(m), limit-half))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if len(older) > half {
		older = older[1:]
		p.Older = anchorOf(append(older, m)[0])
	}
	if most := limit - half - 1; len(newer) > most {
		newer = newer[:most]
		p.Newer = anchorOf(append([]*Message{m}, newer...)[most])
	}
	p.Messages = append(append(older, m), newer...)
	return nil
}

// FilesOf reads the files of messages that the actor was given already.
func (s *Service) FilesOf(ctx context.Context, messages ...*Message) (views map[FileID]*FileView, err error) {
	if !slices.ContainsFunc(messages, func(m *Message) bool { return len(m.Files) > 0 }) {
		return nil, nil
	}
	err = s.Store.View(ctx, func(r Reader) error {
		views, err = files(r, messages)
		return err
	})
	return views, err
}

// files reads the files of messages, and which content each has.
func files(r Reader, messages []*Message) (map[FileID]*FileView, error) {
	var keys []Key
	for _, m := range messages {
		for _, id := range m.Files {
			keys = append(keys, Key(id))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	found, err := r.GetAll(KindFile, keys)
	if err != nil {
		return nil, err
	}
	views := make(map[FileID]*FileView, len(found))
	for _, o := range found {
		if f := o.(*File); !f.Gone {
			views[f.ID] = &FileView{File: f}
		}
	}
	return views, contents(r, views)
}

// contents finds the first content of each file that is here.
func contents(r Reader, views map[FileID]*FileView) error {
	var keys []Key
	for _, v := range views {
		for _, c := range v.Contents {
			keys = append(keys, Key(c))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := r.GetAll(KindContent, keys)
	for _, v := range views {
		for _, id := range v.Contents {
			if c, ok := found[Key(id)].(*Content); ok && !c.Gone && c.Hash != "" {
				v.Content = c
				break
			}
		}
	}
	return err
}

// File returns a file that the actor may read, with its content. It fails
// with NotFound if there is none, if the message that it hangs on is gone, or
// if its bytes did not arrive.
func (s *Service) File(ctx context.Context, a *Actor, id FileID) (v *FileView, err error) {
	none := func() error { return Errorf(NotFound, "there is no such file") }
	err = s.Store.View(ctx, func(r Reader) error {
		f, err := Get[File](r, id)
		if IsKind(err, NotFound) || err == nil && f.Gone {
			return none()
		}
		if err != nil {
			return err
		}
		m, err := Get[Message](r, f.Message)
		if IsKind(err, NotFound) || err == nil && (m.Gone || !slices.Contains(m.Files, id)) {
			return none()
		}
		if err != nil {
			return err
		}
		// The message says in which room it is: the file's own word for it is
		// not what its readers see.
		if _, _, err := readable(r, a, m.Room); err != nil {
			if IsKind(err, NotFound) {
				return none()
			}
			return err
		}
		v = &FileView{File: f}
		if err := contents(r, map[FileID]*FileView{id: v}); err != nil {
			return err
		}
		if v.Content == nil {
			return Errorf(NotFound, "the bytes of %q did not arrive here", f.Name).
				WithHint("an administrator can import them with --files-from, if they are found")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Picture returns the content of an avatar or an emoticon, which everybody
// who is signed in may see. It fails with NotFound for any other content.
func (s *Service) Picture(ctx context.Context, id ContentID) (*Content, error) {
	p, err := s.Roster(ctx)
	if err != nil {
		return nil, err
	}
	c := p.Pictures[id]
	if c == nil || c.Hash == "" {
		return nil, Errorf(NotFound, "there is no such picture")
	}
	return c, nil
}

// Midnight returns when a day begins, YYYY-MM-DD, where the actor is.
func (a *Actor) Midnight(day string) (Time, error) {
	t, err := time.ParseInLocation(time.DateOnly, day, a.zone())
	if err != nil {
		return 0, Errorf(Invalid, "%q is not a day", day).WithHint("write it like 2018-03-25")
	}
	return max(TimeOf(t), 1), nil
}

func (a *Actor) zone() *time.Location { return ZoneOf(a.User) }
