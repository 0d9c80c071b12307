package testkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// stops is how many cursors and lengths are tried where there are more.
const stops = 12

// CheckSource holds a source to what connect.Source promises: the same twice;
// the same with a stop at any cursor; an inventory that equals what was given;
// bytes that are what is said of them; an error that names the file if it is
// cut anywhere; nothing left running. The URL is "scheme:path" and names a
// small export.
func CheckSource(t *testing.T, url string, c connect.Connector, o connect.Options) {
	t.Helper()
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if err := goleak.Find(running); err != nil {
			t.Errorf("the source left something running: %v", err)
		}
	})
	s := openSource(t, url, c, o)
	whole := readSource(t, s, "")
	if len(whole.steps) == 0 {
		t.Fatal("the source gives nothing")
	}
	t.Run("reading it twice gives the same", func(t *testing.T) { sameSteps(t, whole, readSource(t, s, "")) })
	t.Run("opening it again gives the same", func(t *testing.T) {
		sameSteps(t, whole, readSource(t, openSource(t, url, c, o), ""))
	})
	t.Run("the inventory equals what was given", func(t *testing.T) {
		checkInventory(t, s, whole)                        // what passed
		checkInventory(t, openSource(t, url, c, o), whole) // a reading of its own
	})
	t.Run("the details of an inventory add up", func(t *testing.T) { checkDetails(t, openSource(t, url, c, o), whole) })
	t.Run("stopping at a cursor and going on gives the same", func(t *testing.T) { checkCursors(t, s, whole) })
	t.Run("breaking off leaves nothing behind", func(t *testing.T) {
		for range s.Changes(t.Context(), "") { //nolint:errcheck // what it yields is not looked at
			break
		}
	})
	t.Run("a reading that is called off ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		for range s.Changes(ctx, "") { //nolint:errcheck // it may end with an error or without
			if n++; n == 3 {
				cancel()
			}
		}
		cancel()
	})
	t.Run("a cut file is an error that names it", func(t *testing.T) { checkCuts(t, url, c, o) })
}

