package server

import (
	"context"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// placeEvery gathers changes.
const placeEvery = 400 * time.Millisecond

// followPlace notices when the public address of the place was changed, also
// by another process.
func (s *Server) followPlace(ctx context.Context) error {
	for {
		bell := s.Service.Store.Doorbell()
		if err := s.lookAtPlace(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("look at the settings", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-bell:
		}
		if !pause(ctx, placeEvery) {
			return nil
		}
	}
}

func (s *Server) lookAtPlace(ctx context.Context) error {
	p, err := s.Service.Roster(ctx)
	if err != nil {
		return err
	}
	s.takeAddress(p)
	return nil
}

// takeAddress goes by the public address that is set in the place, or else by
// that of the configuration.
func (s *Server) takeAddress(p *chat.Roster) {
	address := p.Setting(chat.SettingAddress)
	// What is set came over from the other place of a move, if there was one:
	// then what this server was started with is newer.
	if address == "" || s.Address != "" && s.gate.began() != 0 {
		address = s.Address
	}
	if u, ok := parseAddress(address); ok && address != "" {
		s.at.Store(u)
	} else {
		s.at.Store(nil)
	}
}
