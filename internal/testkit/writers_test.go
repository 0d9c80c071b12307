package testkit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/markup"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// room is a chat of one room that can be made to do wrong.
type room struct {
	mu       sync.Mutex
	messages []api.Message
	nonces   map[string]api.Message
	refuse   int // so many posts are kept, and answered with an error
	heard    chan int
}

func (r *room) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if hr.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(api.History{Messages: r.messages})
		return
	}
	var in api.NewMessage
	_ = json.NewDecoder(hr.Body).Decode(&in)
	m, known := r.nonces[in.Nonce]
	if !known {
		m = api.Message{ID: fmt.Sprint(len(r.messages)), Tree: []markup.Node{{Type: "p", Children: []markup.Node{{Type: "text", Text: in.Text}}}}}
		r.messages, r.nonces[in.Nonce] = append(r.messages, m), m
	}
	if r.refuse > 0 {
		r.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(api.Error{Kind: "unavailable", Text: "not now"})
		return
	}
	_ = json.NewEncoder(w).Encode(m)
	select {
	case r.heard <- len(r.messages):
	default:
	}
}

func TestWritersNoticeWhatAServerDoesWrong(t *testing.T) {
	for _, test := range []struct {
		name, says string
		wrong      func(r *room)
	}{
		{"nothing is wrong", "", func(*room) {}},
		{"a message is lost", "is lost", func(r *room) { r.messages = slices.Delete(r.messages, 3, 4) }},
		{"a message is there twice", "is there 2 times", func(r *room) { r.messages = append(r.messages, r.messages[1]) }},
		{"two are swapped", "stands after message", func(r *room) {
			r.messages[0], r.messages[len(r.messages)-1] = r.messages[len(r.messages)-1], r.messages[0]
		}},
		{"one has another ID", "was acknowledged as", func(r *room) { r.messages[2].ID = "other" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &room{nonces: map[string]api.Message{}, refuse: 2, heard: make(chan int)}
			srv := httptest.NewServer(r)
			defer srv.Close()
			w := &testkit.Writers{Clients: []*api.Client{api.NewClient(srv.URL)}, Rooms: []string{"r"}, Every: 1}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { w.Run(ctx); close(ended) }()
			for n := range r.heard {
				if n >= 10 {
					break
				}
			}
			stop()
			<-ended
			if w.Acked() < 9 || w.Failed()["unavailable"] != 2 {
				t.Fatalf("%d were acknowledged, and these failed: %v", w.Acked(), w.Failed())
			}
			test.wrong(r)
			wrong, err := w.Check(t.Context(), api.NewClient(srv.URL))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(wrong, "\n"); test.says == "" && got != "" || !strings.Contains(got, test.says) {
				t.Errorf("it says %q", got)
			}
		})
	}
}
