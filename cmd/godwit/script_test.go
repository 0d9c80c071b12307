package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"godwit": armed})
}

// The behaviour of each command is in testdata/script, one file each.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       os.Getenv("UPDATE_GOLDEN") != "",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[serverKey{}] = &background{}
			e.Setenv("PW", filepath.Join(e.WorkDir, "pw"))
			return os.WriteFile(filepath.Join(e.WorkDir, "pw"), []byte("tern over the sound\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cut":       cut,
			"exits":     exits,
			"postgres":  postgresFor(t),
			"listen":    freeAddress,
			"written":   written,
			"server":    startServer,
			"end":       end,
			"served":    served,
			"interrupt": interrupt,
			"mode":      mode,
		},
	})
}

// cut FILE BYTES leaves only the first bytes of a file.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// exits CODE COMMAND… runs a command that must end with that very code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	if got := exitCode(err); got != want {
		ts.Fatalf("exit code %d, not %d: %v", got, want, err)
	}
}

// written N compares how many objects the report on stdout says were written.
func written(ts *testscript.TestScript, not bool, args []string) {
	var r move.Report
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &r))
	var n int64
	for _, c := range r.Counts {
		n += c.Written
	}
	if (strconv.FormatInt(n, 10) == args[0]) == not {
		ts.Fatalf("%d objects were written", n)
	}
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(interface{ ExitCode() int }); ok {
		return e.ExitCode()
	}
	return -1
}

// postgresFor makes `postgres VAR`, which puts the address of a fresh database
// into a variable.
func postgresFor(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Setenv(args[0], testkit.Postgres(t))
	}
}

// freeAddress makes `listen VAR`, which puts an address that nobody listens on
// into a variable.
func freeAddress(ts *testscript.TestScript, _ bool, args []string) {
	address, err := testkit.FreeAddress()
	ts.Check(err)
	ts.Setenv(args[0], address)
}
