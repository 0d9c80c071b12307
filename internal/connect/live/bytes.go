package live

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// Read opens the bytes of a content, from an offset on.
func (d *Direct) Read(_ context.Context, hash string, offset int64) (io.ReadCloser, error) {
	f, err := d.files.Open(hash)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Lacks says which bytes are not here.
func (d *Direct) Lacks(ctx context.Context, hashes []string) (map[string]int64, error) {
	return d.files.Lacks(ctx, hashes)
}

// Write stores the bytes of a hash.
func (d *Direct) Write(ctx context.Context, hash string, size, offset int64, r io.Reader) error {
	return d.files.Fill(ctx, hash, size, offset, r)
}

// Pack gives the bytes of many small contents.
func (d *Direct) Pack(ctx context.Context, hashes []string) (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(d.files.Pack(ctx, hashes, w)) }() // ends when the reader is closed, too
	return r, nil
}

// Unpack stores what Pack gave.
func (d *Direct) Unpack(ctx context.Context, r io.Reader) error { return d.files.Unpack(ctx, r) }

// stored is the part of a connect.Party that carries the bytes of files.
type stored interface {
	Read(ctx context.Context, hash string, offset int64) (io.ReadCloser, error)
	Lacks(ctx context.Context, hashes []string) (map[string]int64, error)
	Write(ctx context.Context, hash string, size, offset int64, r io.Reader) error
}

// bytesHandler serves the bytes of files to movers.
type bytesHandler struct {
	place stored
	run   string
}

func (h bytesHandler) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+api.MovePath+"bytes/{hash}", h.read)
	mux.Handle("PUT "+api.MovePath+"bytes/{hash}", answer(h.write))
	mux.Handle("POST "+api.MovePath+"lacks", answer(h.lacks))
	if packer, ok := h.place.(connect.Packer); ok {
		mux.HandleFunc("POST "+api.MovePath+"pack", packHandler{packer}.pack)
		mux.Handle("POST "+api.MovePath+"unpack", answer(func(r *http.Request) (any, error) {
			return api.MoveHash{Run: h.run}, packer.Unpack(r.Context(), r.Body)
		}))
	}
}

func offsetOf(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.FormValue(name), 10, 64)
	if err != nil || n < 0 {
		return 0, chat.Errorf(chat.Invalid, "%s is a number of bytes, not %q", name, r.FormValue(name))
	}
	return n, nil
}

func (h bytesHandler) read(w http.ResponseWriter, r *http.Request) {
	offset, err := offsetOf(r, "offset")
	var f io.ReadCloser
	if err == nil {
		f, err = h.place.Read(r.Context(), r.PathValue("hash"), offset)
	}
	sendBytes(w, f, err)
}

// sendBytes answers with bytes of any length. One that breaks off is cut.
func sendBytes(w http.ResponseWriter, f io.ReadCloser, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		writeError(w, err)
		return
	}
	defer f.Close() //nolint:errcheck // only read
	unhurried(w)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, err := io.Copy(w, f); err != nil {
		panic(http.ErrAbortHandler) // the only way to say that it is not whole
	}
}

func (h bytesHandler) write(r *http.Request) (any, error) {
	size, err := offsetOf(r, "size")
	if err != nil {
		return nil, err
	}
	offset, err := offsetOf(r, "offset")
	if err != nil {
		return nil, err
	}
	hash := r.PathValue("hash")
	return api.MoveHash{Hash: hash, Run: h.run}, h.place.Write(r.Context(), hash, size, offset, r.Body)
}

func (h bytesHandler) lacks(r *http.Request) (any, error) {
	in, err := read[api.MoveHashes](r)
	if err != nil {
		return nil, err
	}
	lacks, err := h.place.Lacks(r.Context(), in.Hashes)
	return api.MoveLacks{Lacks: lacks}, err
}

type packHandler struct{ place connect.Packer }

func (h packHandler) pack(w http.ResponseWriter, r *http.Request) {
	in, err := read[api.MoveHashes](r)
	var f io.ReadCloser
	if err == nil {
		f, err = h.place.Pack(r.Context(), in.Hashes)
	}
	sendBytes(w, f, err)
}

// Read opens the bytes of a content at the server.
func (r *Remote) Read(ctx context.Context, hash string, offset int64) (io.ReadCloser, error) {
	return r.client.Open(ctx, http.MethodGet, "bytes/"+url.PathEscape(hash), url.Values{"offset": {strconv.FormatInt(offset, 10)}}, nil)
}

// Lacks says which bytes the server has not got.
func (r *Remote) Lacks(ctx context.Context, hashes []string) (map[string]int64, error) {
	var out api.MoveLacks
	err := r.post(ctx, "lacks", api.MoveHashes{Hashes: hashes}, &out)
	if out.Lacks == nil {
		out.Lacks = map[string]int64{}
	}
	return out.Lacks, err
}

// Write sends the bytes of a hash. It is not tried again here: Lacks says what
// has come.
func (r *Remote) Write(ctx context.Context, hash string, size, offset int64, src io.Reader) error {
	counted := &counter{r: src}
	var out api.MoveHash
	err := r.client.SendOnce(ctx, http.MethodPut, "bytes/"+url.PathEscape(hash), url.Values{
		"size": {strconv.FormatInt(size, 10)}, "offset": {strconv.FormatInt(offset, 10)},
	}, counted, size-offset, &out)
	if err == nil {
		r.noteRun(out.Run)
		return nil
	}
	if counted.ended && counted.n != size-offset {
		return chat.Errorf(chat.Damaged, "the bytes that came for file %s are not %d", hash, size)
	}
	return err
}

// Pack opens the bytes of many small contents at the server.
func (r *Remote) Pack(ctx context.Context, hashes []string) (io.ReadCloser, error) {
	return r.client.Open(ctx, http.MethodPost, "pack", nil, api.MoveHashes{Hashes: hashes})
}

// Unpack sends what Pack gave. It is not tried again here: Lacks says what has
// come.
func (r *Remote) Unpack(ctx context.Context, src io.Reader) error {
	var out api.MoveHash
	err := r.client.SendOnce(ctx, http.MethodPost, "unpack", nil, src, -1, &out)
	if err == nil {
		r.noteRun(out.Run)
	}
	return err
}

// counter notices how much was read, and whether that was all.
type counter struct {
	r     io.Reader
	n     int64
	ended bool
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.ended = c.ended || err == io.EOF
	return n, err
}
