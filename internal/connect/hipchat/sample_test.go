package hipchat_test

import (
	"fmt"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

// counted is how many of what a sample is asked for are in it, but for its
// traps: those have room numbers and users of their own.
func counted(t *testing.T, o hipchat.SampleOptions) (n hipchat.SampleOptions) {
	n = o
	n.Users, n.Rooms, n.Messages, n.Files = 0, 0, 0, 0
	items, err := all(t, write(t, "x.tar", o), connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, i := range items {
		if i.Object == nil || i.Object.Kind() == chat.KindContent {
			continue
		}
		if k := i.Object.Kind().String() + i.Object.Key().String(); seen[k] {
			continue
		} else {
			seen[k] = true
		}
		switch o := i.Object.(type) {
		case *chat.User:
			n.Users++
		case *chat.Room:
			if o.Type != chat.RoomDirect {
				n.Rooms++
			}
		case *chat.Message:
			n.Messages++
		case *chat.File:
			n.Files++
		}
	}
	return n
}

func TestASampleHasExactlyWhatWasAsked(t *testing.T) {
	want := trapped(t)
	for _, o := range []hipchat.SampleOptions{
		{Users: 2, Rooms: 1, Messages: 0},
		{Users: 2, Rooms: 1, Messages: 1, Files: 1},
		{Users: 2, Rooms: 3, Messages: 500, Files: 500},
		{Users: 3, Rooms: 1, Messages: 7, Files: 3},
		{Users: 40, Rooms: 20, Messages: 20_000, Files: 200},
		{Users: 5, Rooms: 400, Messages: 1000, Files: 999},
		{Users: 300, Rooms: 2, Messages: 3333, Files: 77, Bytes: 500_000},
	} {
		for _, flavour := range []string{"B", "C"} {
			for seed := range uint64(2) {
				o := o
				o.Seed, o.Flavour = seed, flavour
				t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
					plain := counted(t, o)
					if fmt.Sprint(plain) != fmt.Sprint(o) {
						t.Errorf("%+v", plain)
					}
					o.Traps = true
					traps := counted(t, o)
					// What the traps add is the same for all.
					got := [4]int{traps.Users - o.Users, traps.Rooms - o.Rooms, traps.Messages - o.Messages, traps.Files - o.Files}
					if got != want {
						t.Errorf("the traps add %v, want %v", got, want)
					}
				})
			}
		}
	}
}

// trapped is how many users, rooms, messages and files the traps give.
func trapped(t *testing.T) (n [4]int) {
	o := hipchat.SampleOptions{Users: 2, Rooms: 1, Traps: true}
	c := counted(t, o)
	n = [4]int{c.Users - 2, c.Rooms - 1, c.Messages, c.Files}
	read := 0
	for _, trap := range hipchat.Traps() {
		if trap.Object == chat.KindMessage && (trap.Note == "" || trap.Note == chat.NoteRepair) {
			read++
		}
	}
	if n[2] != read {
		t.Errorf("%d messages of traps are read, want %d", n[2], read)
	}
	return n
}
