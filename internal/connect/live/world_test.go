package live_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/server"
	"github.com/godwit-chat/godwit/internal/store"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// place is a whole place, without a server.
type place struct {
	db     *store.DB
	files  *blob.Dir
	sealer chat.Sealer
	rules  *chat.Handover
	direct *live.Direct
}

func newPlace(t testing.TB, path string) *place {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	files, err := blob.OpenDir(filepath.Join(t.TempDir(), "files"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(); files.Close() }) //nolint:errcheck // the test is over
	sealer, err := server.NewSealer(server.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return &place{db, files, sealer, &chat.Handover{Store: db, Sealer: sealer}, live.NewDirect("test", db, files, "test").Seals(sealer)}
}

func sqlite(t testing.TB) string { return filepath.Join(t.TempDir(), "godwit.db") }

// pairUp makes b the place that takes a's history.
func pairUp(t testing.TB, a, b *place, move string) {
	t.Helper()
	offer, err := b.rules.Offer(t.Context(), move, "")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.rules.Answer(t.Context(), move, "", offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.rules.Accept(t.Context(), move, answer); err != nil {
		t.Fatal(err)
	}
}

// wire is a server for a place, all of whose bytes are kept.
type wire struct {
	t     testing.TB
	mu    sync.Mutex
	seen  bytes.Buffer
	cutAt atomic.Int64 // bytes of an answer after which it is cut, once; 0 never
}

// Write keeps bytes that went over the wire.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.Write(b)
}

func (w *wire) serve(p *place) *live.Remote {
	next := live.Handler(p.direct)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, w), r.Body}
		next.ServeHTTP(&tee{ResponseWriter: rw, w: w}, r)
	}))
	w.t.Cleanup(srv.Close)
	remote, err := live.Dial(w.t.Context(), srv.URL, "x")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { remote.Close() }) //nolint:errcheck // never fails
	return remote
}

type tee struct {
	http.ResponseWriter
	w *wire
	n int64
}

func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tee) Write(b []byte) (int, error) {
	t.w.Write(b) //nolint:errcheck // in memory
	t.n += int64(len(b))
	if at := t.w.cutAt.Load(); at > 0 && t.n > at && t.w.cutAt.CompareAndSwap(at, 0) {
		panic(http.ErrAbortHandler)
	}
	return t.ResponseWriter.Write(b)
}

// mirrorable is what the tests use of a connect.Party.
type mirrorable interface {
	connect.Target
	Changes(ctx context.Context, after string) iter.Seq2[connect.Item, error]
	Mirror(ctx context.Context, q chat.TallyQuery) (chat.Inventory, chat.Cursor, error)
	Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Stand, error)
}

