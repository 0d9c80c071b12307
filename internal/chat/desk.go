package chat

import "context"

// Desk is where a mover says how its move goes, and administrators say what
// they want of it. It works whatever the state of the place is.
type Desk interface {
	// Tell keeps how a move goes, and returns what was ordered after order n.
	Tell(ctx context.Context, move string, status []byte, after int64) ([]Order, error)
	// Told returns what was told last; NotFound if nothing was.
	Told(ctx context.Context, move string) (MoveStatus, error)
	// Order gives an order.
	Order(ctx context.Context, move, who, word, args string) (Order, error)
	// Orders lists the orders of a move, newest first.
	Orders(ctx context.Context, move string, limit int) ([]Order, error)
}

// MoveStatus is what a mover told of its move.
type MoveStatus struct {
	Status []byte // the mover's words: JSON
	At     Time   // by the clock of the place
}

// Order is what an administrator wants of a mover: the words of the command
// line, and what stands behind them.
type Order struct {
	N    int64  `json:"n"`
	Who  string `json:"who"`
	At   Time   `json:"at"`
	Word string `json:"word"`
	Args string `json:"args,omitempty"`
}
