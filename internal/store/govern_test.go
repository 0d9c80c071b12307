package store_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/store"
)

// hand is a clock that is set by hand.
type hand struct{ at atomic.Int64 }

func newHand() *hand {
	h := &hand{}
	h.at.Store(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return h
}

func (h *hand) now() time.Time      { return time.UnixMicro(h.at.Load()) }
func (h *hand) add(d time.Duration) { h.at.Add(d.Microseconds()) }

func openClock(t testing.TB, path string, clock func() time.Time) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: path, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() }) //nolint:errcheck // again, mostly
	return db
}

func govern(t testing.TB, db *store.DB, fn func(*chat.Standing)) {
	t.Helper()
	if err := db.Govern(ctx(t), func(s *chat.Standing) error { fn(s); return nil }); err != nil {
		t.Fatal(err)
	}
}

func standing(t testing.TB, db *store.DB) chat.Standing {
	t.Helper()
	st, err := db.Standing(ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func closedBy(err error) chat.State {
	if c, ok := errors.AsType[*chat.Closed](err); ok && chat.IsKind(err, chat.Unavailable) {
		return c.State
	}
	return ""
}

func tryPut(t testing.TB, db *store.DB, n int) error {
	t.Helper()
	return db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(userN(n)) })
}

func TestGovern(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db, all := open(t, path), t
		put(t, db, userN(1))
		if st := standing(t, db); !reflect.DeepEqual(st.Pair, chat.Pair{}) || st.State != chat.Open || st.Pos != 1 || st.Now == 0 {
			t.Errorf("before any move: %+v", st)
		}
		want := chat.Pair{Move: "move", Log: key("log", 1), Peer: "https://there.example", Even: true, Turn: 8, Own: 3, Note: "n", Key: "k", Private: "p",
			Came: &chat.Certificate{Move: "move", Turn: 8, From: key("log", 1), To: head(t, db).LogID, End: chat.Cursor{LogID: key("log", 1), Epoch: key("epoch", 1), Pos: 9}, At: 5, Mark: []byte{1, 2}}}
		rung := db.Doorbell()
		govern(t, db, func(s *chat.Standing) { s.Pair = want })
		<-rung
		t.Run("what is decided is kept, also by the next process", func(t *testing.T) {
			if got := standing(t, db).Pair; !reflect.DeepEqual(got, want) {
				t.Errorf("%+v", got)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(all, path)
			if got := standing(t, db).Pair; !reflect.DeepEqual(got, want) {
				t.Errorf("%+v", got)
			}
		})
		t.Run("nothing of a decision that failed is kept", func(t *testing.T) {
			oops := errors.New("oops")
			before := standing(t, db)
			err := db.Govern(ctx(t), func(s *chat.Standing) error {
				s.State, s.Lease, s.Pair.Turn = chat.Retired, 9, 99
				return oops
			})
			after := standing(t, db)
			if before.Now, after.Now = 0, 0; !errors.Is(err, oops) || !reflect.DeepEqual(before, after) {
				t.Error(err, before, after)
			}
		})
		t.Run("the cursor of the move stands beside it", func(t *testing.T) {
			m := begin(t, db, "one")
			m.apply(userN(5))
			if got := standing(t, db).Reached; got != m.state.Cursor || got == "" {
				t.Errorf("%q, not %q", got, m.state.Cursor)
			}
		})
		t.Run("a place in a move changes its state by the rules of the move alone", func(t *testing.T) {
			if _, err := db.SetState(ctx(t), chat.Open, chat.Receiving); !chat.IsKind(err, chat.Conflict) {
				t.Error(err)
			}
			govern(t, db, func(s *chat.Standing) { s.Pair.Over, s.State = true, chat.Retired })
			if _, err := db.SetState(ctx(t), chat.Retired, chat.Open); !chat.IsKind(err, chat.Conflict) {
				t.Error("a place that has moved was opened:", err)
			}
			govern(t, db, func(s *chat.Standing) { s.State = chat.Open })
			if _, err := db.SetState(ctx(t), chat.Open, chat.Receiving); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestWhoIsRefusedLearnsWhy(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		for _, state := range []chat.State{chat.Frozen, chat.Receiving, chat.Retired, chat.Standby} {
			govern(t, db, func(s *chat.Standing) { s.State, s.Lease = state, s.Now+60*second })
			err := tryPut(t, db, 1)
			if closedBy(err) != state || !strings.Contains(err.Error(), string(state)) {
				t.Errorf("%s: %v", state, err)
			}
			c, _ := errors.AsType[*chat.Closed](err)
			if lease := head(t, db).Lease; c == nil || c.Lease != lease {
				t.Errorf("%s: until %v, not %v", state, c, lease)
			}
		}
	})
}

func TestLease(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		clock := newHand()
		db := openClock(t, path, clock.now)
		freeze := func(d time.Duration) {
			t.Helper()
			govern(t, db, func(s *chat.Standing) { s.State, s.Lease = chat.Frozen, s.Now+chat.Time(d.Microseconds()) })
			if err := tryPut(t, db, 1); closedBy(err) != chat.Frozen {
				t.Fatalf("written in a frozen place: %v", err)
			}
		}
		isOpen := func() bool {
			t.Helper()
			err := tryPut(t, db, 1)
			if err != nil && closedBy(err) != chat.Frozen {
				t.Fatal(err)
			}
			if h := head(t, db); (h.State == chat.Open) != (err == nil) || h.State == chat.Open && h.Lease != 0 {
				t.Errorf("writing says %v, and reading %+v", err, h)
			}
			return err == nil
		}
		t.Run("a lease that ran out lets people write", func(t *testing.T) {
			freeze(10 * time.Second)
			clock.add(9 * time.Second)
			if isOpen() {
				t.Error("too early")
			}
			clock.add(time.Second)
			if !isOpen() {
				t.Error("still frozen")
			}
		})
		t.Run("who looks before anybody writes sees it open, and decides so", func(t *testing.T) {
			freeze(10 * time.Second)
			clock.add(time.Minute)
			if h := head(t, db); h.State != chat.Open || h.Lease != 0 {
				t.Error(h)
			}
			govern(t, db, func(s *chat.Standing) {
				if s.State != chat.Open || s.Lease != 0 {
					t.Error(s.Head)
				}
			})
			clock.add(-time.Hour) // it stays open, whatever the clock says afterwards
			if !isOpen() {
				t.Error("frozen again")
			}
		})
		t.Run("a clock that jumps forward ends a freeze early, and nothing else", func(t *testing.T) {
			freeze(10 * time.Second)
			clock.add(1000 * time.Hour)
			if !isOpen() {
				t.Error("still frozen")
			}
		})
		t.Run("a clock that is set back does not make a freeze longer", func(t *testing.T) {
			freeze(10 * time.Second)
			clock.add(-500 * time.Millisecond) // no more than clocks are corrected by
			if isOpen() {
				t.Error("half a second is nothing")
			}
			clock.add(-24 * time.Hour)
			if !isOpen() {
				t.Error("frozen for a day")
			}
		})
		t.Run("times of the log go on, whatever the clock does", func(t *testing.T) {
			var last chat.Time
			for i, jump := range []time.Duration{0, time.Hour, -48 * time.Hour, 0, -1, 100 * time.Hour, -time.Hour} {
				clock.add(jump)
				err := db.Update(ctx(t), func(tx chat.Tx) error {
					if tx.Now() <= last {
						t.Errorf("%d after %d", tx.Now(), last)
					}
					last = tx.Now()
					return tx.Put(messageN(i, 1))
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
		t.Run("a place that has not met the other one stays frozen", func(t *testing.T) {
			govern(t, db, func(s *chat.Standing) { s.State, s.Lease = chat.Frozen, chat.Unasked })
			for _, jump := range []time.Duration{time.Hour, -1000 * time.Hour, 100_000 * time.Hour} {
				if clock.add(jump); isOpen() {
					t.Error("open after", jump)
				}
			}
		})
	})
}

func TestLeaseByTheDatabasesClock(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		govern(t, db, func(s *chat.Standing) { s.State, s.Lease = chat.Frozen, s.Now+3600*second })
		if closedBy(tryPut(t, db, 1)) != chat.Frozen {
			t.Error("it was not frozen")
		}
		rung := db.Doorbell()
		govern(t, db, func(s *chat.Standing) { s.Lease = s.Now + second/5 })
		<-rung
		for head(t, db).State != chat.Open {
			<-db.Doorbell() // the end of a lease rings, though nobody says anything
		}
		put(t, db, userN(1))
	})
}

// Everyone who listens hears of a freeze, and of its end.
func TestStateRings(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		others := []*store.DB{db}
		if path[0] == 'p' {
			others = append(others, open(t, path))
		}
		for _, change := range []func(*chat.Standing){
			func(s *chat.Standing) { s.State, s.Lease = chat.Frozen, s.Now+600*second },
			func(s *chat.Standing) { s.Lease = s.Now + 300*second },
			func(s *chat.Standing) { s.State, s.Lease = chat.Open, 0 },
			func(s *chat.Standing) { s.State, s.Lease = chat.Frozen, s.Now+second/2 },
		} {
			govern(t, db, change)
			want := standing(t, db).Head
			for _, o := range others {
				for {
					bell := o.Doorbell()
					if got := head(t, o); got.State == want.State && got.Lease == want.Lease || got.State == chat.Open {
						break
					}
					<-bell
				}
			}
		}
		for _, o := range others {
			for bell := o.Doorbell(); head(t, o).State != chat.Open; bell = o.Doorbell() {
				<-bell
			}
		}
	})
}

// Decisions at once are one after the other, and each sees the last.
func TestDecisionsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		db := open(t, path)
		dbs := []*store.DB{db, db}
		if path[0] == 'p' {
			dbs[1] = open(t, path)
		}
		govern(t, db, func(s *chat.Standing) { s.Pair.Move = "move" })
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 5 {
					err := dbs[i%2].Govern(ctx(t), func(s *chat.Standing) error { s.Pair.Turn++; return nil })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := standing(t, db).Pair.Turn; got != 40 {
			t.Errorf("40 decisions, and the turn is %d", got)
		}
	})
}

