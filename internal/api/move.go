package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/godwit-chat/godwit/internal/chat"
)

// MovePath is where a mover writes to a running server, with a token of scope
// move. Bodies are JSON, but a batch: JSON lines, compressed with zstd.
//
//	GET  place                        MovePlace
//	POST state                        MoveStateChange
//	POST begin                        chat.MoveSpec, answers chat.MoveState
//	POST apply?run=                   a batch, answers chat.Applied
//	GET  moves                        []chat.MoveState
//	GET  moves/{name}                 chat.MoveState
//	GET  notes?move=&after=&limit=    MoveNotes
//	POST tally                        chat.TallyQuery, answers chat.Inventory
//	GET  missing?source=&after=&limit=  []*chat.File
//	POST join                         MoveJoin, answers MoveCount
//	POST people                       MovePeople, answers chat.User by folded e-mail
//	POST match                        MoveMatches
//	POST index                        answers MoveCount: how much is left
//	POST have                         MoveHashes, answers those that are there
//	PUT  files?size=                  bytes, answers MoveHash
//
// A place that moves while it is in use is read with
//
//	GET  changes?after=               records (see mirror.go), compressed with zstd
//	POST stand                        MoveKeys, answers chat.Stand by key
//	POST mirror                       chat.TallyQuery, answers chat.Inventory
//	GET  bytes/{hash}?offset=         bytes
//	PUT  bytes/{hash}?size=&offset=   bytes, answers MoveHash
//	POST lacks                        MoveHashes, answers MoveLacks
//	POST pack                         MoveHashes, answers a pack (see package blob)
//	POST unpack                       a pack, answers MoveHash
//	GET  load                         connect.Load
//	POST tell                         MoveTell, answers MoveOrders
//
// The turn passes from one place to the other with
//
//	GET  standing                     chat.Standing, without what is the place's own secret
//	POST offer, answer, accept, freeze, retire, open, end, greet    MoveTurn
//
// which answer as the methods of chat.Handover do; each may be asked again.
//
// A batch whose answer got lost is in doubt: the mover reads the state of the
// move, and sends it again unless its cursor is there.
const MovePath = "/api/v1/move/"

// MovePlace says what a target is.
type MovePlace struct {
	Title   string      `json:"title"`
	Version string      `json:"version"`
	State   chat.State  `json:"state"`
	Log     chat.Key    `json:"log"`
	Totals  chat.Totals `json:"totals"`
	Free    int64       `json:"free"`
}

// MoveStateChange moves the place from one state to another.
type MoveStateChange struct {
	From chat.State `json:"from"`
	To   chat.State `json:"to"`
}

// MoveTurn is what is asked of a place about its turn: for each call those
// fields that it has a use for.
type MoveTurn struct {
	Move        string            `json:"move"`
	Peer        string            `json:"peer,omitempty"` // of offer and answer
	Offer       chat.PairOffer    `json:"offer,omitzero"`
	Answer      chat.PairAnswer   `json:"answer,omitzero"`
	Lease       int64             `json:"lease,omitempty"` // µs
	At          chat.Position     `json:"at,omitempty"`    // of retire
	Certificate *chat.Certificate `json:"certificate,omitempty"`
	Heard       *chat.Greeting    `json:"heard,omitempty"`
}

// MoveNotes is a page of notes; Next goes into after, zero at the end.
type MoveNotes struct {
	Notes []chat.Note `json:"notes"`
	Next  int64       `json:"next"`
}

// MoveJoin names the source whose writers are to become members.
type MoveJoin struct {
	Source string `json:"source"`
}

// MoveKeys names objects of one kind.
type MoveKeys struct {
	Kind chat.Kind  `json:"kind"`
	Keys []chat.Key `json:"keys"`
}

// MoveCount is a number of objects.
type MoveCount struct {
	Count int64 `json:"count"`
}

// MovePeople asks who is there by e-mail and did not come from the source.
type MovePeople struct {
	Source string   `json:"source"`
	Emails []string `json:"emails"`
}

// MoveMatches says which imported users are people who are already there.
type MoveMatches struct {
	Move    string       `json:"move"`
	Matches []chat.Match `json:"matches"`
}

// MoveHashes are SHA-256 sums in hex. An answer names the run of the server.
type MoveHashes struct {
	Hashes []string `json:"hashes"`
	Run    string   `json:"run,omitempty"`
}

// MoveTell is how a move goes. Orders after the number are asked for.
type MoveTell struct {
	Move   string          `json:"move"`
	Status json.RawMessage `json:"status"`
	After  int64           `json:"after"`
}

// MoveOrders are what administrators want of a mover.
type MoveOrders struct {
	Orders []chat.Order `json:"orders"`
}

// MoveLacks says of which hashes the bytes are not there, and how many bytes
// of each are.
type MoveLacks struct {
	Lacks map[string]int64 `json:"lacks"`
}

// MoveHash is the SHA-256 of bytes that were put, in hex. They are not durable
// before the next batch, and lost if the server ends before: Run names this
// run of the server, and goes into apply, which is refused with Conflict if
// the server is in another one.
type MoveHash struct {
	Hash string `json:"hash"`
	Run  string `json:"run"`
}

