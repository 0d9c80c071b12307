package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/godwit-chat/godwit/internal/testkit"
)

// serverKey finds a script's server among its values.
type serverKey struct{}

// background is a server that runs beside a script.
type background struct {
	cmd      *exec.Cmd
	greeting string
	log      bytes.Buffer
	rest     chan error
}

// command prepares one of our commands with the environment of a script.
func command(ts *testscript.TestScript, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GODWIT_TOKEN", "GODWIT_PASSWORD", "GOCOVERDIR"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	return cmd
}

// startServer makes `server VAR FLAGS…`, which starts `godwit serve` on a free port and puts its address
// at this machine into VAR, and host and port into LISTEN. It ends with `end`,
// or with the script.
func startServer(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value(serverKey{}).(*background)
	if b.cmd != nil {
		ts.Fatalf("a server is running already")
	}
	listen, err := testkit.FreeAddress()
	ts.Check(err)
	cmd := command(ts, "godwit", append([]string{"serve", "--listen", listen}, args[1:]...)...)
	*b = background{cmd: cmd, rest: make(chan error, 1)}
	cmd.Stderr = &b.log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = b.end() })
	lines := bufio.NewReader(out)
	if b.greeting, err = lines.ReadString('\n'); err != nil {
		ts.Fatalf("the server did not start: %s", &b.log)
	}
	if strings.Contains(b.greeting, "Godwit is at") {
		// The greeting is written in one go before anything is served.
		ts.Setenv(args[0], "http://"+listen)
		ts.Setenv("LISTEN", listen)
	}
	go func() {
		var rest bytes.Buffer
		_, err := rest.ReadFrom(lines)
		b.greeting += rest.String()
		b.rest <- errors.Join(err, cmd.Wait())
	}()
}

// end ends the server, which must end well.
func end(ts *testscript.TestScript, _ bool, _ []string) {
	b := ts.Value(serverKey{}).(*background)
	if b.cmd == nil {
		ts.Fatalf("no server is running")
	}
	if err := b.end(); err != nil {
		ts.Fatalf("the server ended with %v: %s", err, &b.log)
	}
}

func (b *background) end() error {
	if b.cmd == nil {
		return nil
	}
	err := b.cmd.Process.Signal(syscall.SIGTERM)
	b.cmd = nil
	return errors.Join(err, <-b.rest)
}

// served PATTERN matches what the server that has ended printed.
func served(ts *testscript.TestScript, not bool, args []string) {
	b := ts.Value(serverKey{}).(*background)
	if b.cmd != nil {
		ts.Fatalf("the server has not ended yet")
	}
	if regexp.MustCompile(`(?m)`+args[0]).MatchString(b.greeting) == not {
		ts.Fatalf("the server printed: %s", b.greeting)
	}
}

// interrupt CODE PATTERN COMMAND… runs a command, interrupts it when it has
// printed a line on stderr that matches, and holds it to its exit code.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	pattern := regexp.MustCompile(args[1])
	cmd := command(ts, args[2], args[3:]...)
	said, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	found := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		ts.Logf("[stderr] %s", lines.Text())
		_, err := ts.Stderr().Write(append(lines.Bytes(), '\n'))
		ts.Check(err)
		if !found && pattern.MatchString(lines.Text()) {
			found = true
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	err = cmd.Wait()
	if !found {
		ts.Fatalf("no line matched %s: %v", pattern, err)
	}
	if got := exitCode(err); got != want {
		ts.Fatalf("exit code %d, not %d: %v", got, want, err)
	}
}

// mode PERMISSIONS FILE compares who may read a file.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
		ts.Fatalf("%s has mode %s, not %s", args[1], got, args[0])
	}
}
