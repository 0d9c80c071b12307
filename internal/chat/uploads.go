package chat

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// UploadID is the ID of an Upload.
type UploadID = ID[Upload]

// Upload is a file on its way here, or arrived and not yet in a message. It is
// a secret: nobody but its owner may know of it. Found by A: user.
type Upload struct {
	ID      UploadID  `json:"id"`
	User    UserID    `json:"user"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"` // bytes it has when it is whole
	Created Time      `json:"created"`
	Expires Time      `json:"expires"`
	Hash    string    `json:"hash,omitempty"` // once it is whole, as in Content
	Type    string    `json:"type,omitempty"`
	Width   int       `json:"width,omitempty"`
	Height  int       `json:"height,omitempty"`
	Message MessageID `json:"message,omitzero"` // that took it
	Gone    bool      `json:"gone,omitempty"`   // taken, cancelled or expired
}

func (u *Upload) Kind() Kind    { return KindUpload }
func (u *Upload) Key() Key      { return Key(u.ID) }
func (u *Upload) Deleted() bool { return u.Gone }
func (u *Upload) Index() Index  { return Index{A: Key(u.User)} }

// end is what is left of an upload: nothing that says what it was.
func (u *Upload) end() *Upload {
	return &Upload{ID: u.ID, User: u.User, Created: u.Created, Expires: u.Expires, Gone: true}
}

// Bytes is where the bytes of uploads are.
type Bytes interface {
	// Keep makes the bytes of a whole upload those of a hash, durably. Again
	// does nothing.
	Keep(ctx context.Context, upload Key, hash string) error
	// Drop removes what is there of an upload, but not what was kept.
	Drop(upload Key) error
}

// Limits of uploads.
const (
	// stagedFiles is how many files of the largest size one person may have
	// here that are in no message yet.
	stagedFiles  = 4
	mostUploads  = 100 // of one person that are in no message yet
	mostAttached = 20  // files of a message
	longestFile  = 255 // characters of a file's name
	// UploadLength is how long an upload may take, and wait for its message.
	UploadLength = 72 * time.Hour
)

// MostFile returns how many bytes a file may have that is sent to this place.
func (p *Roster) MostFile() int64 {
	n, err := strconv.ParseInt(p.Setting(SettingFileLimit), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return n * 1_000_000
}

// FileName is a file's name as it is shown: on one line, in the direction of
// its letters, and of a file, not of a path. Names come from anybody: some
// are made so that an .exe looks like a picture.
func FileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == '\\':
			return '_'
		case r == '\u200c' || r == '\u200d': // they join letters, and parts of emoji
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	if name = strings.TrimSpace(name); name == "" || strings.Trim(name, ".") == "" {
		return "file"
	}
	return name
}

