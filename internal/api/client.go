package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Client is a person at a server. Every call may be made from several
// goroutines. Errors are of the kind that the server gave.
type Client struct {
	URL  string // of the server, without a path
	HTTP *http.Client
}

// NewClient makes a client that nobody is signed in with yet.
func NewClient(address string) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options that could be wrong
	}
	return &Client{URL: address, HTTP: &http.Client{Jar: jar}}
}

// Do sends in as JSON, if it is not nil, and decodes the answer into out, if
// that is not nil. Path is below /api/v1/.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/api/v1/"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return chat.Errorf(chat.Unavailable, "the server at %s does not answer: %w", c.URL, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode >= 300 {
		return refusal(resp)
	}
	if out == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// refusal makes an error of an answer that is not 2xx.
func refusal(resp *http.Response) error {
	var e Error
	if json.NewDecoder(resp.Body).Decode(&e) != nil || e.Text == "" {
		return chat.Errorf(chat.Internal, "the server answers %s", resp.Status)
	}
	for k := chat.Internal; k <= chat.Full; k++ {
		if k.String() == e.Kind {
			return &chat.Error{Kind: k, Text: e.Text, Hint: e.Hint}
		}
	}
	return &chat.Error{Kind: chat.Internal, Text: e.Text, Hint: e.Hint}
}

// SignIn signs in by e-mail address or mention name.
func (c *Client) SignIn(ctx context.Context, login, password string) (me Me, err error) {
	return me, c.Do(ctx, http.MethodPost, "session", SignIn{Login: login, Password: password}, &me)
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error {
	return c.Do(ctx, http.MethodDelete, "session", nil, nil)
}

// UseLink sets the password that a link is for, and signs in.
func (c *Client) UseLink(ctx context.Context, secret, password string) (me Me, err error) {
	return me, c.Do(ctx, http.MethodPost, "links/"+url.PathEscape(secret), NewPassword{password}, &me)
}

// Start fetches what a client needs first.
func (c *Client) Start(ctx context.Context) (s Start, err error) {
	return s, c.Do(ctx, http.MethodGet, "start", nil, &s)
}

// Rooms fetches a page of the directory.
func (c *Client) Rooms(ctx context.Context, words string, archived bool, after string) (r Rooms, err error) {
	q := url.Values{"q": {words}, "after": {after}}
	if archived {
		q.Set("archived", "1")
	}
	return r, c.Do(ctx, http.MethodGet, "rooms?"+q.Encode(), nil, &r)
}

// Room fetches all that is known of a room.
func (c *Client) Room(ctx context.Context, id string) (r Room, err error) {
	return r, c.Do(ctx, http.MethodGet, "rooms/"+id, nil, &r)
}

// History fetches a page of a room. Where is a query as in before=CURSOR, or
// "" for the newest messages.
func (c *Client) History(ctx context.Context, room, where string, limit int) (h History, err error) {
	return h, c.Do(ctx, http.MethodGet, fmt.Sprintf("rooms/%s/messages?limit=%d&%s", room, limit, where), nil, &h)
}

// Walk calls fn with every page of a room, from the newest to the oldest.
func (c *Client) Walk(ctx context.Context, room string, fn func(History) error) error {
	for where := ""; ; {
		h, err := c.History(ctx, room, where, 200)
		if err == nil {
			err = fn(h)
		}
		if err != nil || h.Older == "" {
			return err
		}
		where = "before=" + h.Older
	}
}

// Post posts a message. With the same nonce it may be sent again.
func (c *Client) Post(ctx context.Context, room, text, nonce string) (m Message, err error) {
	return m, c.Do(ctx, http.MethodPost, "rooms/"+room+"/messages", NewMessage{Text: text, Nonce: nonce}, &m)
}

// Search fetches a page of what is found, from older on ("" at first).
func (c *Client) Search(ctx context.Context, query, older string) (f Found, err error) {
	return f, c.Do(ctx, http.MethodGet, "search?"+url.Values{"q": {query}, "older": {older}}.Encode(), nil, &f)
}

// Overview fetches the administrators' overview.
func (c *Client) Overview(ctx context.Context) (o Overview, err error) {
	return o, c.Do(ctx, http.MethodGet, "admin/overview", nil, &o)
}

// Reply posts an answer to a message, and, if shown, to the room too.
func (c *Client) Reply(ctx context.Context, room, to, text, nonce string, shown bool) (m Message, err error) {
	return m, c.Do(ctx, http.MethodPost, "rooms/"+room+"/messages", NewMessage{Text: text, Nonce: nonce, Thread: to, Shown: shown}, &m)
}

// Edit gives a message of one's own another text.
func (c *Client) Edit(ctx context.Context, message, text string) (m Message, err error) {
	return m, c.Do(ctx, http.MethodPatch, "messages/"+message, Edit{text}, &m)
}

// Delete deletes a message, and returns what is left of it.
func (c *Client) Delete(ctx context.Context, message string) (m Message, err error) {
	return m, c.Do(ctx, http.MethodDelete, "messages/"+message, nil, &m)
}

// React puts an emoji on a message, or takes it off.
func (c *Client) React(ctx context.Context, message, emoji string, on bool) (m Message, err error) {
	return m, c.Do(ctx, http.MethodPost, "messages/"+message+"/reactions", React{emoji, on}, &m)
}

// Thread fetches a page of the replies to a message. Where is as in History.
func (c *Client) Thread(ctx context.Context, message, where string, limit int) (t Thread, err error) {
	return t, c.Do(ctx, http.MethodGet, fmt.Sprintf("messages/%s/thread?limit=%d&%s", message, limit, where), nil, &t)
}

// Threads fetches a page of the threads that one follows.
func (c *Client) Threads(ctx context.Context, skip int) (t Threads, err error) {
	return t, c.Do(ctx, http.MethodGet, "threads?skip="+strconv.Itoa(skip), nil, &t)
}
