package pilot

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// script writes an executable file.
func script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func crew(hooks Hooks) (*Crew, *bytes.Buffer) {
	var log bytes.Buffer
	return &Crew{Hooks: hooks, Log: slog.New(slog.NewTextHandler(&log, nil))}, &log
}

func at(what string, stage move.Stage) move.Event {
	return move.Event{What: what, Stage: stage, Status: move.Status{Move: "autumn", Stage: stage, From: "https://old.example.org", Budget: 10 * time.Second}}
}

func TestAHookGetsTheStateAndNoSecret(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	t.Setenv("GODWIT_FROM_TOKEN", "of the owner")
	t.Setenv("OUT", out)
	hook := script(t, "hook", `cat > "$OUT"; echo "$GODWIT_EVENT $GODWIT_PHASE $GODWIT_MOVE [$GODWIT_FROM_TOKEN]" >> "$OUT"`)
	c, _ := crew(Hooks{Before: map[string][]string{"freeze": {hook}}})
	if err := c.Hear(t.Context(), at(move.EventBegins, move.StageFreeze)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(string(data), "\n")
	var m Message
	if err := json.Unmarshal([]byte(first), &m); err != nil || m.Event != "before" || m.Phase != "freeze" || m.State.From != "https://old.example.org" {
		t.Errorf("%v: %s", err, first)
	}
	if strings.TrimSpace(second) != "before freeze autumn []" {
		t.Errorf("the environment: %s", second)
	}
}

func TestAHookThatFailsStopsTheMoveBeforeThePointOfNoReturnOnly(t *testing.T) {
	bad := script(t, "bad", "echo the balancer is away >&2; exit 3")
	all := map[string][]string{}
	for _, p := range phaseNames() {
		all[p] = []string{bad}
	}
	for _, c := range []struct {
		what  string
		stage move.Stage
		stops bool
	}{
		{move.EventBegins, move.StagePlan, true}, {move.EventEnds, move.StagePresync, true}, {move.EventBegins, move.StageFreeze, true},
		{move.EventEnds, move.StageVerify, true}, {move.EventBegins, move.StageCutover, true},
		{move.EventEnds, move.StageCutover, false}, {move.EventBegins, move.StageReverse, false}, {move.EventBegins, move.StageComplete, false},
	} {
		crew, log := crew(Hooks{Before: all, After: all})
		err := crew.Hear(t.Context(), at(c.what, c.stage))
		switch {
		case c.stops && (!chat.IsKind(err, chat.Denied) || !strings.Contains(err.Error(), "exit status 3; it said: the balancer is away")):
			t.Errorf("%s %s: %v", c.what, c.stage, err)
		case !c.stops && (err != nil || !strings.Contains(log.String(), "the balancer is away")):
			t.Errorf("%s %s: %v, and the log says %q", c.what, c.stage, err, log)
		}
	}
	c, _ := crew(Hooks{Before: all, After: all})
	for _, what := range []string{move.EventHuman, move.EventFails} {
		if err := c.Hear(t.Context(), at(what, move.StagePresync)); err != nil {
			t.Errorf("%s runs a hook: %v", what, err)
		}
	}
}

func TestAHookThatHangsIsEndedWithAllThatItStarted(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pid")
	t.Setenv("PIDS", pids)
	hook := script(t, "slow", `sleep 600 & echo $! > "$PIDS"; wait`)
	c, _ := crew(Hooks{Timeout: Duration(2 * time.Second), Before: map[string][]string{"presync": {hook}}})
	err := c.Hear(t.Context(), at(move.EventBegins, move.StagePresync))
	if err == nil || !strings.Contains(err.Error(), "longer than 2s") {
		t.Fatalf("%v", err)
	}
	pid, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if !pause(ctx, 10*time.Millisecond) {
			t.Fatalf("what it started is still there: %s", state)
		}
	}
}

func TestWhilePeopleWaitAHookHasAQuarterOfTheBudget(t *testing.T) {
	hook := script(t, "slow", `sleep 600`)
	c, _ := crew(Hooks{Before: map[string][]string{"delta": {hook}}})
	e := at(move.EventBegins, move.StageDelta)
	e.Status.Budget = 4 * time.Second
	if err := c.Hear(t.Context(), e); err == nil || !strings.Contains(err.Error(), "longer than 1s") {
		t.Errorf("%v", err)
	}
}

func TestAHookThatCannotBeRunIsFoundBeforehand(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, dir, filepath.Join(dir, "none")} {
		h := Hooks{After: map[string][]string{"cutover": {path}}}
		if err := h.Ready(); !chat.IsKind(err, chat.Invalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
	h := Hooks{After: map[string][]string{"cutover": {script(t, "good", "")}}}
	if err := h.Ready(); err != nil {
		t.Error(err)
	}
}
