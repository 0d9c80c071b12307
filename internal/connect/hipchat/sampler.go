package hipchat

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// sampler invents an export. What it keeps grows with people, rooms and 1-1s.
type sampler struct {
	o       SampleOptions
	out     *sampleOut
	users   []sampleUser
	rooms   []*talk
	pairs   []*talk
	ofUser  [][]*talk // the 1-1s of each user
	texts   [][]byte
	snips   [][]byte
	notices [][]byte // fields of notifications, up to the timestamp
	blobs   []sampleBlob
}

type sampleUser struct {
	id            int
	name, mention string
	email, title  string
	zone          string
	role          string
	off           bool
	object        []byte // as a sender, in JSON
	mentionJSON   []byte
	avatar        int // 0 is none
}

// talk is what was said in a room or a 1-1.
type talk struct {
	seed     uint64
	id       int    // of the room
	name     string // of the room
	topic    string
	private  bool
	archived bool
	deleted  bool
	people   []int // indexes of users
	n        int   // messages at the time of the first export
	more     int   // written since
	files    int   // of the first n
	start    time.Time
	tick     int64 // microseconds of working time between two messages
	direct   bool
}

const (
	sampleYears  = 5
	workDay      = int64(10 * time.Hour / time.Microsecond)
	sampleWeeks  = 52 * sampleYears
	laterWeeks   = 3
	burst        = 12 // messages that come close together
	sampleTrader = 30 // percent of messages in 1-1s
)

func newSampler(o SampleOptions, out *sampleOut) *sampler {
	g := &sampler{o: o, out: out, texts: texts(mix(o.Seed, 1), 4096), snips: snippets(), blobs: sampleBlobs()}
	for _, n := range notices() {
		g.notices = append(g.notices, fmt.Appendf(nil, `"color":"%s","message":"%s","message_format":"%s","sender":"%s"`, n[0], appendJSON(nil, n[3]), n[1], n[2]))
	}
	g.makeUsers()
	g.makeRooms()
	g.makePairs()
	return g
}

func (g *sampler) makeUsers() {
	given, family := givenNames(), familyNames()
	zones := strings.Fields("Europe/Berlin America/Denver Asia/Tokyo Europe/Lisbon UTC America/Sao_Paulo Asia/Jerusalem Asia/Bangkok Australia/Hobart")
	titles := []string{"Engineer", "Designer", "Support", "Sales", "Head of Platform", "", "Écrivaine technique", "エンジニア", "QA"}
	taken := map[string]bool{}
	count := g.o.Users
	if g.o.Later {
		count++
	}
	for i := range count {
		d := dice(mix(g.o.Seed, uint64(1000+i)))
		u := sampleUser{id: i + 1, role: "user", title: d.pick(titles), zone: d.pick(zones)}
		first, last := given[(i*7+d.under(3))%len(given)], family[(i/3+d.under(len(family)))%len(family)]
		if i == 0 {
			first, last, u.role, u.title = "Ada", "Byte", "admin", "Head of Everything"
		}
		u.name = first + " " + last
		u.mention = strings.NewReplacer(" ", "", "'", "").Replace(u.name)
		if taken[u.mention] {
			u.mention = fmt.Sprintf("%s%d", u.mention, u.id)
		}
		taken[u.mention] = true
		u.email = fmt.Sprintf("user%d@%s", u.id, []string{"example.org", "sister.example.com", "labs.example.net"}[d.under(3)])
		if i == 0 {
			u.email = "ada@example.org"
		}
		switch p := d.under(100); {
		case i < 2:
		case p < 2:
			u.role, u.email, u.mention = "guest", "", u.mention+"Guest"
		case p < 8:
			u.off = true
		case p < 10 && g.o.Later: // they have left since
			u.off = true
		case p < 12:
			u.role = "admin"
		}
		if d.under(10) < 6 || i == 0 {
			u.avatar = 1 + d.under(64)
		}
		u.object = fmt.Appendf(nil, `{"id":%d,"mention_name":"%s","name":"%s"}`, u.id, u.mention, u.name)
		u.mentionJSON = fmt.Appendf(nil, "@%s ", u.mention)
		g.users = append(g.users, u)
	}
}

