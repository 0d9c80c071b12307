package chat

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Roster is who and what is in a place, but messages: people, rooms and
// pictures of words, as of a position. It does not change: whoever holds one
// may read it without a lock.
type Roster struct {
	Users     map[UserID]*User
	Rooms     map[RoomID]*Room           // those purged for good left out
	Emoticons map[string]*Emoticon       // by folded shortcut
	Pictures  map[ContentID]*Content     // avatars and emoticons
	same      map[UserID]UserID          // imported user: the local one
	also      map[UserID][]UserID        // the other way round
	logins    map[string]map[UserID]bool // by folded e-mail address and mention name
	settings  map[string]string
	sources   []string // names of those that were imported from
	at        Cursor
}

// Root returns the identity that stands for a person: of an imported user who
// is the same as a local one, the local one.
func (p *Roster) Root(id UserID) UserID {
	for range 8 { // matches that go round in a circle end somewhere
		next, ok := p.same[id]
		if !ok || p.Users[next] == nil {
			break
		}
		id = next
	}
	return id
}

// Identities returns the other identities of the person whose root is id.
func (p *Roster) Identities(id UserID) []UserID {
	var list []UserID
	seen := map[UserID]bool{id: true}
	for next := []UserID{id}; len(next) > 0; next = next[1:] {
		for _, other := range p.also[next[0]] {
			if !seen[other] {
				seen[other] = true
				list = append(list, other)
				next = append(next, other)
			}
		}
	}
	return list
}

// Login returns who may be meant by an e-mail address or a mention name, in
// any case: people who can sign in, each once.
func (p *Roster) Login(login string) []*User {
	var list []*User
	seen := map[UserID]bool{}
	folded := strings.TrimPrefix(Fold(strings.TrimSpace(login)), "@")
	for id := range p.logins[folded] {
		if id = p.Root(id); !seen[id] && CanSignIn(p.Users[id]) {
			seen[id] = true
			list = append(list, p.Users[id])
		}
	}
	slices.SortFunc(list, func(a, b *User) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return list
}

// CanSignIn reports whether a user is somebody who may come in at all.
func CanSignIn(u *User) bool {
	return u != nil && !u.Gone && !u.Off && u.Role != RolePlaceholder && u.Role != RoleBot
}

// Mentioned finds the people whom a text's @words mean, each name once.
func (p *Roster) Mentioned(text string) []Mention {
	var list []Mention
	seen := map[string]bool{}
	for _, name := range called(text) {
		folded := Fold(name)
		if seen[folded] {
			continue
		}
		seen[folded] = true
		for id := range p.logins[folded] {
			if u := p.Users[id]; u != nil && Fold(u.Mention) == folded && !u.Off && !u.Gone {
				list = append(list, Mention{Name: name, User: p.Root(id)})
				break
			}
		}
	}
	return list
}

// called lists a text's @words, without the @.
func called(text string) (names []string) {
	for {
		at := strings.IndexByte(text, '@')
		if at < 0 {
			return names
		}
		text = text[at+1:]
		name := text[:strings.IndexFunc(text+" ", notInMention)]
		if name = strings.TrimRight(name, ".-_"); name != "" {
			names = append(names, name)
		}
	}
}

func notInMention(r rune) bool { return strings.ContainsRune(" \t\r\n@,;:!?()[]{}<>\"'`*|/\\", r) }

// rosterKeeper makes rosters, and keeps the newest.
type rosterKeeper struct {
	mu      sync.Mutex
	held    *Roster
	checked time.Time // when it was last known to be the newest
}

const (
	// followed is how many changes are taken into a roster one by one; after
	// more of them it is made anew.
	followed = 500
	// postRoster is how old the roster may be that tells who is mentioned and
	// who a poster also is; whether that still holds is looked up.
	postRoster = 500 * time.Millisecond
)

// inRoster are the kinds that a roster holds. Messages are not: however many
// come in, following them costs nothing.
var inRoster = []Kind{KindUser, KindRoom, KindContent, KindEmoticon, KindSetting, KindMatch}

// roster returns the roster as of the snapshot that r reads, or a newer one.
func (s *Service) roster(r Reader) (*Roster, error) {
	h, err := r.Head()
	if err != nil {
		return nil, err
	}
	k := &s.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.held; p != nil && p.at.LogID == h.LogID && p.at.Epoch != h.Epoch {
		// Another process has begun to write: what is held is true all the same.
		goesOn, err := r.Follows(p.at)
		if err != nil {
			return nil, err
		}
		if goesOn {
			next := *p
			next.at.Epoch = h.Epoch
			k.held = &next
		}
	}
	if p := k.held; p != nil && p.at.LogID == h.LogID && p.at.Epoch == h.Epoch {
		if p.at.Pos >= h.Pos {
			if p.at.Pos == h.Pos {
				k.checked = time.Now()
			}
			return p, nil
		}
		changes, end, err := r.Changes(p.at.Pos, followed, inRoster...)
		if err != nil {
			return nil, err
		}
		if len(changes) < followed {
			if p, err = p.follow(r, changes, end); err == nil {
				k.held, k.checked = p, time.Now()
			}
			return p, err
		}
	}
	p, err := loadRoster(r, h)
	if err == nil {
		k.held, k.checked = p, time.Now()
	}
	return p, err
}

// recent returns a roster that is hardly out of date, without a look at the
// database if there is one.
func (s *Service) recent(ctx context.Context) (*Roster, error) {
	k := &s.keeper
	k.mu.Lock()
	held, age := k.held, time.Since(k.checked)
	k.mu.Unlock()
	if held != nil && age < postRoster {
		return held, nil
	}
	return s.Roster(ctx)
}

// Roster returns who and what is in the place now.
func (s *Service) Roster(ctx context.Context) (p *Roster, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		p, err = s.roster(r)
		return err
	})
	return p, err
}

