package slack

import (
	"context"

	"github.com/godwit-chat/godwit/internal/connect"
)

type fetcher struct{}

func newFetcher(o connect.Options) (*fetcher, error) { return nil, nil }

func (g *giver) fetched(ctx context.Context) error { return nil }
