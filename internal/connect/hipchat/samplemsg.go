package hipchat

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// at returns when message i of a talk was sent. Later ones come later.
func (t *talk) at(i int) (at time.Time, micros int) {
	var day, within int64
	if i < t.n {
		// Messages come in bursts: those of one share a third of its time.
		group, k := int64(i/burst), int64(i%burst)
		step := max(t.tick/3, 1)
		pos := group*burst*t.tick + k*step + int64(mix(t.seed, uint64(i))%uint64(max(step*9/10, 1)))
		day, within = pos/workDay, pos%workDay
	} else {
		// And since, in the weeks after the first export.
		k := int64(i - t.n)
		pos := k * (laterWeeks * 5 * workDay) / int64(t.more)
		weeks := sampleEpoch.AddDate(0, 0, sampleWeeks*7+7).Sub(t.start) / (7 * 24 * time.Hour)
		day, within = int64(weeks)*5+pos/workDay, pos%workDay
	}
	at = t.start.AddDate(0, 0, int(day/5*7+day%5)).Add(time.Duration(within) * time.Microsecond)
	return at, at.Nanosecond() / 1000
}

// fileOf returns which file of the talk message i has, if it has one.
func (t *talk) fileOf(i int) (int, bool) {
	if i >= t.n || t.files == 0 {
		return 0, false
	}
	k := i * t.files / t.n
	return k, (i+1)*t.files/t.n != k
}

// append appends message i of a talk as it stands in a history.
func (g *sampler) append(b []byte, t *talk, i int) []byte {
	h := mix(t.seed, uint64(1e9+i))
	kind := int(h >> 8 % 1000)
	file, has := t.fileOf(i)
	switch {
	case t.direct:
	case has:
	case t.archived && i == t.n-1:
		b = append(b, `{"ArchiveRoomMessage":{"id":"`...)
		b = appendUUID(b, t.seed, i)
		b = append(b, `","message":"The room was archived","sender":`...)
		b = append(b, g.users[t.people[0]].object...)
		return append(appendTime(append(b, ','), t, i), "}}"...)
	case kind < 60:
		b = append(b, `{"NotificationMessage":{"id":"`...)
		b = append(appendUUID(b, t.seed, i), `",`...)
		b = append(b, g.notices[h>>20%uint64(len(g.notices))]...)
		b = appendTime(append(b, ','), t, i)
		return append(b, `,"type":"notification"}}`...)
	case kind < 65:
		b = append(b, `{"TopicRoomMessage":{"id":"`...)
		b = append(appendUUID(b, t.seed, i), `","message":"`...)
		b = append(append(b, g.texts[h>>20%4096]...), `","sender":`...)
		b = append(b, g.users[g.author(t, h)].object...)
		return append(appendTime(append(b, ','), t, i), "}}"...)
	case kind == 65:
		b = append(b, `{"GuestAccessMessage":{"id":"`...)
		b = append(appendUUID(b, t.seed, i), `","message":"Guest access was switched on","sender":`...)
		b = append(b, g.users[t.people[0]].object...)
		return append(appendTime(append(b, ','), t, i), "}}"...)
	}
	return g.appendPlain(b, t, i, h, file, has)
}

// author picks who wrote: in every room a few write most.
func (g *sampler) author(t *talk, h uint64) int {
	if t.direct {
		return t.people[h>>5&1]
	}
	n := uint64(len(t.people))
	a, b := h>>12%n, h>>36%n
	return t.people[min(a, b)]
}

func (g *sampler) appendPlain(b []byte, t *talk, i int, h uint64, file int, has bool) []byte {
	author := g.author(t, h)
	kind := `{"UserMessage":{"attachment":`
	if t.direct {
		kind = `{"PrivateUserMessage":{"attachment":`
	}
	b = append(b, kind...)
	if has {
		blob := g.blob(t, file)
		path := blob.path(t, file)
		b = fmt.Appendf(b, `{"name":"%s","path":"%s","size":%d,"url":"https://chat.example.org/files/%s"},"attachment_path":"%s"`, blob.name, path, blob.size, path, path)
	} else {
		b = append(b, `null,"attachment_path":null`...)
	}
	deleted := g.o.Later && i < t.n && h>>3%2003 == 7
	if g.o.Later && t.id == 1 && i == t.n/3 {
		deleted = true
	}
	if deleted {
		b = append(b, `,"deleted":true`...)
	}
	b = append(append(b, `,"id":"`...), appendUUID(nil, t.seed, i)...)
	b = append(b, `","mentions":[`...)
	whom := -1
	if h>>40%9 == 0 && !t.direct {
		whom = t.people[h>>44%uint64(len(t.people))]
		b = fmt.Appendf(b, "%d", g.users[whom].id)
	}
	b = append(b, `],"message":"`...)
	if !deleted {
		b = g.appendText(b, t, i, h, whom)
	}
	b = append(b, '"')
	if t.direct {
		b = append(append(b, `,"receiver":`...), g.users[t.people[0]+t.people[1]-author].object...)
	}
	b = append(append(b, `,"sender":`...), g.users[author].object...)
	b = appendTime(append(b, ','), t, i)
	if t.direct {
		return append(b, `,"type":"private"}}`...)
	}
	return append(b, `,"type":"user"}}`...)
}

