// Package live reads from and writes to a running Godwit.
package live

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Direct is a target in this process: a store and a directory of files.
type Direct struct {
	chat.Mover // all but Apply and Tally

	title, version string
	store          chat.Store
	files          *blob.Dir
	close          func() error
	sealer         chat.Sealer
	couriers       couriers
	load           func() connect.Load
}

// NewDirect makes a target of an open store and its files. Title says for a
// person what it is. Closing the target closes neither.
func NewDirect(title string, s chat.Store, files *blob.Dir, version string) *Direct {
	return &Direct{Mover: s, title: title, version: version, store: s, files: files}
}

// OnClose sets what Close does, and returns d.
func (d *Direct) OnClose(f func() error) *Direct {
	d.close = f
	return d
}

// Close does what OnClose was given.
func (d *Direct) Close() error {
	if d.close == nil {
		return nil
	}
	return d.close()
}

// Place says what the target is and holds.
func (d *Direct) Place(ctx context.Context) (connect.Place, error) {
	p := connect.Place{Title: d.title, Version: d.version}
	err := d.store.View(ctx, func(r chat.Reader) error {
		head, err := r.Head()
		if err != nil {
			return err
		}
		p.State, p.Log = head.State, head.LogID
		p.Totals, err = r.Count()
		return err
	})
	if err == nil {
		p.Free, err = d.files.Free()
	}
	return p, err
}

// SetState moves the place from one state to another. It fails with Conflict
// if it is in a third.
func (d *Direct) SetState(ctx context.Context, from, to chat.State) error {
	_, err := d.store.SetState(ctx, from, to)
	return err
}

// PutFile stages bytes; the next Apply makes them durable.
func (d *Direct) PutFile(ctx context.Context, r io.Reader, size int64) (string, error) {
	return d.files.Put(ctx, r, size)
}

// Have reports which of the hashes need not be put.
func (d *Direct) Have(_ context.Context, hashes []string) (map[string]bool, error) {
	return d.files.Has(hashes), nil
}

// Flush makes the files durable that were put before, so that Apply need not.
func (d *Direct) Flush(ctx context.Context) error { return d.files.Flush(ctx) }

// Prepare does what can be done before an Apply.
func (d *Direct) Prepare(b *chat.Batch) {
	if p, ok := d.store.(connect.Preparer); ok {
		p.Prepare(b)
	}
}

// Apply makes the files durable that the batch names, and then the batch so.
// What the batch has sealed is opened, and sealed for this place.
func (d *Direct) Apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	if b.Mirror {
		if err := d.accept(ctx, &b); err != nil {
			return chat.Applied{}, err
		}
	}
	var hashes []string
	for _, i := range b.Items {
		if c, ok := i.Object.(*chat.Content); ok && c.Hash != "" {
			hashes = append(hashes, c.Hash)
		}
	}
	if !d.files.Settled(hashes) {
		if err := d.files.Flush(ctx); err != nil {
			return chat.Applied{}, err
		}
	}
	return d.store.Apply(ctx, b)
}

// Tally adds up what came from a source. At L3 it reads the bytes of its
// files, and lists those that are missing or differ.
func (d *Direct) Tally(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	q.Mirror = false // see Mirror
	return d.tally(ctx, q)
}

func (d *Direct) tally(ctx context.Context, q chat.TallyQuery) (chat.Inventory, error) {
	deep := q.Level >= chat.L3
	listed := slices.Contains(q.Kinds, chat.KindContent)
	if deep && !listed {
		q.Kinds = append(slices.Clone(q.Kinds), chat.KindContent)
	}
	inv, err := d.store.Tally(ctx, q)
	if err != nil || !deep {
		return inv, err
	}
	keys := slices.SortedFunc(maps.Keys(inv.Each[chat.KindContent]), compareKeys)
	if !listed {
		delete(inv.Each, chat.KindContent)
	}
	inv.Bad, err = d.checkFiles(ctx, keys)
	return inv, err
}

func compareKeys(a, b chat.Key) int { return slices.Compare(a[:], b[:]) }

// checkFiles re-hashes the bytes of contents, each hash once.
func (d *Direct) checkFiles(ctx context.Context, keys []chat.Key) ([]string, error) {
	var bad []string
	done := map[string]bool{}
	for part := range slices.Chunk(keys, 500) {
		var objects map[chat.Key]chat.Object
		err := d.store.View(ctx, func(r chat.Reader) (err error) {
			objects, err = r.GetAll(chat.KindContent, part)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, key := range part {
			c, ok := objects[key].(*chat.Content)
			if !ok || c.Gone || c.Hash == "" || done[c.Hash] {
				continue
			}
			done[c.Hash] = true
			switch err := d.files.Check(ctx, c.Hash); {
			case chat.IsKind(err, chat.Damaged), chat.IsKind(err, chat.NotFound):
				bad = append(bad, c.Hash)
			case err != nil:
				return nil, err
			}
		}
	}
	return bad, nil
}

// People finds people by e-mail who did not come from the source.
func (d *Direct) People(ctx context.Context, source string, emails []string) (map[string]*chat.User, error) {
	own, err := d.imported(ctx, source)
	if err != nil {
		return nil, err
	}
	found := map[string]*chat.User{}
	err = d.store.View(ctx, func(r chat.Reader) error {
		clear(found)
		for _, email := range emails {
			folded := chat.Fold(email)
			if folded == "" {
				continue
			}
			users, err := chat.List[chat.User](r, chat.Query{Index: chat.Index{Name: folded}})
			if err != nil {
				return err
			}
			for _, u := range users {
				if !own[u.Key()] && u.Role != chat.RolePlaceholder {
					found[folded] = u
					break
				}
			}
		}
		return nil
	})
	return found, err
}

// imported returns the users who came from a source: none if it is new here.
func (d *Direct) imported(ctx context.Context, source string) (map[chat.Key]bool, error) {
	inv, err := d.store.Tally(ctx, chat.TallyQuery{Source: source, Level: chat.L1, Kinds: []chat.Kind{chat.KindUser}})
	own := map[chat.Key]bool{}
	for key := range inv.Each[chat.KindUser] {
		own[key] = true
	}
	return own, err
}

// Match says that imported users are people who are already there. Again
// changes nothing.
func (d *Direct) Match(ctx context.Context, move string, matches []chat.Match) error {
	if len(matches) == 0 {
		return nil
	}
	if _, err := d.store.Move(ctx, move); err != nil {
		return err
	}
	put := func(tx chat.Tx) error {
		for i := range matches {
			if err := tx.Put(&matches[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return d.store.Update(ctx, put)
}

// Index makes a part of what is not searchable yet searchable, and returns
// how much is left.
func (d *Direct) Index(ctx context.Context) (int64, error) {
	if _, err := d.store.Index(ctx, 20_000); err != nil {
		return 0, err
	}
	return d.store.Unindexed(ctx)
}
