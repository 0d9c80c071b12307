// Command godwit is the command line, and wires everything.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // people's time zones, also on machines that have none

	"github.com/alecthomas/kong"

	"github.com/godwit-chat/godwit/internal/chat"
)

// version is set when a binary is built for others.
var version = "development"

func main() { os.Exit((&app{in: os.Stdin, out: os.Stdout, err: os.Stderr}).run(os.Args[1:])) }

// app is what all commands share.
type app struct {
	in       *os.File
	out, err io.Writer
	json     bool
	step     func(string) error // called between the steps of a move; nil but in tests
}

// commands is the command line. What each does is said in help/NAME.txt.
type commands struct {
	JSON bool `name:"json"`

	Serve    serveCmd    `cmd:""`
	Plan     planCmd     `cmd:""`
	Import   importCmd   `cmd:""`
	Sync     syncCmd     `cmd:""`
	Cutover  cutoverCmd  `cmd:""`
	Rollback rollbackCmd `cmd:""`
	Complete completeCmd `cmd:""`
	Abort    abortCmd    `cmd:""`
	Rehearse rehearseCmd `cmd:""`
	Status   statusCmd   `cmd:""`
	Set      setCmd      `cmd:""`
	Verify   verifyCmd   `cmd:""`
	Inspect  inspectCmd  `cmd:""`
	Report   reportCmd   `cmd:""`
	Export   exportCmd   `cmd:""`
	Archive  archiveCmd  `cmd:""`
	Browse   browseCmd   `cmd:""`
	Sample   sampleCmd   `cmd:""`
	Demo     demoCmd     `cmd:""`
	Admin    adminCmd    `cmd:""`
	Version  versionCmd  `cmd:""`
	Help     helpCmd     `cmd:""`
}

// run does what a command line says, and returns the exit code.
func (a *app) run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks to end; a second one, which finds no handler, ends
	// the process.
	defer context.AfterFunc(ctx, stop)()

	var c commands
	k, err := kong.New(&c,
		kong.Name("godwit"),
		kong.Help(printHelp),
		kong.Writers(a.out, a.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Vars{"data": defaultData},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(a),
	)
	if err != nil {
		panic(err) // a bug in the structs above
	}
	return a.do(ctx, k, &c, args)
}

type exit int

func (a *app) do(ctx context.Context, k *kong.Kong, c *commands, args []string) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			code = int(r)
		default:
			panic(r)
		}
	}()
	if len(args) == 0 {
		writeHelp(a.out, "godwit")
		return exitUsage
	}
	parsed, err := k.Parse(args)
	a.json = c.JSON || hasFlag(args, "--json")
	if err != nil {
		return a.fail(ctx, usageError(err))
	}
	return a.fail(ctx, parsed.Run())
}

func hasFlag(args []string, name string) bool {
	for _, arg := range args {
		if arg == name {
			return true
		}
	}
	return false
}

// usageError turns what the parser says into an error with a hint.
func usageError(err error) error {
	topic := "godwit"
	if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil {
		if name := commandName(p.Context); name != "" {
			topic += " " + name
		}
	}
	return chat.Errorf(chat.Invalid, "%w", err).WithHint("%s --help", topic)
}

// versionCmd prints the version.
type versionCmd struct{}

// Run prints the version of this program.
func (versionCmd) Run(a *app) error {
	return a.result(map[string]string{"version": version}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, "godwit", version)
		return err
	})
}
