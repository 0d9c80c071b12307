package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

// demoCmd does the main job on an invented export, with the commands that a
// person would type.
type demoCmd struct {
	Dir      string `default:"demo" placeholder:"DIR"`
	Listen   string `default:"127.0.0.1:8065" placeholder:"ADDR"`
	Messages int    `default:"4000" placeholder:"N"`
	Exit     bool   `env:"DEMO_EXIT"`
}

// Run does everything again without harm if it was run before.
func (c *demoCmd) Run(ctx context.Context, a *app) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	d := &demo{demoCmd: c, app: a, self: self}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	// The server ends with this command, in whatever way that ends.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server, err := d.serve(ctx)
	if err != nil {
		return err
	}
	if err := d.move(ctx); err != nil {
		cancel()
		return errors.Join(err, ended(server.wait()))
	}
	if c.Exit {
		cancel()
	}
	return server.wait()
}

type demo struct {
	*demoCmd
	*app
	self  string
	url   string
	token string
}

func (d *demo) path(name string) string { return filepath.Join(d.Dir, name) }

// prepare writes the export and the passwords, if they are not there.
func (d *demo) prepare(ctx context.Context) error {
	for _, name := range []string{"export-password", "password"} {
		if _, err := os.Stat(d.path(name)); err == nil {
			continue
		}
		if err := os.WriteFile(d.path(name), []byte(strings.ToLower(rand.Text())+"\n"), 0o600); err != nil {
			return err
		}
	}
	if _, err := os.Stat(d.path("hipchat.tar.gz.aes")); err == nil {
		return nil
	}
	return d.run(ctx, "sample", d.path("hipchat.tar.gz.aes"), "--users=60", "--rooms=30", fmt.Sprint("--messages=", d.Messages), "--traps", "--password-file", d.path("export-password"))
}

// command is one of ours, in a process of its own, shown as it would be typed.
func (d *demo) command(ctx context.Context, args ...string) *exec.Cmd {
	fmt.Fprintf(d.err, "\n$ godwit %s\n", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, d.self, args...)
	cmd.Stderr = d.err
	cmd.Env = append(os.Environ(), "GODWIT_TOKEN="+d.token)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * farewell
	return cmd
}

// run runs one of our commands; exit codes that say "finished" are no errors.
func (d *demo) run(ctx context.Context, args ...string) error {
	cmd := d.command(ctx, args...)
	cmd.Stdout = d.err
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == exitLosses {
		return nil // traps lose what cannot be carried, and the report says so
	}
	if err != nil {
		return chat.Errorf(chat.Internal, "godwit %s: %w", args[0], err).WithHint("to begin afresh, remove %s", d.Dir)
	}
	return nil
}

// output runs one of our commands and returns what it printed.
func (d *demo) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := d.command(ctx, args...)
	out, err := cmd.Output()
	if err != nil {
		err = chat.Errorf(chat.Internal, "godwit %s %s: %w", args[0], args[1], err).WithHint("to begin afresh, remove %s", d.Dir)
	}
	return out, err
}

type child struct{ done chan error }

func (c child) wait() error { return <-c.done }

// serve starts the server, and returns when it answers.
func (d *demo) serve(ctx context.Context) (child, error) {
	cmd := d.command(ctx, "serve", "--data", d.path("data"), "--listen", d.Listen)
	log, err := os.Create(d.path("serve.log"))
	if err != nil {
		return child{}, err
	}
	cmd.Stderr = log
	// A group of its own: Ctrl-C is for us, and we end it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return child{}, err
	}
	if err := cmd.Start(); err != nil {
		return child{}, err
	}
	greeting := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if address, ok := strings.CutPrefix(lines.Text(), "Godwit is at "); ok {
				greeting <- address
			}
		}
		close(greeting)
		err := cmd.Wait()
		if ctx.Err() != nil {
			err = nil
		}
		done <- errors.Join(err, log.Close())
	}()
	address, ok := <-greeting
	if !ok {
		text, _ := os.ReadFile(log.Name())
		return child{}, chat.Errorf(chat.Internal, "the server did not start: %s: %w", bytes.TrimSpace(text), <-done).WithHint("another one may be running: give another --listen")
	}
	d.url = address
	return child{done}, nil
}

// move brings the export into the server, as from another machine.
func (d *demo) move(ctx context.Context) error {
	token, err := d.output(ctx, "admin", "token", "--for=move", "--name=demo", "--days=1", "--data", d.path("data"))
	if err != nil {
		return err
	}
	d.token = strings.TrimSpace(string(token))
	steps := [][]string{
		{"import", "hipchat:" + d.path("hipchat.tar.gz.aes"), d.url, "--state", d.Dir, "--password-file", d.path("export-password")},
	}
	for _, args := range steps {
		if err := d.run(ctx, args...); err != nil {
			return err
		}
	}
	login, err := d.signIn(ctx)
	if err != nil {
		return err
	}
	return d.tell(login)
}

// somebody finds who of the export sees most: an owner or administrator.
func (d *demo) somebody(ctx context.Context) (login string, err error) {
	source, err := hipchat.Open(ctx, d.path("hipchat.tar.gz.aes"), connect.Options{Password: d.askPassword(d.path("export-password"))})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	rank := map[chat.Role]int{chat.RoleOwner: 3, chat.RoleAdmin: 2, chat.RoleMember: 1}
	best := 0
	for _, u := range source.Describe().People {
		if chat.CanSignIn(u) && u.Email != "" && rank[u.Role] > best {
			best, login = rank[u.Role], u.Email
		}
	}
	return login, nil
}

// signIn gives somebody a password, and tries it.
func (d *demo) signIn(ctx context.Context) (login string, err error) {
	password, err := readSecret(d.path("password"))
	if err != nil {
		return "", err
	}
	login, err = d.somebody(ctx)
	if err != nil {
		return "", err
	}
	if _, err := d.output(ctx, "admin", "reset-link", login, "--password-file", d.path("password"), "--data", d.path("data")); err != nil {
		return "", err
	}
	body, err := json.Marshal(api.SignIn{Login: login, Password: string(password)})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/api/v1/session", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", d.url)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return "", chat.Errorf(chat.Internal, "signing in as %s was answered with %s: %s", login, answer.Status, text)
	}
	return login, nil
}

func (d *demo) tell(login string) error {
	password, err := readSecret(d.path("password"))
	if err != nil {
		return err
	}
	report, err := filepath.Abs(d.path("hipchat.godwit/report.html"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.out, `
Godwit is at  %s
sign in as    %s
password      %s

Look at       the biggest room, and scroll back to its first message;
              a 1-1; an archived room (All rooms); files and custom emoticons;
              a search like "from:%s has:file"; the overview for administrators
the report    %s
everything    is in %s; remove it to begin afresh

Ctrl-C ends it. (%s)
`, d.url, login, password, strings.Split(login, "@")[0], report, d.Dir, time.Now().Format("15:04"))
	return err
}
