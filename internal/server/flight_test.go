package server_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/server"
)

// desk keeps a flight of which only the record is there.
type desk struct {
	mu     sync.Mutex
	flight server.Flight
}

// Flight returns it.
func (d *desk) Flight(context.Context) (server.Flight, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flight, nil
}

// Order keeps an order.
func (d *desk) Order(_ context.Context, move, who, word, args string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if move != d.flight.Move {
		return chat.Errorf(chat.NotFound, "this place is in no move %s", move)
	}
	d.flight.Orders = append([]api.FlightOrder{{N: int64(len(d.flight.Orders)) + 1, Who: who, Word: word, Args: args}}, d.flight.Orders...)
	return nil
}

func TestAMoveIsSeenAndDrivenFromThePlace(t *testing.T) {
	w := sqlite(t)
	d := &desk{flight: server.Flight{Move: "flight", State: chat.Open, Status: []byte(`{"stage":"follow"}`), Told: 5, Now: 6}}
	w.serve(server.Config{Desk: d})
	order := func(who string, in api.NewFlightOrder) error {
		return w.as(who).Do(t.Context(), "POST", "admin/flight/orders", in, nil)
	}
	w.must(order("admin", api.NewFlightOrder{Move: "flight", Word: "set", Args: "throttle=20ms"}))
	w.must(order("owner", api.NewFlightOrder{Move: "flight", Word: "cutover"}))
	var got api.Flight
	w.must(w.as("owner").Do(t.Context(), "GET", "admin/flight", nil, &got))
	text, err := json.Marshal(got.Status)
	w.must(err)
	if got.Move != "flight" || string(text) != `{"stage":"follow"}` || got.Told != 5 || len(got.Orders) != 2 || got.Orders[0].Word != "cutover" || got.Orders[1].Who != w.users["admin"].Name {
		t.Errorf("%+v", got)
	}
	list, _, err := w.service.AuditLog(t.Context(), chat.Operator(), "order", chat.ID[chat.Audit]{})
	w.must(err)
	if len(list) != 2 || list[0].Action != "order cutover" || list[1].Action != "order set throttle=20ms" || list[1].Actor != w.users["admin"].ID || list[0].Target != "flight" {
		t.Errorf("the audit log has %+v", list)
	}
	for _, c := range []struct {
		name, who string
		in        api.NewFlightOrder
		want      chat.ErrorKind
	}{
		{"a member orders nothing", "member", api.NewFlightOrder{Move: "flight", Word: "pause"}, chat.Denied},
		{"a word that is no order", "owner", api.NewFlightOrder{Move: "flight", Word: "destroy"}, chat.Invalid},
		{"a file of the mover's machine", "owner", api.NewFlightOrder{Move: "flight", Word: "cutover", Args: "when-gone /etc/passwd"}, chat.Invalid},
		{"a line in an order", "owner", api.NewFlightOrder{Move: "flight", Word: "set", Args: "throttle=off\nx"}, chat.Invalid},
		{"too much", "owner", api.NewFlightOrder{Move: "flight", Word: "set", Args: strings.Repeat("x", 1000)}, chat.Invalid},
		{"another move", "owner", api.NewFlightOrder{Move: "other", Word: "pause"}, chat.NotFound},
	} {
		if err := order(c.who, c.in); !chat.IsKind(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if len(d.flight.Orders) != 2 {
		t.Errorf("what was refused was ordered: %+v", d.flight.Orders)
	}
	t.Run("a status that is no JSON is none", func(t *testing.T) {
		d.mu.Lock()
		d.flight.Status = []byte("{")
		d.mu.Unlock()
		var got api.Flight
		w.must(w.as("owner").Do(t.Context(), "GET", "admin/flight", nil, &got))
		if got.Status != nil {
			t.Errorf("%+v", got)
		}
	})
}