// carry brings all that changed after a cursor, and returns where it ended.
func carry(t testing.TB, from, to mirrorable, move, after string, seen io.Writer) (string, chat.Counts) {
	t.Helper()
	st, err := to.Begin(t.Context(), chat.MoveSpec{Name: move, Source: "place " + move, Artefact: "x"})
	if err != nil {
		t.Fatal(err)
	}
	counts := chat.Counts{}
	var items []chat.Incoming
	cursor := st.Cursor
	send := func(next string) {
		b := chat.Batch{Move: move, Fence: st.Fence, From: cursor, To: next, Items: items, Mirror: true}
		a, err := to.Apply(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		counts.Add(a.Counts)
		cursor, items = next, nil
	}
	for it, err := range from.Changes(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		if it.Note != nil {
			t.Error(it.Note)
		}
		if seen != nil {
			fmt.Fprintf(seen, "%+v %s\n", it.Incoming, it.Sealed)
			if it.Object != nil {
				text, _ := json.Marshal(it.Object)
				seen.Write(text) //nolint:errcheck // in memory
			}
		}
		if it.Object != nil || it.Sealed != nil || it.Nonce != nil {
			items = append(items, it.Incoming)
		}
		if it.Cursor != "" && (len(items) > 1000 || len(items) == 0) {
			send(it.Cursor)
		} else if it.Cursor != "" {
			after = it.Cursor
		}
	}
	if len(items) > 0 {
		send(after)
	}
	return cursor, counts
}

// sameMirror compares two places as a mover does, in all levels.
func sameMirror(t testing.TB, a, b mirrorable) chat.Inventory {
	t.Helper()
	var last chat.Inventory
	for _, level := range []chat.Level{chat.L1, chat.L2} {
		var sums [2]string
		for i, p := range []mirrorable{a, b} {
			inv, at, err := p.Mirror(t.Context(), chat.TallyQuery{Level: level, Kinds: chat.Kinds()})
			if err != nil || at.Pos == 0 {
				t.Fatal(at, err)
			}
			inv.At = chat.Cursor{}
			sums[i], last = fmt.Sprint(inv), inv
		}
		if sums[0] != sums[1] {
			t.Errorf("L%d:\n%s\n%s", level, sums[0], sums[1])
		}
	}
	return last
}

// revealed is every object of a place, with what is sealed in it opened.
func revealed(t testing.TB, p *place) map[string]string {
	t.Helper()
	all := map[string]string{}
	for after, done := chat.Position(0), false; !done; {
		list, next, last, err := p.db.Export(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range list {
			if in.Object == nil {
				all["nonce "+in.Nonce.Nonce] = in.Nonce.Message.String()
				continue
			}
			o, whole := chat.Reveal(in.Object, p.sealer)
			if !whole {
				t.Errorf("a %s cannot be opened", o.Kind())
			}
			all[fmt.Sprint(o.Kind(), " ", o.Key())] = fmt.Sprintf("%s %q %x", chat.EncodeBody(o), in.Source, in.Src)
		}
		after, done = next, last
	}
	return all
}

func sameRevealed(t testing.TB, a, b *place) {
	t.Helper()
	one, two := revealed(t, a), revealed(t, b)
	for k, v := range one {
		if two[k] != v {
			t.Errorf("%s: %s, and at the other place %s", k, v, two[k])
		}
		delete(two, k)
	}
	for k, v := range two {
		t.Errorf("%s is only at the other place: %s", k, v)
	}
}

func put(t testing.TB, p *place, objects ...chat.Object) {
	t.Helper()
	if err := p.db.Update(t.Context(), func(tx chat.Tx) error { return tx.Put(objects...) }); err != nil {
		t.Fatal(err)
	}
}

func head(t testing.TB, p *place) (h chat.Head) {
	t.Helper()
	if err := p.db.View(t.Context(), func(r chat.Reader) (err error) { h, err = r.Head(); return err }); err != nil {
		t.Fatal(err)
	}
	return h
}

func firstKey(t testing.TB, p *place, kind chat.Kind) (k chat.Key) {
	t.Helper()
	err := p.db.View(t.Context(), func(r chat.Reader) error {
		list, err := r.List(chat.Query{Kind: kind})
		if err == nil {
			k = list[0].Key()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func post(t testing.TB, p *place, nonce string) {
	t.Helper()
	err := p.db.Update(t.Context(), func(tx chat.Tx) error {
		made := chat.MessageID(tx.NewKey())
		id, err := tx.Once(chat.UserID{1}, nonce, made)
		if err != nil || id != made {
			return err
		}
		return tx.Put(&chat.Message{ID: id, Sent: tx.Now(), Text: nonce})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// handOver gives the turn of a to b, which has all up to a cursor.
func handOver(t testing.TB, a, b *place, move, end string) {
	t.Helper()
	at, err := chat.ParseCursor(end)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.rules.Freeze(t.Context(), move, 1e11); err != nil {
		t.Fatal(err)
	}
	c, err := a.rules.Retire(t.Context(), move, at.Pos)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.rules.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	// They speak to each other: nothing is taken from b before it says that it
	// has the turn.
	g, err := a.rules.Greet(t.Context(), move, nil)
	for _, p := range []*place{b, a, b} {
		if err == nil {
			g, err = p.rules.Greet(t.Context(), move, &g)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// secretsOf are texts that nobody on the way may see: the canaries, the keys,
// and what is sealed at either place.
func secretsOf(t testing.TB, places ...*place) []string {
	t.Helper()
	list := []string{testkit.Canary, base64.StdEncoding.EncodeToString([]byte(testkit.Canary))[:16]}
	for _, p := range places {
		st, err := p.db.Standing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, st.Pair.Key)
		if st.Pair.Private != "" {
			list = append(list, st.Pair.Private)
		}
	}
	return list
}

// unpacked takes apart everything in a text that zstd has packed.
func unpacked(t testing.TB, all []byte) string {
	t.Helper()
	magic := []byte{0x28, 0xb5, 0x2f, 0xfd}
	var out bytes.Buffer
	for rest := all; ; {
		i := bytes.Index(rest, magic)
		if i < 0 {
			return out.String()
		}
		rest = rest[i:]
		z, err := zstd.NewReader(bytes.NewReader(rest))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(&out, z) // what is behind it is something else
		z.Close()
		rest = rest[len(magic):]
	}
}