func loadRoster(r Reader, h Head) (*Roster, error) {
	p := &Roster{
		Users: map[UserID]*User{}, Rooms: map[RoomID]*Room{}, Emoticons: map[string]*Emoticon{}, Pictures: map[ContentID]*Content{},
		same: map[UserID]UserID{}, settings: map[string]string{}, at: Cursor{LogID: h.LogID, Epoch: h.Epoch, Pos: h.Pos},
	}
	users, err1 := List[User](r, Query{Gone: true}) // who was deleted wrote messages
	rooms, err2 := List[Room](r, Query{})
	emoticons, err3 := List[Emoticon](r, Query{})
	matches, err4 := List[Match](r, Query{})
	settings, err5 := List[Setting](r, Query{})
	sources, err6 := r.Sources()
	p.sources = sources
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, err
	}
	for _, u := range users {
		p.Users[u.ID] = u
	}
	for _, room := range rooms {
		p.Rooms[room.ID] = room
	}
	for _, e := range emoticons {
		p.Emoticons[Fold(e.Shortcut)] = e
	}
	for _, m := range matches {
		p.same[m.Imported] = m.Local
	}
	for _, v := range settings {
		p.settings[v.Name] = v.Value
	}
	p.index()
	return p, p.lookAtPictures(r)
}

// index makes what is found by something else.
func (p *Roster) index() {
	p.also, p.logins = map[UserID][]UserID{}, map[string]map[UserID]bool{}
	for imported, local := range p.same {
		p.also[local] = append(p.also[local], imported)
	}
	for id, u := range p.Users {
		if u.Gone {
			continue
		}
		for _, login := range []string{Fold(u.Email), Fold(u.Mention)} {
			if login == "" {
				continue
			}
			if p.logins[login] == nil {
				p.logins[login] = map[UserID]bool{}
			}
			p.logins[login][id] = true
		}
	}
}

// lookAtPictures reads the contents that avatars and emoticons name.
func (p *Roster) lookAtPictures(r Reader) error {
	var keys []Key
	add := func(id ContentID) {
		if !id.IsZero() && p.Pictures[id] == nil {
			keys = append(keys, Key(id))
		}
	}
	for _, u := range p.Users {
		add(u.Avatar)
	}
	for _, e := range p.Emoticons {
		add(e.Content)
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := r.GetAll(KindContent, keys)
	for _, o := range found {
		if c := o.(*Content); !c.Gone {
			p.Pictures[c.ID] = c
		}
	}
	return err
}

// follow returns the roster after some changes.
func (p *Roster) follow(r Reader, changes []Change, end Position) (*Roster, error) {
	next := *p
	next.at.Pos = end
	has := map[Kind]bool{}
	own := func(k Kind, clone func()) { // before the first change of a kind
		if !has[k] {
			has[k] = true
			clone()
		}
	}
	for _, c := range changes {
		switch o := c.Object.(type) {
		case *User:
			own(KindUser, func() { next.Users = maps.Clone(next.Users) })
			next.Users[o.ID] = o
		case *Match:
			own(KindMatch, func() { next.same = maps.Clone(next.same) })
			if next.same[o.Imported] = o.Local; o.Gone {
				delete(next.same, o.Imported)
			}
		case *Room:
			own(KindRoom, func() { next.Rooms = maps.Clone(next.Rooms) })
			if next.Rooms[o.ID] = o; o.Gone {
				delete(next.Rooms, o.ID)
			}
		case *Emoticon:
			own(KindEmoticon, func() { next.Emoticons = maps.Clone(next.Emoticons) })
			next.emoticon(o)
		case *Content:
			own(KindContent, func() { next.Pictures = maps.Clone(next.Pictures) })
			delete(next.Pictures, o.ID)
		case *Setting:
			own(KindSetting, func() { next.settings = maps.Clone(next.settings) })
			if next.settings[o.Name] = o.Value; o.Gone {
				delete(next.settings, o.Name)
			}
		}
	}
	if has[KindUser] || has[KindMatch] {
		next.index()
	}
	if has[KindRoom] { // perhaps the first of another source
		var err error
		if next.sources, err = r.Sources(); err != nil {
			return nil, err
		}
	}
	if !has[KindUser] && !has[KindEmoticon] && !has[KindContent] {
		return &next, nil
	}
	own(KindContent, func() { next.Pictures = maps.Clone(next.Pictures) })
	return &next, next.lookAtPictures(r)
}

// emoticon takes one in: its shortcut may have been another before.
func (p *Roster) emoticon(e *Emoticon) {
	for name, old := range p.Emoticons {
		if old.ID == e.ID {
			delete(p.Emoticons, name)
		}
	}
	if !e.Gone {
		p.Emoticons[Fold(e.Shortcut)] = e
	}
}