func openSource(t *testing.T, url string, c connect.Connector, o connect.Options) connect.Source {
	t.Helper()
	s, err := c.OpenSource(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// reading is what a source gave, and what a target would hold of it.
type reading struct {
	steps   []string // each item in a few words
	notes   []string
	cursors []int // numbers of the steps behind which one can stop
	at      []string
	held    map[name]held
}

// name tells objects apart: two of different kinds may have one key.
type name struct {
	kind chat.Kind
	key  chat.Key
}

type held struct {
	object chat.Object
	digest uint64
	copied bool // what is there came as a Copy
}

func readSource(t *testing.T, s connect.Source, after string) *reading {
	t.Helper()
	r := &reading{held: map[name]held{}}
	since := 0
	for item, err := range s.Changes(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		r.add(t, item)
		if since++; since > 500 {
			t.Fatalf("500 items without a cursor")
		}
		if item.Cursor != "" {
			since = 0
			r.cursors = append(r.cursors, len(r.steps))
			r.at = append(r.at, item.Cursor)
		}
	}
	return r
}

func (r *reading) add(t *testing.T, item connect.Item) {
	t.Helper()
	if c, ok := item.Object.(*chat.Content); ok && item.Bytes != nil {
		own := sha256.New()
		if err := connect.ReadContent(c, item.Bytes, own); err != nil {
			t.Fatal(err)
		}
		if c.Size != item.Size || c.Hash != fmt.Sprintf("%x", own.Sum(nil)) {
			t.Errorf("content %s: %d bytes with hash %s, want %d", c.ID, c.Size, c.Hash, item.Size)
		}
	}
	step := ""
	if item.Object != nil {
		r.apply(item.Incoming)
		step = fmt.Sprintf("%s %s %016x %v %v", item.Object.Kind(), item.Object.Key(), chat.Digest(item.Object), item.Copy, item.Copied)
	}
	if n := item.Note; n != nil {
		if n.Where == "" || n.Reason == "" || n.Kind == "" || n.Object == 0 {
			t.Errorf("a note that says too little: %+v", n)
		}
		note := fmt.Sprintf("%s %s %s %s %x", n.Kind, n.Object, n.Where, n.Reason, sha256.Sum256(n.Raw))
		r.notes = append(r.notes, note)
		step += " " + note
	}
	if step == "" {
		t.Error("an item with neither an object nor a note")
	}
	r.steps = append(r.steps, step)
}

// apply does what a target does with one object.
func (r *reading) apply(in chat.Incoming) {
	key, now := name{in.Object.Kind(), in.Object.Key()}, held{in.Object, chat.Digest(in.Object), in.Copy}
	before, there := r.held[key]
	if !there || before.digest != now.digest && in.Copied && before.copied {
		r.held[key] = now
	}
}

func sameSteps(t *testing.T, a, b *reading) {
	t.Helper()
	for i := range min(len(a.steps), len(b.steps)) {
		if a.steps[i] != b.steps[i] {
			t.Fatalf("item %d was\n%s\nand is\n%s", i, a.steps[i], b.steps[i])
		}
	}
	if len(a.steps) != len(b.steps) || !slices.Equal(a.at, b.at) {
		t.Fatalf("%d items and %d cursors, then %d and %d", len(a.steps), len(a.at), len(b.steps), len(b.at))
	}
}

// sample picks at most stops of n numbers, the first and the last among them.
func sample(n int) []int {
	var list []int
	for i := range min(n, stops) {
		list = append(list, i*(n-1)/max(min(n, stops)-1, 1))
	}
	return list
}

func checkCursors(t *testing.T, s connect.Source, whole *reading) {
	t.Helper()
	if len(whole.cursors) == 0 {
		t.Fatal("there is no cursor")
	}
	for _, k := range sample(len(whole.cursors)) {
		// What was applied before the stop, and then what comes after it.
		rest := readSource(t, s, whole.at[k])
		got := &reading{held: map[name]held{}}
		for i, item := range s.Changes(t.Context(), "") {
			_ = item
			got.add(t, i)
			if len(got.steps) == whole.cursors[k] {
				break
			}
		}
		for item, err := range s.Changes(t.Context(), whole.at[k]) {
			if err != nil {
				t.Fatal(err)
			}
			got.add(t, item)
		}
		sameHeld(t, whole.held, got.held)
		if !slices.Equal(whole.notes, dropAgain(got.notes, whole.notes)) {
			t.Errorf("after a stop at item %d there are %d notes, want %d", whole.cursors[k], len(got.notes), len(whole.notes))
		}
		if len(rest.steps) > len(whole.steps) {
			t.Errorf("going on at item %d of %d gave %d items", whole.cursors[k], len(whole.steps), len(rest.steps))
		}
	}
}

// dropAgain drops notes that were given again with an object that was: those
// that stand twice though they should once.
func dropAgain(notes, want []string) []string {
	counts := map[string]int{}
	for _, n := range want {
		counts[n]++
	}
	var list []string
	for _, n := range notes {
		if counts[n] > 0 {
			counts[n]--
			list = append(list, n)
		}
	}
	return list
}

func sameHeld(t *testing.T, want, got map[name]held) {
	t.Helper()
	for k, w := range want {
		if g, there := got[k]; !there || g.digest != w.digest {
			t.Fatalf("%s %s is %+v, want %+v", k.kind, k.key, g.object, w.object)
		}
	}
	for k, g := range got {
		if _, there := want[k]; !there {
			t.Fatalf("%s %s is there and should not be: %+v", k.kind, k.key, g.object)
		}
	}
}

// expected adds up what a target holds.
func (r *reading) expected() (kinds map[chat.Kind]chat.Tally, rooms map[chat.RoomID]chat.Tally) {
	kinds, rooms = map[chat.Kind]chat.Tally{}, map[chat.RoomID]chat.Tally{}
	for _, h := range r.held {
		if m, ok := h.object.(*chat.Message); ok {
			n := rooms[m.Room]
			n.Add(h.digest)
			rooms[m.Room] = n
			continue
		}
		n := kinds[h.object.Kind()]
		n.Add(h.digest)
		kinds[h.object.Kind()] = n
	}
	return kinds, rooms
}

func checkInventory(t *testing.T, s connect.Source, whole *reading) {
	t.Helper()
	inv, err := s.Inventory(t.Context(), chat.TallyQuery{Level: chat.L2})
	if err != nil {
		t.Fatal(err)
	}
	kinds, rooms := whole.expected()
	if !maps.Equal(inv.Kinds, kinds) {
		t.Errorf("kinds are\n%v, want\n%v", inv.Kinds, kinds)
	}
	if !maps.Equal(inv.Rooms, rooms) {
		for r, n := range rooms {
			if inv.Rooms[r] != n {
				t.Errorf("room %s is %v, want %v", r, inv.Rooms[r], n)
			}
		}
		t.Errorf("%d rooms have messages, want %d", len(inv.Rooms), len(rooms))
	}
}

// checkDetails asks for everything one by one.
func checkDetails(t *testing.T, s connect.Source, whole *reading) {
	t.Helper()
	kinds, rooms := whole.expected()
	q := chat.TallyQuery{Level: chat.L2, Kinds: slices.Collect(maps.Keys(kinds)), Days: slices.Collect(maps.Keys(rooms))}
	lists := map[chat.RoomID]map[chat.Key]uint64{}
	each := map[chat.Kind]map[chat.Key]uint64{}
	for k, h := range whole.held {
		m, ok := h.object.(*chat.Message)
		if !ok {
			if each[h.object.Kind()] == nil {
				each[h.object.Kind()] = map[chat.Key]uint64{}
			}
			each[h.object.Kind()][k.key] = h.digest
			continue
		}
		if lists[m.Room] == nil {
			lists[m.Room] = map[chat.Key]uint64{}
		}
		lists[m.Room][k.key] = h.digest
		if day := (chat.RoomDay{Room: m.Room, Day: m.Sent.Day()}); !slices.Contains(q.Lists, day) {
			q.Lists = append(q.Lists, day)
		}
	}
	inv, err := s.Inventory(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range each {
		if !maps.Equal(inv.Each[kind], want) {
			t.Errorf("%d of kind %s one by one, want %d", len(inv.Each[kind]), kind, len(want))
		}
	}
	for room, want := range lists {
		if !maps.Equal(inv.Lists[room], want) {
			t.Errorf("room %s has %d messages one by one, want %d", room, len(inv.Lists[room]), len(want))
		}
		var sum chat.Tally
		for _, day := range inv.Days[room] {
			sum.Merge(day)
		}
		if sum != rooms[room] {
			t.Errorf("the days of room %s add up to %v, want %v", room, sum, rooms[room])
		}
	}
}

// checkCuts cuts the file at several lengths. What was written as one file
// must not pass as whole when it is not.
func checkCuts(t *testing.T, url string, c connect.Connector, o connect.Options) {
	t.Helper()
	scheme, path, _ := strings.Cut(url, ":")
	data, err := os.ReadFile(path)
	if err != nil {
		if info, e := os.Stat(path); e == nil && info.IsDir() {
			t.Skip("a directory has no end to cut")
		}
		t.Fatal(err)
	}
	for _, k := range sample(len(data) - 1) {
		cut := filepath.Join(t.TempDir(), "cut-"+filepath.Base(path))
		if err := os.WriteFile(cut, data[:k], 0o600); err != nil {
			t.Fatal(err)
		}
		err := readAll(t.Context(), scheme+":"+cut, c, o)
		e, ok := errors.AsType[*chat.Error](err)
		switch {
		case err == nil:
			// A tar ends with zeros: it may lose some of them.
			if len(strings.Trim(string(data[k:]), "\x00")) > 0 {
				t.Errorf("cut at %d of %d bytes it was read as if whole", k, len(data))
			}
		case !ok || e.Kind == chat.Internal || e.Hint == "":
			t.Errorf("cut at %d: %v is no error for a person with a hint", k, err)
		case !strings.Contains(e.Text, "cut-"):
			t.Errorf("cut at %d: %q does not name the file", k, e.Text)
		}
	}
}

func readAll(ctx context.Context, url string, c connect.Connector, o connect.Options) error {
	s, err := c.OpenSource(ctx, url, o)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	for item, err := range s.Changes(ctx, "") {
		if err != nil {
			return err
		}
		if item.Bytes != nil {
			if _, err := io.Copy(io.Discard, item.Bytes); err != nil {
				return err
			}
		}
	}
	return nil
}
