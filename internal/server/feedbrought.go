package server

import (
	"context"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// tellBrought tells, every now and then, in which rooms a mover has filled in
// history: whoever looks at one fetches it again. The messages themselves are
// no news.
func (h *hub) tellBrought(ctx context.Context) error {
	for pause(ctx, broughtEvery) {
		h.mu.Lock()
		told, now, looked := h.brought, h.cursor, len(h.looking) > 0
		if !looked {
			h.brought = now
		}
		h.mu.Unlock()
		if now.Pos == told.Pos || !looked {
			continue
		}
		rooms, all, err := h.server.Service.Brought(ctx, told.Pos, now.Pos, mostBrought)
		if err != nil {
			if ctx.Err() == nil {
				h.server.Log.Error("look what was brought", "err", err)
			}
			continue
		}
		if all {
			rooms = append(rooms[:0], chat.RoomID{})
		}
		h.mu.Lock()
		if h.brought == told {
			h.brought = now
		}
		for _, id := range rooms {
			h.tellHistory(id)
		}
		h.mu.Unlock()
	}
	return nil
}

func (h *hub) tellHistory(id chat.RoomID) {
	event := api.Event{Type: "history", ID: id.String()}
	looking := h.looking[id]
	if id.IsZero() {
		event.ID = ""
		looking = h.sockets
	}
	b := encoded(event)
	for s := range looking {
		if len(s.open) > 0 {
			s.tell(b)
		}
	}
}
