package main

import (
	"context"
	"net/url"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
	"github.com/godwit-chat/godwit/internal/connect/live"
	"github.com/godwit-chat/godwit/internal/connect/slack"
)

// connectors are all that a mover can read from and write to. Files is where
// the files of a Postgres place are.
func connectors(files string) connect.Set {
	return connect.Set{
		hipchat.Connector,
		slack.Connector,
		{
			Schemes: []string{"archive"},
			Help:    "archive:PLACE  an archive of a Godwit: a directory, s3://BUCKET/PREFIX or FILE.tar",
			OpenSource: func(ctx context.Context, url string, o connect.Options) (connect.Source, error) {
				return openArchived(ctx, url, o)
			},
		},
		{
			Schemes: []string{"http", "https"},
			Help:    "https://…  a running server, with a token in GODWIT_TOKEN or --token-file",
			OpenTarget: func(ctx context.Context, url string, o connect.Options) (connect.Target, error) {
				return openRemote(ctx, url, o.Token)
			},
		},
		{
			Schemes: []string{"postgres", "postgresql"},
			Help:    "postgres://…  a Postgres database, with its files in --files DIR",
			OpenTarget: func(ctx context.Context, url string, o connect.Options) (connect.Target, error) {
				return openTarget(ctx, place{Database: url, Files: files}, o.Look)
			},
		},
		{
			Schemes: []string{""},
			Help:    "DIR  a data directory of godwit serve, made if it is not there",
			OpenTarget: func(ctx context.Context, dir string, o connect.Options) (connect.Target, error) {
				return openTarget(ctx, place{Data: dir}, o.Look)
			},
		},
	}
}

// patience is for how long a mover waits for a server that went away.
const patience = 10 * time.Minute

func openRemote(ctx context.Context, address, token string) (connect.Target, error) {
	if token == "" {
		return nil, chat.Errorf(chat.Unknown, "%s is a running server, and needs a token", redact(address)).
			WithHint("make one there with `godwit admin token --for move`, and set GODWIT_TOKEN or add --token-file FILE")
	}
	r, err := live.Dial(ctx, address, token)
	if err != nil {
		return nil, err // not r: a nil *Remote is not a nil Target
	}
	r.Patience(patience)
	return r, nil
}

func openTarget(ctx context.Context, p place, look bool) (connect.Target, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if look {
		return lookAt(ctx, p)
	}
	o, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	return live.NewDirect(o.title, o.store, o.files, version).Seals(o.sealer).OnClose(o.close), nil
}

// redact returns an address without a password in it.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Redacted()
}
