package testkit

import (
	"net"
	"sync"
	"testing"
)

// Front is an address of TCP that leads to another, which a test may change:
// as the address that a database keeps when another server takes over.
type Front struct {
	Address string

	wg     sync.WaitGroup
	listen net.Listener

	mu     sync.Mutex
	target string
	cut    bool
	closed bool
	held   chan struct{} // closed when what was held may go on; nil is nothing
	conns  map[net.Conn]bool
}

// NewFront starts a front, which ends with the test.
func NewFront(t testing.TB, target string) *Front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{Address: l.Addr().String(), target: target, listen: l, conns: map[net.Conn]bool{}}
	f.wg.Go(f.accept)
	t.Cleanup(func() {
		l.Close() //nolint:errcheck // it is the end
		f.mu.Lock()
		f.closed = true
		f.free()
		f.mu.Unlock()
		f.drop()
		f.wg.Wait()
	})
	return f
}

// Switch leads to another address, and breaks the connections to the old one.
func (f *Front) Switch(target string) {
	f.mu.Lock()
	f.target = target
	f.mu.Unlock()
	f.drop()
}

// Cut breaks all connections, and those that come, until Mend.
func (f *Front) Cut() {
	f.mu.Lock()
	f.cut = true
	f.mu.Unlock()
	f.drop()
}

// Hold lets nothing through, and breaks nothing either: as a network that
// swallows what is sent. Until Mend.
func (f *Front) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = make(chan struct{})
	}
}

// Mend ends Cut and Hold.
func (f *Front) Mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = false
	f.free()
}

func (f *Front) free() {
	if f.held != nil {
		close(f.held)
		f.held = nil
	}
}

func (f *Front) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close() //nolint:errcheck // it is to break
	}
}

// through returns what has to be waited for before anything passes.
func (f *Front) through() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held
}

func (f *Front) accept() {
	for {
		c, err := f.listen.Accept()
		if err != nil {
			return
		}
		f.wg.Go(func() { f.lead(c) })
	}
}

// keep makes a connection one that is broken by Cut, if it may be there.
func (f *Front) keep(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut || f.closed {
		return false
	}
	f.conns[c] = true
	return true
}

func (f *Front) lead(in net.Conn) {
	defer f.forget(in)
	if !f.keep(in) {
		return
	}
	if held := f.through(); held != nil {
		<-held
	}
	f.mu.Lock()
	target := f.target
	f.mu.Unlock()
	out, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer f.forget(out)
	if !f.keep(out) {
		return
	}
	f.mu.Lock()
	moved := f.target != target
	f.mu.Unlock()
	if moved {
		return
	}
	f.wg.Go(func() { f.copy(out, in) })
	f.copy(in, out)
}

// copy passes on what comes, and closes both when there is no more.
func (f *Front) copy(to, from net.Conn) {
	defer to.Close()   //nolint:errcheck // the other direction ends by it
	defer from.Close() //nolint:errcheck // the other direction ends by it
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if held := f.through(); held != nil {
			<-held
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (f *Front) forget(c net.Conn) {
	c.Close() //nolint:errcheck // it is of no more use
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}
