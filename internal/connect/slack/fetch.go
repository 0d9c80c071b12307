package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// fetcher gets what an export only links to: files, avatars, custom emoji. It
// keeps them in a directory, from which a later run takes them.
type fetcher struct {
	get   *connect.Fetcher
	token string
	api   string // of Slack's Web API
	look  bool   // nothing is to be fetched; what was fetched counts
	try   bool   // the token, although nothing else is asked

	mu    sync.Mutex
	emoji *emojiList // asked for once
}

// Hosts of Slack's own. The token goes to the first list only: pictures are
// served to anybody who knows their address.
var (
	tokenHosts   = []string{"files.slack.com", "slack.com"}
	pictureHosts = []string{"avatars.slack-edge.com", "ca.slack-edge.com", "emoji.slack-edge.com", "a.slack-edge.com", "slack-files.com"}
)

func newFetcher(o connect.Options) *fetcher {
	if o.Fetch == "" {
		return nil
	}
	f := &fetcher{token: o.FetchToken, api: "https://slack.com/api/"}
	f.get = connect.NewFetcher(o.Fetch, o.FetchToken, o.FetchVia)
	f.look, f.try = o.Look, o.FetchTry
	f.get.TokenHosts, f.get.Hosts, f.get.SignIn = tokenHosts, append(slices.Clone(tokenHosts), pictureHosts...), isSignIn
	return f
}

// check asks whether the token is one, so that a wrong one is known in the
// first second and not in the last hour.
func (f *fetcher) check(ctx context.Context) error {
	if f == nil || f.look && !f.try {
		return nil
	}
	if !f.look {
		if err := f.get.Prepare(); err != nil {
			return err
		}
	}
	if f.token == "" {
		return nil
	}
	data, err := f.get.Call(ctx, f.api+"auth.test")
	if err != nil {
		return chat.Errorf(chat.Unavailable, "Slack cannot be asked for files: %w", err).WithHint("see whether this machine reaches slack.com, or leave --fetch-files out")
	}
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil || !answer.OK {
		return chat.Errorf(chat.Unknown, "Slack does not know the token: %s", orElse(answer.Error, "no answer that can be read")).
			WithHint("make an app of your own in the workspace with the scopes files:read and emoji:read, and take its bot token (xoxb-…)")
	}
	return nil
}

// isSignIn reports whether a page is the one with which Slack answers those
// who may not have a file: with 200, as if it were the file.
func isSignIn(head []byte) bool {
	head = bytes.ToLower(head)
	if !bytes.Contains(head, []byte("<html")) && !bytes.Contains(head, []byte("<!doctype html")) {
		return false
	}
	for _, sign := range []string{"signin", "sign in", "sign_in", "slack-edge.com/bv1", "data-cdn=", "ssb_redirect"} {
		if bytes.Contains(head, []byte(sign)) {
			return true
		}
	}
	return false
}

// emojiList is the team's own emoji.
type emojiList struct {
	names []string
	by    map[string]string // addresses, or "alias:NAME"
	why   string            // why it could not be got
}

const emojiFile = "emoji.json"

// emojis asks for the list of custom emoji. Without a network, what was
// got the last time counts.
func (f *fetcher) emojis(ctx context.Context, ask bool) *emojiList {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.emoji != nil {
		return f.emoji
	}
	l := &emojiList{by: map[string]string{}}
	path := filepath.Join(f.get.Dir, emojiFile)
	if ask && f.token != "" {
		data, err := f.get.Call(ctx, f.api+"emoji.list")
		if err == nil {
			err = l.read(data)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			l.why = err.Error()
		}
	} else if ask {
		l.why = "Slack tells the list only to whom it knows: a token is needed"
	}
	if len(l.by) == 0 {
		if data, err := os.ReadFile(path); err == nil && l.read(data) == nil {
			l.why = ""
		}
	}
	if !ask && len(l.by) == 0 {
		return l // not for good: a reading that asks may come
	}
	f.emoji = l
	return l
}

