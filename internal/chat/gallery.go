package chat

import (
	"context"
	"slices"
)

// RoomFile is a file with the message that it is in.
type RoomFile struct {
	*FileView
	In *Message
}

const (
	filesPage  = 40
	filesAsked = 200 // files that are looked at at once
	filesTurns = 10  // times: what fits may be rare
)

// RoomFiles lists files of a room whose content fits: from the newest on, or
// those before a file (Older), or those after it, nearest first. More says
// whether there may be more, behind the file that next names.
func (s *Service) RoomFiles(ctx context.Context, a *Actor, id RoomID, at FileID, newer bool, fits func(*Content) bool) (list []RoomFile, next FileID, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if _, _, err := readable(r, a, id); err != nil {
			return err
		}
		list, next = nil, FileID{}
		for range filesTurns {
			q := Query{Index: Index{A: Key(id)}, Limit: filesAsked}
			if newer {
				q.After = Key(at)
			} else {
				q.Before, q.Newest = Key(at), true
			}
			found, err := List[File](r, q)
			if err != nil {
				return err
			}
			whole, err := inMessages(r, id, found, fits)
			if err != nil {
				return err
			}
			for _, f := range whole {
				if list = append(list, f); len(list) == filesPage {
					next = f.ID
					return nil
				}
			}
			if len(found) < filesAsked {
				return nil
			}
			at = found[len(found)-1].ID
			next = at
		}
		return nil
	})
	return list, next, err
}

// inMessages reads what stands behind files, and leaves out what is not to be
// seen.
func inMessages(r Reader, room RoomID, found []*File, fits func(*Content) bool) (list []RoomFile, err error) {
	views := map[FileID]*FileView{}
	keys := make([]Key, len(found))
	for i, f := range found {
		views[f.ID] = &FileView{File: f}
		keys[i] = Key(f.Message)
	}
	if err := contents(r, views); err != nil {
		return nil, err
	}
	messages, err := r.GetAll(KindMessage, keys)
	for _, f := range found {
		m, ok := messages[Key(f.Message)].(*Message)
		v := views[f.ID]
		if ok && !m.Gone && m.Room == room && slices.Contains(m.Files, f.ID) && v.Content != nil && fits(v.Content) {
			list = append(list, RoomFile{v, m})
		}
	}
	return list, err
}
