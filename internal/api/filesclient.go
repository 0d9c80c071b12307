package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Upload sends a file that has size bytes, part by part, and returns it done.
func (c *Client) Upload(ctx context.Context, name string, r io.Reader, size int64) (u Upload, err error) {
	if err := c.Do(ctx, http.MethodPost, "uploads", NewUpload{name, size}, &u); err != nil {
		return u, err
	}
	for u.Offset < u.Size {
		if u, err = c.UploadPart(ctx, u, io.LimitReader(r, u.Part)); err != nil {
			return u, err
		}
	}
	return u, c.Do(ctx, http.MethodPost, "uploads/"+u.ID+"/finish", nil, &u)
}

// UploadPart sends bytes that go behind those that are there.
func (c *Client) UploadPart(ctx context.Context, u Upload, r io.Reader) (Upload, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, fmt.Sprintf("%s/api/v1/uploads/%s?offset=%d", c.URL, u.ID, u.Offset), io.NopCloser(r))
	if err != nil {
		return u, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return u, chat.Errorf(chat.Unavailable, "the server at %s does not answer: %w", c.URL, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode >= 300 {
		return u, refusal(resp)
	}
	return u, json.NewDecoder(resp.Body).Decode(&u)
}

// PostFiles posts a message with uploads that are done. With the same nonce it
// may be sent again.
func (c *Client) PostFiles(ctx context.Context, room, text, nonce string, files ...string) (m Message, err error) {
	return m, c.Do(ctx, http.MethodPost, "rooms/"+room+"/messages", NewMessage{Text: text, Nonce: nonce, Files: files}, &m)
}
