package server

import (
	"context"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// watch ends, within a second, the sockets of those who are signed out.
func (h *hub) watch(ctx context.Context) error {
	for {
		t := time.NewTimer(lookAnyway)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-h.stir:
			t.Stop()
		case <-t.C:
		}
		if err := h.endSessions(ctx); err != nil && ctx.Err() == nil {
			h.server.Log.Error("look who is signed in", "err", err)
		}
		if !pause(ctx, lookAgain) {
			return nil
		}
	}
}

func (h *hub) endSessions(ctx context.Context) error {
	h.mu.Lock()
	by := map[chat.ID[chat.Session]][]*socket{}
	for s := range h.sockets {
		by[s.session] = append(by[s.session], s)
	}
	h.mu.Unlock()
	if len(by) == 0 {
		return nil
	}
	ids := make([]chat.ID[chat.Session], 0, len(by))
	for id := range by {
		ids = append(ids, id)
	}
	ended, err := h.server.Service.Ended(ctx, ids)
	for _, id := range ended {
		for _, s := range by[id] {
			h.leave(s)
			s.end(api.FeedEnded, "signed out")
		}
	}
	return err
}
