package live

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// mirrored is the part of a connect.Party that carries a place.
type mirrored interface {
	Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error]
	Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Stand, error)
	Mirror(ctx context.Context, q chat.TallyQuery) (inv chat.Inventory, at chat.Cursor, err error)
}

// mirrorHandler serves a place that can be mirrored.
type mirrorHandler struct{ place mirrored }

func (h mirrorHandler) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+api.MovePath+"changes", h.changes)
	mux.Handle("POST "+api.MovePath+"stand", answer(h.stand))
	mux.Handle("POST "+api.MovePath+"mirror", answer(h.mirror))
}

// changes streams records. What goes wrong after the first of them cuts the
// stream short: whoever reads it goes on at its last cursor, and is told then.
func (h mirrorHandler) changes(w http.ResponseWriter, r *http.Request) {
	next, stop := iter.Pull2(h.place.Changes(r.Context(), r.FormValue("after")))
	defer stop()
	first, err, more := next()
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		writeError(w, err)
		return
	}
	unhurried(w)
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	z, err := api.NewMirrorCompressor(w)
	if err != nil {
		writeError(w, err)
		return
	}
	out := &changesWriter{records: api.NewMirrorWriter(z), flush: func() error { return errors.Join(z.Flush(), control.Flush()) }}
	for it := first; more; it, err, more = next() {
		if err != nil {
			panic(http.ErrAbortHandler) // the only way to say that it is not whole
		}
		if err := out.item(&it); err != nil {
			return // the caller is gone
		}
	}
	if out.records.End(true) == nil && out.records.Flush() == nil {
		_ = z.Close() // the caller is gone; there is nobody to tell
	}
}

// flushEvery is how many records go over the wire together.
const flushEvery = 1000

type changesWriter struct {
	records *api.MirrorWriter
	flush   func() error
	n       int
}

func (c *changesWriter) item(it *connect.Item) error {
	if it.Object != nil || it.Sealed != nil || it.Nonce != nil || it.Absent != nil {
		c.n++
		if err := c.records.Write(&it.Incoming); err != nil {
			return err
		}
	}
	if it.Note != nil {
		if err := c.records.Note(it.Note); err != nil {
			return err
		}
	}
	if it.Cursor == "" {
		return nil
	}
	if err := c.records.Cursor(it.Cursor); err != nil || c.n < flushEvery {
		return err
	}
	c.n = 0
	return errors.Join(c.records.Flush(), c.flush())
}

func (h mirrorHandler) stand(r *http.Request) (any, error) {
	in, err := read[api.MoveKeys](r)
	if err != nil {
		return nil, err
	}
	return h.place.Stand(r.Context(), in.Kind, in.Keys)
}

func (h mirrorHandler) mirror(r *http.Request) (any, error) {
	in, err := read[chat.TallyQuery](r)
	if err != nil {
		return nil, err
	}
	inv, at, err := h.place.Mirror(r.Context(), in)
	inv.At = at
	return inv, err
}
