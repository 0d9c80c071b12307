package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
)

// archiveCmd looks after an archive.
type archiveCmd struct {
	Prune pruneCmd `cmd:""`
	Keys  keysCmd  `cmd:""`
}

// pruneCmd drops old snapshots.
type pruneCmd struct {
	Archive             string `arg:""`
	KeepLast            int    `placeholder:"N"`
	KeepDaily           int    `placeholder:"N"`
	KeepWeekly          int    `placeholder:"N"`
	KeepMonthly         int    `placeholder:"N"`
	ForgetDeleted       bool
	DryRun              bool
	PasswordFile        string `placeholder:"FILE"`
	Identity            string `placeholder:"FILE" env:"GODWIT_IDENTITY"`
	WithSecrets         bool
	SecretsPasswordFile string `placeholder:"FILE"`
}

// Run prunes.
func (c *pruneCmd) Run(ctx context.Context, a *app) (err error) {
	if c.KeepLast < 0 || c.KeepDaily < 0 || c.KeepWeekly < 0 || c.KeepMonthly < 0 || c.KeepLast+c.KeepDaily+c.KeepWeekly+c.KeepMonthly == 0 && !c.ForgetDeleted {
		return chat.Errorf(chat.Invalid, "which snapshots are to stay?").WithHint("for instance --keep-daily 7 --keep-weekly 5 --keep-monthly 12; the newest always stays")
	}
	f := archiveFlags{Identity: c.Identity, WithSecrets: c.WithSecrets, SecretsPasswordFile: c.SecretsPasswordFile}
	ar, err := f.open(ctx, a, archivePlace(c.Archive), c.PasswordFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	limitMemory()
	k := archive.Keep{Last: c.KeepLast, Daily: c.KeepDaily, Weekly: c.KeepWeekly, Monthly: c.KeepMonthly, Forget: c.ForgetDeleted, Dry: c.DryRun}
	if c.KeepLast+c.KeepDaily+c.KeepWeekly+c.KeepMonthly == 0 {
		k.Last = 1 << 30 // only --forget-deleted: all stay
	}
	p, err := ar.Prune(ctx, k)
	if err != nil {
		return err
	}
	return a.result(p, func(w io.Writer) error {
		if c.DryRun {
			_, err := fmt.Fprintf(w, "would keep %s, and drop %s. Nothing was changed.\n", numbers(p.Kept), numbers(p.Dropped))
			return err
		}
		fmt.Fprintf(w, "kept %s, dropped %s; %d pieces written anew, %d files removed; %s before, %s now\n",
			numbers(p.Kept), numbers(p.Dropped), p.Rewritten, p.Files, bytesText(p.Before), bytesText(p.After))
		if p.Sealed && (len(p.Dropped) > 0 || c.ForgetDeleted) {
			fmt.Fprintln(w, "secrets of the dropped snapshots stay: --with-secrets takes them out")
		}
		return nil
	})
}

// archivePlace is where an archive is, with or without its scheme.
func archivePlace(name string) string { return strings.TrimPrefix(name, archiveScheme) }

func numbers(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	var b strings.Builder
	for i := 0; i < len(list); i++ {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		from := i
		for i+1 < len(list) && list[i+1] == list[i]+1 {
			i++
		}
		fmt.Fprint(&b, list[from])
		if i > from {
			fmt.Fprintf(&b, "–%d", list[i])
		}
	}
	return b.String()
}

// keysCmd lists, adds and removes what opens an archive.
type keysCmd struct {
	List   keysListCmd   `cmd:""`
	Add    keysAddCmd    `cmd:""`
	Remove keysRemoveCmd `cmd:""`
}

// keyLine is a key as it is shown.
type keyLine struct {
	Name    string    `json:"name"`
	Opens   string    `json:"opens"` // archive, secrets
	By      string    `json:"by"`    // password, recipient
	Address string    `json:"recipient,omitempty"`
	Added   time.Time `json:"added"`
}

func (k keyLine) text() string {
	return fmt.Sprintf("%s  %s of %s, opens the %s", k.Name, k.By, k.Added.Format("2006-01-02"), k.Opens)
}

func keyLines(ar *archive.Archive) []keyLine {
	lines := []keyLine{}
	for i, opens := range []string{"archive", "secrets"} {
		for _, k := range ar.Keys(i == 1) {
			l := keyLine{Name: k.Name, Opens: opens, By: "password", Address: k.Recipient, Added: k.Added}
			if k.Recipient != "" {
				l.By = "recipient"
			}
			lines = append(lines, l)
		}
	}
	return lines
}

type keysListCmd struct {
	Archive string `arg:""`
}

// Run lists the keys; none is needed for that.
func (c *keysListCmd) Run(ctx context.Context, a *app) (err error) {
	ar, err := archive.Open(ctx, archivePlace(c.Archive))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	return a.printKeys(ar)
}

func (a *app) printKeys(ar *archive.Archive) error {
	lines := keyLines(ar)
	return a.result(lines, func(w io.Writer) error {
		for _, k := range lines {
			fmt.Fprintln(w, k.text())
		}
		if len(lines) == 0 {
			fmt.Fprintln(w, "The archive is not encrypted.")
		}
		return nil
	})
}

// keyFlags say which keys are meant, and what opens the archive now.
type keyFlags struct {
	Archive             string `arg:""`
	Secrets             bool
	PasswordFile        string `placeholder:"FILE"`
	SecretsPasswordFile string `placeholder:"FILE"`
	Identity            string `placeholder:"FILE" env:"GODWIT_IDENTITY"`
}

func (c *keyFlags) open(ctx context.Context, a *app) (*archive.Archive, error) {
	f := archiveFlags{Identity: c.Identity, WithSecrets: c.Secrets, SecretsPasswordFile: c.SecretsPasswordFile}
	return f.open(ctx, a, archivePlace(c.Archive), c.PasswordFile)
}

type keysAddCmd struct {
	keyFlags        `embed:""`
	Name            string `placeholder:"NAME"`
	Recipient       string `placeholder:"age1…"`
	NewPasswordFile string `placeholder:"FILE"`
}

// Run adds a key.
func (c *keysAddCmd) Run(ctx context.Context, a *app) (err error) {
	if c.Recipient != "" && c.NewPasswordFile != "" {
		return chat.Errorf(chat.Invalid, "a key is a recipient or a password").WithHint("give one of --recipient and --new-password-file")
	}
	ar, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	k := archive.NewKey{Name: c.Name, Recipient: c.Recipient}
	if c.Recipient == "" {
		const env = "GODWIT_NEW_PASSWORD"
		k.Passphrase, err = a.newPassword(ctx, a.asking(c.NewPasswordFile, env, "New password: ",
			chat.Errorf(chat.Invalid, "there is no new key").WithHint("give --recipient age1… or --new-password-file FILE")), c.NewPasswordFile, env)
		if err != nil {
			return err
		}
	}
	if err := ar.AddKey(ctx, k, c.Secrets); err != nil {
		return err
	}
	return a.printKeys(ar)
}

type keysRemoveCmd struct {
	keyFlags `embed:""`
	Key      string `arg:""`
}

// Run removes a key. Whoever removes one shows that they have one.
func (c *keysRemoveCmd) Run(ctx context.Context, a *app) (err error) {
	ar, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	if err := ar.RemoveKey(ctx, c.Key, c.Secrets); err != nil {
		return err
	}
	return a.printKeys(ar)
}