func (g *sampler) makeRooms() {
	first, second := roomWords()
	total := g.o.Messages * (100 - sampleTrader) / 100
	if g.o.Users < 3 {
		total = g.o.Messages
	}
	weights := 0.0
	for i := range g.o.Rooms {
		weights += 1 / float64(i+4)
	}
	left, files := total, g.o.Files*(100-sampleTrader)/100
	if g.o.Users < 3 {
		files = g.o.Files
	}
	leftFiles := files
	for i := range g.o.Rooms {
		d := dice(mix(g.o.Seed, uint64(1e6+i)))
		r := &talk{seed: mix(g.o.Seed, uint64(2e6+i)), id: i + 1}
		r.name = strings.TrimSpace(first[i%len(first)] + " " + second[(i/len(first))%len(second)])
		if k := i / (len(first) * len(second)); k > 0 {
			r.name += fmt.Sprintf(" %d", k+1)
		}
		r.topic = []string{"", "on call: Ada", "Release day is Thursday", "Be kind (godwit)", "お昼は12時"}[d.under(5)]
		share := 1 / float64(i+4) / weights
		r.n = min(left, int(float64(total)*share))
		r.files = min(leftFiles, r.n, int(float64(files)*share))
		left, leftFiles = left-r.n, leftFiles-r.files
		r.private = i > 0 && d.under(4) == 0
		r.archived = i > 2 && d.under(25) == 0
		r.deleted = g.o.Flavour == "C" && i > 2 && !r.archived && d.under(8) == 0
		many := min(g.o.Users, max(3, min(80, r.n/50+3)))
		if i == 0 {
			many = min(g.o.Users, 400)
		}
		for j := range many {
			p := int(mix(r.seed, uint64(j)) % uint64(g.o.Users))
			r.people = append(r.people, p)
		}
		if i < wellKnown {
			r.people[1] = 0
		}
		g.rooms = append(g.rooms, r)
	}
	g.rooms[0].n += left
	for _, r := range g.rooms { // what the rounding left
		k := min(leftFiles, r.n-r.files)
		r.files, leftFiles = r.files+k, leftFiles-k
	}
	if g.o.Later {
		g.rooms[min(1, len(g.rooms)-1)].name += " (renamed)"
	}
	for _, r := range g.rooms {
		g.schedule(r)
	}
}

// wellKnown is of how many of the largest rooms and 1-1s the first person is
// part: whoever signs in as that one has something to see.
const wellKnown = 12

func (g *sampler) makePairs() {
	g.ofUser = make([][]*talk, len(g.users))
	total := 0
	for _, r := range g.rooms {
		total += r.n
	}
	total = g.o.Messages - total
	files := g.o.Files
	for _, r := range g.rooms {
		files -= r.files
	}
	if total <= 0 {
		return
	}
	count := max(1, min(g.o.Users*4, total/6))
	weights := 0.0
	for i := range count {
		weights += 1 / float64(i+8)
	}
	left, there := total, map[[2]int]bool{}
	for i := 0; i < count; i++ {
		h := mix(g.o.Seed, uint64(3e6+i))
		a, b := int(h%uint64(g.o.Users)), int(h>>32%uint64(g.o.Users))
		if i < wellKnown && i+1 < g.o.Users {
			a, b = 0, i+1
		}
		key := [2]int{min(a, b), max(a, b)}
		if there[key] || a == b && i%50 != 3 {
			continue
		}
		there[key] = true
		t := &talk{seed: mix(g.o.Seed, uint64(4e6+i)), direct: true, people: []int{a, b}}
		t.n = min(left, int(float64(total)/float64(i+8)/weights)+1)
		left -= t.n
		g.pairs = append(g.pairs, t)
	}
	g.pairs[0].n += left
	for _, t := range g.pairs {
		t.files = min(files, t.n, t.n*(g.o.Files+1)/max(g.o.Messages, 1)+1)
		files -= t.files
		g.schedule(t)
		g.ofUser[t.people[0]] = append(g.ofUser[t.people[0]], t)
		if t.people[0] != t.people[1] {
			g.ofUser[t.people[1]] = append(g.ofUser[t.people[1]], t)
		}
	}
	for _, t := range g.pairs {
		k := min(files, t.n-t.files)
		t.files, files = t.files+k, files-k
	}
	for _, r := range g.rooms {
		k := min(files, r.n-r.files)
		r.files, files = r.files+k, files-k
	}
}

// schedule spreads what was said over the years, and adds what was said since.
func (g *sampler) schedule(t *talk) {
	weeks := int64(sampleWeeks)
	begin := int64(mix(t.seed, 9) % uint64(sampleWeeks*2/3))
	if t.direct || t.id > 3 {
		weeks -= begin
		t.start = sampleEpoch.AddDate(0, 0, int(begin)*7)
	} else {
		t.start = sampleEpoch
	}
	t.tick = max(weeks*5*workDay/int64(max(t.n, 1)), 20)
	if g.o.Later && !t.archived && !t.deleted {
		t.more = t.n/50 + int(mix(t.seed, 10)%2)
	}
}

// write writes the export in the order in which HipChat does.
func (g *sampler) write(ctx context.Context) error {
	steps := []func(context.Context) error{
		g.writeLists, g.writePictures, g.writeRoomHistories, g.writeUserHistories, g.writeRoomFiles, g.writeUserFiles,
	}
	if g.o.Traps {
		steps = append(steps, g.writeTraps)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
