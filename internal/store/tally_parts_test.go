package store_test

import (
	"reflect"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestATallyInPartsIsThatOfTheWhole(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		const n = 25_000
		day := messageN(n-1, 1).Sent.Day()
		m := begin(t, db, "one")
		for i := 0; i < n; i += 5000 {
			var list []chat.Object
			for k := i; k < i+5000; k++ {
				list = append(list, messageN(k, 1))
			}
			m.apply(list...)
		}
		m.done()
		edited := messageN(7, 1)
		edited.Text = "edited here"
		put(t, db, edited)
		mustExec(t, path, `UPDATE messages SET text = 'damaged' WHERE pos = 20000`)
		damaged := messageN(19999, 1)
		damaged.Text = "damaged"
		want := chat.Tally{}
		days := map[chat.Day]chat.Tally{}
		list := map[chat.Key]uint64{}
		for k := range n {
			o := messageN(k, 1)
			d := chat.Digest(o)
			if k == 19999 {
				d = chat.Digest(damaged)
			}
			want.Add(d)
			sum := days[o.Sent.Day()]
			sum.Add(d)
			days[o.Sent.Day()] = sum
			if o.Sent.Day() == day {
				list[o.Key()] = d
			}
		}
		room := roomN(1).ID
		inv, err := db.Tally(ctx(t), chat.TallyQuery{Source: "hq", Level: chat.L2, Days: []chat.RoomID{room}, Lists: []chat.RoomDay{{Room: room, Day: day}}})
		if err != nil || inv.Rooms[room] != want || inv.Since != 1 || !reflect.DeepEqual(inv.Days[room], days) || !reflect.DeepEqual(inv.Lists[room], list) {
			t.Errorf("%v: %+v of %+v, %d changed since, %d days of %d, %d in the list of %d", err, inv.Rooms[room], want, inv.Since, len(inv.Days[room]), len(days), len(inv.Lists[room]), len(list))
		}
	})
}