// maxBatch bounds what a batch may hold when unpacked; a mover closes its
// batches far below it.
const maxBatch = 512 << 20

type moveHeader struct {
	Batch   chat.Batch `json:"batch"` // without items
	Items   int        `json:"items"`
	Records bool       `json:"records,omitempty"` // the items are records of a mirror
}

type moveItem struct {
	Kind   chat.Kind       `json:"k"`
	Copy   bool            `json:"c,omitempty"`
	Copied bool            `json:"d,omitempty"`
	Object json.RawMessage `json:"o"`
}

// EncodedItems are the items of a batch that mirrors, as they are sent.
type EncodedItems []byte

// EncodeItems does beforehand what takes longest in EncodeBatch, for a batch
// that mirrors: it goes into Prepared.
func EncodeItems(items []chat.Incoming) (EncodedItems, error) {
	return packed(func(w *bufio.Writer) error { return writeRecords(w, items) })
}

// packed compresses what fn writes.
func packed(fn func(*bufio.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	z, err := NewMirrorCompressor(&out)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(z, 64<<10)
	err = errors.Join(fn(w), w.Flush(), z.Close())
	return out.Bytes(), err
}

// EncodeBatch returns a batch as it is sent.
func EncodeBatch(b chat.Batch) ([]byte, error) {
	items, ready := b.Prepared.(EncodedItems)
	head := moveHeader{Batch: b, Items: len(b.Items), Records: b.Mirror}
	head.Batch.Items, head.Batch.Prepared = nil, nil
	data, err := packed(func(w *bufio.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(head); err != nil || b.Mirror {
			return err
		}
		for i := range b.Items {
			it := &b.Items[i]
			err := enc.Encode(struct {
				moveItem
				Object chat.Object `json:"o"` // shadows the raw one
			}{moveItem{Kind: it.Object.Kind(), Copy: it.Copy, Copied: it.Copied}, it.Object})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || !b.Mirror {
		return data, err
	}
	if !ready {
		if items, err = EncodeItems(b.Items); err != nil {
			return nil, err
		}
	}
	return append(data, items...), nil
}

// DecodeBatch reads what EncodeBatch wrote. It fails with Invalid.
func DecodeBatch(r io.Reader) (chat.Batch, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBatch))
	if err != nil {
		return chat.Batch{}, err
	}
	defer z.Close()
	dec := json.NewDecoder(io.LimitReader(z, maxBatch))
	var head moveHeader
	if err := dec.Decode(&head); err != nil {
		return chat.Batch{}, batchError(0, err)
	}
	b := head.Batch
	if string(b.Progress) == "null" { // none is not the word for it
		b.Progress = nil
	}
	if head.Records {
		b.Items, err = readRecords(io.MultiReader(dec.Buffered(), z), head.Items)
		return b, err
	}
	b.Items = make([]chat.Incoming, 0, min(max(head.Items, 0), 10_000))
	for i := range head.Items {
		var it moveItem
		if err := dec.Decode(&it); err != nil {
			return chat.Batch{}, batchError(i+1, err)
		}
		o, err := chat.DecodeBody(it.Kind, it.Object)
		if err != nil {
			return chat.Batch{}, batchError(i+1, err)
		}
		b.Items = append(b.Items, chat.Incoming{Object: o, Copy: it.Copy, Copied: it.Copied})
	}
	// The end proves that nothing was cut off: zstd's checksum stands there.
	if _, err := dec.Token(); err != io.EOF {
		return chat.Batch{}, batchError(head.Items+1, fmt.Errorf("it does not end: %w", err))
	}
	return b, nil
}

func writeRecords(w io.Writer, items []chat.Incoming) error {
	records := NewMirrorWriter(w)
	for i := range items {
		if err := records.Write(&items[i]); err != nil {
			return err
		}
	}
	return errors.Join(records.End(true), records.Flush())
}

func readRecords(r io.Reader, n int) ([]chat.Incoming, error) {
	var newline [1]byte
	if _, err := io.ReadFull(r, newline[:]); err != nil || newline[0] != '\n' {
		return nil, batchError(0, fmt.Errorf("its first line does not end: %w", err))
	}
	records := NewMirrorReader(io.LimitReader(r, maxBatch))
	items := make([]chat.Incoming, 0, min(max(n, 0), 10_000))
	for {
		rec, err := records.Read()
		switch {
		case err != nil:
			return nil, batchError(len(items)+1, err)
		case rec.End && len(items) == n:
			// The end proves that nothing was cut off: zstd's checksum stands there.
			if _, err := records.Read(); err != io.EOF {
				return nil, batchError(n+1, fmt.Errorf("it does not end: %w", err))
			}
			return items, nil
		case rec.End || rec.Note != nil || rec.Cursor != "":
			return nil, batchError(len(items)+1, errors.New("it is no item"))
		}
		items = append(items, rec.Item)
	}
}

func batchError(line int, err error) error {
	return chat.Errorf(chat.Invalid, "line %d of a batch cannot be read: %w", line, err)
}
