package markup

func code(lang, s string) Node { return Node{Type: "pre", Lang: lang, Text: s} }
