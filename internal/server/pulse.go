package server

import (
	"math"
	"sync"
	"time"
)

// Load is how the people of this server fare just now.
type Load struct {
	Posts    float64 // messages that people post in a second, lately
	P50, P95 time.Duration
	People   int // sockets that are open
	Relayed  int // people and programs that came by the retired place in the last minutes
	Held     int // requests that wait for the place to open again
}

// Load says how the people of this server fare. A mover goes by it.
func (s *Server) Load() Load {
	l := s.pulse.load(time.Now())
	s.hub.mu.Lock()
	l.People = len(s.hub.sockets)
	s.hub.mu.Unlock()
	people, programs := s.gate.came.count(time.Now())
	l.Relayed = people + programs
	s.gate.mu.Lock()
	l.Held = s.gate.held
	s.gate.mu.Unlock()
	return l
}

const (
	pulseSeconds = 20
	pulseFirst   = 100 * time.Microsecond // up to which times are not told apart
	pulseStep    = 1.2                    // between one bar and the next
	pulseBars    = 64                     // up to about ten seconds
)

// pulse remembers how long the posts of the last seconds took.
type pulse struct {
	mu      sync.Mutex
	seconds [pulseSeconds]pulseSecond
}

type pulseSecond struct {
	at   int64 // in Unix seconds
	bars [pulseBars]uint32
}

func (p *pulse) note(now time.Time, took time.Duration) {
	bar := 0
	if took > pulseFirst {
		bar = min(int(math.Log(float64(took)/float64(pulseFirst))/math.Log(pulseStep))+1, pulseBars-1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.seconds[now.Unix()%pulseSeconds]
	if s.at != now.Unix() {
		*s = pulseSecond{at: now.Unix()}
	}
	s.bars[bar]++
}

// load adds up the last seconds; of the current one only quantiles count, for
// it is not over.
func (p *pulse) load(now time.Time) (l Load) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var bars [pulseBars]uint32
	var all, over uint32
	for i := range p.seconds {
		s := &p.seconds[i]
		age := now.Unix() - s.at
		if age < 0 || age >= pulseSeconds {
			continue
		}
		for bar, n := range s.bars {
			bars[bar] += n
			all += n
			if age > 0 && age <= pulseRate {
				over += n
			}
		}
	}
	l.Posts = float64(over) / pulseRate
	l.P50, l.P95 = quantile(&bars, all, 0.50), quantile(&bars, all, 0.95)
	return l
}

// pulseRate is over how many whole seconds posts are counted.
const pulseRate = 10

// quantile is the upper end of the bar that a part of all are in or below.
func quantile(bars *[pulseBars]uint32, all uint32, part float64) time.Duration {
	if all == 0 {
		return 0
	}
	left := uint32(math.Ceil(float64(all) * part))
	for bar, n := range bars {
		if n >= left {
			return time.Duration(float64(pulseFirst) * math.Pow(pulseStep, float64(bar)))
		}
		left -= n
	}
	return 0
}
