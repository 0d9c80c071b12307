package move

import (
	"slices"

	"github.com/godwit-chat/godwit/internal/chat"
)

// comparison holds what of two inventories is not the same.
type comparison struct {
	kinds []chat.Kind
	rooms []chat.RoomID
	bad   []string // hashes of contents whose bytes are missing or differ
}

func (c comparison) empty() bool { return len(c.kinds)+len(c.rooms)+len(c.bad) == 0 }

// compares reports whether objects of a kind are compared at all.
func (j *Job) compares(k chat.Kind) bool {
	if j.FilesOnly {
		return k == chat.KindContent
	}
	return k.Digested() && k != chat.KindMessage
}

// extraIsFine reports whether more objects of a kind at the target than in
// the source mean nothing: contents, where the source was read without them.
func (j *Job) extraIsFine(k chat.Kind) bool { return k == chat.KindContent && j.WithoutFiles }

// compare compares both ways: what is missing, and what is too many.
func (j *Job) compare(source, target chat.Inventory) comparison {
	var c comparison
	for _, k := range unionKeys(source.Kinds, target.Kinds) {
		s, t := source.Kinds[k], target.Kinds[k]
		if j.compares(k) && s != t && !(j.extraIsFine(k) && s.Count == 0) {
			c.kinds = append(c.kinds, k)
		}
	}
	if !j.FilesOnly {
		for _, r := range unionKeys(source.Rooms, target.Rooms) {
			if source.Rooms[r] != target.Rooms[r] {
				c.rooms = append(c.rooms, r)
			}
		}
	}
	slices.Sort(c.kinds)
	slices.SortFunc(c.rooms, func(a, b chat.RoomID) int { return slices.Compare(a[:], b[:]) })
	c.bad = target.Bad
	return c
}

func unionKeys[K comparable, V any](a, b map[K]V) []K {
	keys := make([]K, 0, len(a))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// differingDays lists the days of rooms that differ, as many as have at most
// limit messages, but one at least.
func differingDays(source, target chat.Inventory, rooms []chat.RoomID, limit int64) []chat.RoomDay {
	var list []chat.RoomDay
	var sum int64
	for _, room := range rooms {
		days := unionKeys(source.Days[room], target.Days[room])
		slices.Sort(days)
		for _, day := range days {
			s, t := source.Days[room][day], target.Days[room][day]
			if s == t {
				continue
			}
			if sum += max(s.Count, t.Count); sum > limit && len(list) > 0 {
				return list
			}
			list = append(list, chat.RoomDay{Room: room, Day: day})
		}
	}
	return list
}

// Problems of a difference.
const (
	missing   = "missing"
	extra     = "extra"
	different = "different"
	badBytes  = "bytes"
)

// differences compares objects one by one.
func differences(kind chat.Kind, room chat.RoomID, source, target map[chat.Key]uint64) []Difference {
	var list []Difference
	for _, key := range unionKeys(source, target) {
		s, here := source[key]
		t, there := target[key]
		d := Difference{Object: kind, Key: key, Room: room.Key()}
		switch {
		case !there:
			d.Problem = missing
		case !here:
			d.Problem = extra
		case s != t:
			d.Problem = different
		default:
			continue
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Difference) int { return slices.Compare(a.Key[:], b.Key[:]) })
	return list
}
