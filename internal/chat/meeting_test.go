package chat_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// backup copies the database as it is now.
func (p *pairPlace) backup() []byte {
	p.t.Helper()
	p.did(nil, p.db.Close())
	data, err := os.ReadFile(p.path)
	p.did(data, err)
	p.open()
	return data
}

// restore sets the database back, and starts the place.
func (p *pairPlace) restore(data []byte) {
	p.t.Helper()
	p.did(nil, p.db.Close())
	for _, more := range []string{"-wal", "-shm"} {
		os.Remove(p.path + more) //nolint:errcheck // there may be none
	}
	p.did(nil, os.WriteFile(p.path, data, 0o600))
	p.open()
	p.did(p.Wake(context.Background()))
}

func TestAPlaceThatStartsWithinAMoveWaits(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.a.restart()
	p.want(p.a, chat.Frozen, 0)
	for name, try := range map[string]func() error{
		"frozen by a lease, after which it would be open": func() error { _, err := p.a.Freeze(ctx, move, time.Second); return err },
		"let go on by a mover who does not know":          func() error { _, err := p.a.Freeze(ctx, move, 0); return err },
		"retired":                                         func() error { _, err := p.a.Retire(ctx, move, p.a.at().Pos); return err },
		"ended":                                           func() error { _, err := p.a.End(ctx, move); return err },
	} {
		if err := try(); !chat.IsKind(err, chat.Conflict) {
			t.Errorf("it was %s: %v", name, err)
		}
	}
	p.clock = p.clock.Add(1000 * time.Hour)
	p.want(p.a, chat.Frozen, 0)
	t.Run("until the other place has heard of it", func(t *testing.T) {
		before, err := p.b.Greet(ctx, move, nil) // said before it has heard
		p.b.did(before, err)
		p.a.did(p.a.Meet(ctx, before))
		p.want(p.a, chat.Frozen, 0)
		p.meet()
		p.want(p.a, chat.Open, 0)
	})
	t.Run("and so does the one that takes the history", func(t *testing.T) {
		p.b.restart()
		c := p.retireUnmet(p.a, p.b)
		_, err := p.b.Open(ctx, c)
		isKind(t, err, chat.Conflict)
		p.meet()
		p.want(p.b, chat.Open, 1)
	})
	t.Run("a place that was retired gives its certificate as what it is now", func(t *testing.T) {
		c := p.retire(p.b, p.a)
		p.b.restart()
		p.a.restart()
		p.want(p.b, chat.Standby, 2)
		_, err := p.a.Open(ctx, c)
		isKind(t, err, chat.Conflict)
		p.meet()
		p.want(p.a, chat.Open, 2)
	})
}

func TestOldBackupAfterTheCutover(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.a.did(nil, p.a.write(1))
	old := p.a.backup()
	c := p.retire(p.a, p.b)
	p.b.did(p.b.Open(ctx, c))
	p.a.restore(old)
	p.want(p.a, chat.Frozen, 0)
	p.meet()
	p.want(p.a, chat.Standby, 1)
	p.want(p.b, chat.Open, 1)
}

// The certificate is on its way, and the place that gave it is set back to
// before: either the other one has it first, or it takes it no more.
func TestOldBackupBeforeTheCertificateArrives(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		p := newPairing(t)
		p.pair()
		p.a.did(nil, p.a.write(1))
		old := p.a.backup()
		c := p.retire(p.a, p.b)
		p.a.restore(old)
		if arrives {
			p.b.did(p.b.Open(t.Context(), c))
			p.meet()
			p.want(p.a, chat.Standby, 1)
			p.want(p.b, chat.Open, 1)
			continue
		}
		p.meet()
		p.want(p.a, chat.Open, 0)
		_, err := p.b.Open(t.Context(), c)
		isKind(t, err, chat.Conflict)
		p.want(p.b, chat.Receiving, 0)
		// The next cutover is not harmed by it.
		next := p.retire(p.a, p.b)
		p.b.did(p.b.Open(t.Context(), next))
		p.want(p.b, chat.Open, 1)
	}
}