func (g *sampler) appendText(b []byte, t *talk, i int, h uint64, whom int) []byte {
	if whom >= 0 {
		b = append(b, g.users[whom].mentionJSON...)
	}
	switch k := h >> 16 % 40; {
	case k == 0:
		b = append(b, g.snips[h>>22%uint64(len(g.snips))]...)
	case k == 1:
		b = append(append(b, g.texts[h>>22%4096]...), " (godwit)"...)
	case k == 2:
		b = append(b, "@all "...)
		b = append(b, g.texts[h>>22%4096]...)
	case k < 6:
		b = append(append(b, g.texts[h>>22%4096]...), ' ')
		b = append(b, g.texts[h>>34%4096]...)
	default:
		b = append(b, g.texts[h>>22%4096]...)
	}
	if g.o.Later && i < t.n && (h>>50%997 == 3 || t.id == 1 && i == t.n/2) {
		b = append(b, " (edited)"...)
	}
	return b
}

func appendUUID(b []byte, seed uint64, i int) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], mix(seed, uint64(i)^0xabcdef))
	binary.BigEndian.PutUint64(raw[8:], mix(seed^0x5555, uint64(i)))
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	b = hex.AppendEncode(b, raw[:4])
	b = hex.AppendEncode(append(b, '-'), raw[4:6])
	b = hex.AppendEncode(append(b, '-'), raw[6:8])
	b = hex.AppendEncode(append(b, '-'), raw[8:10])
	return hex.AppendEncode(append(b, '-'), raw[10:])
}

// appendTime appends the timestamp as HipChat writes it.
func appendTime(b []byte, t *talk, i int) []byte {
	at, micros := t.at(i)
	b = append(b, `"timestamp":"`...)
	b = at.AppendFormat(b, "2006-01-02T15:04:05Z ")
	for p := 100_000; p > 0; p /= 10 {
		b = append(b, byte('0'+micros/p%10))
	}
	return append(b, '"')
}

// heldBack is the size up to which a history is held in memory until its size
// is known; a larger one is invented twice.
const heldBack = 4 << 20

// history writes a history.json from next, which gives one message after the
// other, newest first, and starts again when asked to.
func (g *sampler) history(ctx context.Context, name string, start func() (next func(b []byte) ([]byte, bool))) error {
	b, next := []byte("["), start()
	size := int64(0)
	whole := true
	for {
		was := len(b)
		var ok bool
		if b, ok = next(b); !ok {
			break
		}
		if len(b) > was {
			b = append(b, ',')
		}
		if len(b) > heldBack {
			whole = false
			size += int64(len(b))
			b = b[:0]
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	if whole {
		return g.out.add(name, endArray(b))
	}
	size += int64(len(b)) // the last comma becomes the bracket
	return g.out.stream(name, size, func(w io.Writer) error { return g.again(ctx, w, start()) })
}

// again invents a history a second time and writes it.
func (g *sampler) again(ctx context.Context, w io.Writer, next func(b []byte) ([]byte, bool)) error {
	b := []byte("[")
	for {
		was := len(b)
		var ok bool
		if b, ok = next(b); !ok {
			b[len(b)-1] = ']'
			_, err := w.Write(b)
			return err
		}
		if len(b) > was {
			b = append(b, ',')
		}
		if len(b) > 256<<10 {
			if err := ctx.Err(); err != nil {
				return err
			}
			// One byte stays, so that the last comma can become a bracket.
			if _, err := w.Write(b[:len(b)-1]); err != nil {
				return err
			}
			b = append(b[:0], b[len(b)-1])
		}
	}
}

func (g *sampler) writeRoomHistories(ctx context.Context) error {
	for _, r := range g.rooms {
		err := g.history(ctx, fmt.Sprintf("rooms/%d/history.json", r.id), func() func([]byte) ([]byte, bool) {
			i := r.n + r.more
			return func(b []byte) ([]byte, bool) {
				if i--; i < 0 {
					return b, false
				}
				return g.append(b, r, i), true
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *sampler) writeUserHistories(ctx context.Context) error {
	for u := range g.users {
		talks := g.ofUser[u]
		err := g.history(ctx, fmt.Sprintf("users/%d/history.json", g.users[u].id), func() func([]byte) ([]byte, bool) {
			return g.merge(talks)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// merge gives the messages of several talks, the newest first.
func (g *sampler) merge(talks []*talk) func([]byte) ([]byte, bool) {
	type head struct {
		at int64
		i  int
	}
	heads := make([]head, len(talks))
	step := func(k int) {
		heads[k].i--
		if heads[k].i >= 0 {
			at, _ := talks[k].at(heads[k].i)
			heads[k].at = at.UnixMicro()
		}
	}
	for k, t := range talks {
		heads[k].i = t.n + t.more
		step(k)
	}
	return func(b []byte) ([]byte, bool) {
		best := -1
		for k := range heads {
			if heads[k].i >= 0 && (best < 0 || heads[k].at > heads[best].at) {
				best = k
			}
		}
		if best < 0 {
			return b, false
		}
		b = g.append(b, talks[best], heads[best].i)
		step(best)
		return b, true
	}
}
