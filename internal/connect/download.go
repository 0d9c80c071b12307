package connect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// download is one file under way.
type download struct {
	f    *Fetcher
	x    Fetch
	part *os.File
	n    int64  // bytes that are there
	etag string // of what they are of
}

// ask asks once, from where the last time broke off if the server can do that.
func (d *download) ask(ctx context.Context, u *url.URL, withToken bool) error {
	header := http.Header{}
	if d.n > 0 && d.etag != "" {
		header.Set("Range", fmt.Sprintf("bytes=%d-", d.n))
		header.Set("If-Range", d.etag)
	}
	answer, err := d.f.do(ctx, u, withToken, header)
	if err != nil {
		d.restart(err)
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	goesOn := answer.StatusCode == http.StatusPartialContent && strings.HasPrefix(answer.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", d.n))
	if answer.StatusCode == http.StatusPartialContent && !goesOn {
		d.etag = ""
		return again{why: "the server gives another part than was asked for"}
	}
	if !goesOn {
		if _, err := d.part.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := d.part.Truncate(0); err != nil {
			return err
		}
		d.n, d.etag = 0, ""
		if e := answer.Header.Get("Etag"); !strings.HasPrefix(e, "W/") {
			d.etag = e
		}
	}
	return d.take(answer)
}

func (d *download) restart(err error) {
	if _, ok := errors.AsType[again](err); ok && strings.Contains(err.Error(), "less of it") {
		d.etag = ""
	}
}

func (d *download) take(answer *http.Response) error {
	typ, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if typ == "text/html" && !d.x.Page {
		return refused("a page came in place of the file: the server asks who one is, or the file is gone")
	}
	most := int64(mostFetched)
	if d.x.Size > 0 {
		most = d.x.Size
	}
	n, err := io.Copy(d.part, io.LimitReader(answer.Body, most-d.n+1))
	d.n += n
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e
	}
	switch {
	case err != nil:
		return again{why: fmt.Sprintf("the transfer broke off after %d bytes", d.n)}
	case d.n > most:
		return refused(fmt.Sprintf("more than the %d bytes came that the export says", most))
	case d.x.Size > 0 && d.n != d.x.Size:
		return refused(fmt.Sprintf("%d bytes came, and the export says %d", d.n, d.x.Size))
	}
	return d.look()
}

// look looks at the beginning of what came.
func (d *download) look() error {
	head := make([]byte, HeadSize)
	n, err := d.part.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	switch {
	case len(head) == 0 && d.x.Size == 0:
		return refused("nothing came")
	case d.x.Page && d.f.SignIn != nil && d.f.SignIn(head):
		return refused("the page that came asks who one is")
	case !d.x.Page && isPage(head) && d.f.SignIn != nil && d.f.SignIn(head):
		return refused("the page that came asks who one is")
	case d.x.Picture && !strings.HasPrefix(mediaType(head), "image/"):
		return refused("what came is no picture")
	}
	return nil
}

func isPage(head []byte) bool {
	return mediaType(bytes.TrimSpace(head)) == "text/html"
}
