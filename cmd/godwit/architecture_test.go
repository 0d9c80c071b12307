package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/godwit-chat/godwit/"

type pkg struct {
	ImportPath string
	Name       string
	Doc        string
	Imports    []string
}

type row struct {
	may, outside []string
	purpose      string
}

func TestArchitectureIsWhatTheDocumentSays(t *testing.T) {
	rows := readTable(t, "../../ARCHITECTURE.md")
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		seen[name] = true
		r, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row in ARCHITECTURE.md", name)
			continue
		}
		checkPurpose(t, name, p, r)
		for _, imported := range p.Imports {
			if !allowed(imported, r) {
				t.Errorf("%s imports %s, which its row in ARCHITECTURE.md does not allow", name, imported)
			}
		}
	}
	for name := range rows {
		if !seen[name] {
			t.Errorf("ARCHITECTURE.md has a row for %s, which does not exist", name)
		}
	}
}

func TestTheArchitecturePageStaysOnePage(t *testing.T) {
	data, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n >= 120 {
		t.Errorf("ARCHITECTURE.md has %d lines; fewer than 120 are wanted", n)
	}
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", module+"cmd/...", module+"internal/...", module+"web")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 10 {
		t.Fatalf("only %d packages found", len(list))
	}
	return list
}

func readTable(t *testing.T, file string) map[string]row {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 4 || !strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			continue
		}
		name := strings.Trim(strings.TrimSpace(cells[0]), "`")
		rows[name] = row{words(cells[1]), words(cells[2]), strings.TrimSpace(cells[3])}
	}
	return rows
}

func words(cell string) []string {
	cell = strings.TrimSpace(cell)
	if cell == "–" {
		return nil
	}
	return strings.Split(cell, ", ")
}

// checkPurpose compares the first sentence of the doc comment with the row.
func checkPurpose(t *testing.T, name string, p pkg, r row) {
	t.Helper()
	begin := "Package " + p.Name + " "
	if p.Name == "main" {
		begin = "Command " + path.Base(name) + " "
	}
	if want := begin + r.purpose + "."; p.Doc != want {
		t.Errorf("the doc comment of %s begins\n\t%q\nand ARCHITECTURE.md says\n\t%q", name, p.Doc, want)
	}
}

func allowed(imported string, r row) bool {
	own, isOwn := strings.CutPrefix(imported, module)
	if isOwn {
		return slices.Contains(r.may, "all") || slices.Contains(r.may, strings.TrimPrefix(own, "internal/"))
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(r.outside, func(word string) bool {
		return strings.Contains("/"+imported+"/", "/"+word+"/")
	})
}
