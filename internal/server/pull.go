package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// pairCalls are what the other place of a move asks of this one.
func (s *Server) pairCalls() map[string]call {
	return map[string]call{
		"POST greet":             s.greeted,
		"GET uploads/{id}":       s.whichUpload,
		"GET uploads/{id}/bytes": s.uploadFor,
	}
}

// fromPair makes sure that the other place of the move asks.
func (s *Server) fromPair(r *request) error {
	if vouchedOf(r.Request) == nil {
		return chat.Errorf(chat.Denied, "only the other place of a move may ask this")
	}
	return nil
}

// greeted hears how the other place stands, and answers how this one does.
func (s *Server) greeted(r *request) (any, error) {
	if err := s.fromPair(r); err != nil {
		return nil, err
	}
	var g chat.Greeting
	if err := r.read(&g); err != nil {
		return nil, err
	}
	answer, err := s.Handover.Greet(r.Context(), g.Move, &g)
	s.gate.poke()
	return answer, err
}

// whichUpload answers what is known here of an upload.
func (s *Server) whichUpload(r *request) (any, error) {
	if err := s.fromPair(r); err != nil {
		return nil, err
	}
	uid, err := id[chat.Upload](r)
	if err != nil {
		return nil, err
	}
	return s.Service.UploadOf(r.Context(), uid)
}

