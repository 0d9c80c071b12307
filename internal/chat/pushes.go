package chat

import (
	"context"
	"slices"
)

// AddPush keeps where a browser of the actor can be reached, for as long as
// the session lasts. Keys is sealed.
func (s *Service) AddPush(ctx context.Context, a *Actor, endpoint, keys string) error {
	if a.User == nil || a.Session == nil {
		return Errorf(Denied, "only a person can be reached")
	}
	sealed, err := s.seal([]byte(keys), "push "+endpoint)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		own, err := List[PushKey](tx, Query{Index: Index{A: Key(a.User.ID)}})
		if err != nil {
			return err
		}
		id := pushID(endpoint)
		if n := len(own); n >= mostPushes && !slices.ContainsFunc(own, func(p *PushKey) bool { return p.ID == id }) {
			return Errorf(Full, "%d of your browsers are reached already", n).WithHint("end the sessions that you no longer use")
		}
		return tx.Put(&PushKey{ID: id, User: a.User.ID, Session: a.Session.ID, Endpoint: endpoint, Keys: sealed})
	})
}

const mostPushes = 20

// pushID: an endpoint is one browser, whoever is signed in there.
func pushID(endpoint string) ID[PushKey] { return ID[PushKey](secretKey(KindPushKey, endpoint)) }

// RemovePush forgets a browser. One that is not known is no error.
func (s *Service) RemovePush(ctx context.Context, endpoint string, of UserID) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		held, err := Get[PushKey](tx, pushID(endpoint))
		if IsKind(err, NotFound) || err == nil && (held.Gone || held.User != of) {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.Put(&PushKey{ID: held.ID, User: held.User, Gone: true})
	})
}

// Push is where a browser can be reached.
type Push struct{ Endpoint, Keys string }

// Pushes returns where the browsers of a person can be reached.
func (s *Service) Pushes(ctx context.Context, of UserID) (list []Push, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		all, err := List[PushKey](r, Query{Index: Index{A: Key(of)}})
		for _, p := range all {
			keys, err := s.unseal(p.Keys, "push "+p.Endpoint)
			if err == nil { // one that was sealed with another key reaches nobody
				list = append(list, Push{p.Endpoint, string(keys)})
			}
		}
		return err
	})
	return list, err
}
