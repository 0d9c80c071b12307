package live

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

const (
	maxBody = 64 << 20 // of a request that is not a batch or a file
	maxPage = 5000
)

type handler struct {
	target connect.Target
	run    string // of this server: files that were put and not applied end with it
}

// Handler serves a target to movers, below api.MovePath. It does not ask who
// is calling: it belongs behind a check of a token of scope move.
func Handler(target connect.Target) http.Handler {
	h := handler{target, rand.Text()}
	mux := http.NewServeMux()
	routes := map[string]func(*http.Request) (any, error){
		"GET place":        h.place,
		"POST state":       h.state,
		"POST begin":       h.begin,
		"POST apply":       h.apply,
		"GET moves":        h.moves,
		"GET moves/{name}": h.move,
		"GET notes":        h.notes,
		"POST tally":       h.tally,
		"GET missing":      h.missing,
		"POST join":        h.join,
		"POST people":      h.people,
		"POST match":       h.match,
		"POST index":       h.index,
		"POST have":        h.have,
		"PUT files":        h.put,
	}
	for pattern, serve := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+api.MovePath+path, answer(serve))
	}
	if place, ok := target.(mirrored); ok {
		mirrorHandler{place}.routes(mux)
	}
	if place, ok := target.(governed); ok {
		governHandler{place}.routes(mux)
	}
	if place, ok := target.(stored); ok {
		bytesHandler{place, h.run}.routes(mux)
	}
	if place, ok := target.(told); ok {
		deskHandler{place}.routes(mux)
	}
	return mux
}

// answer runs a call. A tally of millions of rows or a file of gigabytes may
// take longer than a server allows others.
func answer(serve func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unhurried(w)
		out, err := serve(r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if err != nil {
			writeError(w, err)
			return
		}
		_ = json.NewEncoder(w).Encode(out) // the caller is gone; there is nobody to tell
	})
}

func unhurried(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})) // not every writer has them
}

var statuses = map[chat.ErrorKind]int{
	chat.Internal:    http.StatusInternalServerError,
	chat.Invalid:     http.StatusUnprocessableEntity,
	chat.Unknown:     http.StatusUnauthorized,
	chat.Denied:      http.StatusForbidden,
	chat.NotFound:    http.StatusNotFound,
	chat.Conflict:    http.StatusConflict,
	chat.Unavailable: http.StatusServiceUnavailable,
	chat.TooMany:     http.StatusTooManyRequests,
	chat.Damaged:     http.StatusUnprocessableEntity,
	chat.Full:        http.StatusInsufficientStorage,
}

func writeError(w http.ResponseWriter, err error) {
	e := api.Error{Kind: chat.KindOf(err).String(), Text: err.Error()}
	if known, ok := errors.AsType[*chat.Error](err); ok {
		e.Hint = known.Hint
	}
	w.WriteHeader(statuses[chat.KindOf(err)])
	_ = json.NewEncoder(w).Encode(e)
}

func read[T any](r *http.Request) (in T, err error) {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	if err := dec.Decode(&in); err != nil {
		return in, chat.Errorf(chat.Invalid, "the request cannot be read: %w", err)
	}
	return in, nil
}

func (h handler) place(r *http.Request) (any, error) {
	p, err := h.target.Place(r.Context())
	return api.MovePlace(p), err
}

func (h handler) state(r *http.Request) (any, error) {
	in, err := read[api.MoveStateChange](r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.target.SetState(r.Context(), in.From, in.To)
}

func (h handler) begin(r *http.Request) (any, error) {
	in, err := read[chat.MoveSpec](r)
	if err != nil {
		return nil, err
	}
	return h.target.Begin(r.Context(), in)
}

// apply finishes a batch whose caller has gone: it is asked for again by its
// cursor, and half a batch does not exist.
func (h handler) apply(r *http.Request) (any, error) {
	if run := r.FormValue("run"); run != "" && run != h.run {
		return nil, chat.Errorf(chat.Conflict, "the server was started anew while files were on their way").
			WithHint("run the same line again: it goes on where it stopped")
	}
	b, err := api.DecodeBatch(r.Body)
	if err != nil {
		return nil, err
	}
	return h.target.Apply(context.WithoutCancel(r.Context()), b)
}

func (h handler) moves(r *http.Request) (any, error) { return h.target.Moves(r.Context()) }

func (h handler) move(r *http.Request) (any, error) {
	return h.target.Move(r.Context(), r.PathValue("name"))
}

func (h handler) notes(r *http.Request) (any, error) {
	after, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	notes, next, err := h.target.Notes(r.Context(), r.FormValue("move"), after, limit)
	return api.MoveNotes{Notes: notes, Next: next}, err
}

func page(r *http.Request) (after int64, limit int, err error) {
	if s := r.FormValue("after"); s != "" {
		if after, err = strconv.ParseInt(s, 10, 64); err != nil {
			return 0, 0, chat.Errorf(chat.Invalid, "after is a number, not %q", s)
		}
	}
	limit, err = pageLimit(r)
	return after, limit, err
}

func pageLimit(r *http.Request) (int, error) {
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil || limit < 1 {
		return 0, chat.Errorf(chat.Invalid, "limit is a number above zero, not %q", r.FormValue("limit"))
	}
	return min(limit, maxPage), nil
}

func (h handler) tally(r *http.Request) (any, error) {
	in, err := read[chat.TallyQuery](r)
	if err != nil {
		return nil, err
	}
	return h.target.Tally(r.Context(), in)
}

func (h handler) missing(r *http.Request) (any, error) {
	after, err := chat.ParseKey(r.FormValue("after"))
	if err != nil {
		return nil, err
	}
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	return h.target.MissingFiles(r.Context(), r.FormValue("source"), after, limit)
}

func (h handler) join(r *http.Request) (any, error) {
	in, err := read[api.MoveJoin](r)
	if err != nil {
		return nil, err
	}
	n, err := h.target.Join(r.Context(), in.Source)
	return api.MoveCount{Count: n}, err
}

func (h handler) people(r *http.Request) (any, error) {
	in, err := read[api.MovePeople](r)
	if err != nil {
		return nil, err
	}
	return h.target.People(r.Context(), in.Source, in.Emails)
}

func (h handler) match(r *http.Request) (any, error) {
	in, err := read[api.MoveMatches](r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.target.Match(r.Context(), in.Move, in.Matches)
}

func (h handler) index(r *http.Request) (any, error) {
	left, err := h.target.Index(r.Context())
	return api.MoveCount{Count: left}, err
}

func (h handler) have(r *http.Request) (any, error) {
	in, err := read[api.MoveHashes](r)
	if err != nil {
		return nil, err
	}
	out := api.MoveHashes{Hashes: []string{}, Run: h.run}
	t, ok := h.target.(interface {
		Have(context.Context, []string) (map[string]bool, error)
	})
	if !ok {
		return out, nil
	}
	there, err := t.Have(r.Context(), in.Hashes)
	for _, hash := range in.Hashes {
		if there[hash] {
			out.Hashes = append(out.Hashes, hash)
		}
	}
	return out, err
}

func (h handler) put(r *http.Request) (any, error) {
	size, err := strconv.ParseInt(r.FormValue("size"), 10, 64)
	if err != nil || size < 0 {
		return nil, chat.Errorf(chat.Invalid, "size is the number of bytes, not %q", r.FormValue("size"))
	}
	hash, err := h.target.PutFile(r.Context(), io.LimitReader(r.Body, size+1), size)
	return api.MoveHash{Hash: hash, Run: h.run}, err
}
