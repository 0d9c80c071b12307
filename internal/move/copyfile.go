package move

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/chat"
)

// fileFlow is how many files are copied at once.
type fileFlow struct {
	mu   sync.Mutex
	busy int
	free chan struct{} // closed and made anew when one ends
}

func (ff *fileFlow) acquire(ctx context.Context, most func() int) error {
	for {
		ff.mu.Lock()
		if ff.busy < most() {
			ff.busy++
			ff.mu.Unlock()
			return nil
		}
		if ff.free == nil {
			ff.free = make(chan struct{})
		}
		wait := ff.free
		ff.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (ff *fileFlow) release() {
	ff.mu.Lock()
	defer ff.mu.Unlock()
	ff.busy--
	if ff.free != nil {
		close(ff.free)
		ff.free = nil
	}
}

// copyFiles copies the bytes of a batch's contents that are not there. What
// the place that writes has not got itself is noted as a loss.
func (f *Flight) copyFiles(ctx context.Context, b *bundle) error {
	lost, err := f.copyContents(ctx, b.contents, false)
	b.batch.Notes = append(b.batch.Notes, lost...)
	return err
}

// copyContents copies the bytes of contents that the place that follows lacks,
// or, if they are damaged there, all of them.
func (f *Flight) copyContents(ctx context.Context, contents []*chat.Content, damaged bool) (lost []chat.Note, err error) {
	if len(contents) == 0 {
		return nil, nil
	}
	byHash, hashes := map[string]*chat.Content{}, []string{}
	for _, c := range contents {
		if byHash[c.Hash] == nil {
			byHash[c.Hash] = c
			hashes = append(hashes, c.Hash)
		}
	}
	lacks, err := f.way.follower.party.Lacks(ctx, hashes)
	if err != nil {
		return nil, err
	}
	if damaged {
		for _, h := range hashes {
			lacks[h] = 0
		}
	}
	f.board.edit(func(s *Status) { s.Files.There += int64(len(hashes) - len(lacks)) })
	if !damaged {
		if lacks, err = f.copyPacks(ctx, byHash, lacks); err != nil {
			return nil, err
		}
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for _, h := range hashes {
		offset, lacking := lacks[h]
		if !lacking {
			continue
		}
		if err := f.files.acquire(gctx, func() int { return f.knob().parallel }); err != nil {
			return lost, firstOf(g.Wait(), err)
		}
		g.Go(func() error {
			defer f.files.release()
			note, err := f.copyFile(gctx, byHash[h], offset)
			if note != nil {
				mu.Lock()
				defer mu.Unlock()
				lost = append(lost, *note)
			}
			return err
		})
	}
	return lost, g.Wait()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// copyTries is how often a file that breaks off is gone on with.
const copyTries = 4

// copyFile copies a file from an offset on; one that breaks off goes on where
// it did.
func (f *Flight) copyFile(ctx context.Context, c *chat.Content, offset int64) (*chat.Note, error) {
	for try := 1; ; try++ {
		err := f.copyOnce(ctx, c, offset)
		switch {
		case err == nil:
			f.board.edit(func(s *Status) { s.Files.Copied++ })
			return nil, nil
		case chat.IsKind(err, chat.NotFound) || chat.IsKind(err, chat.Damaged) && try == copyTries:
			f.board.edit(func(s *Status) { s.Files.Gone++ })
			return &chat.Note{Kind: chat.NoteLoss, Object: chat.KindContent, Where: c.Hash, Reason: "the bytes of the file are missing or damaged where it comes from"}, nil
		case ctx.Err() != nil || try == copyTries || !passes(err) && !chat.IsKind(err, chat.Damaged):
			return nil, err
		}
		lacks, err := f.way.follower.party.Lacks(ctx, []string{c.Hash})
		if err != nil {
			return nil, err
		}
		had, lacking := lacks[c.Hash]
		if !lacking {
			return nil, nil
		}
		if offset = had; chat.IsKind(err, chat.Damaged) {
			offset = 0
		}
	}
}

func (f *Flight) copyOnce(ctx context.Context, c *chat.Content, offset int64) (err error) {
	r, err := f.way.writer.party.Read(ctx, c.Hash, offset)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, r.Close()) }()
	return f.way.follower.party.Write(ctx, c.Hash, c.Size, offset, &paced{ctx: ctx, r: r, f: f})
}

// paced lets bytes through as the timetable allows, and counts them.
type paced struct {
	ctx context.Context
	r   io.Reader
	f   *Flight
}

func (p *paced) Read(b []byte) (int, error) {
	if len(b) > pacedChunk {
		b = b[:pacedChunk]
	}
	n, err := p.r.Read(b)
	p.f.board.edit(func(s *Status) { s.Files.Bytes += int64(n) })
	if n > 0 {
		if e := p.f.hold(p.ctx, int64(n)); e != nil {
			return n, e
		}
	}
	return n, err
}

const pacedChunk = 256 << 10