// NewUpload begins an upload. It fails with Invalid if the name or the size
// is none, or the file is too large, and with TooMany if too much of the same
// person is on its way.
func (s *Service) NewUpload(ctx context.Context, a *Actor, name string, size int64) (u *Upload, err error) {
	if a.User == nil {
		return nil, Errorf(Denied, "only people can send files")
	}
	p, err := s.recent(ctx)
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(name); n > longestFile {
		return nil, Errorf(Invalid, "the name of the file has %d characters; at most %d are possible", n, longestFile).WithHint("give it a shorter name")
	}
	name = FileName(name)
	if size < 0 {
		return nil, Errorf(Invalid, "a file of %d bytes is none", size)
	}
	if most := p.MostFile(); size > most {
		return nil, Errorf(Invalid, "%s has %s; a file can have at most %s here", name, bytesText(size), bytesText(most)).WithHint("an administrator can raise the limit")
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if h, err := tx.Head(); err != nil || h.State != Open {
			return errPlace(h, err)
		}
		mine, err := List[Upload](tx, Query{Index: Index{A: Key(a.User.ID)}})
		if err != nil {
			return err
		}
		sum := size
		for _, other := range mine {
			sum += other.Size
		}
		if most := stagedFiles * p.MostFile(); sum > most || len(mine) >= mostUploads {
			return Errorf(TooMany, "%d files of yours with %s are waiting for their messages; %s and %d files are possible", len(mine), bytesText(sum-size), bytesText(most), mostUploads).
				WithHint("send their messages, or take the files out")
		}
		u = &Upload{ID: UploadID(tx.NewKey()), User: a.User.ID, Name: name, Size: size, Created: tx.Now(), Expires: tx.Now() + Time(UploadLength/time.Microsecond)}
		return tx.Put(u)
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

func errPlace(h Head, err error) error {
	if err != nil {
		return err
	}
	return Errorf(Unavailable, "nothing can be sent here now: %w", &Closed{State: h.State, Lease: h.Lease}).WithHint("wait until it is open")
}

// bytesText writes a size as people do.
func bytesText(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1_000_000_000, "GB"}, {1_000_000, "MB"}, {1000, "kB"}} {
		if n >= u.size {
			return strconv.FormatFloat(float64(n/(u.size/10))/10, 'f', -1, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

func errNoUpload() error {
	return Errorf(NotFound, "there is no such upload").WithHint("it may have expired; send the file again")
}

// own reads an upload of the actor's that waits for its message.
func own(r Reader, a *Actor, id UploadID) (*Upload, error) {
	u, err := Get[Upload](r, id)
	if IsKind(err, NotFound) || err == nil && (u.Gone || !a.Is(u.User) || u.Expires <= TimeOf(time.Now())) {
		return nil, errNoUpload()
	}
	return u, err
}

// Upload reads an upload of the actor's. It fails with NotFound for anybody
// else's, and once it is taken, cancelled or expired.
func (s *Service) Upload(ctx context.Context, a *Actor, id UploadID) (u *Upload, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		u, err = own(r, a, id)
		return err
	})
	return u, err
}

// UploadOf reads an upload of anybody's, for the server's own use. It fails
// with NotFound once it is taken, cancelled or expired.
func (s *Service) UploadOf(ctx context.Context, id UploadID) (u *Upload, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		u, err = Get[Upload](r, id)
		if IsKind(err, NotFound) || err == nil && (u.Gone || u.Expires <= TimeOf(time.Now())) {
			return errNoUpload()
		}
		return err
	})
	return u, err
}

// KnowsUpload reports whether there is or was an upload here.
func (s *Service) KnowsUpload(ctx context.Context, id UploadID) (known bool, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		_, err := r.Get(KindUpload, Key(id))
		known = err == nil
		if IsKind(err, NotFound) {
			return nil
		}
		return err
	})
	return known, err
}

// Adopt takes over an upload that was begun at the other place of a move, in
// the name of the one whose it is. One that is known here, also as one that has
// ended, stays as it is. It fails with NotFound if it is somebody else's.
func (s *Service) Adopt(ctx context.Context, of []UserID, u *Upload) error {
	if u.Gone || u.Size < 0 || u.Expires <= TimeOf(time.Now()) || !slices.Contains(of, u.User) {
		return errNoUpload()
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		_, err := tx.Get(KindUpload, u.Key())
		if !IsKind(err, NotFound) {
			return err
		}
		next := *u
		next.Name, next.Message = FileName(u.Name), MessageID{}
		return tx.Put(&next)
	})
}

// Uploads lists the actor's uploads that wait for their messages.
func (s *Service) Uploads(ctx context.Context, a *Actor) (list []*Upload, err error) {
	if a.User == nil {
		return nil, nil
	}
	err = s.Store.View(ctx, func(r Reader) error {
		list, err = List[Upload](r, Query{Index: Index{A: Key(a.User.ID)}})
		return err
	})
	now := TimeOf(time.Now())
	return slices.DeleteFunc(list, func(u *Upload) bool { return u.Expires <= now }), err
}

