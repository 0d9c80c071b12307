package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// counting counts what is asked of a store by one request.
type counting struct {
	chat.Store
	views, updates, reads atomic.Int64
}

func (c *counting) reset() {
	c.views.Store(0)
	c.updates.Store(0)
	c.reads.Store(0)
}

func (c *counting) View(ctx context.Context, fn func(chat.Reader) error) error {
	c.views.Add(1)
	return c.Store.View(ctx, func(r chat.Reader) error { return fn(&reader{r, c}) })
}

func (c *counting) Update(ctx context.Context, fn func(chat.Tx) error) error {
	c.updates.Add(1)
	return c.Store.Update(ctx, fn)
}

func (c *counting) Search(ctx context.Context, q chat.SearchQuery) ([]*chat.Message, error) {
	c.reads.Add(1)
	return c.Store.Search(ctx, q)
}

type reader struct {
	chat.Reader
	c *counting
}

func (r *reader) Head() (chat.Head, error) { r.c.reads.Add(1); return r.Reader.Head() }
func (r *reader) Get(k chat.Kind, id chat.Key) (chat.Object, error) {
	r.c.reads.Add(1)
	return r.Reader.Get(k, id)
}
func (r *reader) GetAll(k chat.Kind, ids []chat.Key) (map[chat.Key]chat.Object, error) {
	r.c.reads.Add(1)
	return r.Reader.GetAll(k, ids)
}
func (r *reader) List(q chat.Query) ([]chat.Object, error) { r.c.reads.Add(1); return r.Reader.List(q) }
func (r *reader) History(q chat.HistoryQuery) ([]*chat.Message, error) {
	r.c.reads.Add(1)
	return r.Reader.History(q)
}
func (r *reader) Changes(p chat.Position, n int, kinds ...chat.Kind) ([]chat.Change, chat.Position, error) {
	r.c.reads.Add(1)
	return r.Reader.Changes(p, n, kinds...)
}
func (r *reader) Count() (chat.Totals, error) { r.c.reads.Add(1); return r.Reader.Count() }
func (r *reader) Spans(ids []chat.RoomID, n bool) (map[chat.RoomID]chat.Span, error) {
	r.c.reads.Add(1)
	return r.Reader.Spans(ids, n)
}

func (r *reader) Threads(ids []chat.MessageID) (map[chat.MessageID]chat.Thread, error) {
	r.c.reads.Add(1)
	return r.Reader.Threads(ids)
}
func (r *reader) Follows(c chat.Cursor) (bool, error) {
	r.c.reads.Add(1)
	return r.Reader.Follows(c)
}
func (r *reader) Fresh(p chat.Position, n int) ([]chat.Change, chat.Position, error) {
	r.c.reads.Add(1)
	return r.Reader.Fresh(p, n)
}
func (r *reader) Brought(a, b chat.Position, n int) ([]chat.RoomID, bool, error) {
	r.c.reads.Add(1)
	return r.Reader.Brought(a, b, n)
}
func (r *reader) Unread(q chat.UnreadQuery) (map[chat.RoomID]chat.Unread, error) {
	r.c.reads.Add(1)
	return r.Reader.Unread(q)
}

type lockedWriter struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

type reportOf string

var _ server.Report = reportOf("")

func (r reportOf) WriteJSON(w io.Writer) error {
	_, err := fmt.Fprintf(w, `{"move":%q}`, string(r))
	return err
}

func (r reportOf) WriteHTML(w io.Writer) error {
	_, err := fmt.Fprintf(w, "<h1>%s</h1>", string(r))
	return err
}

func (w *world) logged() string {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return w.log.b.String()
}
