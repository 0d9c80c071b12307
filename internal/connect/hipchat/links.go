package hipchat

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"iter"
	"path/filepath"

	"github.com/godwit-chat/godwit/internal/connect"
)

// linkRecord is what a message says of its attachment.
type linkRecord struct {
	Sender     wirePerson     `json:"sender"`
	Attachment wireAttachment `json:"attachment"`
	Path       string         `json:"attachment_path"`
}

// Links yields the attachments whose bytes are not in the export and of which
// it says where the server had them. It reads the export twice: attachments may
// stand before the messages that name them, or behind.
func (s *Source) Links(ctx context.Context) iter.Seq2[connect.Link, error] {
	return func(yield func(connect.Link, error) bool) {
		seed := maphash.MakeSeed()
		have := map[uint64]bool{} // paths, in 8 bytes each
		err := s.eachEntry(ctx, func(e *entry) error {
			if r, _ := classify(e.path); r == roleAttachment {
				have[maphash.String(seed, contentPath(e.path))] = true
			}
			return nil
		})
		if err == nil {
			err = s.eachEntry(ctx, func(e *entry) error {
				return links(e, func(l connect.Link, paths []string) error {
					for _, p := range paths {
						if have[maphash.String(seed, contentPath(p))] {
							return nil
						}
					}
					if !yield(l, nil) {
						return errStopped
					}
					return nil
				})
			})
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(connect.Link{}, s.at(err))
		}
	}
}

func (s *Source) eachEntry(ctx context.Context, fn func(*entry) error) error {
	w, err := s.c.open()
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // only read
	for ctx.Err() == nil {
		e, err := w.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && e.bad == "" {
			err = fn(e)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// links finds the attachments of a history, and where the export may have
// each. What cannot be understood is left to the import, which says so.
func links(e *entry, fn func(connect.Link, []string) error) error {
	r, id := classify(e.path)
	if r != roleRoomHistory && r != roleUserHistory {
		return nil
	}
	var failed error
	err := each(e.body, messageMark, func(raw []byte) bool {
		var rec map[string]linkRecord
		if failed != nil || decode(raw, &rec) != nil {
			return false
		}
		for _, v := range rec {
			at := v.Attachment.Path
			if at == "" {
				at = v.Path
			}
			if _, bad := cleanPath(at, ""); at == "" || bad != "" || v.Attachment.URL == "" || !filepath.IsLocal(filepath.FromSlash(sharedFiles+at)) {
				continue
			}
			paths := []string{sharedFiles + at, "users/" + string(v.Sender.ID) + "/files/" + at}
			if r == roleRoomHistory {
				paths = append(paths, "rooms/"+id+"/files/"+at)
			}
			failed = fn(connect.Link{Path: sharedFiles + at, Address: v.Attachment.URL, Size: max(v.Attachment.Size, 0), Where: e.path}, paths)
		}
		return failed == nil
	})
	return errors.Join(failed, err)
}

var _ connect.Linker = (*Source)(nil)
