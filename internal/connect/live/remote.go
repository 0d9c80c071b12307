package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Remote is a target that is a running server.
type Remote struct {
	client *api.MoveClient
	first  api.MovePlace // as it was found

	mu      sync.Mutex
	run     string // of the server that got the files since Begin
	changed bool   // the server was started anew since
}

// Restarted is the error of an Apply whose files were lost because the server
// was started anew after they were put. The pass can begin again.
type Restarted struct{ Err error }

func (r Restarted) Error() string { return r.Err.Error() }

// Again says that going on from the cursor mends it.
func (Restarted) Again() bool { return true }

// Unwrap returns the error for a person.
func (r Restarted) Unwrap() error { return r.Err }

// Dial reaches a running server with a token of scope move. It fails with
// Unavailable if the server does not answer, and Unknown if it does not
// accept the token.
func Dial(ctx context.Context, address, token string) (*Remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, chat.Errorf(chat.Invalid, "%q is not the address of a server", address).
			WithHint("it looks like https://chat.example.org")
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       time.Minute,
		ExpectContinueTimeout: time.Second,
	}
	client := &api.MoveClient{URL: u.Scheme + "://" + u.Host + u.Path, Token: token, HTTP: &http.Client{Transport: transport}}
	first := *client
	first.Patience = 3 * time.Second // a wrong address is to be known at once
	var place api.MovePlace
	if err := first.Call(ctx, http.MethodGet, "place", nil, nil, &place); err != nil {
		return nil, err
	}
	return &Remote{client: client, first: place}, nil
}

// Patience sets for how long a call is tried again while the server does not
// answer, before it fails.
func (r *Remote) Patience(d time.Duration) { r.client.Patience = d }

// OnWait sets who is told why a call waits, and with "" that it goes on.
func (r *Remote) OnWait(f func(reason string)) { r.client.Waits = f }

// Close lets go of the connections.
func (r *Remote) Close() error {
	r.client.HTTP.CloseIdleConnections()
	return nil
}

func (r *Remote) get(ctx context.Context, path string, query url.Values, out any) error {
	return r.client.Call(ctx, http.MethodGet, path, query, nil, out)
}

func (r *Remote) post(ctx context.Context, path string, in, out any) error {
	return r.client.Call(ctx, http.MethodPost, path, nil, in, out)
}

// Place says what the server is and holds.
func (r *Remote) Place(ctx context.Context) (connect.Place, error) {
	var p api.MovePlace
	err := r.get(ctx, "place", nil, &p)
	return connect.Place(p), err
}

// SetState moves the place from one state to another.
func (r *Remote) SetState(ctx context.Context, from, to chat.State) error {
	err := r.post(ctx, "state", api.MoveStateChange{From: from, To: to}, nil)
	if !chat.IsKind(err, chat.Conflict) {
		return err
	}
	// The answer to a first try may have been lost.
	if p, e := r.Place(ctx); e == nil && p.State == to {
		return nil
	}
	return err
}

// Begin starts or goes on with a run. Done twice, it only makes the fence
// newer.
func (r *Remote) Begin(ctx context.Context, spec chat.MoveSpec) (st chat.MoveState, err error) {
	r.mu.Lock()
	r.run, r.changed = "", false
	r.mu.Unlock()
	err = r.post(ctx, "begin", spec, &st)
	return st, err
}

// Apply makes a batch so. It fails with Restarted if files that were put
// since Begin are lost.
func (r *Remote) Apply(ctx context.Context, b chat.Batch) (chat.Applied, error) {
	r.mu.Lock()
	run, changed := r.run, r.changed
	r.mu.Unlock()
	if changed {
		run = "changed" // no server's
	}
	applied, err := r.client.Apply(ctx, b, run)
	if run == "" || !chat.IsKind(err, chat.Conflict) {
		return applied, err
	}
	var now api.MoveHashes
	if e := r.post(ctx, "have", api.MoveHashes{}, &now); e == nil && now.Run != run {
		return applied, Restarted{err}
	}
	return applied, err
}

func (r *Remote) noteRun(run string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = r.changed || r.run != "" && r.run != run
	r.run = run
}

// Move reads the state of a move.
func (r *Remote) Move(ctx context.Context, name string) (st chat.MoveState, err error) {
	err = r.get(ctx, "moves/"+url.PathEscape(name), nil, &st)
	return st, err
}

