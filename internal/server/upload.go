package server

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	// mostPart is the most bytes of one PATCH: what a lost connection costs.
	mostPart = 8 << 20
	// patience is how long the sender of a part may be silent.
	patience = 20 * time.Second
	// partsAtOnce is how many files one person may be sending at a time.
	partsAtOnce = 6
)

// uploadCalls are the calls about files on their way here, and pictures.
func (s *Server) uploadCalls() map[string]call {
	return map[string]call{
		"GET uploads":               s.uploads,
		"POST uploads":              s.newUpload,
		"GET uploads/{id}":          s.upload,
		"POST uploads/{id}/finish":  s.finishUpload,
		"DELETE uploads/{id}":       s.cancelUpload,
		"DELETE people/{id}/avatar": s.removeAvatar,
	}
}

// streamed are the calls whose bodies are bytes, with limits of their own.
func (s *Server) streamed() map[string]call {
	return map[string]call{"PATCH uploads/{id}": s.patchUpload, "PUT people/{id}/avatar": s.setAvatar}
}

// stream runs a call that reads the body itself. Who sends nothing for a
// while is cut off, but who sends slowly is not.
func (s *Server) stream(c call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w, server: s}
		conn := http.NewResponseController(w)
		_ = conn.SetWriteDeadline(time.Time{}) // set anew before the answer
		hr.Body = patient{hr.Body, conn, &r.cut}
		var out any
		var err error
		if r.actor, err = s.whoAsks(hr); err == nil {
			out, err = c(r)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(readTime))
		if err != nil && detoured(hr, err) {
			return
		}
		if err != nil {
			r.fail(err)
			return
		}
		r.send(http.StatusOK, out)
	})
}

// patient reads a body, and waits for each piece of it only so long.
type patient struct {
	io.ReadCloser
	conn *http.ResponseController
	cut  *atomic.Bool
}

func (p patient) Read(b []byte) (int, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if p.cut.Load() { // looked at after the deadline is set: see stop
		return 0, io.ErrUnexpectedEOF
	}
	n, err := p.ReadCloser.Read(b)
	if err != nil {
		_ = p.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// arrivals are the parts that are arriving.
type arrivals struct {
	mu   sync.Mutex
	by   map[chat.UploadID]*arrival
	many map[chat.UserID]int
}

type arrival struct {
	stop    func() // under the lock
	stopped bool
	done    chan struct{}
}

// enter notes that a part is arriving. One of the same upload that was not
// done is stopped, and waited for: its sender lost the connection, and this is
// the next try. It fails with TooMany if the person is sending many.
func (a *arrivals) enter(r *request, id chat.UploadID) (ctx context.Context, leave func(), err error) {
	who := r.actor.User.ID
	ctx, cancel := context.WithCancel(r.Context())
	mine := &arrival{done: make(chan struct{})}
	mine.stop = func() {
		mine.stopped = true
		cancel()
		r.cut.Store(true)
		_ = http.NewResponseController(r.w).SetReadDeadline(time.Now()) // it may hang in a read
	}
	a.mu.Lock()
	before := a.by[id]
	if before != nil {
		before.stop()
	}
	if before == nil && a.many[who] >= partsAtOnce {
		a.mu.Unlock()
		cancel()
		return nil, nil, chat.Errorf(chat.TooMany, "%d files of yours are arriving already", partsAtOnce).WithHint("send one after the other")
	}
	if a.by == nil {
		a.by, a.many = map[chat.UploadID]*arrival{}, map[chat.UserID]int{}
	}
	a.by[id] = mine
	a.many[who]++
	a.mu.Unlock()
	leave = func() {
		cancel()
		a.mu.Lock()
		defer a.mu.Unlock()
		close(mine.done)
		if mine.stopped {
			r.w.Header().Set("Connection", "close") // its deadline is over, for what comes next on the line, too
		}
		if a.by[id] == mine {
			delete(a.by, id)
		}
		if a.many[who]--; a.many[who] == 0 {
			delete(a.many, who)
		}
	}
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
		}
	}
	return ctx, leave, nil
}

// newUpload begins one.
func (s *Server) newUpload(r *request) (any, error) {
	var in api.NewUpload
	if err := r.read(&in); err != nil {
		return nil, err
	}
	if free, err := s.Files.Free(); err == nil && in.Size > free-spare {
		return nil, chat.Errorf(chat.Full, "there is no room for this file on the server").WithHint("tell an administrator that the disk is full")
	}
	u, err := s.Service.NewUpload(r.Context(), r.actor, in.Name, in.Size)
	if err != nil {
		return nil, err
	}
	if err := s.Files.Begin(u.Key()); err != nil {
		return nil, err
	}
	return uploadOf(u, 0), nil
}

// spare is what uploads leave of the disk for all else.
const spare = 64 << 20