// Uploaded says of an upload that all of its bytes are here, and what they
// are: c's hash, size, type, width and height. Again with the same changes
// nothing. It fails with Conflict if they are other bytes.
func (s *Service) Uploaded(ctx context.Context, a *Actor, id UploadID, c *Content) (u *Upload, err error) {
	err = s.Store.Update(ctx, func(tx Tx) error {
		if u, err = own(tx, a, id); err != nil {
			return err
		}
		if c.Size != u.Size || u.Hash != "" && u.Hash != c.Hash {
			return Errorf(Conflict, "these are not the bytes of %s", u.Name)
		}
		u.Hash, u.Type, u.Width, u.Height = c.Hash, c.Type, c.Width, c.Height
		return tx.Put(u)
	})
	return u, err
}

// CancelUpload ends an upload. Its bytes may be dropped then.
func (s *Service) CancelUpload(ctx context.Context, a *Actor, id UploadID) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		u, err := own(tx, a, id)
		if err != nil {
			return err
		}
		return tx.Put(u.end())
	})
}

// Unused returns which of some uploads nothing is waited for any more.
func (s *Service) Unused(ctx context.Context, ids []Key) (list []Key, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		found, err := r.GetAll(KindUpload, ids)
		for _, id := range ids {
			if u, ok := found[id].(*Upload); !ok || u.Gone {
				list = append(list, id)
			}
		}
		return err
	})
	return list, err
}

// keep makes the bytes of a draft's files those of their hashes, before the
// head is held. What it looks at is looked at again there.
func (s *Service) keep(ctx context.Context, secret string, d Draft) error {
	if len(d.Files) == 0 {
		return nil
	}
	if s.Bytes == nil {
		return Errorf(Internal, "no place for the bytes of files is set")
	}
	var list []*Upload
	err := s.Store.View(ctx, func(r Reader) error {
		_, user, err := signedIn(r, secret)
		if err != nil {
			return err
		}
		a, err := s.actor(r, user)
		if err != nil {
			return err
		}
		room, _, err := readable(r, a, d.Room)
		if err != nil || !a.mayPost(room) {
			return err // the rule itself says why, later
		}
		found, err := r.GetAll(KindUpload, keysOf(d.Files))
		for _, id := range d.Files {
			if u, ok := found[Key(id)].(*Upload); ok && !u.Gone && a.Is(u.User) && u.Hash != "" {
				list = append(list, u)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, u := range list {
		if err := s.Bytes.Keep(ctx, u.Key(), u.Hash); err != nil {
			return err
		}
	}
	return nil
}

// drop removes what a posted draft has left of its uploads. What stays, if it
// fails, is swept later.
func (s *Service) drop(d Draft) {
	for _, id := range d.Files {
		_ = s.Bytes.Drop(Key(id))
	}
}

func keysOf[T any](ids []ID[T]) []Key {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = Key(id)
	}
	return keys
}

// attach makes uploads the files of a message, in its transaction. Each can
// be taken once, and only by its owner.
func attach(tx Tx, a *Actor, m *Message, uploads []UploadID) error {
	for _, id := range uploads {
		u, err := own(tx, a, id)
		if err != nil {
			return err
		}
		if u.Hash == "" {
			return Errorf(Conflict, "%s has not arrived yet", u.Name).WithHint("wait for the end of the upload")
		}
		c := &Content{ID: ContentID(tx.NewKey()), Hash: u.Hash, Size: u.Size, Type: u.Type, Width: u.Width, Height: u.Height}
		f := &File{ID: FileID(tx.NewKey()), Room: m.Room, Message: m.ID, Author: m.Author, Name: u.Name, Size: u.Size, Sent: m.Sent, Contents: []ContentID{c.ID}}
		taken := u.end()
		taken.Message = m.ID
		if err := tx.Put(c, f, taken); err != nil {
			return err
		}
		m.Files = append(m.Files, f.ID)
	}
	return nil
}

// checkFiles looks at the files of a draft, before anything is asked.
func checkFiles(ids []UploadID) error {
	if len(ids) > mostAttached {
		return Errorf(Invalid, "the message has %d files; at most %d are possible", len(ids), mostAttached).WithHint("send the rest with another message")
	}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return Errorf(Invalid, "the message has a file twice")
		}
	}
	return nil
}
