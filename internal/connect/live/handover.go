package live

import (
	"context"
	"net/http"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// governed is the part of a connect.Party that passes the turn.
type governed interface {
	Standing(ctx context.Context) (chat.Standing, error)
	Offer(ctx context.Context, move, peer string) (chat.PairOffer, error)
	Answer(ctx context.Context, move, peer string, o chat.PairOffer) (chat.PairAnswer, error)
	Accept(ctx context.Context, move string, a chat.PairAnswer) error
	Freeze(ctx context.Context, move string, lease time.Duration) (chat.Standing, error)
	Retire(ctx context.Context, move string, at chat.Position) (chat.Certificate, error)
	Open(ctx context.Context, c chat.Certificate) (chat.Standing, error)
	End(ctx context.Context, move string) (chat.Standing, error)
	Greet(ctx context.Context, move string, heard *chat.Greeting) (chat.Greeting, error)
}

var (
	_ governed = (*Direct)(nil)
	_ governed = (*Remote)(nil)
)

func (d *Direct) handover() *chat.Handover { return &chat.Handover{Store: d.store, Sealer: d.sealer} }

// bare leaves out what only the place itself may know.
func bare(st chat.Standing) chat.Standing {
	st.Pair.Key, st.Pair.Private, st.Pair.Offered, st.Pair.Was = "", "", nil, nil
	return st
}

// Standing says how the place stands in its move. It fails with NotFound if it
// is in none.
func (d *Direct) Standing(ctx context.Context) (chat.Standing, error) {
	st, err := d.store.Standing(ctx)
	if err == nil && st.Pair.Move == "" {
		err = chat.Errorf(chat.NotFound, "this place is in no move").WithHint("pair it with another one: godwit sync FROM TO")
	}
	return bare(st), err
}

// Offer begins a pair.
func (d *Direct) Offer(ctx context.Context, move, peer string) (chat.PairOffer, error) {
	return d.handover().Offer(ctx, move, peer)
}

// Answer takes an offer.
func (d *Direct) Answer(ctx context.Context, move, peer string, o chat.PairOffer) (chat.PairAnswer, error) {
	return d.handover().Answer(ctx, move, peer, o)
}

// Accept completes the pair.
func (d *Direct) Accept(ctx context.Context, move string, a chat.PairAnswer) error {
	return d.handover().Accept(ctx, move, a)
}

// Freeze stops writes for a while, or lets them go on.
func (d *Direct) Freeze(ctx context.Context, move string, lease time.Duration) (chat.Standing, error) {
	st, err := d.handover().Freeze(ctx, move, lease)
	return bare(st), err
}

// Retire gives the turn away.
func (d *Direct) Retire(ctx context.Context, move string, at chat.Position) (chat.Certificate, error) {
	return d.handover().Retire(ctx, move, at)
}

// Open takes the turn.
func (d *Direct) Open(ctx context.Context, c chat.Certificate) (chat.Standing, error) {
	st, err := d.handover().Open(ctx, c)
	return bare(st), err
}

// End ends the pair.
func (d *Direct) End(ctx context.Context, move string) (chat.Standing, error) {
	st, err := d.handover().End(ctx, move)
	return bare(st), err
}

// Greet hears the other place, and answers.
func (d *Direct) Greet(ctx context.Context, move string, heard *chat.Greeting) (chat.Greeting, error) {
	return d.handover().Greet(ctx, move, heard)
}

// governHandler serves a place that can pass its turn.
type governHandler struct{ place governed }

func (h governHandler) routes(mux *http.ServeMux) {
	for name, serve := range map[string]func(context.Context, api.MoveTurn) (any, error){
		"offer": func(ctx context.Context, in api.MoveTurn) (any, error) { return h.place.Offer(ctx, in.Move, in.Peer) },
		"answer": func(ctx context.Context, in api.MoveTurn) (any, error) {
			return h.place.Answer(ctx, in.Move, in.Peer, in.Offer)
		},
		"accept": func(ctx context.Context, in api.MoveTurn) (any, error) {
			return struct{}{}, h.place.Accept(ctx, in.Move, in.Answer)
		},
		"freeze": func(ctx context.Context, in api.MoveTurn) (any, error) {
			return h.place.Freeze(ctx, in.Move, time.Duration(in.Lease)*time.Microsecond)
		},
		"retire": func(ctx context.Context, in api.MoveTurn) (any, error) { return h.place.Retire(ctx, in.Move, in.At) },
		"open": func(ctx context.Context, in api.MoveTurn) (any, error) {
			if in.Certificate == nil {
				return nil, chat.Errorf(chat.Invalid, "there is no certificate to open on")
			}
			return h.place.Open(ctx, *in.Certificate)
		},
		"end":   func(ctx context.Context, in api.MoveTurn) (any, error) { return h.place.End(ctx, in.Move) },
		"greet": func(ctx context.Context, in api.MoveTurn) (any, error) { return h.place.Greet(ctx, in.Move, in.Heard) },
	} {
		mux.Handle("POST "+api.MovePath+name, answer(func(r *http.Request) (any, error) {
			in, err := read[api.MoveTurn](r)
			if err != nil {
				return nil, err
			}
			// Begun is finished, though the caller has gone: it asks again.
			return serve(context.WithoutCancel(r.Context()), in)
		}))
	}
	mux.Handle("GET "+api.MovePath+"standing", answer(func(r *http.Request) (any, error) { return h.place.Standing(r.Context()) }))
}

// Standing says how the place stands in its move.
func (r *Remote) Standing(ctx context.Context) (st chat.Standing, err error) {
	err = r.get(ctx, "standing", nil, &st)
	return st, err
}

// Offer begins a pair.
func (r *Remote) Offer(ctx context.Context, move, peer string) (o chat.PairOffer, err error) {
	err = r.post(ctx, "offer", api.MoveTurn{Move: move, Peer: peer}, &o)
	return o, err
}

// Answer takes an offer.
func (r *Remote) Answer(ctx context.Context, move, peer string, o chat.PairOffer) (a chat.PairAnswer, err error) {
	err = r.post(ctx, "answer", api.MoveTurn{Move: move, Peer: peer, Offer: o}, &a)
	return a, err
}

// Accept completes the pair.
func (r *Remote) Accept(ctx context.Context, move string, a chat.PairAnswer) error {
	return r.post(ctx, "accept", api.MoveTurn{Move: move, Answer: a}, nil)
}

// Freeze stops writes for a while, or lets them go on.
func (r *Remote) Freeze(ctx context.Context, move string, lease time.Duration) (st chat.Standing, err error) {
	err = r.post(ctx, "freeze", api.MoveTurn{Move: move, Lease: lease.Microseconds()}, &st)
	return st, err
}

// Retire gives the turn away.
func (r *Remote) Retire(ctx context.Context, move string, at chat.Position) (c chat.Certificate, err error) {
	err = r.post(ctx, "retire", api.MoveTurn{Move: move, At: at}, &c)
	return c, err
}

// Open takes the turn.
func (r *Remote) Open(ctx context.Context, c chat.Certificate) (st chat.Standing, err error) {
	err = r.post(ctx, "open", api.MoveTurn{Move: c.Move, Certificate: &c}, &st)
	return st, err
}

// End ends the pair.
func (r *Remote) End(ctx context.Context, move string) (st chat.Standing, err error) {
	err = r.post(ctx, "end", api.MoveTurn{Move: move}, &st)
	return st, err
}

// Greet lets the place hear the other one, and brings its answer.
func (r *Remote) Greet(ctx context.Context, move string, heard *chat.Greeting) (g chat.Greeting, err error) {
	err = r.post(ctx, "greet", api.MoveTurn{Move: move, Heard: heard}, &g)
	return g, err
}
