package server

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// What nodes say to each other of people. It is never stored, and may be lost:
// who is where is said in whole every now and then.
const (
	kindPeople = "people"
	kindTyping = "typing"
	kindTold   = "told"

	wholeEvery = 10 * time.Second
	peopleOnce = 200  // people in one note
	mostTold   = 5000 // that are remembered
)

// peers is who is at other nodes, as those say. Guarded by the hub's lock.
type peers struct {
	nodes  map[chat.Key]*peer
	listed map[chat.Key]bool // as the database has it

	said     map[chat.UserID]seat // what this node said of its people last
	wholeDue bool                 // a node has come that knows nothing yet
	wholeAt  time.Time

	told map[string]bool
}

type peer struct {
	heard  time.Time // and so long do its people count: a lease
	people map[chat.UserID]seat
	whole  map[chat.UserID]seat // as much of it as came
}

// seat is how somebody is at a node.
type seat struct {
	Is   string   `json:"is"`
	Open []string `json:"open,omitempty"` // rooms on devices that they are at
}

// peopleNote says of some people how they are now, or, in several notes, of all.
type peopleNote struct {
	People map[string]seat `json:"people"`
	First  bool            `json:"first,omitempty"`
	Last   bool            `json:"last,omitempty"`
	Whole  bool            `json:"whole,omitempty"`
}

// typingNote says that somebody writes.
type typingNote struct {
	Room chat.RoomID `json:"room"`
	User chat.UserID `json:"user"`
}

// toldNote is for the devices of one person.
type toldNote struct {
	User chat.UserID `json:"user"`
	Told api.Told    `json:"told"`
}

func newPeers() peers {
	return peers{nodes: map[chat.Key]*peer{}, listed: map[chat.Key]bool{}, said: map[chat.UserID]seat{}, told: map[string]bool{}}
}

// presenceOf is what somebody is at other nodes.
func (p *peers) presenceOf(id chat.UserID) string {
	is := offline
	for _, n := range p.nodes {
		switch n.people[id].Is {
		case online:
			return online
		case away:
			is = away
		}
	}
	return is
}

// reading reports whether somebody is at a device at another node that shows a room.
func (p *peers) reading(id chat.UserID, room chat.RoomID) bool {
	for _, n := range p.nodes {
		if h := n.people[id]; h.Is == online && slices.Contains(h.Open, room.String()) {
			return true
		}
	}
	return false
}

// toldBefore reports whether something was told here already: several nodes may
// have been at it.
func (p *peers) toldBefore(id chat.UserID, t api.Told) bool {
	key := strings.Join([]string{id.String(), t.Message, t.Why}, " ")
	if p.told[key] {
		return true
	}
	if len(p.told) >= mostTold {
		clear(p.told)
	}
	p.told[key] = true
	return false
}

// Rung hears how far another node says that the log is.
func (h *hub) Rung(from chat.Key, pos chat.Position) {
	h.server.Bell.Rung(pos)
	h.mu.Lock()
	h.peerOf(from)
	h.mu.Unlock()
}

// peerOf renews the lease of a node that was heard.
func (h *hub) peerOf(from chat.Key) *peer {
	n := h.peers.nodes[from]
	if n == nil {
		n = &peer{people: map[chat.UserID]seat{}}
		h.peers.nodes[from] = n
		h.peers.wholeDue = true
	}
	n.heard = time.Now()
	return n
}

// listed says which nodes there are as the database has it.
func (h *hub) listed(all []chat.Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.peers.listed)
	for _, n := range all {
		h.peers.listed[n.ID] = true
	}
}

// missPeers forgets the people of nodes that are gone. One that is cut off
// from this one only is there for the database: what it said last holds.
func (h *hub) missPeers(now time.Time) {
	for id, n := range h.peers.nodes {
		if now.Sub(n.heard) < silent || h.peers.listed[id] {
			continue
		}
		delete(h.peers.nodes, id)
		for user := range n.people {
			h.there.changed[user] = now
		}
	}
}