// A freeze waits for writes under way, and none follows before it lapses.
func TestNobodyWritesAfterAFreeze(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		clock := newHand()
		db := openClock(t, path, clock.now)
		var acked atomic.Int64
		var wg sync.WaitGroup
		begun := make(chan struct{}, 10_000)
		for w := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					err := db.Update(ctx(t), func(tx chat.Tx) error { return tx.Put(messageN(w*100_000+i, 1)) })
					if err != nil {
						if closedBy(err) != chat.Frozen {
							t.Error(err)
						}
						return
					}
					acked.Add(1)
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 50 {
			<-begun
		}
		var at chat.Position
		govern(t, db, func(s *chat.Standing) { s.State, s.Lease, at = chat.Frozen, s.Now+10*second, s.Pos })
		wg.Wait()
		if h := head(t, db); h.Pos != at || int64(h.Pos) != acked.Load() {
			t.Errorf("frozen at %d, head at %d, acknowledged %d", at, h.Pos, acked.Load())
		}
	})
}

const governPath = "GODWIT_STORE_GOVERN_PATH"

// crashGovern decides without end, and writes where it may.
func crashGovern(path string) error {
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		err := db.Govern(context.Background(), func(s *chat.Standing) error {
			s.Pair.Move = "move"
			s.Pair.Turn++
			s.Pair.Own = chat.Position(s.Pair.Turn)
			s.State, s.Lease = chat.Frozen, s.Now+chat.Time(s.Pair.Turn)*3600*second
			if s.Pair.Turn%2 == 0 {
				s.State, s.Lease = chat.Open, 0
			}
			return nil
		})
		if err != nil {
			return err
		}
		if i == 20 {
			os.Stdout.WriteString("on\n") //nolint:errcheck // nobody may listen any more
		}
	}
}

func TestKilledWhileDeciding(t *testing.T) {
	both(t, func(t *testing.T, path string) {
		var last chat.Turn
		for range 4 {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), governPath+"="+path)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			out.Read(make([]byte, 3)) //nolint:errcheck // whatever it says, it is killed
			cmd.Process.Kill()        //nolint:errcheck // it may have ended
			cmd.Wait()                //nolint:errcheck // it was killed
			db := open(t, path)
			st := standing(t, db)
			p := st.Pair
			if p.Turn < last+20 || p.Own != chat.Position(p.Turn) || (st.State == chat.Open) != (p.Turn%2 == 0) || (st.Lease == 0) != (st.State == chat.Open) {
				t.Errorf("half a decision: %+v", st)
			}
			last = p.Turn
			if err := tryPut(t, db, 1); (err == nil) != (st.State == chat.Open) {
				t.Errorf("%s, and writing says %v", st.State, err)
			}
			db.Close() //nolint:errcheck // closed again at the end
		}
	})
}
