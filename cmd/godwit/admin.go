package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// adminCmd holds the commands for who has the machine in their hands. They
// work on a place that nobody serves, and through the running server on one
// that is served.
type adminCmd struct {
	CreateUser createUserCmd `cmd:""`
	ResetLink  resetLinkCmd  `cmd:""`
	Invite     inviteCmd     `cmd:""`
	Token      tokenCmd      `cmd:""`
	Reindex    reindexCmd    `cmd:""`
	Pair       pairCmd       `cmd:""`
	Open       openCmd       `cmd:""`
}

// order gives an order to the office of a place.
func (p *place) order(ctx context.Context, verb string, in order) (out outcome, err error) {
	if err := p.check(); err != nil {
		return out, err
	}
	if r, ok := dialRunning(ctx, p.dir()); ok {
		return out, r.call(ctx, verb, in, &out)
	}
	if p.Database == "" {
		if _, err := os.Stat(p.Data); errors.Is(err, os.ErrNotExist) {
			return out, chat.Errorf(chat.NotFound, "there is no data directory %s", p.Data).WithHint("name it with --data DIR or GODWIT_DATA; godwit serve makes one")
		}
	}
	o, err := p.open(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	desk, err := newOffice(ctx, o)
	if err != nil {
		return out, err
	}
	return verbs[verb](desk, ctx, in)
}

// linkFlags say which address links begin with.
type linkFlags struct {
	Address string `placeholder:"URL" env:"GODWIT_ADDRESS"`
}

// createUserCmd makes a person.
type createUserCmd struct {
	place        `embed:""`
	linkFlags    `embed:""`
	Name         string `arg:""`
	Email        string `arg:""`
	Mention      string `placeholder:"NAME"`
	Owner        bool   `xor:"role"`
	Admin        bool   `xor:"role"`
	Guest        bool   `xor:"role"`
	PasswordFile string `placeholder:"FILE"`
}

// Run makes the person, and prints a link for the password.
func (c *createUserCmd) Run(ctx context.Context, a *app) error {
	in := order{Name: c.Name, Email: c.Email, Mention: c.Mention, Role: chat.RoleMember, Address: c.Address}
	switch {
	case c.Owner:
		in.Role = chat.RoleOwner
	case c.Admin:
		in.Role = chat.RoleAdmin
	case c.Guest:
		in.Role = chat.RoleGuest
	}
	if err := in.readPassword(c.PasswordFile); err != nil {
		return err
	}
	out, err := c.order(ctx, "create-user", in)
	if err != nil {
		return err
	}
	return a.result(out, func(w io.Writer) error {
		fmt.Fprintf(w, "%s <%s> is here now, as %s.\n", out.Person.Name, out.Person.Email, out.Person.Role)
		return writeLinks(w, out)
	})
}

func (in *order) readPassword(file string) error {
	if file == "" {
		return nil
	}
	p, err := readSecret(file)
	in.Password = string(p)
	return err
}

func writeLinks(w io.Writer, out outcome) error {
	for _, l := range out.Links {
		fmt.Fprintf(w, "%s sets a password here, once, until %s:\n  %s\n", l.Name, l.Expires.Local().Format("2 January 2006, 15:04"), l.URL)
	}
	return nil
}

// resetLinkCmd makes a link for a person to set a new password.
type resetLinkCmd struct {
	place        `embed:""`
	linkFlags    `embed:""`
	User         string `arg:""`
	PasswordFile string `placeholder:"FILE"`
}

// Run prints the link, or sets the password at once.
func (c *resetLinkCmd) Run(ctx context.Context, a *app) error {
	in := order{User: c.User, Address: c.Address}
	if err := in.readPassword(c.PasswordFile); err != nil {
		return err
	}
	out, err := c.order(ctx, "reset-link", in)
	if err != nil {
		return err
	}
	return a.result(out, func(w io.Writer) error {
		if out.Person != nil {
			fmt.Fprintf(w, "%s has the new password.\n", out.Person.Name)
		}
		return writeLinks(w, out)
	})
}

// inviteCmd makes links for everybody who has no password.
type inviteCmd struct {
	place     `embed:""`
	linkFlags `embed:""`
	All       bool   `required:""`
	CSV       string `name:"csv" required:"" placeholder:"FILE"`
}

// Run writes the links to a file that only its owner can read.
func (c *inviteCmd) Run(ctx context.Context, a *app) error {
	if _, err := os.Stat(c.CSV); err == nil {
		return chat.Errorf(chat.Conflict, "%s is there already", c.CSV).WithHint("its links would stop working; move it away, or give another name")
	}
	out, err := c.order(ctx, "invite", order{Address: c.Address})
	if err != nil {
		return err
	}
	if err := c.write(out.Links); err != nil {
		return err
	}
	return a.result(map[string]any{"file": c.CSV, "links": len(out.Links)}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s holds a link for each of %s people without a password: send it to them, and to nobody else.\n", c.CSV, number(int64(len(out.Links))))
		return err
	})
}

func (c *inviteCmd) write(links []link) (err error) {
	f, err := os.OpenFile(c.CSV, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the links: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := csv.NewWriter(f)
	rows := [][]string{{"name", "email", "mention", "link", "expires"}}
	for _, l := range links {
		rows = append(rows, []string{cell(l.Name), cell(l.Email), cell(l.Mention), l.URL, l.Expires.Format(time.RFC3339)})
	}
	return w.WriteAll(rows)
}

// cell keeps a spreadsheet from taking what somebody is called for a formula.
func cell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

// tokenCmd makes a token for a program.
type tokenCmd struct {
	place `embed:""`
	For   string `enum:"move,admin" required:""`
	Name  string `default:"made by godwit admin" placeholder:"NAME"`
	Days  int    `default:"30" placeholder:"N"`
}

// Run prints the token, and nothing else, so that it can go into a variable.
func (c *tokenCmd) Run(ctx context.Context, a *app) error {
	if c.Days < 0 {
		return chat.Errorf(chat.Invalid, "--days is %d; it is 0 for ever, or more", c.Days)
	}
	out, err := c.order(ctx, "token", order{Name: c.Name, Scope: chat.Scope(c.For), Life: time.Duration(c.Days) * 24 * time.Hour})
	if err != nil {
		return err
	}
	return a.result(out, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, out.Token)
		return err
	})
}

// reindexCmd drops the search index.
type reindexCmd struct {
	place `embed:""`
}

// Run drops the index; the server builds it again.
func (c *reindexCmd) Run(ctx context.Context, a *app) error {
	if _, err := c.order(ctx, "reindex", order{}); err != nil {
		return err
	}
	return a.result(map[string]bool{"ok": true}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, "The index is dropped. The running server, or the next one, makes everything searchable again; newest messages may be missing from searches meanwhile.")
		return err
	})
}
