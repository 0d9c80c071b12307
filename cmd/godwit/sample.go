package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/connect/hipchat"
)

// sampleCmd writes an invented export.
type sampleCmd struct {
	File         string `arg:""`
	Users        int    `default:"40" placeholder:"N"`
	Rooms        int    `default:"25" placeholder:"N"`
	Messages     int    `default:"5000" placeholder:"N"`
	Files        int    `default:"-1" placeholder:"N"`
	Bytes        int64  `default:"0" placeholder:"N"`
	Flavour      string `enum:"B,C" default:"B"`
	Seed         uint64 `default:"1" placeholder:"N"`
	Later        bool
	Traps        bool
	PasswordFile string `placeholder:"FILE"`
}

// Run writes the export, and says what is in it.
func (c *sampleCmd) Run(ctx context.Context, a *app) error {
	o := hipchat.SampleOptions{
		Seed: c.Seed, Users: c.Users, Rooms: c.Rooms, Messages: c.Messages, Files: c.Files, Bytes: c.Bytes,
		Flavour: c.Flavour, Later: c.Later, Traps: c.Traps,
	}
	if o.Files < 0 {
		o.Files = min(200, c.Messages/10)
	}
	if strings.HasSuffix(c.File, ".aes") {
		var err error
		if o.Password, err = a.askPassword(c.PasswordFile)(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := hipchat.Sample(ctx, c.File, o); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	size := info.Size()
	if info.IsDir() {
		size = 0
	}
	made := map[string]any{"file": c.File, "bytes": size, "users": o.Users, "rooms": o.Rooms, "messages": o.Messages, "files": o.Files, "seconds": time.Since(began).Seconds()}
	return a.result(made, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s people, %s rooms, %s messages, %s files, in %s\nnext: godwit inspect hipchat:%s\n",
			c.File, number(int64(o.Users)), number(int64(o.Rooms)), number(int64(o.Messages)), number(int64(o.Files)), round(time.Since(began)), c.File)
		return err
	})
}
