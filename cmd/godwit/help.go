package main

import (
	"embed"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/godwit-chat/godwit/internal/chat"
)

// The help texts are written by hand; a test compares them with the flags.
//
//go:embed help/*.txt
var helpTexts embed.FS

// helpCmd prints the help of a command.
type helpCmd struct {
	Topic []string `arg:"" optional:""`
}

// Run prints the help of the topic, or the list of commands.
func (h helpCmd) Run(a *app) error {
	topic := strings.Join(append([]string{"godwit"}, h.Topic...), " ")
	if !writeHelp(a.out, topic) {
		return chat.Errorf(chat.Invalid, "there is no help on %q", strings.Join(h.Topic, " ")).WithHint("godwit help")
	}
	return nil
}

// writeHelp writes the help on a topic, as "godwit import". It reports
// whether there is any.
func writeHelp(w io.Writer, topic string) bool {
	name := strings.TrimPrefix(strings.ReplaceAll(topic, " ", "-"), "godwit-")
	text, err := helpTexts.ReadFile("help/" + name + ".txt")
	if err != nil {
		return false
	}
	_, _ = w.Write(text) // nobody reads it
	return true
}

func printHelp(_ kong.HelpOptions, ctx *kong.Context) error {
	topic := strings.TrimSpace("godwit " + commandName(ctx))
	if !writeHelp(ctx.Stdout, topic) {
		writeHelp(ctx.Stdout, "godwit")
	}
	return nil
}

// commandName returns the words of the command that was chosen, without its
// arguments.
func commandName(ctx *kong.Context) string {
	var words []string
	for _, p := range ctx.Path {
		if p.Command != nil {
			words = append(words, p.Command.Name)
		}
	}
	return strings.Join(words, " ")
}
