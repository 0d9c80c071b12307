package bus

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// sayAgain is how often the same trouble is logged.
const sayAgain = time.Minute

// busLog makes of the server's lines those that an operator can use.
type busLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	said map[string]time.Time
}

func newLog(l *slog.Logger) *busLog { return &busLog{log: l, said: map[string]time.Time{}} }

// refused is what to do when one side does not know the other's authority.
const refused = "a node with another key was refused on the bus: start all nodes with the same --key-file"

// Errorf logs what goes wrong: what nobody can do anything about only for those
// who look closely.
func (l *busLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	switch {
	case strings.Contains(text, "TLS route handshake error") && (strings.Contains(text, "unknown authority") || strings.Contains(text, "certificate") || strings.Contains(text, "verif")):
		l.once(refused, text)
	case strings.Contains(text, "Error trying to connect to route"):
		l.once("another node is out of reach on the bus: may this machine reach its --cluster address?", text)
	default:
		l.log.Debug("bus", "said", text)
	}
}

func (l *busLog) once(line, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.said[line]) >= sayAgain {
		l.said[line] = now
		l.log.Error(line, "err", detail)
	}
}

// Fatalf logs that the server cannot go on: Start finds out.
func (l *busLog) Fatalf(format string, v ...any) {
	l.log.Error("bus", "err", fmt.Sprintf(format, v...))
}

// Warnf logs what hardly matters.
func (l *busLog) Warnf(format string, v ...any) {
	l.log.Debug("bus", "said", fmt.Sprintf(format, v...))
}

// Noticef logs what does not matter.
func (*busLog) Noticef(string, ...any) {}

// Debugf is not called.
func (*busLog) Debugf(string, ...any) {}

// Tracef is not called.
func (*busLog) Tracef(string, ...any) {}