// adopt takes over uploads that were begun at the other place of the move, and
// are not known here. Those that are not known there either are none: what
// needs them says so.
func (s *Server) adopt(ctx context.Context, of []chat.UserID, ids ...chat.UploadID) error {
	if s.Handover == nil || len(ids) == 0 {
		return nil
	}
	st, err := s.gate.standing(ctx)
	if err != nil {
		return err
	}
	if !s.follows(&st) {
		return nil
	}
	for _, id := range ids {
		if known, err := s.Service.KnowsUpload(ctx, id); err != nil {
			return err
		} else if known {
			continue
		}
		resp, err := s.gate.ask(ctx, &st, http.MethodGet, "uploads/"+id.String(), nil)
		if chat.IsKind(err, chat.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		var u chat.Upload
		err = json.NewDecoder(io.LimitReader(resp.Body, mostBody)).Decode(&u)
		if err = errors.Join(err, resp.Body.Close()); err != nil || u.ID != id {
			return chat.Errorf(chat.Unavailable, "the other place of the move does not say what an upload is: %w", err)
		}
		if err := s.Service.Adopt(ctx, of, &u); err != nil && !chat.IsKind(err, chat.NotFound) {
			return err
		}
	}
	return nil
}

// adoptFor takes over the uploads of a message that is to be posted.
func (s *Server) adoptFor(r *request, ids []chat.UploadID) error {
	if s.Handover == nil || len(ids) == 0 {
		return nil
	}
	a, err := s.Service.Authenticate(r.Context(), s.cookie(r.Request))
	if err != nil {
		return err
	}
	return s.adopt(r.Context(), a.IDs(), ids...)
}

// follows reports whether this place has taken the turn from another one that
// it can ask.
func (s *Server) follows(st *chat.Standing) bool {
	came := st.Pair.Came
	return came != nil && came.To == st.LogID && st.Pair.Peer != ""
}

// uploadFor sends the bytes that have arrived here of an upload, from an offset
// on: whoever sends a file goes on at the other place where they were here.
func (s *Server) uploadFor(r *request) (any, error) {
	if err := s.fromPair(r); err != nil {
		return nil, err
	}
	uid, err := id[chat.Upload](r)
	if err != nil {
		return nil, err
	}
	offset, err := r.number("offset")
	if err != nil {
		return nil, err
	}
	f, err := s.Files.OpenPart(chat.Key(uid))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	conn := http.NewResponseController(r.w)
	h := r.w.Header()
	h.Set("Content-Type", bytesOf)
	h.Set("Cache-Control", noStore)
	h.Set("Content-Length", strconv.FormatInt(max(0, info.Size()-offset), 10))
	r.w.WriteHeader(http.StatusOK)
	_, err = io.Copy(r.w, &timely{io.LimitReader(f, info.Size()-offset), conn})
	if err != nil && r.Context().Err() == nil {
		s.Log.Warn("send an upload to the other place", "err", err)
	}
	return nil, nil //nolint:nilnil // it is answered
}

// timely reads, and lets whoever gets what is read take their time for each
// piece, but not for ever.
type timely struct {
	io.Reader
	conn *http.ResponseController
}

func (t *timely) Read(p []byte) (int, error) {
	_ = t.conn.SetWriteDeadline(time.Now().Add(patience)) // tests' recorders have none
	return t.Reader.Read(p)
}

// pull brings over what arrived of an upload at the other place of the move,
// and is not here: once, or again if whoever sends it has got further than
// what is here. It does nothing if there is no such place, or the upload was
// begun here.
func (s *Server) pull(ctx context.Context, u *chat.Upload, offset int64) error {
	if s.Handover == nil {
		return nil
	}
	s.gate.mu.Lock()
	done := s.gate.pulled[u.ID]
	s.gate.mu.Unlock()
	if done {
		if at, err := s.Files.Arrived(u.Key()); err == nil && at >= offset {
			return nil
		}
	}
	st, err := s.gate.standing(ctx)
	if err != nil {
		return err
	}
	if !s.follows(&st) || u.Created > st.Pair.Came.At {
		return nil
	}
	_, err, _ = s.gate.pulls.Do(u.Key().String(), func() (any, error) {
		return nil, s.pullOne(context.WithoutCancel(ctx), &st, u)
	})
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.gate.pulled == nil || len(s.gate.pulled) > mostLimits {
		s.gate.pulled = map[chat.UploadID]bool{}
	}
	s.gate.pulled[u.ID] = true
	return err
}

func (s *Server) pullOne(ctx context.Context, st *chat.Standing, u *chat.Upload) error {
	at, err := s.Files.Arrived(u.Key())
	if chat.IsKind(err, chat.NotFound) {
		at, err = 0, s.Files.Begin(u.Key())
	}
	for err == nil && at < u.Size {
		ctx, cancel := context.WithTimeout(ctx, pullTime)
		before := at
		at, err = s.pullFrom(ctx, st, u, at)
		cancel()
		if at == before {
			break
		}
	}
	if chat.IsKind(err, chat.NotFound) {
		return nil // it had not begun there
	}
	return err
}

const pullTime = 10 * time.Minute

func (s *Server) pullFrom(ctx context.Context, st *chat.Standing, u *chat.Upload, at int64) (int64, error) {
	resp, err := s.gate.ask(ctx, st, http.MethodGet, "uploads/"+u.ID.String()+"/bytes?"+url.Values{"offset": {strconv.FormatInt(at, 10)}}.Encode(), nil)
	if err != nil {
		return at, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	return s.Files.Append(ctx, u.Key(), at, resp.Body, u.Size-at)
}

// carrying are the bytes of uploads, also of those that arrived at the other
// place of a move.
type carrying struct {
	chat.Bytes
	server *Server
}

// Keep makes the bytes of a whole upload those of a hash.
func (c carrying) Keep(ctx context.Context, upload chat.Key, hash string) error {
	s := c.server
	if s.Handover != nil && !s.Files.Has([]string{hash})[hash] {
		u, err := s.Service.UploadOf(ctx, chat.UploadID(upload))
		if err == nil {
			err = s.pull(ctx, u, u.Size)
		}
		if err != nil {
			return err
		}
		got, f, err := s.Files.Sum(ctx, upload, u.Size)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		if got != hash {
			return chat.Errorf(chat.Damaged, "%s did not come over whole from the place where it was sent to", u.Name).WithHint("send the file again")
		}
	}
	return c.Bytes.Keep(ctx, upload, hash)
}
