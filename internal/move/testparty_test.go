package move_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/godwit-chat/godwit/internal/blob"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/live"
)

type testParty struct {
	*live.Direct
	files *blob.Dir
	dir   string
	mu    sync.Mutex
	parts map[string][]byte
	load  connect.Load
}

func (p *testParty) Read(_ context.Context, hash string, offset int64) (io.ReadCloser, error) {
	f, err := p.files.Open(hash)
	if err != nil {
		return nil, chat.Errorf(chat.NotFound, "no bytes of %s", hash)
	}
	_, err = f.Seek(offset, io.SeekStart)
	return f, err
}
func (p *testParty) Lacks(_ context.Context, hashes []string) (map[string]int64, error) {
	has, out := p.files.Has(hashes), map[string]int64{}
	for _, h := range hashes {
		if !has[h] {
			out[h] = 0
		}
	}
	return out, nil
}
func (p *testParty) Write(ctx context.Context, hash string, size, offset int64, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(p.dir, hash[:2], hash))
	_, err = p.files.Put(ctx, bytes.NewReader(data), size)
	return err
}
func (p *testParty) Load(context.Context) (connect.Load, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.load, nil
}
func (p *testParty) Tell(context.Context, string, []byte, int64) ([]connect.Order, error) {
	return nil, nil
}
