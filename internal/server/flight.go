package server

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// Desk is where a mover says how its move goes, and takes orders from.
type Desk interface {
	// Flight returns the move that the place is in, or was in last; a zero one
	// if there never was one. Orders are newest first.
	Flight(ctx context.Context) (Flight, error)
	// Order gives the mover an order in the name of somebody.
	Order(ctx context.Context, move, who, word, args string) error
}

// Flight is a move between two places in use, as one of them knows it.
type Flight struct {
	Move   string
	State  chat.State // of the place
	Over   bool
	Status []byte // JSON, as the mover told it last; nil if it never did
	Told   chat.Time
	Now    chat.Time // by the clock that Told is of
	Orders []api.FlightOrder
}

// flightWords are what may be ordered from a console. A file that a cutover
// waits for is on the mover's machine, and named there.
var flightWords = []string{"cutover", "wait", "pause", "resume", "set", "sign-off", "verify", "abort", "rollback", "complete"}

const longestOrder = 500

// flight answers how the move of this place stands.
func (s *Server) flight(r *request) (any, error) {
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may see moves")
	}
	if s.Desk == nil {
		return api.Flight{}, nil
	}
	f, err := s.Desk.Flight(r.Context())
	if err != nil {
		return nil, err
	}
	out := api.Flight{Move: f.Move, State: string(f.State), Over: f.Over, Told: int64(f.Told), Now: int64(f.Now), Orders: f.Orders}
	if json.Valid(f.Status) {
		out.Status = json.RawMessage(f.Status)
	}
	return out, nil
}

// orderFlight gives an order to the mover. The audit log says who did.
func (s *Server) orderFlight(r *request) (any, error) {
	var in api.NewFlightOrder
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if err := checkFlightOrder(&in); err != nil {
		return nil, err
	}
	if err := s.Service.NoteOrder(r.Context(), r.actor, in.Move, in.Word+" "+in.Args); err != nil {
		return nil, err
	}
	if s.Desk == nil {
		return nil, chat.Errorf(chat.NotFound, "this place is in no move")
	}
	who := "a program"
	if r.actor.User != nil {
		who = r.actor.User.Name
	}
	return empty{}, s.Desk.Order(r.Context(), in.Move, who, in.Word, in.Args)
}

func checkFlightOrder(in *api.NewFlightOrder) error {
	switch {
	case !slices.Contains(flightWords, in.Word):
		return chat.Errorf(chat.Invalid, "%q is no order", in.Word).WithHint("orders: %s", strings.Join(flightWords, ", "))
	case len(in.Args) > longestOrder || strings.ContainsFunc(in.Args, func(r rune) bool { return r < ' ' }):
		return chat.Errorf(chat.Invalid, "the order %s says too much", in.Word)
	case in.Word == "cutover" && strings.HasPrefix(strings.TrimSpace(in.Args), "when-gone"):
		return chat.Errorf(chat.Invalid, "a file that a cutover waits for is on the mover's machine").WithHint("there: godwit cutover %s --when-gone FILE", in.Move)
	}
	return nil
}