// Moves lists all moves into the server.
func (r *Remote) Moves(ctx context.Context) (list []chat.MoveState, err error) {
	err = r.get(ctx, "moves", nil, &list)
	return list, err
}

// Notes pages through the notes of a move.
func (r *Remote) Notes(ctx context.Context, name string, after int64, limit int) ([]chat.Note, int64, error) {
	var page api.MoveNotes
	err := r.get(ctx, "notes", url.Values{"move": {name}, "after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}, &page)
	return page.Notes, page.Next, err
}

// Tally adds up what came from a source.
func (r *Remote) Tally(ctx context.Context, q chat.TallyQuery) (inv chat.Inventory, err error) {
	err = r.post(ctx, "tally", q, &inv)
	return inv, err
}

// MissingFiles lists files without content.
func (r *Remote) MissingFiles(ctx context.Context, source string, after chat.Key, limit int) (list []*chat.File, err error) {
	err = r.get(ctx, "missing", url.Values{"source": {source}, "after": {after.String()}, "limit": {strconv.Itoa(limit)}}, &list)
	return list, err
}

// Join makes those who wrote in open rooms members of them.
func (r *Remote) Join(ctx context.Context, source string) (int64, error) {
	var n api.MoveCount
	err := r.post(ctx, "join", api.MoveJoin{Source: source}, &n)
	return n.Count, err
}

// People finds people by e-mail who did not come from the source.
func (r *Remote) People(ctx context.Context, source string, emails []string) (map[string]*chat.User, error) {
	found := map[string]*chat.User{}
	for part := range slices.Chunk(emails, 2000) {
		if err := r.post(ctx, "people", api.MovePeople{Source: source, Emails: part}, &found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Match says that imported users are people who are already there.
func (r *Remote) Match(ctx context.Context, move string, matches []chat.Match) error {
	if len(matches) == 0 {
		return nil
	}
	return r.post(ctx, "match", api.MoveMatches{Move: move, Matches: matches}, nil)
}

// Index makes a part of what is not searchable yet searchable.
func (r *Remote) Index(ctx context.Context) (int64, error) {
	var left api.MoveCount
	err := r.post(ctx, "index", struct{}{}, &left)
	return left.Count, err
}

const (
	// inMemory is up to which size a file is held in memory, so that it can
	// be sent again; a larger one is spooled to disk.
	inMemory = 1 << 20
	// worthAsking is from which size on it is quicker to ask whether the
	// server has the bytes than to send them.
	worthAsking = 16 << 10
)

// PutFile sends bytes, unless the server has them, and returns their SHA-256.
func (r *Remote) PutFile(ctx context.Context, src io.Reader, size int64) (string, error) {
	h := sha256.New()
	if size >= 0 && size <= inMemory {
		data := make([]byte, size)
		if n, err := io.ReadFull(io.TeeReader(src, h), data); err != nil {
			return "", cutError(err, int64(n), size)
		}
		return r.put(ctx, hex.EncodeToString(h.Sum(nil)), size, func() (io.Reader, error) { return bytes.NewReader(data), nil })
	}
	f, err := os.CreateTemp("", "godwit-file-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }()
	n, err := io.Copy(io.MultiWriter(f, h), src)
	if err != nil || size >= 0 && n != size {
		return "", cutError(err, n, size)
	}
	return r.put(ctx, hex.EncodeToString(h.Sum(nil)), n, func() (io.Reader, error) {
		return io.NewSectionReader(f, 0, n), nil
	})
}

func cutError(err error, n, size int64) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return chat.Errorf(chat.Damaged, "a file of %d bytes has %d", size, n)
	}
	return err
}

func (r *Remote) put(ctx context.Context, hash string, size int64, body api.Body) (string, error) {
	if size >= worthAsking {
		var have api.MoveHashes
		if err := r.post(ctx, "have", api.MoveHashes{Hashes: []string{hash}}, &have); err != nil {
			return "", err
		}
		if slices.Contains(have.Hashes, hash) {
			return hash, nil
		}
	}
	var got api.MoveHash
	err := r.client.Send(ctx, http.MethodPut, "files", url.Values{"size": {strconv.FormatInt(size, 10)}}, body, &got)
	if err == nil && got.Hash != hash {
		return "", chat.Errorf(chat.Damaged, "a file arrived at the server with other bytes: %s was sent, %s arrived", hash, got.Hash)
	}
	r.noteRun(got.Run)
	return got.Hash, err
}
