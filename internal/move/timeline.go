package move

import (
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

func keysOf[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// bars draws the phases on one line of time. Pauses between runs are left
// out: what counts is the time that a machine was at work.
func (r *Report) bars() []bar {
	var whole time.Duration
	for _, p := range r.Phases {
		if !p.Ended.IsZero() {
			whole += p.Ended.Sub(p.Started)
		}
	}
	if whole == 0 {
		return nil
	}
	var list []bar
	var at time.Duration
	for _, p := range r.Phases {
		if p.Ended.IsZero() {
			continue
		}
		d := p.Ended.Sub(p.Started)
		b := bar{Name: p.Name, Time: span(d), X: share(at, whole), W: max(share(d, whole), 2)}
		b.X = min(b.X, 1000-b.W)
		if p.Items > 0 {
			b.Amount = number(p.Items) + " objects"
			if s := d.Seconds(); s > 0.5 {
				b.Amount += fmt.Sprintf(", %s/s", number(int64(float64(p.Items)/s)))
			}
		}
		if p.Bytes > 0 {
			b.Amount += ", " + size(p.Bytes) + " of files"
		}
		list = append(list, b)
		at += d
	}
	return list
}

func share(d, whole time.Duration) float64 { return 1000 * float64(d) / float64(whole) }

// The move of 2018 that this program is measured by: HipChat Server to HipChat
// Data Center, 7.4 million messages and 114 GB of files, with the people
// locked out for all of it.
var move2018 = []struct {
	name     string
	took     time.Duration
	messages bool // its time goes with the messages; otherwise with the files
}{
	{"fetch people, rooms and messages", 4*time.Minute + 23*time.Second, true},
	{"write the export", 21*time.Minute + 58*time.Second, true},
	{"export attachments", time.Hour + 41*time.Minute, false},
	{"transfer", time.Hour + 15*time.Minute, false},
	{"clean, people, rooms, emoticons", 4*time.Minute + 18*time.Second, true},
	{"import 1-1 histories", 24 * time.Minute, true},
	{"import attachments", 3*time.Hour + 30*time.Minute, false},
	{"import rooms' histories", time.Hour + 15*time.Minute, true},
}

const (
	messages2018 = 7_400_000
	bytes2018    = 114e9
)

// then draws the move of 2018, and says how long this one would have taken at
// its rates.
func (r *Report) then() ([]bar, string) {
	var whole, at time.Duration
	var forMessages, forBytes float64
	for _, p := range move2018 {
		whole += p.took
		if p.messages {
			forMessages += p.took.Seconds()
		} else {
			forBytes += p.took.Seconds()
		}
	}
	var list []bar
	for _, p := range move2018 {
		list = append(list, bar{Name: p.name, Time: span(p.took), X: share(at, whole), W: share(p.took, whole)})
		at += p.took
	}
	c := r.Counts[chat.KindMessage]
	n := float64(c.Written + c.Unchanged + c.Conflict)
	seconds := n/messages2018*forMessages + float64(r.Bytes.Files)/bytes2018*forBytes
	now := r.Took("plan", "presync", "verify", "cutover", "report")
	if n == 0 || now == 0 {
		return list, ""
	}
	return list, fmt.Sprintf("At the rates of 2018, what this move carried would have taken %s. It took %s, and search was complete %s after that.",
		span(time.Duration(seconds*float64(time.Second))), span(now), span(r.Took("search")))
}