// Said hears what another node says. What cannot be understood is of another
// version.
func (h *hub) Said(from chat.Key, kind string, note []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.peerOf(from)
	switch kind {
	case kindPeople:
		if people, ok := readPeople(note); ok {
			h.takePeople(n, people)
		}
	case kindTyping:
		var t typingNote
		if json.Unmarshal(note, &t) == nil && h.roster != nil && h.fresh() {
			h.showTyping(typist{t.Room, t.User})
		}
	case kindTold:
		var t toldNote
		if json.Unmarshal(note, &t) == nil && h.fresh() {
			h.showTold(t.User, t.Told)
		}
	}
}

// readPeople reads a peopleNote.
func readPeople(note []byte) (p peopleNote, ok bool) {
	if json.Unmarshal(note, &p) != nil {
		return p, false
	}
	for text, is := range p.People {
		if _, err := chat.ParseID[chat.User](text); err != nil || is.Is != online && is.Is != away && is.Is != offline {
			return p, false
		}
	}
	return p, true
}

func (h *hub) takePeople(n *peer, p peopleNote) {
	now := time.Now()
	set := func(id chat.UserID, is seat) {
		if n.people[id].Is != is.Is {
			h.there.changed[id] = now
		}
		if n.people[id] = is; is.Is == offline {
			delete(n.people, id)
		}
	}
	if p.First {
		n.whole = map[chat.UserID]seat{}
	}
	for text, is := range p.People {
		id, _ := chat.ParseID[chat.User](text) //nolint:errcheck // readPeople looked
		set(id, is)
		if p.Whole && n.whole != nil {
			n.whole[id] = is
		}
	}
	if !p.Last || n.whole == nil {
		return
	}
	for id := range n.people {
		if _, ok := n.whole[id]; !ok {
			set(id, seat{Is: offline})
		}
	}
	n.whole = nil
}

// sayWhoIsHere tells the other nodes who came and went here.
func (h *hub) sayWhoIsHere(now time.Time) {
	if h.server.Bus == nil {
		return
	}
	all, changed := map[chat.UserID]seat{}, map[string]seat{}
	for id, p := range h.people {
		is := h.hereOf(p, now)
		all[id] = is
		if was, ok := h.peers.said[id]; !ok || was.Is != is.Is || !slices.Equal(was.Open, is.Open) {
			changed[id.String()] = is
		}
	}
	for id := range h.peers.said {
		if _, ok := all[id]; !ok {
			changed[id.String()] = seat{Is: offline}
		}
	}
	h.peers.said = all
	whole := h.peers.wholeDue || now.Sub(h.peers.wholeAt) >= wholeEvery
	if whole {
		h.peers.wholeDue, h.peers.wholeAt = false, now
		clear(changed)
		for id, is := range all {
			changed[id.String()] = is
		}
	}
	h.sayPeople(changed, whole)
}

func (h *hub) sayPeople(people map[string]seat, whole bool) {
	if len(people) == 0 && !whole {
		return
	}
	note := peopleNote{People: map[string]seat{}, First: whole, Whole: whole}
	for id, is := range people {
		if note.People[id] = is; len(note.People) >= peopleOnce {
			h.say(kindPeople, note)
			note = peopleNote{People: map[string]seat{}, Whole: whole}
		}
	}
	note.Last = whole
	h.say(kindPeople, note)
}

func (h *hub) say(kind string, note any) {
	b, err := json.Marshal(note)
	if err != nil {
		panic(err) // a note has nothing that cannot be encoded
	}
	h.server.Bus.Say(kind, b)
}

// hereOf is how somebody is at this node.
func (h *hub) hereOf(p *person, now time.Time) seat {
	is := seat{Is: away}
	for s := range p.sockets {
		if s.active.IsZero() || now.Sub(s.active) >= activeLease {
			continue
		}
		is.Is = online
		for _, room := range s.open {
			if text := room.String(); !slices.Contains(is.Open, text) && len(is.Open) < mostOpen {
				is.Open = append(is.Open, text)
			}
		}
	}
	slices.Sort(is.Open)
	return is
}

func (h *hub) sayTyping(t typist) {
	if h.server.Bus != nil {
		h.say(kindTyping, typingNote{t.room, t.user})
	}
}

// passOn lets the other nodes show something on the devices of somebody.
func (h *hub) passOn(id chat.UserID, told api.Told) {
	if h.server.Bus != nil {
		h.say(kindTold, toldNote{id, told})
	}
}
