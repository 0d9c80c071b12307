package server

import (
	"bytes"
	"cmp"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// pageHead is what a page says of itself.
type pageHead struct {
	title, text, site, picture string
}

// mostTags is how many tags of a page are looked at.
const mostTagsOfPage = 20_000

// readHead reads the head of a page: OpenGraph first, then what Twitter reads,
// then what every browser does. Whatever the page is, it ends soon.
func readHead(data []byte, typ string) pageHead {
	found := map[string]string{}
	set := func(name, value string) {
		if value = strings.TrimSpace(value); value != "" && found[name] == "" {
			found[name] = value
		}
	}
	var r io.Reader = bytes.NewReader(data)
	if decoded, err := charset.NewReader(r, typ); err == nil {
		r = decoded
	}
	z := html.NewTokenizer(r)
	z.SetMaxBuf(256 << 10)
	var title strings.Builder
	inTitle := false
	for range mostTagsOfPage {
		switch z.Next() {
		case html.ErrorToken:
			return headOf(found)
		case html.TextToken:
			if inTitle {
				title.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch atom.Lookup(name) {
			case atom.Body:
				return headOf(found)
			case atom.Title:
				inTitle = title.Len() == 0
			case atom.Meta:
				if more {
					meta(z, set)
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch atom.Lookup(name) {
			case atom.Title:
				inTitle = false
				set("title", title.String())
			case atom.Head:
				return headOf(found)
			}
		}
	}
	return headOf(found)
}

func headOf(found map[string]string) pageHead {
	return pageHead{
		title:   cmp.Or(found["og:title"], found["twitter:title"], found["title"]),
		text:    cmp.Or(found["og:description"], found["twitter:description"], found["description"]),
		site:    cmp.Or(found["og:site_name"], found["application-name"]),
		picture: cmp.Or(found["og:image:secure_url"], found["og:image:url"], found["og:image"], found["twitter:image"], found["twitter:image:src"]),
	}
}

func meta(z *html.Tokenizer, set func(name, value string)) {
	var name, value string
	for {
		key, val, more := z.TagAttr()
		switch string(key) {
		case "property", "name":
			name = cmp.Or(name, strings.ToLower(strings.TrimSpace(string(val))))
		case "content":
			value = string(val)
		}
		if !more {
			break
		}
	}
	if name != "" && name != "title" { // that is the title's own
		set(name, value)
	}
}

// pictureOf is where a page's picture is, if it has one.
func (h pageHead) pictureOf(page *url.URL) string {
	if h.picture == "" {
		return ""
	}
	u, err := page.Parse(h.picture)
	if err != nil || check(u) != nil {
		return ""
	}
	return u.String()
}
