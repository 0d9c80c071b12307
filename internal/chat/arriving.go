package chat

import (
	"context"
	"sync"
	"time"
)

// arrivals remembers which rooms are arriving: moves are not in the log, so
// that it is looked up, for all who ask at the same time once.
type arrivals struct {
	mu    sync.Mutex
	rooms map[RoomID]bool
	at    time.Time
}

// arrivalsAge is how old the answer may be which rooms are arriving.
const arrivalsAge = 2 * time.Second

// Arriving returns the rooms that a move brings, or goes on with, and that has
// not ended. The map is not to be changed.
func (s *Service) Arriving(ctx context.Context) (map[RoomID]bool, error) {
	k := &s.arriving
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rooms != nil && time.Since(k.at) < arrivalsAge {
		return k.rooms, nil
	}
	list, err := s.Store.Arriving(ctx)
	if err != nil {
		return nil, err
	}
	rooms := make(map[RoomID]bool, len(list))
	for _, id := range list {
		rooms[id] = true
	}
	k.rooms, k.at = rooms, time.Now()
	return rooms, nil
}

func (s *Service) markArriving(ctx context.Context, list ...*RoomView) error {
	rooms, err := s.Arriving(ctx)
	for _, v := range list {
		v.Arriving = rooms[v.ID]
	}
	return err
}
