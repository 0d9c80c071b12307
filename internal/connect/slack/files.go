package slack

import (
	"net/url"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

// fetchable is a file whose bytes Slack may still have.
type fetchable struct {
	id      string // F…, or what else names it in the directory of what was fetched
	content chat.ContentID
	name    string
	address string
	size    int64 // 0 if it is not known
	html    bool  // a page is what it should be
	picture bool  // anything else is wrong
	where   string
}

// attach makes the files of a message.
func (c converter) attach(r *room, m *wireMessage, s *sent, card *markup.SlackCard, where string) {
	files := m.Files
	if m.File != nil && m.Subtype != "file_comment" && m.Subtype != "file_mention" {
		files = append(files, m.File)
	}
	say := func(a markup.SlackAttachment) { card.Attachments = append(card.Attachments, a) }
	seen := map[string]bool{}
	for _, f := range files {
		if f == nil || f.ID == "" || seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		name := nameOf(f.Name, f.Title, f.ID)
		switch {
		case f.Mode == "tombstone":
			say(markup.SlackAttachment{Text: "_A file that was here had been deleted at Slack._"})
			s.more = append(s.more, *loss(chat.KindFile, where, "the file %s had been deleted at Slack", f.ID))
			continue
		case f.Mode == "external" || f.External:
			say(markup.SlackAttachment{Title: nameOf(f.Title, name), TitleLink: f.Private})
			continue
		case f.Mode == "hidden_by_limit":
			s.more = append(s.more, *loss(chat.KindFile, where, "Slack's plan hides the file %s; after an upgrade there it is in the next export", f.ID))
		}
		own := &chat.File{
			ID: chat.FileID(chat.DeriveKey(s.at, c.w.source, "file", s.message.ID.String(), f.ID)), Room: r.native.ID, Message: s.message.ID, Author: s.message.Author,
			Name: name, Size: f.Size.size(), Sent: s.at, Origin: withoutToken(nameOf(f.Permalink, f.Private, f.ID)), Contents: []chat.ContentID{c.w.contentID(f.ID)},
		}
		s.message.Files = append(s.message.Files, own.ID)
		s.others = append(s.others, own)
		if c.w.uploads[f.ID] == nil {
			s.files = append(s.files, fetchable{
				id: f.ID, content: own.Contents[0], name: name, address: nameOf(f.Download, f.Private), size: own.Size,
				html: isPage(f), where: where,
			})
		}
	}
}

// isPage reports whether a file is one that Slack gives as a page.
func isPage(f *wireFile) bool {
	switch f.Mode {
	case "quip", "canvas", "space", "post", "docs":
		return true
	}
	return strings.HasPrefix(f.Mimetype, "text/html") || f.Filetype == "html"
}

// withoutToken takes the secret out of an address that lets anybody read the
// file.
func withoutToken(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}
