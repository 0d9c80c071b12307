package pilot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// Hooks are executables that are run before and after the phases of a move,
// by the phase's name. Each gets an Event as JSON on its input.
type Hooks struct {
	Timeout Duration            `toml:"timeout"` // for each; 30 s if not set
	Before  map[string][]string `toml:"before"`
	After   map[string][]string `toml:"after"`
}

// phases are what hooks are named by, in their order.
var phases = []move.Stage{
	move.StagePlan, move.StagePresync, move.StageFollow, move.StageFreeze, move.StageDelta, move.StageVerify, move.StageCutover,
	move.StageReverse, move.StageComplete, move.StageAborted,
}

// endless are the phases after which no hook runs, and what to name instead:
// what ends them is the beginning of another one.
var endless = map[move.Stage]string{move.StageFollow: "before.freeze, or after.cutover", move.StageReverse: "before.freeze, or before.complete"}

func phaseNames() []string {
	names := make([]string, len(phases))
	for i, p := range phases {
		names[i] = string(p)
	}
	return names
}

const (
	hookTimeout = 30 * time.Second
	hookGrace   = 2 * time.Second // between the end of a hook and that of who holds its output
	hookOutput  = 4 << 10
)

func (h *Hooks) check() error {
	for when, list := range map[string]map[string][]string{"before": h.Before, "after": h.After} {
		for phase, files := range list {
			if !slices.Contains(phaseNames(), phase) {
				return chat.Errorf(chat.Invalid, "hooks.%s.%s: there is no phase of that name", when, phase).WithHint("the phases are %s", strings.Join(phaseNames(), ", "))
			}
			if instead, ok := endless[move.Stage(phase)]; ok && when == "after" {
				return chat.Errorf(chat.Invalid, "hooks.after.%s would never be run", phase).WithHint("name it in %s", instead)
			}
			if slices.Contains(files, "") {
				return chat.Errorf(chat.Invalid, "hooks.%s.%s names no file", when, phase)
			}
		}
	}
	return nil
}

// Ready fails with Invalid if a hook cannot be run: better in minute zero
// than at the cutover.
func (h *Hooks) Ready() error {
	for _, list := range []map[string][]string{h.Before, h.After} {
		for _, files := range list {
			for _, f := range files {
				info, err := os.Stat(f)
				if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
					err = errors.New("it is not an executable file")
				}
				if err != nil {
					return chat.Errorf(chat.Invalid, "the hook %s cannot be run: %w", f, err).WithHint("chmod +x makes a script executable; paths are below the directory of the file that names them")
				}
			}
		}
	}
	return nil
}

// run runs the hooks for a message, one after the other, each for at most so
// long. The first that fails ends it.
func (h *Hooks) run(ctx context.Context, m Message, limit time.Duration) error {
	files := h.Before[m.Phase]
	if m.Event == "after" {
		files = h.After[m.Phase]
	}
	if len(files) == 0 {
		return nil
	}
	input, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := runHook(ctx, f, input, m, limit); err != nil {
			return err
		}
	}
	return nil
}

func runHook(ctx context.Context, file string, input []byte, m Message, limit time.Duration) error {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, file) //nolint:gosec // the operator names it
	cmd.Stdin = bytes.NewReader(append(input, '\n'))
	said := &tail{limit: hookOutput}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Env = append(withoutSecrets(os.Environ()), "GODWIT_MOVE="+m.Move, "GODWIT_PHASE="+m.Phase, "GODWIT_EVENT="+m.Event)
	// What it started ends with it: it has a group of its own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = hookGrace
	err := cmd.Run()
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(outer.Err(), context.DeadlineExceeded):
		err = errors.New("people could not wait for it any longer")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it took longer than %s", limit)
	}
	return chat.Errorf(chat.Denied, "the hook %s, %s %s, ended with: %w%s", file, m.Event, m.Phase, err, said.quoted()).
		WithHint("mend it or take it out of the file of the move, then run the same line again")
}

// withoutSecrets keeps our tokens and passwords from other programs.
func withoutSecrets(env []string) []string {
	return slices.DeleteFunc(env, func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return strings.HasPrefix(name, "GODWIT_") && secretWord(strings.ToLower(name))
	})
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	held  []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.held = append(t.held, p...)
	if len(t.held) > t.limit {
		t.held = append(t.held[:0], t.held[len(t.held)-t.limit:]...)
	}
	return len(p), nil
}

func (t *tail) quoted() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.held), "�"))
	if text == "" {
		return ""
	}
	return "; it said: " + text
}
