package hipchat

import (
	"context"
	"encoding/base64"
	"encoding/json"
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
		if i == 0 {
			a, b = 0, 1
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

func (g *sampler) writeLists(context.Context) error {
	users := []byte("[")
	for i := range g.users {
		users = append(users, g.userRecord(i)...)
		users = append(users, ',')
	}
	rooms := []byte("[")
	for _, r := range g.rooms {
		rooms = append(rooms, g.roomRecord(r)...)
		rooms = append(rooms, ',')
	}
	if g.o.Traps {
		users = append(users, trapUsers()...)
		rooms = append(rooms, trapRooms()...)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"users.json", endArray(users)},
		{"rooms.json", endArray(rooms)},
		{"emoticons.json", g.emoticonList()},
		{"metadata.json", []byte(`{"version":"2.2.9"}`)},
	} {
		if err := g.out.add(f.name, f.data); err != nil {
			return err
		}
	}
	if g.o.Flavour == "C" {
		return g.writeSettings()
	}
	return nil
}

func endArray(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, ']')
}

func record1(kind string, fields map[string]any) []byte {
	b, err := json.Marshal(map[string]any{kind: fields})
	if err != nil {
		panic(err) // strings and numbers
	}
	return b
}

func (g *sampler) userRecord(i int) []byte {
	u := g.users[i]
	f := map[string]any{
		"account_type": u.role, "created": sampleEpoch.AddDate(0, 0, i%900).Format("2006-01-02T15:04:05+00:00"),
		"email": u.email, "id": u.id, "is_deleted": u.off, "mention_name": u.mention, "name": u.name,
		"roles": []string{u.role}, "rooms": []int{}, "timezone": u.zone, "title": u.title, "avatar": nil,
	}
	if u.email == "" {
		f["email"] = nil
	}
	if g.o.Flavour == "C" {
		f["avatar"] = ""
	}
	switch {
	case u.avatar == 0:
	case g.o.Flavour == "C":
		f["avatar"] = fmt.Sprintf("users/avatars/%d/photo.png", u.id)
	default:
		s := base64.StdEncoding.EncodeToString(asPNG(portrait(u.avatar)))
		if i%2 == 1 { // some servers break the lines
			s = s[:76] + "\n" + s[76:]
		}
		f["avatar"] = s
	}
	return record1("User", f)
}

func (g *sampler) roomRecord(r *talk) []byte {
	f := map[string]any{
		"created": r.start.Format("2006-01-02T15:04:05+00:00"), "guest_access_url": nil, "id": r.id,
		"is_archived": r.archived, "members": []int{}, "name": r.name, "owner": g.users[r.people[0]].id,
		"participants": []int{}, "privacy": "public", "room_admins": []int{}, "topic": r.topic,
	}
	if r.private {
		f["privacy"] = "private"
		ids := []int{}
		for _, p := range r.people {
			ids = append(ids, g.users[p].id)
		}
		f["members"], f["room_admins"] = ids, ids[:1]
	}
	if r.id%11 == 3 {
		f["guest_access_url"] = fmt.Sprintf("https://chat.example.org/g%08x", uint32(r.seed))
	}
	if g.o.Flavour == "C" {
		f["canonical_name"] = slug(r.name)
		f["is_deleted"] = r.deleted
	}
	return record1("Room", f)
}

func sampleShortcuts() []string {
	return []string{"godwit", "shipit", "thumbsup", "partyparrot", "facepalm", "ohai", "lgtm", "wat", "coffee", "megusta"}
}

func (g *sampler) emoticonFile(i int) (name, path string, data []byte) {
	name = sampleShortcuts()[i] + ".png"
	data = asPNG(face(i))
	path = "emoticons/" + name
	if g.o.Flavour == "C" {
		name = fmt.Sprintf("%d/%s", i+1, name)
		path = "files/img/emoticons/" + name
	}
	return name, path, data
}

func (g *sampler) emoticonList() []byte {
	list := []byte("[")
	if g.o.Flavour == "C" {
		list = []byte(`{"Emoticons":[`)
	}
	for i, s := range sampleShortcuts() {
		name, path, _ := g.emoticonFile(i)
		if g.o.Flavour == "C" {
			list = fmt.Appendf(list, `{"id":%d,"path":"%s","shortcut":"%s"},`, i+1, name, s)
		} else {
			list = fmt.Appendf(list, `{"Emoticon":{"id":%d,"path":"%s","shortcut":"%s"}},`, i+1, path, s)
		}
	}
	if g.o.Traps && g.o.Flavour == "B" {
		list = append(list, trapEmoticons()...)
	}
	list = endArray(list)
	if g.o.Flavour == "C" {
		list = append(list, '}')
	}
	return list
}

func (g *sampler) writePictures(context.Context) error {
	for i := range sampleShortcuts() {
		_, path, data := g.emoticonFile(i)
		if err := g.out.add(path, data); err != nil {
			return err
		}
	}
	if g.o.Flavour != "C" {
		return nil
	}
	for _, u := range g.users {
		if u.avatar > 0 {
			if err := g.out.add(fmt.Sprintf("users/%d/avatars/photo.png", u.id), asPNG(portrait(u.avatar))); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeSettings writes preferences and auto-joins as the server keeps them.
func (g *sampler) writeSettings() error {
	for i, u := range g.users {
		if u.off || u.role == "guest" {
			continue
		}
		prefs := fmt.Sprintf(`{"chatView":"%s","density":"normal","nameDisplay":"names","theme":"%s","notifications":{"sound":true}}`,
			[]string{"classic", "left"}[i%2], []string{"light", "dark"}[i/2%2])
		var joins []string
		for k := range 4 {
			r := g.rooms[int(mix(g.o.Seed, uint64(5e6+i*8+k))%uint64(min(len(g.rooms), 60)))]
			joins = append(joins, fmt.Sprintf(`{"jid":"1_%s@conf.btf.hipchat.com","name":"%s"}`, slug(r.name), r.name))
		}
		if err := g.out.add(fmt.Sprintf("users/%d/autojoin.json", u.id), []byte("["+strings.Join(joins, ",")+"]")); err != nil {
			return err
		}
		if err := g.out.add(fmt.Sprintf("users/%d/preferences.json", u.id), []byte(prefs)); err != nil {
			return err
		}
	}
	return nil
}
