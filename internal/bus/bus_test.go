package bus_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit-chat/godwit/internal/bus"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear keeps what it hears.
type ear struct {
	mu   sync.Mutex
	rung map[chat.Key]chat.Position
	said []string
	news chan struct{}
}

func newEar() *ear { return &ear{rung: map[chat.Key]chat.Position{}, news: make(chan struct{}, 1)} }

func (e *ear) Rung(from chat.Key, pos chat.Position) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rung[from] = pos
	e.wake()
}

func (e *ear) Said(_ chat.Key, kind string, note []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, kind+" "+string(note))
	e.wake()
}

func (e *ear) wake() {
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// until waits until something was heard.
func (e *ear) until(t *testing.T, is func(*ear) bool) {
	t.Helper()
	end := time.After(30 * time.Second)
	for {
		e.mu.Lock()
		ok := is(e)
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-e.news:
		case <-end:
			t.Fatalf("not heard; %+v", e)
		}
	}
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var (
	key   = bytes.Repeat([]byte{7}, 32)
	place = chat.DeriveKey(0, "test", "place", "1")
)

type member struct {
	*bus.Bus
	*ear
	chat.Node
	log *lines
}

func join(t *testing.T, name string, key []byte, place chat.Key) *member {
	t.Helper()
	m := &member{ear: newEar(), Node: chat.Node{ID: chat.DeriveKey(0, "test", "node", name), Name: name}, log: &lines{}}
	b, err := bus.Start(bus.Options{Key: key, Place: place, Node: m.ID, Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(m.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() }) //nolint:errcheck // again does nothing
	m.Bus, m.Node.Bus = b, b.Addr()
	b.Listen(m.ear)
	return m
}

func meet(all ...*member) {
	var nodes []chat.Node
	for _, m := range all {
		nodes = append(nodes, m.Node)
	}
	for _, m := range all {
		m.Follow(nodes)
	}
}

func hears(t *testing.T, m, from *member) {
	t.Helper()
	m.until(t, func(e *ear) bool { _, ok := e.rung[from.ID]; return ok })
}

func TestNodesHearEachOtherAsTheyComeAndGo(t *testing.T) {
	a, b := join(t, "a", key, place), join(t, "b", key, place)
	meet(a, b)
	hears(t, a, b)
	hears(t, b, a)
	a.Ring(42)
	b.until(t, func(e *ear) bool { return e.rung[a.ID] == 42 })
	a.Say("typing", []byte("hello"))
	b.until(t, func(e *ear) bool { return len(e.said) == 1 && e.said[0] == "typing hello" })

	c := join(t, "c", key, place)
	meet(a, b, c)
	hears(t, c, a)
	hears(t, c, b)
	c.until(t, func(e *ear) bool { return e.rung[a.ID] == 42 }) // who comes late hears it by the next beat
	hears(t, a, c)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	meet(a, c)
	c.Ring(50)
	a.until(t, func(e *ear) bool { return e.rung[c.ID] == 50 })
	if len(a.said) != 0 {
		t.Error("it hears itself:", a.said)
	}
	if _, ok := a.Heard()[c.ID]; !ok {
		t.Error("not known when it was heard")
	}
}

func TestANodeWithAnotherKeyIsRefused(t *testing.T) {
	a, b := join(t, "a", key, place), join(t, "b", key, place)
	rogue := join(t, "rogue", bytes.Repeat([]byte{8}, 32), place)
	other := join(t, "other", key, chat.DeriveKey(0, "test", "place", "2"))
	nodes := []chat.Node{a.Node, b.Node, rogue.Node, other.Node}
	for _, m := range []*member{a, b, rogue, other} {
		m.Follow(nodes)
	}
	hears(t, b, a)
	end := time.After(30 * time.Second)
	for !strings.Contains(a.log.String(), "another key was refused") || !strings.Contains(rogue.log.String(), "another key was refused") {
		select {
		case <-end:
			t.Fatalf("no clear line; a: %s; the rogue: %s", a.log, rogue.log)
		case <-a.news: // b's beat
		}
	}
	b.Ring(9)
	a.until(t, func(e *ear) bool { return e.rung[b.ID] == 9 })
	for _, m := range []*member{rogue, other} {
		m.mu.Lock()
		if len(m.rung) > 0 {
			t.Errorf("%s hears %v", m.Name, m.rung)
		}
		m.mu.Unlock()
	}
	if n := strings.Count(a.log.String(), "another key was refused"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

func TestAnAddressThatIsTakenIsSaidPlainly(t *testing.T) {
	a := join(t, "a", key, place)
	_, err := bus.Start(bus.Options{Key: key, Place: place, Node: chat.DeriveKey(0, "x", "y", "z"), Listen: a.Addr(), Log: slog.New(slog.DiscardHandler)})
	if !chat.IsKind(err, chat.Invalid) || !strings.Contains(err.Error(), a.Addr()) {
		t.Error(err)
	}
	for _, addr := range []string{"", "x", "1.2.3.4", "1.2.3.4:99999", "1.2.3.4:http2"} {
		if _, err := bus.Start(bus.Options{Key: key, Place: place, Listen: addr}); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
