package api_test

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func key(b byte) chat.Key { return chat.Key{0: 1, 15: b} }

// everyItem has one item of every shape.
func everyItem() []chat.Incoming {
	full := &chat.Message{ID: chat.MessageID(key(1)), Room: chat.RoomID(key(2)), Author: chat.UserID(key(3)), Sent: -5, Type: chat.MessageGuest, Format: chat.FormatSlack,
		Thread: chat.MessageID(key(4)), Edited: 1 << 50, Gone: true, Text: "a\x00é", Extra: chat.Extra{Label: "bot", Card: []byte(`{"a":1}`), Shown: true}}
	bare := &chat.Message{ID: chat.MessageID(key(5)), Room: chat.RoomID(key(2))}
	return []chat.Incoming{
		{Object: full, Pos: 1, Source: "hq", Src: 1<<64 - 1},
		{Object: bare, Pos: 1 << 40},
		{Object: &chat.User{ID: chat.UserID(key(6)), Name: "<b>&"}, Pos: 7, Source: "other", Src: 9},
		{Object: &chat.Room{ID: chat.RoomID(key(7)), Gone: true}, Pos: 8, Source: "hq", Src: 10},
		{Sealed: append([]byte{byte(chat.KindToken)}, bytes.Repeat([]byte{7}, 40)...), Pos: 9},
		{Nonce: &chat.Nonce{Author: chat.UserID(key(8)), Nonce: "n 1", Message: chat.MessageID(key(9))}, Pos: 9},
		{Absent: &chat.Ref{Kind: chat.KindRoom, Key: key(10)}},
	}
}

func TestRecords(t *testing.T) {
	items := everyItem()
	var b bytes.Buffer
	w := api.NewMirrorWriter(&b)
	for i := range items {
		if err := w.Write(&items[i]); err != nil {
			t.Fatal(err)
		}
	}
	note := chat.Note{Kind: chat.NoteLoss, Object: chat.KindToken, Reason: "why"}
	if err := w.Note(&note); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.Cursor("here"), w.End(true), w.Flush()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := api.NewMirrorReader(bytes.NewReader(b.Bytes()))
	for i := range items {
		rec, err := r.Read()
		if err != nil || !reflect.DeepEqual(rec.Item, items[i]) {
			t.Fatalf("%d: %+v, not %+v, %v", i, rec.Item, items[i], err)
		}
	}
	last := []api.Record{{Note: &note}, {Cursor: "here"}, {End: true, Reached: true}}
	for _, want := range last {
		if rec, err := r.Read(); err != nil || !reflect.DeepEqual(rec, want) {
			t.Errorf("%+v, not %+v, %v", rec, want, err)
		}
	}
	if _, err := r.Read(); err != io.EOF {
		t.Error(err)
	}
	t.Run("a secret that is not sealed does not go", func(t *testing.T) {
		if err := w.Write(&chat.Incoming{Object: &chat.Token{ID: chat.ID[chat.Token](key(1))}}); err == nil {
			t.Error("it went")
		}
		open := append([]byte{'O', byte(chat.KindToken)}, "\x01\x00\x02{}"...)
		if _, err := api.NewMirrorReader(bytes.NewReader(open)).Read(); !chat.IsKind(err, chat.Invalid) {
			t.Error(err)
		}
	})
	t.Run("cut anywhere it is not taken for whole", func(t *testing.T) {
		for n := range b.Len() {
			r := api.NewMirrorReader(bytes.NewReader(b.Bytes()[:n]))
			for {
				rec, err := r.Read()
				if rec.End {
					t.Fatalf("cut at %d it has an end", n)
				}
				if err != nil {
					break
				}
			}
		}
	})
}

func TestABatchThatMirrors(t *testing.T) {
	b := chat.Batch{Move: "m", Fence: 3, From: "a", To: "b", Mirror: true, Items: everyItem(), Counts: chat.Counts{chat.KindUser: {Read: 1}}}
	data, err := api.EncodeBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := api.DecodeBatch(bytes.NewReader(data))
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, n := range []int{1, len(data) / 2, len(data) - 1} {
		if _, err := api.DecodeBatch(bytes.NewReader(data[:n])); err == nil {
			t.Errorf("cut at %d it was taken", n)
		}
	}
	b.Items = slices.Clone(b.Items[:1])
	b.Items[0] = chat.Incoming{Object: &chat.Message{ID: chat.MessageID(key(1)), Text: strings.Repeat("long ", 1<<20)}, Pos: 1}
	if data, err = api.EncodeBatch(b); err != nil {
		t.Fatal(err)
	}
	if got, err = api.DecodeBatch(bytes.NewReader(data)); err != nil || !reflect.DeepEqual(got.Items, b.Items) {
		t.Error("a long text did not arrive", err)
	}
}

func FuzzRecords(f *testing.F) {
	items := everyItem()
	var b bytes.Buffer
	w := api.NewMirrorWriter(&b)
	for i := range items {
		_ = w.Write(&items[i])
	}
	_ = w.Cursor("c")
	_ = w.End(true)
	_ = w.Flush()
	f.Add(b.Bytes())
	f.Add([]byte{'M', 0xff, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := api.NewMirrorReader(bytes.NewReader(data))
		for {
			rec, err := r.Read()
			if err != nil {
				return
			}
			if rec.Item.Object == nil && rec.Item.Sealed == nil && rec.Item.Nonce == nil && rec.Item.Absent == nil {
				continue
			}
			// What was understood can be sent on, and is the same there.
			var again bytes.Buffer
			w := api.NewMirrorWriter(&again)
			if err := w.Write(&rec.Item); err != nil {
				t.Fatal(err)
			}
			_ = w.Flush()
			if second, err := api.NewMirrorReader(&again).Read(); err != nil {
				t.Fatal(err, second)
			}
		}
	})
}

func FuzzBatch(f *testing.F) {
	data, err := api.EncodeBatch(chat.Batch{Mirror: true, Items: everyItem()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	plain, err := api.EncodeBatch(chat.Batch{Items: everyItem()[:2]})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = api.DecodeBatch(bytes.NewReader(data))
	})
}