func uploadOf(u *chat.Upload, offset int64) api.Upload {
	out := api.Upload{ID: u.ID.String(), Name: u.Name, Size: u.Size, Offset: offset, Part: mostPart, Expires: int64(u.Expires)}
	if u.Hash != "" {
		out.Done, out.Offset, out.Type, out.Width, out.Height = true, u.Size, u.Type, u.Width, u.Height
	}
	return out
}

// own finds the upload that a request is about, and how much of it is here.
func (s *Server) own(r *request) (*chat.Upload, int64, error) {
	uid, err := id[chat.Upload](r)
	if err != nil {
		return nil, 0, err
	}
	if err := s.adopt(r.Context(), r.actor.IDs(), uid); err != nil {
		return nil, 0, err
	}
	u, err := s.Service.Upload(r.Context(), r.actor, uid)
	if err != nil {
		return nil, 0, err
	}
	if u.Hash == "" {
		offset, _ := r.number("offset") //nolint:errcheck // whoever needs it looks at it again
		if r.Method == http.MethodPost {
			offset = u.Size // it is to be whole
		}
		if err := s.pull(r.Context(), u, offset); err != nil {
			s.Log.Warn("bring an upload over from the other place", "err", err) // it begins anew
		}
	}
	at, err := s.Files.Arrived(u.Key())
	if chat.IsKind(err, chat.NotFound) && u.Hash == "" {
		// The server ended between the one and the other.
		return u, 0, s.Files.Begin(u.Key())
	}
	return u, at, err
}

func (s *Server) upload(r *request) (any, error) {
	u, at, err := s.own(r)
	if err != nil {
		return nil, err
	}
	return uploadOf(u, at), nil
}

func (s *Server) uploads(r *request) (any, error) {
	list, err := s.Service.Uploads(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	out := api.Uploads{Uploads: []api.Upload{}, Most: r.actor.Roster.MostFile()}
	for _, u := range list {
		at, err := s.Files.Arrived(u.Key())
		if err != nil && !chat.IsKind(err, chat.NotFound) {
			return nil, err
		}
		out.Uploads = append(out.Uploads, uploadOf(u, at))
	}
	return out, nil
}

// patchUpload takes a part of the bytes.
func (s *Server) patchUpload(r *request) (any, error) {
	offset, err := r.number("offset")
	if err != nil {
		return nil, err
	}
	u, _, err := s.own(r)
	if err != nil {
		return nil, err
	}
	if u.Hash != "" {
		return nil, chat.Errorf(chat.Conflict, "all of %s is here already", u.Name)
	}
	if r.ContentLength > mostPart {
		return nil, chat.Errorf(chat.Invalid, "a part can have at most %d bytes", mostPart)
	}
	ctx, leave, err := s.arriving.enter(r, u.ID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if offset > u.Size {
		return nil, chat.Errorf(chat.Invalid, "%s ends at %d bytes", u.Name, u.Size)
	}
	at, err := s.Files.Append(ctx, u.Key(), offset, r.Body, min(mostPart, u.Size-offset))
	if ctx.Err() != nil && r.Context().Err() == nil {
		return nil, chat.Errorf(chat.Conflict, "another part of this file came").WithHint("send one part after the other")
	}
	if err != nil {
		return nil, err
	}
	return uploadOf(u, at), nil
}

// finishUpload looks at the whole.
func (s *Server) finishUpload(r *request) (any, error) {
	u, _, err := s.own(r)
	if err != nil {
		return nil, err
	}
	if u.Hash != "" {
		return uploadOf(u, u.Size), nil
	}
	hash, f, err := s.Files.Sum(r.Context(), u.Key(), u.Size)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	c := &chat.Content{Hash: hash, Size: u.Size}
	if err := identify(f, c); err != nil {
		return nil, err
	}
	if u, err = s.Service.Uploaded(r.Context(), r.actor, u.ID, c); err != nil {
		return nil, err
	}
	return uploadOf(u, u.Size), nil
}

func (s *Server) cancelUpload(r *request) (any, error) {
	uid, err := id[chat.Upload](r)
	if err != nil {
		return nil, err
	}
	if err := s.Service.CancelUpload(r.Context(), r.actor, uid); err != nil {
		return nil, err
	}
	return empty{}, s.Files.Drop(chat.Key(uid))
}

// unusedFor is how long bytes lie that no upload waits for before they go.
const unusedFor = time.Hour

// sweepParts removes the bytes of uploads that are no more.
func (s *Server) sweepParts(ctx context.Context) error {
	ids, err := s.Files.Arriving(time.Now().Add(-unusedFor))
	if err != nil || len(ids) == 0 {
		return err
	}
	ids, err = s.Service.Unused(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.Files.Drop(id); err != nil {
			return err
		}
	}
	return nil
}
