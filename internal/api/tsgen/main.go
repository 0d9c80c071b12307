// Command tsgen writes the TypeScript types of the HTTP API from the Go types.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"reflect"
	"strings"
)

const head = `// Made by internal/api/tsgen from types in Go (internal/api/api.go says which): change them there, then type: make gen.
// Addresses and meaning are said there.
`

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: tsgen OUT.ts FILE.go…")
	}
	text, err := generate(os.Args[2:])
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte(text), 0o644) //nolint:gosec // source code, for everybody to read
	}
	if err != nil {
		log.Fatal("tsgen: ", err)
	}
}

// generate returns an interface for each exported struct of the files, in
// their order.
func generate(files []string) (string, error) {
	var b strings.Builder
	b.WriteString(head)
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return "", err
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				t := s.(*ast.TypeSpec)
				if st, ok := t.Type.(*ast.StructType); ok && t.Name.IsExported() {
					if err := object(&b, t.Name.Name, st); err != nil {
						return "", fmt.Errorf("%s: %s: %w", name, t.Name.Name, err)
					}
				}
			}
		}
	}
	return b.String(), nil
}

func object(b *strings.Builder, name string, st *ast.StructType) error {
	var extends, lines []string
	for _, f := range st.Fields.List {
		if len(f.Names) == 0 {
			extends = append(extends, last(f.Type))
			continue
		}
		if f.Tag == nil {
			return fmt.Errorf("field %s has no name in JSON", f.Names[0])
		}
		key, options, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
		if key == "-" {
			continue
		}
		typ, err := typeOf(f.Type)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Names[0], err)
		}
		if strings.HasPrefix(options, "omit") {
			key += "?"
		}
		lines = append(lines, "  "+key+": "+typ+";\n")
	}
	fmt.Fprintf(b, "\nexport interface %s ", name)
	if len(extends) > 0 {
		fmt.Fprintf(b, "extends %s ", strings.Join(extends, ", "))
	}
	b.WriteString("{\n" + strings.Join(lines, "") + "}\n")
	return nil
}

func last(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return e.(*ast.Ident).Name
}

// standard are types of other packages that JSON writes in a way of its own.
var standard = map[string]string{
	"time.Time": "string", "time.Duration": "number", // RFC 3339; nanoseconds
	"chat.Kind": "string", "chat.State": "string", "chat.Turn": "number",
}

func typeOf(e ast.Expr) (string, error) {
	switch t := e.(type) {
	case *ast.ArrayType:
		of, err := typeOf(t.Elt)
		return of + "[]", err
	case *ast.MapType:
		key, err := typeOf(t.Key)
		if err != nil {
			return "", err
		}
		value, err := typeOf(t.Value)
		return "Record<" + key + ", " + value + ">", err
	case *ast.StarExpr:
		return typeOf(t.X)
	case *ast.SelectorExpr:
		if known, ok := standard[fmt.Sprint(t.X, ".", t.Sel.Name)]; ok {
			return known, nil
		}
		return t.Sel.Name, nil
	case *ast.Ident:
		switch t.Name {
		case "any":
			return "unknown", nil
		case "string", "Stage":
			return "string", nil
		case "bool":
			return "boolean", nil
		case "int", "int64", "float64":
			return "number", nil // 2^53 microseconds end in the year 2255
		}
		if t.IsExported() {
			return t.Name, nil
		}
	}
	return "", fmt.Errorf("a %T has no type in TypeScript yet", e)
}
