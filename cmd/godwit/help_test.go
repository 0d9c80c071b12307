package main

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var flagWord = regexp.MustCompile(`--[a-z][a-z-]*`)

func TestHelpNamesEveryFlagAndNoOther(t *testing.T) {
	k, err := kong.New(&commands{}, kong.Vars{"data": defaultData})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"godwit.txt": true}
	var walk func(n *kong.Node, name string)
	walk = func(n *kong.Node, name string) {
		file := strings.ReplaceAll(name, " ", "-") + ".txt"
		if name != "" {
			seen[file] = true
			checkHelp(t, n, name, file)
		}
		for _, child := range n.Children {
			walk(child, strings.TrimSpace(name+" "+child.Name))
		}
	}
	walk(k.Model.Node, "")
	files, err := fs.ReadDir(helpTexts, "help")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("help/%s is the help of no command", f.Name())
		}
	}
}

func checkHelp(t *testing.T, n *kong.Node, name, file string) {
	t.Helper()
	text, err := helpTexts.ReadFile("help/" + file)
	if err != nil {
		t.Errorf("%s has no help: %v", name, err)
		return
	}
	help := string(text)
	for _, part := range []string{"\nUsage: godwit " + name, "\nWhat it changes: ", "\nExample: ", "\nExit codes: "} {
		if len(n.Children) == 0 && !strings.Contains(help, part) {
			t.Errorf("the help of %s has no %q", name, strings.TrimSpace(part))
		}
	}
	if len(n.Children) > 0 {
		return
	}
	known := map[string]bool{}
	for _, group := range n.AllFlags(false) {
		for _, f := range group {
			if f.Name == "help" {
				continue
			}
			known["--"+f.Name] = true
			if !slices.Contains(flagWord.FindAllString(help, -1), "--"+f.Name) {
				t.Errorf("the help of %s does not name --%s", name, f.Name)
			}
		}
	}
	for _, line := range strings.Split(help, "\n") {
		if word := flagWord.FindString(line); strings.HasPrefix(line, "  --") && !known[word] {
			t.Errorf("the help of %s names %s, which it does not have", name, word)
		}
	}
}

func TestHelpFitsATerminal(t *testing.T) {
	files, err := fs.ReadDir(helpTexts, "help")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, _ := helpTexts.ReadFile("help/" + f.Name())
		for i, line := range strings.Split(string(text), "\n") {
			if len([]rune(line)) > 80 {
				t.Errorf("help/%s, line %d has more than 80 letters", f.Name(), i+1)
			}
		}
	}
}
