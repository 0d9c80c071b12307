package live

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Feels sets what says how the people of this place fare, and returns d.
func (d *Direct) Feels(load func() connect.Load) *Direct {
	d.load = load
	return d
}

// Load says how the people of this place fare; nobody is there without Feels.
func (d *Direct) Load(context.Context) (connect.Load, error) {
	if d.load == nil {
		return connect.Load{}, nil
	}
	return d.load(), nil
}

// Tell keeps how a move goes, and returns what was ordered.
func (d *Direct) Tell(ctx context.Context, move string, status []byte, after int64) ([]connect.Order, error) {
	return d.store.Tell(ctx, move, status, after)
}

// told is the part of a connect.Party that people and movers hear of each
// other by.
type told interface {
	Load(ctx context.Context) (connect.Load, error)
	Tell(ctx context.Context, move string, status []byte, after int64) ([]connect.Order, error)
}

type deskHandler struct{ place told }

func (h deskHandler) routes(mux *http.ServeMux) {
	mux.Handle("GET "+api.MovePath+"load", answer(func(r *http.Request) (any, error) { return h.place.Load(r.Context()) }))
	mux.Handle("POST "+api.MovePath+"tell", answer(h.tell))
}

// longestStatus bounds what a mover may tell.
const longestStatus = 1 << 20

func (h deskHandler) tell(r *http.Request) (any, error) {
	in, err := read[api.MoveTell](r)
	if err != nil {
		return nil, err
	}
	if len(in.Status) > longestStatus {
		return nil, chat.Errorf(chat.Invalid, "a status of %d bytes", len(in.Status))
	}
	orders, err := h.place.Tell(r.Context(), in.Move, in.Status, in.After)
	return api.MoveOrders{Orders: orders}, err
}

// Load says how the people of the server fare.
func (r *Remote) Load(ctx context.Context) (l connect.Load, err error) {
	err = r.get(ctx, "load", nil, &l)
	return l, err
}

// Tell keeps how a move goes at the server, and returns what was ordered there.
func (r *Remote) Tell(ctx context.Context, move string, status []byte, after int64) ([]connect.Order, error) {
	if len(status) == 0 {
		status = []byte("null")
	}
	var out api.MoveOrders
	err := r.post(ctx, "tell", api.MoveTell{Move: move, Status: json.RawMessage(status), After: after}, &out)
	return out.Orders, err
}
