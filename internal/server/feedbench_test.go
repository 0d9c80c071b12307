package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	feedSockets = 1000
	feedPerRoom = 20
	feedRate    = 100 // posts a second
	feedTime    = 20 * time.Second
)

// enrolled makes somebody who is signed in, without the work of a password.
func (w *world) enrolled(name string) *api.Client {
	w.t.Helper()
	u := &chat.User{ID: chat.UserID(key("user", name)), Name: name, Mention: name, Role: chat.RoleMember}
	secret := "secret-of-" + name
	sum := sha256.Sum256([]byte(secret))
	hash := hex.EncodeToString(sum[:])
	now := chat.TimeOf(time.Now())
	w.put(u, &chat.Session{ID: chat.ID[chat.Session](chat.DeriveKey(0, "", chat.KindSession.String(), hash)), User: u.ID, Hash: hash, Created: now, Expires: now + 3600*second})
	w.users[name] = u
	jar, err := cookiejar.New(nil)
	w.must(err)
	at, err := url.Parse(w.url)
	w.must(err)
	jar.SetCookies(at, []*http.Cookie{{Name: "godwit", Value: secret}})
	return &api.Client{URL: w.url, HTTP: &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}}
}

// BenchmarkFeed measures from the moment that a client begins to post to that
// in which another has the message: 1,000 people listen, 20 in each room, and
// 100 messages a second are posted.
func BenchmarkFeed(b *testing.B) {
	w := sqlite(b)
	clients := make([]*api.Client, feedSockets)
	for i := range clients {
		clients[i] = w.enrolled(fmt.Sprintf("listener%d", i))
		b.Cleanup(clients[i].HTTP.CloseIdleConnections)
	}
	rooms := make([]*chat.Room, feedSockets/feedPerRoom)
	for r := range rooms {
		rooms[r] = &chat.Room{ID: chat.RoomID(key("feed room", strconv.Itoa(r))), Type: chat.RoomPrivate, Name: fmt.Sprint("Room ", r)}
		objects := []chat.Object{rooms[r]}
		for i := range feedPerRoom {
			objects = append(objects, &chat.Member{Room: rooms[r].ID, User: w.users[fmt.Sprintf("listener%d", r*feedPerRoom+i)].ID})
		}
		w.put(objects...)
	}
	s, err := clients[0].Start(b.Context())
	w.must(err)
	d := &delivery{all: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i, c := range clients {
		conn, _, err := w.dialTo(c, s.Cursor, rooms[i/feedPerRoom].ID.String())
		w.must(err)
		wg.Go(func() {
			for {
				_, data, err := conn.Read(ctx)
				if err != nil {
					return
				}
				d.heard(data, time.Now())
			}
		})
	}
	b.Cleanup(func() { cancel(); wg.Wait() })
	for b.Loop() {
		d.took, d.want, d.all = nil, 0, make(chan struct{})
		tick := time.NewTicker(time.Second / feedRate)
		var posts sync.WaitGroup
		n := 0
		for from := time.Now(); time.Since(from) < feedTime; n++ {
			<-tick.C
			who := (n * 37) % feedSockets
			posts.Go(func() {
				at := time.Now()
				text := fmt.Sprintf("Forty godwits on the north bank. =%d=", at.UnixNano())
				if _, err := clients[who].Post(ctx, rooms[who/feedPerRoom].ID.String(), text, fmt.Sprintf("feed-nonce-%d-%d", n, at.UnixNano())); err != nil {
					b.Error(err)
				}
			})
		}
		tick.Stop()
		posts.Wait()
		took, err := d.wait(ctx, n*feedPerRoom)
		w.must(err)
		report(b, "delivery", took)
		b.ReportMetric(float64(n)/feedTime.Seconds(), "posts/s")
		b.ReportMetric(float64(len(took))/feedTime.Seconds(), "deliveries/s")
	}
}

// delivery gathers how long messages took to each who heard them.
type delivery struct {
	mu   sync.Mutex
	took []time.Duration
	want int           // 0 while not all is posted
	all  chan struct{} // closed when all have come
}

// heard finds in a frame when its messages were begun to be posted.
func (d *delivery) heard(frame []byte, now time.Time) {
	parts := bytes.Split(frame, []byte("="))
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 1; i < len(parts); i += 2 {
		if n, err := strconv.ParseInt(string(parts[i]), 10, 64); err == nil {
			d.took = append(d.took, now.Sub(time.Unix(0, n)))
			d.look()
		}
	}
}

func (d *delivery) look() {
	if len(d.took) == d.want {
		close(d.all)
	}
}

// wait waits until all deliveries were made; those that are lost fail it.
func (d *delivery) wait(ctx context.Context, n int) ([]time.Duration, error) {
	d.mu.Lock()
	d.want = n
	d.look()
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	select {
	case <-d.all:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.took) != n {
		return d.took, fmt.Errorf("%d deliveries of %d", len(d.took), n)
	}
	return d.took, nil
}