func TestSetBackByTwoTurns(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.a.did(nil, p.a.write(1))
	old := p.a.backup()
	p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
	p.b.did(nil, p.b.write(2))
	p.a.did(p.a.Open(ctx, p.retire(p.b, p.a)))
	p.want(p.a, chat.Open, 2)
	p.a.restore(old)
	p.meet()
	p.want(p.a, chat.Standby, 1) // its turn it is, but it lacks what the other one wrote
	p.a.carried(p.b)
	p.meet()
	p.want(p.a, chat.Open, 2)
}

func TestClockSetBackAtAStart(t *testing.T) {
	p := newPairing(t)
	p.pair()
	p.a.restart()
	p.meet()
	old := p.a.backup()
	p.a.did(p.a.Wake(t.Context()))
	p.meet()
	p.clock = p.clock.Add(-1000 * time.Hour)
	p.a.restore(old)
	p.meet()
	p.meet()
	p.want(p.a, chat.Open, 0)
	p.b.did(p.b.Open(t.Context(), p.retire(p.a, p.b)))
	p.want(p.b, chat.Open, 1)
}

// Of two copies of a place that run, the one that was started last goes on.
func TestTwoCopies(t *testing.T) {
	p := newPairing(t)
	p.pair()
	p.a.restart()
	p.meet()
	data := p.a.backup()
	copied := newPairPlace(t, t.TempDir()+"/a.db", p.a.now)
	copied.Sealer = p.a.Sealer
	copied.restore(data)
	q := &pairing{t: t, a: copied, b: p.b}
	q.meet()
	q.want(copied, chat.Open, 0)
	for range 3 {
		p.meet()
		p.want(p.a, chat.Frozen, 0)
		q.meet()
		q.want(copied, chat.Open, 0)
	}
	if !p.a.at().Pair.Doubled {
		t.Error("nobody is told")
	}
}

func TestOverrule(t *testing.T) {
	ctx := t.Context()
	t.Run("the source is gone", func(t *testing.T) {
		p := newPairing(t)
		p.pair()
		old := p.a.backup()
		p.a.did(p.a.Freeze(ctx, move, time.Minute))
		for range 2 {
			p.b.did(p.b.Overrule(ctx, move, "source is gone"))
			p.want(p.b, chat.Open, 1)
		}
		p.meet() // it comes back
		p.want(p.a, chat.Standby, 1)
		p.a.restore(old)
		p.meet()
		p.want(p.a, chat.Standby, 1)
	})
	t.Run("the target is gone", func(t *testing.T) {
		p := newPairing(t)
		p.pair()
		p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
		for range 2 {
			p.a.did(p.a.Overrule(ctx, move, "target is gone"))
			p.want(p.a, chat.Open, 2)
		}
		if p.a.at().Pair.Note != "target is gone" {
			t.Error(p.a.at().Pair.Note)
		}
		p.meet()
		p.want(p.b, chat.Standby, 2)
		p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
		p.want(p.b, chat.Open, 3)
	})
	t.Run("the target is gone while the source waits for it", func(t *testing.T) {
		p := newPairing(t)
		p.pair()
		c := p.retire(p.a, p.b) // the target is gone with it
		p.a.restart()
		p.a.did(p.a.Overrule(ctx, move, "target is gone"))
		p.want(p.a, chat.Open, 2)
		p.b.Open(ctx, c) //nolint:errcheck // it comes back and opens, as nobody told it
		p.meet()
		p.want(p.b, chat.Standby, 2)
	})
	t.Run("both operators at once", func(t *testing.T) {
		p := newPairing(t)
		p.pair()
		p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
		p.a.did(p.a.Overrule(ctx, move, "target is gone"))
		p.b.did(p.b.Overrule(ctx, move, "source is gone"))
		p.meet()
		p.want(p.a, chat.Open, 2)
		p.want(p.b, chat.Standby, 2)
	})
}

func TestTheEndIsHeardOf(t *testing.T) {
	ctx := t.Context()
	p := newPairing(t)
	p.pair()
	p.a.did(nil, p.a.write(1))
	old := p.a.backup()
	p.b.did(p.b.Open(ctx, p.retire(p.a, p.b)))
	p.b.did(p.b.End(ctx, move))
	p.meet()
	p.want(p.a, chat.Retired, 1)
	p.want(p.b, chat.Open, 1)
	p.a.restore(old)
	p.want(p.a, chat.Frozen, 0)
	p.meet()
	p.want(p.a, chat.Retired, 1)
}
