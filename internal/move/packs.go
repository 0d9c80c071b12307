package move

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Small files go together: a request for each would cost more than its bytes.
const (
	packFile  = 256 << 10 // a file that is larger goes alone
	packBytes = 4 << 20
	packFiles = 400
)

// copyPacks copies small files in packs, and returns what is lacking still.
func (f *Flight) copyPacks(ctx context.Context, byHash map[string]*chat.Content, lacks map[string]int64) (map[string]int64, error) {
	from, ok := f.way.writer.party.(connect.Packer)
	to, ok2 := f.way.follower.party.(connect.Packer)
	packs := packsOf(byHash, lacks)
	if !ok || !ok2 || len(packs) == 0 {
		return lacks, nil
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, pack := range packs {
		if err := f.files.acquire(gctx, func() int { return f.knob().parallel }); err != nil {
			return nil, firstOf(g.Wait(), err)
		}
		g.Go(func() error {
			defer f.files.release()
			return f.copyPack(gctx, from, to, pack)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return f.lackingStill(ctx, lacks, packs)
}

// lackingStill asks for what went in packs. What did not arrive goes alone:
// then it is found out why.
func (f *Flight) lackingStill(ctx context.Context, lacks map[string]int64, packs [][]string) (map[string]int64, error) {
	there, err := f.way.follower.party.Lacks(ctx, slices.Concat(packs...))
	if err != nil {
		return nil, err
	}
	left, copied := map[string]int64{}, int64(0)
	for hash, offset := range lacks {
		left[hash] = offset
	}
	for _, hash := range slices.Concat(packs...) {
		if _, lacking := there[hash]; !lacking {
			delete(left, hash)
			copied++
		}
	}
	f.board.edit(func(s *Status) { s.Files.Copied += copied })
	return left, nil
}

// packsOf puts small files together of which nothing has come.
func packsOf(byHash map[string]*chat.Content, lacks map[string]int64) (packs [][]string) {
	var pack []string
	bytes := int64(0)
	for hash, offset := range lacks {
		size := byHash[hash].Size
		if offset > 0 || size > packFile {
			continue
		}
		if bytes+size > packBytes || len(pack) == packFiles {
			packs, pack, bytes = append(packs, pack), nil, 0
		}
		pack, bytes = append(pack, hash), bytes+size
	}
	if len(pack) > 1 || len(pack) == 1 && len(packs) > 0 {
		packs = append(packs, pack)
	}
	return packs
}

func (f *Flight) copyPack(ctx context.Context, from, to connect.Packer, pack []string) (err error) {
	r, err := from.Pack(ctx, pack)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, r.Close()) }()
	return to.Unpack(ctx, &paced{ctx: ctx, r: r, f: f})
}