func (l *emojiList) read(data []byte) error {
	var answer struct {
		OK    bool              `json:"ok"`
		Error string            `json:"error"`
		Emoji map[string]string `json:"emoji"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("the list of emoji: %w", err)
	}
	if !answer.OK {
		return fmt.Errorf("slack does not give the list of emoji: %s", answer.Error)
	}
	l.by, l.names = answer.Emoji, slices.Sorted(maps.Keys(answer.Emoji))
	return nil
}

// resolve follows aliases.
func (l *emojiList) resolve(name string) string {
	for range 5 {
		next, ok := strings.CutPrefix(l.by[name], "alias:")
		if !ok {
			return l.by[name]
		}
		name = next
	}
	return ""
}

// fetched gives what is not in the export: pictures of people, custom emoji,
// and then the files of all conversations.
func (g *giver) fetched(ctx context.Context) error {
	f := g.s.fetch
	if f == nil {
		return nil
	}
	if err := g.fetchedPictures(ctx, f); err != nil {
		return err
	}
	return g.fetchedFiles(ctx, f)
}

func (g *giver) fetchedPictures(ctx context.Context, f *fetcher) error {
	var list []fetchable
	for _, p := range g.s.w.order {
		if p.avatar != "" && !g.given[p.user.Avatar] {
			list = append(list, fetchable{id: "avatar-" + p.user.Avatar.String(), content: p.user.Avatar, name: "the picture of " + p.user.Name, address: p.avatar, picture: true, where: "users.json"})
		}
	}
	emoji := f.emojis(ctx, g.fetch)
	if emoji.why != "" && g.fetch {
		if err := g.give(connect.Item{Note: loss(chat.KindEmoticon, "emoji.list", "custom emoji could not be got: %s", emoji.why)}, 0, ""); err != nil {
			return err
		}
	}
	for n, name := range emoji.names {
		address := emoji.resolve(name)
		if !strings.HasPrefix(address, "http") {
			continue // an alias of a standard one
		}
		content := chat.ContentID(g.s.w.key("content", "emoji", address))
		e := &chat.Emoticon{ID: chat.EmoticonID(g.s.w.key("emoticon", name)), Shortcut: name, Content: content}
		after := ""
		if n%100 == 99 {
			after = cursor{artefact: g.from.artefact, stage: stageFetch}.String()
		}
		if err := g.give(connect.Item{Incoming: chat.Incoming{Object: e}}, 0, after); err != nil {
			return err
		}
		if !g.given[content] {
			g.given[content] = true
			list = append(list, fetchable{id: "emoji-" + content.String(), content: content, name: "the emoji :" + name + ":", address: address, picture: true, where: "emoji.list"})
		}
	}
	for part := range slices.Chunk(list, fetchedAtOnce) {
		if err := g.bring(ctx, f, part, cursor{artefact: g.from.artefact, stage: stageFetch}.String()); err != nil {
			return err
		}
	}
	return nil
}

// fetchedAtOnce is how many files are got before they are given.
const fetchedAtOnce = 64

// fetchedFiles walks through all conversations once more, and gets their
// files in order. What a run before got is there already: going on after a
// stop costs one reading, and no transfer.
func (g *giver) fetchedFiles(ctx context.Context, f *fetcher) error {
	here := cursor{artefact: g.from.artefact, stage: stageFetch}.String()
	var list []fetchable
	p := &pass{s: g.s, from: cursor{artefact: g.from.artefact}}
	var failed error
	err := p.run(ctx, func(b *batch) bool {
		if b.err != nil {
			if failed = b.err; errors.Is(failed, io.EOF) {
				failed = nil
			}
			return false
		}
		for i := range b.results {
			for _, x := range b.results[i].files {
				if !g.given[x.content] {
					g.given[x.content] = true
					list = append(list, x)
				}
			}
		}
		for len(list) >= fetchedAtOnce && failed == nil {
			failed = g.bring(ctx, f, list[:fetchedAtOnce], here)
			list = slices.Clone(list[fetchedAtOnce:])
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err != nil || len(list) == 0 {
		return err
	}
	return g.bring(ctx, f, list, here)
}

// bring gets files, several at once, and gives them in their order.
func (g *giver) bring(ctx context.Context, f *fetcher, list []fetchable, here string) error {
	wanted := make([]connect.Fetch, len(list))
	for i, x := range list {
		if x.html {
			x.size = 0 // Slack counts something else than the page that it gives
		}
		wanted[i] = connect.Fetch{Name: x.id, Address: x.address, Size: x.size, Page: x.html, Picture: x.picture}
	}
	var why []error
	if g.fetch {
		var err error
		if why, err = f.get.Get(ctx, wanted); err != nil {
			return err
		}
	}
	for i, x := range list {
		after := ""
		if i == len(list)-1 {
			after = here
		}
		file, size, err := f.get.Open(wanted[i])
		switch {
		case err == nil:
			err = g.give(connect.Item{Incoming: chat.Incoming{Object: &chat.Content{ID: x.content}}, Bytes: file, Size: size}, 0, after)
			_ = file.Close() // only read
		case !errors.Is(err, os.ErrNotExist):
		case !g.fetch:
			err = nil // what was not got is not there
		default:
			err = g.give(connect.Item{Note: loss(chat.KindContent, x.where, "%s could not be fetched: %v", x.name, why[i])}, 0, after)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
