package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// request is a request of the API, with who asks.
type request struct {
	*http.Request
	w      http.ResponseWriter
	server *Server
	actor  *chat.Actor // nil where nobody need be signed in
	retry  time.Duration
	cut    atomic.Bool // the body is to be read no further
}

// call is one function of the API: it returns what to answer, or nil if it
// has answered itself.
type call func(*request) (any, error)

const (
	mostBody  = 256 << 10 // of a request that is no file
	readTime  = 30 * time.Second
	noStore   = "no-store"
	jsonTyped = "application/json"
)

// who says whom a call is for.
type who int

const (
	everybody who = iota // also those who are not signed in
	limited              // who is signed in, even if a second factor must be set up first
	members              // who is signed in
)

// answer runs a call and sends what it returns.
func (s *Server) answer(c call, of who) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w, server: s}
		if hr.Body != nil && hr.Body != http.NoBody {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // tests' recorders have none
			hr.Body = http.MaxBytesReader(w, hr.Body, mostBody)
		}
		var err error
		if writes(hr) {
			if r.retry, err = s.floods.take(s.cookie(hr), w.Header()); err != nil {
				r.fail(err)
				return
			}
		}
		switch of {
		case everybody:
		case limited:
			r.actor, err = s.whoIs(hr)
		case members:
			r.actor, err = s.whoAsks(hr)
		}
		var out any
		if err == nil {
			out, err = c(r)
		}
		switch {
		case err != nil && detoured(hr, err):
		case err != nil:
			r.fail(err)
		case out != nil:
			r.send(http.StatusOK, out)
		}
	})
}

// whoAsks finds out who is signed in, by cookie, or by a program's token. It
// refuses those who must set up a second factor first.
func (s *Server) whoAsks(r *http.Request) (*chat.Actor, error) {
	a, err := s.whoIs(r)
	if err == nil && a.Limited {
		return nil, chat.ErrLimited()
	}
	return a, err
}

func (s *Server) whoIs(r *http.Request) (*chat.Actor, error) {
	if secret, ok := bearer(r); ok {
		return s.Service.Token(r.Context(), secret, chat.ScopeAdmin)
	}
	a, err := s.Service.Authenticate(r.Context(), s.cookie(r))
	if err != nil {
		return nil, err
	}
	return a, s.mayLook(r.Context(), a)
}

func bearer(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), ok && strings.EqualFold(scheme, "Bearer")
}

// send answers with JSON.
func (r *request) send(status int, out any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		r.fail(fmt.Errorf("encode the answer: %w", err))
		return
	}
	h := r.w.Header()
	h.Set("Content-Type", jsonTyped)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", noStore)
	}
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	r.w.WriteHeader(status)
	_, _ = b.WriteTo(r.w) // whoever asked is gone
}

// empty is an answer that says nothing but that it went well.
type empty struct{}

var statuses = map[chat.ErrorKind]int{
	chat.Internal:    http.StatusInternalServerError,
	chat.Invalid:     http.StatusBadRequest,
	chat.Unknown:     http.StatusUnauthorized,
	chat.Denied:      http.StatusForbidden,
	chat.NotFound:    http.StatusNotFound,
	chat.Conflict:    http.StatusConflict,
	chat.Unavailable: http.StatusServiceUnavailable,
	chat.TooMany:     http.StatusTooManyRequests,
	chat.Damaged:     http.StatusInternalServerError,
	chat.Full:        http.StatusInsufficientStorage,
}

// fail answers with an error. What the machine is to blame for is logged, and
// nothing of it is told.
func (r *request) fail(err error) {
	kind := chat.KindOf(err)
	e := api.Error{Kind: kind.String(), Text: err.Error()}
	if known, ok := errors.AsType[*chat.Error](err); ok {
		e.Text, e.Hint = known.Text, known.Hint
	}
	if kind == chat.Internal || kind == chat.Damaged {
		if r.Context().Err() == nil || !errors.Is(err, context.Canceled) {
			r.server.Log.Error("answer a request", "path", r.URL.Path, "err", err)
		}
		e.Text, e.Hint = "something went wrong here", "try again; if it stays so, tell an administrator: the server's log says what it was"
	}
	if kind == chat.Unavailable || kind == chat.TooMany {
		after := max(r.retry, retryAfter)
		r.w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	r.w.Header().Set("Cache-Control", noStore)
	r.send(statuses[kind], e)
}

// read decodes the body strictly: unknown or double names, wrong types and
// invalid UTF-8 are errors.
func (r *request) read(in any) error {
	err := jsonv2.UnmarshalRead(r.Body, in, jsonv2.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return chat.Errorf(chat.Invalid, "the request is longer than %d bytes", long.Limit)
	}
	if errors.Is(err, io.EOF) {
		return chat.Errorf(chat.Invalid, "the request has no body")
	}
	return chat.Errorf(chat.Invalid, "the request cannot be understood: %w", err)
}

// id reads the ID in the path. What is none names nothing.
func id[T any](r *request) (chat.ID[T], error) {
	k, err := chat.ParseID[T](r.PathValue("id"))
	if err != nil {
		return k, chat.Errorf(chat.NotFound, "there is no such thing")
	}
	return k, nil
}

// number reads a number of the query; it is zero if there is none.
func (r *request) number(name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, chat.Errorf(chat.Invalid, "%s is a number, not %q", name, text)
	}
	return n, nil
}
