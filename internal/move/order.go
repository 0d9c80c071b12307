package move

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// The words of orders (connect.Order.Word). Their arguments are in Args.
const (
	OrderCutover  = "cutover" // now; or "at 2026-11-25T03:00:00Z", or "when-gone FILE"
	OrderWait     = "wait"    // a planned cutover is not wanted any more
	OrderPause    = "pause"   // carry nothing until resume
	OrderResume   = "resume"
	OrderSet      = "set"      // KNOB=VALUE
	OrderSignOff  = "sign-off" // the name of who accepts what is quarantined
	OrderVerify   = "verify"   // a round from the start, now
	OrderAbort    = "abort"    // give up, before the cutover
	OrderRollback = "rollback" // back to the place that wrote before
	OrderComplete = "complete" // no way back any more: the end
	OrderFinish   = "finish"   // the mover ends; another one goes on with the flight
)

// request is an order on its way to the loop that carries it out.
type request struct {
	order connect.Order
	done  chan error // buffered; nil if nobody waits for it
}

// Do gives an order and waits until it is carried out, or refused. It may be
// called while Run does its work, from any goroutine; one that comes before
// waits for Run to begin.
func (f *Flight) Do(ctx context.Context, o connect.Order) error {
	if err := checkOrder(o); err != nil {
		return err
	}
	f.init()
	r := request{o, make(chan error, 1)}
	select {
	case f.orders <- r:
	case <-f.over:
		return f.ended()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-f.over:
		select {
		case err := <-r.done:
			return err
		default:
			return f.ended()
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Flight) ended() error {
	return chat.Errorf(chat.Unavailable, "the mover of %s has ended", f.Name).WithHint("start it again: it goes on where it stopped")
}

// checkOrder refuses what can be seen to be wrong without looking at a place.
func checkOrder(o connect.Order) error {
	switch o.Word {
	case OrderCutover:
		_, err := parsePlanned(o.Args)
		return err
	case OrderSet:
		name, value, ok := strings.Cut(o.Args, "=")
		if !ok {
			return chat.Errorf(chat.Invalid, "%q sets nothing", o.Args).WithHint("KNOB=VALUE; the knobs are: %s", strings.Join(knobNames(), ", "))
		}
		return new(knobs).set(name, value)
	case OrderSignOff:
		if strings.TrimSpace(o.Args) == "" {
			return chat.Errorf(chat.Invalid, "who accepts what is quarantined?").WithHint("sign-off NAME")
		}
	case OrderWait, OrderPause, OrderResume, OrderVerify, OrderAbort, OrderRollback, OrderComplete, OrderFinish:
	default:
		return chat.Errorf(chat.Invalid, "%q is no order", o.Word).
			WithHint("orders: cutover, wait, pause, resume, set, sign-off, verify, abort, rollback, complete")
	}
	return nil
}

// parsePlanned reads the arguments of a cutover; nil is at once.
func parsePlanned(args string) (*Planned, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(args), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "":
		return nil, nil
	case "at":
		at, err := time.Parse(time.RFC3339, rest)
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "%q is not a time", rest).WithHint("like 2026-11-25T03:00:00+01:00")
		}
		return &Planned{At: &at}, nil
	case "when-gone":
		if rest == "" {
			return nil, chat.Errorf(chat.Invalid, "which file?").WithHint("cutover when-gone FILE")
		}
		return &Planned{Gone: rest}, nil
	}
	return nil, chat.Errorf(chat.Invalid, "%q says nothing about when to cut over", args).WithHint(`"at TIME", "when-gone FILE", or nothing`)
}

// knobs are what can be set while a flight runs.
type knobs struct {
	maxPause  time.Duration
	reverse   time.Duration
	throttle  Throttle
	bandwidth *Timetable
	parallel  int
	verify    string // on, off, idle
	texts     map[string]string
}

var knobHelp = []struct{ name, help string }{
	{"throttle", "how much slower posting at the source may become: 1.25x, 20ms, or off"},
	{"bandwidth", `when to carry how much: "Mon-Fri 08:00-19:00 20MB/s; 200MB/s", or off`},
	{"parallel", "files that are copied at once"},
	{"max-pause", "the longest that people may have to wait at the cutover"},
	{"reverse", "for how long the old place is kept current after the cutover"},
	{"verify", "on: compare all the time; off: only before a cutover"},
}

func knobNames() (names []string) {
	for _, k := range knobHelp {
		names = append(names, k.name)
	}
	return names
}

// set reads the value of a knob. It fails with Invalid.
func (k *knobs) set(name, value string) (err error) {
	value = strings.TrimSpace(value)
	switch name {
	case "throttle":
		k.throttle, err = ParseThrottle(value)
	case "bandwidth":
		k.bandwidth, err = ParseTimetable(value)
	case "parallel":
		n, e := strconv.Atoi(value)
		if e != nil || n < 1 || n > 64 {
			return chat.Errorf(chat.Invalid, "%q is not a number of files", value).WithHint("1 to 64")
		}
		k.parallel = n
	case "max-pause":
		k.maxPause, err = parseSpan(value, 100*time.Millisecond, 5*time.Minute)
	case "reverse":
		k.reverse, err = parseSpan(value, 0, 90*24*time.Hour)
	case "verify":
		if value != "on" && value != "off" {
			return chat.Errorf(chat.Invalid, "verify is %q", value).WithHint("on or off")
		}
		k.verify = value
	default:
		return chat.Errorf(chat.Invalid, "there is no knob %q", name).WithHint("knobs: %s", strings.Join(knobNames(), ", "))
	}
	if err != nil {
		return err
	}
	if k.texts == nil {
		k.texts = map[string]string{}
	}
	k.texts[name] = value
	return nil
}

func parseSpan(value string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < least || d > most {
		return 0, chat.Errorf(chat.Invalid, "%q is not a time that fits here", value).WithHint("from %s to %s, like 10s or 72h", least, most)
	}
	return d, nil
}

// list is the knobs as a status shows them.
func (k *knobs) list() (out []Knob) {
	for _, h := range knobHelp {
		out = append(out, Knob{Name: h.name, Value: k.texts[h.name], Help: h.help})
	}
	return out
}

// defaultKnobs are those of a flight's options.
func (f *Flight) defaultKnobs() (k knobs, err error) {
	for _, d := range []struct{ name, value, or string }{
		{"throttle", f.Throttle, "1.25x"},
		{"bandwidth", f.Bandwidth, "off"},
		{"parallel", digits(f.Parallel), "6"},
		{"max-pause", digitsSpan(f.MaxPause), "10s"},
		{"reverse", digitsSpan(f.Reverse), "72h0m0s"},
		{"verify", "on", "on"},
	} {
		if d.value == "" {
			d.value = d.or
		}
		if err := k.set(d.name, d.value); err != nil {
			return k, err
		}
	}
	return k, nil
}

func digits(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func digitsSpan(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
