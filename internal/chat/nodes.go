package chat

import (
	"context"
	"time"
)

// Node is one process that serves a place, as the others see it.
type Node struct {
	ID       Key      `json:"id"` // made anew at every start
	Name     string   `json:"name"`
	Bus      string   `json:"bus,omitempty"`     // where its bus is reached, as host:port; empty has none
	HTTP     string   `json:"http,omitempty"`    // where it listens for people
	Address  string   `json:"address,omitempty"` // the public address that it was started with
	Version  string   `json:"version,omitempty"`
	Started  Time     `json:"started"`
	Pos      Position `json:"pos"` // up to where it has read the log
	Sockets  int      `json:"sockets"`
	Load     float64  `json:"load"`               // posts in a second
	Problems []string `json:"problems,omitempty"` // each says what to do

	Seen Time `json:"-"` // when it was heard of last, by the database's clock
}

const (
	// NodeLives is how long a node counts that is not heard of.
	NodeLives = 5 * time.Second
	// NodeEvery is how often a node makes itself heard of.
	NodeEvery = time.Second
)

// Nodes is what the nodes of a place know of each other. It is no part of the
// log, and stays where it is when a place moves.
type Nodes interface {
	// Attend says that a node is there and how it is, and returns all that are,
	// this one among them, and what time it is for the database. Nodes that were
	// not heard of for a while are forgotten.
	Attend(ctx context.Context, n Node) (all []Node, now Time, err error)
	// Nodes returns those that are there.
	Nodes(ctx context.Context) (all []Node, now Time, err error)
	// Depart forgets a node that ends. Again does nothing.
	Depart(ctx context.Context, id Key) error

	// Sealed remembers what the key is known by that secrets are sealed with, and
	// returns what was remembered of the first. Anew remembers another one.
	Sealed(ctx context.Context, print string, anew bool) (first string, err error)
}

// Bell is how those who write to a log in different processes learn of each
// other sooner than by looking.
type Bell interface {
	// OnWrite makes fn hear of each commit of this process, up to where it went.
	// It must not wait. It replaces the one before.
	OnWrite(fn func(Position))
	// Rung says that, as another process has it, the log has reached a
	// position: who waits at the Doorbell looks, if that is news.
	Rung(Position)
}

// Bus carries between the nodes of a place what must be quick and may be
// lost. All of it may be called at once; none of it waits.
type Bus interface {
	// Ring tells the other nodes that the log has reached a position.
	Ring(Position)
	// Say tells the other nodes something of a kind.
	Say(kind string, note []byte)
	// Listen makes l hear what other nodes say. It replaces the one before; nil
	// ends it.
	Listen(l Listener)
	// Follow says which nodes there are. It is told again when others are.
	Follow([]Node)
	// Heard says when each of the other nodes was heard of last over the bus.
	Heard() map[Key]time.Time
}

// Listener hears what the other nodes say. It must not wait, nor keep a note.
type Listener interface {
	// Rung hears, also every quarter of a second from each node, how far the
	// log is.
	Rung(from Key, pos Position)
	Said(from Key, kind string, note []byte)
}

// BusEvery is how often a node is heard of on the bus at least.
const BusEvery = 250 * time.Millisecond
