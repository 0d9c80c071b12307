package move

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Timetable says when how much may be carried. The first entry that holds
// decides; where none does, nothing limits.
type Timetable struct {
	zone    *time.Location
	entries []entry
}

type entry struct {
	days       [7]bool // by time.Weekday, on which the entry begins
	from, till int     // minutes of the day; till is not after from: until the next day
	always     bool    // any time of the days
	rate       float64 // bytes a second; 0: nothing; below 0: no limit
}

const noLimit = -1

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseTimetable reads "Mon-Fri 08:00-19:00 20MB/s; 200MB/s": entries with
// days, times and a rate, of which days and times may be left out. A rate is
// a number with kB/s, MB/s or GB/s, "off" (no limit) or "nothing". An entry
// "zone Europe/Berlin" says where the clock hangs; otherwise it is this
// machine's. It fails with Invalid.
func ParseTimetable(text string) (*Timetable, error) {
	t := &Timetable{zone: time.Local}
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		if len(words) == 2 && strings.EqualFold(words[0], "zone") {
			zone, err := time.LoadLocation(words[1])
			if err != nil {
				return nil, chat.Errorf(chat.Invalid, "there is no time zone %q", words[1]).WithHint("like Europe/Berlin or UTC")
			}
			t.zone = zone
			continue
		}
		e, err := parseEntry(words)
		if err != nil {
			return nil, err
		}
		t.entries = append(t.entries, e)
	}
	if len(t.entries) == 0 {
		return nil, chat.Errorf(chat.Invalid, "%q limits nothing", text).WithHint(`like "Mon-Fri 08:00-19:00 20MB/s; 200MB/s", or off`)
	}
	return t, nil
}

func parseEntry(words []string) (e entry, err error) {
	if e.rate, err = parseRate(words[len(words)-1]); err != nil {
		return e, err
	}
	e.always = true
	days := false
	for _, w := range words[:len(words)-1] {
		switch {
		case strings.Contains(w, ":") && e.always:
			e.always = false
			from, till, ok := strings.Cut(w, "-")
			if e.from, err = parseClock(from); err == nil && ok {
				e.till, err = parseClock(till)
			}
			if err != nil || !ok {
				return e, chat.Errorf(chat.Invalid, "%q is not a time of the day", w).WithHint("like 08:00-19:00")
			}
		case !strings.Contains(w, ":") && e.always:
			days = true
			if err := e.addDays(w); err != nil {
				return e, err
			}
		default:
			return e, chat.Errorf(chat.Invalid, "%q does not fit there", w).WithHint("days, then times, then the rate: Mon-Fri 08:00-19:00 20MB/s")
		}
	}
	if !days {
		e.days = [7]bool{true, true, true, true, true, true, true}
	}
	return e, nil
}

func (e *entry) addDays(w string) error {
	for part := range strings.SplitSeq(w, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		a, b := dayNumber(first), dayNumber(last)
		if a < 0 || b < 0 {
			return chat.Errorf(chat.Invalid, "%q are no days", w).WithHint("like Mon-Fri or Sat,Sun")
		}
		for d := a; ; d = (d + 1) % 7 {
			e.days[d] = true
			if d == b {
				break
			}
		}
	}
	return nil
}

func dayNumber(name string) int {
	for i, n := range dayNames {
		if strings.EqualFold(name, n) {
			return i
		}
	}
	return -1
}

// parseClock reads HH:MM, up to 24:00.
func parseClock(s string) (int, error) {
	h, m, ok := strings.Cut(s, ":")
	if !ok || len(h) > 2 || len(m) != 2 {
		return 0, chat.Errorf(chat.Invalid, "%q is not a time", s)
	}
	hours, err1 := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	n := int(hours)*60 + int(minutes) //nolint:gosec // two digits
	if err1 != nil || err2 != nil || minutes > 59 || n > 24*60 {
		return 0, chat.Errorf(chat.Invalid, "%q is not a time", s)
	}
	return n, nil
}

// Sizes of the units of a rate. A rate in bits is a mistake often enough to
// be refused rather than guessed.
var units = []struct {
	name string
	size float64
}{{"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"B/s", 1}}

func parseRate(s string) (float64, error) {
	switch strings.ToLower(s) {
	case "off", "unlimited":
		return noLimit, nil
	case "nothing", "none":
		return 0, nil
	}
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err == nil && n >= 1 && n < 1e6 {
				return n * u.size, nil
			}
			break
		}
	}
	return 0, chat.Errorf(chat.Invalid, "%q is not a rate", s).WithHint("like 20MB/s or 500kB/s; off for no limit, nothing for a rest")
}

// At returns how many bytes a second may be carried at a time; below zero is
// no limit.
func (t *Timetable) At(now time.Time) float64 {
	if t == nil {
		return noLimit
	}
	now = now.In(t.zone)
	minute, today := now.Hour()*60+now.Minute(), int(now.Weekday())
	for _, e := range t.entries {
		if e.holds(minute, today) {
			return e.rate
		}
	}
	return noLimit
}

func (e *entry) holds(minute, today int) bool {
	yesterday := (today + 6) % 7
	switch {
	case e.always:
		return e.days[today]
	case e.from < e.till:
		return e.days[today] && minute >= e.from && minute < e.till
	default:
		return e.days[today] && minute >= e.from || e.days[yesterday] && minute < e.till
	}
}

// limiter lets bytes pass as a timetable allows.
type limiter struct {
	mu    sync.Mutex
	table *Timetable
	free  time.Time // when the next byte may pass
	now   func() time.Time
}

// burst is for how long bytes may be ahead of the rate.
const burst = 100 * time.Millisecond

func (l *limiter) set(t *Timetable) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table = t
}

// take returns for how long to wait before n bytes go.
func (l *limiter) take(n int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	rate := l.table.At(now)
	if rate < 0 {
		l.free = now
		return 0
	}
	if rate == 0 {
		return time.Minute // and then one looks again
	}
	l.free = later(l.free, now.Add(-burst)).Add(time.Duration(float64(n) / rate * float64(time.Second)))
	return l.free.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// looksAgain is how often the timetable is looked at while it holds one up.
const looksAgain = time.Second

// pass waits until n bytes may go; why is told what it waits for.
func (l *limiter) pass(ctx context.Context, n int64, why func(string)) error {
	rate, told := l.rate(), false
	defer func() {
		if told {
			why("")
		}
	}()
	for rate == 0 {
		why("the timetable allows nothing now")
		told = true
		if err := pause(ctx, looksAgain); err != nil {
			return err
		}
		rate = l.rate()
	}
	// A new rate ends the wait for what the old one allowed.
	for left := l.take(n); left > 0 && l.rate() == rate; left -= looksAgain {
		if left > burst {
			why(fmt.Sprintf("the timetable allows %s/s now", size(int64(rate))))
			told = true
		}
		if err := pause(ctx, min(left, looksAgain)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (l *limiter) rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.At(l.now())
}
