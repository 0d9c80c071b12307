package move

import (
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

func TestPace(t *testing.T) {
	held := func(d time.Duration, shared bool) chat.Applied { return chat.Applied{Held: d, Shared: shared} }
	begin := func(fixed int, inUse bool) *pace {
		p := &pace{}
		p.begin(fixed, inUse)
		return p
	}
	t.Run("an empty place takes large batches, and no rest", func(t *testing.T) {
		p := begin(0, false)
		if rest := p.next(5000, held(time.Second, false), time.Second); rest != 0 || p.batch() != idleBatch {
			t.Error(rest, p.batch())
		}
	})
	t.Run("among people batches get so small that nobody waits long, and two thirds of the time are theirs", func(t *testing.T) {
		p := begin(0, true)
		const each = 20 * time.Microsecond
		for range 10 {
			n := p.batch()
			took := time.Duration(n) * each
			if rest := p.next(n, held(took, true), took); rest != 2*took {
				t.Errorf("rested %s after %s", rest, took)
			}
		}
		if took := time.Duration(p.batch()) * each; took > longHold*11/10 || took < longHold/2 {
			t.Errorf("%d objects take %s", p.batch(), took)
		}
	})
	t.Run("what a batch takes beside the time that people wait counts as rest, but for as long as they waited", func(t *testing.T) {
		p := begin(0, true)
		const hold = 2 * time.Millisecond
		if rest := p.next(50, held(hold, true), hold+time.Millisecond); rest != 3*time.Millisecond {
			t.Error(rest)
		}
		if rest := p.next(50, held(hold, true), time.Second); rest != hold {
			t.Error(rest)
		}
	})
	t.Run("a slow moment makes neither the batch nor the rest endless", func(t *testing.T) {
		p := begin(0, true)
		if rest := p.next(500, held(time.Hour, true), time.Hour); rest != longRest || p.batch() < leastBatch {
			t.Error(rest, p.batch())
		}
	})
	t.Run("when people have gone batches grow again", func(t *testing.T) {
		p := begin(0, true)
		for range 10 {
			p.next(p.batch(), held(time.Millisecond, false), time.Millisecond)
		}
		if p.batch() != idleBatch {
			t.Error(p.batch())
		}
	})
	t.Run("what a person chose stays", func(t *testing.T) {
		p := begin(50, true)
		if rest := p.next(50, held(time.Second, true), time.Second); rest != 0 || p.batch() != 50 {
			t.Error(rest, p.batch())
		}
	})
}
