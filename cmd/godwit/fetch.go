package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// fetchFlags say whether to get files that an export only links to.
type fetchFlags struct {
	FetchFiles     bool
	FetchTo        string `placeholder:"DIR"`
	FetchTokenFile string `placeholder:"FILE"`
}

// options takes the flags into those of a source. The token is never a flag's
// value: everybody on the machine would see it.
func (f *fetchFlags) options(from string, o *connect.Options) (err error) {
	switch {
	case !f.FetchFiles && (f.FetchTo != "" || f.FetchTokenFile != ""):
		return chat.Errorf(chat.Invalid, "--fetch-to and --fetch-token-file mean nothing without --fetch-files").WithHint("add --fetch-files")
	case !f.FetchFiles:
		return nil
	case o.WithoutFiles:
		return chat.Errorf(chat.Invalid, "--fetch-files and --without-files contradict each other").WithHint("give one of them")
	}
	scheme, path, _ := strings.Cut(from, ":")
	if scheme != "slack" {
		return chat.Errorf(chat.Invalid, "files can be fetched for slack: sources, not for %q", from).WithHint("for others, copy the files by other means and add --files-from DIR")
	}
	if o.Fetch = f.FetchTo; o.Fetch == "" {
		base := filepath.Base(filepath.Clean(path))
		o.Fetch = strings.TrimSuffix(base, filepath.Ext(base)) + ".files"
	}
	if f.FetchTokenFile == "" {
		o.FetchToken = strings.TrimSpace(os.Getenv("GODWIT_SLACK_TOKEN"))
		return nil
	}
	data, err := readSecret(f.FetchTokenFile)
	o.FetchToken = strings.TrimSpace(string(data))
	return err
}
