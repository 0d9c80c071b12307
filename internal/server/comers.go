package server

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// comers counts who came some way lately: people, each once, and programs.
type comers struct {
	mu sync.Mutex
	by map[[sha256.Size]byte]*comer // by the hash of what they showed
}

type comer struct {
	user    chat.UserID // zero for a program, and for a session that is not known here
	program bool
	at      time.Time
}

// comesFor is how long somebody counts who came once.
const comesFor = 5 * time.Minute

// note counts the one who made a request. Who shows nothing is not counted.
func (c *comers) note(s *Server, r *http.Request) {
	secret, program := bearer(r)
	if !program {
		secret = s.cookie(r)
	}
	if secret == "" {
		return
	}
	key, now := sha256.Sum256([]byte(secret)), time.Now()
	c.mu.Lock()
	known := c.by[key]
	if known != nil {
		known.at = now
	}
	c.mu.Unlock()
	if known != nil {
		return
	}
	fresh := &comer{program: program, at: now}
	if !program {
		if a, err := s.Service.Authenticate(r.Context(), secret); err == nil && a.User != nil {
			fresh.user = a.User.ID
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil || len(c.by) > mostLimits {
		c.by = map[[sha256.Size]byte]*comer{}
	}
	c.by[key] = fresh
}

// count counts those who came lately, and forgets the others.
func (c *comers) count(now time.Time) (people, programs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[chat.UserID]bool{}
	for key, one := range c.by {
		switch {
		case now.Sub(one.at) > comesFor:
			delete(c.by, key)
		case one.program:
			programs++
		case one.user.IsZero():
			people++
		case !seen[one.user]:
			seen[one.user] = true
			people++
		}
	}
	return people, programs
}
