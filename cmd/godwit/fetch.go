package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// fetchFlags say whether to get files that an export only links to.
type fetchFlags struct {
	FetchFiles     bool
	FetchTo        string   `placeholder:"DIR"`
	FetchTokenFile string   `placeholder:"FILE"`
	FetchHosts     []string `placeholder:"HOST,…"`

	try bool // a plan tries the token, so that an import is not the first to
}

// options takes the flags into those of a source. The token is never a flag's
// value: everybody on the machine would see it.
func (f *fetchFlags) options(from string, o *connect.Options) (err error) {
	switch {
	case !f.FetchFiles && (f.FetchTo != "" || f.FetchTokenFile != "" || len(f.FetchHosts) > 0):
		return chat.Errorf(chat.Invalid, "--fetch-to, --fetch-hosts and --fetch-token-file mean nothing without --fetch-files").WithHint("add --fetch-files")
	case !f.FetchFiles:
		return nil
	case o.WithoutFiles:
		return chat.Errorf(chat.Invalid, "--fetch-files and --without-files contradict each other").WithHint("give one of them")
	}
	scheme, path, _ := strings.Cut(from, ":")
	switch {
	case scheme == "hipchat" && o.FilesFrom != "":
		return chat.Errorf(chat.Invalid, "--fetch-files and --files-from are two ways to the same files").WithHint("give one of them; --fetch-to DIR takes what is in a directory already, too")
	case scheme == "hipchat" && f.FetchTokenFile != "":
		return chat.Errorf(chat.Invalid, "HipChat's addresses need no token").WithHint("leave --fetch-token-file out")
	case scheme == "slack" && len(f.FetchHosts) > 0:
		return chat.Errorf(chat.Invalid, "Slack's hosts are known").WithHint("leave --fetch-hosts out")
	case scheme != "slack" && scheme != "hipchat":
		return chat.Errorf(chat.Invalid, "files can be fetched for slack: and hipchat: sources, not for %q", from)
	}
	o.FetchTry = f.try
	if o.Fetch = f.FetchTo; o.Fetch == "" {
		base := filepath.Base(filepath.Clean(path))
		o.Fetch = strings.TrimSuffix(base, filepath.Ext(base)) + ".files"
	}
	if scheme == "hipchat" {
		return nil
	}
	if f.FetchTokenFile == "" {
		o.FetchToken = strings.TrimSpace(os.Getenv("GODWIT_SLACK_TOKEN"))
		return nil
	}
	data, err := readSecret(f.FetchTokenFile)
	o.FetchToken = strings.TrimSpace(string(data))
	return err
}

// linked gets the files that a source's export links to, and opens it again
// with them. A source that does that itself, or needs it not, is returned as
// it is. Where nothing may be changed, what was got before counts.
func (f *fetchFlags) linked(ctx context.Context, a *app, set connect.Set, from string, o *connect.Options, source connect.Source) (connect.Source, error) {
	l, ok := source.(connect.Linker)
	if !ok || !f.FetchFiles {
		return source, nil
	}
	if !o.Look {
		if err := f.getLinks(ctx, a, l, o); err != nil {
			return source, err
		}
	}
	if info, err := os.Stat(o.Fetch); err != nil || !info.IsDir() {
		return source, nil
	}
	o.FilesFrom = o.Fetch
	again, err := set.Source(ctx, from, *o)
	if err != nil {
		return source, err
	}
	return again, source.Close()
}

// linksAtOnce is how many links are looked at before their files are got.
const linksAtOnce = 256

// getLinks gets files from the hosts that a person named. An export is data:
// it must not choose whom this machine asks.
func (f *fetchFlags) getLinks(ctx context.Context, a *app, l connect.Linker, o *connect.Options) error {
	get := connect.NewFetcher(o.Fetch, "", o.FetchVia)
	get.Plain, get.SignIn = true, asksPassword
	for _, h := range f.FetchHosts {
		get.Hosts = append(get.Hosts, strings.ToLower(h))
	}
	if err := get.Prepare(); err != nil {
		return err
	}
	others := map[string]int{}
	var got, failed int
	var list []connect.Fetch
	flush := func() error {
		reasons, err := get.Get(ctx, list)
		for i, why := range reasons {
			if why == nil {
				got++
			} else if failed++; failed <= 20 {
				fmt.Fprintf(a.err, "fetch: %s: %v\n", list[i].Path, why)
			}
		}
		list = list[:0]
		return err
	}
	for link, err := range l.Links(ctx) {
		if err != nil {
			return err
		}
		u, err := url.Parse(link.Address)
		if err != nil || !slices.Contains(get.Hosts, strings.ToLower(u.Host)) {
			host := "(no address)"
			if err == nil {
				host = u.Host
			}
			others[host]++
			continue
		}
		list = append(list, connect.Fetch{Name: link.Path, Path: link.Path, Address: link.Address, Size: link.Size, Page: isPageName(link.Path)})
		if len(list) == linksAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(flush(), ctx.Err()); err != nil {
		return err
	}
	if len(f.FetchHosts) == 0 && len(others) > 0 {
		return chat.Errorf(chat.Invalid, "the attachments are on %s, which nobody said may be asked", hostsOf(others)).
			WithHint("name those that you trust: --fetch-hosts %s", strings.Join(slices.Sorted(maps.Keys(others)), ","))
	}
	report(a.err, got, failed, others)
	return nil
}

func report(w io.Writer, got, failed int, others map[string]int) {
	fmt.Fprintf(w, "fetch: %d files are here, %d could not be got\n", got, failed)
	if len(others) > 0 {
		fmt.Fprintf(w, "fetch: not asked: %s\n", hostsOf(others))
	}
}

func hostsOf(counts map[string]int) string {
	var parts []string
	for _, h := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s (%d)", h, counts[h]))
	}
	return strings.Join(parts, ", ")
}

// asksPassword recognises the page with which a server answers those whom it
// does not know.
func asksPassword(head []byte) bool {
	return bytes.Contains(bytes.ToLower(head), []byte(`type="password"`))
}

func isPageName(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".html" || ext == ".htm"
}
