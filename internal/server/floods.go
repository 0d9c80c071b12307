package server

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/godwit-chat/godwit/internal/chat"
)

// How much one session may write: more than anybody does by hand.
const (
	writesASecond = 20
	writesAtOnce  = 200
)

// floods keeps one session from writing more than others can read. It is
// looked at before anything is read or asked of the database.
type floods struct {
	off bool
	mu  sync.Mutex
	by  map[string]*rate.Limiter
}

// take allows a session one write, and says so in the answer's headers; or it
// fails with TooMany and says how long to wait.
func (f *floods) take(secret string, h http.Header) (wait time.Duration, err error) {
	if f.off || secret == "" {
		return 0, nil // nobody's: refused for that
	}
	f.mu.Lock()
	if f.by == nil || len(f.by) > mostLimits {
		f.by = map[string]*rate.Limiter{}
	}
	one := f.by[secret]
	if one == nil {
		one = rate.NewLimiter(writesASecond, writesAtOnce)
		f.by[secret] = one
	}
	f.mu.Unlock()
	now := time.Now()
	ok := one.AllowN(now, 1)
	left := one.TokensAt(now)
	full := time.Duration((writesAtOnce - left) / writesASecond * float64(time.Second))
	h.Set("RateLimit-Policy", fmt.Sprintf(`"writes";q=%d;w=%d`, writesAtOnce, writesAtOnce/writesASecond))
	h.Set("RateLimit", fmt.Sprintf(`"writes";r=%d;t=%d`, max(0, int(left)), int(math.Ceil(full.Seconds()))))
	if ok {
		return 0, nil
	}
	return time.Second, chat.Errorf(chat.TooMany, "so much cannot be written at once").WithHint("it goes on in a few seconds")
}

// writes reports whether a request is to change something.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }
