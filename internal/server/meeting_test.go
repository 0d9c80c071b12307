package server_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

func (w *lockedWriter) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func (c *couple) comesTo(w *world, state chat.State, turn chat.Turn) {
	c.t.Helper()
	comesTrue(c.t, string(state), func() bool {
		st := c.standing(w)
		return st.State == state && st.Pair.Turn == turn
	})
}

func TestAServerThatStartsWithinAMoveAsksTheOtherOne(t *testing.T) {
	c := pairUp(t)
	c.must(c.from.server.Wake(context.Background()))
	if st := c.standing(c.from); st.State != chat.Frozen || st.Lease != chat.Unasked {
		t.Fatalf("it goes on without having asked: %+v", st)
	}
	c.comesTo(c.from, chat.Open, 0)
	c.must(c.to.server.Wake(context.Background()))
	comesTrue(t, "that the other one has been heard of", func() bool { return !c.standing(c.to).Pair.Unmet })
	if text := c.from.log.text(); !strings.Contains(text, "people wait until the other place says whose turn it is") || !strings.Contains(text, "the two places have met") {
		t.Error(text)
	}
}

// The mover dies after the point of no return, and nobody comes by either
// place: they finish by themselves. So they do on the way back, and at the end.
func TestTheTurnArrivesWithoutAMover(t *testing.T) {
	c := pairUp(t)
	c.retire()
	c.comesTo(c.to, chat.Open, 1)
	comesTrue(t, "that the old place has heard of it", func() bool { return c.standing(c.from).Pair.Theirs == 1 })
	_, err := c.ruleTo.Freeze(context.Background(), flight, time.Minute)
	c.must(err)
	c.carry(c.to, c.from)
	_, err = c.ruleTo.Retire(context.Background(), flight, c.standing(c.to).Pos)
	c.must(err)
	c.comesTo(c.from, chat.Open, 2)
	_, err = c.ruleFrom.End(context.Background(), flight)
	c.must(err)
	c.comesTo(c.to, chat.Retired, 2)
}

func TestAnOldBackupOfTheSourceStandsBy(t *testing.T) {
	c := pairUp(t)
	old := filepath.Join(t.TempDir(), "old.db")
	raw, err := sql.Open("sqlite", c.from.path)
	c.must(err)
	_, err = raw.Exec(`VACUUM INTO ?`, old)
	c.must(err)
	c.must(raw.Close())
	c.retire()
	c.comesTo(c.to, chat.Open, 1)
	c.from.end()
	again := unpeopled(t, old)
	again.end()
	rules := &chat.Handover{Store: again.db, Sealer: again.service.Sealer}
	_, err = rules.Wake(context.Background())
	c.must(err)
	if st := c.standing(again); st.State != chat.Frozen || st.Lease != chat.Unasked || st.Pair.Turn != 0 {
		t.Errorf("an old copy goes on: %+v", st)
	}
	again.serve(server.Config{Floods: true, Handover: rules})
	c.comesTo(again, chat.Standby, 1)
	if st := c.standing(c.to); st.State != chat.Open {
		t.Errorf("%+v", st)
	}
}

func TestOnlyTheOtherPlaceIsGreeted(t *testing.T) {
	c, other := pairUp(t), pairUp(t)
	ctx := context.Background()
	g, err := other.ruleTo.Greet(ctx, flight, nil)
	c.must(err)
	body, err := json.Marshal(g)
	c.must(err)
	before := c.standing(c.from).Pair
	for name, text := range map[string]string{"nothing": "", "no greeting": "{}", "another pair's": string(body)} {
		resp, err := http.Post(c.from.url+"/api/v1/pair/greet", "application/json", strings.NewReader(text))
		c.must(err)
		c.must(resp.Body.Close())
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if after := c.standing(c.from).Pair; after.Turn != before.Turn || after.Heard != before.Heard {
		t.Error("it was believed:", after)
	}
}
