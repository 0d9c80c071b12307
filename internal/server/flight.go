package server

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// flightWords are what may be ordered from a console. A file that a cutover
// waits for is on the mover's machine, and named there.
var flightWords = []string{"cutover", "wait", "pause", "resume", "set", "sign-off", "verify", "abort", "rollback", "complete"}

const (
	longestOrder = 500
	ordersShown  = 50
)

// flight answers how the move of this place stands, as its mover says.
func (s *Server) flight(r *request) (any, error) {
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may see moves")
	}
	st, err := s.Service.Store.Standing(r.Context())
	if err != nil {
		return nil, err
	}
	out := api.Flight{Move: st.Pair.Move, State: string(st.State), Over: st.Pair.Over, Now: int64(st.Now)}
	if out.Move == "" {
		return out, nil
	}
	told, err := s.Service.Store.Told(r.Context(), out.Move)
	if err != nil && !chat.IsKind(err, chat.NotFound) {
		return nil, err
	}
	if err == nil && json.Valid(told.Status) {
		out.Status, out.Told = json.RawMessage(told.Status), int64(told.At)
	}
	orders, err := s.Service.Store.Orders(r.Context(), out.Move, ordersShown)
	for _, o := range orders {
		out.Orders = append(out.Orders, api.FlightOrder{N: o.N, Who: o.Who, At: int64(o.At), Word: o.Word, Args: o.Args})
	}
	return out, err
}

// orderFlight gives an order to the mover. The audit log says who did.
func (s *Server) orderFlight(r *request) (any, error) {
	var in api.NewFlightOrder
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if !r.actor.Admin() {
		return nil, chat.Errorf(chat.Denied, "only administrators may drive a move")
	}
	if err := checkFlightOrder(&in); err != nil {
		return nil, err
	}
	st, err := s.Service.Store.Standing(r.Context())
	if err != nil {
		return nil, err
	}
	if in.Move != st.Pair.Move || st.Pair.Over {
		return nil, chat.Errorf(chat.NotFound, "this place is in no move %s", in.Move)
	}
	if err := s.Service.NoteOrder(r.Context(), r.actor, in.Move, in.Word+" "+in.Args); err != nil {
		return nil, err
	}
	who := "a program"
	if r.actor.User != nil {
		who = r.actor.User.Name
	}
	if _, err := s.Service.Store.Order(r.Context(), in.Move, who, in.Word, in.Args); err != nil {
		return nil, err
	}
	return empty{}, nil
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
